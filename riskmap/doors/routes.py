"""Routes for people who sign in, and the one gate in front of all of them.

In app.py::

    routes=[*doors.routes(settings, lambda: assembly.open_store(settings)), *api.routes(...), ...]

Every form is checked three times: the browser must not say that another site sent it, the session must be alive, and
the form must carry that session's token. What a person may do is asked by the use cases.
"""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime

from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from riskmap.doors import (
    account_page,
    answers,
    assisted,
    desk,
    discussion,
    form_body,
    looks,
    mark,
    marks_desk,
    meeting_desk,
    note_desk,
    photos_desk,
    provider_door,
    release_desk,
    request_files,
    request_form,
    request_page,
    review,
    review_answers,
    review_of_place,
    sending,
    session_door,
    silent_desk,
    steward,
    visit,
)
from riskmap.doors.form_body import Body
from riskmap.doors.refusals import CrossSite, ForeignForm, UnknownPage
from riskmap.doors.visit import Doors, Visit
from riskmap.errors import RiskMapError, SessionEnded, StoreBusy
from riskmap.identity import sessions
from riskmap.photos.picture import MOST_BYTES
from riskmap.photos.rules import MOST, Of
from riskmap.ports import Store
from riskmap.provider_settings import CALLBACK
from riskmap.settings import Settings

Handler = Callable[[Visit], Response]
CLIENT_GONE = 499


