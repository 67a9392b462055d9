import json
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata.columns import INCIDENTS, QUARANTINE
from geodata.intake import MEANINGS, Examined, Fault, Rules, examine
from geodata.sources import Mapping, open_source
from tests.builders import FILES, a_delivery_frame, a_source, all_examined, first_of_each, some_rules

NO_IDS = pl.Series([], dtype=pl.String)


def examined(frame: pl.DataFrame, rules: Rules | None = None, **source) -> Examined:
    return examine(frame, a_source(frame, **source), rules or some_rules())


def examined_file(path, rules: Rules) -> Examined:
    source = open_source(path, rules.mapping)
    (batch,) = source.batches()
    return examine(batch, source, rules)


def window(**columns) -> tuple[datetime, datetime, date, str]:
    zone = columns.pop("zone", "Asia/Almaty")
    frame = a_delivery_frame(**columns)
    accepted = examined(frame, some_rules(zone=zone, outline=None)).accepted
    return accepted.select("occurred_from", "occurred_to", "occurred_on", "time_precision").row(0)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


# Windows


def test_a_moment_known_to_the_minute_is_a_window_without_length():
    assert window(occurred_at="2026-03-02 14:30") == (
        utc(2026, 3, 2, 9, 30),
        utc(2026, 3, 2, 9, 30),
        date(2026, 3, 2),
        "minute",
    )


def test_an_hour_is_the_whole_hour():
    hour = window(occurred_at=datetime.fromisoformat("2026-03-02 14:30"), time_precision="hour")

    assert hour == (utc(2026, 3, 2, 9), utc(2026, 3, 2, 10), date(2026, 3, 2), "hour")


def test_a_date_without_a_clock_is_the_local_day():
    assert window(occurred_at=date(2026, 3, 2)) == (utc(2026, 3, 1, 19), utc(2026, 3, 2, 19), date(2026, 3, 2), "day")
    assert window(occurred_at="02.03.2026")[3] == "day"


def test_a_year_and_month_is_the_local_month():
    assert window(occurred_at="2026-02") == (utc(2026, 1, 31, 19), utc(2026, 2, 28, 19), date(2026, 2, 1), "month")


def test_the_precision_of_the_file_is_kept_unless_the_text_itself_is_coarser():
    assert window(occurred_at="2026-03-02 14:30", time_precision="day")[3] == "day"
    assert window(occurred_at="2026-03-02", time_precision="minute")[3] == "day"
    assert window(occurred_at="2026-03-02 14:30", time_precision="a guess")[3] == "minute"


def test_the_longest_day_of_almaty_has_twenty_five_hours_because_clocks_went_back():
    start, end, day, _ = window(occurred_at="2024-02-29", time_precision="day")

    assert (start, end - start, day) == (utc(2024, 2, 28, 18), timedelta(hours=25), date(2024, 2, 29))


@pytest.mark.parametrize(
    ("local", "expected"),
    [
        ("2024-02-29 22:59", utc(2024, 2, 29, 16, 59)),  # UTC+6
        ("2024-02-29 23:30", utc(2024, 2, 29, 17, 30)),  # came twice: the earlier
        ("2024-03-01 00:00", utc(2024, 2, 29, 19)),  # UTC+5
        ("2024-03-01 12:00", utc(2024, 3, 1, 7)),
    ],
)
def test_civil_time_of_almaty_changed_on_the_first_of_march_2024(local, expected):
    assert window(occurred_at=local)[0] == expected


def test_aqtobe_kept_its_clock_in_2024():
    assert window(occurred_at="2024-02-29 12:00", zone="Asia/Aqtobe")[0] == utc(2024, 2, 29, 7)
    assert window(occurred_at="2024-03-01 12:00", zone="Asia/Aqtobe")[0] == utc(2024, 3, 1, 7)


def test_an_hour_that_does_not_exist_is_moved_forward():
    assert window(occurred_at="2018-03-11 02:30", zone="America/Toronto")[0] == utc(2018, 3, 11, 7, 30)


