"""What a release tells of each published place in numbers: count, range, comparison, change, kinds and hours.

Everything is made of published totals by rules that stand below, so that anyone can make it again. A place is the
territory, a region or district of it, or an area of the newest year. The areas of other years count towards it where
together they cover exactly its cells.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property, lru_cache

import numpy as np
import polars as pl
from scipy import stats

from geodata import hexgrid
from riskmap.public import open_data
from riskmap.release import Release

QUARTERS = 4
LEAST_FOR_CHANGE = 30
"""Incidents that both years need before anything is said about change."""
RESIDENTS_PER_CASE = 10
"""With fewer residents for each case of a year, most of those concerned cannot live there."""
LIKE = 10
LEAST_LIKE = 5
"""Similar areas: as many as that, and no comparison with fewer."""
PER = 10_000
AREA = "area"

Range = tuple[float, float]
Cells = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A place of ``places.csv``; ``parent_id`` and ``year`` are None where it has none."""

    place_id: str
    level: str
    parent_id: str | None
    year: int | None
    cells: Cells


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What may be said of a place.

    ``start`` and ``end`` bound the quarters ``total`` is the sum of, None where it is not told; ``range`` holds the
    ends per 10 000 residents and year. ``change`` is up, down, none, too_little or redrawn; ``comparison`` as in
    `riskmap.release.Area`. ``kinds`` and ``hours`` are of ``kinds_year``; a part that is not told is None.
    """

    place: Place
    total: int | None = None
    start: date | None = None
    end: date | None = None
    quarters: int = 0
    before: int | None = None
    residents: int | None = None
    km2: float = 0.0
    range: Range | None = None
    is_visited: bool = False
    like: tuple[str, ...] = ()
    comparison: str | None = None
    change: str | None = None
    kinds_year: int | None = None
    kinds: Mapping[str, int] | None = None
    hours: Mapping[str, int | None] | None = None

    @property
    def years(self) -> float:
        return self.quarters / QUARTERS


def book(release: Release) -> "Book":
    """The places of a release with what is told of them, read once."""
    return _open(open_data.Key(release))


@lru_cache(maxsize=16)
def _open(key: open_data.Key) -> "Book":
    return Book(key.release)


def likely_rate(count: int, residents: int, years: float) -> Range:
    """Ends of the likely range (5 to 95 %) per 10 000 residents and year: it follows from a count and residents.

    Examples
    --------
    >>> likely_rate(40, 10_000, 1.0)
    (30.6, 51.5)
    """
    low, high = (float(stats.gamma.ppf(share, count + 0.5)) for share in open_data.LIKELY_RANGE)
    per = PER / (residents * years)
    return round(low * per, 1), round(high * per, 1)


def compare(count: int, expected: float, rule: Mapping[str, float]) -> str:
    """Word for a count beside what similar areas would lead one to expect, by the rule of the cells."""
    above = float(stats.gamma.sf(1 + rule["margin"], count + 0.5, scale=1 / expected))
    below = float(stats.gamma.cdf(1 / (1 + rule["margin"]), count + 0.5, scale=1 / expected))
    for probability, side in ((above, "higher"), (below, "lower")):
        if probability >= rule["sure"]:
            return f"clear_{side}"
        if probability >= rule["likely"]:
            return f"maybe_{side}"
    return "none"


def change(now: int, before: int) -> str:
    """Word for a change: clear only where the likely ranges of the two counts have nothing in common.

    Examples
    --------
    >>> change(100, 60), change(100, 90), change(40, 20)
    ('up', 'none', 'too_little')
    """
    if min(now, before) < LEAST_FOR_CHANGE:
        return "too_little"
    low, high = (float(end) for end in open_data.likely_range(now))
    low_before, high_before = (float(end) for end in open_data.likely_range(before))
    return "up" if low > high_before else "down" if high < low_before else "none"


class Book:
    """Every published place of one release."""

    def __init__(self, release: Release) -> None:
        self.release = release
        rows = open_data.places_table(release).select("place_id", "level", "parent_id", "year", "cells")
        self.places = {
            place_id: Place(
                place_id=place_id,
                level=level,
                parent_id=parent_id,
                year=year,
                cells=frozenset(cells.split(";")) if cells else frozenset(),
            )
            for place_id, level, parent_id, year, cells in rows.iter_rows()
        }
        if not self.places:  # official totals alone
            self.places = {
                area.area_id: Place(
                    place_id=area.area_id,
                    level="territory" if area is release.whole else "region",
                    parent_id=None if area is release.whole else release.territory,
                    year=None,
                    cells=frozenset(),
                )
                for area in release.areas
            }
        self.year = max((one.year for one in self.places.values() if one.year), default=None)
        counts = open_data.counts_table(release) if release.cells.size else pl.DataFrame()
        exact = counts.filter(pl.col("status") == "exact", pl.col("level") != "cell") if counts.height else counts
        self._quarters = _values(exact, "quarter", "period")
        self._kinds = _values(exact, "year_group", "offence_group")
        self._hours = _values(exact, "hours", "part_of_day")
        self._parts = {
            kind: sorted(counts.filter(pl.col("kind") == kind)[column].unique().to_list()) if counts.height else []
            for kind, column in (("year_group", "offence_group"), ("hours", "part_of_day"))
        }
        self._residents = dict(open_data.residents_table(release).iter_rows())
        self._quarter_names = sorted({period for _, period, _ in self._quarters})

    @cached_property
    def areas(self) -> Mapping[str, Place]:
        """Areas of the newest year, by code."""
        return {key: one for key, one in self.places.items() if one.level == AREA and one.year == self.year}

    @cached_property
    def _by_year(self) -> Mapping[int, Mapping[str, Place]]:
        """For each year the area that holds a cell."""
        found: dict[int, dict[str, Place]] = {}
        for one in self.places.values():
            if one.year is not None:
                found.setdefault(one.year, {}).update(dict.fromkeys(one.cells, one))
        return found

    def now(self, place: Place) -> list[Place]:
        """Areas of the newest year that hold cells of an area of an earlier one."""
        holders = self._by_year.get(self.year or 0, {})
        found = {holders[cell].place_id: holders[cell] for cell in place.cells if cell in holders}
        return [found[key] for key in sorted(found)]

    def holding(self, cell_id: str) -> Place | None:
        """The area of the newest year that holds a cell, however fine the cell is; None where none does.

        Raises
        ------
        InvalidCell
            If the text is no cell.
        """
        if not self.release.cells.size:
            hexgrid.parse_cell(cell_id)
            return None
        published = self.release.find(cell_id)
        return self._by_year.get(self.year or 0, {}).get(published.cell_id) if published else None

    def children(self, place_id: str) -> list[Place]:
        """Places of the newest year one level below a place, by code."""
        return sorted(
            (one for one in self.places.values() if one.parent_id == place_id and one.year in (None, self.year)),
            key=lambda one: one.place_id,
        )

    @property
    def quarters(self) -> Sequence[str]:
        """Quarters the release tells counts of, such as ``2026-Q3``, ascending."""
        return self._quarter_names

    def count_of(self, place: Place, quarters: Sequence[str]) -> int | None:
        """Count of a place over some quarters; None where one of them is not told."""
        counts = [self._count(self._quarters, place, one) for one in quarters]
        return None if None in counts or not counts else sum(one or 0 for one in counts)

    def kinds_of(self, place: Place, year: int) -> dict[str, int | None]:
        """Counts of a place by kind in a whole year; None for one that is not told."""
        return self._split(self._kinds, "year_group", place, year)

    def parts_of(self, place: Place, year: int) -> list[str]:
        """Codes whose counts of a year are added up to that of a place: its own, or those of the areas of that year."""
        if place.level != AREA or place.year == year:
            return [place.place_id]
        holders = self._by_year.get(year, {})
        return sorted({holders[cell].place_id for cell in place.cells if cell in holders})

    def residents_of(self, place: Place) -> int | None:
        area = self.release.area_by_id.get(place.place_id)
        return area.residents if area is not None else self._residents.get(place.place_id)

    def facts(self, place_id: str) -> Facts:
        """What may be said of a place; ``KeyError`` for one the release does not list."""
        return self._facts[place_id] if place_id in self._facts else self._numbers(self.places[place_id])

    @cached_property
    def _facts(self) -> Mapping[str, Facts]:
        numbers = {key: self._numbers(one) for key, one in self.places.items() if one.year in (None, self.year)}
        areas = [one for key, one in numbers.items() if key in self.areas and one.total is not None]
        densities = sorted(_density(one) for one in areas if one.residents is not None)
        middle = float(np.median(densities)) if densities else 0.0
        visited = {one.place.place_id for one in areas if _is_visited(one, middle)}
        return {key: self._compared(one, numbers, areas, visited) for key, one in numbers.items()}

    def _numbers(self, place: Place) -> Facts:
        area = self.release.area_by_id.get(place.place_id)
        year = max((year for (_, _, year) in self._kinds), default=None)
        kinds = self._split(self._kinds, "year_group", place, year)
        hours = self._split(self._hours, "hours", place, year)
        told = Facts(place=place, kinds_year=year, kinds=_told(kinds), hours=hours if any(hours.values()) else None)
        if area is not None:
            start, end = self.release.period or (None, None)
            ends = None if area.rate_low is None or area.rate_high is None else (area.rate_low, area.rate_high)
            quarters = round((end - start).days / 91.3125) if start and end else 0
            return replace(
                told,
                total=area.total,
                start=start,
                end=end,
                quarters=quarters,
                residents=area.residents,
                range=ends,
                comparison=area.comparison,
                change=area.change,
            )
        residents = self._residents.get(place.place_id)
        periods = self._last_quarters(place)
        if not periods:
            return replace(told, residents=residents, km2=_km2(place.cells))
        total = sum(self._count(self._quarters, place, period) or 0 for period in periods)
        year_before = [self._count(self._quarters, place, _year_earlier(period)) for period in periods]
        before = None if None in year_before else sum(one or 0 for one in year_before)
        return replace(
            told,
            total=total,
            start=_first_day(periods[0]),
            end=_day_after(periods[-1]),
            quarters=len(periods),
            before=before,
            residents=residents,
            km2=_km2(place.cells),
            change="redrawn" if before is None else change(total, before),
        )

    def _compared(self, one: Facts, numbers: Mapping[str, Facts], areas: list[Facts], visited: set[str]) -> Facts:
        if one.place.level != AREA or one.total is None:
            return one
        is_visited = one.place.place_id in visited
        others = [
            other
            for other in areas
            if other.place.place_id != one.place.place_id and (other.place.place_id in visited) == is_visited
        ]
        if one.residents is None and not is_visited:
            return one
        if not is_visited:
            others = sorted(
                (other for other in others if other.residents),
                key=lambda other: (abs(np.log(_density(other) / _density(one))), other.place.place_id),
            )[:LIKE]
        like = tuple(sorted(other.place.place_id for other in others))
        rule, comparison = self.release.manifest.get("class_rule"), None
        if rule and len(like) >= LEAST_LIKE:
            size = _ground if is_visited else _people
            expected = sum(other.total or 0 for other in others) / sum(size(other) for other in others) * size(one)
            comparison = compare(one.total, expected, rule) if expected > 0 else None
        ends = None
        if not is_visited and one.residents:
            ends = likely_rate(one.total, one.residents, one.years)
        return replace(one, is_visited=is_visited, like=like, comparison=comparison, range=ends)

    def _last_quarters(self, place: Place) -> list[str]:
        """The last quarters in a row, four at most, that the place's count is told of; they end with the newest."""
        found: list[str] = []
        for period in reversed(self._quarter_names[-QUARTERS:]):
            if self._count(self._quarters, place, period) is None:
                break
            found.insert(0, period)
        return found

    def _count(self, table: "Table", place: Place, period: str, part: str = "") -> int | None:
        """Count of a place, as one or as the exact sum of the areas that make it up in that year."""
        year = int(period[:4])
        own = table.get((place.place_id, part or period, year))
        if own is not None or place.level != AREA or place.year == year:
            return own
        holders = self._by_year.get(year, {})
        parts = {holders[cell].place_id: holders[cell] for cell in place.cells if cell in holders}
        if frozenset().union(*(one.cells for one in parts.values())) != place.cells:
            return None
        values = [table.get((key, part or period, year)) for key in parts]
        return None if None in values or not values else sum(one or 0 for one in values)

    def _split(self, table: "Table", kind: str, place: Place, year: int | None) -> dict[str, int | None]:
        if year is None:
            return {}
        return {part: self._count(table, place, str(year), part) for part in self._parts[kind]}


