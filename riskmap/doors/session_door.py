"""Signing in and out. A form that came too late travels along and can be sent afterwards."""

import re
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from riskmap import installation_key
from riskmap.doors import carrying, form_files
from riskmap.doors.carrying import Carried
from riskmap.doors.visit import COOKIE, Visit
from riskmap.errors import CodeNeeded, SessionEnded, SignInRefused
from riskmap.identity import sessions
from riskmap.public import page

HOME = "/council"
RETURN = re.compile(
    r"/(?:account|casework|council|marks|photos|place-reviews|release-desk|review|steward)(?:/[A-Za-z0-9_-]{1,40}){0,3}(?:\?[A-Za-z0-9_=&.%-]{0,200})?"
)
"""Pages to come back to: ours, written plainly. Everything else leads to `HOME`."""
TEMPLATE = "sign_in.html"


def safe_return(text: str | None) -> str:
    """The page to show after signing in: the one asked for if it is one of ours, else the council's.

    Examples
    --------
    >>> safe_return("/casework/ulgiqala?show=open"), safe_return("//elsewhere.example/casework")
    ('/casework/ulgiqala?show=open', '/council')
    """
    return text if text and RETURN.fullmatch(text) else HOME


def ask(visit: Visit) -> Response:
    """The sign-in page; whoever is signed in already is sent on."""
    wanted = safe_return(visit.query.get("return"))
    try:
        visit.doors.who(visit.token, at=visit.at)
    except SessionEnded:
        return _page(visit, wanted=wanted)
    return _on_to(visit, wanted)


def sign_in(visit: Visit) -> Response:
    """Check login and password; start a session, or show the same page with the same sentence."""
    wanted, carried = safe_return(visit.form.get("return")), carrying.through_sign_in(visit)
    login, language = visit.form.get("login", ""), visit.words.language
    store = visit.doors.store
    try:
        token = sessions.sign_in(store, login, visit.form.get("password", ""), language=language, at=visit.at)
    except SignInRefused:
        told = visit.text("account.refused")
        return _page(visit, wanted=wanted, carried=carried, login=login, fault=told, status=HTTPStatus.UNAUTHORIZED)
    except CodeNeeded as asked:
        return _ask_code(visit, asked.waiting, wanted=wanted, carried=carried)
    return _begin(visit, token, wanted=wanted, carried=carried)


def send_code(visit: Visit) -> Response:
    """The code of a sign-in that waits for it; too late, the sign-in begins anew."""
    wanted, carried = safe_return(visit.form.get("return")), carrying.through_sign_in(visit)
    waiting, code = visit.form.get("waiting", ""), visit.form.get("code", "")
    key = installation_key.load(visit.doors.settings.data)
    try:
        token = sessions.sign_in_with_code(
            visit.doors.store, key, waiting, code, language=visit.words.language, at=visit.at
        )
    except SignInRefused:
        return _ask_code(visit, waiting, wanted=wanted, carried=carried, fault=visit.text("account.code.refused"))
    except SessionEnded:
        told = visit.text("account.code.too_late")
        return _page(visit, wanted=wanted, carried=carried, fault=told, status=HTTPStatus.UNAUTHORIZED)
    return _begin(visit, token, wanted=wanted, carried=carried)


def back(visit: Visit) -> Response:
    """The address of the code, opened without a sign-in that waits, leads to the sign-in page."""
    return visit.go("/sign-in")


def hand_over(visit: Visit, response: Response, token: str) -> None:
    """Give the browser the token of its session."""
    response.set_cookie(COOKIE, token, **_cookie_manners(visit))


def tell(visit: Visit, sentence: str, *, wanted: str, status: HTTPStatus) -> Response:
    """The sign-in page under a sentence: what somebody meets whom the provider did not bring in."""
    return _page(visit, wanted=safe_return(wanted), notice=sentence, status=status)


