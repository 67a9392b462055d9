"""A delivery counts whole or not at all, once, and says what became of every row."""

import gzip
import os
import random
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import polars as pl
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from geodata.errors import InvalidMapping, UnexpectedColumns, UnreadableFile
from geodata.layout import Mapping
from geodata.territory import Names, Territory
from riskmap import installation_key
from riskmap.assembly import in_memory_store, migrate, open_store
from riskmap.errors import CannotWrite, StoreBusy, TerritoryDoesNotFit, UnknownCategories
from riskmap.pipeline.deliveries import DeliveryReport, deliver
from riskmap.ports import DeliveryStatus, Store
from riskmap.settings import REPOSITORY, Settings

NOW = datetime(2026, 10, 5, 9, 30, tzinfo=UTC)
HEADER = "occurred_at,category,lat,lng"
FIRST = datetime(2025, 11, 3, 0, 0)  # noqa: DTZ001 (local time, as a source writes it)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    made = in_memory_store(tmp_path / "data", wait_s=0.2)
    yield made
    made.close()


@pytest.fixture
def town() -> Territory:
    return a_town()


def a_town(**changes: object) -> Territory:
    row = {"region_id": "1", "name_kk": "Қала", "name_ru": "Город", "name_en": "Town", "zone": "Asia/Almaty"}
    regions = gpd.GeoDataFrame([row], geometry=[shapely.box(76.7, 43.1, 77.1, 43.4)], crs=4326)
    regions["residents"] = None
    regions["official_count"] = None
    plain: dict[str, object] = {
        "name": "town",
        "names": Names(kk="Қала", ru="Город", en="Town"),
        "zone": "Asia/Almaty",
        "regions": regions,
        "origin": Names(kk="сынақ үшін", ru="для проверки", en="made up for tests"),
    }
    return Territory(**{**plain, **changes})


def a_row(number: int = 0, *, category: str = "theft", lat: float | str = 43.25, lng: float | str = 76.9) -> str:
    """Rows of different numbers differ in time."""
    moment = FIRST + timedelta(hours=2 * number, minutes=17)
    return f"{moment:%Y-%m-%d %H:%M},{category},{lat},{lng}"


def a_file(folder: Path, rows: list[str], *, name: str = "incidents.csv", header: str = HEADER) -> Path:
    path = folder / name
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return path


def files_below(folder: Path) -> set[str]:
    found = (path for path in folder.rglob("*") if path.is_file() and path.parent.name != "locks")
    return {str(path.relative_to(folder)) for path in found if path.name != installation_key.NAME}


def test_a_report_accounts_for_every_row(store: Store, town: Territory, tmp_path: Path):
    rows = [a_row(number) for number in range(20)]
    rows += [a_row(3), a_row(20, lat="", lng=""), a_row(21, category="лунный десант"), a_row(22, lat=52.0)]
    rows += ["31.31.2026,theft,43.25,76.9"]

    report = deliver(store, a_file(tmp_path, rows), territory=town, now=NOW)

    assert report.rows_read == 25
    assert (report.accepted, report.duplicates, report.quarantined) == (22, 1, 2)
    assert report.without_place == 1
    assert report.faults == {"impossible_date": 1, "outside_territory": 1}
    assert report.unknown_categories == {"лунный десант": 1}
    assert (report.first_day, report.last_day) == (date(2025, 11, 3), date(2025, 11, 4))
    assert (report.file_name, report.territory, report.is_repeat) == ("incidents.csv", "town", False)
    assert store.lake.read("town").height == 22
    assert store.lake.quarantined("town", report.delivery_id)["line"].to_list() == [25, 26]


def test_the_same_file_again_changes_nothing_and_is_answered_with_the_earlier_report(
    store: Store, town: Territory, tmp_path: Path
):
    path = a_file(tmp_path, [*map(a_row, range(20)), a_row(30, lat=52.0)])
    first = deliver(store, path, territory=town, now=NOW)
    before = {name: (tmp_path / "data" / name).stat().st_mtime_ns for name in files_below(tmp_path / "data")}
    renamed = path.rename(tmp_path / "again.csv")

    second = deliver(store, renamed, territory=town, now=NOW + timedelta(days=1))

    assert second.is_repeat
    assert not first.is_repeat
    assert {**_as_dict(second), "is_repeat": False} == _as_dict(first)
    assert {name: (tmp_path / "data" / name).stat().st_mtime_ns for name in files_below(tmp_path / "data")} == before


