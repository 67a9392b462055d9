"""Residents and addresses of each cell: totals of regions spread by a population grid, addresses counted.

A region's total says how many, the grid says where. Counts are whole people that sum exactly to the total; a person
is never split, and the rest goes to the largest remainders, so the same input gives the same cells in any order. What
nobody said stays missing: nought is written only where the grid, or the operator, says that nobody lives there.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geodata import hexgrid, population_grid
from geodata.columns import PLACES
from geodata.errors import InvalidPopulation
from geodata.population_grid import GridKind, PopulationGrid
from geodata.recognised import open_recognised, refuse_without_place
from geodata.region_index import RegionIndex
from geodata.territory import WORKING_RESOLUTION, Territory

MOST_SCALE = 3.0
"""A grid whose people, in one region, are more than so many times more or fewer than the total does not fit it:
a few cells over the border, or another country's grid. That region is left as it was, and named."""

SNAP = 1e-9
"""A share this near to a whole number is that number: the rest is rounding of the machine."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionShare:
    """What became of one region that the grid reaches; ``people`` is the grid's own number.

    ``total`` is the number spread: the region's residents, or the grid's own sum where these are not known
    (``has_total`` is false). ``is_spread`` is false where grid and total do not fit one another.
    """

    region_id: str
    people: float
    total: int
    has_total: bool
    is_spread: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """Residents by cell: ``cells`` has ``cell``, ``region_id`` and ``residents``, every cell the grid reaches.

    ``cells_outside`` and ``people_outside`` are cells and people of the grid in no region; ``unreached`` the regions
    with residents, but without any of the grid.
    """

    cells: pl.DataFrame
    regions: tuple[RegionShare, ...]
    unreached: tuple[str, ...]
    cells_outside: int
    people_outside: float


@dataclass(frozen=True, slots=True, kw_only=True)
class AddressCount:
    """Addresses by cell: ``cells`` has ``cell`` and ``addresses`` (at least 1), inside the territory only."""

    cells: pl.DataFrame
    rows_read: int
    without_place: int
    outside: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Completed:
    """A territory's places with what is known now, and how many residents live in cells it does not cover."""

    places: pl.DataFrame
    cells_added: int
    cells_uncovered: int
    residents_uncovered: int


def spread_residents(
    grid: PopulationGrid,
    territory: Territory,
    *,
    addresses: pl.DataFrame | None = None,
    is_relative: bool = False,
) -> Spread:
    """Spread the residents of each region over its cells by a grid.

    A row of the grid coarser than the working resolution is spread over its cells: by their addresses where any are
    known inside it, else evenly. A cell belongs to the region of its middle.

    Parameters
    ----------
    grid : as `population_grid.read_population` returns it
    territory : its regions' ``residents`` are the totals; a region without one keeps the grid's own number, rounded
    addresses : columns ``cell`` and ``addresses``; unless given, the territory's own
    is_relative : the grid's numbers are shares, not people; then they need not fit the totals, and a region without
        a total stays unknown

    Raises
    ------
    InvalidPopulation
        If no row of the grid lies in a region.
    """
    pairs = _on_cells(grid)
    pairs = _weighted(pairs, territory.places.select("cell", "addresses") if addresses is None else addresses)
    cells = pairs["cell"].to_numpy()
    pairs = pairs.with_columns(_region_of(cells, territory))
    is_inside = pl.col("region_id").is_not_null()
    outside = pairs.filter(~is_inside)
    inside = pairs.filter(is_inside).sort("region_id", "unit", "cell")
    if inside.height == 0:
        raise InvalidPopulation(
            f"None of the {grid.frame.height} places of the grid lies in {territory.name}; expected a grid of this "
            "territory. Check --territory and the file."
        )
    shares = _shares(inside, territory, is_relative=is_relative)
    spread = _whole_people(inside, {share.region_id: share.total for share in shares if share.is_spread})
    reached = {share.region_id for share in shares}
    known = territory.region_table.filter(pl.col("residents").is_not_null() & ~pl.col("region_id").is_in(reached))
    return Spread(
        cells=spread,
        regions=shares,
        unreached=tuple(sorted(known["region_id"])),
        cells_outside=outside["cell"].n_unique(),
        people_outside=float(outside["people"].sum()),
    )


