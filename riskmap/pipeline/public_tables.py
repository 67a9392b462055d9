"""From incidents to what public counts are built of: one cube of working cells, kinds, months and parts of the day."""

import polars as pl

from geodata import disclosure
from geodata.offences import MAPPABLE_CODES, SENSITIVE_CODES
from geodata.time_profile import PARTS_OF_DAY

CUBE = pl.Schema(
    {"cell": pl.UInt64, "offence_group": pl.String, "month": pl.Date, "part_of_day": pl.String, "count": pl.Int64}
)
SENSITIVE = pl.Schema({"region_id": pl.String, "offence_group": pl.String, "month": pl.Date, "count": pl.Int64})
UNKNOWN_PART = "unknown"
TIMED_TO = ("minute", "hour")


def cube_of(incidents: pl.DataFrame, places: pl.DataFrame) -> pl.DataFrame:
    """Mappable incidents on covered cells, counted by working cell, offence group, month and part of the day.

    Parameters
    ----------
    incidents : frame with the columns of `geodata.columns.INCIDENTS`
    places : frame with the columns of `geodata.columns.PLACES`
    """
    own = incidents.filter(pl.col("offence_group").is_in(sorted(MAPPABLE_CODES))).join(
        places.select("cell"), on="cell", how="semi"
    )
    counted = own.with_columns(month=pl.col("occurred_on").dt.month_start(), part_of_day=_part_of_day(own))
    found = counted.group_by("cell", "offence_group", "month", "part_of_day").agg(count=pl.len().cast(pl.Int64))
    return found.sort(list(CUBE)[:-1]).cast(CUBE).select(list(CUBE))


def sensitive_of(incidents: pl.DataFrame) -> pl.DataFrame:
    """Sensitive incidents counted by region, offence group and month; those of no region are left out."""
    own = incidents.filter(pl.col("offence_group").is_in(sorted(SENSITIVE_CODES)), pl.col("region_id").is_not_null())
    counted = own.with_columns(month=pl.col("occurred_on").dt.month_start())
    found = counted.group_by("region_id", "offence_group", "month").agg(count=pl.len().cast(pl.Int64))
    return found.sort(list(SENSITIVE)[:-1]).cast(SENSITIVE).select(list(SENSITIVE))


def grid_of(places: pl.DataFrame) -> pl.DataFrame:
    """Published cells with the region most of their working cells lie in, and whether they are protected."""
    return (
        places.join(disclosure.public_cells(places), on="cell")
        .group_by("public_cell")
        .agg(pl.col("region_id").mode().sort().first(), pl.col("is_protected").any())
        .sort("public_cell")
    )


def _part_of_day(incidents: pl.DataFrame) -> pl.Series:
    """Part of the local day an incident is known to lie in."""
    zones = incidents["time_zone"].unique().to_list()
    hour = (
        pl.coalesce(
            pl.when(pl.col("time_zone") == zone).then(pl.col("occurred_from").dt.convert_time_zone(zone).dt.hour())
            for zone in zones
        )
        if zones
        else pl.lit(None, dtype=pl.Int8)
    )
    part = pl.coalesce(
        pl.when(hour.is_between(first, last, closed="left")).then(pl.lit(name))
        for name, (first, last) in PARTS_OF_DAY.items()
    )
    is_timed = pl.col("time_precision").is_in(TIMED_TO)
    return incidents.select(
        pl.when(is_timed).then(part).otherwise(None).fill_null(UNKNOWN_PART).alias("part_of_day")
    ).to_series()
