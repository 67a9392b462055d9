"""Predictive intervals of counts that mean what they say, and intervals of rates.

A forecast names one number for each area; what comes scatters around it: by chance, because the rate of the area is
only estimated, and because whole cities have better and worse months. How much is learnt from past forecasts and what
came after them: counts of mean m get the variance m + a m + b m². Then the level is corrected: if intervals of 90 %
held 88 % in the past, slightly wider ones are given (conformal prediction).

What "holds 90 %" means. Counts are whole, so the interval of a quiet cell, 0 to 0, holds far more than 90 % and no
closed interval holds exactly that. Coverage is therefore judged *randomised at the ends*: an outcome strictly inside
counts whole, an outcome at an end counts with that share of its probability which 90 % still needed. By this rule a
right forecast covers 90 % in every area, however quiet. A planner reads the closed interval, which holds at least as
much; `Spread.chance_within` says how much for each area.

References
----------
Vovk, Gammerman & Shafer (2005), Algorithmic Learning in a Random World, chapter 2 (conformal correction).
Czado, Gneiting & Held (2009), Biometrics 65, 1254-1261 (calibration of predictions of counts).
Brown, Cai & DasGupta (2003), Statistica Sinica 13, 19-49 (Jeffreys intervals of Poisson rates).
"""

from dataclasses import dataclass
from datetime import date
from itertools import pairwise, product
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special, stats

from models.errors import MismatchedSupport, TooLittleHistory, UndefinedMetric
from models.history import History, days_later
from models.risk_model import RiskModel
from models.shrinkage import Interval
from models.windows import LEAST_STEP_DAYS, LEAST_TRAINING_DAYS, SPAN_DAYS, Window

PROPORTIONAL = (0.0, *np.geomspace(0.003, 3.0, 24).tolist())
QUADRATIC = (0.0, *np.geomspace(1e-4, 2.0, 40).tolist())
"""Candidates for a and b."""
NOMINAL_LEVELS = tuple(np.round(np.concatenate([np.arange(0.50, 0.90, 0.02), np.arange(0.90, 1.0, 0.005)]), 3).tolist())
LEARNING_DAYS = 2 * SPAN_DAYS
"""One year of forecasts is too few to tell a bad year from a wide spread, and the world of three years ago is gone."""
HALF_CORRECTED = 100.0
"""Past forecasts at which the correction of the level counts half: few cannot tell how thick the tails are."""
LEAST_EXTRA = 1e-6
"""Extra variance, as a share of the mean, that stands for none: the limit of the negative binomial is Poisson."""
BIN_WIDTH = 0.02
"""Forecasts within 2 % of each other are one when the spread is learnt; there may be millions."""
BANDS = (0.0, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, np.inf)
"""Borders of the bands of expected counts in `coverage_table`."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PastForecasts:
    """Forecasts and what came: arrays of shape (n_windows × n_areas,), one window after another."""

    expected: NDArray[np.float64]
    observed: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """How counts scatter around their forecasts, and which nominal level holds what. Plain data.

    Attributes
    ----------
    proportional, quadratic : a and b of the variance m + a m + b m²
    covered : what intervals of each of `NOMINAL_LEVELS` held in the past, randomised at the ends; ascending
    n_forecasts : past forecasts it was learnt from; 0 is an assumption, not a measurement
    """

    proportional: float
    quadratic: float
    covered: tuple[float, ...] = NOMINAL_LEVELS
    n_forecasts: int = 0

    def __post_init__(self) -> None:
        is_ascending = all(low <= high for low, high in zip(self.covered, self.covered[1:], strict=False))
        is_finite = np.isfinite([self.proportional, self.quadratic, *self.covered]).all()
        if len(self.covered) != len(NOMINAL_LEVELS) or not is_ascending or not is_finite:
            raise MismatchedSupport(
                f"covered holds {len(self.covered)} values; {len(NOMINAL_LEVELS)} ascending numbers are needed, one "
                "for each nominal level. Learn the spread anew with fit_spread."
            )
        if self.proportional < 0.0 or self.quadratic < 0.0:
            raise UndefinedMetric(
                f"The spread has a = {self.proportional} and b = {self.quadratic}; a variance is never below Poisson "
                "here. Learn the spread anew with fit_spread."
            )

    @classmethod
    def from_data(cls, data: dict[str, Any]) -> "Spread":
        """The spread that ``dataclasses.asdict`` wrote, also after a way through JSON."""
        return cls(**{**data, "covered": tuple(data["covered"])})

    def nominal(self, level: float) -> float:
        """Level to ask of the distribution so that intervals hold ``level``.

        Raises
        ------
        UndefinedMetric
            If ``level`` does not lie between 0.5 and 0.99.
        """
        _require_level(level)
        # Where coverage never reached the level, the widest nominal one is the most that was ever tried.
        return float(np.interp(level, self.covered, NOMINAL_LEVELS))

    def interval(self, expected: NDArray[np.float64], *, level: float = 0.9) -> Interval:
        """Equal-tailed interval of each area's count; both ends are included.

        Parameters
        ----------
        expected : array of shape (n_areas,), expected counts of the horizon the spread was learnt for
        level : share of outcomes the interval should hold, randomised at the ends; in [0.5, 0.99]

        Raises
        ------
        UndefinedMetric
            If a forecast is negative or not a number, or the level is out of range.
        """
        _require_forecast(expected)
        tail = (1.0 - self.nominal(level)) / 2
        return Interval(
            expected=expected, low=self._quantile(tail, expected), high=self._quantile(1.0 - tail, expected)
        )

    def chance_within(self, interval: Interval) -> NDArray[np.float64]:
        """Probability that each count lies in its closed interval, by this spread; array of shape (n_areas,)."""
        up_to_high = self._distribution(interval.expected, interval.high)
        return up_to_high - self._distribution(interval.expected, interval.low - 1)

    def coverage(
        self, expected: NDArray[np.float64], observed: NDArray[np.int64], *, level: float = 0.9
    ) -> NDArray[np.float64]:
        """Part of each outcome that its interval holds, randomised at the ends: 1 inside, 0 outside.

        The mean over many outcomes is the coverage, to be compared with ``level``.
        """
        _require_pairs(expected, observed)
        return _held(*self._jump(expected, observed), level=self.nominal(level))

    def _size_and_chance(self, expected: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        # Where nothing is expected any size will do: the count is 0.
        extra = np.maximum(self.proportional + self.quadratic * expected, LEAST_EXTRA)
        return np.where(expected > 0.0, expected, 1.0) / extra, 1.0 / (1.0 + np.where(expected > 0.0, extra, 0.0))

    def _distribution(self, expected: NDArray[np.float64], count: NDArray[np.int64]) -> NDArray[np.float64]:
        size, chance = self._size_and_chance(expected)
        return np.asarray(stats.nbinom.cdf(count, size, chance), dtype=np.float64)

    def _quantile(self, probability: float, expected: NDArray[np.float64]) -> NDArray[np.int64]:
        size, chance = self._size_and_chance(expected)
        return np.asarray(stats.nbinom.ppf(probability, size, chance), dtype=np.float64).astype(np.int64)

    def _jump(
        self, expected: NDArray[np.float64], observed: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Probability of fewer than the observed count, and of that count or fewer."""
        return self._distribution(expected, observed - 1), self._distribution(expected, observed)


