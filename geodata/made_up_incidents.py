"""Incidents of the made-up city, drawn from known intensities; nothing here was observed anywhere.

A cell and offence group has a yearly expected count. Every incident is a draw from it, moved through the year, the
week and the day by the group's own rhythm. Two things come on top and are counted apart: near-repeat bursts, and a
few rows with the faults that real deliveries have.
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geodata import hexgrid
from geodata.made_up_places import Settled, cells_of, to_degrees, to_metres
from geodata.made_up_streets import Plan

FIRST_DAY, LAST_DAY = date(2023, 11, 1), date(2026, 10, 31)
DAYS = (LAST_DAY - FIRST_DAY).days + 1
YEARS = DAYS / 365.25
INCIDENTS = 60_000
YEARLY_DECLINE = 0.06
WITHOUT_PLACE = 0.02
FRAUD_WITHOUT_PLACE = 0.85
BURSTS = 70
BURST_GROUPS = ("burglary", "theft_from_vehicle", "criminal_damage")

DIRT: dict[str, int] = {
    "swapped_coordinates": 7,
    "outside_territory": 5,
    "future_date": 4,
    "date_too_early": 3,
    "missing_date": 3,
    "duplicates": 12,
}
"""Dirty rows by the fault intake finds in them; duplicates repeat an earlier row with its number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rhythm:
    """How one offence group is spread over cells and time.

    ``share`` of all incidents; weights of what draws it to a cell: ``homes`` (residents), ``crowd`` (market, station,
    shops), ``night`` (late streets), ``yards`` (industry), ``road`` (avenues). ``hours`` are peaks as (hour, width,
    weight), ``weekend`` and ``summer`` multiply Friday–Sunday and the warm half of the year.
    """

    share: float
    homes: float = 0.0
    crowd: float = 0.0
    night: float = 0.0
    yards: float = 0.0
    road: float = 0.0
    hours: tuple[tuple[float, float, float], ...] = ((14.0, 5.0, 1.0),)
    weekend: float = 1.0
    summer: float = 1.0


RHYTHMS: dict[str, Rhythm] = {
    "theft": Rhythm(
        share=0.332, homes=0.42, crowd=0.42, night=0.06, road=0.1, hours=((13, 3, 1.0), (18, 2.5, 0.9)), summer=1.2
    ),
    "theft_from_vehicle": Rhythm(
        share=0.052, homes=0.6, crowd=0.15, road=0.25, hours=((2, 3, 1.0), (20, 2.5, 0.5)), summer=1.05
    ),
    "vehicle_theft": Rhythm(share=0.014, homes=0.75, road=0.15, yards=0.1, hours=((3, 3, 1.0), (22, 2, 0.5))),
    "burglary": Rhythm(
        share=0.056, homes=0.85, yards=0.1, crowd=0.05, hours=((11, 3, 1.0), (3, 2.5, 0.7)), summer=1.15
    ),
    "robbery": Rhythm(
        share=0.025, homes=0.2, crowd=0.3, night=0.4, road=0.1, hours=((22, 2.5, 1.0), (2, 2, 0.6)), weekend=1.3
    ),
    "assault": Rhythm(
        share=0.046,
        homes=0.45,
        crowd=0.1,
        night=0.4,
        road=0.05,
        hours=((23, 3, 1.0), (17, 4, 0.5)),
        weekend=1.5,
        summer=1.2,
    ),
    "hooliganism": Rhythm(
        share=0.046,
        homes=0.3,
        crowd=0.15,
        night=0.5,
        road=0.05,
        hours=((23, 2.5, 1.0), (1, 2, 0.6)),
        weekend=1.7,
        summer=1.25,
    ),
    "criminal_damage": Rhythm(
        share=0.05,
        homes=0.6,
        crowd=0.1,
        night=0.15,
        yards=0.05,
        road=0.1,
        hours=((1, 3, 1.0), (20, 3, 0.7)),
        weekend=1.25,
    ),
    "fraud": Rhythm(share=0.3, homes=0.7, crowd=0.3, hours=((12, 3, 1.0), (16, 3, 0.9)), weekend=0.8),
    "drugs": Rhythm(share=0.035, homes=0.35, night=0.35, crowd=0.2, road=0.1, hours=((20, 4, 1.0),), weekend=1.1),
    "domestic": Rhythm(share=0.03, homes=1.0, hours=((21, 3, 1.0), (13, 4, 0.3)), weekend=1.4),
    "sexual": Rhythm(share=0.006, homes=0.7, night=0.3, hours=((23, 4, 1.0),), weekend=1.3),
    "minors": Rhythm(share=0.005, homes=0.9, crowd=0.1, hours=((16, 4, 1.0),)),
    "homicide": Rhythm(share=0.003, homes=0.8, night=0.2, hours=((22, 4, 1.0),), weekend=1.3),
}