def test_a_text_with_an_offset_is_that_instant_and_its_day_is_local():
    assert window(occurred_at="2026-03-02T22:30:00Z")[::2] == (utc(2026, 3, 2, 22, 30), date(2026, 3, 3))
    assert window(occurred_at="2026-03-03 01:30+0300")[0] == utc(2026, 3, 2, 22, 30)


def test_a_moment_with_a_zone_in_parquet_is_converted():
    assert window(occurred_at=utc(2026, 3, 2, 22, 30))[::2] == (utc(2026, 3, 2, 22, 30), date(2026, 3, 3))


@pytest.mark.parametrize(
    ("text", "date_format", "expected"),
    [
        ("02.03.2026 14:30", "month first", utc(2026, 3, 2, 14, 30)),  # dots are never month first
        ("3/2/2026 14:30", "month first", utc(2026, 3, 2, 14, 30)),
        ("2/3/2026 14:30", "day first", utc(2026, 3, 2, 14, 30)),
        ("02-03-2026 14:30:15", "day first", utc(2026, 3, 2, 14, 30, 15)),
        ("2026/3/2, 2:30 PM", "day first", utc(2026, 3, 2, 14, 30)),
        ("3/2/2026 12:05 a.m.", "month first", utc(2026, 3, 2, 0, 5)),
        ("2026-03-02T14:30:00.250", None, utc(2026, 3, 2, 14, 30)),
        ("26|03|02 14h30", "%y|%m|%d %Hh%M", utc(2026, 3, 2, 14, 30)),
        ("2. 3. 2026", "%d. %m. %Y", utc(2026, 3, 2)),
        ("3.2026", "%m.%Y", utc(2026, 3, 1)),
    ],
)
def test_dates_are_read_in_the_forms_that_are_in_use(text, date_format, expected):
    frame = a_delivery_frame(occurred_at=text)

    accepted = examined(frame, some_rules(zone="UTC"), date_format=date_format).accepted

    assert accepted["occurred_from"].to_list() == [expected]


def test_a_date_and_an_hour_column_are_joined_in_local_time():
    rules = some_rules(zone="America/Toronto", outline=None)

    result = examined_file(FILES / "date_and_hour.csv", rules)

    assert result.accepted.select("occurred_from", "occurred_on", "time_precision").rows() == [
        (utc(2018, 1, 1, 7), date(2018, 1, 1), "hour"),
        (utc(2018, 1, 2, 22), date(2018, 1, 2), "hour"),
        (utc(2018, 7, 2, 4), date(2018, 7, 2), "day"),
    ]
    assert result.quarantined["fault"].to_list() == [Fault.IMPOSSIBLE_DATE]


def test_columns_of_start_and_end_make_a_window():
    result = examined_file(FILES / "intervals.csv", some_rules(zone="America/New_York", outline=None))

    assert result.accepted.select("occurred_from", "occurred_to", "time_precision").rows() == [
        (utc(2015, 6, 2), utc(2015, 6, 2, 12), "interval"),
        (utc(2015, 6, 2), utc(2015, 6, 2), "minute"),
        (utc(2015, 6, 3, 4), utc(2015, 6, 6, 4), "interval"),
    ]
    assert result.quarantined.select("line", "fault").rows() == [(4, "window_reversed"), (5, "window_too_long")]


def test_a_row_said_to_be_an_interval_starts_at_its_own_start_and_an_empty_end_is_the_start():
    start, end, _, precision = window(
        occurred_at=datetime.fromisoformat("2026-03-02 12:00"),
        occurred_to=pl.Series([None], dtype=pl.Datetime),
        occurred_from=datetime.fromisoformat("2026-03-02 08:00"),
        time_precision="interval",
    )

    assert (start, end, precision) == (utc(2026, 3, 2, 3), utc(2026, 3, 2, 3), "interval")


def test_a_row_said_to_be_a_moment_does_not_become_a_window():
    start, end, *_ = window(
        occurred_at="2026-03-02 14:30", occurred_from="2026-03-01", occurred_to="2026-03-03", time_precision="minute"
    )

    assert start == end == utc(2026, 3, 2, 9, 30)


