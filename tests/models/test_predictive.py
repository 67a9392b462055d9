"""Predictive intervals on simulated counts, and on real ones that are not part of the repository."""

import json
from dataclasses import asdict
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata import hexgrid
from models import backtest, predictive
from models.errors import MismatchedSupport, TooLittleHistory, UndefinedMetric
from models.history import History, start_of_record
from models.kernels import Kernels
from models.predictive import UNKNOWN_SPREAD, PastForecasts, Spread, fit_spread, rate_interval
from models.shrinkage import EmpiricalBayes, Interval, tune
from models.windows import rolling_windows
from tests.models.simulated import simulated_town

FILE = Path(__file__).parents[3] / "shared" / "data" / "bench" / "toronto_mci_to_2018.parquet"
POISSON = Spread(proportional=0.0, quadratic=0.0)


def simulated_past(seed: int, *, n: int = 6000, proportional: float = 0.2, quadratic: float = 0.1) -> PastForecasts:
    """Right forecasts, from quiet to busy, and counts that scatter around them as given. Simulated."""
    rng = np.random.default_rng(seed)
    expected = np.exp(rng.uniform(np.log(0.01), np.log(60.0), size=n))
    extra = proportional + quadratic * expected
    rate = rng.gamma(expected / extra, extra) if extra.min() > 0.0 else expected
    return PastForecasts(expected=expected, observed=rng.poisson(rate))


def coverage(spread: Spread, past: PastForecasts, level: float = 0.9) -> float:
    return float(spread.coverage(past.expected, past.observed, level=level).mean())


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_a_learnt_spread_holds_its_level_on_counts_it_never_saw(level):
    spread = fit_spread(simulated_past(1))

    assert coverage(spread, simulated_past(2), level) == pytest.approx(level, abs=0.012)


def test_quiet_and_busy_areas_are_both_covered():
    table = predictive.coverage_table(fit_spread(simulated_past(1)), simulated_past(2, n=20_000))

    assert table.height == 8
    assert table["n_forecasts"].to_list()[-1] == 20_000
    assert table["coverage"].is_between(0.88, 0.92).all()
    assert (table["closed_coverage"] - table["closed_promise"]).abs().max() < 0.015
    assert table["closed_coverage"][0] > 0.97


def test_intervals_that_know_chance_alone_are_found_too_narrow():
    assert coverage(POISSON, simulated_past(2)) < 0.86


def test_where_there_is_chance_alone_next_to_no_further_spread_is_learnt():
    spread = fit_spread(simulated_past(3, proportional=0.0, quadratic=0.0))

    assert spread.proportional + 10.0 * spread.quadratic < 0.05
    assert spread.nominal(0.9) == pytest.approx(0.9, abs=0.015)


def test_tails_no_formula_foresaw_are_met_by_correcting_the_level():
    def shaken(seed: int) -> PastForecasts:
        rng = np.random.default_rng(seed)
        expected = rng.uniform(5.0, 40.0, size=6000)
        shock = np.where(rng.random(6000) < 0.03, 4.0, 1.0)
        return PastForecasts(expected=expected, observed=rng.poisson(expected * shock))

    spread = fit_spread(shaken(4))
    uncorrected = Spread(proportional=spread.proportional, quadratic=spread.quadratic)

    assert abs(coverage(uncorrected, shaken(5)) - 0.9) > 0.03
    assert coverage(spread, shaken(5)) == pytest.approx(0.9, abs=0.015)


@given(st.floats(0.001, 80.0), st.floats(0.0, 1.5), st.floats(0.0, 1.0), st.floats(0.5, 0.99))
def test_a_right_forecast_covers_its_level_exactly_when_ends_are_randomised(mean, proportional, quadratic, level):
    spread = Spread(proportional=proportional, quadratic=quadratic)
    count = np.arange(6000)
    expected = np.full(count.size, mean)
    up_to = spread.chance_within(Interval(expected=expected, low=np.zeros_like(count), high=count))

    held = spread.coverage(expected, count, level=level)

    assert float(held @ np.diff(up_to, prepend=0.0)) == pytest.approx(level, abs=1e-3)


