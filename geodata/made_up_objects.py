"""Simulated public objects of Үлгіқала: cameras, street lights, police posts and road accidents, drawn from one seed.

They are drawn without a look at the made-up incidents and no model learns from them: they show what the map's layers
look like where owners say that their objects may be shown.
"""

from datetime import date, timedelta

import numpy as np
import polars as pl

from geodata.made_up_city import MadeUpCity
from geodata.public_objects import ObjectKind

OWNER = "Ulgiqala (simulated)"
DATED = date(2025, 12, 20)
YEAR = 2025
CAMERAS_AT = 0.4
"""Share of bus stops with a camera."""
POSTS = 9
CROSSINGS = 60
ACCIDENTS_A_YEAR = 4.0
"""At each of the dangerous crossings."""
ELSEWHERE = 120


def objects(city: MadeUpCity) -> pl.DataFrame:
    """Rows of a file for `geodata.public_objects.read_objects`; the same city gives the same rows."""
    rng = np.random.default_rng([city.seed, 7])
    stops = city.stops.select("lat", "lng")
    lit = city.lights.filter("is_lit").select("lat", "lng")
    has_camera = rng.uniform(size=stops.height) < CAMERAS_AT
    posts = stops[np.sort(rng.choice(stops.height, POSTS, replace=False)).tolist()]
    places = [
        _rows(ObjectKind.CAMERA, stops.filter(pl.Series(has_camera))),
        _rows(ObjectKind.LIGHT, lit),
        _rows(ObjectKind.POLICE, posts),
    ]
    return pl.concat([*places, _accidents(rng, stops, lit)])


def _accidents(rng: np.random.Generator, stops: pl.DataFrame, lit: pl.DataFrame) -> pl.DataFrame:
    at = rng.choice(stops.height, CROSSINGS, replace=False)
    times = np.repeat(at, rng.poisson(ACCIDENTS_A_YEAR, CROSSINGS))
    elsewhere = rng.choice(lit.height, ELSEWHERE, replace=False)
    spots = pl.concat([stops[times.tolist()], lit[elsewhere.tolist()]])
    days = [date(YEAR, 1, 1) + timedelta(days=int(day)) for day in rng.integers(0, 365, spots.height)]
    hurt = 1 + rng.poisson(0.4, spots.height)
    return _rows(ObjectKind.ACCIDENT, spots).with_columns(
        date=pl.Series(days, dtype=pl.Date), casualties=pl.Series(hurt, dtype=pl.Int64)
    )


def _rows(kind: ObjectKind, places: pl.DataFrame) -> pl.DataFrame:
    return places.select(
        kind=pl.lit(kind.value),
        lat="lat",
        lng="lng",
        date=pl.lit(None, pl.Date),
        casualties=pl.lit(None, pl.Int64),
    )