def test_days_written_as_midnights_are_days_and_a_column_named_month_holds_months(tmp_path):
    days, months = tmp_path / "days.csv", tmp_path / "months.csv"
    rows = "".join(f"2026-03-{day:02} 00:00:00,43.2,76.9\n" for day in range(1, 21))
    days.write_text("date,lat,lng\n" + rows)
    months.write_text("month,lat,lng\n2026-03-01,43.2,76.9\n")

    assert set(examined_file(days, some_rules()).accepted["time_precision"]) == {"day"}
    assert set(examined_file(months, some_rules()).accepted["time_precision"]) == {"month"}


# Faults


def test_bad_dates_are_set_aside_each_with_its_reason():
    quarantined = examined_file(FILES / "bad_dates.csv", some_rules()).quarantined

    assert quarantined.select("line", "fault").rows() == [
        (2, "missing_date"),
        (3, "impossible_date"),
        (4, "impossible_date"),
        (5, "impossible_date"),
        (6, "impossible_date"),
        (7, "date_too_early"),
        (8, "future_date"),
        (9, "date_too_early"),
        (10, "future_date"),
    ]


def test_a_window_that_ends_after_the_delivery_is_in_the_future_but_the_running_month_is_not():
    ends_late = a_delivery_frame(occurred_at=..., occurred_from="2026-11-20 10:00", occurred_to="2026-11-25 10:00")
    running = a_delivery_frame(occurred_at="2026-11")

    assert examined(ends_late).quarantined["fault"].to_list() == ["future_date"]
    assert examined(running).accepted.height == 1


def test_bad_coordinates_are_set_aside_each_with_its_reason():
    result = examined_file(FILES / "bad_coordinates.csv", some_rules())

    assert result.quarantined.select("line", "fault").rows() == [
        (2, "impossible_coordinates"),
        (3, "swapped_coordinates"),
        (4, "outside_territory"),
        (5, "incomplete_coordinates"),
        (6, "impossible_coordinates"),
    ]
    assert result.accepted.select("line", "lat", "cell").rows()[:2] == [(7, None, None), (8, None, None)]


def test_the_row_of_a_fault_tells_what_was_found():
    row = examined_file(FILES / "bad_coordinates.csv", some_rules()).quarantined.row(1, named=True)

    assert row["found"] == "lat 76.889709, lng 43.238949"
    assert json.loads(row["row"])["occurred_at"] == "2026-03-02 14:31"


def test_rows_without_a_place_are_accepted_and_have_no_cell():
    frame = a_delivery_frame(lat=[None, 0.0, float("nan")], lng=[None, 0.0, float("nan")])

    accepted = examined(frame).accepted

    assert accepted.select("lat", "lng", "cell").null_count().row(0) == (3, 3, 3)


def test_swapped_coordinates_beyond_the_poles_are_still_called_swapped():
    frame = a_delivery_frame(lat=-123.1, lng=49.2)
    vancouver = some_rules(outline=shapely.box(-123.3, 49.0, -122.9, 49.4), zone="America/Vancouver")

    assert examined(frame, vancouver).quarantined["fault"].to_list() == ["swapped_coordinates"]


def test_a_point_just_outside_the_outline_still_belongs():
    frame = a_delivery_frame(lat=[43.25, 43.25], lng=[77.109, 77.112])

    result = examined(frame)

    assert (result.accepted["line"].to_list(), result.quarantined["line"].to_list()) == ([2], [3])


def test_without_an_outline_every_place_on_earth_is_taken():
    frame = a_delivery_frame(lat=[-33.9, 90.0, 90.1], lng=[151.2, -180.0, 0.0])

    assert examined(frame, some_rules(outline=None)).accepted["line"].to_list() == [2, 3]


def test_a_ragged_row_of_a_file_with_other_columns_keeps_nothing_of_its_text(tmp_path):
    path = tmp_path / "named.csv"
    path.write_text("occurred_at,category,lat,lng,victim\n2026-03-02 15:00,theft,43.2,76.9,Planted Name,more\n")

    result = examined_file(path, some_rules())

    assert result.quarantined["fault"].to_list() == ["ragged_row"]
    assert "Planted" not in "".join([*result.quarantined["row"], *result.quarantined["found"]])


