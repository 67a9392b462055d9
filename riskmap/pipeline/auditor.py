"""What an outside auditor gets to attack: every public number of every release as a table, and the truth apart."""

from collections.abc import Mapping

import numpy as np
import polars as pl

from geodata import hexgrid
from geodata.offences import ALL, MAPPABLE_CODES, SENSITIVE_CODES, UNSPECIFIED
from geodata.public_counts import PublicCounts

COLUMNS = ("cell", "resolution", "type", "period", "count-or-band", "kind")


def public_table(told: Mapping[str, PublicCounts]) -> pl.DataFrame:
    """Every number told, once: `COLUMNS`. A place lists its published cells; ``12``, ``5-9``, or nothing as value."""
    return pl.concat([_table(one) for one in told.values()]).unique(maintain_order=True)


def types(told: Mapping[str, PublicCounts]) -> dict[str, list[str]]:
    """Which offence groups each type of the table holds."""
    named = {
        group
        for one in told.values()
        for group in one.counts.filter(pl.col("kind") == "year_group")["offence_group"].unique()
    }
    found = {group: [group] for group in sorted(named | SENSITIVE_CODES)}
    if UNSPECIFIED in named:
        found[UNSPECIFIED] = sorted(MAPPABLE_CODES - named | {UNSPECIFIED})
    return {ALL: sorted(MAPPABLE_CODES), **found}


def truth_table(counted: pl.DataFrame) -> pl.DataFrame:
    """True counts by working cell, type and month: columns ``cell``, ``type``, ``period`` and ``count``."""
    own = counted.filter(pl.col("cell").is_not_null())
    sums = (
        own.group_by("cell", "offence_group", "month").agg(pl.col("count").sum()).sort("cell", "month", "offence_group")
    )
    return sums.select(
        pl.Series("cell", hexgrid.cell_ids(sums["cell"].to_numpy())),
        pl.col("offence_group").alias("type"),
        pl.col("month").dt.strftime("%Y-%m").alias("period"),
        "count",
    )


def _table(one: PublicCounts) -> pl.DataFrame:
    counts = one.counts.with_columns(year=pl.col("period").str.slice(0, 4).cast(pl.Int64))
    areas = one.places.filter(pl.col("level") == "area").select("place_id", "parent_id", "year", "cells")
    territory = one.places.filter(pl.col("level") == "territory")["place_id"][0]
    regions = areas.group_by("parent_id", "year").agg(pl.col("cells").str.join(";")).rename({"parent_id": "place_id"})
    whole = areas.group_by("year").agg(pl.col("cells").str.join(";")).with_columns(place_id=pl.lit(territory))
    columns = ["place_id", "year", "cells"]
    known = pl.concat([areas.select(columns), regions.select(columns), whole.select(columns)]).unique(columns[:2])
    found = counts.join(known, on=["place_id", "year"], how="left").with_columns(
        cell=pl.coalesce("cells", "place_id"),
        value=pl.when(pl.col("low") == pl.col("high"))
        .then(pl.col("low").cast(pl.String))
        .otherwise(pl.concat_str("low", "high", separator="-"))
        .fill_null(""),
    )
    first = np.array([int(cells[:15], 16) for cells in found["cell"].to_list()], dtype=np.uint64)
    return found.select(
        "cell",
        pl.Series("resolution", hexgrid.resolutions(first)),
        pl.col("offence_group").alias("type"),
        "period",
        pl.col("value").alias("count-or-band"),
        pl.concat_str("kind", "part_of_day", separator=":", ignore_nulls=True).alias("kind"),
    )