UNKNOWN_SPREAD = Spread(proportional=0.1, quadratic=0.1)
"""Taken where no past forecast can be checked: for large counts about ± 30 % beyond chance."""


def fit_spread(past: PastForecasts) -> Spread:
    """How counts scattered around past forecasts of one offence group, horizon and kind of area.

    The likelihood is averaged over a and b, not maximised: a few windows cannot rule out a wider spread. Forecasts of
    nothing are passed over; without any other `UNKNOWN_SPREAD` is returned.

    Raises
    ------
    MismatchedSupport
        If there is not one count for each forecast.
    UndefinedMetric
        If a forecast or count is negative or not a number.
    """
    _require_pairs(past.expected, past.observed)
    is_possible = past.expected > 0.0
    if not is_possible.any():
        return UNKNOWN_SPREAD
    mean, count, times = _binned(past.expected[is_possible], past.observed[is_possible])
    candidates = list(product(PROPORTIONAL, QUADRATIC))
    log_likelihood = np.array([_log_likelihood(mean, count, times, a, b) for a, b in candidates])
    weight = np.exp(log_likelihood - log_likelihood.max())
    proportional, quadratic = weight @ np.array(candidates) / weight.sum()
    plain = Spread(proportional=float(proportional), quadratic=float(quadratic))
    jump = plain._jump(mean, count)
    held = np.array([np.average(_held(*jump, level=level), weights=times) for level in NOMINAL_LEVELS])
    n_forecasts = int(times.sum())
    trust = n_forecasts / (n_forecasts + HALF_CORRECTED)
    covered = trust * held + (1.0 - trust) * np.array(NOMINAL_LEVELS)
    return Spread(
        proportional=plain.proportional,
        quadratic=plain.quadratic,
        covered=tuple(np.maximum.accumulate(covered).tolist()),
        n_forecasts=n_forecasts,
    )