def test_a_ragged_row_keeps_its_text():
    result = examined_file(FILES / "ragged.csv", some_rules())

    assert result.accepted["line"].to_list() == [2, 5, 7, 9]
    assert result.quarantined["fault"].unique().to_list() == ["ragged_row"]
    assert json.loads(result.quarantined["row"][0]) == {"ragged": "2026-03-02 15:00,theft,43.238949"}


def test_every_fault_has_a_meaning():
    assert set(MEANINGS) == set(Fault)


# What is kept


def test_personal_columns_go_nowhere_not_even_into_quarantine():
    result = examined_file(FILES / "personal_columns.csv", some_rules())

    assert result.accepted.columns == [column.name for column in INCIDENTS.columns]
    assert "a name" not in str(result.accepted.rows())
    assert result.quarantined.height > 0
    assert "a name" not in str(result.quarantined.rows())
    assert "victim_name" not in str(result.quarantined.rows())


def test_categories_nobody_mapped_are_accepted_and_counted_by_name():
    frame = a_delivery_frame(category=["theft", "Moon landing", "Moon landing", "", None])

    result = examined(frame)

    assert result.accepted["offence_group"].to_list() == ["theft", *["unclassified"] * 4]
    assert result.unknown_categories == {"Moon landing": 2, "(empty)": 2}


def test_a_mapping_says_the_group_of_a_category():
    rules = some_rules(mapping=Mapping.read(FILES / "own_names.toml"))

    result = examined_file(FILES / "own_names.csv", rules)

    assert result.accepted["offence_group"].to_list() == ["theft", "unclassified"]
    assert result.unknown_categories == {"cat B": 1}


def test_without_a_category_column_the_group_is_unspecified_or_what_the_mapping_says():
    frame = a_delivery_frame(category=...)

    assert examined(frame).accepted.select("offence_group", "offence_code").rows() == [("unspecified", None)]
    assert examined(frame).unknown_categories == {}
    told = some_rules(mapping=Mapping(offence_group="homicide"))
    assert examined(frame, told).accepted["offence_group"].to_list() == ["homicide"]


def test_an_offence_marked_domestic_is_sensitive_whatever_its_category():
    result = examined_file(FILES / "month_first.csv", some_rules(zone="America/Chicago", outline=None))

    assert result.accepted["offence_group"].to_list() == ["weapons", "domestic", "theft"]


def test_a_domestic_mark_does_not_hide_a_group_that_is_off_the_map_anyway():
    frame = a_delivery_frame(category=["homicide", "assault"], is_domestic=True)

    assert examined(frame).accepted["offence_group"].to_list() == ["homicide", "domestic"]


def test_an_empty_batch_gives_empty_frames():
    frame = a_delivery_frame().clear()

    result = examined(frame)

    assert INCIDENTS.checked(result.accepted).height == QUARANTINE.checked(result.quarantined).height == 0


# Duplicates


def kept_and_dropped(frame: pl.DataFrame, known: pl.Series = NO_IDS, **source) -> tuple[int, int]:
    kept, dropped = first_of_each(examined(frame, **source).accepted, known)
    return kept.height, dropped


@pytest.mark.parametrize("precision", ["minute", "hour"])
def test_equal_rows_known_to_the_hour_are_one_case(precision):
    assert kept_and_dropped(a_delivery_frame(3, time_precision=precision)) == (1, 2)


@pytest.mark.parametrize("precision", ["day", "month", "interval"])
def test_equal_rows_known_less_exactly_are_all_real(precision):
    assert kept_and_dropped(a_delivery_frame(3, time_precision=precision)) == (3, 0)


def test_equal_rows_without_a_place_are_all_real():
    assert kept_and_dropped(a_delivery_frame(3, lat=None, lng=None)) == (3, 0)