Table = Mapping[tuple[str, str, int], int]
"""Exact counts by place, quarter or part, and year."""


def _values(exact: pl.DataFrame, kind: str, column: str) -> Table:
    if exact.is_empty():
        return {}
    rows = exact.filter(pl.col("kind") == kind).select("place_id", pl.col(column).alias("part"), "period", "low")
    return {(place, part, int(period[:4])): count for place, part, period, count in rows.iter_rows()}


def _told(parts: Mapping[str, int | None]) -> dict[str, int] | None:
    found = {part: count for part, count in parts.items() if count}
    return found or None


def _is_visited(one: Facts, middle_density: float) -> bool:
    """Whether visitors must far outnumber residents: few residents for each case, and few for the ground."""
    if one.residents is None or not one.total:
        return False
    is_few_for_cases = one.residents * one.years < RESIDENTS_PER_CASE * one.total
    return is_few_for_cases and _density(one) < middle_density


def _density(one: Facts) -> float:
    return max(one.residents or 0, 1) / max(one.km2, 1e-6)


def _people(one: Facts) -> float:
    return (one.residents or 0) * one.years


def _ground(one: Facts) -> float:
    return one.km2 * one.years


def _km2(cells: Iterable[str]) -> float:
    numbers = np.array([hexgrid.parse_cell(cell) for cell in cells], dtype=np.uint64)
    return float(hexgrid.area_km2(numbers).sum()) if numbers.size else 0.0


def _year_earlier(period: str) -> str:
    return f"{int(period[:4]) - 1}{period[4:]}"


def _first_day(period: str) -> date:
    return date(int(period[:4]), 3 * int(period[-1]) - 2, 1)


def _day_after(period: str) -> date:
    year, quarter = int(period[:4]), int(period[-1])
    return date(year + quarter // 4, 3 * quarter % 12 + 1, 1)
