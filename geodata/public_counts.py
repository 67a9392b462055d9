"""Every count the public may see, built once per period from working-resolution counts.

Territory, regions and areas (`geodata.public_areas`) carry exact totals of quarters; a year's total, where all four
quarters are told, is split one way by offence group and one way by part of the day; months are told of regions. Every
entry told is 0 or at least five, and what is hidden beside it can be anything (`geodata.split`). Cells carry one band
of their year. Sensitive offences are told of regions and years alone, 0 or at least ten, and stand in no other number.

A period once published stays as it was: what `build` is given as ``previous`` is copied, and only what is new is
counted.
"""

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import date
from itertools import groupby

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata import hexgrid, public_partition, split
from geodata.columns import PUBLIC_COUNTS, PUBLIC_PLACES
from geodata.offences import ALL, SENSITIVE_CODES, UNSPECIFIED
from geodata.public_partition import Partition
from geodata.split import LEAST_COUNT, LEAST_SENSITIVE, Mask

BAND_WIDTH = 5
BAND_WIDTH_OF_FEW = {2: 50, 3: 20, 4: 10, 5: 10}
"""Width of bands in an area of so few told cells: with narrow ones their sum would often be close to the total."""
SLACK = LEAST_COUNT - 1
"""What bands leave open between their sum and the area's total, on both sides: all that a small count can be."""
LEAST_OF_GROUP = 30
"""Offence groups with fewer incidents on record are told as part of ``unspecified``: even their presence tells."""
PARTS_OF_DAY = ("night", "morning", "day", "evening", "unknown")
MONTHS_OF_QUARTER = 3
QUARTERS_OF_YEAR = 4
KEY = ("kind", "place_id", "offence_group", "period", "part_of_day")

Withheld = AbstractSet[tuple[str, str, str]]
"""Kind, place and period of rows that tell nothing though the rules would let them: an attack found them out."""