def test_rows_with_the_same_id_are_one_incident_whatever_else_they_say():
    frame = a_delivery_frame(incident_id=["a", "a", "b"], occurred_at=["2026-03-02", "2026-03-03", "2026-03-03"])

    assert kept_and_dropped(frame) == (2, 1)


def test_rows_without_an_id_among_others_that_have_one_are_told_apart_by_content():
    result = examined_file(FILES / "police_uk_layout.csv", some_rules(zone="Europe/London", outline=None))

    kept, dropped = first_of_each(result.accepted)

    assert (kept.height, dropped) == (4, 1)
    assert kept["time_precision"].unique().to_list() == ["month"]


def test_what_an_overlapping_later_delivery_repeats_is_known():
    earlier = a_delivery_frame(3, occurred_at="2026-03-02")
    later = a_delivery_frame(4, occurred_at="2026-03-02")
    known = examined(earlier).accepted["incident_id"]

    assert kept_and_dropped(later, known) == (1, 3)


def test_ids_do_not_depend_on_the_form_of_the_file():
    text = a_delivery_frame(occurred_at="02.03.2026 14:30", category=" Theft", lat="43,238949", lng="76,8897090")
    typed = a_delivery_frame(occurred_at=datetime.fromisoformat("2026-03-02 14:30"))

    ids = [examined(frame).accepted["incident_id"][0] for frame in (text, typed)]

    assert ids[0] == ids[1]
    assert len(ids[0]) == 32
    assert int(ids[0], 16)


@settings(max_examples=15, deadline=None)
@given(
    days=st.lists(st.integers(min_value=1, max_value=3), min_size=1, max_size=30),
    size=st.integers(min_value=1, max_value=7),
)
def test_ids_do_not_depend_on_how_a_file_is_cut_into_batches(tmp_path_factory, days, size):
    path = tmp_path_factory.mktemp("cut") / "delivery.csv"
    path.write_text("date,lat,lng\n" + "".join(f"2026-03-{day:02},43.2,76.9\n" for day in days))
    source = open_source(path)

    whole = [part.accepted for part in all_examined(source, some_rules())]
    cut = [part.accepted for part in all_examined(source, some_rules(), rows=size)]

    assert pl.concat(cut).equals(pl.concat(whole))
    assert pl.concat(whole)["incident_id"].n_unique() == len(days)


# Real files


def balance(path, zone: str) -> tuple[int, int, dict[str, int], int]:
    """Rows kept, duplicates, faults, rows read."""
    source = open_source(path)
    rules = Rules(zone=zone, latest_day=date(2026, 11, 22))
    parts = all_examined(source, rules)
    kept, duplicates = first_of_each(pl.concat([part.accepted for part in parts]))
    faults = pl.concat([part.quarantined for part in parts])["fault"].value_counts()
    read = sum(part.accepted.height + part.quarantined.height + part.withdrawn for part in parts)
    return kept.height, duplicates, dict(faults.iter_rows()), read


@pytest.mark.parametrize(
    ("name", "zone", "expected"),
    [
        ("toronto_mci_to_2018", "America/Toronto", (146_346, 1_468, {"date_too_early": 65}, 147_879)),
        ("portland_nij_cfs_2016_aug_sep", "America/Los_Angeles", (37_818, 0, {"missing_date": 1}, 37_819)),
        ("nyc_vehicle_theft_intervals_2014_2016", "America/New_York", (27_810, 0, {"window_too_long": 51}, 27_861)),
        ("vancouver_2020", "America/Vancouver", (37_488, 24, {}, 37_512)),
        ("lancashire_asb_2022", "Europe/London", (56_434, 0, {}, 56_434)),
    ],
)
def test_real_files_balance(shared_data, name, zone, expected):
    assert balance(shared_data / "bench" / f"{name}.parquet", zone) == expected


def test_a_published_police_file_is_read_as_it_is(shared_data):
    kept, duplicates, faults, rows = balance(
        shared_data / "raw" / "2016-07-west-yorkshire-street.csv.gz", "Europe/London"
    )

    assert rows == 27_176
    assert kept + duplicates + sum(faults.values()) == rows
    assert faults == {}
