"""A small made-up town on the open ocean, where no real place could be meant, and its seeded incidents."""

from datetime import date, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import polars as pl
import shapely

from geodata import hexgrid
from geodata.columns import PLACES
from geodata.territory import Names, Territory

ZONE = "Etc/GMT+3"
LAT, LNG = 30.0, -40.0
FIRST_DAY = date(2024, 1, 1)
DAYS = 500
ROWS = 4_000
CATEGORIES = {"theft": 0.6, "burglary": 0.25, "assault": 0.15}
NAMES = Names(kk="Қалашық", ru="Городок", en="Small town")
EDGES = (-90.0, -40.006, -39.994, 0.0)
"""Longitudes between which the three districts lie."""


def town_cells() -> np.ndarray:
    """127 cells of the working resolution, ascending."""
    centre = hexgrid.assign_cells(np.array([LAT]), np.array([LNG]), resolution=9)
    return np.sort(np.unique(hexgrid.disk(centre, 6)[1]))


def a_territory(*, residents: int | None = 150, addresses: int | None = 50, few: int = 0) -> Territory:
    """The town with three districts d1 to d3, west to east; ``few`` cells at its edge have three residents each."""
    cells = town_cells()
    lat, lng = hexgrid.centres(cells)
    region = np.array([f"d{1 + np.searchsorted(EDGES[1:3], x)}" for x in lng])
    people = [residents] * cells.size
    for position in np.argsort(-np.hypot(lat - LAT, lng - LNG))[:few]:
        people[position] = 3
    places = pl.DataFrame(
        {
            "cell": cells,
            "region_id": region,
            "kind": ["residential"] * cells.size,
            "residents": people,
            "addresses": [addresses] * cells.size,
        },
        schema=PLACES.schema,
    )
    rows = [
        {
            "region_id": f"d{number}",
            "name_kk": f"{number}-аудан",
            "name_ru": f"Район {number}",
            "name_en": f"District {number}",
            "zone": ZONE,
            "residents": places.filter(region_id=f"d{number}")["residents"].sum() if residents else None,
            "official_count": None,
        }
        for number in (1, 2, 3)
    ]
    strips = [shapely.box(EDGES[i], LAT - 0.2, EDGES[i + 1], LAT + 0.2) for i in range(3)]
    around = shapely.box(LNG - 0.2, LAT - 0.2, LNG + 0.2, LAT + 0.2)
    return Territory(
        name="smalltown",
        names=NAMES,
        zone=ZONE,
        regions=gpd.GeoDataFrame(rows, geometry=[strip & around for strip in strips], crs=4326),
        places=PLACES.checked(places),
        is_simulated=True,
        origin=Names(kk="сынақ үшін ойдан құрастырылған", ru="вымышлено для проверки", en="made up for tests"),
    )


def some_incidents(*, rows: int = ROWS, first_day: date = FIRST_DAY, days: int = DAYS, seed: int = 11) -> pl.DataFrame:
    """Incidents as a source would write them, local time; lasting differences between cells, none in time."""
    rng = np.random.default_rng(seed)
    cells = town_cells()
    level = np.random.default_rng(5).lognormal(0.0, 1.2, cells.size)
    chosen = rng.choice(cells.size, rows, p=level / level.sum())
    lat, lng = (side[chosen] for side in hexgrid.centres(cells))
    start = datetime(first_day.year, first_day.month, first_day.day)  # noqa: DTZ001 (local, as a source writes it)
    minutes = np.sort(rng.choice(days * 24 * 60, rows, replace=False))
    return pl.DataFrame(
        {
            "occurred_at": [f"{start + timedelta(minutes=int(m)):%Y-%m-%d %H:%M}" for m in minutes],
            "category": rng.choice(list(CATEGORIES), rows, p=list(CATEGORIES.values())),
            "lat": np.round(lat + rng.uniform(-3e-4, 3e-4, rows), 6),
            "lng": np.round(lng + rng.uniform(-3e-4, 3e-4, rows), 6),
        }
    )


def write_csv(path: Path, frame: pl.DataFrame) -> Path:
    frame.write_csv(path)
    return path