@given(st.floats(0.0, 500.0), st.floats(0.0, 2.0), st.floats(0.5, 0.98))
def test_the_closed_interval_promises_at_least_its_level_and_a_higher_one_contains_it(mean, quadratic, level):
    spread = Spread(proportional=0.1, quadratic=quadratic)
    expected = np.array([mean])

    interval, wider = spread.interval(expected, level=level), spread.interval(expected, level=level + 0.01)

    assert spread.chance_within(interval)[0] >= level - 1e-9
    assert wider.low[0] <= interval.low[0] <= interval.high[0] <= wider.high[0]


def test_where_nothing_is_expected_the_interval_is_nought_to_nought():
    interval = UNKNOWN_SPREAD.interval(np.array([0.0, 5.0]))

    assert (interval.low[0], interval.high[0]) == (0, 0)
    assert UNKNOWN_SPREAD.chance_within(interval)[0] == 1.0
    assert interval.low[1] < 5 < interval.high[1]


def test_without_any_forecast_to_check_the_spread_is_an_assumption_and_says_so():
    spread = fit_spread(PastForecasts(expected=np.zeros(3), observed=np.zeros(3, dtype=np.int64)))

    assert spread == UNKNOWN_SPREAD
    assert spread.n_forecasts == 0


def test_a_handful_of_forecasts_hardly_moves_the_level():
    past = PastForecasts(expected=np.full(6, 100.0), observed=np.array([100, 101, 99, 100, 100, 100]))

    assert fit_spread(past).nominal(0.9) == pytest.approx(0.9, abs=0.03)


def test_a_spread_is_plain_data_and_comes_back_from_json():
    spread = fit_spread(simulated_past(6, n=500))

    assert Spread.from_data(json.loads(json.dumps(asdict(spread)))) == spread


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"quadratic": -0.1}, UndefinedMetric),
        ({"covered": (0.5, 0.6)}, MismatchedSupport),
        ({"covered": tuple(reversed(predictive.NOMINAL_LEVELS))}, MismatchedSupport),
        ({"proportional": float("nan")}, MismatchedSupport),
    ],
)
def test_a_spread_that_cannot_be_is_refused(wrong, error):
    with pytest.raises(error, match="fit_spread"):
        Spread.from_data(asdict(UNKNOWN_SPREAD) | wrong)


def test_forecasts_and_counts_that_cannot_be_are_refused():
    with pytest.raises(UndefinedMetric, match="negative or not a number"):
        POISSON.interval(np.array([np.nan]))
    with pytest.raises(UndefinedMetric, match="lowest count"):
        fit_spread(PastForecasts(expected=np.ones(1), observed=np.array([-1])))
    with pytest.raises(MismatchedSupport, match="must agree"):
        fit_spread(PastForecasts(expected=np.ones(2), observed=np.array([1])))
    with pytest.raises(UndefinedMetric, match=r"0\.5 to 0\.99"):
        POISSON.interval(np.ones(1), level=1.0)


@given(st.integers(121, 3000), st.sampled_from([7, 30, 90]))
def test_learning_windows_end_at_the_as_of_day_and_leave_days_to_learn_from(record_days, horizon_days):
    start = date(2015, 1, 1)
    as_of = start + timedelta(days=record_days)
    try:
        windows = predictive.learning_windows(start, as_of, horizon_days=horizon_days)
    except TooLittleHistory:
        assert horizon_days > record_days // 2 or record_days - horizon_days < 60
        return

    assert windows[-1].end == as_of
    assert all(window.days == horizon_days for window in windows)
    assert all(before.end <= after.start for before, after in pairwise(windows))
    assert (windows[0].start - start).days >= 60


def test_too_short_a_record_says_what_to_do():
    with pytest.raises(TooLittleHistory, match="UNKNOWN_SPREAD"):
        predictive.learning_windows(date(2020, 1, 1), date(2020, 2, 1), horizon_days=30)


def test_past_forecasts_of_areas_are_sums_of_cells_and_nothing_after_the_as_of_day_moves_them():
    town = simulated_town(seed=7)
    as_of = town.start + timedelta(days=600)
    history, model = town.history(), EmpiricalBayes(kernels=town.kernels)
    areas = np.arange(town.kernels.n_cells) % 3 - 1
    is_early = town.occurred_on < np.datetime64(as_of, "D")
    early = History.from_incidents(
        town.cell[is_early], town.occurred_on[is_early], cells=town.kernels.cells, start=town.start, end=town.end
    )

    cells = predictive.past_forecasts(model, history, as_of=as_of, horizon_days=30)
    of_areas = predictive.past_forecasts(model, history, as_of=as_of, horizon_days=30, area_of_cell=areas)
    of_early = predictive.past_forecasts(model, early, as_of=as_of, horizon_days=30)

    by_window = cells.expected.reshape(-1, town.kernels.n_cells)
    assert of_areas.expected.reshape(-1, 2)[:, 1] == pytest.approx(by_window[:, areas == 1].sum(axis=1))
    assert of_areas.observed.sum() == cells.observed.reshape(by_window.shape)[:, areas >= 0].sum()
    assert np.array_equal(of_early.expected, cells.expected)
    assert np.array_equal(of_early.observed, cells.observed)