def test_the_same_file_has_the_same_delivery_id_in_every_installation(town: Territory, tmp_path: Path):
    path = a_file(tmp_path, [a_row(number) for number in range(5)])
    stores = [in_memory_store(tmp_path / name) for name in ("one", "two")]

    ids = {deliver(store, path, territory=town, now=NOW).delivery_id for store in stores}

    assert len(ids) == 1
    for store in stores:
        store.close()


def test_another_reading_of_the_same_file_supersedes_the_earlier_one(store: Store, town: Territory, tmp_path: Path):
    path = a_file(tmp_path, [*map(a_row, range(20)), a_row(40, category="сход с орбиты"), a_row(50, lat=52.0)])
    first = deliver(store, path, territory=town, now=NOW)

    second = deliver(store, path, territory=town, mapping=Mapping(categories={"сход с орбиты": "hooliganism"}), now=NOW)

    assert not second.is_repeat
    assert second.delivery_id != first.delivery_id
    assert second.accepted == first.accepted == 21
    assert second.unknown_categories == {}
    assert store.lake.read("town")["offence_group"].to_list().count("hooliganism") == 1
    with store.work() as work:
        earlier = work.deliveries.find(first.delivery_id)
        assert [delivery.delivery_id for delivery in work.deliveries.adopted("town")] == [second.delivery_id]
    assert earlier is not None
    assert earlier.status is DeliveryStatus.SUPERSEDED
    assert not [name for name in files_below(tmp_path / "data") if first.delivery_id in name]


def test_a_reading_that_is_refused_leaves_the_earlier_one_standing(store: Store, town: Territory, tmp_path: Path):
    path = a_file(tmp_path, [a_row(number) for number in range(20)])
    deliver(store, path, territory=town, now=NOW)
    before = store.lake.read("town")

    with pytest.raises(UnknownCategories):
        deliver(store, path, territory=town, mapping=Mapping(categories={"theft": "unclassified"}), now=NOW)

    assert_frame_equal(store.lake.read("town"), before)


def test_going_back_to_an_earlier_reading_counts_its_rows_again(store: Store, town: Territory, tmp_path: Path):
    path = a_file(tmp_path, [a_row(number) for number in range(20)])
    first = deliver(store, path, territory=town, now=NOW)
    original = store.lake.read("town")
    deliver(store, path, territory=town, zone="Asia/Tokyo", now=NOW)

    back = deliver(store, path, territory=town, now=NOW)

    assert back == first
    assert_frame_equal(store.lake.read("town"), original)


def test_new_outlines_make_a_new_reading(store: Store, town: Territory, tmp_path: Path):
    path = a_file(tmp_path, [*map(a_row, range(20)), a_row(30, lat=43.9)])
    assert deliver(store, path, territory=town, now=NOW).quarantined == 1
    wider = town.regions.set_geometry([shapely.box(76.0, 43.0, 78.0, 44.0)])

    report = deliver(store, path, territory=a_town(regions=wider), now=NOW)

    assert (report.is_repeat, report.quarantined, report.accepted) == (False, 0, 21)


def test_rows_of_an_overlapping_file_are_duplicates(store: Store, town: Territory, tmp_path: Path):
    deliver(store, a_file(tmp_path, [a_row(number) for number in range(20)]), territory=town, now=NOW)

    later = a_file(tmp_path, [a_row(number) for number in range(10, 35)], name="later.csv")
    report = deliver(store, later, territory=town, now=NOW)

    assert (report.rows_read, report.duplicates, report.accepted) == (25, 10, 15)
    assert store.lake.read("town")["incident_id"].n_unique() == store.lake.read("town").height == 35


def test_another_territory_keeps_its_own_incidents(store: Store, town: Territory, tmp_path: Path):
    path = a_file(tmp_path, [a_row(number) for number in range(20)])
    deliver(store, path, territory=town, now=NOW)

    report = deliver(store, path, territory=a_town(name="village"), now=NOW)

    assert (report.is_repeat, report.accepted, report.duplicates) == (False, 20, 0)


