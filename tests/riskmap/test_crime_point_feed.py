"""Keeping a city current: what is asked again, what makes a delivery, and what the lake then holds."""

import shutil
from datetime import UTC, date, datetime, timedelta
from types import SimpleNamespace

import hypothesis
import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata import publisher_layouts
from riskmap import assembly
from riskmap.errors import ServiceUnreachable, TerritoryDoesNotFit, UnknownTerritoryName
from riskmap.pipeline import crime_point_feed, territories
from riskmap.pipeline.crime_point_door import COLUMNS
from riskmap.pipeline.crime_point_feed import Window, changes_of, refresh_of, with_window
from riskmap.pipeline.feature_service import FeatureService, Patience
from riskmap.settings import Settings
from tests.stand_in_service import StandIn, a_record, case_number

DAY_ONE = datetime(2024, 7, 1, 6, tzinfo=UTC)
TERRITORY = "town"


@pytest.fixture
def stand_in():
    held = [
        a_record(
            number, at=f"2024-{month:02d}-{day:02d} 20:{number:02d}", registered=f"2024-{month:02d}-{day + 1:02d} 09:00"
        )
        for number, (month, day) in enumerate((month, day) for month in range(1, 7) for day in (3, 9, 15, 21, 27))
    ]
    with StandIn(held, page_size=20) as service:
        yield service


class Feed:
    """One installation that fetches from a stand-in."""

    def __init__(self, stand_in, data):
        self.stand_in, self.data = stand_in, data
        self.store = assembly.open_store(Settings.from_environment({"RISKMAP_DATA": str(data)}))

    def fetch(self, *, now=DAY_ONE, since=None, until=None, territory="auto", attempts=1, overlap_days=14):
        self.stand_in.asked.clear()
        service = FeatureService(address=self.stand_in.url, patience=Patience(attempts=attempts), sleep=lambda _: None)
        return crime_point_feed.keep_current(
            self.store,
            service,
            data=self.data,
            city="1975",
            since=since,
            until=until,
            territory_name=territory,
            layouts=publisher_layouts.shipped(),
            overlap_days=overlap_days,
            now=now,
            progress=lambda _key, _done, _total: None,
        )

    def standing(self, territory=TERRITORY):
        return self.store.lake.read(territory)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """An installation with one small territory, to copy."""
    data = tmp_path_factory.mktemp("made") / "data"
    settings = Settings.from_environment({"RISKMAP_DATA": str(data)})
    assembly.migrate(settings)
    store = assembly.open_store(settings)
    rng = np.random.default_rng(3)
    points = rng.uniform(43.2, 43.3, 3_000), rng.uniform(76.86, 76.96, 3_000)
    source = SimpleNamespace(path=data, points=lambda: points)
    territories.new_from_points(store, TERRITORY, source, zone="Asia/Almaty")
    store.close()
    return data


@pytest.fixture
def feed(stand_in, made, tmp_path):
    made = Feed(stand_in, shutil.copytree(made, tmp_path / "data"))
    yield made
    made.store.close()


def days(count):
    return DAY_ONE + timedelta(days=count)


# ---- What is asked for ----


def test_the_first_fetch_asks_for_everything_of_the_city(feed):
    report = feed.fetch()

    assert {asked["where"] for asked in feed.stand_in.asked} == {"city_code='1975'"}
    assert not report.is_refresh
    assert (report.changes.new, report.delivery.rows_read, report.delivery.accepted) == (30, 30, 30)
    assert report.delivery.territory == TERRITORY


def test_a_later_fetch_asks_only_for_what_was_registered_since_or_struck_off(feed):
    feed.fetch(since=date(2024, 1, 1))

    report = feed.fetch(now=days(1))

    assert {asked["where"] for asked in feed.stand_in.asked} == {
        "city_code='1975' AND dat_sover>=TIMESTAMP '2024-01-01 00:00:00' AND (dat_vozb>=TIMESTAMP "
        "'2024-06-17 00:00:00' OR dat_vozb IS NULL OR discontinued<>0)"
    }
    assert report.is_refresh
    assert report.fetched.rows.height == 2


def test_where_nothing_is_new_nothing_is_delivered(feed):
    feed.fetch()

    report = feed.fetch(now=days(1))

    assert (report.file, report.delivery, report.changes.rows.height) == (None, None, 0)
    with feed.store.look() as look:
        assert len(look.deliveries.all(TERRITORY)) == 1


