"""Simple models that every other one has to beat, as equals in the same backtest."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from models.errors import TooLittleHistory
from models.history import History, days_later
from models.kernels import Kernels
from models.risk_model import FittedRisk, RiskModel, SteadyRate, Tune, require_same_support
from models.seasonal_baseline import SEASONAL_BASELINES
from models.windows import tuning_windows

BANDWIDTHS_M = (200.0, 400.0, 800.0, 1600.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class LastPeriod:
    """What happened in the ``horizon_days`` before ``as_of`` happens again: the map most desks draw."""

    name: str = "last_period"

    def fit(self, history: History, *, as_of: date) -> FittedRisk:
        return _FittedLastPeriod(history=history.before(as_of))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _FittedLastPeriod:
    history: History

    def expected_incidents(self, horizon_days: int) -> NDArray[np.float64]:
        end = self.history.end
        counts = self.history.counts(max(self.history.start, days_later(end, -horizon_days)), end)
        # A record shorter than the horizon still tells a rate.
        return counts.astype(np.float64) * (horizon_days / min(horizon_days, self.history.n_days))


@dataclass(frozen=True, slots=True, kw_only=True)
class LongRunMean:
    """Each cell goes on at the mean rate of its whole record."""

    name: str = "long_run_mean"

    def fit(self, history: History, *, as_of: date) -> FittedRisk:
        return SteadyRate(incidents_per_day=_mean_rate(history.before(as_of)))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KernelDensity:
    """The mean rate of the whole record, smoothed with a Gaussian kernel."""

    kernels: Kernels
    bandwidth_m: float = 400.0
    name: str = "kernel_density"

    def fit(self, history: History, *, as_of: date) -> FittedRisk:
        require_same_support(history, self.kernels)
        rate = _mean_rate(history.before(as_of))
        return SteadyRate(incidents_per_day=self.kernels.smoothed(rate, bandwidth_m=self.bandwidth_m))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProMap:
    """Near-repeat surface: recent incidents raise the risk of cells around them.

    Each incident of the last eight weeks adds 1 / (1 + distance / 200 m) × 1 / (1 + whole weeks ago) to the cells
    within 400 m. The surface is scaled to the mean daily count of those weeks, since it tells places, not levels.

    References
    ----------
    Bowers, Johnson & Pease (2004), British Journal of Criminology 44, 641-658.
    """

    kernels: Kernels
    reach_m: float = 400.0
    weeks: int = 8
    name: str = "promap"

    def fit(self, history: History, *, as_of: date) -> FittedRisk:
        require_same_support(history, self.kernels)
        known = history.before(as_of)
        age_weeks = (known.n_days - 1 - np.arange(known.n_days)) // 7
        is_recent = age_weeks < self.weeks

        weight_of_day = np.where(is_recent, 1.0 / (1.0 + age_weeks), 0.0)
        weights = self.kernels.inverse_distance(self.reach_m, unit_m=self.reach_m / 2)
        surface = np.asarray(weights @ known.weighted_counts(weight_of_day), dtype=np.float64)

        incidents_per_day = known.weighted_counts(is_recent.astype(np.float64)).sum() / is_recent.sum()
        share = surface / surface.sum() if surface.any() else surface
        return SteadyRate(incidents_per_day=share * incidents_per_day)


def tune_last_period(history: History, *, as_of: date, horizon_days: int, kernels: Kernels) -> RiskModel:
    """There is nothing to choose."""
    return LastPeriod()


def tune_long_run_mean(history: History, *, as_of: date, horizon_days: int, kernels: Kernels) -> RiskModel:
    """There is nothing to choose."""
    return LongRunMean()


def tune_promap(history: History, *, as_of: date, horizon_days: int, kernels: Kernels) -> RiskModel:
    """Reach and weeks are the published ones."""
    return ProMap(kernels=kernels)


def tune_kernel_density(history: History, *, as_of: date, horizon_days: int, kernels: Kernels) -> RiskModel:
    """Bandwidth of the highest Poisson likelihood over windows before ``as_of``."""
    require_same_support(history, kernels)
    try:
        windows = tuning_windows(history.start, as_of, horizon_days=horizon_days)
    except TooLittleHistory:
        return KernelDensity(kernels=kernels)
    score = dict.fromkeys(BANDWIDTHS_M, 0.0)
    for window in windows:
        rate = _mean_rate(history.before(window.start)) * window.days
        observed = history.counts(window.start, window.end)
        for bandwidth_m in BANDWIDTHS_M:
            expected = kernels.smoothed(rate, bandwidth_m=bandwidth_m)
            score[bandwidth_m] += log_likelihood(expected, observed)
    return KernelDensity(kernels=kernels, bandwidth_m=max(score, key=score.__getitem__))


def log_likelihood(expected: NDArray[np.float64], observed: NDArray[np.int64]) -> float:
    """Poisson log-likelihood up to a term of the counts alone; higher is better.

    A cell where something happened is never expected below a millionth, so that one surprise costs much, not all.
    """
    hit = observed > 0
    return float(np.sum(observed[hit] * np.log(np.maximum(expected[hit], 1e-6))) - expected.sum())


def _mean_rate(known: History) -> NDArray[np.float64]:
    return known.counts(known.start, known.end).astype(np.float64) * (1.0 / known.n_days)


BASELINES: dict[str, Tune] = {
    "last_period": tune_last_period,
    "long_run_mean": tune_long_run_mean,
    "kernel_density": tune_kernel_density,
    "promap": tune_promap,
    **SEASONAL_BASELINES,
}
