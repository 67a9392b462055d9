"""The regions of a territory side by side, ``/regions/TERRITORY``: ranges instead of rates, spans instead of ranks.

In app.py::

    routes=[*region_pages.routes(settings.releases), ...]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import stats
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from riskmap.public import answering, area_drawing, area_facts, area_words, explain, page, shelf
from riskmap.public.area_facts import Book, Place
from riskmap.release import Release
from riskmap.wording import EN_DASH, MINUS, NO_BREAK_SPACE, Wording

ADDRESS = "/regions"
TITLE = "regions.title"
COUNTRY = "kazakhstan"
TOGETHER = 0.9
"""Probability that all ranges hold at once."""
MARGIN = 0.1
"""Differences below this share count for nothing: registration practice differs."""
LEAST_SPAN = 3
GOAL_BASE = 126_039
GOAL_TWO = {2025: 4, 2026: 6, 2027: 8, 2028: 10, 2029: 12, 2030: 14}
"""Concept, indicator 2: percent below the base in each year."""
GOAL_FIVE_ANNEX = (60.0, 61.2, 62.4, 63.6, 64.8, 66.0)
"""Concept, annex, indicator 5: percent in 2025 to 2030."""

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """A region with its count, residents and years; ``range`` per 10 000 residents and year."""

    place: Place
    count: int
    residents: int
    years: float
    range: Range


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the table, as it is read."""

    place_id: str
    name: str
    count: str
    range: str
    places: str


def routes(releases: Path) -> list[Route]:
    """Routes below ``/regions``. The folder does not have to exist yet."""

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
    found = levels(book)
    return page.render(
        "regions.html",
        answering.shell(release, words, path=f"{ADDRESS}/{release.territory}"),
        title=words.text(TITLE),
        release=release,
        notices=answering.notices(root, release, request, words),
        lead=_lead(release, words),
        lines=lines(book, found, words),
        chart=area_drawing.ranges([(area_words.name(book, one.place, words), one.range) for one in found]),
        places_how=_places_how(len(found), words),
        source=explain.official_source(release, words) if release.manifest["official"] else None,
        goals=_goals(words) if release.territory == COUNTRY else None,
    )


def levels(book: Book) -> list[Level]:
    """Regions of known count and residents, by code."""
    known = (level(book, place) for place in book.children(book.release.territory))
    return [one for one in known if one is not None]


def level(book: Book, place: Place) -> Level | None:
    """Recorded level of the territory or a region of it; None where its count or residents are not known."""
    area = book.release.area_by_id.get(place.place_id)
    if area is None or not area.residents:
        return None
    facts = book.facts(place.place_id)
    count, years = (area.official_count, 1.0) if book.release.manifest["official"] else (facts.total, facts.years)
    if count is None or not years:
        return None
    ends = area_facts.likely_rate(count, area.residents, years)
    return Level(place=place, count=count, residents=area.residents, years=years, range=ends)


def spans(found: Sequence[Level]) -> list[tuple[int, int]]:
    """Places each region may hold, 1 the highest level, so that all spans hold at once; none is narrower than three.

    Ranges of all regions are widened until they hold together (Bonferroni), and a region counts as above another only
    where its range lies more than `MARGIN` above the other's.

    Examples
    --------
    >>> from riskmap.public.area_facts import Place
    >>> def level(name, count):
    ...     place = Place(place_id=name, level="region", parent_id=None, year=None, cells=frozenset())
    ...     return Level(place=place, count=count, residents=10_000, years=1.0, range=(0.0, 0.0))
    >>> spans([level("a", 900), level("b", 100), level("c", 100), level("d", 100), level("e", 10)])
    [(1, 3), (2, 4), (2, 4), (2, 4), (3, 5)]
    """
    n = len(found)
    if n == 0:
        return []
    per = np.array([area_facts.PER / (one.residents * one.years) for one in found])
    shape = np.array([one.count + 0.5 for one in found])
    tail = (1 - TOGETHER) / (2 * n)
    low, high = (stats.gamma.ppf(share, shape) * per for share in (tail, 1 - tail))
    above = (low[None, :] > (1 + MARGIN) * high[:, None]).sum(axis=1)
    below = ((1 + MARGIN) * high[None, :] < low[:, None]).sum(axis=1)
    return [_widened(int(first), int(last), n) for first, last in zip(1 + above, n - below, strict=True)]


def _widened(first: int, last: int, n: int) -> tuple[int, int]:
    while last - first + 1 < min(LEAST_SPAN, n):
        is_last = last == n
        first, last = (max(1, first - 1), last) if is_last else (first, last + 1)
        if last - first + 1 < min(LEAST_SPAN, n):
            first = max(1, first - 1)
    return first, last


def lines(book: Book, found: Sequence[Level], words: Wording) -> list[Line]:
    """Every region by code; one without a number says so."""
    known = {one.place.place_id: (one, span) for one, span in zip(found, spans(found), strict=True)}
    told = []
    for place in book.children(book.release.territory):
        own = known.get(place.place_id)
        count, ends, places = words.text("country.unknown"), EN_DASH, EN_DASH
        if own:
            own_level, (first, last) = own
            count, ends = words.number(own_level.count), words.range(*own_level.range, digits=1)
            places = words.range(first, last)
        name = area_words.name(book, place, words)
        told.append(Line(place_id=place.place_id, name=name, count=count, range=ends, places=places))
    return told


def _places_how(total: int, words: Wording) -> str | None:
    if total <= LEAST_SPAN:
        return None
    return words.text("regions.places.how", margin=round(100 * MARGIN), total=total)


def _lead(release: Release, words: Wording) -> list[str]:
    if release.manifest["official"]:
        year = release.manifest["official"]["year"]
        return [words.text("country.intro", year=year), words.text("regions.lead")]
    return [words.text("regions.lead")]


def _goals(words: Wording) -> dict[str, object]:
    """The Concept's indicators 2 and 5 as the page shows them."""
    rows = [
        (str(year), f"{MINUS}{fall}{NO_BREAK_SPACE}%", words.number(round(GOAL_BASE * (1 - fall / 100))))
        for year, fall in GOAL_TWO.items()
    ]
    series = "; ".join(words.number(share, digits=1) for share in GOAL_FIVE_ANNEX)
    return {"rows": rows, "annex": words.text("regions.five.annex", series=series)}
