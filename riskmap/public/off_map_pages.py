"""What is not on the map, ``/not-on-map/TERRITORY``: offences without a place, sensitive ones, coverage.

In app.py::

    routes=[*off_map_pages.routes(settings.releases), ...]
"""

from collections.abc import Mapping
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from riskmap.public import answering, area_facts, area_words, explain, open_data, page, shelf
from riskmap.public.area_facts import Book, Place
from riskmap.release import Release
from riskmap.wording import Wording

ADDRESS = "/not-on-map"
TITLE = "off_map.title"
LITTLE, KEPT = 6, 7
"""Class codes of the greys."""

NO_PLACE, UNKNOWN = "no_place", "unknown"
"""What stands in off_map.csv for a group and for a region."""

Told = Mapping[tuple[str, str, str], int | None]
Table = tuple[list[str], list[tuple[str, list[str | None]]]]


def routes(releases: Path) -> list[Route]:
    """Routes below ``/not-on-map``. The folder does not have to exist yet."""

    def places(root: Path, _request: Request, words: Wording) -> Response:
        return answering.places(root, words, address=ADDRESS, title=TITLE)

    handlers: dict[str, answering.Handler] = {ADDRESS: places, f"{ADDRESS}/{{territory}}": _page}
    return [
        Route(path, answering.guarded(releases, handler, address=ADDRESS, title=TITLE), methods=["GET"])
        for path, handler in handlers.items()
    ]


def _page(root: Path, request: Request, words: Wording) -> Response:
    book = area_facts.book(shelf.latest(root, request.path_params["territory"]))
    release = book.release
    return page.render(
        "off_map.html",
        answering.shell(release, words, path=f"{ADDRESS}/{release.territory}"),
        title=words.text(TITLE),
        release=release,
        notices=answering.notices(root, release, request, words),
        placeless=placeless(book, words),
        without=without_place(book.release, words),
        sensitive=sensitive(book, words),
        coverage=coverage(release, words),
    )


def placeless(book: Book, words: Wording) -> list[tuple[str, Table]]:
    """As `sensitive`, of offences without a place or found by the police; a region may be unknown."""
    rows = open_data.off_map_table(book.release).filter(pl.col("offence_group") != NO_PLACE)
    happens = rows.filter(pl.col("count").is_null() | (pl.col("count") > 0))["offence_group"].unique()
    rows = rows.filter(pl.col("offence_group").is_in(happens.to_list()))
    told = {(str(year), place, group): count for year, place, group, count in rows.iter_rows()}
    places = [(place.place_id, area_words.name(book, place, words)) for place in _places(book)]
    return _tables(told, [*places, (UNKNOWN, words.text("off_map.placeless.unknown"))], words)


def without_place(release: Release, words: Wording) -> str | None:
    """How many cases of the map's own kinds came without a place in the last year told."""
    rows = open_data.off_map_table(release).filter(pl.col("offence_group") == NO_PLACE).drop_nulls("count").sort("year")
    if rows.is_empty():
        return None
    last = rows.row(-1, named=True)
    return words.text("off_map.no_place", year=int(last["year"]), n=int(last["count"]))


def sensitive(book: Book, words: Wording) -> list[tuple[str, Table]]:
    """For each year, the newest first: kinds as columns, the territory and its regions as rows; None is not told."""
    if not book.release.cells.size:
        return []
    rows = open_data.counts_table(book.release).filter(pl.col("kind") == "sensitive")
    told = {
        (period, place, group): count
        for period, place, group, count in rows.select("period", "place_id", "offence_group", "low").iter_rows()
    }
    return _tables(told, [(place.place_id, area_words.name(book, place, words)) for place in _places(book)], words)


def _places(book: Book) -> list[Place]:
    """The territory and, where it has several, its regions."""
    whole, parts = book.places[book.release.territory], book.children(book.release.territory)
    return [whole, *(parts if len(parts) > 1 else [])]


def _tables(told: Told, places: list[tuple[str, str]], words: Wording) -> list[tuple[str, Table]]:
    groups = sorted({group for _, _, group in told})
    found = []
    for year in sorted({year for year, _, _ in told}, reverse=True):
        lines = []
        for place_id, name in places:
            counts = [told.get((year, place_id, group)) for group in groups]
            lines.append((name, [None if count is None else words.number(count) for count in counts]))
        found.append((year, ([words.text(f"group.{group}") for group in groups], lines)))
    return found


def coverage(release: Release, words: Wording) -> list[str]:
    """What the map holds of a territory, in sentences."""
    if not release.cells.size:
        return [words.text("off_map.coverage.totals"), explain.official_source(release, words)]
    codes = release.classes[release.groups[0]]
    counted = {code: int(np.count_nonzero(codes == code)) for code in (LITTLE, KEPT)}
    sentences = [
        words.text("off_map.coverage.cells", n=int(release.cells.size), little=counted[LITTLE], kept=counted[KEPT])
    ]
    if release.manifest.get("record_from"):
        begun = date.fromisoformat(release.manifest["record_from"])
        sentences.append(words.text("off_map.coverage.record", date=begun))
    return [*sentences, words.text("off_map.coverage.outside")]
