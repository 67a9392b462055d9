"""The level of regions: laws on simulated records, and the accuracy asked for on real ones outside the repository."""

import json
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import special

from models.daily_totals import DailyTotals
from models.errors import TooLittleHistory, UndefinedMetric
from models.predictive import UNKNOWN_SPREAD
from models.region_level import FittedLevel, LevelModel, tune_level
from models.windows import rolling_windows

CHICAGO = Path(__file__).parents[3] / "shared" / "data" / "bench" / "chicago_aggassault_2010_2018aug.parquet"
START = date(2020, 1, 1)
SHARES = np.array([0.5, 0.3, 0.15, 0.05])


def simulated(
    *, seed: int, n_days: int, per_day: float = 20.0, factor: object = 1.0, shares: NDArray[np.float64] = SHARES
) -> DailyTotals:
    """Poisson counts of four regions; ``factor`` moves them all, day by day. Simulated."""
    mean = np.full(n_days, per_day) * factor
    return DailyTotals(counts=np.random.default_rng(seed).poisson(mean * shares[:, None]), start=START)


def fitted(totals: DailyTotals, horizon_days: int = 30, **options: object) -> FittedLevel:
    return tune_level(totals, as_of=totals.end, horizon_days=horizon_days, **options).fit(totals, as_of=totals.end)


def day(number: int) -> date:
    return START + timedelta(days=number)


def test_a_steady_record_goes_on_in_every_region():
    level = fitted(simulated(seed=1, n_days=1000))

    assert level.expected(30) == pytest.approx(30 * 20.0 * SHARES, rel=0.12)
    assert level.expected(30).sum() == pytest.approx(600.0, rel=0.05)


@pytest.mark.parametrize("horizon_days", [7, 30, 90])
def test_regions_sum_to_the_territory_exactly(horizon_days):
    level = fitted(simulated(seed=2, n_days=500), horizon_days)

    assert level.territory_interval(horizon_days).expected.tolist() == [level.expected(horizon_days).sum()]
    assert level.interval(horizon_days).expected.tolist() == level.expected(horizon_days).tolist()
    assert level.shares.sum() == pytest.approx(1.0, rel=1e-12)


@settings(max_examples=15, deadline=None)
@given(later=st.integers(0, 2**32 - 1), as_of=st.integers(20, 799), horizon_days=st.sampled_from([7, 30, 90]))
def test_nothing_on_or_after_as_of_moves_a_number(later, as_of, horizon_days):
    rng = np.random.default_rng(later)
    before = simulated(seed=3, n_days=800, per_day=5.0)
    counts = before.counts.copy()
    counts[:, as_of:] = rng.poisson(rng.uniform(0.0, 50.0), size=counts[:, as_of:].shape)
    is_recorded = np.ones(800, dtype=np.bool_)
    is_recorded[as_of:] = rng.random(800 - as_of) < 0.5
    after = DailyTotals(counts=counts, start=START, is_recorded=is_recorded)

    models = [tune_level(totals, as_of=day(as_of), horizon_days=horizon_days) for totals in (before, after)]

    first, second = (model.fit(totals, as_of=day(as_of)) for model, totals in zip(models, (before, after), strict=True))
    assert models[0] == models[1]
    assert first.expected(horizon_days).tolist() == second.expected(horizon_days).tolist()
    assert first.interval(horizon_days).high.tolist() == second.interval(horizon_days).high.tolist()
    assert first.territory_interval(horizon_days).low == second.territory_interval(horizon_days).low


def test_a_day_before_as_of_does_move_the_forecast():
    totals = simulated(seed=3, n_days=400)
    counts = totals.counts.copy()
    counts[:, -1] += 50

    moved = fitted(DailyTotals(counts=counts, start=START)).expected(30)

    assert (moved > fitted(totals).expected(30)).all()


def test_a_growing_offence_is_forecast_higher_than_its_decayed_mean():
    growth = 0.5 / 365
    totals = simulated(seed=4, n_days=1100, factor=np.exp(growth * np.arange(1100)))
    true = 20.0 * np.exp(growth * np.arange(1100, 1190)).sum()

    expected = fitted(totals, 90).expected(90).sum()

    weight = 0.5 ** (np.arange(1100)[::-1] / 120)
    decayed_mean = 90 * totals.counts.sum(axis=0) @ weight / weight.sum()
    assert expected == pytest.approx(true, rel=0.06)
    assert decayed_mean < 0.9 * true