Counts = NDArray[np.int64]
Line = tuple[str, str, str, str, str | None, int | None, int | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicCounts:
    """Frames of `geodata.columns.PUBLIC_COUNTS` and `PUBLIC_PLACES`."""

    counts: pl.DataFrame
    places: pl.DataFrame


NOTHING = PublicCounts(counts=PUBLIC_COUNTS.empty(), places=PUBLIC_PLACES.empty())


def build(
    territory: str,
    cube: pl.DataFrame,
    sensitive: pl.DataFrame,
    grid: pl.DataFrame,
    *,
    start: date,
    end: date,
    previous: PublicCounts = NOTHING,
    withheld: Withheld = frozenset(),
) -> PublicCounts:
    """All public counts of a territory up to a day.

    Parameters
    ----------
    cube : frame of ``cell`` (working), ``offence_group``, ``month`` (its first day), ``part_of_day`` and ``count``
        Mappable incidents on cells the territory covers.
    sensitive : frame of ``region_id``, ``offence_group``, ``month`` and ``count``
    grid : frame of ``public_cell`` (ascending), ``region_id`` and ``is_protected``
    start, end : first day on record and the day after the last
    previous : what had been published before
    withheld : rows that are to tell nothing

    Returns
    -------
    PublicCounts
        Of every complete quarter and year between the two days, with everything of ``previous``.
    """
    quarters = complete_quarters(start, end)
    groups = _groups(cube)
    named = cube.with_columns(
        pl.when(pl.col("offence_group").is_in(groups)).then("offence_group").otherwise(pl.lit(UNSPECIFIED))
    )
    known_years = set(previous.places["year"].drop_nulls().to_list())
    tables, places = [previous.counts], [previous.places]
    for year, own in groupby(quarters, key=lambda quarter: quarter.year):
        if year in known_years:
            partition = public_partition.read(previous.places, year)
        else:
            partition = public_partition.formed(year, grid, _counts_to_form_by(named, grid, quarters, year))
        places.append(public_partition.listed(territory, partition))
        table = _Year(
            territory=territory,
            partition=partition,
            cube=named.filter(pl.col("month").dt.year() == year),
            groups=groups,
            protected=grid.filter("is_protected")["public_cell"].to_numpy(),
            withheld=withheld,
            told_before=previous.counts,
        )
        tables.append(table.rows(list(own), sensitive.filter(pl.col("month").dt.year() == year)))
    return PublicCounts(
        counts=PUBLIC_COUNTS.checked(pl.concat(tables).unique(KEY, keep="first", maintain_order=True)),
        places=PUBLIC_PLACES.checked(pl.concat(places).unique(["place_id"], keep="first", maintain_order=True)),
    )


def complete_quarters(start: date, end: date) -> list[date]:
    """First days of the calendar quarters that lie between two days.

    Examples
    --------
    >>> complete_quarters(date(2024, 2, 1), date(2024, 10, 5))
    [datetime.date(2024, 4, 1), datetime.date(2024, 7, 1)]
    """
    first_days = [date(year, month, 1) for year in range(start.year, end.year + 1) for month in (1, 4, 7, 10)]
    return [day for day in first_days if day >= start and _quarter_end(day) <= end]


def quarter_name(day: date) -> str:
    """``2024-Q1`` of a day in it."""
    return f"{day.year}-Q{(day.month + 2) // 3}"


def end_of(period: str) -> date:
    """The day after a period: ``2024``, ``2024-Q1`` or ``2024-03``.

    Examples
    --------
    >>> end_of("2024-Q4"), end_of("2024-02")
    (datetime.date(2025, 1, 1), datetime.date(2024, 3, 1))
    """
    year, _, rest = period.partition("-")
    last = 3 * int(rest[1:]) if rest.startswith("Q") else int(rest or 12)
    return date(int(year) + last // 12, last % 12 + 1, 1)


def _quarter_end(day: date) -> date:
    return date(day.year + (day.month > 9), (day.month + 2) % 12 + 1, 1)


def _groups(cube: pl.DataFrame) -> tuple[str, ...]:
    found = cube.group_by("offence_group").agg(pl.col("count").sum())
    enough = found.filter(pl.col("count") >= LEAST_OF_GROUP)["offence_group"].to_list()
    return tuple(sorted({*enough, UNSPECIFIED} if len(enough) < found.height else enough))


def _counts_to_form_by(
    cube: pl.DataFrame, grid: pl.DataFrame, quarters: Sequence[date], year: int
) -> NDArray[np.float64]:
    """Incidents a year of each public cell: of the year before, and where it is not on record of the year itself."""
    before = [quarter for quarter in quarters if quarter.year == year - 1]
    used = before if len(before) == QUARTERS_OF_YEAR else [quarter for quarter in quarters if quarter.year == year]
    own = cube.filter(pl.col("month").is_between(used[0], _quarter_end(used[-1]), closed="left"))
    cells = grid["public_cell"].to_numpy()
    at = public_partition.position_of(cells, own["cell"].to_numpy())
    return _sums(at, own["count"].to_numpy(), cells.size) * (QUARTERS_OF_YEAR / len(used))


def _sums(at: Counts, counts: Counts, size: int) -> NDArray[np.float64]:
    return np.bincount(at[at >= 0], weights=counts[at >= 0], minlength=size).astype(np.float64)


@dataclass(slots=True, kw_only=True, eq=False)
class _Year:
    """Tables of one calendar year."""

    territory: str
    partition: Partition
    cube: pl.DataFrame
    groups: tuple[str, ...]
    protected: hexgrid.Cells
    withheld: Withheld
    told_before: pl.DataFrame
    lines: list[Line] = field(default_factory=list)

    def rows(self, quarters: Sequence[date], sensitive: pl.DataFrame) -> pl.DataFrame:
        """Rows of `geodata.columns.PUBLIC_COUNTS`."""
        year = str(self.partition.year)
        by_month = self._by_area("month", [date(int(year), month, 1) for month in range(1, 13)])
        told_regions, told_areas = [], []
        is_told = True
        for quarter in quarters:
            months = by_month[:, quarter.month - 1 : quarter.month - 1 + MONTHS_OF_QUARTER]
            whole, regions, areas = self._quarter(quarter, months)
            is_told &= whole
            told_regions.append(regions)
            told_areas.append(areas)
        if len(quarters) == QUARTERS_OF_YEAR and not self._is_published("band", year):
            regions_told, areas_told = np.all(told_regions, axis=0), np.all(told_areas, axis=0)
            splits: list[tuple[str, str, tuple[str, ...]]] = [
                ("year_group", "offence_group", self.groups),
                ("hours", "part_of_day", PARTS_OF_DAY),
            ]
            for kind, column, parts in splits:
                counts = self._by_area(column, parts)
                self._split(kind, counts, parts, year, is_told=is_told, regions=regions_told, areas=areas_told)
            self._bands(by_month.sum(axis=1), year, is_told=areas_told)
            self._sensitive(sensitive, year)
        return pl.DataFrame(self.lines, schema=PUBLIC_COUNTS.schema, orient="row")

    def _by_area(self, column: str, parts: Sequence[object]) -> Counts:
        """Counts of shape (n_areas, n_parts)."""
        at = self.partition.position_of(self.cube["cell"].to_numpy())
        number = {part: position for position, part in enumerate(parts)}
        part = np.array([number[value] for value in self.cube[column].to_list()], dtype=np.int64)
        area = np.where(at >= 0, self.partition.area_of_cell[at], -1) if self.partition.cells.size else at
        n_areas = len(self.partition.area_ids)
        flat = np.where(area >= 0, area * len(parts) + part, -1)
        sums = _sums(flat, self.cube["count"].to_numpy(), n_areas * len(parts))
        return sums.astype(np.int64).reshape(n_areas, len(parts))

    def _quarter(self, quarter: date, months: Counts) -> tuple[bool, Mask, Mask]:
        """Write a quarter and its months; whether territory, regions and areas tell their totals."""
        period = quarter_name(quarter)
        areas = months.sum(axis=1)
        regions, whole = self._by_region(areas), int(areas.sum())
        before = self._told(period)
        if before is not None:
            return (
                self.territory in before,
                np.array([region in before for region in self.partition.region_ids]),
                np.array([area in before for area in self.partition.area_ids]),
            )
        is_told = _may_be_told(whole) and not self._is_withheld("quarter", self.territory, period)
        told_regions = self._children_told(self.territory, regions, self.partition.region_ids, period, is_told=is_told)
        told_areas = np.zeros(areas.size, dtype=bool)
        for region, own in self._areas_by_region():
            ids = [self.partition.area_ids[area] for area in own]
            told_areas[own] = self._children_told(
                self.partition.region_ids[region], areas[own], ids, period, is_told=bool(told_regions[region])
            )
        self._write("quarter", self.territory, period, whole, is_told=is_told)
        places = [*self.partition.region_ids, *self.partition.area_ids]
        told = np.concatenate([told_regions, told_areas])
        for place, count, is_place_told in zip(places, np.concatenate([regions, areas]), told, strict=True):
            self._write("quarter", place, period, int(count), is_told=bool(is_place_told))
        self._months(quarter, self._by_region(months), is_told=is_told, told_regions=told_regions)
        return is_told, told_regions, told_areas

    def _children_told(self, parent: str, counts: Counts, ids: Sequence[str], period: str, *, is_told: bool) -> Mask:
        """Which children of a place tell their quarter, given that the place does."""
        if not is_told or (len(ids) > 1 and self._is_withheld("quarter", parent, f"{period} of parts")):
            return np.zeros(len(ids), dtype=bool)
        if len(ids) == 1:
            return np.ones(1, dtype=bool)
        hidden = split.hidden_entries(
            counts[None, :],
            order=split.order_of([period], ids),
            row_total_is_told=np.ones(1, dtype=bool),
            part_total_is_told=np.zeros(len(ids), dtype=bool),
        )
        return np.asarray(~hidden[0], dtype=bool)

    def _months(self, quarter: date, regions: Counts, *, is_told: bool, told_regions: Mask) -> None:
        names = [f"{quarter.year}-{quarter.month + month:02d}" for month in range(MONTHS_OF_QUARTER)]
        whole = regions.sum(axis=0)
        told_whole = self._row_told("month", self.territory, quarter_name(quarter), whole, names, is_told=is_told)
        told = self._table_told(
            "month",
            quarter_name(quarter),
            self.partition.region_ids,
            names,
            counts=regions,
            row_is_told=told_regions,
            part_is_told=told_whole,
        )
        for name, count, is_month_told in zip(names, whole, told_whole, strict=True):
            self._write("month", self.territory, name, int(count), is_told=bool(is_month_told))
        for region, counts, row in zip(self.partition.region_ids, regions, told, strict=True):
            for name, count, is_month_told in zip(names, counts, row, strict=True):
                self._write("month", region, name, int(count), is_told=bool(is_month_told))

    def _split(
        self, kind: str, counts: Counts, parts: Sequence[str], year: str, *, is_told: bool, regions: Mask, areas: Mask
    ) -> None:
        """Write a year's split of territory, regions and areas into parts."""
        by_region = self._by_region(counts)
        whole = by_region.sum(axis=0)
        told_whole = self._row_told(kind, self.territory, year, whole, parts, is_told=is_told)
        region_ids = self.partition.region_ids
        told_regions = self._table_told(
            kind, year, region_ids, parts, counts=by_region, row_is_told=regions, part_is_told=told_whole
        )
        self._write_split(kind, year, [self.territory], parts, counts=whole[None, :], told=told_whole[None, :])
        self._write_split(kind, year, region_ids, parts, counts=by_region, told=told_regions)
        for region, own in self._areas_by_region():
            ids = [self.partition.area_ids[area] for area in own]
            told = self._table_told(
                kind, year, ids, parts, counts=counts[own], row_is_told=areas[own], part_is_told=told_regions[region]
            )
            self._write_split(kind, year, ids, parts, counts=counts[own], told=told)

    def _row_told(
        self, kind: str, place: str, period: str, counts: Counts, parts: Sequence[str], *, is_told: bool
    ) -> Mask:
        """Which parts of the territory's total are told."""
        if not is_told or self._is_withheld(kind, place, period):
            return np.zeros(len(parts), dtype=bool)
        hidden = split.hidden_entries(
            counts[None, :],
            order=split.order_of([f"{place} {period}"], parts),
            row_total_is_told=np.ones(1, dtype=bool),
            part_total_is_told=np.zeros(len(parts), dtype=bool),
        )
        return np.asarray(~hidden[0], dtype=bool)

    def _table_told(
        self,
        kind: str,
        period: str,
        ids: Sequence[str],
        parts: Sequence[str],
        *,
        counts: Counts,
        row_is_told: Mask,
        part_is_told: Mask,
    ) -> Mask:
        """Which entries of a place's children and parts are told; one child alone is the place itself."""
        open_rows = np.array([not self._is_withheld(kind, place, period) for place in ids], dtype=bool)
        may_tell = (row_is_told & open_rows)[:, None] & part_is_told[None, :]
        if len(ids) == 1:
            return may_tell if open_rows[0] else np.zeros_like(may_tell)
        hidden = split.hidden_entries(
            counts,
            order=split.order_of([f"{place} {period}" for place in ids], parts),
            row_total_is_told=row_is_told,
            part_total_is_told=part_is_told,
            may_tell=may_tell,
        )
        return ~hidden

    def _bands(self, areas: Counts, year: str, *, is_told: Mask) -> None:
        cells = self.partition.cells
        at = self.partition.position_of(self.cube["cell"].to_numpy())
        counts = _sums(at, self.cube["count"].to_numpy(), cells.size).astype(np.int64)
        is_hidden = np.isin(cells, self.protected)
        n_cells = np.bincount(self.partition.area_of_cell[~is_hidden], minlength=len(self.partition.area_ids))
        # Never by the counts: of two widths that the counts choose between, the wider one would tell why.
        width = band_width(n_cells)
        lower_ends = counts // width[self.partition.area_of_cell] * width[self.partition.area_of_cell]
        lowest = np.bincount(self.partition.area_of_cell, np.where(is_hidden, 0, lower_ends), width.size)
        # A lone cell is its area: beside a total that is told its band tells nothing.
        is_alone = np.bincount(self.partition.area_of_cell, minlength=n_cells.size) == 1
        is_open = leave_enough_open(areas, lowest, n_cells, width) | (is_alone & is_told)
        is_open &= [not self._is_withheld("band", area, year) for area in self.partition.area_ids]
        is_hidden |= ~is_open[self.partition.area_of_cell]
        own = width[self.partition.area_of_cell]
        low = counts // own * own
        for cell, first, last, is_cell_hidden in zip(
            hexgrid.cell_ids(cells), low.tolist(), (low + own - 1).tolist(), is_hidden.tolist(), strict=True
        ):
            ends = (None, None) if is_cell_hidden else (first, last)
            self.lines.append(("band", cell, ALL, year, None, *ends))

    def _sensitive(self, sensitive: pl.DataFrame, year: str) -> None:
        groups = sorted(SENSITIVE_CODES)
        ids = self.partition.region_ids
        found = {
            (region, group): count
            for region, group, count in sensitive.group_by("region_id", "offence_group").agg("count").iter_rows()
            for count in [sum(count)]
        }
        counts = np.array([[found.get((region, group), 0) for group in groups] for region in ids], dtype=np.int64)
        whole = counts.sum(axis=0)
        told_whole = (whole == 0) | (whole >= LEAST_SENSITIVE)
        for position, group in enumerate(groups):
            told_whole[position] &= not self._is_withheld("sensitive", group, year)
        told = np.broadcast_to(told_whole, counts.shape)
        if len(ids) > 1:
            told = ~split.hidden_entries(
                counts,
                order=split.order_of([f"{region} {year}" for region in ids], groups),
                row_total_is_told=np.zeros(len(ids), dtype=bool),
                part_total_is_told=told_whole,
                may_tell=told,
                least=LEAST_SENSITIVE,
            )
        self._write_split("sensitive", year, [self.territory], groups, counts=whole[None, :], told=told_whole[None, :])
        self._write_split("sensitive", year, ids, groups, counts=counts, told=told)

    def _write_split(
        self, kind: str, year: str, ids: Sequence[str], parts: Sequence[str], *, counts: Counts, told: Mask
    ) -> None:
        for place, row, row_told in zip(ids, counts.tolist(), told.tolist(), strict=True):
            for part, count, is_told in zip(parts, row, row_told, strict=True):
                if kind == "hours":
                    self._write(kind, place, year, count, is_told=is_told, part=part)
                else:
                    self._write(kind, place, year, count, is_told=is_told, group=part)

    def _write(
        self,
        kind: str,
        place: str,
        period: str,
        count: int,
        *,
        is_told: bool,
        group: str = ALL,
        part: str | None = None,
    ) -> None:
        value = count if is_told else None
        self.lines.append((kind, place, group, period, part, value, value))

    def _by_region(self, counts: Counts) -> Counts:
        found = np.zeros((len(self.partition.region_ids), *counts.shape[1:]), dtype=np.int64)
        np.add.at(found, self.partition.region_of_area, counts)
        return found

    def _areas_by_region(self) -> Iterable[tuple[int, Counts]]:
        for region in range(len(self.partition.region_ids)):
            yield region, np.flatnonzero(self.partition.region_of_area == region)

    def _is_published(self, kind: str, period: str) -> bool:
        return self.told_before.filter(pl.col("kind") == kind, pl.col("period") == period).height > 0

    def _told(self, period: str) -> set[str] | None:
        """Places that told their quarter when it was published; None where it has not been."""
        rows = self.told_before.filter(pl.col("kind") == "quarter", pl.col("period") == period)
        return set(rows.drop_nulls("low")["place_id"].to_list()) if rows.height else None

    def _is_withheld(self, kind: str, place: str, period: str) -> bool:
        return (kind, place, period) in self.withheld


def band_width(n_cells: Counts) -> Counts:
    """Width of the bands of an area's cells, by how many of them are told; whatever happened there.

    Examples
    --------
    >>> band_width(np.array([2, 4, 12])).tolist()
    [50, 10, 5]
    """
    found = np.full(n_cells.shape, BAND_WIDTH, dtype=np.int64)
    for few, width in BAND_WIDTH_OF_FEW.items():
        found[n_cells == few] = width
    return found


def leave_enough_open(total: Counts, lowest: Counts, n_cells: Counts, width: Counts) -> Mask:
    """Whether bands may be told beside their area's total: neither nearly all nor nearly nothing of them is used up.

    ``lowest`` is the sum of their lower ends. Where they may not, none of the area's bands is told.
    """
    found: Mask = (total - lowest >= SLACK) & (lowest + n_cells * (width - 1) - total >= SLACK)
    return found


def _may_be_told(count: int) -> bool:
    return count == 0 or count >= LEAST_COUNT
