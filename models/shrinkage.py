"""The base layer ``eb``: a gamma-Poisson posterior of each cell's rate around the smoothed rate of its surroundings.

A cell's own record speaks in proportion to its length; where it is thin, the places around it speak instead. Recent
days may weigh more (half-life). The choice has two consequences: a cell without incidents still has a positive rate,
and a cell with one surprising month is pulled back, which is what keeps the forecast calibrated.

References
----------
Clayton & Kaldor (1987), Biometrics 43, 671-681 (empirical Bayes for rates of small areas).
"""

from dataclasses import dataclass, field
from datetime import date
from itertools import product

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from models.errors import MismatchedSupport, TooLittleHistory
from models.history import History
from models.kernels import Kernels
from models.risk_model import require_same_support
from models.windows import rolling_windows, tuning_windows

HALF_LIVES_DAYS: tuple[float | None, ...] = (180.0, 365.0, 730.0, 1460.0, None)
BANDWIDTHS_M = (200.0, 400.0, 800.0, 1600.0)
PRIOR_DAYS = (15.0, 30.0, 60.0, 120.0, 240.0, 480.0, 960.0, 1920.0, 3840.0, 7680.0, 15360.0)
"""From a cell that speaks for itself to one that only repeats its surroundings, as kernel density does."""

