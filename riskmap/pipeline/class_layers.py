"""Class layers of a release: its published cells, the places each is compared with, and the class of each."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from geodata import aggregate, disclosure, hexgrid
from geodata.aggregate import Period
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
    grid: pl.DataFrame, incidents: pl.DataFrame, period: Period, neighbours: Mapping[float, sparse.csr_array]
) -> NDArray[np.uint8]:
    """Class code of each published cell: a function of the bands of five that its count and all others lie in.

    No count enters, and no total: rates of similar places, what neighbours say and the posterior are all learnt from
    the bands. Whoever knows every other count of a group learns from its classes at most the band of the last one.
    """
    cells = grid["public_cell"].to_numpy()
    bands = level_bands.lowest_of_band(_count_by_public_cell(incidents, cells))
    exposure = grid["exposure"].to_numpy() * period.years
    expected = level_bands.expected_from_bands(bands, exposure, grid["similar"].to_numpy().astype(str))
    codes = risk_class.classify(level_mixture.mixed_level(bands, expected, neighbours, width=level_bands.BAND_WIDTH))
    return np.where(grid["is_protected"].to_numpy(), RiskClass.PROTECTED, codes).astype(np.uint8)


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