def test_one_wild_year_is_not_prolonged_without_end():
    totals = simulated(
        seed=5, n_days=730, factor=np.where(np.arange(730) < 500, 1.0, np.exp((np.arange(730) - 500) / 90))
    )

    level = fitted(totals, 90)

    recent = 90 * totals.counts[:, -30:].sum() / 30
    assert level.expected(90).sum() < 2.5 * recent


def test_the_season_of_the_territory_moves_its_smallest_region():
    n_days = 5 * 365 + 1
    wave = np.exp(0.3 * np.sin(2 * np.pi * np.arange(n_days) / 365.25))
    totals = simulated(seed=6, n_days=n_days, factor=wave, shares=np.array([0.97, 0.03]))

    spring, autumn = (
        tune_level(totals, as_of=when, horizon_days=30).fit(totals, as_of=when).expected(30)
        for when in (date(2024, 3, 15), date(2024, 9, 15))
    )

    assert spring / autumn == pytest.approx([np.exp(0.6)] * 2, rel=0.2)


def test_a_week_with_a_holiday_differs_from_one_without():
    holidays = frozenset(day(number) for number in range(10, 1200, 20))
    factor = np.where(np.isin(np.arange(1000), np.arange(10, 1000, 20)), 3.0, 1.0)
    totals = simulated(seed=7, n_days=1000, factor=factor)

    with_holidays = tune_level(totals, as_of=day(990), horizon_days=7, holidays=holidays)

    quiet, busy = (with_holidays.fit(totals, as_of=day(number)).expected(7).sum() for number in (981, 989))
    assert busy / quiet == pytest.approx(9 / 7, rel=0.1)


def test_the_days_of_a_short_horizon_carry_their_weekdays():
    weekend = np.where((START.weekday() + np.arange(800)) % 7 >= 5, 2.0, 1.0)
    totals = simulated(seed=8, n_days=800, factor=weekend)
    model = LevelModel(horizon_days=2)
    saturday = next(number for number in range(700, 707) if day(number).weekday() == 5)

    ahead = [model.fit(totals, as_of=day(saturday + shift)).expected(2).sum() for shift in (0, 2)]

    assert ahead[0] / ahead[1] == pytest.approx(2.0, rel=0.1)


def test_one_incident_gives_a_small_forecast_and_a_wide_interval():
    counts = np.zeros((4, 30), dtype=np.int64)
    counts[1, 12] = 1
    totals = DailyTotals(counts=counts, start=START)

    level = fitted(totals)

    whole = level.territory_interval(30)
    assert 0.5 < float(whole.expected[0]) < 3.0
    assert (whole.low[0], level.interval(30).low.max()) == (0, 0)
    assert whole.high[0] >= 4
    assert level.expected(30).argmax() == 1
    assert (level.expected(30) > 0.0).all()


def test_thirty_days_of_record_say_less_than_three_years():
    short, long = (fitted(simulated(seed=9, n_days=n_days, per_day=5.0)) for n_days in (30, 1095))

    widths = [
        float((whole.high - whole.low)[0] / whole.expected[0])
        for whole in (level.territory_interval(30) for level in (short, long))
    ]
    assert widths[0] > 1.5 * widths[1]
    assert short.expected(30).sum() == pytest.approx(150.0, rel=0.25)


def test_no_incident_at_all_gives_less_than_one_and_still_an_interval():
    level = fitted(DailyTotals(counts=np.zeros((3, 400), dtype=np.int64), start=START))

    assert 0.0 < level.expected(30).sum() < 0.1
    assert level.expected(30) == pytest.approx(np.full(3, level.expected(30)[0]))
    assert level.interval(30).high.max() <= 1


def test_a_record_of_one_day_gets_an_answer():
    level = fitted(DailyTotals(counts=np.array([[3]]), start=START))

    assert level.expected(30).sum() == pytest.approx(90.0, rel=0.3)
    assert level.territory_interval(30).low[0] < 25


