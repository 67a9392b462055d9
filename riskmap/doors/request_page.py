"""One request: its way so far, and one form for each step its reader may take now."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus

from starlette.responses import Response

from riskmap.council import assisted as council_assisted
from riskmap.council import casework, duplicates
from riskmap.council.casework import Neighbour, RequestView
from riskmap.council.clocks import Deadline
from riskmap.council.request import (
    NEEDS,
    SELDOM,
    WORDING,
    Action,
    CouncilRequest,
    FieldKind,
    RequestKind,
    Step,
    civil_day,
)
from riskmap.doors import (
    alike,
    assisted,
    carrying,
    desk,
    discussion_view,
    form_fields,
    form_files,
    place_view,
    request_files,
    sending,
)
from riskmap.doors.form_fields import NOTHING_TYPED, FormField, Typed
from riskmap.doors.refusals import UnknownPage
from riskmap.doors.request_form import key_of
from riskmap.doors.visit import Visit
from riskmap.errors import ChangedMeanwhile, StepNotPossible, UnfitFields
from riskmap.photos import picture, scan
from riskmap.photos.rules import MOST, Of
from riskmap.release import Release
from riskmap.signals import desk as signal_desk
from riskmap.signals.limits import Press

EARLIER, OTHER_REQUEST = "earlier_request", "other_request"
ANOTHER = "other"
"""Value of the radio that says: the number I write myself."""
SUPPORT = "support"
MOST_DIGITS = 9


@dataclass(frozen=True, slots=True, kw_only=True)
class StepForm:
    """The form of one step. ``is_open`` unfolds it; ``neighbours`` are choices of an earlier request."""

    action: str
    fields: list[FormField]
    is_open: bool
    neighbours: list[Neighbour]
    other: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the history. ``fields`` are label, text and whether everyone may read it."""

    step: str
    on: date
    role: str | None
    fields: list[tuple[str, str, bool]]


def show(visit: Visit) -> Response:
    """The request as this visitor may see it."""
    release = visit.release
    view = casework.view(visit.office, visit.actor, release.territory, visit.number)
    return _page(visit, release, view, done=_done(visit, view))


def back(visit: Visit) -> Response:
    """An address of a step, opened without sending anything, leads to the request."""
    return visit.go(f"/casework/{visit.release.territory}/{visit.number}")


def support(visit: Visit) -> Response:
    """Support somebody else's request."""
    release, number = visit.release, visit.number
    gate, about = visit.doors.gate, f"{release.territory}-{number}"
    gate.press(Press.SUPPORT, visit.actor.account_id, visit.address, about, at=visit.at)
    is_counted, is_kept = gate.weigh_support(visit.address, about, at=visit.at), False
    try:
        is_kept = casework.support(
            visit.office, visit.actor, release.territory, number, at=visit.at, is_counted=is_counted
        )
    except StepNotPossible:
        return moved_on(visit, release, sentence=visit.text("casework.support.closed"))
    finally:
        if is_counted and not is_kept:
            gate.give_back(visit.address, about)
    return visit.go(f"/casework/{release.territory}/{number}", done=SUPPORT)


def move(visit: Visit) -> Response:
    """Take one step; if the request has moved meanwhile, say so and keep what was written."""
    release, number, form = visit.release, visit.number, visit.form
    if visit.asked["action"] not in set(Action):
        raise UnknownPage("The address names no step of a request. Open the request and choose a step there.")
    action = Action(visit.asked["action"])
    given = _given(action, form)
    if action is Action.DISPUTE:
        about = f"{release.territory}-{number} {form.get('key')}"
        visit.doors.gate.press(Press.DISPUTE, visit.actor.account_id, visit.address, about, at=visit.at)
    try:
        _weigh_files(visit, action)
        casework.move(
            visit.office,
            visit.actor,
            release.territory,
            number,
            action=action,
            given=given,
            version=_version(form),
            key=key_of(form.get("key")),
            at=visit.at,
            files=visit.files,
        )
    except UnfitFields as error:
        view = casework.view(visit.office, visit.actor, release.territory, number)
        return _page(visit, release, view, tried=action, typed=Typed(values={**form, **given}, faults=error.faults))
    except ChangedMeanwhile:
        return moved_on(visit, release, sentence=visit.text("error.changed_meanwhile"))
    except StepNotPossible:
        return moved_on(visit, release, sentence=visit.text("error.step_not_possible"))
    return visit.go(f"/casework/{release.territory}/{number}", done=action.value)


