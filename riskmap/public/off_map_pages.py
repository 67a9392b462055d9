"""What is not on the map, ``/not-on-map/TERRITORY``: offences without a place, sensitive ones, coverage.

In app.py::

    routes=[*off_map_pages.routes(settings.releases), ...]
"""

from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from riskmap.public import answering, area_facts, area_words, explain, open_data, page, shelf
from riskmap.public.area_facts import Book
from riskmap.release import Release
from riskmap.wording import Wording

ADDRESS = "/not-on-map"
TITLE = "off_map.title"
LITTLE, KEPT = 6, 7
"""Class codes of the greys."""

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
        sensitive=sensitive(book, words),
        coverage=coverage(release, words),
    )


def sensitive(book: Book, words: Wording) -> list[tuple[str, Table]]:
    """For each year, the newest first: kinds as columns, the territory and its regions as rows; None is not told."""
    if not book.release.cells.size:
        return []
    rows = open_data.counts_table(book.release).filter(pl.col("kind") == "sensitive")
    told = {
        (period, place, group): count
        for period, place, group, count in rows.select("period", "place_id", "offence_group", "low").iter_rows()
    }
    groups = sorted(rows["offence_group"].unique().to_list())
    places = [book.places[book.release.territory], *book.children(book.release.territory)]
    found = []
    for year in sorted(rows["period"].unique().to_list(), reverse=True):
        lines = []
        for place in places:
            counts = [told.get((year, place.place_id, group)) for group in groups]
            written = [None if count is None else words.number(count) for count in counts]
            lines.append((area_words.name(book, place, words), written))
        found.append((str(year), ([words.text(f"group.{group}") for group in groups], lines)))
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
