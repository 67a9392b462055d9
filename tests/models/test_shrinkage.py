from datetime import timedelta

import numpy as np
import pytest

from models import shrinkage
from models.calibration import calibration_slope
from models.errors import MismatchedSupport
from models.history import History
from models.shrinkage import EmpiricalBayes
from tests.models.simulated import START, simulated_town, town_kernels


def test_a_cell_without_incidents_still_expects_some_and_less_than_its_busy_neighbour():
    kernels = town_kernels(rings=3)
    occurred_on = np.datetime64(START, "D") + np.arange(40)
    history = History.from_incidents(
        np.full(40, kernels.cells[0]), occurred_on, cells=kernels.cells, start=START, end=START + timedelta(days=100)
    )

    expected = EmpiricalBayes(kernels=kernels).fit(history, as_of=history.end).expected_incidents(30)

    assert expected.min() > 0.0
    assert expected.argmax() == 0
    assert expected[0] < 40 / 100 * 30


def test_without_a_single_incident_almost_nothing_is_expected_and_nothing_breaks():
    kernels = town_kernels(rings=2)
    empty = History.from_incidents(
        kernels.cells[:0],
        np.empty(0, dtype="datetime64[D]"),
        cells=kernels.cells,
        start=START,
        end=START + timedelta(days=400),
    )

    model = shrinkage.tune(empty, as_of=empty.end, horizon_days=30, kernels=kernels)
    fitted = model.fit(empty, as_of=empty.end)

    assert 0.0 < fitted.expected_incidents(30).sum() < 0.001
    assert fitted.interval(30).high.max() == 0


def test_a_half_life_follows_a_place_that_went_quiet():
    kernels = town_kernels(rings=2)
    occurred_on = np.datetime64(START, "D") + np.arange(0, 200)
    history = History.from_incidents(
        np.full(200, kernels.cells[0]), occurred_on, cells=kernels.cells, start=START, end=START + timedelta(days=600)
    )

    def expected(half_life_days: float | None) -> float:
        model = EmpiricalBayes(kernels=kernels, half_life_days=half_life_days)
        return float(model.fit(history, as_of=history.end).expected_incidents(30)[0])

    assert expected(180.0) < expected(730.0) < expected(None)


def test_tuning_prefers_long_memory_where_rates_are_steady():
    town = simulated_town(seed=5, days=1100, incidents_per_day=15.0)

    model = shrinkage.tune(town.history(), as_of=town.end, horizon_days=30, kernels=town.kernels)

    assert model.half_life_days is None or model.half_life_days >= 730.0


def test_the_forecast_is_calibrated_and_closer_to_the_true_rates_than_raw_counts():
    town = simulated_town(seed=6, days=1000, incidents_per_day=0.5)
    as_of = START + timedelta(days=900)
    history = town.history()
    model = shrinkage.tune(history, as_of=as_of, horizon_days=30, kernels=town.kernels)

    expected = model.fit(history, as_of=as_of).expected_incidents(100)

    raw = history.counts(START, as_of) / 900 * 100
    assert np.abs(expected - town.rate * 100).mean() < 0.95 * np.abs(raw - town.rate * 100).mean()
    next_days = np.random.default_rng(1).poisson(town.rate * 10_000)
    assert calibration_slope(expected, next_days) == pytest.approx(1.0, abs=0.1)


def test_cell_intervals_hold_about_as_often_as_they_say_on_simulated_truth():
    inside, n = 0, 0
    for seed in range(10):
        town = simulated_town(seed=seed, days=400, incidents_per_day=40.0, rings=6)
        model = shrinkage.tune(town.history(), as_of=town.end, horizon_days=90, kernels=town.kernels)
        interval = model.fit(town.history(), as_of=town.end).interval(90)
        counts = np.random.default_rng(100 + seed).poisson(town.rate * 90)
        busy = interval.expected >= 5.0
        inside += np.count_nonzero(((counts >= interval.low) & (counts <= interval.high))[busy])
        n += np.count_nonzero(busy)

    assert n > 900
    assert 0.88 <= inside / n <= 0.95  # whole numbers make an interval a little wider than asked


def test_area_intervals_hold_about_as_often_as_they_say_when_the_level_moves_from_month_to_month():
    inside, n = 0, 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        kernels = town_kernels(rings=6)
        area_of_cell = np.arange(kernels.n_cells) % 8
        n_months, spread = 36, 0.15
        level = rng.gamma(1 / spread**2, spread**2, size=(n_months, 8))
        rate = rng.gamma(1.5, 0.01, size=kernels.n_cells)
        cell, day = [], []
        for month in range(n_months):
            counts = rng.poisson(rate * 30 * level[month, area_of_cell])
            cell.append(np.repeat(kernels.cells, counts))
            day.append(month * 30 + rng.integers(0, 30, size=counts.sum()))
        occurred_on = np.datetime64(START, "D") + np.concatenate(day)
        end = START + timedelta(days=30 * n_months)
        history = History.from_incidents(np.concatenate(cell), occurred_on, cells=kernels.cells, start=START, end=end)
        as_of = end - timedelta(days=30)
        model = shrinkage.tune(history, as_of=as_of, horizon_days=30, kernels=kernels)

        interval = model.area_intervals(history, area_of_cell, as_of=as_of, horizon_days=30)

        counts = np.bincount(area_of_cell, weights=history.counts(as_of, end))
        inside += np.count_nonzero((counts >= interval.low) & (counts <= interval.high))
        n += counts.size
        assert interval.expected.sum() == pytest.approx(model.fit(history, as_of=as_of).expected_incidents(30).sum())

    assert n == 96
    assert 0.83 <= inside / n <= 0.98


def test_cells_of_no_area_belong_to_no_sum():
    town = simulated_town(seed=2, rings=3)
    area_of_cell = np.full(town.kernels.n_cells, -1)
    area_of_cell[:5] = 1
    model = EmpiricalBayes(kernels=town.kernels)

    interval = model.area_intervals(town.history(), area_of_cell, as_of=town.end, horizon_days=30)

    expected = model.fit(town.history(), as_of=town.end).expected_incidents(30)
    assert interval.expected.tolist() == [0.0, pytest.approx(expected[:5].sum())]
    assert (interval.low[0], interval.high[0]) == (0, 0)


def test_areas_of_another_support_are_refused():
    town = simulated_town(seed=2, rings=3)

    with pytest.raises(MismatchedSupport, match="area_of_cell has shape"):
        EmpiricalBayes(kernels=town.kernels).area_intervals(
            town.history(), np.zeros(3, dtype=np.int64), as_of=town.end, horizon_days=30
        )


def test_a_short_record_is_tuned_on_short_windows():
    town = simulated_town(seed=8, days=80, incidents_per_day=60.0)

    model = shrinkage.tune(town.history(), as_of=town.end, horizon_days=30, kernels=town.kernels)

    assert model.prior_days <= 60.0  # twenty incidents a cell speak for themselves


def test_a_record_too_short_to_tune_on_gives_the_defaults_and_a_wide_area_interval():
    town = simulated_town(seed=8, days=27, rings=3)

    model = shrinkage.tune(town.history(), as_of=town.end, horizon_days=30, kernels=town.kernels)
    interval = model.area_intervals(
        town.history(), np.zeros(town.kernels.n_cells, dtype=np.int64), as_of=town.end, horizon_days=30
    )

    assert (model.half_life_days, model.bandwidth_m, model.prior_days) == (730.0, 400.0, 240.0)
    assert interval.low[0] < 0.7 * interval.expected[0] < 1.3 * interval.expected[0] < interval.high[0]