def count_addresses(path: Path, territory: Territory) -> AddressCount:
    """Count the points of a file in each cell of the territory; nothing but their place is read.

    Raises
    ------
    UnreadableFile, UnexpectedColumns
        If the file cannot be read or its rows have no place.
    InvalidPopulation
        If no point lies in the territory.
    """
    table = open_recognised(path, {})
    refuse_without_place(table, "addresses")
    counts: dict[str, int] = {"read": 0, "placed": 0, "inside": 0}
    found = []
    outline = territory.outline
    shapely.prepare(outline)
    for frame in table.frames():
        at = table.places(frame, None).filter(pl.col("fault").is_null() & pl.col("lat").is_not_null())
        lat, lng = at["lat"].to_numpy(), at["lng"].to_numpy()
        is_inside = shapely.contains_xy(outline, lng, lat)
        cells = hexgrid.assign_cells(lat[is_inside], lng[is_inside], resolution=WORKING_RESOLUTION)
        found.append(pl.DataFrame({"cell": cells}, schema={"cell": pl.UInt64}))
        counts["read"] += frame.height
        counts["placed"] += at.height
        counts["inside"] += cells.size
    if counts["inside"] == 0:
        raise InvalidPopulation(
            f"{path.name}: none of {counts['read']} addresses lies in {territory.name} ({counts['placed']} have a "
            "place); expected points of this territory. Check --territory and the coordinates."
        )
    counted = pl.concat(found).group_by("cell").agg(pl.len().cast(pl.Int64).alias("addresses")).sort("cell")
    return AddressCount(
        cells=counted,
        rows_read=counts["read"],
        without_place=counts["read"] - counts["placed"],
        outside=counts["placed"] - counts["inside"],
    )


def completed(
    territory: Territory,
    *,
    spread: Spread | None = None,
    addresses: AddressCount | None = None,
    is_complete: bool = False,
    covers_inhabited: bool = False,
) -> Completed:
    """The territory's places with residents and addresses as now known.

    Only regions that the new numbers reach and fit change: there, what was known before is gone. A covered cell they
    leave out is unknown, or nought where ``is_complete`` says that they list every inhabited place.

    Parameters
    ----------
    covers_inhabited : cells with residents are covered too; always so where the territory has no covered cells yet
    """
    places = territory.places
    known = pl.DataFrame(schema={"cell": pl.UInt64, "region_id": pl.String, "residents": pl.Int64})
    if spread is not None:
        known = spread.cells
    added = known.join(places.select("cell"), on="cell", how="anti")
    if covers_inhabited or places.height == 0:
        new = added.with_columns(
            kind=pl.lit("unknown"), residents=pl.lit(None, pl.Int64), addresses=pl.lit(None, pl.Int64)
        )
        places = PLACES.checked(pl.concat([places, new.select(places.columns)]).sort("cell"))
        added = added.clear()
    if spread is not None:
        reached = [share.region_id for share in spread.regions if share.is_spread]
        places = _replaced(places, known.select("cell", "residents"), reached, is_complete=is_complete)
    if addresses is not None:
        of_region = addresses.cells.join(places.select("cell", "region_id"), on="cell")["region_id"].unique()
        places = _replaced(places, addresses.cells, of_region.to_list(), is_complete=is_complete)
    return Completed(
        places=PLACES.checked(places),
        cells_added=places.height - territory.places.height,
        cells_uncovered=added.height,
        residents_uncovered=int(added["residents"].sum()),
    )