def test_areas_of_another_support_are_refused():
    with pytest.raises(MismatchedSupport, match="one number for each of 3 cells"):
        predictive.area_sums(np.ones(3), np.zeros(2, dtype=np.int64))


@pytest.mark.parametrize("rate", [0.002, 0.01, 0.1])
def test_intervals_of_rates_hold_about_their_level_at_every_rate(rate):
    exposure = np.full(20_000, 400.0)
    count = np.random.default_rng(8).poisson(rate * exposure)

    found = rate_interval(count, exposure, level=0.9)

    assert np.mean((found.low <= rate) & (rate <= found.high)) == pytest.approx(0.9, abs=0.055)


def test_nothing_is_said_of_rates_whose_exposure_is_unknown_or_nought():
    found = rate_interval(np.array([4, 0, 0]), np.array([np.nan, 0.0, 10.0]))

    assert np.isnan([found.rate[:2], found.low[:2], found.high[:2]]).all()
    assert (found.rate[2], found.low[2]) == (0.0, 0.0)
    assert found.high[2] > 0.0


def test_rates_of_negative_counts_people_or_shapes_that_differ_are_refused():
    with pytest.raises(UndefinedMetric, match="is negative"):
        rate_interval(np.array([1]), np.array([-1.0]))
    with pytest.raises(UndefinedMetric, match="is negative"):
        rate_interval(np.array([-1]), np.array([1.0]))
    with pytest.raises(MismatchedSupport, match="must agree"):
        rate_interval(np.array([1, 2]), np.array([1.0]))


@pytest.mark.skipif(not FILE.exists(), reason="../shared/data is absent: no Toronto incidents to test on")
def test_intervals_learnt_before_the_test_year_hold_in_it_for_cells_and_neighbourhoods():
    as_of, horizon_days = date(2019, 1, 1), 30
    rows = (
        pl.read_parquet(FILE)
        .filter(pl.col("occurred_at") < pl.lit(as_of).cast(pl.Datetime), pl.col("lat").is_not_null())
        .unique(["occurred_at", "lat", "lon", "category"], maintain_order=True)
    )
    cell = hexgrid.assign_cells(rows["lat"].to_numpy(), rows["lon"].to_numpy(), resolution=8)
    day = rows["occurred_at"].dt.date()
    first = backtest.first_test_day(start_of_record(day), as_of, horizon_days=horizon_days)
    kernels = Kernels(backtest.support_cells(cell, day, before=first))
    own = (rows["category"] == "Robbery").to_numpy()
    history = History.from_incidents(
        cell[own], day.filter(pl.Series(own)), cells=kernels.cells, start=start_of_record(day), end=as_of
    )
    model = tune(history.before(first), as_of=first, horizon_days=horizon_days, kernels=kernels)
    named = (
        pl.DataFrame({"cell": cell, "area": rows["neighbourhood"]}).group_by("cell").agg(pl.col("area").mode().min())
    )
    area = pl.DataFrame({"cell": kernels.cells}).join(named, on="cell", how="left", maintain_order="left")["area"]
    areas = area.rank("dense").fill_null(0).to_numpy().astype(np.int64) - 1

    for area_of_cell in (None, areas):
        settings = {"horizon_days": horizon_days, "area_of_cell": area_of_cell}
        spread = fit_spread(predictive.past_forecasts(model, history.before(first), as_of=first, **settings))
        held = []
        for window in rolling_windows(history.start, as_of, horizon_days=horizon_days):
            fitted = model.fit(history.before(window.start), as_of=window.start)
            expected = predictive.area_sums(fitted.expected_incidents(horizon_days), area_of_cell)
            counts = predictive.area_sums(history.counts(window.start, window.end), area_of_cell)
            held.append(spread.coverage(expected, counts.astype(np.int64), level=0.9))

        assert 0.88 <= float(np.concatenate(held).mean()) <= 0.92