def test_a_file_of_another_place_is_refused_whole(store: Store, town: Territory, tmp_path: Path):
    rows = [a_row(number) for number in range(4)] + [a_row(number, lat=51.1, lng=71.4) for number in range(4, 10)]

    with pytest.raises(TerritoryDoesNotFit, match=r"6 of 10 rows .* outside town.*--territory auto"):
        deliver(store, a_file(tmp_path, rows), territory=town, now=NOW)

    assert files_below(tmp_path / "data") == set()
    with store.work() as work:
        assert work.deliveries.adopted("town") == []


def test_half_a_file_outside_is_still_delivered(store: Store, town: Territory, tmp_path: Path):
    rows = [a_row(number) for number in range(5)] + [a_row(number, lat=51.1, lng=71.4) for number in range(5, 10)]

    report = deliver(store, a_file(tmp_path, rows), territory=town, now=NOW)

    assert (report.accepted, report.faults) == (5, {"outside_territory": 5})


def test_swapped_columns_are_recognised_and_the_file_refused(store: Store, town: Territory, tmp_path: Path):
    rows = [a_row(number, lat=76.9, lng=43.25) for number in range(10)]

    with pytest.raises(TerritoryDoesNotFit, match="look swapped"):
        deliver(store, a_file(tmp_path, rows), territory=town, now=NOW)


def test_a_file_with_no_known_category_asks_for_a_mapping(store: Store, town: Territory, tmp_path: Path):
    rows = [a_row(number, category="сход с орбиты") for number in range(10)]

    with pytest.raises(UnknownCategories, match=r'"сход с орбиты" = "theft"'):
        deliver(store, a_file(tmp_path, rows), territory=town, now=NOW)

    assert files_below(tmp_path / "data") == set()


def test_a_file_without_a_category_column_is_delivered(store: Store, town: Territory, tmp_path: Path):
    rows = [f"2026-01-{day:02} 10:15,43.25,76.9" for day in range(1, 11)]

    report = deliver(store, a_file(tmp_path, rows, header="occurred_at,lat,lng"), territory=town, now=NOW)

    assert (report.accepted, report.unknown_categories) == (10, {})


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", UnreadableFile),
        (b"\x89PNG\r\n\x1a\n" + bytes(100), UnreadableFile),
        (b"PAR1 is not enough", UnreadableFile),
        (b"name,colour\nA,red\n", UnexpectedColumns),
    ],
    ids=["empty", "picture", "broken parquet", "other columns"],
)
def test_a_file_that_cannot_be_read_leaves_nothing(
    store: Store, town: Territory, tmp_path: Path, content: bytes, error: type[Exception]
):
    path = tmp_path / "incidents.csv"
    path.write_bytes(content)

    with pytest.raises(error, match=r"incidents\.csv"):
        deliver(store, path, territory=town, now=NOW)

    assert files_below(tmp_path / "data") == set()


