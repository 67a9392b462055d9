"""How well the level of a territory and of its areas is forecast, beside simpler ones, on the cities of the benchmark.

Run from the repository: ``python scripts/bench_level.py [--data FOLDER] [--only CASE …]``. Real incidents are not part
of the repository: where ``FOLDER`` lacks them, their cases are left out, and it is said. The made-up city is simulated.
Windows lie side by side over up to three years, with two years of record before the first; they start on all days of
the month, since those of `models.windows` meet the first of a month with almost every week. Where only months are
known, windows start on firsts of months and weeks are left out. Areas are cells of resolution 6, in the made-up city
its districts; the places are those of ``eb``, tuned before the first window. ``gain`` is what `models.level` gains in
Poisson deviance over each rival in a window, with its standard error; all groups of a city in one window count as one.
"""

import argparse
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from bench_risk_model import CITIES, DATA, City  # noqa: E402

from models import backtest, shrinkage  # noqa: E402
from models.history import History, start_of_record  # noqa: E402
from models.kernels import Kernels  # noqa: E402
from models.level import AtLevel  # noqa: E402
from riskmap.pipeline.level_areas import level_areas  # noqa: E402

STEP_DAYS = {7: 23, 30: 37, 90: 97}
"""From window to window, for each horizon: no divisor of a week, a month or a year."""
MOST_TEST_DAYS = 3 * 365
LEAST_TRAINING_DAYS = 2 * 365
YEAR_DAYS = 365
MONTH_ONLY = "Greater Manchester"

HALF_LIFE_DAYS = 120.0
SEASON_PENALTY = 20.0

Daily = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Found:
    """Forecasts of one case: arrays of shape (n_windows, n_areas) by method, and what came."""

    starts: list[date]
    observed: NDArray[np.float64]
    expected: dict[str, NDArray[np.float64]]


def mean_of_last_year(daily: Daily, start: date, horizon_days: int) -> float:
    return float(daily[-YEAR_DAYS:].mean()) * horizon_days


def same_days_last_year(daily: Daily, start: date, horizon_days: int) -> float:
    """Last year's days, carried on by half of the change between the last two years."""
    if daily.size < 2 * YEAR_DAYS:
        return mean_of_last_year(daily, start, horizon_days)
    before, last = daily[-2 * YEAR_DAYS : -YEAR_DAYS], daily[-YEAR_DAYS:]
    change = np.sqrt((last.sum() + 1.0) / (before.sum() + 1.0))
    return float(max(0.5, last[:horizon_days].sum()) * change)


def decayed_mean(daily: Daily, start: date, horizon_days: int, *, trend_share: float = 0.5) -> float:
    """Decayed mean with part of its trend and two yearly waves: the level that was served before."""
    season = _learnt_waves(daily, start)
    age_days = np.arange(daily.size - 1, -1, -1, dtype=np.float64)
    level = daily / _season(start, 0, daily.size, season)
    fast, slow = (0.5 ** (age_days / half_life) for half_life in (HALF_LIFE_DAYS, 4 * HALF_LIFE_DAYS))
    fast_mean, slow_mean = (max(1e-6, float(w @ level / w.sum())) for w in (fast, slow))
    fast_age, slow_age = (float(w @ age_days / w.sum()) for w in (fast, slow))
    growth = float(np.log(fast_mean / slow_mean) / (slow_age - fast_age)) if daily.size >= YEAR_DAYS else 0.0
    change = np.clip(np.exp(trend_share * growth * (fast_age + horizon_days / 2)), 0.5, 2.0)
    return float(fast_mean * change * _season(start, daily.size, daily.size + horizon_days, season).sum())


def decayed_mean_without_trend(daily: Daily, start: date, horizon_days: int) -> float:
    return decayed_mean(daily, start, horizon_days, trend_share=0.0)


