"""Releases that follow one another tell each period once."""

from datetime import date

import polars as pl
import pytest

from geodata import public_counts
from riskmap import release
from riskmap.errors import NotReleasable
from riskmap.pipeline import public_tables
from tests.made_up_town import some_incidents
from tests.riskmap.test_publication import AS_OF, Town


@pytest.fixture
def town(tmp_path):
    made = Town(tmp_path, some_incidents())
    yield made
    made.store.close()


def counts_of(opened):
    _, files = release.open_folder(opened.folder.parent.parent, opened.territory, opened.release_id)
    return public_tables.read(files).counts


def late_records(frame):
    """Some of the town's incidents once more, at another minute: late records of quarters told before."""
    return frame.head(40).with_columns(pl.col("occurred_at").str.slice(0, 14) + "59")


def test_the_first_release_follows_none_and_the_next_names_the_one_before(town):
    first = town.publish(as_of=date(2025, 1, 5))

    second = town.publish()

    assert town.release(first.release_id).manifest["predecessor"] is None
    assert town.release(second.release_id).manifest["predecessor"] == first.release_id


def test_publishing_the_newest_release_again_makes_none_that_follows_itself(town):
    town.publish(as_of=date(2025, 1, 5))
    second = town.publish()

    again = town.publish()

    assert (again.release_id, again.is_new) == (second.release_id, False)


def test_what_a_release_told_stands_in_every_later_one_whatever_was_delivered_since(town):
    first = town.release(town.publish(as_of=date(2025, 1, 5)).release_id)
    town.add(late_records(some_incidents()))

    second = town.release(town.publish().release_id)

    told = counts_of(first)
    again = counts_of(second).join(told, on=list(public_counts.KEY), how="semi", nulls_equal=True)
    assert again.sort(public_counts.KEY).equals(told.sort(public_counts.KEY))
    assert second.manifest["counts"]["new"]
    assert not set(second.manifest["counts"]["new"]) & set(first.manifest["counts"]["periods"])


def test_late_records_of_a_told_quarter_are_counted_nowhere(town):
    first = town.publish(as_of=AS_OF)
    before = town.store.counted.load(town.territory.name, first.release_id)
    town.add(late_records(some_incidents()))

    second = town.publish(as_of=AS_OF)

    after = town.store.counted.load(town.territory.name, second.release_id)
    quarters = set(town.release(first.release_id).manifest["counts"]["periods"])
    name = pl.col("month").dt.year().cast(pl.String) + "-Q" + pl.col("month").dt.quarter().cast(pl.String)
    assert after.filter(name.is_in(sorted(quarters))).equals(before.filter(name.is_in(sorted(quarters))))


def test_without_what_the_release_before_was_counted_from_none_is_made(town):
    first = town.publish(as_of=date(2025, 1, 5))
    (town.folder / "data" / "counted" / town.territory.name / f"{first.release_id}.parquet").unlink()

    with pytest.raises(NotReleasable, match="backup"):
        town.publish()

    assert town.release().release_id == first.release_id


def test_sensitive_incidents_stand_in_no_number_of_all_offences(town):
    frame = some_incidents()
    sensitive = frame.head(30).with_columns(
        pl.lit("SEX OFFENSE").alias("category"), pl.col("occurred_at").str.slice(0, 14) + "58"
    )
    plain = counts_of(town.release(town.publish().release_id))
    other = Town(town.folder / "other", pl.concat([frame, sensitive]))

    found = counts_of(other.release(other.publish().release_id))

    numbers = pl.col("kind") != "sensitive"
    assert found.filter(numbers).equals(plain.filter(numbers))
    assert not found.filter(~numbers).equals(plain.filter(~numbers))
    other.store.close()
