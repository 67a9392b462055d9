"""Which cells may be published as themselves.

Cells form one partition. A cell with 1–7 addresses or 1–19 residents, or where one spot (a hostel, a clinic, the point
that a register puts what it cannot place) has most of the incidents, is published only as part of its parent, with all
of the parent's cells, so that no sibling can be subtracted; a parent still that small is grey. Where addresses are
unknown, every cell is published as its parent. What may be counted there stands in `geodata.public_counts`.
"""

import numpy as np
import polars as pl

from geodata import hexgrid

LEAST_RESIDENTS = 20
LEAST_ADDRESSES = 8
MOST_OF_ONE_SPOT = 0.5
"""A spot with a larger share of a cell's incidents dominates it."""
LEAST_TO_DOMINATE = 5
"""Of fewer incidents in a cell, one spot having most says nothing."""
SPOT_DECIMALS = 5
"""Of degrees: about a metre."""


def dominated_cells(incidents: pl.DataFrame) -> hexgrid.Cells:
    """Cells where one spot has most of the incidents, ascending.

    Parameters
    ----------
    incidents : frame with ``cell``, ``lat`` and ``lng``; rows without a place are left out
    """
    spots = (
        incidents.drop_nulls("cell")
        .group_by("cell", pl.col("lat").round(SPOT_DECIMALS), pl.col("lng").round(SPOT_DECIMALS))
        .len()
        .group_by("cell")
        .agg(pl.col("len").sum().alias("incidents"), pl.col("len").max().alias("most"))
    )
    found = spots.filter(
        pl.col("incidents") >= LEAST_TO_DOMINATE, pl.col("most") > MOST_OF_ONE_SPOT * pl.col("incidents")
    )
    return found["cell"].sort().to_numpy()


def public_cells(places: pl.DataFrame, *, dominated: hexgrid.Cells | None = None) -> pl.DataFrame:
    """For each covered cell, the cell it is published as, and whether that one is grey to protect people.

    Parameters
    ----------
    places : frame with the columns of `geodata.columns.PLACES`
    dominated : cells of `dominated_cells`

    Returns
    -------
    DataFrame
        Columns ``cell``, ``public_cell`` (itself or its parent) and ``is_protected``, in the order of ``places``.
    """
    resolution = hexgrid.resolution_of(places["cell"].to_numpy())
    with_parent = places.with_columns(
        pl.Series("parent", hexgrid.to_parent(places["cell"].to_numpy(), resolution - 1)),
        (
            _is_small("addresses", LEAST_ADDRESSES)
            | _is_small("residents", LEAST_RESIDENTS)
            | pl.Series(np.isin(places["cell"].to_numpy(), [] if dominated is None else dominated))
        ).alias("is_small"),
        pl.col("addresses").is_null().alias("is_unknown"),
    )
    return (
        with_parent.with_columns(
            (pl.col("is_small") | pl.col("is_unknown")).any().over("parent").alias("is_rolled_up"),
            pl.col("addresses", "residents").sum().over("parent").name.prefix("parent_"),
        )
        .with_columns(
            pl.when("is_rolled_up").then("parent").otherwise("cell").alias("public_cell"),
            (
                pl.col("is_rolled_up")
                & ~pl.col("is_unknown").any().over("parent")
                & (_is_small("parent_addresses", LEAST_ADDRESSES) | _is_small("parent_residents", LEAST_RESIDENTS))
            ).alias("is_protected"),
        )
        .select("cell", "public_cell", "is_protected")
    )


def _is_small(column: str, least: int) -> pl.Expr:
    return pl.col(column).is_between(1, least - 1).fill_null(value=False)
