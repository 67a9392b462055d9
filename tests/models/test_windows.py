from datetime import date, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import TooLittleHistory
from models.windows import rolling_windows, tuning_windows

START = date(2020, 1, 1)


def test_a_long_record_is_tested_on_its_last_year():
    windows = rolling_windows(START, date(2024, 1, 1), horizon_days=90)

    assert windows[0].start == date(2023, 1, 1)
    assert len(windows) == 4
    assert {(w.end - w.start).days for w in windows} == {90}


def test_a_short_record_is_tested_on_its_later_half():
    windows = rolling_windows(START, START + timedelta(days=240), horizon_days=30)

    assert windows[0].start == START + timedelta(days=120)
    assert len(windows) == 4


def test_short_horizons_still_start_a_month_apart():
    windows = rolling_windows(START, date(2024, 1, 1), horizon_days=7)

    assert len(windows) == 12
    assert (windows[1].start - windows[0].start).days == 30


@pytest.mark.parametrize(("record_days", "horizon_days"), [(0, 30), (100, 30), (119, 30), (240, 90), (-3, 30)])
def test_a_record_too_short_for_two_windows_is_refused_with_numbers(record_days, horizon_days):
    with pytest.raises(TooLittleHistory, match="at least 60 and 2 are needed"):
        rolling_windows(START, START + timedelta(days=record_days), horizon_days=horizon_days)


@given(st.integers(28, 400), st.integers(1, 120))
def test_settings_are_chosen_on_windows_that_end_before_as_of_and_leave_days_to_learn_from(record_days, horizon_days):
    as_of = START + timedelta(days=record_days)

    windows = tuning_windows(START, as_of, horizon_days=horizon_days)

    assert windows[-1].end <= as_of
    assert all(1 <= window.days <= horizon_days for window in windows)
    assert all(one.end <= other.start for one, other in pairwise(windows))
    assert (windows[0].start - START).days >= record_days // 2


def test_settings_cannot_be_chosen_on_less_than_four_weeks():
    with pytest.raises(TooLittleHistory):
        tuning_windows(START, START + timedelta(days=27), horizon_days=1)


@given(st.integers(240, 3000), st.integers(1, 60))
def test_no_window_reaches_as_of_or_overlaps_another(record_days, horizon_days):
    as_of = START + timedelta(days=record_days)

    windows = rolling_windows(START, as_of, horizon_days=horizon_days)

    assert windows[-1].end <= as_of
    assert all(one.end <= other.start for one, other in pairwise(windows))
    assert (windows[0].start - START).days >= 60
