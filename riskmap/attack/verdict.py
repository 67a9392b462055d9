"""The attack on what is about to be published: which small counts come back by arithmetic?

It reads only published files, of all releases: every exact count, band and entry that is not told, and what the rules
give away besides (docs/decisions.md, "Public counts: quarters first"). Protected is every count of 1 to 4 of a cell,
area or region, of one offence group or all, in a month, quarter or year, and every sensitive count of 1 to 9. It is
found out when the reader's bounds leave nothing but the truth, or the truth and its neighbours.

Regions, areas and their parts are two-way tables (`riskmap.attack.tables`). Inside an area nothing but its own totals
and its cells' bands is told, so the bounds of a cell in a kind and a period follow from those two alone (Fréchet).
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata import hexgrid
from riskmap.attack.published import UNTOLD, Published, months_of
from riskmap.attack.tables import FREE, Table, bounds, room
from riskmap.attack.truth import CountedYear, Counts
from riskmap.errors import ContradictoryCounts

LEAST_COUNT = 5
LEAST_SENSITIVE = 10
ENOUGH_ROOM = 2
"""A count that may be two larger, or two smaller, is not known within one."""
ALL = "all"
PARENT_RESOLUTIONS = (8, 7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Leak:
    """A protected count that is found out. ``table`` and ``row`` name what has to tell less."""

    table: str
    row: str
    period: str
    part: str
    low: int
    high: int
    is_exact: bool


@dataclass(slots=True, kw_only=True)
class Verdict:
    """How many protected counts there are, how many were bounded, and how many are known."""

    targets: int = 0
    solved: int = 0
    exact: int = 0
    within_one: int = 0
    leaks: list[Leak] = field(default_factory=list)

    @property
    def is_safe(self) -> bool:
        return self.exact == self.within_one == 0

    def add(self, other: "Verdict") -> "Verdict":
        """Both together."""
        return Verdict(
            targets=self.targets + other.targets,
            solved=self.solved + other.solved,
            exact=self.exact + other.exact,
            within_one=self.within_one + other.within_one,
            leaks=[*self.leaks, *other.leaks],
        )


def attack(
    published: Published,
    counted: pl.DataFrame,
    *,
    earlier: Sequence[Published] = (),
    only_year: int | None = None,
    from_year: int | None = None,
) -> Verdict:
    """Attack a release and everything published before it.

    Parameters
    ----------
    counted : frame of `geodata.columns.COUNTED`
        The truth, to know which counts are protected and to start exchanges from.
    earlier : other releases of the territory
    only_year : attack one calendar year alone
    from_year : attack this calendar year and later ones
    """
    found = _changed([*earlier, published])
    cube = counted.filter(pl.col("cell").is_not_null())
    for year in published.years():
        if only_year in (None, year) and (from_year is None or year >= from_year):
            found = found.add(_Year(published, year, cube.filter(pl.col("month").dt.year() == year)).attacked())
            found = found.add(_sensitive(published, year, counted))
    return found


def _changed(releases: Sequence[Published]) -> Verdict:
    """Counts of a period that two releases tell differently by less than may be told."""
    found = Verdict()
    first: dict[tuple[str, str, str, str], int] = {}
    for one in releases:
        for key, count in one.exact.items():
            before = first.setdefault(key, count)
            if 0 < abs(count - before) < LEAST_COUNT:
                kind, place, part, period = key
                found.targets, found.solved, found.exact = found.targets + 1, found.solved + 1, found.exact + 1
                found.leaks.append(
                    Leak(table=kind, row=place, period=period, part=part, low=count, high=before, is_exact=True)
                )
    return found


class _Year(CountedYear):
    """One calendar year of a release: its tables, and the truth behind them."""

    def attacked(self) -> Verdict:
        """Everything of the year."""
        by_area = np.zeros((len(self.area_ids), *self.truth.shape[1:]), dtype=np.int64)
        np.add.at(by_area, self.area_of_cell, self.truth)
        by_region = np.zeros((len(self.region_ids), *self.truth.shape[1:]), dtype=np.int64)
        np.add.at(by_region, self.region_of_area, by_area)
        quarters = by_area.sum(axis=1).reshape(len(self.area_ids), len(self.quarters), -1).sum(axis=2)
        region_months = by_region.sum(axis=1)
        region_quarters = region_months.reshape(len(self.region_ids), len(self.quarters), -1).sum(axis=2)
        found = self._of_quarters(quarters, region_quarters).add(self._of_months(region_months, region_quarters))
        if self.published.has_year(self.year) and self.groups:
            by_group, known = self._split("year_group", self.groups, by_area.sum(axis=2))
            by_hour, _ = self._split("hours", self.hours, self.truth_of_hours)
            return found.add(by_group).add(by_hour).add(self._of_cells(known))
        # Nothing but totals is told of a year that is not over, and of kinds nothing at all.
        no_kinds = np.zeros((len(self.area_ids), 0), dtype=np.int64)
        return found.add(self._of_cells((no_kinds, no_kinds)))

    def _of_quarters(self, areas: Counts, regions: Counts) -> Verdict:
        found = Verdict()
        territory = self.published.territory
        for number, quarter in enumerate(self.quarters):
            keys = [(ALL, quarter)]
            whole = self.published.grid("quarter", [territory], keys)[0]
            told = self.published.grid("quarter", self.region_ids, keys)
            table = Table(told=told.T, row_total=whole, part_total=np.full(told.shape[0], UNTOLD))
            name = f"{quarter} of parts"
            found = found.add(
                _of_table(
                    table, regions[:, [number]].T, kind="quarter", rows=[territory], parts=self.region_ids, period=name
                )
            )
            for region, region_id in enumerate(self.region_ids):
                own = np.flatnonzero(self.region_of_area == region)
                ids = [self.area_ids[area] for area in own]
                told_areas = self.published.grid("quarter", ids, keys)
                table = Table(told=told_areas.T, row_total=told[region], part_total=np.full(own.size, UNTOLD))
                found = found.add(
                    _of_table(
                        table, areas[own][:, [number]].T, kind="quarter", rows=[region_id], parts=ids, period=name
                    )
                )
        return found

    def _of_months(self, months: Counts, quarters: Counts) -> Verdict:
        found = Verdict()
        territory = self.published.territory
        for number, quarter in enumerate(self.quarters):
            names = months_of(quarter)
            at = slice(3 * number, 3 * number + 3)
            keys = [(ALL, month) for month in names]
            total = self.published.grid("quarter", [territory], [(ALL, quarter)])[0]
            whole = self.published.grid("month", [territory], keys)
            table = Table(told=whole, row_total=total, part_total=np.full(3, UNTOLD))
            found = found.add(
                _of_table(
                    table, months[:, at].sum(axis=0)[None], kind="month", rows=[territory], parts=names, period=quarter
                )
            )
            if len(self.region_ids) > 1:
                told = self.published.grid("month", self.region_ids, keys)
                totals = self.published.grid("quarter", self.region_ids, [(ALL, quarter)])[:, 0]
                table = Table(told=told, row_total=totals, part_total=whole[0])
                found = found.add(
                    _of_table(table, months[:, at], kind="month", rows=self.region_ids, parts=names, period=quarter)
                )
        return found

    def _split(self, kind: str, parts: Sequence[str], areas: Counts) -> tuple[Verdict, tuple[Counts, Counts]]:
        """Attack a split of the year; also what is known of each area and part at least and at most."""
        territory, year = self.published.territory, str(self.year)
        regions = np.zeros((len(self.region_ids), len(parts)), dtype=np.int64)
        np.add.at(regions, self.region_of_area, areas)
        keys = [(part, year) for part in parts]
        whole = self.published.grid(kind, [territory], keys)
        table = Table(told=whole, row_total=self._year_totals([territory]), part_total=np.full(len(keys), UNTOLD))
        found = _of_table(table, regions.sum(axis=0)[None], kind=kind, rows=[territory], parts=parts, period=year)
        told = self.published.grid(kind, self.region_ids, keys)
        if len(self.region_ids) > 1:
            table = Table(told=told, row_total=self._year_totals(self.region_ids), part_total=whole[0])
            found = found.add(_of_table(table, regions, kind=kind, rows=self.region_ids, parts=parts, period=year))
        low, high = np.zeros_like(areas), np.zeros_like(areas)
        for region in range(len(self.region_ids)):
            own = np.flatnonzero(self.region_of_area == region)
            ids = [self.area_ids[area] for area in own]
            table = Table(
                told=self.published.grid(kind, ids, keys), row_total=self._year_totals(ids), part_total=told[region]
            )
            found = found.add(_of_table(table, areas[own], kind=kind, rows=ids, parts=parts, period=year))
            low[own], high[own] = _simple_bounds(table)
        return found, (low, high)

    def _year_totals(self, places: Sequence[str]) -> Counts:
        quarters = self.published.grid("quarter", places, [(ALL, quarter) for quarter in self.quarters])
        is_known = (quarters >= 0).all(axis=1) & (len(self.quarters) == 4)
        return np.where(is_known, quarters.sum(axis=1), UNTOLD)

    def _of_cells(self, groups: tuple[Counts, Counts]) -> Verdict:
        """Cells and their parents, of every kind, in every period of the year."""
        cells, low, high = self.published.bands(self.year)
        if not cells.size:
            cells, low, high = self.cells, np.zeros_like(self.area_of_cell), np.full(self.cells.size, UNTOLD)
        if not np.array_equal(cells, self.cells):
            raise ContradictoryCounts(
                f"The cells of the areas of {self.year} are not those its bands speak of, so they cannot be attacked. "
                "Restore the release from a backup, or publish anew."
            )
        total = self._year_totals(self.area_ids)
        most = np.where(total < 0, FREE, total)[self.area_of_cell]
        high = np.where(high < 0, most, np.minimum(high, most))
        n_areas = len(self.area_ids)
        sums = [
            np.bincount(self.area_of_cell, weights=ends, minlength=n_areas).astype(np.int64) for ends in (low, high)
        ]
        is_known = total[self.area_of_cell] >= 0
        tight_low = np.where(
            is_known, np.maximum(low, total[self.area_of_cell] - (sums[1][self.area_of_cell] - high)), low
        )
        tight_high = np.where(
            is_known, np.minimum(high, total[self.area_of_cell] - (sums[0][self.area_of_cell] - low)), high
        )
        periods = list(self._periods(groups, total))
        found = _of_places(
            self.truth,
            self.area_of_cell,
            (tight_low, tight_high),
            periods,
            total=total,
            area_ids=self.area_ids,
            year=str(self.year),
        )
        for resolution in PARENT_RESOLUTIONS:
            own = hexgrid.resolutions(self.cells) > resolution
            parent = self.cells.copy()
            parent[own] = hexgrid.to_parent(self.cells[own], resolution)
            _, unit = np.unique(np.stack([self.area_of_cell.astype(np.uint64), parent]), axis=1, return_inverse=True)
            area = np.zeros(int(unit.max()) + 1, dtype=np.int64)
            area[unit] = self.area_of_cell
            ends = [np.bincount(unit, weights=e).astype(np.int64) for e in (low, high)]
            known = total[area] >= 0
            unit_low = np.where(known, np.maximum(ends[0], total[area] - (sums[1][area] - ends[1])), ends[0])
            unit_high = np.where(known, np.minimum(ends[1], total[area] - (sums[0][area] - ends[0])), ends[1])
            truth = np.zeros((area.size, *self.truth.shape[1:]), dtype=np.int64)
            np.add.at(truth, unit, self.truth)
            found = found.add(
                _of_places(
                    truth,
                    area,
                    (unit_low, unit_high),
                    periods,
                    total=total,
                    area_ids=self.area_ids,
                    year=str(self.year),
                )
            )
        return found

    def _periods(
        self, groups: tuple[Counts, Counts], total: Counts
    ) -> Iterable[tuple[str, slice, int | None, Counts, Counts]]:
        """Name, months, group and bounds per area of everything an area is counted in."""
        whole = np.where(total < 0, FREE, total)
        told = self.published.grid("quarter", self.area_ids, [(ALL, quarter) for quarter in self.quarters])
        in_quarter = (np.where(told < 0, 0, told), np.where(told < 0, whole[:, None], told))
        regions = self.published.grid("quarter", self.region_ids, [(ALL, quarter) for quarter in self.quarters])
        months = self.published.grid("month", self.region_ids, [(ALL, month) for month in self.months])
        yield str(self.year), slice(0, len(self.months)), None, np.where(total < 0, 0, total), whole
        spans = [
            (quarter, slice(3 * n, 3 * n + 3), in_quarter[0][:, n], in_quarter[1][:, n])
            for n, quarter in enumerate(self.quarters)
        ]
        for n, month in enumerate(self.months):
            of_region = months[self.region_of_area, n]
            other = regions[self.region_of_area, n // 3]
            least, most = in_quarter[0][:, n // 3], in_quarter[1][:, n // 3]
            low = np.where((of_region < 0) | (other < 0), 0, np.maximum(0, least + of_region - other))
            spans.append((month, slice(n, n + 1), low, np.where(of_region < 0, most, np.minimum(most, of_region))))
        for name, span, low, high in spans:
            yield name, span, None, low, high
        spans.append((str(self.year), slice(0, len(self.months)), np.where(total < 0, 0, total), whole))
        for name, span, low, high in spans:
            for group in range(len(self.groups)):
                least = np.maximum(0, groups[0][:, group] + low - whole)
                yield f"{name} {self.groups[group]}", span, group, least, np.minimum(groups[1][:, group], high)


def _of_places(
    truth: Counts,
    area: NDArray[np.int64],
    ends: tuple[Counts, Counts],
    periods: Iterable[tuple[str, slice, int | None, Counts, Counts]],
    *,
    total: Counts,
    area_ids: Sequence[str],
    year: str,
) -> Verdict:
    """Places inside areas, each with the ends of its year: of every kind and period."""
    found = Verdict()
    whole = np.where(total < 0, FREE, total)[area]
    for name, span, group, least, most in periods:
        own = truth[:, :, span].sum(axis=2)
        count = own.sum(axis=1) if group is None else own[:, group]
        low = np.maximum(0, ends[0] + least[area] - whole)
        high = np.minimum(ends[1], most[area])
        _judge(found, count, (low, high), least=LEAST_COUNT, names=[("band", area_ids[a], year, name) for a in area])
    return found


def _of_table(
    table: Table,
    truth: Counts,
    *,
    kind: str,
    rows: Sequence[str],
    parts: Sequence[str],
    period: str,
    least: int = LEAST_COUNT,
) -> Verdict:
    """Entries of one table that are protected: exchanges first, programmes for what they leave open."""
    found = Verdict()
    if (truth < table.least).any():
        raise ContradictoryCounts(
            f"What {kind} of {rows[0]} and others tells of {period} is not what was counted, or hides a nought that "
            "the rules tell: the attack cannot be trusted. Restore the folder counted/ from a backup, or publish anew."
        )
    is_target = table.hidden & (truth > 0) & (truth < least)
    if not is_target.any():
        return found
    lower, upper = room(table, truth)
    low, high = truth - lower, truth + upper
    open_entries = np.argwhere(is_target & (lower < ENOUGH_ROOM) & (upper < ENOUGH_ROOM))
    for (row, part), (entry_low, entry_high) in zip(open_entries, bounds(table, open_entries), strict=True):
        low[row, part], high[row, part] = entry_low, entry_high
    at = np.argwhere(is_target)
    names = [(kind, rows[row], period, parts[part]) for row, part in at]
    _judge(found, truth[is_target], (low[is_target], high[is_target]), least=least, names=names)
    return found


def _judge(
    found: Verdict,
    truth: Counts,
    ends: tuple[Counts, Counts],
    *,
    least: int,
    names: Sequence[tuple[str, str, str, str]],
) -> None:
    low, high = ends
    is_target = (truth > 0) & (truth < least)
    is_known = is_target & (low >= truth - 1) & (high <= truth + 1)
    is_exact = is_known & (low == high)
    found.targets += int(is_target.sum())
    found.solved += int(is_target.sum())
    found.exact += int(is_exact.sum())
    found.within_one += int((is_known & ~is_exact).sum())
    for at in np.flatnonzero(is_known).tolist():
        table, row, period, part = names[at]
        leak = Leak(
            table=table,
            row=row,
            period=period,
            part=part,
            low=int(low[at]),
            high=int(high[at]),
            is_exact=bool(is_exact[at]),
        )
        found.leaks.append(leak)


def _simple_bounds(table: Table) -> tuple[Counts, Counts]:
    """Bounds of entries from their own row and column: what is left of the total, less the least of the others."""
    hidden, least = table.hidden, table.least
    high = np.full(table.told.shape, FREE)
    for total, axis in ((table.row_total, 1), (table.part_total, 0)):
        left = total - np.where(hidden, least, table.told).sum(axis=axis)
        left = np.where(total < 0, FREE, left)
        high = np.minimum(high, least + (left[:, None] if axis == 1 else left[None, :]))
    return np.where(hidden, least, table.told), np.where(hidden, high, table.told)


def _sensitive(published: Published, year: int, counted: pl.DataFrame) -> Verdict:
    parts = published.parts("sensitive", year)
    regions = published.places.filter(pl.col("level") == "region")["place_id"].sort().to_list()
    if not parts or len(regions) < 2:
        return Verdict()
    own = counted.filter(pl.col("cell").is_null(), pl.col("month").dt.year() == year)
    sums = {
        (region, part): count
        for region, part, count in own.group_by("region_id", "offence_group").agg(pl.col("count").sum()).iter_rows()
    }
    truth = np.array([[sums.get((region, part), 0) for part in parts] for region in regions], dtype=np.int64)
    keys = [(part, str(year)) for part in parts]
    whole = published.grid("sensitive", [published.territory], keys)[0]
    told = published.grid("sensitive", regions, keys)
    table = Table(told=told, row_total=np.full(len(regions), UNTOLD), part_total=whole, rows_may_be_silent=False)
    return _of_table(table, truth, kind="sensitive", rows=regions, parts=parts, period=str(year), least=LEAST_SENSITIVE)