def test_a_file_that_breaks_off_leaves_nothing(store: Store, town: Territory, tmp_path: Path):
    whole = gzip.compress(a_file(tmp_path, [a_row(number % 3_000) for number in range(250_000)]).read_bytes())
    path = tmp_path / "broken.csv.gz"
    path.write_bytes(whole[: len(whole) * 2 // 3])

    with pytest.raises(UnreadableFile, match=r"broken\.csv\.gz"):
        deliver(store, path, territory=town, now=NOW)

    assert files_below(tmp_path / "data") == set()


def test_a_missing_file_and_an_unknown_zone_are_told(store: Store, town: Territory, tmp_path: Path):
    with pytest.raises(UnreadableFile, match=r"absent\.csv"):
        deliver(store, tmp_path / "absent.csv", territory=town, now=NOW)
    with pytest.raises(InvalidMapping, match="Asia/Atlantis"):
        deliver(store, a_file(tmp_path, [a_row()]), territory=town, zone="Asia/Atlantis", now=NOW)


def test_local_times_are_read_in_the_zone_that_is_given(store: Store, town: Territory, tmp_path: Path):
    deliver(store, a_file(tmp_path, [a_row(0)]), territory=town, zone="Asia/Tokyo", now=NOW)

    assert store.lake.read("town")["occurred_from"].to_list() == [datetime(2025, 11, 2, 15, 17, tzinfo=UTC)]


def test_progress_counts_rows_and_knows_the_end_of_a_parquet_file(store: Store, town: Territory, tmp_path: Path):
    told: list[tuple[int, int]] = []
    csv = a_file(tmp_path, [a_row(number) for number in range(30)])
    parquet = tmp_path / "incidents.parquet"
    pl.read_csv(csv).write_parquet(parquet)

    deliver(store, csv, territory=town, now=NOW, progress=lambda done, total: told.append((done, total)))
    deliver(store, parquet, territory=town, now=NOW, progress=lambda done, total: told.append((done, total)))

    assert told == [(30, 0), (30, 30)]


def test_lost_files_are_healed_by_delivering_the_original_again(store: Store, town: Territory, tmp_path: Path):
    path = a_file(tmp_path, [a_row(number) for number in range(200)])
    deliver(store, path, territory=town, now=NOW)
    original = store.lake.read("town")
    shutil.rmtree(tmp_path / "data" / "lake")

    healed = deliver(store, path, territory=town, now=NOW)

    assert not healed.is_repeat
    assert_frame_equal(store.lake.read("town"), original)


_TEXTS = st.sampled_from(["theft", "robbery", "луна", "", "43.25", "76.9", "52", "999", "0", "x"])


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(rows=st.lists(st.tuples(st.integers(0, 40), _TEXTS, _TEXTS, _TEXTS), min_size=1, max_size=40))
def test_no_row_is_lost_or_counted_twice(tmp_path: Path, rows: list[tuple[int, str, str, str]]):
    store = in_memory_store(tmp_path / "law")
    lines = [a_row(number, category=category, lat=lat, lng=lng) for number, category, lat, lng in rows]
    path = a_file(tmp_path, [a_row(100), a_row(101), *lines])

    try:
        report = deliver(store, path, territory=a_town(), now=NOW)
    except TerritoryDoesNotFit:
        assert store.lake.read("town").is_empty()
    else:
        assert report.rows_read == len(rows) + 2 == report.accepted + report.duplicates + report.quarantined
        assert store.lake.read("town").height == report.accepted
        assert store.lake.quarantined("town", report.delivery_id).height == sum(report.faults.values())
    finally:
        store.close()
        shutil.rmtree(tmp_path / "law")


# what stands in the way


@pytest.mark.parametrize("folder", ["lake", "staging", "locks", "quarantine"])
def test_a_folder_that_cannot_be_written_is_told_and_nothing_is_stored(
    store: Store, town: Territory, tmp_path: Path, folder: str
):
    path = a_file(tmp_path, [*map(a_row, range(20)), a_row(40, lat=52.0)])
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / folder).write_text("a file where a folder is needed")

    with pytest.raises(CannotWrite, match=rf"{folder}.*RISKMAP_DATA"):
        deliver(store, path, territory=town, now=NOW)

    assert store.lake.read("town").is_empty()
    (tmp_path / "data" / folder).unlink()
    assert deliver(store, path, territory=town, now=NOW).accepted == 20
    assert store.lake.read("town").height == 20


def test_a_disk_that_takes_no_more_is_told_and_nothing_is_stored(store: Store, town: Territory, tmp_path: Path):
    path = a_file(tmp_path, [*map(a_row, range(300)), a_row(400, lat=52.0)])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)

    resource.setrlimit(resource.RLIMIT_FSIZE, (2_000, hard))
    try:
        with pytest.raises(CannotWrite, match="Free space"):
            deliver(store, path, territory=town, now=NOW)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert files_below(tmp_path / "data") == set()
    assert deliver(store, path, territory=town, now=NOW).accepted == 300


def test_a_delivery_that_waits_too_long_for_another_is_told(store: Store, town: Territory, tmp_path: Path):
    path = a_file(tmp_path, [a_row(number) for number in range(5)])

    with store.lake.hold("town"), pytest.raises(StoreBusy, match="Another delivery to town"):
        deliver(store, path, territory=town, now=NOW)


def test_deliveries_at_the_same_time_do_not_mix(town: Territory, tmp_path: Path):
    _installed(tmp_path / "data", town)
    one = a_file(tmp_path, [a_row(number) for number in range(100)], name="one.csv")
    two = a_file(tmp_path, [a_row(number) for number in range(50, 150)], name="two.csv")

    def deliver_alone(path: Path) -> DeliveryReport:
        store = open_store(_settings(tmp_path / "data"))
        try:
            return deliver(store, path, territory=town, now=NOW)
        finally:
            store.close()

    with ThreadPoolExecutor(4) as pool:
        reports = list(pool.map(deliver_alone, [one, two, one, two]))

    assert [report.is_repeat for report in reports].count(True) == 2
    first, second = (report for report in reports if not report.is_repeat)
    assert first.accepted + second.accepted == 150
    assert first.duplicates + second.duplicates == 50
    store = open_store(_settings(tmp_path / "data"))
    assert store.lake.read("town")["incident_id"].n_unique() == store.lake.read("town").height == 150
    store.close()


