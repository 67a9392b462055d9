"""One suite over every store: what the ports promise holds in memory and on disk."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, date, timedelta, timezone
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from geodata.columns import INCIDENTS
from geodata.errors import UnexpectedColumns
from riskmap.assembly import migrate, open_store
from riskmap.errors import CannotWrite, DamagedStore, StoreBusy
from riskmap.lake_ports import MarkState, QuarantineMark, Strike, StrikeReason
from riskmap.ports import DeliveryStatus, Store
from riskmap.settings import Settings
from tests.contracts.store_builders import (
    NOW,
    a_delivery,
    adopt,
    an_id,
    quarantined_rows,
    some_incidents,
    stage,
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
    with store.lake.staging("nowhere", "d1") as staging:
        assert staging.known(pl.Series("incident_id", [an_id("a")])).held.is_empty()


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

    assert store.lake.read("town")["incident_id"].to_list() == [an_id("a"), an_id("b")]
    assert store.lake.read("village")["incident_id"].to_list() == [an_id("c")]


def test_what_the_lake_holds_of_a_delivery_is_found_whatever_its_week(store: Store, tmp_path: Path):
    weeks = [date(2026, 9, 1), date(2026, 9, 8), date(2026, 9, 15)]
    adopt(store, a_delivery("d1"), some_incidents(weeks, prefix="a"))
    adopt(store, a_delivery("d2", sha256="b" * 64), some_incidents(weeks, prefix="b"))
    moved = some_incidents([date(2026, 10, 6)], prefix="a")
    for index in (tmp_path / "ids/town").iterdir():
        index.unlink()  # made anew from the lake

    with store.lake.staging("town", "d3") as staging:
        stage(staging, pl.concat([some_incidents([date(2026, 11, 3)], prefix="c"), moved]))
        found = staging.known(pl.Series("incident_id", [an_id("b", 2)]))
        passed_over = staging.known(pl.Series("incident_id", [an_id("b", 2)]), without=["d1"])

    assert found.held.select("incident_id", "delivery_id", "week").rows() == [
        (an_id("a", 0), "d1", "2026-W36"),
        (an_id("b", 2), "d2", "2026-W38"),
    ]
    assert found.staged["incident_id"].to_list() == [an_id("a", 0)]
    assert passed_over.held["incident_id"].to_list() == [an_id("b", 2)]


def test_rows_struck_out_are_read_no_more_and_not_known(store: Store):
    days = [date(2026, 9, 1), date(2026, 9, 2), date(2026, 9, 8)]
    adopt(store, a_delivery("d1"), some_incidents(days, prefix="a"))
    strike = Strike(
        territory="town",
        incident_id=an_id("a", 1),
        delivery_id="d1",
        week="2026-W36",
        by_delivery_id="d1",
        reason=StrikeReason.WITHDRAWN,
    )
    with store.work() as work:
        work.strikes.add([strike])
        work.commit()

    with store.look() as look:
        assert look.strikes.of_delivery("d1") == look.strikes.of_territory("town") == [strike]
    assert store.lake.read("town")["incident_id"].to_list() == [an_id("a", 0), an_id("a", 2)]
    with store.lake.staging("town", "d2") as staging:
        assert staging.known(pl.Series("incident_id", [an_id("a", 1)])).held.is_empty()

    with store.work() as work:
        work.strikes.remove("d1")
        work.commit()
    assert store.lake.read("town").height == 3


def test_a_later_mark_of_a_quarantined_row_takes_the_place_of_the_earlier(store: Store):
    adopt(store, a_delivery("d1"), some_incidents([date(2026, 9, 1)]))
    dismissed = QuarantineMark(delivery_id="d1", line=2, state=MarkState.DISMISSED, at=NOW)
    replayed = replace(dismissed, state=MarkState.REPLAYED, replay_id="d9")
    for marks in ([dismissed, replace(dismissed, line=1)], [replayed]):
        with store.work() as work:
            work.quarantine_marks.add(marks)
            work.commit()

    with store.look() as look:
        assert look.quarantine_marks.of_delivery("d1") == {1: replace(dismissed, line=1), 2: replayed}
        assert look.quarantine_marks.of_delivery("d2") == {}


def test_files_that_the_catalogue_does_not_name_are_not_seen_and_swept(store: Store, tmp_path: Path):
    adopt(store, a_delivery("d1"), some_incidents([date(2026, 9, 1)], prefix="a"))
    with store.lake.staging("town", "d2") as staging:
        staging.set_aside(quarantined_rows())
        stage(staging, some_incidents([date(2026, 9, 1), date(2026, 8, 1)], prefix="b"))
        staging.keep()
        staging.move_into_place()  # and here the delivery is killed

    assert store.lake.read("town")["incident_id"].to_list() == [an_id("a")]
    assert store.lake.quarantined("town", "d2").is_empty()
    assert store.lake.sweep("town") == 4
    assert store.lake.sweep("town") == 0
    assert not list(tmp_path.rglob("d2*"))
    assert store.lake.read("town")["incident_id"].to_list() == [an_id("a")]


def test_a_staging_folder_is_gone_when_its_block_ends(store: Store, tmp_path: Path):
    def stage_and_fail() -> None:
        with store.lake.staging("town", "d1") as staging:
            staging.set_aside(quarantined_rows())
            stage(staging, some_incidents([date(2026, 9, 1)]))
            staging.keep()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stage_and_fail()

    assert not list((tmp_path / "staging").iterdir())


def test_sweeping_leaves_the_staging_of_another_territory_alone(store: Store, tmp_path: Path):
    with store.lake.staging("town2", "d1") as staging:
        stage(staging, some_incidents([date(2026, 9, 1)]))
        staging.keep()

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
    with (
        store.lake.staging("town", "d2") as staging,
        pytest.raises(DamagedStore, match="deliver the original file again"),
    ):
        staging.known(pl.Series("incident_id", [an_id("f")]))
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
        stage(staging, some_incidents([date(2026, 9, 1)]).drop("cell"))


def test_a_file_where_a_folder_is_needed_is_told(store: Store, tmp_path: Path):
    (tmp_path / "staging").write_text("in the way")
    (tmp_path / "locks").write_text("in the way")

    with pytest.raises(CannotWrite, match=r"staging.*RISKMAP_DATA"), store.lake.staging("town", "d1"):
        pass
    with pytest.raises(CannotWrite, match=r"locks.*RISKMAP_DATA"), store.lake.hold("town"):
        pass