def test_a_gap_of_months_is_not_read_as_zero():
    counts = simulated(seed=10, n_days=900).counts
    counts[:, 700:890] = 0
    is_recorded = np.ones(900, dtype=np.bool_)
    is_recorded[700:890] = False

    told = fitted(DailyTotals(counts=counts, start=START, is_recorded=is_recorded))
    untold = fitted(DailyTotals(counts=counts, start=START))

    assert told.expected(30).sum() == pytest.approx(600.0, rel=0.08)
    assert untold.expected(30).sum() < 450.0
    whole = told.territory_interval(30)
    assert whole.low[0] > 450


def test_a_gap_up_to_as_of_leaves_the_level_before_it():
    counts = simulated(seed=11, n_days=900).counts
    is_recorded = np.arange(900) < 780
    counts[:, 780:] = 0

    level = fitted(DailyTotals(counts=counts, start=START, is_recorded=is_recorded), 90)

    assert level.expected(90).sum() == pytest.approx(1800.0, rel=0.1)


def test_an_offence_that_has_stopped_falls_and_stays_above_nothing():
    totals = simulated(seed=12, n_days=1200, factor=np.arange(1200) < 700)

    level = fitted(totals)

    assert (level.expected(30) > 0.0).all()
    assert level.expected(30).sum() < 6.0


def test_all_incidents_on_one_day_give_finite_numbers():
    counts = np.zeros((4, 500), dtype=np.int64)
    counts[2, 250] = 1000
    totals = DailyTotals(counts=counts, start=START)

    level = fitted(totals)

    whole = level.territory_interval(30)
    assert np.isfinite(level.expected(30)).all()
    assert 0.0 < float(whole.expected[0]) < 400.0
    assert whole.low[0] <= whole.high[0]


def test_a_region_without_incidents_expects_some_but_fewer_than_the_others():
    totals = simulated(seed=13, n_days=700, shares=np.array([0.6, 0.4, 0.0]))

    expected = fitted(totals).expected(30)

    assert 0.0 < expected[2] < 0.05 * expected[1]


def test_intervals_hold_what_they_promise_where_the_level_wanders():
    rng = np.random.default_rng(14)
    held: dict[str, list[float]] = {"regions": [], "territory": []}
    for _ in range(4):
        wander = np.exp(np.cumsum(rng.normal(0.0, 0.004, size=1800)))
        totals = DailyTotals(counts=rng.poisson(15.0 * wander * np.repeat(SHARES / 5, 5)[:, None]), start=START)
        for number in range(1300, 1770, 60):
            model = tune_level(totals, as_of=day(number), horizon_days=30)
            level = model.fit(totals, as_of=day(number))
            count = totals.read(day(number), day(number + 30))[0].astype(np.int64)
            held["regions"] += model.region_spread.coverage(level.expected(30), count).tolist()
            total = model.territory_spread.coverage(level.expected(30).sum(keepdims=True), count.sum(keepdims=True))
            held["territory"] += total.tolist()

    assert np.mean(held["regions"]) == pytest.approx(0.9, abs=0.04)
    assert np.mean(held["territory"]) == pytest.approx(0.9, abs=0.12)


def test_a_wider_level_holds_the_narrower_interval():
    level = fitted(simulated(seed=15, n_days=900))

    narrow, wide = level.interval(30, level=0.5), level.interval(30, level=0.95)

    assert (wide.low <= narrow.low).all()
    assert (wide.high > narrow.high).all()


def test_an_interval_for_another_horizon_is_refused():
    level = fitted(simulated(seed=16, n_days=400), 30)

    with pytest.raises(UndefinedMetric, match="learnt for 30 days and asked for 90"):
        level.interval(90)
    assert level.expected(90).sum() == pytest.approx(3 * level.expected(30).sum(), rel=0.15)


def test_an_as_of_before_the_record_is_refused():
    totals = simulated(seed=17, n_days=50)

    with pytest.raises(TooLittleHistory, match="choose a later as_of"):
        tune_level(totals, as_of=START, horizon_days=30)
    with pytest.raises(TooLittleHistory, match="choose a later as_of"):
        LevelModel(horizon_days=30).fit(totals, as_of=START)


