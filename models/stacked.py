"""The stacked model: the base layer ``eb``, corrected by what other surfaces and features of a place tell beyond it.

A cell's share of all incidents is that of ``eb`` times the exponential of a weighted sum of log surfaces: its own
group seen from nearer and farther, longer and shorter ago, every other group, all groups together, and what stands
around it. The weights come from Poisson regression over past windows, with the forecast of ``eb`` as exposure and a
penalty that pulls them to zero: where nothing is to be learnt, the model is ``eb``. Each window counts by its own
total, so the weights speak of places only; the level is a model of its own. The sum is additive, so it can say why.

References
----------
Wolpert (1992), Neural Networks 5, 241-259 (stacked generalisation).
"""

from dataclasses import dataclass, field
from datetime import date
from itertools import count

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import PoissonRegressor

from models.errors import MismatchedSupport
from models.history import History, days_later
from models.kernels import Kernels
from models.level import AtLevel
from models.risk_model import RiskModel, Tune, require_same_support
from models.shrinkage import EmpiricalBayes, tune
from models.surfaces import OTHER_SURFACES, OWN_SURFACES, Surfaces

WINDOW_DAYS = 30
MOST_ORIGINS = 12
LEAST_ORIGINS = 6
MOST_ROWS = 300_000
"""Cells times windows to learn on; a country has so many cells that half of the windows tell as much."""
LEAST_RECORD_DAYS = 365
"""Record that must lie before the first past window: with less, weights learnt on it make forecasts too flat later."""
PENALTY_INCIDENTS = 50.0
"""How many incidents the pull to zero is worth, for each standardised term; from 10 to 300 it hardly matters."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class CellFeatures:
    """What stands around each cell and does not change: exposure, surroundings.

    Attributes
    ----------
    names : one for each column
    values : array of shape (n_cells, n_features)
        On the scale they act on (logarithms of counts and distances); nan where nothing is known.
    """

    names: tuple[str, ...]
    values: NDArray[np.float64]

    def __post_init__(self) -> None:
        if self.values.ndim != 2 or self.values.shape[1] != len(self.names):
            raise MismatchedSupport(
                f"Features have shape {self.values.shape} and {len(self.names)} names; one column a name is needed."
            )

    @property
    def filled(self) -> NDArray[np.float64]:
        """The values with the mean of the known cells where nothing is known, which leaves the other terms to speak."""
        is_known = ~np.isnan(self.values)
        mean = np.where(is_known, self.values, 0.0).sum(axis=0) / np.maximum(is_known.sum(axis=0), 1)
        return np.where(is_known, self.values, mean)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedStack:
    """Expected incidents per day of each cell, and what made them.

    Attributes
    ----------
    incidents_per_day : array of shape (n_cells,)
    log_base : log rate of ``eb`` alone, array of shape (n_cells,)
    contributions : array of shape (n_cells, n_terms)
        What each term adds to the log rate: ``log_base + contributions.sum(axis=1) + log_scale`` is its logarithm.
    terms : names of the columns
    """

    incidents_per_day: NDArray[np.float64]
    log_base: NDArray[np.float64]
    contributions: NDArray[np.float64]
    log_scale: float
    terms: tuple[str, ...]

    def expected_incidents(self, horizon_days: int) -> NDArray[np.float64]:
        return self.incidents_per_day * horizon_days


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stacked:
    """The stacked model with its weights.

    Attributes
    ----------
    weights, centres, scales : arrays of shape (n_terms,)
        A term adds ``weight * (value - centre) / scale`` to the log rate. All weights are zero where too little was
        on record, or where they did worse than none on past windows that did not choose them.
    gain, gain_error : mean advantage in log-likelihood per incident over ``eb`` on past windows the weights were not
        learnt on, and its standard error; nan where it was not asked
    """

    base: EmpiricalBayes
    kind: str
    surfaces: Surfaces = field(repr=False)
    features: CellFeatures | None = field(repr=False)
    terms: tuple[str, ...]
    weights: NDArray[np.float64]
    centres: NDArray[np.float64]
    scales: NDArray[np.float64]
    gain: float
    gain_error: float
    name: str = "places"

    @property
    def is_learned(self) -> bool:
        """Whether the weights say anything beyond ``eb``."""
        return bool(np.any(self.weights != 0.0))

    def fit(self, history: History, *, as_of: date) -> FittedStack:
        """Forecast as of that day; later days of ``history``, and of other groups, are not looked at."""
        rate = self.base.fit(history, as_of=as_of).expected_incidents(1)
        values = _terms(self.surfaces, self.kind, self.features, as_of=as_of)
        contributions = (values - self.centres) * (self.weights / self.scales)
        raw = rate * np.exp(contributions.sum(axis=1))
        scale = float(rate.sum() / raw.sum())
        return FittedStack(
            incidents_per_day=raw * scale,
            log_base=np.log(rate),
            contributions=contributions,
            log_scale=float(np.log(scale)),
            terms=self.terms,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stacking:
    """Tunes stacked models of one territory's kinds of incidents; they share their surfaces.

    ``kind`` of `tuner` names the history that is forecast; all others of ``surfaces`` may tell of it. The areas are
    those of `models.level.AtLevel`.
    """

    surfaces: Surfaces
    features: CellFeatures | None = None
    area_of_cell: NDArray[np.int64] | None = None

    def tuner(self, kind: str) -> Tune:
        """How to tune the model of one kind, lifted to its level; see `models.risk_model.Tune`."""

        def tune_stacked(history: History, *, as_of: date, horizon_days: int, kernels: Kernels) -> RiskModel:
            base = tune(history, as_of=as_of, horizon_days=horizon_days, kernels=kernels)
            place = stack(base, history, kind=kind, surfaces=self.surfaces, features=self.features, as_of=as_of)
            return AtLevel(place=place, area_of_cell=self.area_of_cell)

        return tune_stacked


def stack(
    base: EmpiricalBayes,
    history: History,
    *,
    kind: str,
    surfaces: Surfaces,
    features: CellFeatures | None = None,
    as_of: date,
) -> Stacked:
    """Weights of the stacked model, learnt on windows that ended before ``as_of``.

    Parameters
    ----------
    base : tuned on days before ``as_of``
    history : of the kind; days on and after ``as_of`` are not looked at
    """
    require_same_support(history, surfaces.kernels)
    if features is not None and features.values.shape[0] != history.n_cells:
        raise MismatchedSupport(
            f"Features are given for {features.values.shape[0]} cells, the history for {history.n_cells}; "
            "make both from the same support."
        )
    terms = term_names(surfaces, kind, features)
    windows = _past_windows(base, history, kind=kind, surfaces=surfaces, features=features, as_of=as_of)
    centres, scales = np.zeros(len(terms)), np.ones(len(terms))
    weights, gain, gain_error = np.zeros(len(terms)), float("nan"), float("nan")
    # The group's own record alone tells nothing that the base layer does not know: see docs/decisions.md.
    is_told_more = features is not None or bool(_others(surfaces, kind))
    if is_told_more and len(windows) >= LEAST_ORIGINS:
        gain, gain_error = _gain(windows)
        # The penalty already asks for evidence; a second hurdle would leave rare groups with forecasts too flat.
        if gain > 0.0:
            weights, centres, scales = _learnt(windows)
    return Stacked(
        base=base,
        kind=kind,
        surfaces=surfaces,
        features=features,
        terms=terms,
        weights=weights,
        centres=centres,
        scales=scales,
        gain=gain,
        gain_error=gain_error,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Past:
    """One past window: shares of ``eb``, values of the terms, and what came."""

    share: NDArray[np.float64]
    values: NDArray[np.float64]
    counts: NDArray[np.float64]


def _past_windows(
    base: EmpiricalBayes,
    history: History,
    *,
    kind: str,
    surfaces: Surfaces,
    features: CellFeatures | None,
    as_of: date,
) -> list[_Past]:
    """Windows side by side that end on ``as_of``, latest first; those without an incident tell nothing."""
    most = max(LEAST_ORIGINS, min(MOST_ORIGINS, MOST_ROWS // max(1, history.n_cells)))
    found: list[_Past] = []
    for number in count(1):
        origin = days_later(as_of, -WINDOW_DAYS * number)
        if len(found) == most or (origin - history.start).days < LEAST_RECORD_DAYS:
            return found
        counts = history.counts(origin, days_later(origin, WINDOW_DAYS)).astype(np.float64)
        if counts.any():
            rate = base.fit(history, as_of=origin).expected_incidents(1)
            values = _terms(surfaces, kind, features, as_of=origin)
            found.append(_Past(share=rate / rate.sum(), values=values, counts=counts))
    return found


def _learnt(windows: list[_Past]) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Weights, centres and scales of the terms."""
    values = np.concatenate([window.values for window in windows])
    exposure = np.concatenate([window.share * window.counts.sum() for window in windows])
    observed = np.concatenate([window.counts for window in windows])
    centres = np.average(values, axis=0, weights=exposure)
    scales = values.std(axis=0)
    scales[scales < 1e-9] = 1.0
    # With the forecast as exposure the regression explains observed over expected, weighted by what was expected.
    model = PoissonRegressor(alpha=PENALTY_INCIDENTS / observed.sum(), max_iter=300, tol=1e-5)
    model.fit((values - centres) / scales, observed / exposure, sample_weight=exposure)
    return np.asarray(model.coef_, dtype=np.float64), centres, scales


