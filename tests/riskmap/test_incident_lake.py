"""Readers of the lake and the territory shelf while others write: they see one state or the next, never a mixture."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest

from riskmap.assembly import migrate, open_store
from riskmap.ports import Store
from riskmap.settings import Settings
from tests.contracts.store_builders import a_delivery, a_territory, some_incidents, stage

WEEKS = 30
ROUNDS = 12


@pytest.fixture
def installation(tmp_path: Path) -> Settings:
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path)})
    migrate(settings)
    return settings


@pytest.fixture
def store(installation: Settings) -> Iterator[Store]:
    made = open_store(installation)
    yield made
    made.close()


def _supersede(store: Store, *, old: str | None, new: str) -> None:
    days = [date(2026, 1, 5) + timedelta(weeks=week) for week in range(WEEKS)]
    with store.lake.hold("town"), store.lake.staging("town", new) as staging:
        stage(staging, some_incidents(days, prefix=new))
        kept = staging.keep()
        with store.work() as work:
            if old:
                work.deliveries.supersede(old)
                work.lake_files.remove(old)
            work.deliveries.save(a_delivery(new, quarantined=0, rows_read=4))
            work.lake_files.add(kept.files)
            staging.move_into_place()
            work.commit()
        store.lake.sweep("town")


def test_a_reader_sees_one_reading_of_a_file_while_others_supersede_it(store: Store, installation: Settings):
    _supersede(store, old=None, new="d0")
    is_over = threading.Event()

    def read_until_over() -> set[tuple[int, str]]:
        reader = open_store(installation)
        seen = set()
        while not is_over.is_set():
            found = reader.lake.read("town")
            seen.add((found.height, "".join(sorted(set(found["incident_id"].str.slice(0, 2))))))
        reader.close()
        return seen

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_until_over)
        try:
            for number in range(1, ROUNDS + 1):
                _supersede(store, old=f"d{(number - 1) % 9}", new=f"d{number % 9}")
        finally:
            is_over.set()
        seen = reading.result()

    assert seen <= {(WEEKS, f"d{number}") for number in range(9)}


def test_a_reader_sees_one_territory_while_others_replace_it(store: Store):
    store.territories.save(a_territory(zone="Asia/Almaty"))
    is_over = threading.Event()

    def read_until_over() -> set[tuple[str, bool]]:
        seen = set()
        while not is_over.is_set():
            found = store.territories.load("town")
            seen.add((found.zone, found.places.is_empty()))
        return seen

    with ThreadPoolExecutor(1) as pool:
        reading = pool.submit(read_until_over)
        try:
            for number in range(ROUNDS):
                is_odd = bool(number % 2)
                places = a_territory().places.clear() if is_odd else a_territory().places
                store.territories.save(a_territory(zone="Asia/Aqtau" if is_odd else "Asia/Almaty", places=places))
        finally:
            is_over.set()
        seen = reading.result()

    assert seen <= {("Asia/Almaty", False), ("Asia/Aqtau", True)}


def test_many_who_migrate_at_once_all_find_the_database_ready(tmp_path: Path):
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path / "new")})

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(migrate, [settings] * 6))

    open_store(settings).close()


def test_a_week_of_one_delivery_is_one_file_and_empty_weeks_have_no_folder(store: Store, tmp_path: Path):
    _supersede(store, old=None, new="d0")
    _supersede(store, old="d0", new="d1")
    with store.work() as work:
        work.deliveries.supersede("d1")
        work.lake_files.remove("d1")
        work.commit()

    assert len(list((tmp_path / "lake/town").iterdir())) == WEEKS
    assert store.lake.sweep("town") == WEEKS + 1
    assert list((tmp_path / "lake/town").iterdir()) == []
    assert store.lake.read("town").is_empty()


def test_moments_keep_their_microseconds_and_local_days_their_week(store: Store):
    # 04:30 on Monday in Almaty is still Sunday in UTC: the local day decides.
    row = some_incidents([date(2026, 1, 5)]).with_columns(
        occurred_from=datetime(2026, 1, 4, 23, 30, 0, 123_456, tzinfo=UTC),
        occurred_to=datetime(2026, 1, 4, 23, 30, 0, 123_456, tzinfo=UTC),
    )
    with store.lake.staging("town", "d0") as staging:
        stage(staging, row.cast(some_incidents([]).schema))
        (file,) = staging.keep().files

    assert file.week == "2026-W02"
    assert file.rows == 1
