"""Deliveries, incidents, territories and score runs for the contract tests, with sensible defaults."""

from dataclasses import replace
from datetime import UTC, date, datetime

import geopandas as gpd
import polars as pl
import shapely

from geodata import hexgrid
from geodata.columns import EXPECTED_INCIDENTS, INCIDENTS, PLACES, QUARANTINE
from geodata.territory import Names, Territory
from riskmap.lake_ports import Staging
from riskmap.ports import Delivery, ScoreRun, Store

NOW = datetime(2026, 10, 5, 9, 30, tzinfo=UTC)


def a_delivery(delivery_id: str = "d1", **changes: object) -> Delivery:
    plain = Delivery(
        delivery_id=delivery_id,
        territory="town",
        sha256="a" * 64,
        reading="r" * 64,
        file_name="incidents.csv",
        received_at=NOW,
        rows_read=6,
        accepted=3,
        without_place=1,
        duplicates=1,
        quarantined=2,
        faults={"missing_date": 2},
        unknown_categories={"прочее": 1},
        first_day=date(2026, 9, 1),
        last_day=date(2026, 9, 30),
    )
    return replace(plain, **changes)


def an_id(prefix: str, number: int = 0) -> str:
    """An id of 32 hexadecimal digits that begins with the prefix."""
    return f"{prefix}{number:028x}".ljust(32, "0")


def some_incidents(days: list[date], *, prefix: str = "f", with_place: bool = True) -> pl.DataFrame:
    """One incident at noon UTC on each of the days."""
    moments = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC) for day in days]
    lat, lng = (43.25, 76.9) if with_place else (None, None)
    cell = int(hexgrid.parse_cell(hexgrid.cell_at(43.25, 76.9, resolution=9))) if with_place else None
    size = len(days)
    frame = pl.DataFrame(
        {
            "incident_id": [an_id(prefix, number) for number in range(size)],
            "occurred_from": moments,
            "occurred_to": moments,
            "occurred_on": days,
            "time_zone": ["Asia/Almaty"] * size,
            "time_precision": ["minute"] * size,
            "offence_group": ["theft"] * size,
            "offence_code": ["188"] * size,
            "lat": [lat] * size,
            "lng": [lng] * size,
            "cell": [cell] * size,
            "region_id": [None] * size,
            "line": list(range(1, size + 1)),
        },
        schema=INCIDENTS.schema,
    )
    return INCIDENTS.checked(frame)


def quarantined_rows(size: int = 2) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "line": list(range(1, size + 1)),
            "fault": ["missing_date"] * size,
            "found": [""] * size,
            "row": ["{}"] * size,
        },
        schema=QUARANTINE.schema,
    )


def stage(staging: Staging, incidents: pl.DataFrame) -> None:
    """Add incidents that all have an id of their source's own."""
    staging.add(incidents, pl.Series([True], dtype=pl.Boolean).new_from_index(0, incidents.height))


def adopt(store: Store, delivery: Delivery, incidents: pl.DataFrame) -> None:
    with store.lake.staging(delivery.territory, delivery.delivery_id) as staging:
        staging.set_aside(quarantined_rows(delivery.quarantined))
        stage(staging, incidents)
        kept = staging.keep()
        with store.work() as work:
            work.deliveries.save(delivery)
            work.lake_files.add(kept.files)
            staging.move_into_place()
            work.commit()


def a_territory(name: str = "town", **changes: object) -> Territory:
    # Thirds and the like: coordinates that only survive when every digit is written.
    outline = shapely.MultiPolygon([shapely.box(76 + 1 / 3, 43 + 1 / 7, 77.1, 43.4), shapely.box(78, 43, 78.2, 43.1)])
    rows = [
        {"region_id": "7501", "name_kk": "Ә", "name_ru": "Э", "name_en": "A", "zone": "Asia/Almaty"},
        {"region_id": "7502", "name_kk": "Б", "name_ru": "Б", "name_en": "B", "zone": "Asia/Almaty"},
    ]
    regions = gpd.GeoDataFrame(rows, geometry=[outline, shapely.box(77.1, 43.2, 77.5, 43.4)], crs=4326)
    regions["residents"] = [2_000_000, None]
    regions["official_count"] = None
    regions["residents"] = regions["residents"].astype("Int64")
    places = pl.DataFrame(
        {
            "cell": [int(hexgrid.parse_cell(hexgrid.cell_at(43.25, 76.9, resolution=9)))],
            "region_id": ["7501"],
            "kind": ["park"],
            "residents": [0],
            "addresses": [None],
        },
        schema=PLACES.schema,
    )
    plain = Territory(
        name=name,
        names=Names(kk="Қала", ru="Город", en="Town"),
        zone="Asia/Almaty",
        regions=regions,
        places=places,
        basemap={"type": "FeatureCollection", "features": []},
        is_simulated=True,
        origin=Names(kk="сынақ үшін", ru="для проверки", en="made up for tests"),
        official={"year": 2023},
    )
    return replace(plain, **changes)


def expected_incidents(value: float = 1.5) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "area_kind": ["territory"],
            "area_id": ["town"],
            "offence_group": ["all"],
            "horizon_days": [30],
            "expected_incidents": [value],
            "low": [0],
            "high": [4],
        },
        schema=EXPECTED_INCIDENTS.schema,
    )


def a_score_run(run_id: str = "run1", **changes: object) -> ScoreRun:
    plain = ScoreRun(
        run_id=run_id,
        territory="town",
        as_of=date(2026, 10, 1),
        model="eb",
        version="1",
        deliveries=("d1", "d2"),
        details={"served": {"all": {"level": "eb", "slope": 0.97}}, "scorecard": [{"pai_5": None}]},
        created_at=NOW,
    )
    return replace(plain, **changes)