FLAT_SHARE = 0.02
"""Part of the prior that is the support's mean rate: no place is held impossible, however quiet its surroundings."""
DISPERSIONS = (0.0, *np.geomspace(1e-4, 2.0, 60).tolist())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Interval:
    """Expected count of each area with the ends of its predictive interval, both included."""

    expected: NDArray[np.float64]
    low: NDArray[np.int64]
    high: NDArray[np.int64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedEmpiricalBayes:
    """Gamma posterior of each cell's incidents per day: shape and rate (in days)."""

    shape: NDArray[np.float64]
    rate_days: float

    def expected_incidents(self, horizon_days: int) -> NDArray[np.float64]:
        return self.shape * (horizon_days / self.rate_days)

    def interval(self, horizon_days: int, *, level: float = 0.9) -> Interval:
        """Equal-tailed interval of each cell's count, from its negative binomial predictive distribution.

        Counts are whole numbers, so a quiet cell's interval (often 0 to 0 or 0 to 1) covers more than ``level``.
        """
        chance_of_none = self.rate_days / (self.rate_days + horizon_days)
        tail = (1.0 - level) / 2
        return Interval(
            expected=self.expected_incidents(horizon_days),
            low=_whole(stats.nbinom.ppf(tail, self.shape, chance_of_none)),
            high=_whole(stats.nbinom.ppf(1.0 - tail, self.shape, chance_of_none)),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class EmpiricalBayes:
    """The ``eb`` layer with its settings.

    Attributes
    ----------
    half_life_days : age at which an incident weighs half; None means all days weigh the same
    bandwidth_m : standard deviation of the Gaussian kernel of the prior, in metres
    prior_days : how many days of a cell's own record the prior is worth
    """

    kernels: Kernels = field(repr=False)
    half_life_days: float | None = 730.0
    bandwidth_m: float = 400.0
    prior_days: float = 240.0
    name: str = "eb"

    def fit(self, history: History, *, as_of: date) -> FittedEmpiricalBayes:
        """Posterior as of that day; later days of ``history`` are not looked at."""
        require_same_support(history, self.kernels)
        counts, observed_days = _decayed(history.before(as_of), self.half_life_days)
        prior_rate = _prior_rate(counts, observed_days, kernels=self.kernels, bandwidth_m=self.bandwidth_m)
        return FittedEmpiricalBayes(
            shape=counts + self.prior_days * prior_rate, rate_days=observed_days + self.prior_days
        )

    def area_intervals(
        self, history: History, area_of_cell: NDArray[np.int64], *, as_of: date, horizon_days: int, level: float = 0.9
    ) -> Interval:
        """Expected count of whole areas (sums of cells) with an interval that past forecasts have earned.

        Cells of an area rise and fall together, so their own intervals cannot be added up. Instead the spread of
        past area totals around past forecasts is measured on the rolling windows before ``as_of``: counts vary like
        a negative binomial of mean m and variance m + d m², with one d for all areas.

        Parameters
        ----------
        area_of_cell : int array of shape (n_cells,)
            Number of each cell's area from 0; cells of -1 belong to none.
        level : probability the interval should hold

        Returns
        -------
        Interval
            Arrays of shape (n_areas,), where n_areas is the highest number plus one.

        Raises
        ------
        MismatchedSupport
            If ``area_of_cell`` does not follow the support.
        """
        if area_of_cell.shape != (history.n_cells,):
            raise MismatchedSupport(
                f"area_of_cell has shape {area_of_cell.shape}; it needs one number for each of {history.n_cells} cells."
            )
        expected = _area_sums(self.fit(history, as_of=as_of).expected_incidents(horizon_days), area_of_cell)
        dispersion = self._dispersion(history, area_of_cell, as_of=as_of, horizon_days=horizon_days)
        tail = (1.0 - level) / 2
        return Interval(
            expected=expected,
            low=_count_quantile(tail, expected, dispersion),
            high=_count_quantile(1.0 - tail, expected, dispersion),
        )

    def _dispersion(
        self, history: History, area_of_cell: NDArray[np.int64], *, as_of: date, horizon_days: int
    ) -> float:
        try:
            windows = rolling_windows(history.start, as_of, horizon_days=horizon_days)
        except TooLittleHistory:
            return UNKNOWN_DISPERSION
        expected, observed = [], []
        for window in windows:
            forecast = self.fit(history, as_of=window.start).expected_incidents(horizon_days)
            expected.append(_area_sums(forecast, area_of_cell))
            observed.append(_area_sums(history.counts(window.start, window.end).astype(np.float64), area_of_cell))
        return _likeliest_dispersion(np.concatenate(expected), np.concatenate(observed))


UNKNOWN_DISPERSION = 0.1
"""Spread of area totals taken where no past forecast can be checked: about ± 30 % beyond chance."""


def tune(history: History, *, as_of: date, horizon_days: int, kernels: Kernels) -> EmpiricalBayes:
    """`EmpiricalBayes` with the settings of the highest Poisson likelihood on windows before ``as_of``.

    Half-life (no decay among them), bandwidth and prior strength are chosen together. A record shorter than four
    weeks leaves the defaults, which do well on a long one.
    """
    require_same_support(history, kernels)
    try:
        windows = tuning_windows(history.start, as_of, horizon_days=horizon_days)
    except TooLittleHistory:
        return EmpiricalBayes(kernels=kernels)
    prior_days = np.array(PRIOR_DAYS)
    likelihood = np.zeros((len(HALF_LIVES_DAYS), len(BANDWIDTHS_M), prior_days.size))
    for window, (h, half_life_days) in product(windows, enumerate(HALF_LIVES_DAYS)):
        counts, observed_days = _decayed(history.before(window.start), half_life_days)
        observed = history.counts(window.start, window.end)
        # Quiet cells enter the likelihood through the total alone, which spares most of the logarithms.
        hit = observed > 0
        for b, bandwidth_m in enumerate(BANDWIDTHS_M):
            prior_rate = _prior_rate(counts, observed_days, kernels=kernels, bandwidth_m=bandwidth_m)
            scale = window.days / (observed_days + prior_days)
            expected_hit = (counts[hit, None] + prior_days * prior_rate[hit, None]) * scale
            expected_total = (counts.sum() + prior_days * prior_rate.sum()) * scale
            # A record without a single incident yet expects nothing anywhere.
            log_expected = np.log(np.maximum(expected_hit, 1e-12))
            likelihood[h, b] += observed[hit] @ log_expected - expected_total
    best_h, best_b, best_p = np.unravel_index(int(np.argmax(likelihood)), likelihood.shape)
    return EmpiricalBayes(
        kernels=kernels,
        half_life_days=HALF_LIVES_DAYS[best_h],
        bandwidth_m=BANDWIDTHS_M[best_b],
        prior_days=PRIOR_DAYS[best_p],
    )


def _decayed(known: History, half_life_days: float | None) -> tuple[NDArray[np.float64], float]:
    """Counts per cell with every incident weighing by its age, and the days they stand for."""
    age_days = known.n_days - 1 - np.arange(known.n_days)
    weight_of_day = np.ones(known.n_days) if half_life_days is None else 0.5 ** (age_days / half_life_days)
    return known.weighted_counts(weight_of_day), float(weight_of_day.sum())


def _prior_rate(
    counts: NDArray[np.float64], observed_days: float, *, kernels: Kernels, bandwidth_m: float
) -> NDArray[np.float64]:
    rate = counts / observed_days
    around = kernels.smoothed(rate, bandwidth_m=bandwidth_m)
    # The least rate keeps the posterior proper before the first incident of a record: one in a million days.
    prior: NDArray[np.float64] = np.maximum((1.0 - FLAT_SHARE) * around + FLAT_SHARE * rate.mean(), 1e-6 / rate.size)
    return prior


def _area_sums(values: NDArray[np.float64], area_of_cell: NDArray[np.int64]) -> NDArray[np.float64]:
    inside = area_of_cell >= 0
    return np.bincount(area_of_cell[inside], weights=values[inside]).astype(np.float64)


def _likeliest_dispersion(expected: NDArray[np.float64], observed: NDArray[np.float64]) -> float:
    is_possible = expected > 0.0
    mean, count = expected[is_possible], observed[is_possible]
    if mean.size == 0:
        return UNKNOWN_DISPERSION
    log_likelihoods = [_log_likelihood(count, mean, dispersion) for dispersion in DISPERSIONS]
    # The likelihood is averaged, not maximised: a few windows cannot rule out a wider spread.
    weight = np.exp(np.array(log_likelihoods) - max(log_likelihoods))
    return float(np.sum(weight * np.array(DISPERSIONS)) / weight.sum())


def _log_likelihood(count: NDArray[np.float64], mean: NDArray[np.float64], dispersion: float) -> float:
    if dispersion == 0.0:
        return float(np.sum(special.xlogy(count, mean) - mean - special.gammaln(count + 1.0)))
    size = 1.0 / dispersion
    return float(np.sum(stats.nbinom.logpmf(count, size, size / (size + mean))))


def _count_quantile(probability: float, mean: NDArray[np.float64], dispersion: float) -> NDArray[np.int64]:
    if dispersion == 0.0:
        return _whole(stats.poisson.ppf(probability, mean))
    size = 1.0 / dispersion
    return _whole(stats.nbinom.ppf(probability, size, size / (size + mean)))


def _whole(values: object) -> NDArray[np.int64]:
    return np.asarray(values, dtype=np.float64).astype(np.int64)
