"""Last year's same days as a forecast."""

from datetime import timedelta

import numpy as np
import pytest
from polars.testing import assert_frame_equal

from models import backtest
from models.baselines import LongRunMean
from models.history import History
from models.seasonal_baseline import NAME, SEASONAL_BASELINES, SameMonthLastYear
from tests.models.simulated import START, simulated_town, town_kernels

KERNELS = town_kernels(rings=3)
MIDDLE = KERNELS.n_cells // 2
YEAR = timedelta(days=365)


def a_history(days: list[int], *, n_days: int) -> History:
    """Incidents in one cell of the town."""
    cell = np.full(len(days), KERNELS.cells[MIDDLE], dtype=np.uint64)
    occurred_on = np.datetime64(START, "D") + np.array(days, dtype=np.int64)
    return History.from_incidents(
        cell, occurred_on, cells=KERNELS.cells, start=START, end=START + timedelta(days=n_days)
    )


def expected_of(history: History, *, as_of, horizon_days: int = 30):
    return SameMonthLastYear().fit(history, as_of=as_of).expected_incidents(horizon_days)


def test_the_same_days_of_the_year_before_are_repeated():
    history = a_history([9, 10, 39, 40, 300], n_days=400)

    expected = expected_of(history, as_of=START + YEAR + timedelta(days=10))

    assert expected[MIDDLE] == 2.0
    assert expected.sum() == 2.0


def test_the_first_day_of_the_record_is_enough_to_look_a_year_back():
    history = a_history([0, 29, 30], n_days=400)

    assert expected_of(history, as_of=START + YEAR).sum() == 2.0


@pytest.mark.parametrize("n_days", [40, 364])
def test_a_record_that_does_not_reach_a_year_back_goes_on_at_its_mean(n_days):
    history = a_history([0, 5, 39], n_days=n_days)

    expected = expected_of(history, as_of=history.end)

    assert np.allclose(expected, LongRunMean().fit(history, as_of=history.end).expected_incidents(30))
    assert expected.sum() == pytest.approx(3 * 30 / n_days)


def test_a_record_that_ends_before_the_days_a_year_back_goes_on_at_its_mean():
    history = a_history([0, 5, 39], n_days=40)

    assert expected_of(history, as_of=START + YEAR + timedelta(days=20)).sum() == pytest.approx(3 * 30 / 40)


def test_a_horizon_beyond_a_year_repeats_the_year():
    history = a_history([100, 200], n_days=365)

    assert expected_of(history, as_of=history.end, horizon_days=730).sum() == pytest.approx(4.0)


def test_days_from_as_of_on_move_nothing():
    as_of = START + YEAR + timedelta(days=10)
    quiet, busy = a_history([12, 20], n_days=500), a_history([12, 20, 375, 376, 499], n_days=500)

    assert np.array_equal(expected_of(quiet, as_of=as_of), expected_of(busy, as_of=as_of))


def test_it_stands_in_a_backtest_as_an_equal():
    town = simulated_town(seed=21, days=800, incidents_per_day=6.0, rings=4)

    found = backtest.run(
        town.history(),
        town.kernels,
        as_of=town.end,
        horizon_days=30,
        offence_group="theft",
        contenders=SEASONAL_BASELINES,
    ).windows

    assert found["model"].unique().to_list() == [NAME]
    assert found.height == 12
    day = found["window_start"][0]
    assert found["expected_incidents"][0] == town.history().counts(day - YEAR, day - YEAR + timedelta(days=30)).sum()
    assert_frame_equal(
        found,
        backtest.run(
            town.history(),
            town.kernels,
            as_of=town.end,
            horizon_days=30,
            offence_group="theft",
            contenders=SEASONAL_BASELINES,
        ).windows,
        check_exact=True,
    )
