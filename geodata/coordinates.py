"""Coordinates as delivered → places in a territory, and what is wrong with those that are none.

Degrees are taken as they are; metres and feet of a projected coordinate system are turned into degrees (WGS84).
"""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray
from pyproj import CRS, Transformer

from geodata.faults import Fault
from geodata.timestamps import clean_text

WGS84 = "EPSG:4326"
OUTLINE_TOLERANCE_DEG = 0.01
"""A point this far outside the outline still counts as inside (about 1 km): outlines are simplified, points rounded."""


def read_places(
    frame: pl.DataFrame,
    layout: Mapping[str, str],
    outline: shapely.Geometry | None,
    *,
    coordinate_system: str | None = None,
    decimal: str | None = None,
) -> pl.DataFrame:
    """The place of each row of a raw batch.

    No coordinates at all, or 0/0, is no place and no fault. Decimal commas are read.

    Parameters
    ----------
    layout : canonical name → column, with ``lat`` and ``lng``, or ``x`` and ``y``, or none of them
    outline : the territory (longitude first); None where every point on Earth is taken
    coordinate_system : what ``x`` and ``y`` are measured in: a code such as EPSG:32643, or WKT
    decimal : ``,`` where points and spaces only group digits

    Returns
    -------
    frame of n_rows rows
        ``lat``, ``lng`` in degrees (missing: no place) and ``fault`` (missing where there is none).
    """
    if "x" in layout:
        frame = _unprojected(frame[layout["x"]], frame[layout["y"]], coordinate_system or WGS84, decimal)
    elif "lat" in layout:
        frame = pl.DataFrame(
            {**_degrees(frame[layout["lat"]], "lat", decimal), **_degrees(frame[layout["lng"]], "lng", decimal)}
        )
    else:
        none = {"lat": pl.Float64, "lng": pl.Float64, "fault": pl.String}
        return pl.DataFrame({name: pl.Series([None] * frame.height, dtype=dtype) for name, dtype in none.items()})
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


def as_numbers(column: pl.Series, decimal: str | None = None) -> pl.Series:
    """Coordinates as numbers; missing where they are none. Either decimal sign is read unless one is told."""
    if column.dtype.is_numeric():
        return column.cast(pl.Float64)
    text = clean_text(column)
    if decimal == ",":
        text = text.str.replace_all(r"[.\s']", "")
    return text.str.replace(",", ".", literal=True).cast(pl.Float64, strict=False)


def _degrees(column: pl.Series, name: str, decimal: str | None) -> dict[str, pl.Series]:
    degrees = as_numbers(column, decimal)
    if column.dtype.is_numeric():
        is_blank = degrees.is_null() | degrees.is_nan().fill_null(value=False)
    else:
        is_blank = clean_text(column).is_null()
    return {name: degrees, f"no_{name}": is_blank}


def _unprojected(x: pl.Series, y: pl.Series, coordinate_system: str, decimal: str | None) -> pl.DataFrame:
    """Degrees of projected points; points that are none stay as they are, so that their fault can be told."""
    frame = pl.DataFrame({**_degrees(y, "lat", decimal), **_degrees(x, "lng", decimal)})
    transformer = _to_degrees(coordinate_system)
    if transformer is None:
        return frame
    is_point = (
        frame.select(
            pl.all_horizontal(pl.col("lat", "lng").is_finite()) & pl.any_horizontal(pl.col("lat", "lng").abs() >= 1e-9)
        )
        .to_series()
        .fill_null(value=False)
        .to_numpy()
    )
    east, north = frame["lng"].to_numpy(), frame["lat"].to_numpy()
    lng, lat = _copied(east), _copied(north)
    lng[is_point], lat[is_point] = transformer.transform(east[is_point], north[is_point])
    is_missing = pl.col("no_lat"), pl.col("no_lng")
    return frame.with_columns(lat=pl.Series(lat), lng=pl.Series(lng)).with_columns(
        lat=pl.when(~is_missing[0]).then("lat"), lng=pl.when(~is_missing[1]).then("lng")
    )


def _copied(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64, copy=True)


@lru_cache(maxsize=32)
def _to_degrees(coordinate_system: str) -> Transformer | None:
    """What turns x and y into longitude and latitude; None where they are that already."""
    system = CRS.from_user_input(coordinate_system)
    if system == CRS.from_epsg(4326):
        return None
    return Transformer.from_crs(system, 4326, always_xy=True)


@lru_cache(maxsize=8)
def _reach(outline: shapely.Geometry) -> shapely.Geometry:
    reach = outline.simplify(OUTLINE_TOLERANCE_DEG / 10).buffer(OUTLINE_TOLERANCE_DEG, quad_segs=2)
    shapely.prepare(reach)
    return reach