SPILL_M = 200.0
"""How far what draws people reaches beyond its own cell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawn:
    """``rows`` as a delivery, ``intensities`` as the truth behind them, ``row_counts`` by what a row is."""

    rows: pl.DataFrame
    intensities: pl.DataFrame
    row_counts: dict[str, int]


def draw(rng: np.random.Generator, plan: Plan, settled: Settled) -> Drawn:
    """Intensities, and a delivery drawn from them: ``incident_id, occurred_at, time_precision, category, lon, lat``.

    ``occurred_at`` is local wall time; rows stand in order of time. Coordinates are missing where no place is known.
    """
    intensities = _intensities(rng, plan, settled)
    placed = _placed(rng, intensities, settled)
    bursts = _bursts(rng, placed, settled)
    unplaced = _unplaced(rng)
    clean = pl.concat([placed, bursts, unplaced]).sort("occurred_at", "category", "lon", "lat", nulls_last=True)
    clean = clean.select(_numbers(clean.height), "occurred_at", "time_precision", "category", "lon", "lat")
    rows = _dirtied(rng, clean)
    counts = {"from_intensities": placed.height, "near_repeats": bursts.height, "without_place": unplaced.height}
    return Drawn(rows=rows, intensities=intensities, row_counts={**counts, **DIRT})


def _numbers(length: int) -> pl.Series:
    return pl.Series("incident_id", [f"ULG-{number:06d}" for number in range(1, length + 1)], dtype=pl.String)


def _place_share(group: str) -> float:
    return 1 - (FRAUD_WITHOUT_PLACE if group == "fraud" else WITHOUT_PLACE)


def _intensities(rng: np.random.Generator, plan: Plan, settled: Settled) -> pl.DataFrame:
    cells = settled.places["cell"].to_numpy()
    pulls = _pulls(rng, plan, settled)
    smooth = hexgrid.kernel_matrix(cells, bandwidth_m=700.0)
    shared = smooth @ rng.standard_normal(cells.size)
    # What draws people spills over a street or two: neighbouring cells of a real city resemble one another.
    nearby = hexgrid.kernel_matrix(cells, bandwidth_m=SPILL_M)
    spill = nearby / (nearby @ np.ones(cells.size))[:, None]
    frames = []
    for group, rhythm in RHYTHMS.items():
        own = smooth @ rng.standard_normal(cells.size)
        # Places differ beyond what a plan shows: part of it all offences share, part is a group's own, part a cell's.
        field = 0.3 * shared / shared.std() + 0.25 * own / own.std()
        level = sum((getattr(rhythm, name) * pull for name, pull in pulls.items()), np.zeros(cells.size))
        level = spill @ (level * np.exp(field) * rng.gamma(4.0, 1 / 4.0, cells.size))
        yearly = INCIDENTS * rhythm.share * _place_share(group) / YEARS * level / level.sum()
        frames.append(pl.DataFrame({"cell": cells, "offence_group": group, "yearly_expected": yearly}))
    return pl.concat(frames)


def _pulls(rng: np.random.Generator, plan: Plan, settled: Settled) -> dict[str, NDArray[np.float64]]:
    """What draws incidents to a cell, each summing to 1."""
    lat, lng = hexgrid.centres(settled.places["cell"].to_numpy())
    metres = to_metres(np.column_stack([lng, lat]))
    residents = settled.places["residents"].to_numpy().astype(np.float64)
    ground = settled.ground
    kerbs = settled.kerbs.group_by("cell").agg(road=(pl.col("kind") == "avenue").sum())
    streets = settled.places.select("cell").join(kerbs, on="cell", how="left", maintain_order="left").fill_null(0)
    road = streets["road"].to_numpy().astype(np.float64)
    built = np.clip(1 - ground["steppe"].to_numpy() - ground["water"].to_numpy(), 0, 1)

    def around(x: float, y: float, width_m: float) -> NDArray[np.float64]:
        return np.asarray(np.exp(-0.5 * ((metres[:, 0] - x) ** 2 + (metres[:, 1] - y) ** 2) / width_m**2))

    market = around(*_middle(plan.market), 320)
    station = around(*_middle(plan.station), 300)
    heart = around(100, 150, 900)
    malls = sum((around(x, y, 260) for x, y in _crossings(rng, plan)), np.zeros(lat.size))
    late = sum((around(x, y, 240) for x, y in ((350, 420), (-520, -180), (80, -560))), np.zeros(lat.size))
    pulls = {
        "homes": residents,
        "crowd": 3.2 * market + 1.6 * station + 0.55 * heart + 0.9 * malls + 0.004 * road * built,
        "night": 2.2 * late + 0.5 * heart + 0.7 * station + 0.35 * malls + residents / residents.sum() * 12,
        "yards": ground["industry"].to_numpy() + 1e-9,
        "road": road * built + 1e-9,
    }
    return {name: np.asarray(pull / pull.sum()) for name, pull in pulls.items()}


def _middle(shape: shapely.Geometry) -> tuple[float, float]:
    return float(shape.centroid.x), float(shape.centroid.y)


def _crossings(rng: np.random.Generator, plan: Plan) -> NDArray[np.float64]:
    """Seven shopping places where avenues cross the ring road."""
    lines = np.array(plan.avenues)
    first, second = np.triu_indices(len(lines), 1)
    points = shapely.get_coordinates(shapely.intersection(lines[first], lines[second]))
    far = np.hypot(*points.T)
    points = np.unique(np.round(points[(far > 2_000) & (far < 5_500)], -2), axis=0)
    return np.asarray(points[rng.permutation(len(points))[:7]])


def _placed(rng: np.random.Generator, intensities: pl.DataFrame, settled: Settled) -> pl.DataFrame:
    counts = rng.poisson(intensities["yearly_expected"].to_numpy() * YEARS)
    drawn = intensities.select("cell", category="offence_group").select(pl.all().repeat_by(pl.Series(counts)).explode())
    cells = drawn["cell"].to_numpy()
    lon_lat = _at_kerbs(rng, cells, settled)
    return _with_times(rng, drawn["category"]).with_columns(lon=pl.Series(lon_lat[:, 0]), lat=pl.Series(lon_lat[:, 1]))


def _at_kerbs(rng: np.random.Generator, cells: hexgrid.Cells, settled: Settled) -> NDArray[np.float64]:
    """A point at a street of each cell, a few metres off its middle line; the cell's centre where it has no street."""
    kerbs = settled.kerbs.sort("cell", maintain_order=True)
    owners = kerbs["cell"].to_numpy()
    first, last = np.searchsorted(owners, cells, side="left"), np.searchsorted(owners, cells, side="right")
    has_street = last > first
    pick = np.minimum(first + (rng.uniform(size=cells.size) * (last - first)).astype(np.int64), owners.size - 1)
    middle = kerbs.select("x", "y").to_numpy()[pick]
    aside = middle + rng.normal(0, 7, middle.shape)
    stays = cells_of(aside) == cells
    lon_lat = np.where(stays[:, None], to_degrees(aside), to_degrees(middle))
    lat, lng = hexgrid.centres(cells)
    return np.asarray(np.round(np.where(has_street[:, None], lon_lat, np.column_stack([lng, lat])), 6))


