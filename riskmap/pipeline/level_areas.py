"""Which areas have a level of their own: regions where outlines are known, else cells of a coarser resolution."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata import hexgrid
from geodata.hexgrid import Cells

COARSE_RESOLUTION = 6
"""About 36 km²: areas of resolution 5 gained less, those of 7 lost where a group is rare."""


def level_areas(cells: Cells, places: pl.DataFrame | None) -> NDArray[np.int64]:
    """Number of each cell's area, from 0 without gaps, as `models.level.AtLevel` takes it.

    Parameters
    ----------
    cells : uint64 array of shape (n_cells,), of one resolution
    places : of `geodata.columns.PLACES`, at that resolution
        Their regions are the areas, and cells beyond them one more. Without places, the areas are cells of resolution
        6, or the whole where the cells are no finer than that.
    """
    if places is not None:
        own = pl.DataFrame({"cell": cells}).join(
            places.select("cell", "region_id"), on="cell", how="left", maintain_order="left"
        )
        area = own["region_id"].cast(pl.String).fill_null("").to_numpy()
    elif cells.size and hexgrid.resolution_of(cells) > COARSE_RESOLUTION:
        area = hexgrid.to_parent(cells, COARSE_RESOLUTION)
    else:
        area = np.zeros(cells.size, dtype=np.int64)
    return np.unique(area, return_inverse=True)[1].astype(np.int64)