def with_discussion(visit: Visit, *, typed: Typed, tried: str = "") -> Response:
    """The request with what came in for its discussion, and what is wrong with it."""
    release = visit.release
    view = casework.view(visit.office, visit.actor, release.territory, visit.number)
    return _page(
        visit, release, view, talk=discussion_view.part(visit, release, visit.number, typed=typed, tried=tried)
    )


def _weigh_files(visit: Visit, action: Action) -> None:
    name = scan.FIELD if action in scan.STEPS else picture.FIELD
    form_files.require_whole(visit, name)
    if visit.files:
        visit.doors.gate.unpack(visit.address, at=visit.at, account_id=visit.actor.account_id)


def _given(action: Action, form: Mapping[str, str]) -> dict[str, str]:
    given = {needed.name: form.get(needed.name, "") for needed in NEEDS[action]}
    if given.get(EARLIER) in ("", ANOTHER):
        given[EARLIER] = form.get(OTHER_REQUEST, "")
    return given


def _version(form: Mapping[str, str]) -> int:
    text = form.get("version", "")
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS else 0


def _done(visit: Visit, view: RequestView) -> str:
    """What the visitor has just done, if the address says so and the request agrees."""
    done = visit.query.get("done", "")
    is_so = view.has_supported if done == SUPPORT else done == view.request.steps[-1].action
    if not is_so:
        return ""
    return visit.text(f"casework.done.{done}", number=str(view.request.number))


def moved_on(visit: Visit, release: Release, *, sentence: str) -> Response:
    """The request as it stands now, with a word on what happened and everything that was written."""
    view = casework.view(visit.office, visit.actor, release.territory, visit.number)
    carried = carrying.of_visit(visit)
    written = form_files.and_files(visit, carried.written(visit.words) if carried else [])
    return _page(visit, release, view, problem=sentence, written=written)


def _page(
    visit: Visit,
    release: Release,
    view: RequestView,
    *,
    done: str = "",
    problem: str = "",
    written: list[tuple[str, str]] | None = None,
    tried: Action | None = None,
    typed: Typed = NOTHING_TYPED,
    talk: discussion_view.Part | None = None,
) -> Response:
    request = view.request
    is_unfit = bool(typed.faults) or talk is not None
    status = HTTPStatus.CONFLICT if problem else HTTPStatus.UNPROCESSABLE_ENTITY if is_unfit else HTTPStatus.OK
    talk = talk or discussion_view.part(visit, release, request.number)
    forms = [
        _step_form(visit, view, action, typed if action is tried else NOTHING_TYPED, is_tried=action is tried)
        for action in view.actions
    ]
    return visit.show(
        "casework_request.html",
        alike=alike.rows(visit, duplicates.of_request(visit.office, visit.actor, release.territory, request.number)),
        letters=sending.letters(visit, request),
        has_receipt=council_assisted.has_receipt(visit.actor, request),
        photos=request_files.of_request(visit, request) if view.is_full else [],
        scans=request_files.scans(visit, request),
        marks=signal_desk.behind(visit.signal_office, visit.actor, view.request),
        title=visit.text("casework.request.title", number=str(request.number)),
        status=status,
        release=release,
        path=f"/casework/{release.territory}/{request.number}",
        number=request.number,
        kind=request.kind.value,
        state=request.state.value,
        place=place_view.of_place(visit, release, request.place, number=request.number),
        age_days=desk.age_days(visit, request.submitted_at),
        wording_shown=request.wording,
        asked_by=_asked_by(visit, request),
        grounds=request.grounds if view.is_full else None,
        landmark=request.landmark if view.is_full else None,
        lines=[_line(visit, step, is_full=view.is_full) for step in request.steps],
        view=view,
        deadline=_deadline(visit, view.deadline),
        forms=forms,
        keys={one.value: key_of(typed.values.get("key") if one is tried else None) for one in view.actions},
        version=request.version,
        done=done,
        problem=problem,
        written=written or [],
        faults=[fault for form in forms for fault in form_fields.summary(form.fields)]
        + form_fields.summary([talk.field]),
        talk=talk,
        tried=tried.value if tried else "",
    )


