"""Feed and calendar of every published place: ``/feed/TERRITORY[/PLACE].atom`` and ``/calendar/TERRITORY[/PLACE].ics``.

In app.py::

    routes=[*follow_pages.routes(settings.releases, settings.journals), ...]

Nothing is asked of who follows a place: no address, no cookie. Whatever cannot be told is said on a page in words.
"""

import hashlib
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from riskmap.errors import NoRelease
from riskmap.public import answering, area_facts, area_news, area_pages, atom, following, page, place_calendar, shelf
from riskmap.public.area_news import Told
from riskmap.public.following import CALENDAR, FEED
from riskmap.wording import Wording

OPEN_TO_ALL = {"access-control-allow-origin": "*"}
KEEP = "public, max-age=0, must-revalidate"
"""Whoever keeps a copy asks before using it: one withdrawn must be gone at the next look."""

Document = Callable[..., bytes]


def routes(releases: Path, journals: Path) -> list[Route]:
    """Routes below ``/feed`` and ``/calendar``. The folders do not have to exist yet."""

    def handler(document: Document, media_type: str) -> answering.Handler:
        def answer(root: Path, request: Request, words: Wording) -> Response:
            territory = request.path_params["territory"]
            book = area_facts.book(shelf.latest(root, territory))
            place_id = request.path_params.get("place", territory)
            refusal = area_pages.refusal(book, place_id, words)
            if refusal is not None:
                return refusal
            told = area_news.tell(root, journals, book, book.places[place_id], words)
            own = page.address(request.url.path, lang=words.language)
            return _answer(request, document(told, site=following.site_of(request), own=own), media_type, told)

        return answer

    def nothing(_root: Path, request: Request, _words: Wording) -> Response:
        raise NoRelease(f"There is no feed or calendar {request.url.path[:100]!r}; places are at {area_pages.ADDRESS}.")

    feed = handler(atom.document, atom.MEDIA_TYPE)
    calendar = handler(place_calendar.document, place_calendar.MEDIA_TYPE)
    handlers: dict[str, answering.Handler] = {
        f"{FEED}/{{territory}}.atom": feed,
        f"{FEED}/{{territory}}/{{place}}.atom": feed,
        f"{FEED}/{{rest:path}}": nothing,
        FEED: nothing,
        f"{CALENDAR}/{{territory}}.ics": calendar,
        f"{CALENDAR}/{{territory}}/{{place}}.ics": calendar,
        f"{CALENDAR}/{{rest:path}}": nothing,
        CALENDAR: nothing,
    }
    return [
        Route(
            path,
            answering.guarded(releases, one, address=area_pages.ADDRESS, title=area_pages.TITLE),
            methods=["GET"],
        )
        for path, one in handlers.items()
    ]


def _answer(request: Request, body: bytes, media_type: str, told: Told) -> Response:
    etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    headers = {"etag": etag, "cache-control": KEEP, "content-language": told.words.language, **OPEN_TO_ALL}
    if _is_kept(request.headers.get("if-none-match", ""), etag):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _is_kept(asked: str, etag: str) -> bool:
    """Whether one of the tags a reader holds is that of the answer."""
    held = {one.strip().removeprefix("W/") for one in asked.split(",")}
    return etag in held or "*" in held
