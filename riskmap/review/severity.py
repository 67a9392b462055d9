"""The second index of reviewers: expected incidents weighed by severity, from what a run keeps in its details.

The weight of an offence group is the mean weight of its past incidents in the territory (`geodata.harm_index`); places
differ in it only by what is expected there. So the index tells no past case, and within one group it says nothing that
the expected number does not say: it is told for all offences together.
"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from geodata.offences import ALL


def weighs(details: Mapping[str, Any]) -> bool:
    """Whether the run has weights at all; older runs have none, nor have records without articles of the Code."""
    told = details.get("severity") or {}
    return bool(told.get("weights"))


def of_cells(cells: pl.DataFrame, details: Mapping[str, Any]) -> pl.DataFrame:
    """Severity of each cell: days of the longest sanction that are expected there over the horizon.

    Parameters
    ----------
    cells : rows of `geodata.columns.EXPECTED_INCIDENTS` of cells, at one horizon, of every group
    details : of the run, with its ``severity``

    Returns
    -------
    DataFrame
        ``area_id`` and ``severity_days``. Groups without a forecast of their own count with their share of all;
        groups without a weight do not count.
    """
    told = details["severity"]
    weights: Mapping[str, float] = told["weights"]
    rest = told.get("rest")
    days = {**weights, **({ALL: rest["share"] * rest["days"]} if rest else {})}
    weighed = cells.select(
        "area_id",
        severity_days=pl.col("expected_incidents")
        * pl.col("offence_group").replace_strict(list(days), list(days.values()), default=0.0, return_dtype=pl.Float64),
    )
    return weighed.group_by("area_id", maintain_order=True).agg(pl.col("severity_days").sum())
