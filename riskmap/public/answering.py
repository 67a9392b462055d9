"""How a page without script answers what it cannot show: a sentence, and the places one can go to instead."""

import logging
import secrets
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from geodata.errors import InvalidCell
from riskmap import wording
from riskmap.errors import DamagedRelease, NoRelease, WithdrawnRelease
from riskmap.public import page, shelf
from riskmap.public.page import Shell
from riskmap.release import Release
from riskmap.wording import Wording

logger = logging.getLogger(__name__)

STATUS_OF: dict[type[Exception], tuple[HTTPStatus, str]] = {
    NoRelease: (HTTPStatus.NOT_FOUND, "area.error.place"),
    InvalidCell: (HTTPStatus.NOT_FOUND, "area.error.cell"),
    DamagedRelease: (HTTPStatus.SERVICE_UNAVAILABLE, "error.damaged_release"),
}
"""From error class to HTTP status and the key of the sentence a person reads."""

Handler = Callable[[Path, Request, Wording], Response]


def guarded(releases: Path, handler: Handler, *, address: str, title: str) -> Callable[[Request], Response]:
    """The endpoint of a handler; whatever fails becomes a page that lists the places below ``address``.

    ``title`` is the key of the page's own title.
    """

    # Not async: files are read, so Starlette runs it beside the loop that serves everybody.
    def endpoint(request: Request) -> Response:
        words = wording.in_language(wording.language_or_default(request.query_params.get("lang")))
        try:
            return handler(releases, request, words)
        except tuple(STATUS_OF) as error:
            status, key = STATUS_OF[type(error)]
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                logger.exception("%s cannot be shown", address)
            problem = words.text(key)
        except Exception:
            reference, status = secrets.token_hex(4), HTTPStatus.INTERNAL_SERVER_ERROR
            logger.exception("page below %s failed, reference %s", address, reference)
            problem = words.text("error.internal", reference=reference)
        return places(releases, words, address=address, title=title, problem=problem, status=status)

    return endpoint


def places(
    releases: Path,
    words: Wording,
    *,
    address: str,
    title: str,
    problem: str | None = None,
    status: HTTPStatus = HTTPStatus.OK,
) -> Response:
    """The list of published places, below what went wrong where something did."""
    try:
        found = shelf.all_latest(releases)
    except (OSError, ValueError):  # the folder itself cannot be read: the sentence must still be said
        found = []
    return page.render(
        "area_places.html",
        Shell(words=words, path=address, query={}),
        title=words.text("error.title" if problem else title),
        status=status,
        problem=problem,
        places=found,
        address=address,
    )


def shell(release: Release, words: Wording, *, path: str, query: dict[str, str] | None = None) -> Shell:
    """The shell of a page about a territory."""
    return Shell(
        words=words,
        path=path,
        query=query or {},
        territory=release.territory,
        place_name=release.names[words.language],
        is_simulated=release.is_simulated,
    )


def notices(releases: Path, found: Release, request: Request, words: Wording) -> list[str]:
    """What an old or broken link has to be told: another language, an older release, one that was withdrawn."""
    said = []
    asked = request.query_params.get("lang")
    if asked and wording.language_or_default(asked) != asked.lower()[:2]:
        said.append(words.text("area.notice.language"))
    wanted = request.query_params.get("release")
    if wanted and wanted != found.release_id:
        try:
            shelf.of_id(releases, found.territory, wanted)
            said.append(words.text("area.notice.release"))
        except WithdrawnRelease:
            said.append(words.text("area.notice.withdrawn"))
        except (NoRelease, DamagedRelease):
            said.append(words.text("area.notice.release"))
    return said
