"""A second attacker: everything told of a year as linear constraints on all its counts at once, solved with HiGHS.

`riskmap.attack.verdict` bounds each table by itself, which is quick. This one knows nothing of tables but the rule
about noughts: its unknowns are the counts of each cell, kind and month of one region, and of each other region as a
whole, and every told number is a constraint on their sums, so what one table gives away tightens every other. It
reads the same published files and is slow, so it takes a sample of the protected counts.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from riskmap.attack.published import MONTHS_OF_QUARTER, UNTOLD, Published
from riskmap.attack.tables import ROUNDING, SOLVED, UNBOUNDED, Table
from riskmap.attack.truth import CountedYear
from riskmap.attack.verdict import ALL, LEAST_COUNT, Leak, Verdict
from riskmap.errors import ContradictoryCounts

Positions = NDArray[np.int64]
EVERY = slice(None)


MOST_UNKNOWNS = 40_000
"""Regions with more are left out: one programme would take minutes."""


def sampled(
    published: Published, counted: pl.DataFrame, *, from_year: int | None, most: int, rng: np.random.Generator
) -> Verdict:
    """Attack a drawn region of each year by programmes, and there ``most`` protected counts that are drawn.

    Regions of more than `MOST_UNKNOWNS` are not drawn; where a year has no other it adds no targets.
    """
    found = Verdict()
    for year in published.years():
        if from_year is not None and year < from_year:
            continue
        parts = max(1, len(published.parts("year_group", year))) * MONTHS_OF_QUARTER * len(published.quarters(year))
        n_cells = pl.col("cells").str.count_matches(";").sum() + pl.len()
        regions = published.areas(year).group_by("parent_id").agg(n_cells=n_cells).sort("parent_id")
        near = regions.filter(pl.col("n_cells") * parts <= MOST_UNKNOWNS)["parent_id"].to_list()
        if near:
            region = near[int(rng.integers(len(near)))]
            found = found.add(attack_by_programme(published, counted, year=year, region=region, most=most, rng=rng))
    return found


def attack_by_programme(
    published: Published,
    counted: pl.DataFrame,
    *,
    year: int,
    region: str,
    most: int,
    rng: np.random.Generator,
    table: str | None = None,
) -> Verdict:
    """Bound protected counts of one region in one year by programmes over all counts.

    Parameters
    ----------
    counted : frame of `geodata.columns.COUNTED`
        The truth, to know which counts are protected.
    most : how many of them are drawn at most
    table : draw only counts of ``band`` (cells), ``area``, ``region`` or ``hours``

    Raises
    ------
    ContradictoryCounts
        If what is told is not what was counted.
    """
    cube = counted.filter(pl.col("cell").is_not_null() & (pl.col("month").dt.year() == year))
    world = _World(CountedYear(published, year, cube), region)
    programme = _Programme(world)
    targets = [target for target in world.targets() if table in (None, target.table)]
    if len(targets) > most:
        targets = [targets[at] for at in np.sort(rng.choice(len(targets), size=most, replace=False))]
    found = Verdict(targets=len(targets), solved=len(targets))
    for target in targets:
        low, high = programme.bounds(target.unknowns)
        truth = int(world.truth[target.unknowns].sum())
        if low < truth - 1 or high > truth + 1:
            continue
        is_exact = low == high
        found.exact, found.within_one = found.exact + is_exact, found.within_one + (not is_exact)
        found.leaks.append(
            Leak(
                table=target.table,
                row=target.place,
                period=target.period,
                part=target.part,
                low=int(low),
                high=int(high),
                is_exact=is_exact,
            )
        )
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Place:
    """A place: positions of its units (cells, and other regions as wholes) and of those that hold its hours."""

    name: str
    units: Positions
    holders: Positions


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Target:
    """A protected count: the unknowns it is the sum of."""

    table: str
    place: str
    period: str
    part: str
    unknowns: Positions


class _World:
    """The unknowns of a year, close in one region: units by kinds by months, then holders by parts of the day."""

    def __init__(self, counted: CountedYear, region: str) -> None:
        own = counted.region_ids.index(region)
        region_of_cell = counted.region_of_area[counted.area_of_cell]
        in_region = region_of_cell == own
        others = [number for number in range(len(counted.region_ids)) if number != own]
        own_areas = np.flatnonzero(counted.region_of_area == own)
        area_of_unit = counted.area_of_cell[in_region]
        n_cells, n_areas = area_of_unit.size, own_areas.size
        rest = [counted.truth[region_of_cell == other].sum(axis=0, keepdims=True) for other in others]
        truth = np.concatenate([counted.truth[in_region], *rest])
        hours = np.concatenate(
            [
                counted.truth_of_hours[own_areas],
                *(
                    counted.truth_of_hours[counted.region_of_area == other].sum(axis=0, keepdims=True)
                    for other in others
                ),
            ]
        )
        self.year, self.published, self.counted = str(counted.year), counted.published, counted
        self.atoms = np.arange(truth.size).reshape(truth.shape)
        self.hours = truth.size + np.arange(hours.size).reshape(hours.shape)
        self.truth = np.concatenate([truth.ravel(), hours.ravel()])
        units, holders = np.arange(truth.shape[0]), np.arange(hours.shape[0])
        self.cells = [
            _Place(name=f"{cell:x}", units=units[[unit]], holders=holders[:0])
            for unit, cell in enumerate(counted.cells[in_region].tolist())
        ]
        self.areas = [
            _Place(name=counted.area_ids[area], units=units[:n_cells][area_of_unit == area], holders=holders[[number]])
            for number, area in enumerate(own_areas)
        ]
        self.region = _Place(name=region, units=units[:n_cells], holders=holders[:n_areas])
        self.others = [
            _Place(name=counted.region_ids[other], units=units[[n_cells + n]], holders=holders[[n_areas + n]])
            for n, other in enumerate(others)
        ]
        self.regions = sorted([self.region, *self.others], key=lambda place: place.name)
        self.whole = _Place(name=counted.published.territory, units=units, holders=holders)

    def counts(self, place: _Place, *, kinds: slice = EVERY, months: slice = EVERY) -> Positions:
        """The unknowns of a place, of some kinds and months."""
        found: Positions = self.atoms[place.units][:, kinds][:, :, months].ravel()
        return found

    def targets(self) -> Iterator[_Target]:
        """Protected counts of the region, its areas and cells, of every kind and period, and of parts of the day."""
        spans = [(month, slice(at, at + 1)) for at, month in enumerate(self.counted.months)]
        spans += [(quarter, _months(at)) for at, quarter in enumerate(self.counted.quarters)]
        spans.append((self.year, EVERY))
        kinds = [(ALL, EVERY), *((name, slice(at, at + 1)) for at, name in enumerate(self.counted.groups))]
        for table, places in (("band", self.cells), ("area", self.areas), ("region", [self.region])):
            for place, (period, months), (kind, groups) in product(places, spans, kinds):
                unknowns = self.counts(place, kinds=groups, months=months)
                if 0 < self.truth[unknowns].sum() < LEAST_COUNT:
                    yield _Target(table=table, place=place.name, period=period, part=kind, unknowns=unknowns)
        for place, (at, part) in product(self.areas, enumerate(self.counted.hours)):
            unknowns = self.hours[place.holders, at]
            if 0 < self.truth[unknowns].sum() < LEAST_COUNT:
                yield _Target(table="hours", place=place.name, period=self.year, part=part, unknowns=unknowns)


class _Programme:
    """Everything told of a world, and every nought that the rules would have told, as one linear programme."""

    def __init__(self, world: _World) -> None:
        self.world = world
        self.rows: list[Positions] = []
        self.least: list[float] = []
        self.most: list[float] = []
        for number, quarter in enumerate(world.counted.quarters):
            self._tell_quarter(number, quarter)
        if world.published.has_year(world.counted.year) and world.counted.groups:
            groups = [(group, world.year) for group in world.counted.groups]
            parts = [(part, world.year) for part in world.counted.hours]
            self._tell_split("year_group", groups, lambda place, at: world.counts(place, kinds=slice(at, at + 1)))
            self._tell_split("hours", parts, lambda place, at: world.hours[place.holders, at])
            self._tell_bands()
        matrix, least, most = self._matrix(self.rows), np.array(self.least), np.array(self.most)
        links, sums = self._links(), matrix @ world.truth
        if ((sums < least) | (sums > most)).any() or (links @ world.truth != 0).any():
            raise ContradictoryCounts(
                f"What is told of {world.region.name} in {world.year} is not what was counted, or a nought is not "
                "told that the rules tell. Restore the folder counted/ from a backup, or publish anew."
            )
        is_equal, is_closed = least == most, np.isfinite(most)
        self.equal = sparse.vstack([matrix[is_equal], links], format="csr")
        self.totals = np.concatenate([least[is_equal], np.zeros(links.shape[0])])
        self.below = sparse.vstack([-matrix[~is_equal], matrix[~is_equal & is_closed]], format="csr")
        self.limits = np.concatenate([-least[~is_equal], most[~is_equal & is_closed]])

    def bounds(self, unknowns: Positions) -> tuple[float, float]:
        """Least and most that a sum of unknowns can be; the most may be infinite."""
        goal = np.zeros(self.world.truth.size)
        goal[unknowns] = 1.0
        ends = []
        for sign in (1.0, -1.0):
            found = linprog(
                sign * goal, A_ub=self.below, b_ub=self.limits, A_eq=self.equal, b_eq=self.totals, method="highs"
            )
            if found.status not in (SOLVED, UNBOUNDED):
                raise ContradictoryCounts(f"No counts of {self.world.year} fit what is told of it.")
            ends.append(np.inf if found.fun is None else sign * float(found.fun))
        return float(np.ceil(ends[0] - ROUNDING)), float(np.floor(ends[1] + ROUNDING))

    def _tell_quarter(self, number: int, quarter: str) -> None:
        world, span = self.world, _months(number)
        first = span.start
        key = [(ALL, quarter)]
        self._tell("quarter", [world.whole], key, lambda place, _: world.counts(place, months=span))
        for places in (world.regions, world.areas):
            least = _least(self._grid("quarter", places, key).T, np.full(len(places), UNTOLD)).T
            self._tell("quarter", places, key, lambda place, _: world.counts(place, months=span), least)
        months = [(ALL, month) for month in world.counted.months[span]]
        self._tell_split(
            "month", months, lambda place, at: world.counts(place, months=slice(first + at, first + at + 1)), areas=()
        )

    def _tell_split(
        self,
        kind: str,
        keys: Sequence[tuple[str, str]],
        unknowns_of: Callable[[_Place, int], Positions],
        *,
        areas: Sequence[_Place] | None = None,
    ) -> None:
        """A split of the territory's, its regions' and the areas' totals into parts."""
        world = self.world
        whole = self._grid(kind, [world.whole], keys)
        self._tell(kind, [world.whole], keys, unknowns_of, _least(whole, np.full(len(keys), UNTOLD)))
        region = self._grid(kind, [world.region], keys)
        for places, total in ((world.regions, whole[0]), (world.areas if areas is None else areas, region[0])):
            least = _least(self._grid(kind, places, keys), total) if len(places) > 1 else None
            self._tell(kind, places, keys, unknowns_of, least)

    def _tell(
        self,
        kind: str,
        places: Sequence[_Place],
        keys: Sequence[tuple[str, str]],
        unknowns_of: Callable[[_Place, int], Positions],
        least: Positions | None = None,
    ) -> None:
        told = self._grid(kind, places, keys)
        for row, place in enumerate(places):
            for at in range(len(keys)):
                value = int(told[row, at])
                if value >= 0:
                    self._know(unknowns_of(place, at), value, value)
                elif least is not None and least[row, at] > 0:
                    self._know(unknowns_of(place, at), int(least[row, at]), np.inf)

    def _tell_bands(self) -> None:
        cells, low, high = self.world.published.bands(self.world.counted.year)
        ends = {f"{cell:x}": (least, most) for cell, least, most in zip(cells.tolist(), low, high, strict=True)}
        for place in self.world.cells:
            least, most = ends[place.name]
            self._know(self.world.counts(place), float(least), np.inf if most < 0 else float(most))

    def _know(self, unknowns: Positions, least: float, most: float) -> None:
        self.rows.append(unknowns)
        self.least.append(least)
        self.most.append(most)

    def _links(self) -> sparse.csr_array:
        """The parts of the day of a place sum to its counts."""
        world = self.world
        if not world.hours.size:
            return sparse.csr_array((0, world.truth.size))
        holders = [*world.areas, *world.others]
        counts = self._matrix([world.counts(place) for place in holders])
        return sparse.csr_array(counts - self._matrix([world.hours[place.holders].ravel() for place in holders]))

    def _matrix(self, rows: Sequence[Positions]) -> sparse.csr_array:
        starts = np.concatenate([[0], np.cumsum([row.size for row in rows])])
        indices = np.concatenate(rows)
        return sparse.csr_array((np.ones(indices.size), indices, starts), shape=(len(rows), self.world.truth.size))

    def _grid(self, kind: str, places: Sequence[_Place], keys: Sequence[tuple[str, str]]) -> Positions:
        return self.world.published.grid(kind, [place.name for place in places], keys)


def _least(told: Positions, part_total: Positions) -> Positions:
    """What the rule about noughts gives away of entries that are not told."""
    return Table(told=told, row_total=np.zeros(told.shape[0], dtype=np.int64), part_total=part_total).least


def _months(quarter: int) -> slice:
    return slice(MONTHS_OF_QUARTER * quarter, MONTHS_OF_QUARTER * (quarter + 1))
