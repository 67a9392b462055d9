"""One suite over every store: what the ports promise holds in memory and on disk."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import geopandas as gpd
import polars as pl
import pytest
import shapely
from polars.testing import assert_frame_equal

from geodata import hexgrid
from geodata.columns import EXPECTED_INCIDENTS, INCIDENTS, PLACES, QUARANTINE
from geodata.errors import InvalidTerritory, UnexpectedColumns
from geodata.territory import Names, Territory
from riskmap.assembly import in_memory_store, migrate, open_store
from riskmap.errors import CannotWrite, DamagedStore, StoreBusy, UnknownTerritoryName
from riskmap.ports import Delivery, DeliveryStatus, ScoreRun, Store
from riskmap.settings import Settings

NOW = datetime(2026, 10, 5, 9, 30, tzinfo=UTC)


def _in_memory(folder: Path) -> Store:
    return in_memory_store(folder, wait_s=0.2)


def _on_disk(folder: Path) -> Store:
    settings = Settings.from_environment({"RISKMAP_DATA": str(folder)})
    migrate(settings)
    return open_store(settings, wait_s=0.2)


@pytest.fixture(params=[_in_memory, _on_disk], ids=["in memory", "on disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    make: Callable[[Path], Store] = request.param
    made = make(tmp_path)
    yield made
    made.close()


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


def some_incidents(days: list[date], *, prefix: str = "i", with_place: bool = True) -> pl.DataFrame:
    """One incident at noon UTC on each of the days."""
    moments = [datetime(day.year, day.month, day.day, 12, tzinfo=UTC) for day in days]
    lat, lng = (43.25, 76.9) if with_place else (None, None)
    cell = int(hexgrid.parse_cell(hexgrid.cell_at(43.25, 76.9, resolution=9))) if with_place else None
    size = len(days)
    frame = pl.DataFrame(
        {
            "incident_id": [f"{prefix}{number:04}" for number in range(size)],
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


def adopt(store: Store, delivery: Delivery, incidents: pl.DataFrame) -> None:
    with store.lake.staging(delivery.territory, delivery.delivery_id) as staging:
        staging.set_aside(quarantined_rows(delivery.quarantined))
        files = staging.keep(incidents)
        with store.work() as work:
            work.deliveries.save(delivery)
            work.lake_files.add(files)
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


# units of work


def test_what_is_committed_is_found_again_as_it_was(store: Store):
    delivery = a_delivery()

    with store.work() as work:
        work.deliveries.save(delivery)
        work.commit()

    with store.work() as work:
        assert work.deliveries.find("d1") == delivery
        assert work.deliveries.adopted("town") == [delivery]
        assert work.deliveries.find("d2") is None


def test_what_is_not_committed_is_undone(store: Store):
    with store.work() as work:
        work.deliveries.save(a_delivery())

    with store.work() as work:
        assert work.deliveries.find("d1") is None


def test_an_error_inside_the_block_undoes_it_and_passes_through(store: Store):
    def save_and_fail() -> None:
        with store.work() as work:
            work.deliveries.save(a_delivery())
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        save_and_fail()

    with store.work() as work:
        assert work.deliveries.adopted("town") == []


def test_moments_come_back_in_utc_whatever_zone_they_were_given_in(store: Store):
    almaty = timezone(timedelta(hours=5))

    with store.work() as work:
        work.deliveries.save(a_delivery(received_at=NOW.astimezone(almaty)))
        work.commit()

    with store.work() as work:
        found = work.deliveries.find("d1")
    assert found is not None
    assert found.received_at == NOW
    assert found.received_at.tzinfo is UTC


def test_saving_a_delivery_again_replaces_it(store: Store):
    with store.work() as work:
        work.deliveries.save(a_delivery())
        work.deliveries.save(a_delivery(file_name="renamed.csv"))
        work.commit()

    with store.work() as work:
        assert [delivery.file_name for delivery in work.deliveries.adopted("town")] == ["renamed.csv"]


def test_a_superseded_delivery_stays_on_record_but_does_not_count(store: Store):
    with store.work() as work:
        work.deliveries.save(a_delivery("d1"))
        work.deliveries.supersede("d1")
        work.deliveries.save(a_delivery("d2", reading="s" * 64))
        work.commit()

    with store.work() as work:
        assert [delivery.delivery_id for delivery in work.deliveries.adopted("town")] == ["d2"]
        reading = work.deliveries.adopted_reading("town", "a" * 64)
        earlier = work.deliveries.find("d1")
    assert reading is not None
    assert reading.delivery_id == "d2"
    assert earlier is not None
    assert earlier.status is DeliveryStatus.SUPERSEDED


def test_two_readings_of_one_file_cannot_count_at_once(store: Store):
    with store.work() as work:
        work.deliveries.save(a_delivery("d1"))

        with pytest.raises(Exception, match="UNIQUE"):
            work.deliveries.save(a_delivery("d2"))


def test_counts_that_do_not_add_up_cannot_be_stored(store: Store):
    with pytest.raises(Exception, match="rows_add_up"), store.work() as work:
        work.deliveries.save(a_delivery(rows_read=7))


def test_writers_at_the_same_time_follow_one_another_and_lose_nothing(tmp_path: Path):
    _on_disk(tmp_path).close()
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path)})
    store = open_store(settings)
    with store.work() as work:
        work.deliveries.save(a_delivery(rows_read=0, accepted=0, duplicates=0, quarantined=0))
        work.commit()

    def add_one_row(_: int) -> None:
        with store.work() as work:
            found = work.deliveries.find("d1")
            assert found is not None
            work.deliveries.save(replace(found, rows_read=found.rows_read + 1, accepted=found.accepted + 1))
            work.commit()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add_one_row, range(40)))

    with store.work() as work:
        found = work.deliveries.find("d1")
    assert found is not None
    assert found.rows_read == 40
    store.close()


# the incident lake


def test_incidents_come_back_as_they_went_in_ordered_by_time_and_id(store: Store):
    days = [date(2026, 9, day) for day in (30, 1, 15, 15)]
    incidents = some_incidents(days)

    adopt(store, a_delivery(), incidents)

    assert_frame_equal(store.lake.read("town"), incidents.sort("occurred_from", "incident_id"))


def test_incidents_without_a_place_are_kept(store: Store):
    adopt(store, a_delivery(), some_incidents([date(2026, 9, 1)], with_place=False))

    assert store.lake.read("town")["cell"].null_count() == 1


def test_an_unknown_territory_has_no_incidents(store: Store):
    assert_frame_equal(store.lake.read("nowhere"), INCIDENTS.empty())
    assert store.lake.known_ids("nowhere").to_list() == []


def test_a_week_is_the_iso_week_of_the_local_day(store: Store, tmp_path: Path):
    # 29 December 2025 to 4 January 2026 are week 1 of 2026.
    adopt(store, a_delivery(), some_incidents([date(2025, 12, 28), date(2025, 12, 29), date(2026, 1, 4)]))

    with store.work() as work:
        files = {file.week: file.rows for file in work.lake_files.of_territory("town")}
    assert files == {"2025-W52": 1, "2026-W01": 2}
    assert (tmp_path / "lake/town/2026-W01/d1.parquet").is_file()


def test_readers_see_every_delivery_of_their_territory_and_no_other(store: Store):
    day = [date(2026, 9, 1)]
    adopt(store, a_delivery("d1"), some_incidents(day, prefix="a"))
    adopt(store, a_delivery("d2", sha256="b" * 64), some_incidents(day, prefix="b"))
    adopt(store, a_delivery("d3", territory="village"), some_incidents(day, prefix="c"))

    assert store.lake.read("town")["incident_id"].to_list() == ["a0000", "b0000"]
    assert sorted(store.lake.known_ids("town")) == ["a0000", "b0000"]
    assert store.lake.known_ids("town", without=["d1"]).to_list() == ["b0000"]
    assert store.lake.read("village")["incident_id"].to_list() == ["c0000"]


def test_files_that_the_catalogue_does_not_name_are_not_seen_and_swept(store: Store, tmp_path: Path):
    adopt(store, a_delivery("d1"), some_incidents([date(2026, 9, 1)], prefix="a"))
    with store.lake.staging("town", "d2") as staging:
        staging.set_aside(quarantined_rows())
        staging.keep(some_incidents([date(2026, 9, 1), date(2026, 8, 1)], prefix="b"))
        staging.move_into_place()  # and here the delivery is killed

    assert store.lake.read("town")["incident_id"].to_list() == ["a0000"]
    assert store.lake.quarantined("town", "d2").is_empty()
    assert store.lake.sweep("town") == 3
    assert store.lake.sweep("town") == 0
    assert not list(tmp_path.rglob("d2*"))
    assert store.lake.read("town")["incident_id"].to_list() == ["a0000"]


def test_a_staging_folder_is_gone_when_its_block_ends(store: Store, tmp_path: Path):
    def stage_and_fail() -> None:
        with store.lake.staging("town", "d1") as staging:
            staging.set_aside(quarantined_rows())
            staging.keep(some_incidents([date(2026, 9, 1)]))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stage_and_fail()

    assert not list((tmp_path / "staging").iterdir())


def test_sweeping_leaves_the_staging_of_another_territory_alone(store: Store, tmp_path: Path):
    with store.lake.staging("town2", "d1") as staging:
        staging.keep(some_incidents([date(2026, 9, 1)]))

        assert store.lake.sweep("town") == 0
        assert list((tmp_path / "staging").iterdir())


def test_rows_set_aside_in_several_batches_come_back_together(store: Store):
    delivery = a_delivery(quarantined=5, rows_read=9)
    with store.lake.staging("town", "d1") as staging:
        for size in (2, 0, 3):
            staging.set_aside(quarantined_rows(size))
        staging.move_into_place()
        with store.work() as work:
            work.deliveries.save(delivery)
            work.commit()

    assert store.lake.quarantined("town", "d1").height == 5


def test_a_changed_or_lost_file_is_told_and_makes_the_delivery_incomplete(store: Store, tmp_path: Path):
    adopt(store, a_delivery(), some_incidents([date(2026, 9, 1)]))
    file = tmp_path / "lake/town/2026-W36/d1.parquet"
    assert store.lake.is_whole("d1")

    file.write_bytes(file.read_bytes() + b"!")
    with pytest.raises(DamagedStore, match="changed"):
        store.lake.read("town")
    assert not store.lake.is_whole("d1")

    file.unlink()
    with pytest.raises(DamagedStore, match="missing"):
        store.lake.read("town")
    with pytest.raises(DamagedStore, match="deliver the original file again"):
        store.lake.known_ids("town")
    assert not store.lake.is_whole("d1")


def test_the_second_to_hold_a_territory_is_told_to_wait(store: Store):
    with store.lake.hold("town"):
        with pytest.raises(StoreBusy, match=r"Another delivery to town .* repeat"), store.lake.hold("town"):
            pass
        with store.lake.hold("village"):
            pass  # another territory is free

    with store.lake.hold("town"):
        pass  # and so is this one, once it is given back


def test_a_frame_with_other_columns_does_not_enter_the_lake(store: Store):
    with store.lake.staging("town", "d1") as staging, pytest.raises(UnexpectedColumns):
        staging.keep(some_incidents([date(2026, 9, 1)]).drop("cell"))


def test_a_file_where_a_folder_is_needed_is_told(store: Store, tmp_path: Path):
    (tmp_path / "staging").write_text("in the way")
    (tmp_path / "locks").write_text("in the way")

    with pytest.raises(CannotWrite, match=r"staging.*RISKMAP_DATA"), store.lake.staging("town", "d1"):
        pass
    with pytest.raises(CannotWrite, match=r"locks.*RISKMAP_DATA"), store.lake.hold("town"):
        pass


# the territory shelf


def test_a_territory_comes_back_as_it_was_saved(store: Store):
    territory = a_territory()

    store.territories.save(territory)
    found = store.territories.load("town")

    assert_frame_equal(found.region_table, territory.region_table)
    assert_frame_equal(found.places, territory.places)
    assert [shapely.to_wkb(shape) for shape in found.regions.geometry] == [
        shapely.to_wkb(shape) for shape in territory.regions.geometry
    ]
    assert found.regions.crs == territory.regions.crs
    assert (found.name, found.names, found.zone, found.origin) == (
        "town",
        territory.names,
        "Asia/Almaty",
        territory.origin,
    )
    assert (found.basemap, found.is_simulated, found.official) == (territory.basemap, True, {"year": 2023})


def test_a_territory_read_back_and_saved_again_is_the_same_on_disk(store: Store, tmp_path: Path):
    store.territories.save(a_territory())
    before = {path.name: path.read_bytes() for path in (tmp_path / "territories/town").iterdir()}

    store.territories.save(store.territories.load("town"))

    assert {path.name: path.read_bytes() for path in (tmp_path / "territories/town").iterdir()} == before


def test_saving_replaces_a_territory_and_leaves_no_old_file(store: Store, tmp_path: Path):
    store.territories.save(a_territory())

    store.territories.save(a_territory(places=PLACES.empty(), zone="Asia/Aqtau"))

    assert store.territories.load("town").zone == "Asia/Aqtau"
    assert store.territories.load("town").places.is_empty()
    assert len(list((tmp_path / "territories/town").iterdir())) == 4


def test_a_territory_being_replaced_is_the_old_one_until_its_head_is_written(store: Store, tmp_path: Path):
    store.territories.save(a_territory())
    folder = tmp_path / "territories/town"
    old_head = (folder / "territory.json").read_bytes()
    old_files = {path: path.read_bytes() for path in folder.iterdir()}
    store.territories.save(a_territory(places=PLACES.empty()))
    for path, content in old_files.items():
        path.write_bytes(content)
    (folder / "territory.json").write_bytes(old_head)  # as if killed before the new head

    assert store.territories.load("town").places.height == 1


def test_names_are_listed_in_order(store: Store):
    assert store.territories.names() == []

    for name in ("zhetisu", "almaty", "astana_2026"):
        store.territories.save(a_territory(name))

    assert store.territories.names() == ["almaty", "astana_2026", "zhetisu"]


@pytest.mark.parametrize("name", ["", "..", "a/b", "Almaty", "алматы", "a" * 41, "a b", "a.b"])
def test_a_name_that_cannot_name_a_folder_is_refused(store: Store, name: str):
    with pytest.raises(InvalidTerritory, match="small Latin letters"):
        store.territories.save(a_territory(name))
    with pytest.raises(UnknownTerritoryName):
        store.territories.load(name)


def test_an_unknown_territory_is_answered_with_the_known_ones(store: Store):
    store.territories.save(a_territory("almaty"))

    with pytest.raises(UnknownTerritoryName, match="known here: almaty"):
        store.territories.load("astana")


def test_outlines_in_metres_are_refused(store: Store):
    territory = a_territory()

    with pytest.raises(InvalidTerritory, match="4326"):
        store.territories.save(replace(territory, regions=territory.regions.to_crs(3857)))


@pytest.mark.parametrize("pattern", ["territory.json", "regions-*", "places-*", "basemap-*"])
def test_a_damaged_territory_is_told(store: Store, tmp_path: Path, pattern: str):
    store.territories.save(a_territory())
    (file,) = (tmp_path / "territories/town").glob(pattern)

    file.write_bytes(b"{")
    with pytest.raises(DamagedStore, match="town is missing or changed"):
        store.territories.load("town")


# score runs


def test_the_latest_score_run_comes_back_with_its_frame(store: Store):
    store.scores.save(a_score_run("run1"), expected_incidents(1))
    saved = store.scores.save(a_score_run("run0", created_at=NOW + timedelta(hours=1)), expected_incidents(2))

    found = store.scores.latest("town")

    assert found is not None
    assert found[0] == saved
    assert_frame_equal(found[1], expected_incidents(2))
    assert store.scores.latest("village") is None
    with store.work() as work:
        assert work.score_runs.find("run0") == saved
        assert work.score_runs.find("run2") is None


def test_a_score_run_saved_again_replaces_its_frame_and_file(store: Store, tmp_path: Path):
    store.scores.save(a_score_run(), expected_incidents(1))

    store.scores.save(a_score_run(), expected_incidents(2))

    found = store.scores.latest("town")
    assert found is not None
    assert_frame_equal(found[1], expected_incidents(2))
    assert len(list((tmp_path / "scores/town").iterdir())) == 1


def test_a_score_run_whose_file_is_lost_is_told(store: Store, tmp_path: Path):
    saved = store.scores.save(a_score_run(), expected_incidents())

    (tmp_path / saved.path).unlink()

    with pytest.raises(DamagedStore, match="Score it again"):
        store.scores.latest("town")


def test_a_run_id_that_could_leave_its_folder_is_refused(store: Store):
    with pytest.raises(ValueError, match="cannot identify a score run"):
        store.scores.save(a_score_run("../run"), expected_incidents())
