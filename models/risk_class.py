"""The five public classes: how sure are we that a place differs from similar places?

A cell's relative level θ is 1 where as much happens as in similar places, 2 where twice as much. Its count y is
Poisson with mean E θ, E being what similar places would lead one to expect. The prior of θ is what the cells around say
without the cell itself; its strength is learnt from how much neighbours really agree. A class is a statement about the
posterior of θ, so one incident more or less rarely moves it, and no number behind it is ever published.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from models.errors import InvalidRule, MismatchedSupport, UndefinedMetric

PRIOR_STRENGTHS = (0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
"""Candidates for κ: how many expected incidents the prior is worth."""
TOWARDS_ONE = 5.0
"""ν: expected incidents of an ordinary place that every neighbourhood is padded with."""


class RiskClass(IntEnum):
    """Public class of a cell, with its code in released files."""

    CLEARLY_LOWER = 1
    MAYBE_LOWER = 2
    NO_CLEAR_DIFFERENCE = 3
    MAYBE_HIGHER = 4
    CLEARLY_HIGHER = 5
    TOO_LITTLE = 6
    PROTECTED = 7


@dataclass(frozen=True, slots=True, kw_only=True)
class ClassRule:
    """When a difference is called clear, and when it may be.

    Attributes
    ----------
    sure, likely : posterior probabilities that "clearly" and "may be" need
    margin : differences below this share are none; a level counts as higher above 1 + margin, as lower below its
        reciprocal
    least_expected : expected incidents a cell needs for any statement. At 3 even no incident at all would not be
        unusual (exp(-3) is 5 %). The rule asks the expectation only, never the count, so grey gives nothing away.
    """

    sure: float = 0.95
    likely: float = 0.80
    margin: float = 0.10
    least_expected: float = 3.0

    def __post_init__(self) -> None:
        if not 0.5 < self.likely < self.sure < 1.0 or self.margin < 0.0 or self.least_expected <= 0.0:
            raise InvalidRule(
                f"sure={self.sure}, likely={self.likely}, margin={self.margin}, least_expected={self.least_expected} "
                "do not make a rule; 0.5 < likely < sure < 1, margin ≥ 0 and least_expected > 0 are needed."
            )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RelativeLevel:
    """Gamma posterior of each cell's relative level θ.

    Attributes
    ----------
    reference_expected : E, array of shape (n_cells,)
    shape, rate : of the posterior, arrays of shape (n_cells,)
    prior_strength : κ, in expected incidents
    bandwidth_m : of the neighbourhood the prior looks at
    """

    reference_expected: NDArray[np.float64]
    shape: NDArray[np.float64]
    rate: NDArray[np.float64]
    prior_strength: float
    bandwidth_m: float

    @property
    def mean(self) -> NDArray[np.float64]:
        return self.shape / self.rate

    def probability_above(self, level: float) -> NDArray[np.float64]:
        """Posterior probability that θ is above ``level``, per cell."""
        return np.asarray(special.gammaincc(self.shape, self.rate * level), dtype=np.float64)

    def probability_below(self, level: float) -> NDArray[np.float64]:
        """Posterior probability that θ is below ``level``, per cell."""
        return np.asarray(special.gammainc(self.shape, self.rate * level), dtype=np.float64)


def reference_expected(
    incident_count: NDArray[np.int64], exposure: NDArray[np.float64], stratum: NDArray[np.generic]
) -> NDArray[np.float64]:
    """What each cell would have if it were like the similar places: E = exposure × their common rate.

    Parameters
    ----------
    incident_count : array of shape (n_cells,)
    exposure : array of shape (n_cells,)
        People at risk × time, or 1 for every inhabited cell where no population is known; never negative.
    stratum : array of shape (n_cells,), numbers or text
        Cells with the same value are similar places (same region, same kind of place).

    Returns
    -------
    array of shape (n_cells,)
        Sums to the incidents of each stratum. Zero where there is no exposure.

    Raises
    ------
    UndefinedMetric
        If an exposure is negative, or a stratum has incidents without any exposure.

    Examples
    --------
    >>> reference_expected(np.array([9, 1, 4]), np.array([1.0, 1.0, 2.0]), np.array(["centre", "centre", "park"]))
    array([5., 5., 4.])
    """
    _require_same_shape(incident_count, exposure, stratum)
    if exposure.size and float(exposure.min()) < 0.0:
        raise UndefinedMetric(f"The lowest exposure is {exposure.min()}; people and time are never negative.")
    names, number = np.unique(stratum, return_inverse=True)
    incidents = np.bincount(number, weights=incident_count, minlength=names.size)
    exposed = np.bincount(number, weights=exposure, minlength=names.size)
    without = (exposed == 0.0) & (incidents > 0.0)
    if without.any():
        raise UndefinedMetric(
            f"Similar places {names[without][0]!r} have incidents and no exposure; give each of their cells 1 if "
            "nothing is known."
        )
    rate = np.divide(incidents, exposed, out=np.zeros_like(incidents), where=exposed > 0.0)
    return exposure * rate[number]


def relative_level(
    incident_count: NDArray[np.int64],
    expected: NDArray[np.float64],
    neighbours: Mapping[float, sparse.csr_array],
) -> RelativeLevel:
    """Posterior of each cell's relative level, its prior taken from the cells around.

    Strength and bandwidth of the prior are those of the highest marginal (negative binomial) likelihood, each cell
    judged by a neighbourhood it is not part of.

    Parameters
    ----------
    incident_count : array of shape (n_cells,)
    expected : array of shape (n_cells,), from `reference_expected`
    neighbours : weights between cells by bandwidth in metres
        Matrices of shape (n_cells, n_cells) without diagonal, as `Kernels.neighbours` gives.

    Raises
    ------
    MismatchedSupport
        If shapes differ.
    """
    _require_same_shape(incident_count, expected)
    best: tuple[float, float, float, NDArray[np.float64]] | None = None
    is_asked = expected > 0.0
    for bandwidth_m, weights in neighbours.items():
        if weights.shape != (expected.size, expected.size):
            raise MismatchedSupport(
                f"Weights of {bandwidth_m} m have shape {weights.shape}; {expected.size} cells were given."
            )
        around = np.asarray(weights @ incident_count + TOWARDS_ONE, dtype=np.float64)
        prior_mean = around / np.asarray(weights @ expected + TOWARDS_ONE, dtype=np.float64)
        for strength in PRIOR_STRENGTHS:
            likelihood = _marginal_log_likelihood(
                incident_count[is_asked], expected[is_asked], prior_mean[is_asked], strength
            )
            if best is None or likelihood > best[0]:
                best = (likelihood, strength, bandwidth_m, prior_mean)
    if best is None:
        raise UndefinedMetric("No neighbourhood was given; at least one bandwidth is needed.")
    _, strength, bandwidth_m, prior_mean = best
    return RelativeLevel(
        reference_expected=expected,
        shape=incident_count + strength * prior_mean,
        rate=expected + strength,
        prior_strength=strength,
        bandwidth_m=bandwidth_m,
    )


def classify(level: RelativeLevel, rule: ClassRule | None = None) -> NDArray[np.uint8]:
    """Class code (`RiskClass` 1 to 6) of each cell, as an array of shape (n_cells,)."""
    rule = rule or ClassRule()
    higher = level.probability_above(1.0 + rule.margin)
    lower = level.probability_below(1.0 / (1.0 + rule.margin))
    return np.select(
        [
            level.reference_expected < rule.least_expected,
            higher >= rule.sure,
            lower >= rule.sure,
            higher >= rule.likely,
            lower >= rule.likely,
        ],
        [
            np.uint8(RiskClass.TOO_LITTLE),
            np.uint8(RiskClass.CLEARLY_HIGHER),
            np.uint8(RiskClass.CLEARLY_LOWER),
            np.uint8(RiskClass.MAYBE_HIGHER),
            np.uint8(RiskClass.MAYBE_LOWER),
        ],
        default=np.uint8(RiskClass.NO_CLEAR_DIFFERENCE),
    ).astype(np.uint8)


def _marginal_log_likelihood(
    count: NDArray[np.int64], expected: NDArray[np.float64], prior_mean: NDArray[np.float64], strength: float
) -> float:
    """Of y under its gamma-Poisson mixture, up to a term of the counts alone."""
    shape = strength * prior_mean
    return float(
        np.sum(
            special.gammaln(count + shape)
            - special.gammaln(shape)
            + shape * np.log(strength / (strength + expected))
            + count * np.log(expected / (strength + expected))
        )
    )


def _require_same_shape(*arrays: NDArray[np.generic]) -> None:
    shapes = {array.shape for array in arrays}
    if len(shapes) != 1:
        raise MismatchedSupport(f"Arrays of one cell each have shapes {sorted(shapes)}; they must agree.")
