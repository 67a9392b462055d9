"""Үлгіқала, a city that does not exist, with three years of simulated incidents.

It serves first starts, examples and tests: everything about it is drawn from one seed, the intensities behind its
incidents are known, and it is marked as simulated wherever it is shown. Real places never carry its numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import polars as pl
import shapely

from geodata import made_up_incidents, made_up_places, made_up_streets
from geodata.columns import PLACES
from geodata.made_up_places import Settled, shape_in_degrees
from geodata.made_up_streets import Plan
from geodata.region_files import WGS84
from geodata.regions import region_of_cells
from geodata.territory import Names, Territory

NAME = "ulgiqala"
NAMES = Names(kk="Үлгіқала", ru="Улгикала", en="Ulgiqala")
ZONE = "Asia/Almaty"
SEED = 20261031
STEPS = 4

ORIGIN = Names(
    kk="Ойдан құрастырылған деректер (модель): Үлгіқала – ойдан шығарылған қала. "
    "Көшелері, тұрғындары мен оқиғалары компьютерде жасалған.",
    ru="Вымышленные данные (модель): Улгикала – вымышленный город. Улицы, жители и события созданы компьютером.",
    en="Simulated data: Ulgiqala is a made-up city. Its streets, residents and incidents were drawn by a computer.",
)
DISTRICTS: dict[str, Names] = {
    "ulg-01": Names(kk="Орталық ауданы", ru="Центральный район", en="Central district"),
    "ulg-02": Names(kk="Өзен жағасы ауданы", ru="Прибрежный район", en="Riverside district"),
    "ulg-03": Names(kk="Теміржол ауданы", ru="Железнодорожный район", en="Railway district"),
    "ulg-04": Names(kk="Шығыс ауданы", ru="Восточный район", en="Eastern district"),
    "ulg-05": Names(kk="Батыс ауданы", ru="Западный район", en="Western district"),
    "ulg-06": Names(kk="Оңтүстік ауданы", ru="Южный район", en="Southern district"),
    "ulg-07": Names(kk="Дала ауданы", ru="Степной район", en="Steppe district"),
}
KINDS: dict[str, Names] = {
    "market": Names(kk="Базар", ru="Рынок", en="Market"),
    "station": Names(kk="Вокзал", ru="Вокзал", en="Station"),
    "river": Names(kk="Өзен", ru="Река", en="River"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class MadeUpCity:
    """The territory, its incidents as a delivery, and the truth they were drawn from.

    ``incidents`` has the columns of a delivery: ``incident_id, occurred_at`` (local wall time), ``time_precision,
    category, lon, lat``. ``intensities`` has ``cell, offence_group, yearly_expected``: incidents a year recorded with
    a place in that cell, near repeats apart. ``row_counts`` says how many rows come from the intensities, are near
    repeats or have no place, and how many of them carry which fault. ``lights`` (``lat, lng, is_lit``) and ``stops``
    (``lat, lng``) are what stands in the streets.
    """

    territory: Territory
    incidents: pl.DataFrame
    intensities: pl.DataFrame
    row_counts: dict[str, int]
    lights: pl.DataFrame
    stops: pl.DataFrame
    seed: int


def build(*, seed: int = SEED, progress: Callable[[int, int], None] | None = None) -> MadeUpCity:
    """Build the city; the same seed gives the same city, row for row.

    Parameters
    ----------
    seed : of the one generator everything is drawn from
    progress : called with steps done and steps in all
    """
    # One generator a subject: a new draw in one of them leaves the others as they were.
    streets_rng, places_rng, incidents_rng = np.random.default_rng(seed).spawn(3)
    report = progress or (lambda done, steps: None)
    plan = made_up_streets.draw(streets_rng)
    report(1, STEPS)
    settled = made_up_places.settle(places_rng, plan)
    report(2, STEPS)
    territory = _territory(plan, settled)
    report(3, STEPS)
    drawn = made_up_incidents.draw(incidents_rng, plan, settled)
    report(4, STEPS)
    return MadeUpCity(
        territory=territory,
        incidents=drawn.rows,
        intensities=drawn.intensities,
        row_counts=drawn.row_counts,
        lights=made_up_places.lights(places_rng, plan),
        stops=made_up_places.stops(plan),
        seed=seed,
    )


def _territory(plan: Plan, settled: Settled) -> Territory:
    codes = list(DISTRICTS)
    shapes = [shape_in_degrees(plan.districts[code]) for code in codes]
    outlines = gpd.GeoDataFrame({"region_id": codes}, geometry=shapes, crs=WGS84)
    belongs_to = region_of_cells(settled.places["cell"].to_numpy(), outlines)
    places = PLACES.checked(settled.places.with_columns(belongs_to.alias("region_id")))
    living = dict(places.group_by("region_id").agg(pl.col("residents").sum()).iter_rows())
    regions = gpd.GeoDataFrame(
        {
            "region_id": codes,
            "name_kk": [DISTRICTS[code].kk for code in codes],
            "name_ru": [DISTRICTS[code].ru for code in codes],
            "name_en": [DISTRICTS[code].en for code in codes],
            "zone": ZONE,
            "residents": pd.array([living.get(code, 0) for code in codes], dtype="Int64"),
            "official_count": pd.array([None] * len(codes), dtype="Int64"),
        },
        geometry=shapes,
        crs=WGS84,
    )
    return Territory(
        name=NAME,
        names=NAMES,
        zone=ZONE,
        regions=regions,
        places=places,
        basemap=_basemap(plan),
        is_simulated=True,
        origin=ORIGIN,
    )


def _basemap(plan: Plan) -> dict[str, object]:
    features = [_feature(shape, "park") for shape in plan.parks]
    features += [_feature(plan.river, "river", KINDS["river"]), _feature(plan.lake, "lake")]
    features += [_feature(plan.market, "market", KINDS["market"]), _feature(plan.station, "station", KINDS["station"])]
    yards = [quarter.built for quarter in plan.quarters if quarter.use == "industry"]
    features.append(_feature(shapely.union_all(yards), "industry"))
    for kind in ("lane", "street"):
        features.append(_feature(shapely.multilinestrings(list(plan.streets[kind])), kind))
    for number, line in enumerate(plan.avenues, start=1):
        named = Names(kk=f"{number}-даңғыл", ru=f"{number}-й проспект", en=f"Avenue {number}")
        features.append(_feature(line, "avenue", named))
    features += [_feature(line, "railway") for line in plan.railway]
    return {"type": "FeatureCollection", "features": features}


def _feature(shape: shapely.Geometry, kind: str, names: Names | None = None) -> dict[str, object]:
    # Five decimals are a metre here; more would only make the page heavier.
    rounded = shapely.transform(shape_in_degrees(shape), lambda degrees: np.round(degrees, 5))
    properties: dict[str, object] = {"kind": kind, "is_simulated": True}
    if names is not None:
        properties |= {"name_kk": names.kk, "name_ru": names.ru, "name_en": names.en}
    return {"type": "Feature", "properties": properties, "geometry": shapely.geometry.mapping(rounded)}