RIVALS: dict[str, Callable[[Daily, date, int], float]] = {
    "mean of last year": mean_of_last_year,
    "same days last year": same_days_last_year,
    "decayed, no trend": decayed_mean_without_trend,
    "decayed, half trend": decayed_mean,
}
SERVED, PLACES, TERRITORY = "level", "eb", "level, one area"


def window_starts(city: City, start: date, horizon_days: int) -> list[date]:
    """First days of the windows of a case."""
    record_days = (city.as_of - start).days
    span_days = min(MOST_TEST_DAYS, max(record_days - LEAST_TRAINING_DAYS, min(YEAR_DAYS, record_days // 2)))
    first = city.as_of - timedelta(days=span_days)
    numbers = range(1 + (span_days - horizon_days) // STEP_DAYS[horizon_days])
    starts = [first + timedelta(days=STEP_DAYS[horizon_days] * number) for number in numbers]
    return sorted({day.replace(day=1) for day in starts}) if city.name == MONTH_ONLY else starts


def cases(city: City) -> Iterator[tuple[str, int, Found]]:
    """Forecasts of each category and horizon of a city."""
    cell, day = city.incidents["cell"].to_numpy(), city.incidents["occurred_on"]
    start = start_of_record(day)
    horizons = [days for days in STEP_DAYS if days >= 30 or city.name != MONTH_ONLY]
    first = min(window_starts(city, start, days)[0] for days in horizons)
    kernels = Kernels(backtest.support_cells(cell, day, before=first))
    area_of_cell = level_areas(kernels.cells, city.places)
    for kind in city.categories:
        own = city.incidents.filter(pl.col("category") == kind)
        history = History.from_incidents(
            own["cell"].to_numpy(), own["occurred_on"], cells=kernels.cells, start=start, end=city.as_of
        )
        model = AtLevel(
            place=shrinkage.tune(history.before(first), as_of=first, horizon_days=30, kernels=kernels),
            area_of_cell=area_of_cell,
        )
        for horizon_days in horizons:
            yield kind, horizon_days, forecasts(model, history, window_starts(city, start, horizon_days), horizon_days)


def forecasts(model: AtLevel, history: History, starts: list[date], horizon_days: int) -> Found:
    """What every method expects of each area in each window."""
    assert model.area_of_cell is not None
    expected: dict[str, list[NDArray[np.float64]]] = {}
    observed = []
    for start in starts:
        known = history.before(start)
        fitted = model.fit(known, as_of=start)
        places = np.bincount(model.area_of_cell, weights=fitted.place.expected_incidents(horizon_days))
        total = fitted.level.expected_total(horizon_days)
        daily = np.bincount(known.day, minlength=known.n_days).astype(np.float64)
        found = {SERVED: fitted.area_totals(horizon_days), TERRITORY: places * total / places.sum(), PLACES: places}
        for name, rival in RIVALS.items():
            found[name] = found[SERVED] * (rival(daily, history.start, horizon_days) / total)
        for name, values in found.items():
            expected.setdefault(name, []).append(values)
        counts = history.counts(start, start + timedelta(days=horizon_days))
        observed.append(np.bincount(model.area_of_cell, weights=counts, minlength=places.size))
    return Found(
        starts=starts,
        observed=np.stack(observed),
        expected={name: np.stack(values) for name, values in expected.items()},
    )


def deviance(observed: NDArray[np.float64], expected: NDArray[np.float64]) -> NDArray[np.float64]:
    """Poisson deviance of each window: arrays of shape (n_windows, n_areas), summed over the areas."""
    each = 2.0 * (special.xlogy(observed, observed / np.maximum(expected, 1e-12)) - observed + expected)
    return np.asarray(each.sum(axis=1))


def gains(found: Found, name: str, *, by_area: bool) -> NDArray[np.float64]:
    """What the served level gains over a method in each window: in the total, or in the areas."""

    def of(method: str) -> NDArray[np.float64]:
        expected, observed = found.expected[method], found.observed
        if not by_area:
            expected, observed = expected.sum(axis=1, keepdims=True), observed.sum(axis=1, keepdims=True)
        return deviance(observed, expected)

    return of(name) - of(SERVED)


def told(values: NDArray[np.float64]) -> str:
    error = values.std(ddof=1) / np.sqrt(values.size) if values.size > 1 else float("nan")
    return f"{round(values.mean(), 2) + 0.0:+9.2f} ({error:.2f})"


def show(title: str, found: Found) -> None:
    """One case as a table."""
    print(
        f"\n{title}, {len(found.starts)} windows, {found.observed.shape[1]} areas, {found.observed.sum():.0f} incidents"
    )
    print(f"{'':22}{'deviance':>10}{'obs/exp':>9}{'gain, total':>19}{'gain, areas':>19}")
    for name, expected in found.expected.items():
        whole = deviance(found.observed.sum(axis=1, keepdims=True), expected.sum(axis=1, keepdims=True)).mean()
        line = f"{name:22}{whole:10.2f}{found.observed.sum() / expected.sum():9.2f}"
        if name != SERVED:
            line += f"{told(gains(found, name, by_area=False)):>19}{told(gains(found, name, by_area=True)):>19}"
        print(line, flush=True)


def show_pooled(every: dict[tuple[str, str, int], Found]) -> None:
    """Gains over all cities; groups of one city share their windows and count as one."""
    print(f"\nAll cases{'':14}{'windows':>8}{'gain, total':>19}{'gain, areas':>19}")
    for horizon_days in STEP_DAYS:
        for name in (*RIVALS, PLACES, TERRITORY):
            pooled = []
            for by_area in (False, True):
                sums: dict[tuple[str, date], float] = {}
                for (city, _, days), found in every.items():
                    if days == horizon_days:
                        for start, gain in zip(found.starts, gains(found, name, by_area=by_area), strict=True):
                            sums[city, start] = sums.get((city, start), 0.0) + float(gain)
                pooled.append(np.array(list(sums.values())))
            if pooled[0].size:
                columns = "".join(f"{told(values):>19}" for values in pooled)
                print(f"{horizon_days:>3} days {name:20}{pooled[0].size:>3}{columns}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER")
    parser.add_argument("--only", nargs="+", choices=CITIES, metavar="CASE")
    options = parser.parse_args()
    every: dict[tuple[str, str, int], Found] = {}
    for name in options.only or CITIES:
        city = CITIES[name](options.data)
        if city is None:
            print(f"{name}: left out, its incidents are not in {options.data.name}", file=sys.stderr)
            continue
        for kind, horizon_days, found in cases(city):
            every[city.name, kind, horizon_days] = found
            show(f"{city.name}: {kind}, {horizon_days} days", found)
    show_pooled(every)


def _learnt_waves(daily: Daily, start: date) -> NDArray[np.float64]:
    """Weights of the yearly waves; zero where two years are not on record."""
    if daily.size < 2 * YEAR_DAYS:
        return np.zeros(4)
    total = np.concatenate([[0.0], np.cumsum(daily)])
    first = np.clip(np.arange(daily.size) - YEAR_DAYS // 2, 0, daily.size - YEAR_DAYS)
    usual = (total[first + YEAR_DAYS] - total[first]) / YEAR_DAYS
    waves = _waves(start, 0, daily.size)
    return np.asarray(
        np.linalg.solve((waves * usual[:, None]).T @ waves + SEASON_PENALTY * np.eye(4), waves.T @ (daily - usual))
    )


def _season(start: date, first: int, last: int, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.maximum(0.3, 1.0 + _waves(start, first, last) @ weights)


def _waves(start: date, first: int, last: int) -> NDArray[np.float64]:
    """Waves of a year and of half a year, array of shape (n_days, 4)."""
    days = np.datetime64(start, "D") + np.arange(first, last)
    angle = 2.0 * np.pi * (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.float64) / 365.25
    return np.column_stack([np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)])


if __name__ == "__main__":
    main()
