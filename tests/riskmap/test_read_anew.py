"""A file that is read another way after some of its rows were corrected: nothing counts twice, nothing hides."""

from datetime import timedelta

import pytest

from geodata.layout import Mapping
from riskmap.pipeline.deliveries import deliver
from riskmap.quarantine import corrections
from tests.rows_aside import NOW, STEWARD, TOWN, a_file, a_town, a_town_on_disk, corrected, sound_rows

MENDED = {"occurred_at": "2026-02-03 10:00"}


@pytest.fixture
def town(tmp_path):
    with a_town_on_disk(tmp_path) as made:
        yield made


@pytest.fixture
def mended(town):
    """The first reading, one of whose five faulty rows was corrected."""
    told = town.deliver()
    table = corrected(town.table(told.delivery_id), line_13=MENDED)
    corrections.replay(town.bench, STEWARD, town.sent_back(table), at=NOW + timedelta(hours=1))
    return told


def read_anew(town, **given):
    path = town.folder / "incidents.csv"
    return deliver(town.store, path, territory=a_town(), now=NOW + timedelta(days=1), **given)


def test_corrected_rows_are_withdrawn_with_the_reading_they_belong_to(town, mended):
    before = town.store.lake.read(TOWN).height

    told = read_anew(town, zone="Asia/Tokyo")

    held = town.store.lake.read(TOWN)
    assert (before, held.height, told.to_correct_again) == (11, 10, 1)
    assert set(held["time_zone"]) == {"Asia/Tokyo"}
    assert [(one.delivery_id, one.open) for one in town.overview()] == [(told.delivery_id, 5)]


def test_rows_corrected_again_count_once(town, mended):
    told = read_anew(town, zone="Asia/Tokyo")
    table = corrected(town.table(told.delivery_id), line_13=MENDED)

    again = corrections.replay(town.bench, STEWARD, town.sent_back(table), at=NOW + timedelta(days=2))

    assert (again.accepted, town.store.lake.read(TOWN).height) == (1, 11)
    assert town.overview()[0].open == 4


def test_a_row_that_the_new_reading_understands_is_not_lost_to_its_correction(town):
    path = a_file(town.folder, [*sound_rows(), "02/13/2026 10:00,theft,43.25,76.9,"])
    day_first = Mapping(date_format="day first")
    first = deliver(town.store, path, territory=a_town(), now=NOW, mapping=day_first)
    table = corrected(town.table(first.delivery_id), line_12={"occurred_at": "2026-02-13 10:00"})
    corrections.replay(town.bench, STEWARD, town.sent_back(table), at=NOW + timedelta(hours=1))

    told = read_anew(town, mapping=Mapping(date_format="month first"))

    assert (first.accepted, told.accepted, told.duplicates) == (10, 11, 0)
    assert town.store.lake.read(TOWN).height == 11


def test_the_old_reading_taken_up_again_has_its_rows_open(town, mended):
    read_anew(town, zone="Asia/Tokyo")

    back = read_anew(town)

    assert (back.delivery_id, back.is_repeat, back.to_correct_again) == (mended.delivery_id, False, 0)
    assert [(one.delivery_id, one.open) for one in town.overview()] == [(mended.delivery_id, 5)]
    assert town.store.lake.read(TOWN).height == 10