# kill -9


@pytest.fixture(scope="module")
def steps(tmp_path_factory: pytest.TempPathFactory) -> int:
    """How many steps a delivery takes that nobody kills."""
    folder = tmp_path_factory.mktemp("counted")
    path = _earlier_reading_of_a_long_file(folder)
    done = _deliver_and_die(folder / "data", path, 0)
    assert done.returncode == 0, done.stderr
    return int(done.stdout)


# Anywhere before the files are moved into place, and about the moment of the move and the commit.
@pytest.mark.parametrize("share", [(0.0, 0.45), (0.45, 0.6)])
def test_a_killed_delivery_leaves_the_rows_of_before_or_of_after(
    tmp_path: Path, steps: int, share: tuple[float, float]
):
    step = random.Random(20261122).randrange(1 + int(share[0] * steps), int(share[1] * steps))

    _kill_and_check(tmp_path, step)


@pytest.mark.deep
@pytest.mark.parametrize("part", range(20))
def test_wherever_a_delivery_is_killed_its_rows_are_those_of_before_or_of_after(tmp_path: Path, steps: int, part: int):
    step = random.Random(part).randrange(1 + part * steps // 20, (part + 1) * steps // 20)

    _kill_and_check(tmp_path, step)


def _kill_and_check(folder: Path, step: int) -> None:
    """Kill a delivery that supersedes an earlier reading; then look, and deliver again."""
    path = _earlier_reading_of_a_long_file(folder)
    store = open_store(_settings(folder / "data"))
    before = store.lake.read("town")

    killed = _deliver_and_die(folder / "data", path, step)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    found = store.lake.read("town")
    report = deliver(store, path, territory=store.territories.load("town"), now=NOW)
    after = store.lake.read("town")

    assert found.equals(before) or found.equals(after)
    assert not before.equals(after)
    assert (report.rows_read, report.accepted, report.quarantined) == (3_010, 3_000, 10)
    assert after.height == 3_000
    with store.work() as work:
        named = {f"lake/{file.path}" for file in work.lake_files.of_territory("town")}
    data = folder / "data"
    left = {name for name in files_below(data) if name.startswith(("lake/", "staging/", "quarantine/"))}
    assert left >= named
    # What a kill left after the commit stays unseen until the next delivery; that one sweeps it.
    deliver(store, a_file(folder, [a_row(3_900)], name="next.csv"), territory=a_town(), now=NOW)
    with store.work() as work:
        named = {f"lake/{file.path}" for file in work.lake_files.of_territory("town")}
    left = {name for name in files_below(data) if name.startswith(("lake/", "staging/", "quarantine/"))}
    assert left == {*named, f"quarantine/town/{report.delivery_id}.parquet"}
    store.close()


def _earlier_reading_of_a_long_file(folder: Path) -> Path:
    _installed(folder / "data", a_town())
    rows = [a_row(number, category="theft" if number % 3 else "сход с орбиты") for number in range(3_000)]
    path = a_file(folder, [*rows, *(a_row(number, lat=52.0) for number in range(3_000, 3_010))])
    store = open_store(_settings(folder / "data"))
    mapping = Mapping(categories={"сход с орбиты": "hooliganism"})
    deliver(store, path, territory=store.territories.load("town"), mapping=mapping, now=NOW)
    store.close()
    return path


def _deliver_and_die(data: Path, path: Path, step: int) -> "subprocess.CompletedProcess[str]":
    script = Path(__file__).with_name("deliver_and_die.py")
    return subprocess.run(
        [sys.executable, str(script), str(data), "town", str(path), str(step)],
        env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def _settings(data: Path) -> Settings:
    return Settings.from_environment({"RISKMAP_DATA": str(data)})


def _installed(data: Path, territory: Territory) -> None:
    migrate(_settings(data))
    store = open_store(_settings(data))
    store.territories.save(territory)
    store.close()


def _as_dict(report: DeliveryReport) -> dict[str, object]:
    return {name: getattr(report, name) for name in report.__dataclass_fields__}