def test_a_short_record_leaves_the_defaults_and_says_so():
    model = tune_level(simulated(seed=18, n_days=20), as_of=day(20), horizon_days=30)

    assert model == LevelModel(horizon_days=30)
    assert (model.n_windows, model.territory_spread) == (0, UNKNOWN_SPREAD)


def test_a_model_is_plain_data():
    totals = simulated(seed=19, n_days=800)
    model = tune_level(totals, as_of=totals.end, horizon_days=30, holidays={date(2022, 1, 1), date(2022, 3, 8)})

    again = LevelModel.from_data(json.loads(json.dumps(model.to_data())))

    assert again == model
    assert again.fit(totals, as_of=totals.end).expected(30).tolist() == (
        model.fit(totals, as_of=totals.end).expected(30).tolist()
    )


def deviance(observed: NDArray[np.float64], expected: NDArray[np.float64]) -> float:
    return float(2.0 * (special.xlogy(observed, observed / expected) - observed + expected).mean())


@pytest.fixture(scope="module")
def chicago() -> DailyTotals:
    if not CHICAGO.exists():
        pytest.skip("../shared/data is absent: no Chicago incidents to test on")
    rows = pl.read_parquet(CHICAGO).unique(["occurred_at", "lat", "lon"], maintain_order=True)
    offset = (rows["occurred_at"].dt.date() - date(2010, 1, 1)).dt.total_days().to_numpy()
    names, number = np.unique(rows["district"].to_numpy(), return_inverse=True)
    n_days = (date(2018, 8, 1) - date(2010, 1, 1)).days
    place = (number * n_days + offset)[offset < n_days]
    counts = np.bincount(place, minlength=names.size * n_days).reshape(names.size, n_days)
    return DailyTotals(counts=counts, start=date(2010, 1, 1))


def long_run_mean(known: NDArray[np.int64], horizon_days: int) -> NDArray[np.float64]:
    return known.sum(axis=1) * (horizon_days / known.shape[1])


def last_period(known: NDArray[np.int64], horizon_days: int) -> NDArray[np.float64]:
    return known[:, -horizon_days:].sum(axis=1) + 1e-3


def same_days_last_year(known: NDArray[np.int64], horizon_days: int) -> NDArray[np.float64]:
    return known[:, -365:][:, :horizon_days].sum(axis=1) + 1e-3


def decayed_mean(known: NDArray[np.int64], horizon_days: int) -> NDArray[np.float64]:
    weight = 0.5 ** (np.arange(known.shape[1])[::-1] / 120)
    return known @ weight * (horizon_days / weight.sum())


NAIVE: tuple[Callable[[NDArray[np.int64], int], NDArray[np.float64]], ...] = (
    long_run_mean,
    last_period,
    same_days_last_year,
    decayed_mean,
)


@pytest.mark.parametrize(("year", "horizon_days"), [(2017, 30), (2018, 30), (2018, 90)])
def test_on_real_assaults_the_level_beats_naive_forecasts_and_is_calibrated(chicago, year, horizon_days):
    windows = rolling_windows(chicago.start, date(year, 8, 1), horizon_days=horizon_days)
    model = tune_level(chicago, as_of=windows[0].start, horizon_days=horizon_days)

    known = [chicago.before(window.start) for window in windows]
    observed = np.array([chicago.read(window.start, window.end)[0] for window in windows])
    expected = np.array([model.fit(then, as_of=then.end).expected(horizon_days) for then in known])
    naive = [np.array([forecast(then.counts, horizon_days) for then in known]) for forecast in NAIVE]

    assert 0.92 <= observed.sum() / expected.sum() <= 1.08
    assert deviance(observed, expected) < min(deviance(observed, other) for other in naive)
    assert deviance(observed.sum(axis=1), expected.sum(axis=1)) < min(
        deviance(observed.sum(axis=1), other.sum(axis=1)) for other in naive
    )
    held = model.region_spread.coverage(expected.ravel(), observed.ravel().astype(np.int64))
    assert 0.86 <= held.mean() <= 0.94