def _with_times(rng: np.random.Generator, category: pl.Series) -> pl.DataFrame:
    """Category with its moment; one row in fifty is known to the day only."""
    groups = category.to_numpy()
    moments = np.empty(groups.size, dtype="datetime64[m]")
    for group, rhythm in RHYTHMS.items():
        mine = np.flatnonzero(groups == group)
        day = rng.choice(DAYS, size=mine.size, p=_day_weights(rhythm))
        minute = rng.choice(24 * 60, size=mine.size, p=_minute_weights(rhythm))
        moments[mine] = np.datetime64(FIRST_DAY, "m") + day * 1440 + minute
    is_day_only = rng.uniform(size=groups.size) < 0.02
    moments = np.where(is_day_only, moments.astype("datetime64[D]").astype("datetime64[m]"), moments)
    return pl.DataFrame(
        {
            "occurred_at": moments.astype("datetime64[us]"),
            "time_precision": np.where(is_day_only, "day", "minute"),
            "category": category,
        }
    )


def _day_weights(rhythm: Rhythm) -> NDArray[np.float64]:
    days = np.datetime64(FIRST_DAY) + np.arange(DAYS)
    of_year = (days - days.astype("datetime64[Y]")).astype(np.int64) / 365.25
    season = np.exp(np.log(rhythm.summer) * -np.cos(2 * np.pi * (of_year - 0.04)))
    weekday = (days.astype("datetime64[D]").astype(np.int64) + 3) % 7
    weekend = np.where(weekday >= 4, rhythm.weekend, 1.0)
    weights = season * weekend * np.exp(np.log(1 - YEARLY_DECLINE) * np.arange(DAYS) / 365.25)
    return np.asarray(weights / weights.sum())