def test_the_same_period_asked_for_again_adds_nothing(feed):
    feed.fetch(since=date(2024, 1, 1))
    before = feed.standing()

    report = feed.fetch(since=date(2024, 1, 1), now=days(1))

    assert report.delivery is None
    assert feed.standing().equals(before)


def test_a_refresh_brings_what_is_new_and_nothing_else(feed):
    feed.fetch()
    feed.stand_in.add(
        a_record(40, at="2024-07-01 23:10"), a_record(41, at="2024-05-01 01:10", registered="2024-07-02 08:00")
    )

    report = feed.fetch(now=days(1))

    assert (report.changes.new, report.changes.changed, report.changes.along) == (2, 0, 0)
    assert (report.delivery.rows_read, report.delivery.accepted) == (2, 2)
    assert feed.standing().height == 32


def test_a_refresh_goes_on_from_the_last_one(feed):
    feed.fetch()
    feed.fetch(now=days(30))

    feed.fetch(now=days(60))

    assert "dat_vozb>=TIMESTAMP '2024-07-17 00:00:00'" in feed.stand_in.asked[0]["where"]


def test_a_period_that_ended_is_continued_from_its_end(feed):
    feed.fetch(since=date(2024, 1, 1), until=date(2024, 3, 31))
    assert feed.standing().height == 15

    report = feed.fetch(now=days(1))

    assert "dat_vozb>=TIMESTAMP '2024-03-18 00:00:00'" in feed.stand_in.asked[0]["where"]
    assert report.changes.new == 15
    assert feed.standing().height == 30


def test_without_a_record_of_what_is_held_all_is_asked_for_again_and_counts_once(feed):
    feed.fetch()
    (held,) = (feed.data / "feeds" / "kgp" / "1975").glob("held-*.parquet")
    held.unlink()

    report = feed.fetch(now=days(1))

    assert not report.is_refresh
    assert report.delivery.is_repeat
    assert feed.standing().height == 30


# ---- Periods ----


def test_a_gap_between_periods_is_filled_by_asking_from_its_first_day():
    asked = date(2024, 7, 1)
    windows = [
        Window(since=date(2024, 4, 1), until=None, asked_on=asked),
        Window(since=date(2023, 1, 1), until=date(2023, 12, 31), asked_on=asked),
    ]

    assert refresh_of(windows) == (date(2023, 1, 1), date(2024, 1, 1))


def test_periods_that_meet_are_asked_from_the_day_of_the_older_fetch():
    windows = [
        Window(since=date(2023, 1, 1), until=date(2023, 12, 31), asked_on=date(2024, 2, 1)),
        Window(since=date(2024, 1, 1), until=None, asked_on=date(2024, 7, 1)),
    ]

    assert refresh_of(windows) == (date(2023, 1, 1), date(2024, 2, 1))


def test_a_period_gives_way_to_one_that_covers_it():
    small = Window(since=date(2024, 2, 1), until=date(2024, 3, 1), asked_on=date(2024, 5, 1))
    large = Window(since=date(2024, 1, 1), until=None, asked_on=date(2024, 7, 1))

    assert with_window([small], large) == (large,)
    assert with_window([large], small) == (large, small)


DAYS = st.dates(date(2020, 1, 1), date(2020, 3, 1))
WINDOWS = st.lists(
    st.builds(Window, since=st.none() | DAYS, until=st.none() | DAYS, asked_on=DAYS).filter(
        lambda one: one.since is None or one.until is None or one.since <= one.until
    ),
    min_size=1,
    max_size=4,
)


@given(WINDOWS, DAYS, DAYS)
@hypothesis.settings(max_examples=300)
def test_a_refresh_asks_for_every_record_that_no_window_can_have_seen(windows, offence, registered):
    registered = max(offence, registered)
    was_seen = any(
        (one.since is None or one.since <= offence)
        and (one.until is None or offence <= one.until)
        and registered <= one.asked_on
        for one in windows
    )

    first, mark = refresh_of(windows)

    is_asked = (first is None or first <= offence) and mark <= registered
    is_before_all = first is not None and offence < first
    assert was_seen or is_asked or is_before_all


# ---- Changes: struck off, re-qualified, moved ----


