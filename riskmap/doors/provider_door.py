"""To the provider of sign-in and back; see `riskmap.identity.provider_sign_in`.

Whoever is turned away meets the sign-in page under a sentence, and can sign in with login and password all the same.
"""

import logging
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from starlette.responses import RedirectResponse, Response

from riskmap import installation_key, wording
from riskmap.doors import session_door
from riskmap.doors.refusals import UnknownPage
from riskmap.doors.visit import BEGUN_COOKIE, Visit
from riskmap.errors import ProviderRefused, ProviderUnavailable
from riskmap.identity import provider_sign_in
from riskmap.identity.provider import Answer, Provider

ANSWERS = {
    "turned_away": (HTTPStatus.UNAUTHORIZED, "account.provider.turned_away"),
    "unknown_subject": (HTTPStatus.FORBIDDEN, "account.provider.unknown"),
    "disabled": (HTTPStatus.FORBIDDEN, "account.provider.closed"),
    **dict.fromkeys(provider_sign_in.BEGIN_AGAIN, (HTTPStatus.BAD_REQUEST, "account.provider.begin_again")),
}
"""Status and key of the sentence by reason; every other reason is an answer that did not stand a check."""
BAD_ANSWER = (HTTPStatus.BAD_REQUEST, "account.provider.bad_answer")

_log = logging.getLogger(__name__)


def begin(visit: Visit) -> Response:
    """Send the browser to the provider."""
    provider, wanted = _provider(visit), session_door.safe_return(visit.query.get("return"))
    try:
        begun = provider_sign_in.begin(
            visit.doors.store, provider, wanted=wanted, language=visit.words.language, at=visit.at
        )
    except ProviderUnavailable as error:
        return _unavailable(visit, error, wanted)
    headers = {"cache-control": "no-store", "referrer-policy": "no-referrer"}
    response = RedirectResponse(begun.address, status_code=HTTPStatus.SEE_OTHER, headers=headers)
    response.set_cookie(BEGUN_COOKIE, begun.secret, **_cookie_manners(visit))
    return response


def come_back(visit: Visit) -> Response:
    """Let in whoever comes back from the provider, or say why not."""
    provider, given = _provider(visit), visit.query
    state, secret = given.get("state", ""), visit.begun or ""
    visit = replace(visit, words=wording.in_language(wording.language_or_default(state.partition("-")[0])))
    wanted = session_door.HOME
    try:
        wanted = provider_sign_in.take(visit.doors.store, state=state, secret=secret, at=visit.at).wanted
        token = provider_sign_in.finish(
            visit.doors.store,
            provider,
            Answer(code=given.get("code", ""), error=given.get("error", ""), issuer=given.get("iss", "")),
            state=state,
            secret=secret,
            key=installation_key.load(visit.doors.settings.data),
            language=visit.words.language,
            at=visit.at,
        )
    except ProviderRefused as refused:
        return _refused(visit, refused, wanted)
    except ProviderUnavailable as error:
        return _unavailable(visit, error, wanted)
    response = session_door.let_in(visit, token, wanted=wanted)
    response.delete_cookie(BEGUN_COOKIE, **_cookie_manners(visit))
    return response


def _provider(visit: Visit) -> Provider:
    if visit.doors.provider is None:
        raise UnknownPage("No provider of sign-in is set up here; expected one. Sign in with login and password.")
    return visit.doors.provider


def _refused(visit: Visit, refused: ProviderRefused, wanted: str) -> Response:
    status, key = ANSWERS.get(refused.reason, BAD_ANSWER)
    # A code that is broken over two lines is read out wrongly.
    sentence = visit.text(key, code=refused.code.replace("-", "\N{NON-BREAKING HYPHEN}"))
    return session_door.tell(visit, sentence, wanted=wanted, status=status)


def _unavailable(visit: Visit, error: ProviderUnavailable, wanted: str) -> Response:
    _log.error("The provider of sign-in cannot be used: %s", error)
    told, status = visit.text("account.provider.down"), HTTPStatus.SERVICE_UNAVAILABLE
    return session_door.tell(visit, told, wanted=wanted, status=status)


def _cookie_manners(visit: Visit) -> dict[str, Any]:
    # Lax, for it is another site that sends the browser back.
    return {"path": "/sign-in", "httponly": True, "samesite": "lax", "secure": visit.doors.settings.is_https}
