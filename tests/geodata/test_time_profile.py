"""Hours and weekdays of areas: aoristic weights, thin areas, default hours, and no cell anywhere."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata import hexgrid
from geodata.columns import PLACES
from geodata.errors import CellsAreNotAreas, UnexpectedColumns
from geodata.offences import MAPPABLE_CODES, OFFENCE_GROUPS
from geodata.time_profile import PARTS_OF_DAY, Areas, Scale, aoristic_weight, time_profiles
from tests.builders import an_incident, incidents

BENCH = Path(__file__).parents[3] / "shared" / "data" / "bench"
NEW_YORK = BENCH / "nyc_vehicle_theft_intervals_2014_2016.parquet"
TORONTO = BENCH / "toronto_mci_to_2018.parquet"

MONDAY = datetime(2026, 3, 2, tzinfo=UTC)
EAST, WEST = "751110000", "751210000"
AREAS = Areas(km2={EAST: 90.0, WEST: 60.0})
COLUMNS = ["occurred_from", "occurred_to", "occurred_on", "time_zone", "time_precision", "offence_group", "region_id"]


def at_hours(hours, *, days=None, area=EAST, zone="UTC", **given_columns):
    """Incidents at these hours after a Monday midnight in UTC, known to the minute."""
    hours = np.asarray(hours, dtype=np.float64) + 24.0 * (0 if days is None else np.asarray(days))
    moments = [MONDAY + timedelta(hours=float(hour)) for hour in hours]
    frame = pl.DataFrame(
        {
            "occurred_from": pl.Series(moments, dtype=pl.Datetime("us", "UTC")),
            "occurred_to": pl.Series(moments, dtype=pl.Datetime("us", "UTC")),
            "occurred_on": pl.Series([moment.date() for moment in moments], dtype=pl.Date),
        }
    )
    texts = {"time_zone": zone, "time_precision": "minute", "offence_group": "theft", "region_id": area}
    return frame.with_columns(**{name: pl.lit(value) for name, value in texts.items()}).with_columns(**given_columns)


def a_window(start_hour, hours, *, precision="interval", count=1, area=EAST):
    frame = at_hours([start_hour] * count, area=area, time_precision=pl.lit(precision))
    return frame.with_columns(occurred_to=pl.col("occurred_from") + pl.duration(minutes=round(60 * hours)))


def column(profiles, name, *, scale=Scale.HOUR, area=EAST):
    frame = profiles.areas.filter(area_id=area, scale=scale.value).sort("bin")
    return frame[name].to_numpy()


def left_out(profiles, scale=Scale.HOUR):
    return dict(profiles.left_out.filter(scale=scale.value).select("reason", "rows").rows())


@pytest.mark.parametrize(
    ("start", "hours", "expected"),
    [
        (5.0, 0.0, {5: 1.0}),
        (5.5, 1.0, {5: 0.5, 6: 0.5}),
        (22.0, 4.0, {22: 0.25, 23: 0.25, 0: 0.25, 1: 0.25}),
        (23.75, 0.5, {23: 0.5, 0: 0.5}),
        (0.0, 24.0, dict.fromkeys(range(24), 1 / 24)),
    ],
)
def test_a_window_is_spread_evenly_over_its_hours_across_midnight_too(start, hours, expected):
    spread = [
        aoristic_weight(np.array([start]), np.array([hours]), first=hour, end=hour + 1, circle=24)[0]
        for hour in range(24)
    ]

    assert spread == pytest.approx([expected.get(hour, 0.0) for hour in range(24)])


@given(st.lists(st.tuples(st.floats(0, 167.99), st.floats(0, 168)), min_size=1, max_size=30))
def test_aoristic_weights_of_an_incident_sum_to_one(windows):
    start, hours = np.array(windows).T

    weights = [aoristic_weight(start, hours, first=24 * day, end=24 * (day + 1), circle=168) for day in range(7)]

    assert np.sum(weights, axis=0) == pytest.approx(np.ones(start.size))
    assert np.min(weights) >= 0.0


def test_hours_and_weekdays_are_those_of_the_places_own_clock():
    late = at_hours([20.0] * 200, zone="Asia/Almaty")  # Tuesday, one in the morning, at UTC+5

    profiles = time_profiles(late, AREAS)

    assert np.flatnonzero(column(profiles, "weight")).tolist() == [1]
    weekdays = profiles.areas.filter(pl.col("weight") > 0, area_id=EAST, scale="weekday")
    assert weekdays["bin"].to_list() == [2]


def test_parts_of_the_day_are_six_hours_each_and_hold_the_same_incidents_as_their_hours():
    profiles = time_profiles(pl.concat([at_hours(np.arange(240) % 17), a_window(4.0, 5.0, count=60)]), AREAS)

    by_hour, by_part = (column(profiles, "weight", scale=scale) for scale in (Scale.HOUR, Scale.PART_OF_DAY))
    assert list(PARTS_OF_DAY.values()) == [(0, 6), (6, 12), (12, 18), (18, 24)]
    assert by_part == pytest.approx(by_hour.reshape(4, 6).sum(axis=1))


def test_rows_count_only_in_what_they_tell():
    frame = pl.concat(
        [
            at_hours([9.0]),
            a_window(0.0, 24.0, precision="day"),
            a_window(0.0, 31 * 24.0, precision="month"),
            a_window(20.0, 10.0),
            a_window(8.0, 30.0),
            a_window(8.0, 200.0),
        ]
    )

    profiles = time_profiles(frame, AREAS)

    assert column(profiles, "incidents")[0] == 2
    assert column(profiles, "incidents", scale=Scale.WEEKDAY)[0] == 4
    assert left_out(profiles) == left_out(profiles, Scale.PART_OF_DAY) == {"day": 1, "interval": 2, "month": 1}
    assert left_out(profiles, Scale.WEEKDAY) == {"interval": 1, "month": 1}
    monday, tuesday = column(profiles, "weight", scale=Scale.WEEKDAY)[:2]
    assert (monday, tuesday) == pytest.approx((1 + 1 + 0.4 + 16 / 30, 0.6 + 14 / 30))


def test_a_day_of_twenty_five_hours_belongs_to_its_own_weekday():
    sunday = at_hours([0.0]).with_columns(
        occurred_from=pl.lit(datetime(2025, 11, 2, 4, tzinfo=UTC)).cast(pl.Datetime("us", "UTC")),
        occurred_to=pl.lit(datetime(2025, 11, 3, 5, tzinfo=UTC)).cast(pl.Datetime("us", "UTC")),
        occurred_on=pl.lit(date(2025, 11, 2)),
        time_zone=pl.lit("America/New_York"),
        time_precision=pl.lit("day"),
    )

    weights = column(time_profiles(sunday, AREAS), "weight", scale=Scale.WEEKDAY)

    assert weights.tolist() == [0, 0, 0, 0, 0, 0, 1]


def test_an_incident_spread_over_hours_is_weaker_evidence_than_one_at_a_known_hour():
    known = time_profiles(at_hours(np.arange(240) % 24), AREAS)
    spread = time_profiles(a_window(3.0, 4.0, count=240), AREAS)

    assert column(known, "evidence")[0] == pytest.approx(240.0)
    assert column(spread, "evidence")[0] == pytest.approx(60.0)
    assert column(spread, "incidents")[0] == 240


def test_an_area_with_too_little_data_has_no_profile_and_says_so():
    frame = pl.concat([at_hours(np.arange(600) % 24), at_hours(np.arange(60) % 24, area=WEST)])

    profiles = time_profiles(frame, AREAS)

    assert not column(profiles, "is_enough", area=WEST).any()
    assert np.isnan(column(profiles, "share", area=WEST).astype(float)).all()
    assert column(profiles, "is_enough", area=WEST, scale=Scale.PART_OF_DAY).all(), "four parts need less than 24 hours"
    assert column(profiles, "is_enough").all()


def test_shares_sum_to_one_and_lie_in_their_intervals():
    rng = np.random.default_rng(3)
    frame = pl.concat([at_hours(rng.integers(0, 24, 400)), at_hours(rng.integers(8, 20, 200), area=WEST)])

    profiles = time_profiles(frame, AREAS)

    for told in (profiles.areas, profiles.territory):
        enough = told.filter("is_enough")
        sums = enough.group_by("area_id", "scale").agg(pl.col("share").sum())["share"]
        assert sums.to_numpy() == pytest.approx(1.0)
        assert (
            enough.filter((pl.col("low") < pl.col("share")) & (pl.col("share") < pl.col("high"))).height
            == enough.height
        )


def simulated_areas(*, seed, n_areas, n_rows, likeness):
    """Weekday shares of areas, alike as ``likeness`` says, and incidents drawn from them."""
    rng = np.random.default_rng(seed)
    truth = rng.dirichlet(likeness * np.array([0.1, 0.1, 0.12, 0.13, 0.2, 0.2, 0.15]), n_areas)
    codes = [f"75{number:07d}" for number in range(n_areas)]
    frames = [
        at_hours(np.full(n_rows, 12.5), days=rng.choice(7, n_rows, p=own), area=code)
        for code, own in zip(codes, truth, strict=True)
    ]
    return truth, pl.concat(frames), Areas(km2=dict.fromkeys(codes, 50.0))


def told_shares(profiles, areas, name):
    return np.array([column(profiles, name, scale=Scale.WEEKDAY, area=code) for code in areas.km2])


@pytest.mark.parametrize(("likeness", "most"), [(20.0, 0.93), (200.0, 0.93), (2000.0, 0.98)])
def test_intervals_hold_the_true_share_nine_times_in_ten_and_more_where_areas_hardly_differ(likeness, most):
    truth, frame, areas = simulated_areas(seed=1, n_areas=150, n_rows=100, likeness=likeness)

    profiles = time_profiles(frame, areas)

    low, high = told_shares(profiles, areas, "low"), told_shares(profiles, areas, "high")
    assert 0.87 <= np.mean((low <= truth) & (truth <= high)) <= most


def test_thin_areas_are_drawn_to_the_territory_and_come_closer_to_the_truth_so():
    truth, frame, areas = simulated_areas(seed=2, n_areas=60, n_rows=40, likeness=100.0)

    profiles = time_profiles(frame, areas)

    share = told_shares(profiles, areas, "share")
    raw = told_shares(profiles, areas, "weight") / 40
    assert np.mean((share - truth) ** 2) < 0.5 * np.mean((raw - truth) ** 2)
    assert share.std(axis=0).mean() < raw.std(axis=0).mean()


def test_default_hours_that_stand_out_of_their_neighbours_are_flagged():
    hours = np.concatenate([np.arange(2400) % 24, np.zeros(60), np.full(80, 12)])
    frame = pl.concat([at_hours(hours), at_hours(np.arange(2400) % 24, area=WEST)])

    profiles = time_profiles(frame, AREAS)

    assert profiles.default_hours.filter(area_id=EAST).rows() == [(EAST, 0, 160, 100.0), (EAST, 12, 180, 100.0)]
    assert profiles.default_hours.filter(area_id=WEST).is_empty()
    flagged = profiles.areas.filter("is_default_hour").select("area_id", "scale", "bin").rows()
    assert flagged == [(EAST, "hour", 0), (EAST, "hour", 12)]


def test_other_hours_and_windows_are_no_default_hours():
    frame = pl.concat([at_hours(np.arange(2400) % 24), at_hours([15.0] * 300), a_window(0.0, 2.0, count=300)])

    assert time_profiles(frame, AREAS).default_hours.is_empty()


def test_what_patrols_discover_and_what_is_sensitive_has_no_profile():
    frame = pl.concat([at_hours([9.0], offence_group=pl.lit(group.code)) for group in OFFENCE_GROUPS])

    profiles = time_profiles(frame, AREAS)

    assert column(profiles, "incidents")[0] == len(MAPPABLE_CODES)
    assert left_out(profiles) == {"group": len(OFFENCE_GROUPS) - len(MAPPABLE_CODES)}


def test_incidents_of_no_area_or_of_one_that_was_not_given_are_left_out_and_counted():
    frame = pl.concat(
        [at_hours([9.0]), at_hours([9.0], area=None), at_hours([9.0], area="710000000")], how="vertical_relaxed"
    )

    profiles = time_profiles(frame, AREAS)

    assert profiles.areas["area_id"].unique().sort().to_list() == [EAST, WEST]
    assert left_out(profiles) == {"area": 2}


def test_no_incidents_at_all_make_profiles_that_say_nothing():
    profiles = time_profiles(at_hours([]), AREAS)

    assert profiles.areas.height == 2 * (24 + 7 + 4)
    assert not profiles.areas["is_enough"].any()
    assert profiles.territory["share"].null_count() == 24 + 7 + 4
    assert profiles.left_out.is_empty()


def test_cells_are_refused_as_numbers_as_text_and_as_small_areas():
    rows = incidents(an_incident())
    as_text = rows.with_columns(region_id=pl.Series(hexgrid.cell_ids(rows["cell"].to_numpy())))

    with pytest.raises(CellsAreNotAreas, match="cell numbers"):
        time_profiles(rows, AREAS, area="cell")
    with pytest.raises(CellsAreNotAreas, match="1 of 1 areas are H3 cells"):
        time_profiles(as_text, AREAS)
    with pytest.raises(CellsAreNotAreas, match="H3 cells"):
        Areas(km2={as_text["region_id"][0]: 100.0})
    with pytest.raises(CellsAreNotAreas, match=r"0\.74 km²; a time profile needs 2\.0"):
        Areas(km2={EAST: 0.74})


def test_an_area_of_unknown_size_is_refused():
    with pytest.raises(CellsAreNotAreas):
        Areas(km2={EAST: float("nan")})


def test_regions_of_a_territory_are_as_large_as_their_cells_and_hamlets_are_set_aside():
    middle = hexgrid.assign_cells(np.array([30.0]), np.array([-40.0]), resolution=9)
    cells = np.sort(np.unique(hexgrid.disk(middle, 6)[1]))
    region = ["large"] * (cells.size - 3) + ["hamlet"] * 3
    rows = {"cell": cells, "region_id": region, "kind": ["unknown"] * cells.size}
    places = PLACES.checked(
        pl.DataFrame(rows).with_columns(residents=pl.lit(None, dtype=pl.Int64), addresses=pl.lit(None, dtype=pl.Int64))
    )

    areas = Areas.of_places(places)

    assert areas.too_small == ("hamlet",)
    assert areas.km2 == {"large": pytest.approx(hexgrid.area_km2(cells[:-3]).sum())}


@pytest.mark.parametrize("name", COLUMNS)
def test_a_frame_without_times_or_areas_is_refused(name):
    with pytest.raises(UnexpectedColumns, match=f"{name} is missing"):
        time_profiles(at_hours([9.0]).drop(name), AREAS)


def local(column_name, zone):
    return (
        pl.col(column_name)
        .dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        .dt.convert_time_zone("UTC")
    )


@pytest.mark.skipif(not NEW_YORK.exists(), reason="../shared/data is absent: no thefts known by their windows")
def test_every_vehicle_theft_of_new_york_counts_once_where_its_window_tells():
    zone = "America/New_York"
    thefts = (
        pl.read_parquet(NEW_YORK)
        .with_columns(date_end=pl.coalesce("date_end", "date_start"))
        .filter(pl.col("date_end") >= pl.col("date_start"))
        .select(
            occurred_from=local("date_start", zone),
            occurred_to=local("date_end", zone),
            occurred_on=pl.col("date_start").dt.date(),
            time_zone=pl.lit(zone),
            time_precision=pl.lit("interval"),
            offence_group=pl.lit("vehicle_theft"),
            region_id=pl.when(pl.col("lat") > 40.75).then(pl.lit("north")).otherwise(pl.lit("south")),
        )
        .drop_nulls()
        # Where clocks go back, a window within the doubled hour may end before it starts.
        .filter(pl.col("occurred_to") >= pl.col("occurred_from"))
    )

    profiles = time_profiles(thefts, Areas(km2={"north": 300.0, "south": 400.0}))

    sums = profiles.territory.group_by("scale").agg(pl.col("weight").sum(), pl.col("incidents").first())
    assert sums["weight"].to_numpy() == pytest.approx(sums["incidents"].to_numpy(), rel=1e-9)
    for scale, _, told in sums.iter_rows():
        assert told + sum(left_out(profiles, Scale(scale)).values()) == thefts.height
    night, *_, evening = profiles.territory.filter(scale="part_of_day").sort("bin")["share"]
    assert night + evening > 0.55, "vehicles are stolen in the dark"
    assert profiles.areas["is_enough"].all()


@pytest.mark.skipif(not TORONTO.exists(), reason="../shared/data is absent: no record with default hours")
def test_the_default_hours_of_toronto_are_found():
    zone = "America/Toronto"
    recorded = (
        pl.read_parquet(TORONTO)
        .filter(pl.col("occurred_at").dt.year() >= 2014)
        .select(
            occurred_from=local("occurred_at", zone),
            occurred_on=pl.col("occurred_at").dt.date(),
            time_zone=pl.lit(zone),
            time_precision=pl.lit("hour"),
            offence_group=pl.lit("theft"),
            region_id=pl.lit("toronto"),
        )
        .with_columns(occurred_to=pl.col("occurred_from") + pl.duration(hours=1))
        .drop_nulls()
    )

    found = time_profiles(recorded, Areas(km2={"toronto": 630.0})).default_hours

    together = found.filter(pl.col("area_id").is_null())
    assert together["hour"].to_list() == [0, 12]
    assert (together["incidents"] / together["expected"]).to_list() == pytest.approx([1.42, 1.48], abs=0.02)