def apportion(weight: NDArray[np.float64], group: NDArray[np.int64], totals: NDArray[np.int64]) -> NDArray[np.int64]:
    """Whole numbers in proportion to weights that sum to the total of each group: the largest remainders win.

    Parameters
    ----------
    weight : array of shape (n,), at least 0
    group : array of shape (n,), ascending: position of each weight's group in ``totals``
    totals : array of shape (n_groups,), at least 0; a group with a total has a weight above 0

    Returns
    -------
    array of shape (n,)
        Of equal remainders the earlier one wins.

    Examples
    --------
    >>> apportion(np.array([1.0, 1.0, 1.0, 3.0]), np.array([0, 0, 0, 1]), np.array([5, 2]))
    array([2, 2, 1, 2])
    """
    if weight.size == 0:
        return np.empty(0, dtype=np.int64)
    sums = np.bincount(group, weights=weight, minlength=totals.size)
    # Divided before it is multiplied: a share of the tiniest weights is a number too.
    share = np.divide(weight, sums[group], out=np.zeros(weight.size), where=sums[group] > 0)
    quota = share * totals[group]
    nearest = np.round(quota)
    is_whole = np.abs(quota - nearest) <= SNAP * np.maximum(1.0, quota)
    whole = np.where(is_whole, nearest, np.floor(quota)).astype(np.int64)
    remainder = np.where(is_whole, 0.0, quota - whole)
    missing = totals - np.bincount(group, weights=whole, minlength=totals.size).astype(np.int64)
    # Within a group by falling remainder; stable, so that the earlier of equals comes first.
    order = np.lexsort((-weight, -remainder, group))
    starts = np.concatenate([[0], np.cumsum(np.bincount(group, minlength=totals.size))[:-1]])
    rank = np.empty(weight.size, dtype=np.int64)
    rank[order] = np.arange(weight.size) - starts[group[order]]
    return whole + (rank < missing[group])


def _on_cells(grid: PopulationGrid) -> pl.DataFrame:
    """Which cells each row of the grid speaks of: ``unit``, ``cell``, and the row's ``people``."""
    people = grid.frame["population"].to_numpy()
    if grid.kind is GridKind.CELLS:
        cells = grid.frame["cell"].to_numpy()
        if population_grid.is_fine(grid):
            return _summed(hexgrid.to_parent(cells, WORKING_RESOLUTION), people)
        source, children = hexgrid.children(cells, WORKING_RESOLUTION)
        return pl.DataFrame({"unit": source, "cell": children, "people": people[source]})
    lat, lng = grid.frame["lat"].to_numpy(), grid.frame["lng"].to_numpy()
    cells = hexgrid.assign_cells(lat, lng, resolution=WORKING_RESOLUTION)
    if population_grid.is_fine(grid):
        return _summed(cells, people)
    return _around_points(hexgrid.in_space(lat, lng), cells, people, grid.spacing_m or 0.0)


def _summed(cells: hexgrid.Cells, people: NDArray[np.float64]) -> pl.DataFrame:
    summed = (
        pl.DataFrame({"cell": cells, "people": people})
        .sort("cell", "people")
        .group_by("cell", maintain_order=True)
        .agg(pl.col("people").sum())
    )
    return summed.select(pl.int_range(0, pl.len(), dtype=pl.Int64).alias("unit"), "cell", "people")


def _around_points(
    space: NDArray[np.float64], cells: hexgrid.Cells, people: NDArray[np.float64], spacing_m: float
) -> pl.DataFrame:
    """Cells to which each point of a coarse raster is the nearest one, within half the diagonal of its square.

    A point that is the nearest of no cell speaks of the cell it lies in.
    """
    reach_m = spacing_m * np.sqrt(0.5)
    steps = int(np.ceil(reach_m / population_grid.FINE_SPACING_M))
    around = np.unique(hexgrid.disk(np.unique(cells), steps)[1])
    distance, nearest = cKDTree(space).query(hexgrid.in_space(*hexgrid.centres(around)), distance_upper_bound=reach_m)
    is_near = np.isfinite(distance)
    unit, cell = np.asarray(nearest)[is_near].astype(np.int64), around[is_near]
    alone = np.setdiff1d(np.arange(cells.size), unit)
    unit, cell = np.concatenate([unit, alone]), np.concatenate([cell, cells[alone]])
    return pl.DataFrame({"unit": unit, "cell": cell, "people": people[unit]})


