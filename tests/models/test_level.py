from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import MismatchedSupport
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
    assert fit_level(short, as_of=short.end).candidates[:, 1].max() == 0.0


def test_a_rare_group_shows_no_season_that_chance_may_have_made():
    history = history_of(np.full(1095, 0.2))

    totals = [
        fit_level(history, as_of=history.end - timedelta(days=back)).expected_total(30) for back in range(0, 360, 30)
    ]

    assert max(totals) < 1.6 * min(totals)
    assert np.mean(totals) == pytest.approx(6.0, rel=0.25)


def test_days_that_stand_for_unknown_ones_lift_the_weeks_that_hold_one():
    day = np.datetime64(START, "D") + np.arange(1000)
    is_first = day == day.astype("datetime64[M]").astype("datetime64[D]")
    history = history_of(np.where(is_first, 60.0, 20.0))

    holds_one = fit_level(history, as_of=date(2024, 4, 28)).expected_total(7)
    holds_none = fit_level(history, as_of=date(2024, 4, 5)).expected_total(7)

    assert holds_one == pytest.approx(6 * 20 + 60, rel=0.08)
    assert holds_none == pytest.approx(7 * 20, rel=0.08)


def test_thirty_days_on_record_give_their_mean_and_no_more():
    history = history_of(np.full(30, 5.0))

    expected = fit_level(history, as_of=history.end).expected_total(30)

    assert expected == pytest.approx(history.day.size, rel=0.15)


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

    assert fitted.area_totals(30).shape == (1,)
    shares = place.fit(history, as_of=history.end).expected_incidents(1)
    for horizon_days in (7, 30, 90):
        expected = fitted.expected_incidents(horizon_days)
        assert expected.sum() == pytest.approx(fitted.level.expected_total(horizon_days), rel=1e-12)
        assert np.allclose(expected / expected.sum(), shares / shares.sum(), rtol=1e-9)


def halves() -> np.ndarray:
    """Area 0 for the first half of the cells, 1 for the others."""
    return (np.arange(KERNELS.n_cells) >= KERNELS.n_cells // 2).astype(np.int64)


def test_cells_sum_to_their_areas_and_areas_to_the_level_at_every_horizon():
    town = simulated_town(seed=3, kernels=KERNELS, incidents_per_day=2.0)
    history = town.history()
    areas = np.arange(KERNELS.n_cells) % 5

    fitted = AtLevel(place=EmpiricalBayes(kernels=KERNELS), area_of_cell=areas).fit(history, as_of=history.end)

    for horizon_days in (7, 30, 90):
        expected, totals = fitted.expected_incidents(horizon_days), fitted.area_totals(horizon_days)
        assert np.allclose(np.bincount(areas, weights=expected), totals, rtol=1e-12)
        assert totals.sum() == pytest.approx(fitted.level.expected_total(horizon_days), rel=1e-12)


def test_cells_keep_their_shares_inside_their_area():
    history = simulated_town(seed=3, kernels=KERNELS, incidents_per_day=2.0).history()
    place, areas = EmpiricalBayes(kernels=KERNELS), halves()

    expected = AtLevel(place=place, area_of_cell=areas).fit(history, as_of=history.end).expected_incidents(30)

    lifted = expected / place.fit(history, as_of=history.end).expected_incidents(30)
    for area in (0, 1):
        assert np.ptp(np.log(lifted[areas == area])) < 1e-9


def test_an_area_that_grew_lately_gets_more_than_its_places_had_by_themselves():
    rng, areas = np.random.default_rng(5), halves()
    day = np.sort(rng.integers(0, 1095, 12_000))
    # Simulated: over the last year nine in ten incidents fall in the second half of the cells, before that one in two.
    is_second = rng.uniform(size=day.size) < np.where(day >= 730, 0.9, 0.5)
    cell = np.where(is_second, *(rng.choice(np.flatnonzero(areas == area), day.size) for area in (1, 0)))
    history = History.from_incidents(
        KERNELS.cells[cell],
        np.datetime64(START, "D") + day,
        cells=KERNELS.cells,
        start=START,
        end=START + timedelta(days=1095),
    )
    place = EmpiricalBayes(kernels=KERNELS)

    totals = AtLevel(place=place, area_of_cell=areas).fit(history, as_of=history.end).area_totals(30)

    own = np.bincount(areas, weights=place.fit(history, as_of=history.end).expected_incidents(30))
    assert own[1] / own.sum() + 0.05 < totals[1] / totals.sum() < 0.9


@pytest.mark.parametrize("per_day", [np.zeros(400), np.full(30, 1.0)], ids=["nothing at all", "thirty days"])
def test_a_thin_record_is_shared_by_areas_all_of_which_expect_something(per_day):
    history = history_of(per_day)

    fitted = AtLevel(place=EmpiricalBayes(kernels=KERNELS), area_of_cell=halves()).fit(history, as_of=history.end)

    expected = fitted.expected_incidents(30)
    assert np.isfinite(expected).all()
    assert expected.min() > 0.0
    assert expected.sum() == pytest.approx(fitted.level.expected_total(30), rel=1e-12)


def test_a_second_run_and_a_longer_record_give_the_same_numbers_to_the_last_bit():
    longer = history_of(np.full(800, 4.0))
    as_of = START + timedelta(days=760)
    model = AtLevel(place=EmpiricalBayes(kernels=KERNELS), area_of_cell=halves())

    first, second = (model.fit(history, as_of=as_of) for history in (longer, longer.before(as_of)))

    for horizon_days in (7, 30, 90):
        assert np.array_equal(first.expected_incidents(horizon_days), second.expected_incidents(horizon_days))


@pytest.mark.parametrize(
    "areas",
    [
        np.zeros(3, dtype=np.int64),
        np.full(KERNELS.n_cells, 1),
        np.r_[2, np.zeros(KERNELS.n_cells - 1, dtype=np.int64)],
        np.full(KERNELS.n_cells, -1),
    ],
    ids=["too few", "without 0", "with a gap", "below 0"],
)
def test_areas_that_do_not_follow_the_support_are_refused(areas):
    history = history_of(np.full(60, 4.0))

    with pytest.raises(MismatchedSupport, match="from 0 without gaps"):
        AtLevel(place=EmpiricalBayes(kernels=KERNELS), area_of_cell=areas).fit(history, as_of=history.end)
