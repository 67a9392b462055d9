"""How much will happen in all: the level of a territory's incidents, apart from where they happen.

The recent level is a decayed mean of daily counts; it goes on along half of its trend, and swings with the season of
the year once two years are on record. The settings are fixed: tuning them for each record did worse on the next year,
since one year holds a dozen windows.

References
----------
Holt (2004), International Journal of Forecasting 20, 5-10 (decayed means and trends).
Gardner & McKenzie (1985), Management Science 31, 1237-1246 (why a trend is damped).
"""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from models.history import History
from models.risk_model import FittedRisk, RiskModel

HALF_LIFE_DAYS = 120.0
SLOW_HALF_LIVES = 4.0
"""The trend is the decayed mean against one that forgets this many times slower."""
TREND_SHARE = 0.5
MOST_CHANGE = 2.0
"""No trend doubles or halves a level within one forecast."""
YEAR_DAYS = 365
LEAST_SEASON_DAYS = 2 * YEAR_DAYS
SEASON_PENALTY = 20.0
"""Incidents' worth of no season: a rare offence shows none."""
LEAST_SEASON = 0.3
LEAST_PER_DAY = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedLevel:
    """Expected total of one territory.

    Attributes
    ----------
    per_day : the level on ``as_of``, season apart
    growth_per_day : of its logarithm
    season : weights of the yearly waves, see `_waves`
    """

    as_of: date
    per_day: float
    mean_age_days: float
    growth_per_day: float
    season: NDArray[np.float64]

    def expected_total(self, horizon_days: int) -> float:
        """Mean count of all incidents over the ``horizon_days`` from ``as_of``; above 0."""
        ahead_days = self.mean_age_days + horizon_days / 2
        change = np.clip(np.exp(TREND_SHARE * self.growth_per_day * ahead_days), 1 / MOST_CHANGE, MOST_CHANGE)
        return float(self.per_day * change * _season(self.as_of, 0, horizon_days, self.season).sum())


def fit_level(history: History, *, as_of: date) -> FittedLevel:
    """Level of the incidents of a history on its support; days on and after ``as_of`` are not looked at."""
    known = history.before(as_of)
    daily = np.bincount(known.day, minlength=known.n_days).astype(np.float64)
    season = _learnt_season(daily, known.start)
    level = daily / _season(known.start, 0, known.n_days, season)
    age_days = np.arange(known.n_days - 1, -1, -1, dtype=np.float64)
    fast, slow = (0.5 ** (age_days / half_life) for half_life in (HALF_LIFE_DAYS, SLOW_HALF_LIVES * HALF_LIFE_DAYS))
    fast_mean, slow_mean = (max(LEAST_PER_DAY, float(w @ level / w.sum())) for w in (fast, slow))
    fast_age, slow_age = (float(w @ age_days / w.sum()) for w in (fast, slow))
    # A record hardly longer than the decay shows a level, no trend.
    has_trend = known.n_days >= YEAR_DAYS
    return FittedLevel(
        as_of=min(as_of, known.end),
        per_day=fast_mean,
        mean_age_days=fast_age,
        growth_per_day=float(np.log(fast_mean / slow_mean) / (slow_age - fast_age)) if has_trend else 0.0,
        season=season,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedAtLevel:
    """A model of places whose total is that of the level, at every horizon."""

    place: FittedRisk
    level: FittedLevel

    def expected_incidents(self, horizon_days: int) -> NDArray[np.float64]:
        expected = self.place.expected_incidents(horizon_days)
        return np.asarray(expected * (self.level.expected_total(horizon_days) / expected.sum()), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AtLevel:
    """Any model of places, lifted to the level of the territory: cells, and so regions, sum to it."""

    place: RiskModel
    name: str = "stacked"

    def fit(self, history: History, *, as_of: date) -> FittedAtLevel:
        return FittedAtLevel(place=self.place.fit(history, as_of=as_of), level=fit_level(history, as_of=as_of))


def _learnt_season(daily: NDArray[np.float64], start: date) -> NDArray[np.float64]:
    """Weights of the yearly waves; zero where two years are not on record.

    A day is held against the mean of the year around it, so that growth does not pass for a season.
    """
    if daily.size < LEAST_SEASON_DAYS:
        return np.zeros(4)
    total = np.concatenate([[0.0], np.cumsum(daily)])
    first = np.clip(np.arange(daily.size) - YEAR_DAYS // 2, 0, daily.size - YEAR_DAYS)
    usual = (total[first + YEAR_DAYS] - total[first]) / YEAR_DAYS
    waves = _waves(start, 0, daily.size)
    weights = np.linalg.solve(
        (waves * usual[:, None]).T @ waves + SEASON_PENALTY * np.eye(waves.shape[1]), waves.T @ (daily - usual)
    )
    return np.asarray(weights, dtype=np.float64)


def _season(start: date, first: int, last: int, weights: NDArray[np.float64]) -> NDArray[np.float64]:
    """Factor of each day from ``start + first`` to before ``start + last``."""
    return np.maximum(LEAST_SEASON, 1.0 + _waves(start, first, last) @ weights)


def _waves(start: date, first: int, last: int) -> NDArray[np.float64]:
    """Waves of a year and of half a year, array of shape (n_days, 4)."""
    days = np.datetime64(start, "D") + np.arange(first, last)
    day_of_year = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.float64)
    angle = 2.0 * np.pi * day_of_year / 365.25
    return np.column_stack([np.cos(angle), np.sin(angle), np.cos(2 * angle), np.sin(2 * angle)])
