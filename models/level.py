"""How much will happen in all, and in each area: the level of a territory's incidents, apart from where they happen.

The logarithm of the rate is a Gaussian process over blocks of days: a level that wanders, a season that returns, and
blocks that stand out by themselves. How far each goes is not set: candidates are weighed by how likely they make the
record, so a thin record shows neither wander nor season, and a young one no season. There is no trend beyond the
wander: where growth is real, the wander has followed it, and carrying it on did worse.

Where nobody knows the day, records often say the first of the month, or 1 January. Such days have factors of their own:
a week that holds one would be forecast 10 % too low in some cities.

An area's part of the level is its own decayed count, pulled towards what the places of the area would have by
themselves: places are learnt from years, areas change within months.

References
----------
Rasmussen & Williams (2006), Gaussian Processes for Machine Learning, sections 2.7, 5.2 and 5.4.
Gross & Sohl (1990), Journal of Forecasting 9, 233-254 (shares of a total).
"""

from dataclasses import dataclass, field
from datetime import date
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import linalg

from models.errors import MismatchedSupport
from models.history import History
from models.kernels import Kernels
from models.risk_model import FittedRisk, RiskModel, Tune

BLOCK_DAYS = 30
LEAST_BLOCKS = 4
"""A record too short for so many blocks is cut into shorter ones."""
YEAR_DAYS = 365.25
WANDERS = (0.01, 0.02, 0.04, 0.08, 0.16, 0.32)
"""Candidate steps of the log level within 30 days."""
SEASONS = (0.0, 0.03, 0.06, 0.12, 0.24)
"""Candidate swings of the season, on the log scale."""
ROUGHNESS = 0.05
"""How far a single block commonly lies beside level and season, on the log scale, chance apart."""
SEASON_WIDTH = 1.0
"""Width of the periodic kernel: months next to each other are alike, opposite ones are not."""
LEVEL_VARIANCE = 4.0
LEAST_SEASON_DAYS = 1.5 * YEAR_DAYS
"""Before half a year has come round again, a season cannot be told from a wander."""
SMOOTHING_DAYS = 90.0
LEAST_INCIDENTS = 0.5

FIRST_OF_MONTH, NEW_YEAR = 1, 2
DATE_PULL = np.array([200.0, 50.0, 25.0])
"""Incidents that "no effect" is worth for ordinary days, firsts of months and 1 January."""
USUAL_DAYS = 61
"""Days around a day that say what was usual then."""