def routes(
    settings: Settings, open_store: Callable[[], Store], *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> list[Route]:
    """Sign-in and the council's workspace. The store is opened when the first page needs it, once."""
    doors = Doors(settings, open_store, now)
    place, request = "/casework/{territory}", "/casework/{territory}/{number}"
    return [
        _page(doors, "/sign-in", session_door.ask, is_open=True),
        _form(doors, "/sign-in", session_door.sign_in, is_open=True, most_bytes=form_body.SIGN_IN_BYTES),
        _page(doors, "/sign-in/code", session_door.back, is_open=True),
        _form(doors, "/sign-in/code", session_door.send_code, is_open=True, most_bytes=form_body.SIGN_IN_BYTES),
        _form(doors, "/sign-in/resume", session_door.resume, is_open=True, most_bytes=form_body.SIGN_IN_BYTES),
        _page(doors, "/sign-in/provider", provider_door.begin, is_open=True),
        _page(doors, CALLBACK, provider_door.come_back, is_open=True),
        _form(doors, "/sign-out", session_door.sign_out),
        _page(doors, "/casework", desk.choose),
        _page(doors, place, desk.show),
        _page(doors, f"{place}/new", request_form.show),
        _form(doors, f"{place}/new", request_form.send, photos=MOST[Of.REQUEST]),
        _page(doors, f"{place}/meetings", meeting_desk.show),
        _form(doors, f"{place}/meetings", meeting_desk.call),
        _page(doors, f"{place}/meetings/{{number}}", meeting_desk.view),
        _page(doors, f"{place}/meetings/{{number}}/{{deed}}", meeting_desk.back),
        _form(doors, f"{place}/meetings/{{number}}/{{deed}}", meeting_desk.move),
        _page(doors, f"{place}/bodies", sending.show),
        _page(doors, f"{place}/bodies.xlsx", sending.download),
        _page(doors, f"{place}/note", note_desk.show),
        _form(doors, f"{place}/note", note_desk.send),
        _page(doors, f"{place}/silent", silent_desk.show),
        _page(doors, request, request_page.show),
        _page(doors, f"{request}/letter", sending.take),
        _page(doors, f"{request}/receipt", assisted.show),
        _page(doors, f"{request}/comments", discussion.back),
        _form(doors, f"{request}/comments", discussion.say),
        _page(doors, f"{request}/comments/{{comment}}/{{deed}}", discussion.back),
        _form(doors, f"{request}/comments/{{comment}}/{{deed}}", discussion.decide),
        _form(doors, f"{request}/support", request_page.support),
        _page(doors, f"{request}/answers/{{position}}", request_files.take_scan),
        _page(doors, f"{request}/{{action}}", request_page.back),
        _form(doors, f"{request}/{{action}}", request_page.move, photos=1),
        _page(doors, "/casework/{rest:path}", _no_page),
        _form(doors, "/casework/{rest:path}", _no_page),
        *_of_own_account(doors),
        *_of_stewards(doors),
        *_of_reviewers(doors),
        *_of_reviews_of_places(doors),
        *_of_marks(doors),
        *_of_photos(doors),
    ]


def _of_own_account(doors: Doors) -> list[Route]:
    home = account_page.HOME
    return [
        _page(doors, home, account_page.show),
        _form(doors, f"{home}/{account_page.PASSWORD}", account_page.change_password),
        _form(doors, f"{home}/{account_page.BEGIN}", account_page.begin_codes),
        _form(doors, f"{home}/{account_page.CONFIRM}", account_page.confirm_codes),
        _form(doors, f"{home}/{account_page.OFF}", account_page.stop_codes),
        _page(doors, f"{home}/{{rest:path}}", account_page.back),
    ]


def _of_stewards(doors: Doors) -> list[Route]:
    place, delivery = "/steward/{territory}", "/steward/{territory}/{delivery}"
    return [
        _page(doors, "/steward", steward.choose),
        _page(doors, place, steward.show),
        _page(doors, delivery, steward.delivery),
        _page(doors, f"{delivery}/rows", steward.rows),
        _page(doors, f"{delivery}/table.csv", steward.download),
        _page(doors, f"{delivery}/replay", steward.back),
        _form(doors, f"{delivery}/replay", steward.replay, takes_file=True),
        _page(doors, f"{delivery}/dismiss", steward.ask_to_dismiss),
        _form(doors, f"{delivery}/dismiss", steward.dismiss),
        _page(doors, "/steward/{rest:path}", _no_page),
        _form(doors, "/steward/{rest:path}", _no_page),
    ]


def _of_reviewers(doors: Doors) -> list[Route]:
    place = "/review/{territory}"
    desk = "/release-desk/{territory}"
    return [
        _page(doors, "/release-desk", release_desk.choose),
        _page(doors, desk, release_desk.show),
        _form(doors, f"{desk}/approve", release_desk.approve),
        _form(doors, f"{desk}/send-back", release_desk.send_back),
        _page(doors, "/release-desk/{rest:path}", _no_page),
        _form(doors, "/release-desk/{rest:path}", _no_page),
        _page(doors, "/review", review.choose),
        _page(doors, place, review.show),
        _page(doors, f"{place}/hotspots.{{form}}", review.download),
        _page(doors, f"{place}/map/{{district}}/{{group}}/{{days}}/{{file}}", review.map_file),
        _page(doors, "/review/{rest:path}", _no_page),
        _form(doors, "/review/{rest:path}", _no_page),
    ]


def _of_reviews_of_places(doors: Doors) -> list[Route]:
    """Asking is open to everybody; answering is for the named role."""
    ask, answer = "/review-of-place/{territory}", "/place-reviews/{territory}"
    return [
        _page(doors, ask, review_of_place.choose, is_open=True),
        _form(doors, ask, review_of_place.look_up, is_open=True),
        _page(doors, f"{ask}/{{place}}", review_of_place.show, is_open=True),
        _form(doors, f"{ask}/{{place}}", review_of_place.send, is_open=True),
        _page(doors, "/place-reviews", review_answers.choose),
        _page(doors, answer, review_answers.show),
        _page(doors, f"{answer}/{{number}}", review_answers.review),
        _form(doors, f"{answer}/{{number}}", review_answers.answer),
        _page(doors, "/place-reviews/{rest:path}", _no_page),
        _form(doors, "/place-reviews/{rest:path}", _no_page),
    ]


def _of_marks(doors: Doors) -> list[Route]:
    """Marking is open to everybody; dealing with marks is for the council's secretary."""
    place, heap = "/mark/{territory}/{place}", "/marks/{territory}/{category}/{place}"
    return [
        _page(doors, mark.HOME, mark.choose, is_open=True),
        _page(doors, mark.RECEIPT, mark.ask_receipt, is_open=True),
        _form(doors, mark.RECEIPT, mark.look_up, is_open=True),
        _page(doors, "/mark/{territory}", mark.place, is_open=True),
        _page(doors, place, mark.show, is_open=True),
        _form(doors, place, mark.send, is_open=True, photos=MOST[Of.MARK]),
        _page(doors, marks_desk.HOME, marks_desk.choose),
        _page(doors, "/marks/{territory}", marks_desk.show),
        _page(doors, heap, marks_desk.heap),
        _form(doors, f"{heap}/into", marks_desk.into_request),
        _form(doors, f"{heap}/join", marks_desk.join),
        _form(doors, f"{heap}/refuse", marks_desk.refuse),
        _page(doors, "/marks/{rest:path}", _no_page),
        _form(doors, "/marks/{rest:path}", _no_page),
    ]


def _of_photos(doors: Doors) -> list[Route]:
    """Photos wait here until the council's secretary has looked at them."""
    place, photo = "/photos/{territory}", "/photos/{territory}/{number}"
    return [
        _page(doors, photos_desk.HOME, photos_desk.choose),
        _page(doors, place, photos_desk.show),
        _page(doors, photo, photos_desk.photo),
        _page(doors, f"{photo}/picture", photos_desk.picture),
        _page(doors, f"{photo}/{{deed}}", photos_desk.back),
        _form(doors, f"{photo}/show", photos_desk.let_show),
        _form(doors, f"{photo}/reject", photos_desk.reject),
        _page(doors, "/photos/{rest:path}", _no_page),
        _form(doors, "/photos/{rest:path}", _no_page),
    ]


def _page(doors: Doors, path: str, handler: Handler, *, is_open: bool = False) -> Route:
    return Route(path, _endpoint(doors, path, handler, is_open=is_open), methods=["GET"])


def _form(
    doors: Doors,
    path: str,
    handler: Handler,
    *,
    is_open: bool = False,
    takes_file: bool = False,
    photos: int = 0,
    most_bytes: int = form_body.MOST_BYTES,
) -> Route:
    endpoint = _endpoint(
        doors, path, handler, is_open=is_open, takes_file=takes_file, photos=photos, most_bytes=most_bytes
    )
    return Route(path, endpoint, methods=["POST"])


def _endpoint(
    doors: Doors,
    path: str,
    handler: Handler,
    *,
    is_open: bool,
    takes_file: bool = False,
    photos: int = 0,
    most_bytes: int = 0,
) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        fault: Exception | None = None
        body = Body()
        try:
            may_bring = is_open or ((takes_file or photos) and await run_in_threadpool(_is_somebody, doors, request))
            if takes_file and may_bring:
                body = await form_body.read_with_file(request)
            elif photos:
                room = photos * MOST_BYTES if may_bring else 0
                body = await form_body.read_with_photos(request, most_bytes=form_body.MOST_BYTES + room)
            elif request.method == "POST":
                body = Body(fields=await form_body.read(request, most_bytes=most_bytes))
        except ClientDisconnect:
            return Response(status_code=CLIENT_GONE)
        except RiskMapError as error:
            fault = error
        # Passwords and SQLite take their time; meanwhile the loop serves others.
        at_the_gate = visit.begin(request, doors, body)
        return await run_in_threadpool(_answer, at_the_gate, path, handler, request, fault, is_open=is_open)

    return endpoint


def _is_somebody(doors: Doors, request: Request) -> bool:
    """Whether a form comes from somebody signed in: of nobody else so much is listened to as a file holds."""
    try:
        doors.who(request.cookies.get(visit.COOKIE), at=doors.now())
    except RiskMapError:
        return False
    return True


def _answer(
    at_the_gate: Visit, path: str, handler: Handler, request: Request, fault: Exception | None, *, is_open: bool
) -> Response:
    try:
        if at_the_gate.is_sending and visit.is_from_here(request.headers) is False:
            raise CrossSite("Another site sent this form; expected a page of ours. Fill in the form on the page.")
        if is_open:
            return _handled(at_the_gate, handler, fault)
        at_the_gate = _known(at_the_gate)
        if at_the_gate.is_sending and fault is None:
            _require_own_form(at_the_gate)
        answer = _handled(at_the_gate, handler, fault)
        looks.note(at_the_gate, path, answer.status_code)
        return answer
    except SessionEnded:
        return session_door.ask_again(at_the_gate)
    except Exception as error:  # The last door: whatever happened, a person reads a sentence.
        return answers.refusal(at_the_gate, error)


def _handled(asking: Visit, handler: Handler, fault: Exception | None) -> Response:
    if fault is not None:
        raise fault
    return handler(asking)


def _known(asking: Visit) -> Visit:
    """The visit with whoever is signed in, in the language they chose."""
    store = asking.doors.store
    signed_in = asking.doors.who(asking.token, at=asking.at)
    chosen = visit.asked_language(asking.query, asking.form)
    if chosen is not None and chosen != signed_in.language:
        with suppress(StoreBusy):
            sessions.keep_language(store, asking.token, chosen)
        signed_in = replace(signed_in, language=chosen)
    return asking.with_session(signed_in)


def _require_own_form(asking: Visit) -> None:
    if not sessions.is_form_token(asking.token or "", asking.form.get("form_token")):
        raise ForeignForm("The form carries no token of this session; expected one. Send it again from the page.")


def _no_page(asking: Visit) -> Response:
    raise UnknownPage("There is no such page for those signed in. Begin at the list of requests.")
