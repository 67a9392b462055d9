"""What the model of places may know of a cell beside incidents: who lives there and what kind of place it is.

Never a feature of people: no income, language, nationality or age. A test keeps the list.
"""

import numpy as np
import polars as pl

from geodata.hexgrid import Cells
from models.stacked import CellFeatures

COUNTS = ("residents", "addresses")
"""They act by their logarithm."""

KINDS = ("centre", "market", "park", "industry")
"""Against everything else, which is residential or unknown."""


def features_of(places: pl.DataFrame, cells: Cells) -> CellFeatures | None:
    """Features of the given cells; None where the territory says nothing of its places.

    Parameters
    ----------
    places : of `geodata.columns.PLACES`
    cells : uint64 array of shape (n_cells,) at the working resolution; those the territory does not cover know nothing
    """
    names = [name for name in COUNTS if places[name].null_count() < places.height]
    kinds = [kind for kind in KINDS if (places["kind"] == kind).any()]
    if not names and not kinds:
        return None
    known = pl.DataFrame({"cell": cells}).join(places, on="cell", how="left", maintain_order="left")
    columns = [np.log1p(known[name].cast(pl.Float64).fill_null(np.nan).to_numpy()) for name in names]
    columns += [(known["kind"] == kind).cast(pl.Float64).fill_null(np.nan).to_numpy() for kind in kinds]
    return CellFeatures(names=(*names, *(f"kind: {kind}" for kind in kinds)), values=np.column_stack(columns))
