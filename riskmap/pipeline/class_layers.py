"""Class layers of a release: its published cells, the places each is compared with, and the class of each."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from geodata import aggregate, disclosure, hexgrid, public_counts, public_partition
from geodata.aggregate import Period
from geodata.public_counts import PublicCounts
from geodata.territory import Territory
from models import level_bands, level_mixture, risk_class
from models.risk_class import RiskClass

RESIDENT_BANDS = 4


def public_grid(places: pl.DataFrame, territory: Territory, *, dominated: hexgrid.Cells | None = None) -> pl.DataFrame:
    """One row per published cell: its area, exposure, protection, and ``similar``, the places it is compared with.

    Similar places are those of a country's same region, or of the whole of any other territory, with residents of the
    same quarter of density; places where nobody lives are compared with each other, per covered cell. Where residents
    are unknown, all places are similar.
    """
    grid = (
        places.join(disclosure.public_cells(places, dominated=dominated), on="cell")
        .group_by("public_cell")
        .agg(
            pl.len().alias("working_cells"),
            pl.col("residents").sum(),
            pl.col("is_protected").any(),
            pl.col("region_id").mode().sort().first(),
        )
        .sort("public_cell")
    )
    band, exposure = pl.lit(0), pl.col("working_cells")
    if territory.has_residents:
        density = pl.col("residents") / pl.col("working_cells")
        inhabited = grid.filter(pl.col("residents") > 0).select(density.alias("density"))["density"]
        cuts = [float(inhabited.quantile(q / RESIDENT_BANDS) or 0) for q in range(1, RESIDENT_BANDS)]
        is_inhabited = pl.col("residents") > 0
        band = (
            pl.when(is_inhabited)
            .then(1 + pl.sum_horizontal((density > cut).cast(pl.Int64) for cut in cuts))
            .otherwise(0)
        )
        exposure = pl.when(is_inhabited).then("residents").otherwise("working_cells")
    country_region = pl.col("region_id") if territory.official else pl.lit("")
    return grid.with_columns(
        pl.format("{}:{}", country_region, band).alias("similar"),
        exposure.cast(pl.Float64).alias("exposure"),
        pl.Series("resolution", hexgrid.resolutions(grid["public_cell"].to_numpy())),
    )


def classes(
    grid: pl.DataFrame,
    incidents: pl.DataFrame,
    period: Period,
    neighbours: Mapping[float, sparse.csr_array],
    *,
    area_of_cell: NDArray[np.int64],
    is_total_told: bool,
) -> NDArray[np.uint8]:
    """Class code of each published cell: a function of the bands of five that its count and all others lie in.

    No count of a cell enters: rates of similar places, what neighbours say and the posterior are all learnt from the
    bands. Whoever knows every other count of a group learns from its classes at most the band of the last one. Where
    bands beside the exact total of their area could tell more than that, its cells share the total by exposure.

    Parameters
    ----------
    area_of_cell : int array of shape (n_cells,), from `areas_of_cells`
    is_total_told : whether exact totals of areas are published for the same incidents and period
    """
    cells = grid["public_cell"].to_numpy()
    exposure = grid["exposure"].to_numpy() * period.years
    counts = _count_by_public_cell(incidents, cells)
    bands = _told_bands(counts, exposure, area_of_cell, is_total_told=is_total_told)
    expected = level_bands.expected_from_bands(bands, exposure, grid["similar"].to_numpy().astype(str))
    codes = risk_class.classify(level_mixture.mixed_level(bands, expected, neighbours, width=level_bands.BAND_WIDTH))
    return np.where(grid["is_protected"].to_numpy(), RiskClass.PROTECTED, codes).astype(np.uint8)


def areas_of_cells(grid: pl.DataFrame, public: PublicCounts) -> NDArray[np.int64]:
    """Number of the area of the newest year that holds each published cell; a number of its own where none does."""
    cells = grid["public_cell"].to_numpy()
    years = public.places["year"].drop_nulls()
    if years.is_empty():
        return np.arange(cells.size)
    partition = public_partition.read(public.places, int(str(years.max())))
    area = dict(zip(partition.cells.tolist(), partition.area_of_cell.tolist(), strict=True))
    alone = len(partition.area_ids)
    return np.array([area.get(cell, alone + at) for at, cell in enumerate(cells.tolist())], dtype=np.int64)


def _told_bands(
    counts: NDArray[np.int64], exposure: NDArray[np.float64], area_of_cell: NDArray[np.int64], *, is_total_told: bool
) -> NDArray[np.int64]:
    """Lowest count of each cell's band of five, or of its share of the area's total; see `classes`."""
    areas, area = np.unique(area_of_cell, return_inverse=True)
    n_cells = np.bincount(area, minlength=areas.size)
    total = np.bincount(area, weights=counts, minlength=areas.size).astype(np.int64)
    bands = level_bands.lowest_of_band(counts)
    width = public_counts.band_width(n_cells)
    lowest = np.bincount(area, weights=bands, minlength=areas.size).astype(np.int64)
    is_open = width == level_bands.BAND_WIDTH
    if is_total_told:
        is_open &= public_counts.leave_enough_open(total, lowest, n_cells, width)
    exposed = np.bincount(area, weights=exposure, minlength=areas.size)
    share = np.where(exposed[area] > 0, exposure / np.where(exposed > 0, exposed, 1.0)[area], 1.0 / n_cells[area])
    # Rounded first, so that a share of exactly five stays five on every machine.
    shared = level_bands.lowest_of_band(np.floor(np.round(total[area] * share, 9)).astype(np.int64))
    return np.where(is_open[area], bands, shared)


def similar_places(territory: Territory) -> dict[str, Any]:
    """What "similar places" means in this release, for the manifest."""
    return {
        "within": "region" if territory.official else "territory",
        "residents_bands": RESIDENT_BANDS if territory.has_residents else None,
        "reference": "common rate per resident and year"
        if territory.has_residents
        else "common count per covered cell",
    }


def _count_by_public_cell(incidents: pl.DataFrame, cells: NDArray[np.uint64]) -> NDArray[np.int64]:
    """Incidents per published cell; resolutions are mixed, and each incident belongs to one of them."""
    counts = np.zeros(cells.size, dtype=np.int64)
    resolutions = hexgrid.resolutions(cells)
    for resolution in np.unique(resolutions):
        at = resolutions == resolution
        counts[at] = aggregate.count_by_cell(incidents, cells[at])
    return counts
