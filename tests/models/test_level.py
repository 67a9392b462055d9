from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.history import History
from models.level import AtLevel, fit_level
from models.shrinkage import EmpiricalBayes
from tests.models.simulated import START, simulated_town, town_kernels

KERNELS = town_kernels(rings=3)


def history_of(per_day: np.ndarray, *, seed: int = 0) -> History:
    """Simulated: Poisson counts of that mean a day, in cells drawn evenly."""
    rng = np.random.default_rng(seed)
    counts = rng.poisson(per_day)
    day = np.datetime64(START, "D") + np.repeat(np.arange(per_day.size), counts)
    cell = rng.choice(KERNELS.cells, size=day.size)
    end = START + timedelta(days=per_day.size)
    return History.from_incidents(cell, day, cells=KERNELS.cells, start=START, end=end)


def test_a_steady_level_goes_on():
    history = history_of(np.full(800, 5.0))

    fitted = fit_level(history, as_of=history.end)

    assert fitted.expected_total(30) == pytest.approx(150, rel=0.1)
    assert fitted.expected_total(90) == pytest.approx(450, rel=0.1)


def test_growth_is_followed_and_damped():
    days = np.arange(1100)
    history = history_of(4.0 * np.exp(days / 1100))

    expected = fit_level(history, as_of=history.end).expected_total(90)

    at_the_end, average = 4.0 * np.e * 90, history.day.size / 1100 * 90
    assert average * 1.2 < expected < at_the_end * 1.1
    assert expected == pytest.approx(at_the_end, rel=0.1)


def test_a_season_is_learnt_from_two_years_and_not_from_one():
    days = np.arange(3 * 365)
    angle = 2 * np.pi * (days % 365) / 365
    per_day = 20.0 * (1 + 0.4 * np.cos(angle))
    long, short = history_of(per_day), history_of(per_day[:500])

    summer = fit_level(long, as_of=date(2024, 6, 20)).expected_total(30)
    winter = fit_level(long, as_of=date(2024, 12, 20)).expected_total(30)

    assert summer == pytest.approx(20 * 0.6 * 30, rel=0.1)
    assert winter == pytest.approx(20 * 1.4 * 30, rel=0.1)
    assert not fit_level(short, as_of=short.end).season.any()


@pytest.mark.parametrize(
    "per_day",
    [np.zeros(500), np.r_[np.zeros(499), 1.0], np.r_[np.full(900, 3.0), np.zeros(200)], np.full(5, 1.0), np.r_[500.0]],
    ids=["nothing", "one incident at most", "a group that stopped", "five days", "all on one day"],
)
def test_strange_records_have_a_finite_level_above_zero(per_day):
    history = history_of(per_day)

    for horizon_days in (1, 30, 365):
        total = fit_level(history, as_of=history.end).expected_total(horizon_days)
        assert 0.0 < total < 2 * 500 * horizon_days


def test_a_group_that_stopped_falls_within_months():
    history = history_of(np.r_[np.full(900, 10.0), np.zeros(240)])

    assert fit_level(history, as_of=history.end).expected_total(30) < 0.35 * 300


@settings(max_examples=20)
@given(later=st.integers(0, 60), seed=st.integers(0, 2**16))
def test_nothing_that_happens_after_as_of_moves_the_level(later, seed):
    known = history_of(np.full(760, 4.0))
    longer = history_of(np.r_[np.full(760, 4.0), np.zeros(60)])
    rng = np.random.default_rng(seed)
    changed = History(
        cell_index=np.r_[known.cell_index, rng.integers(0, KERNELS.n_cells, later)].astype(np.int32),
        day=np.r_[known.day, np.sort(rng.integers(760, 820, later))].astype(np.int32),
        off_support=longer.off_support,
        start=known.start,
        end=longer.end,
        n_cells=known.n_cells,
    )

    assert fit_level(changed, as_of=known.end).expected_total(30) == fit_level(known, as_of=known.end).expected_total(
        30
    )


def test_cells_sum_to_the_level_at_every_horizon_and_keep_their_shares():
    town = simulated_town(seed=3, kernels=KERNELS, incidents_per_day=2.0)
    history = town.history()
    place = EmpiricalBayes(kernels=KERNELS)

    fitted = AtLevel(place=place).fit(history, as_of=history.end)

    shares = place.fit(history, as_of=history.end).expected_incidents(1)
    for horizon_days in (7, 30, 90):
        expected = fitted.expected_incidents(horizon_days)
        assert expected.sum() == pytest.approx(fitted.level.expected_total(horizon_days), rel=1e-12)
        assert np.allclose(expected / expected.sum(), shares / shares.sum(), rtol=1e-9)
