"""A posterior of relative levels that does not presume how places differ: a mixture of many gamma priors.

`risk_class.relative_level` gives every cell the same strength of prior around its neighbourhood. That is right where
levels vary smoothly or like a gamma distribution. Where most places are alike and a few stand out, one strength is a
compromise: ordinary places are pulled too little towards each other and too much towards a hotspot next door, so that
most of what "may be" then claims is noise. Here the prior is a mixture: around neighbourhoods of several sizes with
several strengths, and around fixed levels; how much each counts is learnt from all cells together, and each cell then
weighs them by how well they explain its own count.

References
----------
Laird (1978), Journal of the American Statistical Association 73, 805-811 (mixing distributions learnt from data).
Dempster, Laird & Rubin (1977), Journal of the Royal Statistical Society B 39, 1-38 (the EM steps).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse, special

from models.errors import MismatchedSupport, UndefinedMetric
from models.risk_class import PRIOR_STRENGTHS, TOWARDS_ONE, RelativeLevel

LEVELS = tuple(np.geomspace(1 / 8, 8.0, 13).tolist())
LEVEL_STRENGTHS = (8.0, 64.0)
ORDINARY_LEVELS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4)
ORDINARY_STRENGTH = 256.0
"""Narrow components near 1: many places of one kind are as good as equal, and only these can say so."""
N_STEPS = 150
PRIOR_CELLS = 1.0
"""The weights start equal and that start is worth one cell: no component is ever ruled out."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MixedLevel(RelativeLevel):
    """Mixture of gamma posteriors of each cell's relative level θ.

    ``shape`` and ``rate`` are those of the one gamma distribution with the mixture's mean and variance;
    ``prior_strength`` is the mean strength of the components by weight, ``bandwidth_m`` the neighbourhood that weighs
    most. Probabilities are the mixture's own.

    Attributes
    ----------
    weights : array of shape (n_components, n_cells), each column sums to 1
    shapes : array of shape (n_components, n_cells)
    rates : array of shape (n_components, n_cells)
    """

    weights: NDArray[np.float64]
    shapes: NDArray[np.float64]
    rates: NDArray[np.float64]

    def probability_above(self, level: float) -> NDArray[np.float64]:
        """Posterior probability that θ is above ``level``, per cell."""
        return np.asarray((self.weights * special.gammaincc(self.shapes, self.rates * level)).sum(axis=0))

    def probability_below(self, level: float) -> NDArray[np.float64]:
        """Posterior probability that θ is below ``level``, per cell."""
        return np.asarray((self.weights * special.gammainc(self.shapes, self.rates * level)).sum(axis=0))


def mixed_level(
    incident_count: NDArray[np.int64],
    expected: NDArray[np.float64],
    neighbours: Mapping[float, sparse.csr_array],
) -> MixedLevel:
    """Posterior of each cell's relative level under a mixture of priors; stands wherever `relative_level` does.

    Parameters
    ----------
    incident_count : array of shape (n_cells,)
    expected : array of shape (n_cells,), from `risk_class.reference_expected`
    neighbours : weights between cells by bandwidth in metres
        Matrices of shape (n_cells, n_cells) without diagonal, as `Kernels.neighbours` gives.

    Raises
    ------
    MismatchedSupport
        If shapes differ.
    UndefinedMetric
        If there is no neighbourhood.
    """
    if incident_count.shape != expected.shape:
        raise MismatchedSupport(
            f"incident_count has shape {incident_count.shape}, expected {expected.shape}; they must agree."
        )
    means, strengths, bandwidths = _components(incident_count, expected, neighbours)
    prior_shape = strengths[:, None] * means
    log_likelihood = (
        special.gammaln(incident_count + prior_shape)
        - special.gammaln(prior_shape)
        + prior_shape * np.log(strengths[:, None] / (strengths[:, None] + expected))
        + incident_count * np.log(np.maximum(expected, 1e-12) / (strengths[:, None] + expected))
    )
    likelihood = np.exp(log_likelihood - log_likelihood.max(axis=0))
    share = _shares(likelihood[:, expected > 0.0])
    weights = share[:, None] * likelihood
    weights /= weights.sum(axis=0)
    shapes = incident_count + prior_shape
    rates = np.broadcast_to(strengths[:, None] + expected, shapes.shape)
    mean = (weights * shapes / rates).sum(axis=0)
    variance = (weights * (shapes / rates**2 + (shapes / rates) ** 2)).sum(axis=0) - mean**2
    by_bandwidth = {bandwidth_m: share[bandwidths == bandwidth_m].sum() for bandwidth_m in neighbours}
    return MixedLevel(
        reference_expected=expected,
        shape=mean**2 / variance,
        rate=mean / variance,
        prior_strength=float(share @ strengths),
        bandwidth_m=max(by_bandwidth, key=lambda bandwidth_m: float(by_bandwidth[bandwidth_m])),
        weights=weights,
        shapes=shapes,
        rates=rates,
    )


def _components(
    incident_count: NDArray[np.int64], expected: NDArray[np.float64], neighbours: Mapping[float, sparse.csr_array]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Prior mean of each component and cell, strength, and bandwidth (0 where it looks at no neighbours)."""
    if not neighbours:
        raise UndefinedMetric("No neighbourhood was given; at least one bandwidth is needed.")
    means, strengths, bandwidths = [], [], []
    for bandwidth_m, weights in neighbours.items():
        if weights.shape != (expected.size, expected.size):
            raise MismatchedSupport(
                f"Weights of {bandwidth_m} m have shape {weights.shape}; {expected.size} cells were given."
            )
        around = np.asarray(weights @ incident_count + TOWARDS_ONE, dtype=np.float64)
        prior_mean = around / np.asarray(weights @ expected + TOWARDS_ONE, dtype=np.float64)
        for strength in PRIOR_STRENGTHS:
            means.append(prior_mean)
            strengths.append(strength)
            bandwidths.append(bandwidth_m)
    fixed = [(level, strength) for level in LEVELS for strength in LEVEL_STRENGTHS]
    for level, strength in (*fixed, *((level, ORDINARY_STRENGTH) for level in ORDINARY_LEVELS)):
        means.append(np.full(expected.size, level))
        strengths.append(strength)
        bandwidths.append(0.0)
    return np.stack(means), np.array(strengths), np.array(bandwidths)


def _shares(likelihood: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each component among the cells, by EM from equal shares."""
    n_components, n_cells = likelihood.shape
    share = np.full(n_components, 1.0 / n_components)
    for _ in range(N_STEPS):
        responsible = share[:, None] * likelihood
        responsible /= responsible.sum(axis=0)
        share = (responsible.sum(axis=1) + PRIOR_CELLS / n_components) / (n_cells + PRIOR_CELLS)
    return share