def learning_windows(start: date, as_of: date, *, horizon_days: int) -> tuple[Window, ...]:
    """Windows a spread is learnt on: side by side back from ``as_of`` over two years, oldest first.

    One every ``max(30, horizon_days)`` days. A record ``[start, as_of)`` shorter than four years gives its later half.

    Raises
    ------
    TooLittleHistory
        If no window fits with 60 days of record before it.

    Examples
    --------
    >>> windows = learning_windows(date(2014, 1, 1), date(2018, 1, 1), horizon_days=90)
    >>> len(windows), windows[0].start.isoformat(), windows[-1].end.isoformat()
    (8, '2016-01-12', '2018-01-01')
    """
    record_days = (as_of - start).days
    span_days = min(LEARNING_DAYS, max(0, record_days) // 2, max(0, record_days - LEAST_TRAINING_DAYS))
    step_days = max(LEAST_STEP_DAYS, horizon_days)
    n_windows = 1 + (span_days - horizon_days) // step_days if span_days >= horizon_days else 0
    if n_windows < 1:
        raise TooLittleHistory(
            f"{record_days} days of record before {as_of} hold no window of {horizon_days} days in their later half "
            f"with {LEAST_TRAINING_DAYS} days before it. Deliver a longer record or take UNKNOWN_SPREAD."
        )
    ends = [days_later(as_of, -step_days * number) for number in reversed(range(n_windows))]
    return tuple(Window(start=days_later(end, -horizon_days), end=end) for end in ends)


def past_forecasts(
    model: RiskModel,
    history: History,
    *,
    as_of: date,
    horizon_days: int,
    area_of_cell: NDArray[np.int64] | None = None,
) -> PastForecasts:
    """What the model would have forecast on `learning_windows`, beside what came.

    Parameters
    ----------
    history : days on and after ``as_of`` are not looked at
    area_of_cell : int array of shape (n_cells,)
        Number of each cell's area from 0, cells of -1 belong to none; without it each cell is an area.

    Raises
    ------
    TooLittleHistory
        If the record is too short.
    MismatchedSupport
        If ``area_of_cell`` does not follow the support.
    """
    known = history.before(as_of)
    expected, observed = [], []
    for window in learning_windows(known.start, as_of, horizon_days=horizon_days):
        fitted = model.fit(known.before(window.start), as_of=window.start)
        expected.append(area_sums(fitted.expected_incidents(horizon_days), area_of_cell))
        observed.append(area_sums(known.counts(window.start, window.end), area_of_cell))
    return PastForecasts(expected=np.concatenate(expected), observed=np.concatenate(observed).astype(np.int64))


def area_sums(values: NDArray[Any], area_of_cell: NDArray[np.int64] | None) -> NDArray[np.float64]:
    """Sums of cell values over areas numbered from 0; cells of -1 belong to none. Without areas the cells themselves.

    Raises
    ------
    MismatchedSupport
        If there is not one area for each cell.
    """
    if area_of_cell is None:
        return values.astype(np.float64)
    if area_of_cell.shape != values.shape:
        raise MismatchedSupport(
            f"area_of_cell has shape {area_of_cell.shape}; it needs one number for each of {values.size} cells."
        )
    inside = area_of_cell >= 0
    n_areas = int(area_of_cell.max(initial=-1)) + 1
    return np.bincount(area_of_cell[inside], weights=values[inside], minlength=n_areas).astype(np.float64)


def coverage_table(spread: Spread, later: PastForecasts, *, level: float = 0.9) -> pl.DataFrame:
    """Whether intervals of a spread held what they promised, on forecasts the spread was not learnt from.

    Returns
    -------
    polars frame with one row per filled band of expected counts, and a last one over all (``most_expected`` infinite,
    ``least_expected`` 0)
        ``least_expected``, ``most_expected``, ``n_forecasts``; ``coverage``: randomised at the ends, to be near
        ``level``; ``closed_coverage``: share of counts in the closed interval; ``closed_promise``: what the spread
        says that share should be; ``mean_width``: of high minus low.
    """
    held = spread.coverage(later.expected, later.observed, level=level)
    interval = spread.interval(later.expected, level=level)
    is_within = (later.observed >= interval.low) & (later.observed <= interval.high)
    promise = spread.chance_within(interval)
    width = (interval.high - interval.low).astype(np.float64)
    rows = []
    for low, high in (*pairwise(BANDS), (0.0, np.inf)):
        at = (later.expected >= low) & (later.expected < high)
        if at.any():
            rows.append(
                {
                    "least_expected": low,
                    "most_expected": high,
                    "n_forecasts": int(at.sum()),
                    "coverage": float(held[at].mean()),
                    "closed_coverage": float(is_within[at].mean()),
                    "closed_promise": float(promise[at].mean()),
                    "mean_width": float(width[at].mean()),
                }
            )
    return pl.DataFrame(rows)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RateInterval:
    """Rate of each area with its interval, in incidents per unit of exposure; not a number where nothing is known."""

    rate: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def rate_interval(
    count: NDArray[np.int64], exposure: NDArray[np.float64], *, level: float = 0.9, prior_shape: float = 0.5
) -> RateInterval:
    """Equal-tailed interval of each area's rate, from its gamma posterior.

    The prior is Jeffreys' (a gamma of shape one half and rate 0): it speaks as loud as half an incident, borrows
    nothing from other areas, and makes intervals hold close to their level at every rate. Without an incident the
    interval starts at 0.

    Parameters
    ----------
    count : array of shape (n_areas,)
    exposure : array of shape (n_areas,)
        People at risk × time, or whatever rates are told per. Not a number where it is unknown, 0 where nobody is:
        there the rate and both ends are not numbers, because nothing can be said.
    level : posterior probability of the interval, in [0.5, 0.99]

    Raises
    ------
    MismatchedSupport
        If there is not one exposure for each count.
    UndefinedMetric
        If a count or an exposure is negative, or the level is out of range.

    Examples
    --------
    >>> found = rate_interval(np.array([20, 0, 3]), np.array([1000.0, 1000.0, np.nan]), level=0.9)
    >>> found.rate.tolist(), found.low.round(4).tolist(), found.high.round(4).tolist()
    ([0.02, 0.0, nan], [0.0137, 0.0, nan], [0.0285, 0.0019, nan])
    """
    _require_level(level)
    if count.shape != exposure.shape:
        raise MismatchedSupport(f"count has shape {count.shape}, exposure {exposure.shape}; they must agree.")
    if (count < 0).any() or (exposure < 0.0).any():
        raise UndefinedMetric("A count or an exposure is negative; give counts, people and time from 0 on.")
    known = np.isfinite(exposure) & (exposure > 0.0)
    unit = np.where(known, exposure, np.nan)
    tail = (1.0 - level) / 2
    shape = count + prior_shape
    return RateInterval(
        rate=count / unit,
        low=np.where(count > 0, special.gammaincinv(shape, tail), 0.0) / unit,
        high=special.gammaincinv(shape, 1.0 - tail) / unit,
    )


def _held(below: NDArray[np.float64], up_to: NDArray[np.float64], *, level: float) -> NDArray[np.float64]:
    """Share of each outcome's probability, from ``below`` to ``up_to``, that lies between the two tails."""
    tail = (1.0 - level) / 2
    inside = np.minimum(up_to, 1.0 - tail) - np.maximum(below, tail)
    size = up_to - below
    # An outcome too unlikely to have a probability lies outside.
    held = np.divide(np.clip(inside, 0.0, None), size, out=np.zeros_like(size), where=size > 0.0)
    return np.asarray(held, dtype=np.float64)


def _binned(
    expected: NDArray[np.float64], observed: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64]]:
    """Forecasts alike and counts the same, told once: mean forecast, count, and how often."""
    number = np.round(np.log(expected) / BIN_WIDTH).astype(np.int64)
    pairs, place, times = np.unique(np.stack([number, observed]), axis=1, return_inverse=True, return_counts=True)
    mean = np.bincount(place.ravel(), weights=expected) / times
    return mean, pairs[1], times.astype(np.float64)