def let_in(visit: Visit, token: str, *, wanted: str) -> Response:
    """Hand over a session that has begun, ending the one before it, and send the browser on."""
    sessions.sign_out(visit.doors.store, visit.token, at=visit.at)
    response = _on_to(visit, safe_return(wanted))
    hand_over(visit, response, token)
    return response


def resume(visit: Visit) -> Response:
    """Go on with a form that came too late, once its sender has signed in beside it in another tab."""
    carried = carrying.through_sign_in(visit)
    if carried is None:
        return visit.go(HOME)
    try:
        return _send_now(visit, visit.token or "", carried)
    except SessionEnded:
        told = visit.text("account.session_ended_kept")
        return _page(visit, wanted=HOME, carried=carried, notice=told, status=HTTPStatus.UNAUTHORIZED)


def sign_out(visit: Visit) -> Response:
    """End the session and take its cookie back."""
    sessions.sign_out(visit.doors.store, visit.token, at=visit.at)
    response = visit.go(HOME)
    response.delete_cookie(COOKIE, **_cookie_manners(visit))
    return response


def ask_again(visit: Visit) -> Response:
    """What somebody meets whose session has ended: the sign-in page, holding what they were about to send."""
    if visit.path == "/sign-out":
        return sign_out(visit)
    if not visit.is_sending:
        query = {name: text for name, text in visit.query.items() if name != "lang"}
        return visit.go("/sign-in", **{"return": safe_return(page.address(visit.path, **query))})
    carried = carrying.of_visit(visit)
    told = visit.text("account.session_ended_kept" if carried else "account.session_ended")
    return _page(visit, wanted=HOME, carried=carried, notice=told, status=HTTPStatus.UNAUTHORIZED)


def _begin(visit: Visit, token: str, *, wanted: str, carried: Carried | None) -> Response:
    """Hand over a session that has begun, and go on with what the browser was sent to or was sending."""
    sessions.sign_out(visit.doors.store, visit.token, at=visit.at)
    response = _on_to(visit, wanted) if carried is None else _send_now(visit, token, carried)
    hand_over(visit, response, token)
    return response


def _ask_code(visit: Visit, waiting: str, *, wanted: str, carried: Carried | None, fault: str = "") -> Response:
    return visit.show(
        "sign_in_code.html",
        title=visit.text("account.code.title"),
        status=HTTPStatus.UNAUTHORIZED if fault else HTTPStatus.OK,
        path="/sign-in",
        query={"return": wanted},
        waiting=waiting,
        wanted=wanted,
        fault=fault,
        prefix=carrying.PREFIX,
        carried=carried,
        written=carried.written(visit.words) if carried else [],
    )


def _send_now(visit: Visit, token: str, carried: Carried) -> Response:
    """After signing in: what was written, and one button that sends it."""
    signed_in = visit.doors.who(token, at=visit.at)
    return visit.with_session(signed_in).show(
        "casework_resume.html",
        title=visit.text("casework.resume.title"),
        path="/casework",
        carried=carried,
        written=carried.written(visit.words),
    )


def _page(
    visit: Visit,
    *,
    wanted: str,
    carried: Carried | None = None,
    login: str = "",
    fault: str = "",
    notice: str = "",
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    return visit.show(
        TEMPLATE,
        title=visit.text("account.sign_in.title"),
        status=status,
        path="/sign-in",
        query={"return": wanted},
        wanted=wanted,
        login=login[:100],
        fault=fault,
        notice=notice,
        provider=visit.doors.settings.provider,
        prefix=carrying.PREFIX,
        carried=carried,
        written=form_files.and_files(visit, carried.written(visit.words) if carried else []),
    )


def _on_to(visit: Visit, wanted: str) -> Response:
    path, _, query = wanted.partition("?")
    kept = [part for part in query.split("&") if part and not part.startswith("lang=")]
    response = visit.go(path)
    if kept:
        response.headers["location"] += "&" + "&".join(kept)
    return response


def _cookie_manners(visit: Visit) -> dict[str, Any]:
    return {"path": "/", "httponly": True, "samesite": "lax", "secure": visit.doors.settings.is_https}