def _gain(windows: list[_Past]) -> tuple[float, float]:
    """Advantage over ``eb`` per incident: the later half of the windows, with weights learnt on the earlier half."""
    later = windows[: len(windows) // 2]
    weights, centres, scales = _learnt(windows[len(windows) // 2 :])
    gains = []
    for window in later:
        raw = window.share * np.exp((window.values - centres) @ (weights / scales))
        hit = window.counts > 0
        gains.append(window.counts[hit] @ np.log(raw[hit] / raw.sum() / window.share[hit]) / window.counts.sum())
    return float(np.mean(gains)), float(np.std(gains, ddof=1) / np.sqrt(len(gains)))


def term_names(surfaces: Surfaces, kind: str, features: CellFeatures | None) -> tuple[str, ...]:
    """Names of the terms of the model of one kind: its own surfaces, those of every other kind, features."""
    own = [f"own: {surface.name}" for surface in OWN_SURFACES]
    others = [f"{other}: {surface.name}" for other in _others(surfaces, kind) for surface in OTHER_SURFACES]
    return (*own, *others, *(features.names if features else ()))


def _terms(surfaces: Surfaces, kind: str, features: CellFeatures | None, *, as_of: date) -> NDArray[np.float64]:
    columns = [surfaces.of(kind, surface, as_of=as_of) for surface in OWN_SURFACES]
    for other in _others(surfaces, kind):
        columns += [surfaces.of(other, surface, as_of=as_of) for surface in OTHER_SURFACES]
    if features is not None:
        columns += list(features.filled.T)
    return np.column_stack(columns).astype(np.float64)


def _others(surfaces: Surfaces, kind: str) -> list[str]:
    return sorted(other for other in surfaces.histories if other != kind)