def _minute_weights(rhythm: Rhythm) -> NDArray[np.float64]:
    hour = np.arange(24 * 60) / 60
    weights = np.full(hour.size, 0.06)
    for peak, width, height in rhythm.hours:
        apart = np.abs(hour - peak)
        weights += height * np.exp(-0.5 * (np.minimum(apart, 24 - apart) / width) ** 2)
    return np.asarray(weights / weights.sum())


def _bursts(rng: np.random.Generator, placed: pl.DataFrame, settled: Settled) -> pl.DataFrame:
    """After some incidents more of the same follow within days and a few streets: the near-repeat pattern."""
    able = placed.filter(pl.col("category").is_in(BURST_GROUPS), time_precision="minute")
    first = able[np.sort(rng.choice(able.height, size=BURSTS, replace=False)).tolist()]
    followers = first.select(pl.all().repeat_by(pl.Series(2 + rng.poisson(2.0, BURSTS))).explode())
    wait = np.rint(rng.exponential(4.0 * 1440, followers.height) + 60).astype("timedelta64[m]")
    metres = to_metres(followers.select("lon", "lat").to_numpy())
    kerbs = settled.kerbs.select("x", "y").to_numpy()
    _, nearest = cKDTree(kerbs).query(metres + rng.normal(0, 130, metres.shape))
    lon_lat = np.round(to_degrees(kerbs[nearest]), 6)
    moved: pl.DataFrame = followers.with_columns(
        occurred_at=pl.Series(followers["occurred_at"].to_numpy() + wait),
        lon=pl.Series(lon_lat[:, 0]),
        lat=pl.Series(lon_lat[:, 1]),
    )
    return moved.filter(pl.col("occurred_at").dt.date() <= LAST_DAY)


def _unplaced(rng: np.random.Generator) -> pl.DataFrame:
    counts = [rng.poisson(INCIDENTS * rhythm.share * (1 - _place_share(group))) for group, rhythm in RHYTHMS.items()]
    category = pl.Series("category", np.repeat(list(RHYTHMS), counts), dtype=pl.String)
    nowhere = pl.lit(None, dtype=pl.Float64)
    return _with_times(rng, category).with_columns(lon=nowhere, lat=nowhere)


def _dirtied(rng: np.random.Generator, clean: pl.DataFrame) -> pl.DataFrame:
    """Turn some placed rows into the faults of `DIRT`, and repeat some others."""
    placed = np.flatnonzero(clean["lat"].is_not_null().to_numpy())
    picked = rng.choice(placed, size=sum(DIRT.values()), replace=False)
    rows = dict(zip(DIRT, np.split(picked, np.cumsum(list(DIRT.values()))[:-1]), strict=True))
    at = clean.with_row_index("row")

    def among(fault: str) -> pl.Expr:
        return pl.col("row").is_in(rows[fault].tolist())

    def instead(fault: str, value: pl.Expr | None, otherwise: pl.Expr) -> pl.Expr:
        return pl.when(among(fault)).then(value).otherwise(otherwise)

    elsewhere_lon, elsewhere_lat = pl.lit(60.61), pl.lit(56.84)
    moment = instead("future_date", pl.col("occurred_at").dt.offset_by("60y"), pl.col("occurred_at"))
    moment = instead("date_too_early", pl.datetime(1900, 1, 1), moment)
    dirty: pl.DataFrame = at.with_columns(
        lon=instead("outside_territory", elsewhere_lon, instead("swapped_coordinates", pl.col("lat"), pl.col("lon"))),
        lat=instead("outside_territory", elsewhere_lat, instead("swapped_coordinates", pl.col("lon"), pl.col("lat"))),
        occurred_at=instead("missing_date", None, moment),
    ).drop("row")
    repeated: pl.DataFrame = clean[np.sort(rows["duplicates"]).tolist()]
    return pl.concat([dirty, repeated])