def test_a_record_struck_off_the_next_day_strikes_its_incident(feed):
    feed.fetch()
    feed.stand_in.change(3, discontinued=1)

    report = feed.fetch(now=days(1))

    assert (report.changes.struck_off, report.delivery.withdrawn) == (1, 1)
    assert feed.standing().height == 29
    assert feed.fetch(now=days(2)).delivery is None


def test_a_record_struck_off_before_it_was_ever_fetched_is_counted_and_no_incident(feed):
    feed.stand_in.change(3, discontinued=2)

    report = feed.fetch()

    assert (report.delivery.rows_read, report.delivery.accepted, report.delivery.withdrawn) == (30, 29, 1)


def test_a_record_that_is_taken_up_again_stands_again(feed):
    feed.fetch()
    feed.stand_in.change(29, discontinued=1)
    feed.fetch(now=days(1))
    assert feed.standing().height == 29
    feed.stand_in.change(29, discontinued=0)

    feed.fetch(now=days(2))

    assert feed.standing().height == 30


def test_articles_and_victims_of_one_case_at_one_time_are_one_incident(feed):
    same = {"ud": case_number(0), "dat_sover": a_record(0)["dat_sover"], "dat_sover_str": "01.05.2024 20:30"}
    feed.stand_in.records.clear()
    feed.stand_in.add(
        a_record(0),
        a_record(1, **same, stat="ст.99 ч.2"),
        a_record(2, **same),
        a_record(3, at="2024-05-02 11:00", ud=case_number(0)),
    )

    report = feed.fetch()

    assert (report.delivery.accepted, report.delivery.duplicates) == (2, 2)
    assert set(feed.standing()["offence_group"]) == {"homicide", "fraud"}


def test_where_one_article_of_a_case_is_struck_off_the_other_still_stands(feed):
    feed.fetch()
    second = a_record(90, at="2024-06-27 20:29", registered="2024-06-28 09:00", ud=case_number(29))
    feed.stand_in.add(second)
    feed.fetch(now=days(1))
    assert feed.standing().height == 30
    feed.stand_in.change(90, discontinued=1)

    report = feed.fetch(now=days(2))

    assert report.changes.along == 1
    assert feed.standing().height == 30


def test_a_re_qualified_record_takes_the_place_of_its_earlier_version(feed):
    feed.fetch()
    feed.stand_in.change(29, stat="ст.190 ч.1", crime_code="1900")

    report = feed.fetch(now=days(1))

    assert (report.changes.changed, report.delivery.corrected) == (1, 1)
    assert feed.standing().height == 30


def test_a_record_whose_time_was_corrected_does_not_count_twice(feed):
    feed.fetch()
    moved = a_record(29, at="2024-06-26 07:15", registered="2024-06-28 09:00")
    feed.stand_in.change(29, dat_sover=moved["dat_sover"], dat_sover_str=moved["dat_sover_str"])

    report = feed.fetch(now=days(1))

    assert (report.delivery.accepted, report.delivery.withdrawn) == (1, 1)
    assert feed.standing().height == 30
    assert date(2024, 6, 26) in set(feed.standing()["occurred_on"])


def test_a_record_without_a_place_is_kept_and_one_without_a_case_too(feed):
    feed.stand_in.change(4, lng=None, lat=None)
    feed.stand_in.change(5, ud=None)

    report = feed.fetch()

    assert (report.delivery.accepted, report.delivery.without_place) == (30, 1)


def test_wall_time_is_read_in_the_zone_of_its_place_and_day(feed):
    feed.stand_in.records.clear()
    feed.stand_in.add(a_record(0, at="2024-02-08 20:30"), a_record(1, at="2024-05-01 20:30", dat_sover_str=None))

    feed.fetch()

    # Almaty was at UTC+6 until 1 March 2024 and is at UTC+5 since; both records say 20:30, one of them as a number.
    told = feed.standing().sort("occurred_from").select("occurred_from", "time_precision").rows()
    assert told == [
        (datetime(2024, 2, 8, 14, 30, tzinfo=UTC), "minute"),
        (datetime(2024, 5, 1, 15, 30, tzinfo=UTC), "minute"),
    ]


# ---- Being stopped ----