def _deadline(visit: Visit, deadline: Deadline | None) -> list[str]:
    """Which date counts now, whose it is and what the law asks besides, in sentences."""
    if deadline is None:
        return []
    words, today = visit.words, civil_day(visit.at)
    told = [words.text(f"council.clock.{deadline.clock}.until", date=deadline.due_on)]
    if deadline.days_late(today):
        told.append(words.text("council.late.days", n=deadline.days_late(today)))
    if deadline.body is not None:
        told.append(words.text("council.late.body", body=deadline.body))
    if deadline.legal is not None and deadline.body is None:
        told.append(words.text("casework.redirect_by", date=deadline.legal.redirect_by))
    if deadline.legal is not None and deadline.legal.notice_by is not None:
        key = "council.late.notice_late" if deadline.legal.is_notice_late else "council.late.notice_in_time"
        told.append(words.text(key))
    return told


def _asked_by(visit: Visit, request: CouncilRequest) -> str:
    if request.requester == visit.actor.account_id:
        return visit.text("casework.asked_by.you")
    if request.made_of_marks:
        return visit.text("casework.asked_by.marks", n=request.made_of_marks)
    if request.requester is None:
        return assisted.how_it_came(visit, request)
    return visit.text("casework.asked_by.resident")


def _line(visit: Visit, step: Step, *, is_full: bool) -> Line:
    shown = [
        needed
        for needed in NEEDS[step.action]
        # The published words stand above the history already.
        if needed.name in step.fields and needed.name != WORDING.name and (is_full or needed.is_public)
    ]
    return Line(
        step=step.action.value,
        on=civil_day(step.at),
        role=visit.text(f"account.role.{step.role}") if is_full else None,
        fields=[
            (
                visit.text(f"council.field.{needed.name}"),
                _as_read(visit, needed.kind, step.fields[needed.name]),
                needed.is_public,
            )
            for needed in shown
        ],
    )


def _as_read(visit: Visit, kind: FieldKind, text: str) -> str:
    if kind is FieldKind.DAY:
        return visit.words.date(date.fromisoformat(text))
    if kind is FieldKind.CHOICE:
        return visit.text(f"council.choice.{text}")
    return f"№ {text}" if kind is FieldKind.NUMBER else text


def _step_form(visit: Visit, view: RequestView, action: Action, typed: Typed, *, is_tried: bool) -> StepForm:
    request = view.request
    today = civil_day(visit.at).isoformat()
    defaults = {"wording": request.grounds if view.is_full else "", "document_day": today, "done_day": today}
    if action in (Action.SEND, Action.FORWARD):
        proposed = sending.proposed_body(visit, request, visit.words.language)
        defaults |= {"body": proposed, "competent_body": proposed}
    helps = {
        name: visit.text(f"casework.help.{name}")
        for name in (
            "wording",
            "expectation",
            "body",
            "competent_body",
            "dispute_reason",
            "earlier_request",
            "appeal_number",
            "appeal_day",
            "extended_day",
            "notice_day",
            "own_day",
            "legal_grounds",
        )
    }
    neighbours, other = [], typed.values.get(OTHER_REQUEST, "")
    if action is Action.MERGE:
        found = casework.nearby(visit.office, visit.actor, request.place)
        neighbours = [
            one for one in found if one.number < request.number and one.kind in (request.kind, RequestKind.OTHER)
        ]
        asked = visit.query.get(alike.MERGE, "")
        if _version({"version": asked}):
            # With nothing to choose from the form has one line for the number.
            is_plain = not neighbours or asked in {str(one.number) for one in neighbours}
            defaults[EARLIER], other = (asked, other) if is_plain else (ANOTHER, other or asked)
            is_tried = True
    fields = form_fields.fields_of_step(action, visit.words, typed, defaults=defaults, helps=helps)
    if action is Action.DISPUTE:
        fields.append(form_files.photo_field(visit, typed, form_id=action.value, most=MOST[Of.DISPUTE]))
    elif action in scan.STEPS:
        fields.append(form_files.scan_field(visit, typed, form_id=action.value))
    return StepForm(
        action=action.value,
        fields=fields,
        is_open=is_tried or [one for one in view.actions if one not in SELDOM] == [action],
        neighbours=neighbours,
        other=other,
    )
