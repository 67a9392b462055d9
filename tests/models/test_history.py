from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import MismatchedSupport, TooLittleHistory
from models.history import History, start_of_record
from tests.models.simulated import START, town_kernels

CELLS = town_kernels(rings=2).cells


def a_history(cell_index: list[int], days: list[int], *, n_days: int = 100) -> History:
    """Incidents by position in ``CELLS``; -1 is a place off the support."""
    off = town_kernels(rings=4).cells
    elsewhere = off[~np.isin(off, CELLS)][0]
    cell = np.array([CELLS[i] if i >= 0 else elsewhere for i in cell_index], dtype=np.uint64)
    occurred_on = np.datetime64(START, "D") + np.array(days, dtype=np.int64)
    return History.from_incidents(cell, occurred_on, cells=CELLS, start=START, end=START + timedelta(days=n_days))


def test_an_incident_counts_in_its_cell_on_the_days_it_happened():
    history = a_history([3, 3, 5], [0, 10, 10])

    counts = history.counts(START + timedelta(days=10), START + timedelta(days=11))

    assert counts[3] == 1
    assert counts[5] == 1
    assert counts.sum() == 2


def test_incidents_off_the_support_are_kept_as_a_count_per_day():
    history = a_history([-1, -1, 2], [4, 90, 4])

    assert history.off_support_count(START, START + timedelta(days=50)) == 1
    assert history.off_support_count(START, history.end) == 2
    assert history.cell_index.tolist() == [2]


def test_days_outside_the_record_are_passed_over():
    history = a_history([1, 1, 1], [-5, 20, 100])

    assert history.cell_index.size == 1


def test_a_polars_date_column_is_read_like_an_array_of_days():
    days = pl.Series([START + timedelta(days=7)])

    history = History.from_incidents(CELLS[:1], days, cells=CELLS, start=START, end=START + timedelta(days=10))

    assert history.day.tolist() == [7]
    assert history.day.dtype == np.int32


def test_the_support_may_stand_in_any_order():
    shuffled = CELLS[::-1].copy()
    occurred_on = np.full(CELLS.size, np.datetime64(START, "D"))

    history = History.from_incidents(CELLS, occurred_on, cells=shuffled, start=START, end=START + timedelta(days=1))

    assert sorted(history.cell_index.tolist()) == list(range(CELLS.size))
    assert (shuffled[history.cell_index] == np.sort(CELLS)[np.argsort(np.argsort(shuffled[history.cell_index]))]).all()


@given(st.lists(st.tuples(st.integers(-1, CELLS.size - 1), st.integers(0, 99)), max_size=60), st.integers(1, 100))
def test_no_incident_is_lost_or_counted_twice_when_a_record_is_cut(incidents, cut):
    history = a_history([i for i, _ in incidents], [d for _, d in incidents])
    as_of = START + timedelta(days=cut)

    known = history.before(as_of)

    on_support = known.counts(known.start, known.end).sum() + history.counts(as_of, history.end).sum()
    off = known.off_support.sum() + history.off_support_count(as_of, history.end)
    assert on_support + off == len(incidents)


def test_the_order_of_delivery_moves_nothing():
    one = a_history([5, 3, 3, 1], [8, 8, 2, 2])
    other = a_history([1, 3, 5, 3], [2, 2, 8, 8])

    assert one.cell_index.tolist() == other.cell_index.tolist()
    assert one.day.tolist() == other.day.tolist()


def test_a_record_cut_on_its_first_day_says_that_nothing_is_known():
    with pytest.raises(TooLittleHistory, match="nothing is known before 2022-01-01"):
        a_history([1], [3]).before(START)


def test_cells_without_days_are_refused():
    with pytest.raises(MismatchedSupport, match="2 cells and 1 days"):
        History.from_incidents(
            CELLS[:2],
            np.array(["2022-01-05"], dtype="datetime64[D]"),
            cells=CELLS,
            start=START,
            end=START + timedelta(days=9),
        )


def daily(first: str, last: str, per_day: int = 3) -> np.ndarray:
    return np.repeat(np.arange(np.datetime64(first), np.datetime64(last) + 1), per_day)


def test_late_reports_of_earlier_years_do_not_stretch_the_record():
    stray = np.array([f"{year}-{month:02d}-01" for year in range(1970, 2014) for month in range(1, 13, 2)])
    days = np.concatenate([stray.astype("datetime64[D]"), daily("2014-01-01", "2015-12-31")])

    assert start_of_record(days) == date(2014, 1, 1)


def test_a_record_starts_anew_after_a_month_that_is_missing():
    days = np.concatenate([daily("2020-01-01", "2020-05-31"), daily("2020-07-01", "2020-12-31")])

    assert start_of_record(days) == date(2020, 7, 1)


def test_an_incomplete_last_month_does_not_end_the_record():
    assert start_of_record(daily("2020-01-01", "2020-08-01")) == date(2020, 1, 1)


def test_a_record_that_begins_in_mid_month_starts_on_its_first_day():
    assert start_of_record(daily("2020-01-17", "2020-08-31")) == date(2020, 1, 17)


def test_a_quiet_first_day_does_not_delay_the_record():
    assert start_of_record(daily("2020-01-02", "2020-08-31", per_day=1)) == date(2020, 1, 1)


def test_a_record_without_incidents_has_no_start():
    with pytest.raises(TooLittleHistory, match="no incident"):
        start_of_record(np.empty(0, dtype="datetime64[D]"))