def _weighted(pairs: pl.DataFrame, addresses: pl.DataFrame) -> pl.DataFrame:
    """Each row's people shared among its cells: by addresses where its cells have any, else evenly."""
    unit = pairs["unit"].to_numpy()
    weight = np.ones(unit.size)
    known = addresses.drop_nulls("addresses")
    if known.height:
        joined = pairs.select("cell").join(known, on="cell", how="left", maintain_order="left")
        own = joined["addresses"].fill_null(0).cast(pl.Float64).to_numpy()
        weight = np.where(np.bincount(unit, weights=own)[unit] > 0, own, weight)
    share = weight / np.bincount(unit, weights=weight)[unit]
    return pairs.with_columns(pl.col("people") * pl.Series(share))


def _region_of(cells: hexgrid.Cells, territory: Territory) -> pl.Series:
    lat, lng = hexgrid.centres(cells)
    return RegionIndex.of(territory.regions).region_of(lat, lng).alias("region_id")


def _shares(inside: pl.DataFrame, territory: Territory, *, is_relative: bool) -> tuple[RegionShare, ...]:
    people = inside.group_by("region_id", maintain_order=True).agg(pl.col("people").sum())
    totals = territory.region_table.select("region_id", "residents")
    found = []
    for region_id, own, total in people.join(totals, on="region_id", how="left").sort("region_id").iter_rows():
        if total is None:
            # Half up: Python would round half to even.
            own_total = int(np.floor(own + 0.5))
            share = RegionShare(
                region_id=region_id, people=own, total=own_total, has_total=False, is_spread=not is_relative
            )
        else:
            fits = own > 0 and (is_relative or own / MOST_SCALE <= total <= own * MOST_SCALE)
            share = RegionShare(
                region_id=region_id, people=own, total=total, has_total=True, is_spread=fits or total == 0
            )
        found.append(share)
    return tuple(found)


def _whole_people(inside: pl.DataFrame, totals: dict[str, int]) -> pl.DataFrame:
    """First whole people for each row of the grid within its region, then for each of the row's cells."""
    region_ids = sorted(totals)
    spread = inside.filter(pl.col("region_id").is_in(region_ids))
    if spread.height == 0:
        return pl.DataFrame(schema={"cell": pl.UInt64, "region_id": pl.String, "residents": pl.Int64})
    positions = {region_id: position for position, region_id in enumerate(region_ids)}
    region = spread["region_id"].replace_strict(positions, return_dtype=pl.Int64).to_numpy()
    unit, people = spread["unit"].to_numpy(), spread["people"].to_numpy()
    is_first = np.ones(unit.size, dtype=np.bool_)
    is_first[1:] = (np.diff(unit) != 0) | (np.diff(region) != 0)
    row = np.cumsum(is_first) - 1
    by_row = apportion(
        np.bincount(row, weights=people).astype(np.float64),
        region[is_first],
        np.array([totals[one] for one in region_ids]),
    )
    counted = spread.select("cell", "region_id", pl.Series("residents", apportion(people, row, by_row)))
    if counted["cell"].n_unique() == counted.height:
        return counted.sort("cell")
    return counted.group_by("cell", "region_id").agg(pl.col("residents").sum()).sort("cell")


def _replaced(places: pl.DataFrame, known: pl.DataFrame, regions: list[str], *, is_complete: bool) -> pl.DataFrame:
    """``places`` with the second column of ``known`` instead of what stood there, in these regions."""
    name = known.columns[1]
    otherwise = pl.lit(0 if is_complete else None, pl.Int64)
    return (
        places.join(known.rename({name: "now"}), on="cell", how="left", maintain_order="left")
        .with_columns(
            pl.when(pl.col("region_id").is_in(regions)).then(pl.coalesce("now", otherwise)).otherwise(name).alias(name)
        )
        .drop("now")
    )