def test_a_refresh_that_was_stopped_goes_on_with_its_own_request(feed):
    feed.fetch()
    feed.stand_in.add(*(a_record(number, at="2024-06-30 10:00") for number in range(100, 160)))
    feed.stand_in.misbehave("status", page=3)
    with pytest.raises(ServiceUnreachable):
        feed.fetch(now=days(1))

    report = feed.fetch(now=days(1) + timedelta(hours=2))

    assert feed.stand_in.offsets[0] == 38
    assert (report.fetched.resumed, report.changes.new) == (2, 60)
    assert feed.standing().height == 90


def test_an_unfinished_fetch_of_something_else_is_put_away(feed):
    feed.stand_in.misbehave("status", page=2)
    with pytest.raises(ServiceUnreachable):
        feed.fetch(since=date(2024, 1, 1))

    report = feed.fetch(since=date(2024, 2, 1))

    assert report.has_discarded
    assert len(list((feed.data / "feeds" / "kgp" / "1975").glob("[0-9]*Z-*"))) == 1


@pytest.mark.parametrize("step", ["deliver_file", "_keep"])
def test_a_fetch_that_ended_between_pages_and_delivery_is_completed_with_the_same_bytes(feed, monkeypatch, step):
    target = crime_point_feed.territories if step == "deliver_file" else crime_point_feed
    with monkeypatch.context() as patch:
        patch.setattr(target, step, lambda *_a, **_k: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            feed.fetch()
    (file,) = feed.data.glob("feeds/kgp/1975/*/kgp_1975.csv")
    before = file.read_bytes()

    report = feed.fetch()

    assert feed.stand_in.asked == []
    assert report.file == file
    assert file.read_bytes() == before
    assert report.delivery.is_repeat == (step == "_keep")
    assert feed.standing().height == 30


def test_the_delivery_file_has_the_same_bytes_whatever_the_size_of_pages(feed, made, tmp_path):
    first = feed.fetch()
    other = Feed(feed.stand_in, shutil.copytree(made, tmp_path / "other"))
    feed.stand_in.page_size = 7

    second = other.fetch()
    other.store.close()

    assert second.fetched.pages > first.fetched.pages
    assert second.file.read_bytes() == first.file.read_bytes()


def test_a_refused_refresh_is_asked_for_anew_on_the_next_day(feed):
    feed.fetch()
    feed.stand_in.add(a_record(50, at="2024-07-01 10:00", lng=-0.1, lat=51.5))
    with pytest.raises(TerritoryDoesNotFit):
        feed.fetch(now=days(1))
    feed.stand_in.add(a_record(51, at="2024-07-01 11:00"), a_record(52, at="2024-07-01 12:00"))

    report = feed.fetch(now=days(2))

    assert (report.delivery.accepted, report.delivery.quarantined) == (2, 1)


# ---- Where it goes ----


def test_without_a_delivery_the_file_is_kept_and_comes_along_with_the_next_one(feed):
    report = feed.fetch(territory=None)
    assert (report.delivery, report.file.exists(), feed.standing().height) == (None, True, 0)
    feed.stand_in.add(a_record(60, at="2024-07-01 10:00"))

    later = feed.fetch(now=days(1))

    assert later.is_refresh
    assert later.delivery.accepted == 31


def test_an_unknown_territory_is_told_before_anything_is_asked(feed):
    with pytest.raises(UnknownTerritoryName):
        feed.fetch(territory="nowhere")

    assert feed.stand_in.calls == 0


# ---- Comparing ----


def kept(*rows):
    blank = dict.fromkeys(COLUMNS)
    return pl.DataFrame([blank | row for row in rows], schema=dict.fromkeys(COLUMNS, pl.String))


def test_what_is_held_and_the_same_is_no_change():
    rows = kept({"record_hash": "a", "case_hash": "c", "stat": "ст.188"}, {"record_hash": "b", "lat": "43.1"})

    assert changes_of(rows, rows).rows.is_empty()
    assert changes_of(rows, rows.clear()).new == 2


def test_a_changed_record_without_a_case_is_delivered_with_its_earlier_version_struck_off():
    before = kept({"record_hash": "a", "stat": "ст.188", "dat_sover_str": "01.01.2024", "lat": "43.1", "lng": "76.9"})
    after = before.with_columns(stat=pl.lit("ст.191"))

    rows = changes_of(after, before).rows

    assert rows.select("stat", "discontinued").rows() == [("ст.188", "1"), ("ст.191", None)]
