"""How the cells of a calendar year make areas, and areas regions: fixed for the year, however places change."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata import hexgrid, public_areas
from geodata.columns import PUBLIC_CROSSWALK, PUBLIC_PLACES, PUBLIC_RESIDENTS

TERRITORY, REGION, AREA = "territory", "region", "area"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Partition:
    """A year's areas and regions, by their position.

    Attributes
    ----------
    cells : uint64 array of shape (n_cells,), ascending
        Published cells; resolutions may be mixed, none holds another.
    area_of_cell : int array of shape (n_cells,)
    region_of_area : int array of shape (n_areas,), ascending
    """

    year: int
    cells: hexgrid.Cells
    area_of_cell: NDArray[np.int64]
    area_ids: tuple[str, ...]
    region_of_area: NDArray[np.int64]
    region_ids: tuple[str, ...]

    def position_of(self, working: hexgrid.Cells) -> NDArray[np.int64]:
        """Position of the published cell that holds each working cell; -1 where none does."""
        return position_of(self.cells, working)


def position_of(cells: hexgrid.Cells, working: hexgrid.Cells) -> NDArray[np.int64]:
    """Position among ``cells`` of the one that is, or holds, each working cell; -1 where none does."""
    found = np.full(working.size, -1, dtype=np.int64)
    if cells.size == 0:
        return found
    for resolution in np.unique(hexgrid.resolutions(cells)):
        parents = hexgrid.to_parent(working, int(resolution))
        at = np.minimum(np.searchsorted(cells, parents), cells.size - 1)
        found = np.where((cells[at] == parents) & (found < 0), at, found)
    return found


def formed(year: int, grid: pl.DataFrame, counts: NDArray[np.float64]) -> Partition:
    """Areas of a year from the counts of twelve months.

    Parameters
    ----------
    grid : frame of ``public_cell`` (ascending) and ``region_id``
    counts : array of shape (n_cells,)
    """
    cells = grid["public_cell"].to_numpy()
    region_ids = sorted(grid["region_id"].unique().to_list())
    region_of_cell = np.searchsorted(region_ids, grid["region_id"].to_numpy().astype(str)).astype(np.int64)
    area_of_cell = public_areas.form(cells, region_of_cell, counts)
    region_of_area = np.zeros(int(area_of_cell.max(initial=-1)) + 1, dtype=np.int64)
    region_of_area[area_of_cell] = region_of_cell
    return Partition(
        year=year,
        cells=cells,
        area_of_cell=area_of_cell,
        area_ids=tuple(_names(year, region_ids, region_of_area)),
        region_of_area=region_of_area,
        region_ids=tuple(region_ids),
    )


def read(places: pl.DataFrame, year: int) -> Partition:
    """The partition of a year as it was published."""
    areas = places.filter(pl.col("level") == AREA, pl.col("year") == year)
    region_ids = sorted(areas["parent_id"].unique().to_list())
    lists = [np.array([int(text, 16) for text in cells.split(";")], dtype=np.uint64) for cells in areas["cells"]]
    cells = np.concatenate(lists) if lists else np.empty(0, dtype=np.uint64)
    area_of_cell = np.repeat(np.arange(len(lists)), [own.size for own in lists]).astype(np.int64)
    order = np.argsort(cells)
    return Partition(
        year=year,
        cells=cells[order],
        area_of_cell=area_of_cell[order],
        area_ids=tuple(areas["place_id"].to_list()),
        region_of_area=np.searchsorted(region_ids, areas["parent_id"].to_numpy().astype(str)).astype(np.int64),
        region_ids=tuple(region_ids),
    )


def listed(territory: str, partition: Partition) -> pl.DataFrame:
    """Rows of `geodata.columns.PUBLIC_PLACES`: the territory, its regions, and the year's areas with their cells."""
    ids = np.array(hexgrid.cell_ids(partition.cells), dtype=object)
    cuts = np.cumsum(np.bincount(partition.area_of_cell, minlength=len(partition.area_ids)))[:-1]
    by_area = np.split(ids[np.argsort(partition.area_of_cell, kind="stable")], cuts)
    above: list[tuple[str, str, str | None, int | None, str | None]] = [(territory, TERRITORY, None, None, None)]
    above += [(region, REGION, territory, None, None) for region in partition.region_ids]
    areas = [
        (area, AREA, partition.region_ids[region], partition.year, ";".join(own))
        for area, region, own in zip(partition.area_ids, partition.region_of_area, by_area, strict=True)
    ]
    return pl.DataFrame([*above, *areas], schema=PUBLIC_PLACES.schema, orient="row")


def crosswalk(places: pl.DataFrame) -> pl.DataFrame:
    """Which areas of the next year an area's cells went to: `geodata.columns.PUBLIC_CROSSWALK`."""
    areas = places.filter(pl.col("level") == AREA)
    cells = areas.select("place_id", "year", pl.col("cells").str.split(";")).explode("cells")
    next_year = cells.select("cells", pl.col("year") - 1, next_place_id="place_id")
    shared = cells.join(next_year, on=["cells", "year"]).group_by("place_id", "year", "next_place_id").len()
    found = shared.select("place_id", "year", "next_place_id", pl.col("len").cast(pl.Int64).alias("shared_cells"))
    return PUBLIC_CROSSWALK.checked(found.sort("year", "place_id", "next_place_id"))


def residents(places: pl.DataFrame, grid: pl.DataFrame) -> pl.DataFrame:
    """Residents of each area all of whose cells the grid has, to tens: `geodata.columns.PUBLIC_RESIDENTS`.

    Parameters
    ----------
    places : frame of `geodata.columns.PUBLIC_PLACES`
    grid : frame of ``public_cell`` and ``residents``
    """
    known = pl.DataFrame({"cells": hexgrid.cell_ids(grid["public_cell"].to_numpy()), "residents": grid["residents"]})
    areas = places.filter(pl.col("level") == AREA).select("place_id", pl.col("cells").str.split(";")).explode("cells")
    found = (
        areas.join(known, on="cells", how="left")
        .group_by("place_id")
        .agg(pl.col("residents").sum(), pl.col("residents").null_count().alias("missing"))
        .filter(pl.col("missing") == 0)
    )
    rounded = ((pl.col("residents") / 10).round() * 10).cast(pl.Int64)
    return PUBLIC_RESIDENTS.checked(found.select("place_id", rounded).sort("place_id"))


def _names(year: int, region_ids: list[str], region_of_area: NDArray[np.int64]) -> Iterator[str]:
    seen = np.zeros(len(region_ids), dtype=np.int64)
    for region in region_of_area:
        seen[region] += 1
        yield f"{region_ids[region]}-{year}-{seen[region]:02d}"
