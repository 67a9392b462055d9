from datetime import date

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata import aggregate, hexgrid
from geodata.aggregate import Period

points = st.lists(st.tuples(st.floats(43.1, 43.4), st.floats(76.7, 77.1)), min_size=1, max_size=200)


def incidents(cells, **columns):
    frame = pl.DataFrame({"cell": cells}, schema={"cell": pl.UInt64})
    return frame.with_columns(**{name: pl.lit(value) for name, value in columns.items()})


@given(points)
@settings(max_examples=50, deadline=None)
def test_no_incident_is_lost_or_counted_twice_when_cells_are_rolled_up(given_points):
    lat, lng = np.array(given_points).T
    cells = hexgrid.assign_cells(lat, lng, resolution=9)
    fine, coarse = np.unique(cells), np.unique(hexgrid.to_parent(cells, 7))

    by_fine = aggregate.count_by_cell(incidents(cells), fine)
    by_coarse = aggregate.count_by_cell(incidents(cells), coarse)

    assert by_fine.sum() == by_coarse.sum() == len(given_points)
    rolled_up = [by_fine[hexgrid.to_parent(fine, 7) == parent].sum() for parent in coarse]
    assert rolled_up == by_coarse.tolist()


def test_incidents_outside_the_given_cells_are_left_out():
    here, there = hexgrid.assign_cells(np.array([43.2, 43.3]), np.array([76.9, 77.0]), resolution=9)

    counts = aggregate.count_by_cell(incidents([here, here, there]), np.array([here]))

    assert counts.tolist() == [2]


@pytest.mark.parametrize(
    ("first_day", "as_of", "expected"),
    [
        (date(2023, 11, 1), date(2026, 11, 1), (date(2025, 10, 1), date(2026, 10, 1))),
        (date(2023, 11, 1), date(2026, 10, 1), (date(2025, 10, 1), date(2026, 10, 1))),
        (date(2018, 1, 2), date(2018, 8, 9), (date(2018, 4, 1), date(2018, 7, 1))),
        # The quarter began before the record, so its complete months count.
        (date(2016, 8, 1), date(2016, 10, 1), (date(2016, 8, 1), date(2016, 10, 1))),
        (date(2016, 8, 2), date(2016, 10, 31), (date(2016, 9, 1), date(2016, 10, 1))),
    ],
)
def test_the_published_period_is_of_complete_quarters_the_record_covers(first_day, as_of, expected):
    period = aggregate.published_period(first_day, as_of)

    assert period == Period(start=expected[0], end=expected[1])


def test_a_record_of_a_few_days_has_no_period_to_publish():
    assert aggregate.published_period(date(2026, 3, 5), date(2026, 3, 28)) is None


def test_a_leap_day_has_a_year_before():
    assert Period(start=date(2024, 2, 29), end=date(2024, 3, 1)).year_before().start == date(2023, 3, 1)


def test_incidents_known_by_month_are_spread_over_it_and_others_stay():
    months = pl.DataFrame(
        {
            "line": list(range(2, 3002)),
            "occurred_on": [date(2026, 2, 1)] * 3000,
            "time_precision": ["month"] * 2999 + ["day"],
        }
    )

    spread = aggregate.spread_month_only(months)["occurred_on"]

    assert spread[-1] == date(2026, 2, 1)
    assert spread.min() == date(2026, 2, 1)
    assert spread.max() == date(2026, 2, 28)
    assert set(spread.value_counts()["count"]) <= {106, 107, 108, 109}, "evenly"


def test_groups_that_may_not_be_shown_at_a_place_are_not_mappable():
    cell = hexgrid.assign_cells(np.array([43.2]), np.array([76.9]), resolution=9)[0]
    groups = ["theft", "fraud", "drugs", "sexual", "minors", "homicide", "unclassified", "robbery"]
    frame = pl.DataFrame({"cell": [cell] * 8, "offence_group": groups}, schema_overrides={"cell": pl.UInt64})

    kept = aggregate.mappable(frame)["offence_group"].to_list()

    assert kept == ["theft", "robbery"]


def test_incidents_without_a_place_are_not_mappable():
    frame = pl.DataFrame({"cell": [None], "offence_group": ["theft"]}, schema_overrides={"cell": pl.UInt64})

    assert aggregate.mappable(frame).height == 0
