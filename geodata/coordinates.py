"""Latitude and longitude as delivered → places in a territory, and what is wrong with those that are none."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import polars as pl
import shapely

from geodata.faults import Fault
from geodata.timestamps import clean_text

OUTLINE_TOLERANCE_DEG = 0.01
"""A point this far outside the outline still counts as inside (about 1 km): outlines are simplified, points rounded."""


def read_places(frame: pl.DataFrame, layout: Mapping[str, str], outline: shapely.Geometry | None) -> pl.DataFrame:
    """The place of each row of a raw batch.

    No coordinates at all, or 0/0, is no place and no fault. Decimal commas are read.

    Parameters
    ----------
    layout : canonical name → column, with ``lat`` and ``lng``
    outline : the territory (longitude first); None where every point on Earth is taken

    Returns
    -------
    frame of n_rows rows
        ``lat``, ``lng`` in degrees (missing: no place) and ``fault`` (missing where there is none).
    """
    frame = pl.DataFrame({**_degrees(frame[layout["lat"]], "lat"), **_degrees(frame[layout["lng"]], "lng")})
    is_number = pl.col("lat").is_finite() & pl.col("lng").is_finite()
    is_on_earth = is_number & (pl.col("lat").abs() <= 90) & (pl.col("lng").abs() <= 180)
    has_none = (pl.col("no_lat") & pl.col("no_lng")) | (
        is_number & (pl.col("lat").abs() < 1e-9) & (pl.col("lng").abs() < 1e-9)
    )
    has_one = pl.col("no_lat") != pl.col("no_lng")
    judged = frame.select(
        "lat",
        "lng",
        has_none=has_none.fill_null(value=False),
        has_one=has_one,
        is_number=is_number.fill_null(value=False),
        is_on_earth=is_on_earth.fill_null(value=False),
    )
    lat, lng = judged["lat"].to_numpy(), judged["lng"].to_numpy()
    is_inside = judged["is_on_earth"].to_numpy().copy()
    is_swapped = np.zeros_like(is_inside)
    if outline is not None:
        reach = _reach(outline)
        is_inside[is_inside] = shapely.contains_xy(reach, lng[is_inside], lat[is_inside])
        stray = ~is_inside & (judged["is_number"] & ~judged["has_none"]).to_numpy()
        is_swapped[stray] = shapely.contains_xy(reach, lat[stray], lng[stray])
    return judged.with_columns(is_inside=is_inside, is_swapped=is_swapped).select(
        pl.when(~pl.col("has_none")).then("lat").alias("lat"),
        pl.when(~pl.col("has_none")).then("lng").alias("lng"),
        pl.when("has_none")
        .then(None)
        .when("has_one")
        .then(pl.lit(Fault.INCOMPLETE_COORDINATES.value))
        .when("is_swapped")
        .then(pl.lit(Fault.SWAPPED_COORDINATES.value))
        .when(~pl.col("is_on_earth"))
        .then(pl.lit(Fault.IMPOSSIBLE_COORDINATES.value))
        .when(~pl.col("is_inside"))
        .then(pl.lit(Fault.OUTSIDE_TERRITORY.value))
        .alias("fault"),
    )


def _degrees(column: pl.Series, name: str) -> dict[str, pl.Series]:
    if column.dtype.is_numeric():
        degrees = column.cast(pl.Float64)
        is_blank = degrees.is_null() | degrees.is_nan().fill_null(value=False)
    else:
        text = clean_text(column)
        is_blank = text.is_null()
        degrees = text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)
    return {name: degrees, f"no_{name}": is_blank}


@lru_cache(maxsize=8)
def _reach(outline: shapely.Geometry) -> shapely.Geometry:
    reach = outline.simplify(OUTLINE_TOLERANCE_DEG / 10).buffer(OUTLINE_TOLERANCE_DEG, quad_segs=2)
    shapely.prepare(reach)
    return reach
