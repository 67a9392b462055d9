"""One suite over every store: what the ports promise holds in memory and on disk."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, timedelta, timezone
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from geodata.columns import INCIDENTS
from geodata.errors import UnexpectedColumns
from riskmap.assembly import migrate, open_store
from riskmap.errors import CannotWrite, DamagedStore, StoreBusy
from riskmap.ports import DeliveryStatus, Store
from riskmap.settings import Settings
from tests.contracts.store_builders import (
    NOW,
    a_delivery,
    adopt,
    quarantined_rows,
    some_incidents,
)

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
    settings = Settings.from_environment({"RISKMAP_DATA": str(tmp_path)})
    migrate(settings)
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