AREA_HALF_LIFE_DAYS = 365.0
AREA_PULL_INCIDENTS = 1000.0
"""How many incidents of the whole territory the pull towards the places' own shares is worth."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedLevel:
    """Expected total of one territory. Plain data.

    Attributes
    ----------
    start, as_of : first day on record, and the day forecasts start on
    date_factors : array of shape (3,), factors of ordinary days, firsts of months and 1 January
    middles : array of shape (n_blocks,), days since ``start``
    centre : mean logarithm of the rate
    candidates : array of shape (n_candidates, 2), wander and season of each
    weights : array of shape (n_candidates,), how much each counts; they sum to 1
    coefficients : array of shape (n_candidates, n_blocks), of the kernel
    """

    start: date
    as_of: date
    date_factors: NDArray[np.float64]
    middles: NDArray[np.float64]
    centre: float
    candidates: NDArray[np.float64]
    weights: NDArray[np.float64]
    coefficients: NDArray[np.float64]

    def expected_total(self, horizon_days: int) -> float:
        """Mean count of all incidents over the ``horizon_days`` from ``as_of``; above 0."""
        first = (self.as_of - self.start).days
        ends = np.linspace(0, horizon_days, 1 + -(-horizon_days // BLOCK_DAYS)).astype(np.int64)
        worth = self.date_factors[_date_kinds(self.as_of, horizon_days)]
        due = np.add.reduceat(worth, ends[:-1])
        ahead = first + (ends[1:] + ends[:-1] - 1) / 2
        log_rates = [
            self.centre + _kernel(ahead, self.middles, wander, season) @ coefficients
            for (wander, season), coefficients in zip(self.candidates, self.coefficients, strict=True)
        ]
        return float(self.weights @ np.exp(np.stack(log_rates)) @ due)


def fit_level(history: History, *, as_of: date) -> FittedLevel:
    """Level of the incidents of a history on its support; days on and after ``as_of`` are not looked at."""
    known = history.before(as_of)
    daily = np.bincount(known.day, minlength=known.n_days).astype(np.float64)
    date_factors = _date_factors(daily, known.start)
    middles, counts, due = _blocks(daily, date_factors[_date_kinds(known.start, known.n_days)])

    # One step of Newton's from a smoothed rate: the logarithm of a block without incidents would say nothing.
    near = np.exp(-np.abs(middles[:, None] - middles) / SMOOTHING_DAYS)
    long_run = (counts.sum() + LEAST_INCIDENTS) / due.sum()
    smooth = (near @ counts + LEAST_INCIDENTS) / (near @ due + LEAST_INCIDENTS / long_run)
    expected = smooth * due
    working = np.log(smooth) + counts / expected - 1.0
    centre = float(np.average(working, weights=expected))

    seasons = SEASONS if known.n_days >= LEAST_SEASON_DAYS else SEASONS[:1]
    candidates = np.array(list(product(WANDERS, seasons)))
    likelihood, coefficients = np.empty(len(candidates)), np.empty((len(candidates), middles.size))
    for number, (wander, season) in enumerate(candidates):
        covariance = _kernel(middles, middles, wander, season) + np.diag(1.0 / expected + ROUGHNESS**2)
        factor = linalg.cho_factor(covariance, lower=True)
        coefficients[number] = linalg.cho_solve(factor, working - centre)
        likelihood[number] = -0.5 * (working - centre) @ coefficients[number] - np.log(np.diag(factor[0])).sum()
    weights = np.exp(likelihood - likelihood.max())
    return FittedLevel(
        start=known.start,
        as_of=known.end,
        date_factors=date_factors,
        middles=middles,
        centre=centre,
        candidates=candidates,
        weights=weights / weights.sum(),
        coefficients=coefficients,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedAtLevel:
    """A model of places whose cells sum to the level, in the territory and in each of its areas, at every horizon.

    Attributes
    ----------
    recent : array of shape (n_areas,), decayed count of each area
    """

    place: FittedRisk
    level: FittedLevel
    area_of_cell: NDArray[np.int64]
    recent: NDArray[np.float64]

    def area_totals(self, horizon_days: int) -> NDArray[np.float64]:
        """Expected incidents of each area, array of shape (n_areas,); their sum is what the level expects."""
        return self._totals(self._places(self.place.expected_incidents(horizon_days)), horizon_days)

    def expected_incidents(self, horizon_days: int) -> NDArray[np.float64]:
        expected = self.place.expected_incidents(horizon_days)
        places = self._places(expected)
        return np.asarray(expected * (self._totals(places, horizon_days) / places)[self.area_of_cell], dtype=np.float64)

    def _places(self, expected: NDArray[np.float64]) -> NDArray[np.float64]:
        sums = np.bincount(self.area_of_cell, weights=expected, minlength=self.recent.size)
        return sums.astype(np.float64)

    def _totals(self, places: NDArray[np.float64], horizon_days: int) -> NDArray[np.float64]:
        shares = self.recent + AREA_PULL_INCIDENTS * places / places.sum()
        return np.asarray(shares * (self.level.expected_total(horizon_days) / shares.sum()), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AtLevel:
    """Any model of places, lifted to the level of the territory and of its areas.

    Attributes
    ----------
    place : expects something above 0 of every area
    area_of_cell : int array of shape (n_cells,)
        Number of each cell's area, from 0 without gaps; the territory is one area where it is not given.
    """

    place: RiskModel
    area_of_cell: NDArray[np.int64] | None = field(default=None, repr=False)
    name: str = "stacked"

    def fit(self, history: History, *, as_of: date) -> FittedAtLevel:
        """Forecast as of that day; later days of ``history`` are not looked at.

        Raises
        ------
        MismatchedSupport
            If there is not one area for each cell, or a number is left out.
        """
        areas = np.zeros(history.n_cells, dtype=np.int64) if self.area_of_cell is None else self.area_of_cell
        if areas.shape != (history.n_cells,) or not np.array_equal(np.unique(areas), np.arange(areas.max() + 1)):
            raise MismatchedSupport(
                f"Areas have shape {areas.shape} for {history.n_cells} cells; give each cell one, numbered from 0 "
                "without gaps."
            )
        known = history.before(as_of)
        age_days = np.arange(known.n_days - 1, -1, -1, dtype=np.float64)
        decayed = known.weighted_counts(0.5 ** (age_days / AREA_HALF_LIFE_DAYS))
        return FittedAtLevel(
            place=self.place.fit(history, as_of=as_of),
            level=fit_level(history, as_of=as_of),
            area_of_cell=areas,
            recent=np.bincount(areas, weights=decayed).astype(np.float64),
        )


def at_level(tune: Tune, area_of_cell: NDArray[np.int64] | None = None) -> Tune:
    """How to tune a model of places that is then lifted; it keeps its name."""

    def tuned(history: History, *, as_of: date, horizon_days: int, kernels: Kernels) -> RiskModel:
        place = tune(history, as_of=as_of, horizon_days=horizon_days, kernels=kernels)
        return AtLevel(place=place, area_of_cell=area_of_cell, name=place.name)

    return tuned


def _kernel(
    middle: NDArray[np.float64], other: NDArray[np.float64], wander: float, season: float
) -> NDArray[np.float64]:
    """Covariance of log rates, array of shape (n_middle, n_other): level, wander and season."""
    apart = np.sin(np.pi * (middle[:, None] - other) / YEAR_DAYS)
    alike = np.exp(-2.0 * (apart / SEASON_WIDTH) ** 2)
    months = np.minimum(middle[:, None], other) / BLOCK_DAYS
    return np.asarray(LEVEL_VARIANCE + wander**2 * months + season**2 * alike, dtype=np.float64)


def _blocks(
    daily: NDArray[np.float64], worth: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Middle, incidents and usual days of each block; the last one ends with the record, days before the first go."""
    length = min(BLOCK_DAYS, max(1, daily.size // LEAST_BLOCKS))
    first = np.arange(daily.size % length, daily.size, length)
    middle = (first + (length - 1) / 2).astype(np.float64)
    return middle, np.add.reduceat(daily, first), np.add.reduceat(worth, first)


def _date_factors(daily: NDArray[np.float64], start: date) -> NDArray[np.float64]:
    """Factor of each kind of date on ordinary days, as far as the record can tell it from chance."""
    span = min(USUAL_DAYS, daily.size)
    total = np.concatenate([[0.0], np.cumsum(daily)])
    first = np.clip(np.arange(daily.size) - span // 2, 0, daily.size - span)
    # A day is held against the days around it, so that neither growth nor season passes for a date.
    usual = (total[first + span] - total[first]) / span
    kind = _date_kinds(start, daily.size)
    seen = np.bincount(kind, weights=daily, minlength=DATE_PULL.size)
    due = np.bincount(kind, weights=usual, minlength=DATE_PULL.size)
    factors = (seen + DATE_PULL) / (due + DATE_PULL)
    return np.asarray(factors / factors[0], dtype=np.float64)


def _date_kinds(start: date, n_days: int) -> NDArray[np.int64]:
    """Kind of each day from ``start``: 1 for the first of a month, 2 for 1 January, else 0."""
    days = np.datetime64(start, "D") + np.arange(n_days)
    is_first = days == days.astype("datetime64[M]").astype("datetime64[D]")
    is_new_year = days == days.astype("datetime64[Y]").astype("datetime64[D]")
    return np.where(is_new_year, NEW_YEAR, np.where(is_first, FIRST_OF_MONTH, 0)).astype(np.int64)