def _log_likelihood(
    mean: NDArray[np.float64],
    count: NDArray[np.int64],
    times: NDArray[np.float64],
    proportional: float,
    quadratic: float,
) -> float:
    extra = np.maximum(proportional + quadratic * mean, LEAST_EXTRA)
    size = mean / extra
    each = (
        special.gammaln(count + size)
        - special.gammaln(size)
        - size * np.log1p(extra)
        + count * (np.log(extra) - np.log1p(extra))
    )
    return float(times @ each)


def _require_level(level: float) -> None:
    if not NOMINAL_LEVELS[0] <= level <= 0.99:
        raise UndefinedMetric(f"level={level} lies outside 0.5 to 0.99; give a share such as 0.9.")


def _require_forecast(expected: NDArray[np.float64]) -> None:
    if expected.size and not (np.isfinite(expected).all() and float(expected.min()) >= 0.0):
        raise UndefinedMetric("A forecast is negative or not a number; give expected counts from 0 on.")


def _require_pairs(expected: NDArray[np.float64], observed: NDArray[np.int64]) -> None:
    if expected.shape != observed.shape:
        raise MismatchedSupport(f"expected has shape {expected.shape}, observed {observed.shape}; they must agree.")
    _require_forecast(expected)
    if observed.size and int(observed.min()) < 0:
        raise UndefinedMetric(f"The lowest count is {observed.min()}; counts start at 0.")
