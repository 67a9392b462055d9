"""A place to be shown within pages of others: ``/embed/TERRITORY[/PLACE]``, a frame without script and cookies.

In app.py::

    routes=[*embed_pages.routes(settings.releases), ...]

Sentence, period, day of data and the link to the full page stand together, so that nobody frames a number alone.
"""

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from riskmap import wording
from riskmap.errors import NoRelease
from riskmap.public import answering, area_drawing, area_facts, area_news, area_pages, area_words, explain, page, shelf
from riskmap.public.area_facts import Book, Place
from riskmap.public.area_words import Row
from riskmap.public.following import EMBED, part_of
from riskmap.public.page import Shell
from riskmap.wording import Wording

CONTENT_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors *"
)
"""The one policy of the site that lets others frame a page: it shows what is public and takes nothing in."""


def routes(releases: Path) -> list[Route]:
    """Routes below ``/embed``. The folder does not have to exist yet."""

    def place(request: Request, words: Wording) -> Response:
        territory = request.path_params["territory"]
        book = area_facts.book(shelf.latest(releases, territory))
        return _page(releases, book, request.path_params.get("place", territory), request, words)

    def nothing(request: Request, _words: Wording) -> Response:
        raise NoRelease(f"There is no page {request.url.path[:100]!r}; the places are at {area_pages.ADDRESS}.")

    handlers: dict[str, Callable[[Request, Wording], Response]] = {
        f"{EMBED}/{{territory}}": place,
        f"{EMBED}/{{territory}}/{{place}}": place,
        f"{EMBED}/{{rest:path}}": nothing,
        EMBED: nothing,
    }
    return [Route(path, _guarded(handler), methods=["GET"]) for path, handler in handlers.items()]


def _page(root: Path, book: Book, place_id: str, request: Request, words: Wording) -> Response:
    place, release = book.places.get(place_id), book.release
    path = f"{EMBED}/{release.territory}"
    if place is None:
        parts = book.children(release.territory)
        return _problem(
            words,
            words.text("area.error.unknown"),
            shell=answering.shell(release, words, path=path),
            ways=_ways(book, parts, words),
            status=HTTPStatus.NOT_FOUND,
        )
    if place.year is not None and place.year != book.year:
        now = book.now(place) or [book.places[place.parent_id or release.territory]]
        sentence = words.text("area.old.sentence", year=place.year)
        return _problem(
            words,
            sentence,
            shell=answering.shell(release, words, path=path),
            ways=_ways(book, now, words),
            status=HTTPStatus.GONE,
        )
    rows, shown = _drawn(book, place, words)
    return page.render(
        "embed.html",
        answering.shell(release, words, path=f"{EMBED}/{part_of(book, place)}"),
        title=area_words.name(book, place, words),
        content_policy=CONTENT_POLICY,
        problem=None,
        full=area_pages.path_of(book, place_id),
        notices=answering.notices(root, release, request, words),
        lead=area_news.lead(book, place, words),
        as_of=release.as_of,
        source=explain.official_source(release, words) if release.manifest["official"] else None,
        caveats=area_pages.caveats(release, words),
        drawing=area_drawing.of_places(release, shown),
        rows=rows,
        legend=area_words.legend(release, [row for row in rows if row.key != "plain"], words),
        width=area_drawing.MAP_WIDTH,
    )


def _drawn(book: Book, place: Place, words: Wording) -> tuple[list[Row], list[Place]]:
    """The areas of a place; of one that has none, those beside it, with the place alone in colour."""
    children = book.children(place.place_id)
    if children:
        return area_words.rows(book, children, words), children
    beside = list(book.children(place.parent_id)) if place.parent_id else []
    own = place.place_id
    rows = [
        row if row.place_id == own else replace(row, key="plain", number=None)
        for row in area_words.rows(book, beside, words)
    ]
    return rows, beside


def _ways(book: Book, places: Sequence[Place], words: Wording) -> list[tuple[str, str]]:
    return [(area_words.name(book, one, words), area_pages.path_of(book, one.place_id)) for one in places]


def _problem(
    words: Wording,
    sentence: str,
    *,
    status: HTTPStatus,
    shell: Shell | None = None,
    ways: Sequence[tuple[str, str]] = (),
) -> Response:
    """What cannot be shown, said within the frame, with ways that open beside it."""
    values: dict[str, Any] = {"problem": sentence, "notices": [], "full": area_pages.ADDRESS, "ways": ways}
    return page.render(
        "embed.html",
        shell or Shell(words=words, path=EMBED, query={}),
        title=words.text("error.title"),
        status=status,
        content_policy=CONTENT_POLICY,
        **values,
    )


def _guarded(handler: Callable[[Request, Wording], Response]) -> Callable[[Request], Response]:
    # Not async: files are read, so Starlette runs it beside the loop that serves everybody.
    def endpoint(request: Request) -> Response:
        words = wording.in_language(wording.language_or_default(request.query_params.get("lang")))
        try:
            return handler(request, words)
        except tuple(answering.STATUS_OF) as error:
            status, key = answering.STATUS_OF[type(error)]
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                answering.logger.exception("%s cannot be shown", EMBED)
            return _problem(words, words.text(key), status=status)
        except Exception:
            reference = secrets.token_hex(4)
            answering.logger.exception("page below %s failed, reference %s", EMBED, reference)
            sentence = words.text("error.internal", reference=reference)
            return _problem(words, sentence, status=HTTPStatus.INTERNAL_SERVER_ERROR)

    return endpoint
