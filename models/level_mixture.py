"""A posterior of relative levels that does not presume how places differ: a mixture of many gamma priors.

`risk_class.relative_level` gives every cell the same strength of prior around its neighbourhood. That is right where
levels vary smoothly or like a gamma distribution. Where most places are alike and a few stand out, one strength is a
compromise: ordinary places are pulled too little towards each other and too much towards a hotspot next door, so that
most of what "may be" then claims is noise. Here the prior is a mixture: around neighbourhoods of several sizes with
several strengths, and around fixed levels; how much each counts is learnt from all cells together, and each cell then
weighs them by how well they explain its own count.

Where only the band of a count is known, the posterior is the exact one of a censored count: a mixture over the counts
of the band too. The cells around then enter as the counts their bands lead one to expect, so that nothing here can
tell the counts of one band from each other.

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

from models.errors import InvalidRule, MismatchedSupport, UndefinedMetric
from models.level_bands import lowest_of_band, negative_binomial_band
from models.risk_class import PRIOR_STRENGTHS, TOWARDS_ONE, RelativeLevel

LEVELS = tuple(np.geomspace(1 / 8, 8.0, 13).tolist())
LEVEL_STRENGTHS = (8.0, 64.0)
ORDINARY_LEVELS = (0.7, 0.8, 0.9, 1.0, 1.1, 1.25, 1.4)
ORDINARY_STRENGTH = 256.0
"""Narrow components near 1: many places of one kind are as good as equal, and only these can say so."""
N_STEPS = 150
PRIOR_CELLS = 1.0
"""The weights start equal and that start is worth one cell: no component is ever ruled out."""
NEGLIGIBLE = 1e-9
"""Parts of a posterior with less weight than this are not asked about."""
CHUNK = 4096
"""Cells asked about at a time."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MixedLevel(RelativeLevel):
    """Mixture of gamma posteriors of each cell's relative level θ.

    ``shape`` and ``rate`` are those of the one gamma distribution with the mixture's mean and variance;
    ``prior_strength`` is the mean strength of the components by weight, ``bandwidth_m`` the neighbourhood that weighs
    most. Probabilities are the mixture's own. Parts are the components, once for each count of a cell's band.

    Attributes
    ----------
    weights : array of shape (n_parts, n_cells), each column sums to 1
    shapes : array of shape (n_parts, n_cells)
    rates : array of shape (n_parts, n_cells)
    n_counts : counts of a band
        Parts are ordered by count; from one count to the next the shapes grow by 1 and the rates are the same.
    """

    weights: NDArray[np.float64]
    shapes: NDArray[np.float64]
    rates: NDArray[np.float64]
    n_counts: int = 1

    def probability_above(self, level: float) -> NDArray[np.float64]:
        """Posterior probability that θ is above ``level``, per cell."""
        found = np.empty(self.weights.shape[1])
        for start in range(0, found.size, CHUNK):
            found[start : start + CHUNK] = self._above(level, slice(start, start + CHUNK))
        return found

    def probability_below(self, level: float) -> NDArray[np.float64]:
        """Posterior probability that θ is below ``level``, per cell."""
        return 1.0 - self.probability_above(level)

    def _above(self, level: float, cells: slice) -> NDArray[np.float64]:
        n_components = self.weights.shape[0] // self.n_counts
        weights = self.weights[:, cells].reshape(self.n_counts, n_components, -1)
        is_asked = weights.sum(axis=0) > NEGLIGIBLE
        shape, reach = self.shapes[:n_components, cells][is_asked], self.rates[:n_components, cells][is_asked] * level
        above = special.gammaincc(shape, reach)
        step = np.exp(shape * np.log(reach) - reach - special.gammaln(shape + 1.0)) if self.n_counts > 1 else above
        found = np.zeros(is_asked.shape)
        for count, weight in enumerate(weights):
            found[is_asked] += weight[is_asked] * above
            # The same function of a shape larger by 1: DLMF 8.8.6.
            above, step = above + step, step * (reach / (shape + count + 1.0))
        return np.asarray(found.sum(axis=0))


def mixed_level(
    incident_count: NDArray[np.int64],
    expected: NDArray[np.float64],
    neighbours: Mapping[float, sparse.csr_array],
    *,
    width: int = 1,
) -> MixedLevel:
    """Posterior of each cell's relative level under a mixture of priors; stands wherever `relative_level` does.

    Parameters
    ----------
    incident_count : array of shape (n_cells,)
        With a ``width`` above 1 the lowest count of each cell's band, from `level_bands.lowest_of_band`.
    expected : array of shape (n_cells,), from `risk_class.reference_expected` or `level_bands.expected_from_bands`
    neighbours : weights between cells by bandwidth in metres
        Matrices of shape (n_cells, n_cells) without diagonal, as `Kernels.neighbours` gives.
    width : counts in a band; 1 where counts are known

    Raises
    ------
    InvalidRule
        If a count is not the lowest of a band.
    MismatchedSupport
        If shapes differ.
    UndefinedMetric
        If there is no neighbourhood.
    """
    if incident_count.shape != expected.shape:
        raise MismatchedSupport(
            f"incident_count has shape {incident_count.shape}, expected {expected.shape}; they must agree."
        )
    if not np.array_equal(lowest_of_band(incident_count, width=width), incident_count):
        raise InvalidRule(f"Counts are not the lowest of bands of {width}; make them so with lowest_of_band.")
    fixed_means, fixed_strengths = _fixed_components(expected.size)
    seen = incident_count.astype(np.float64)
    if width > 1:
        seen = _seen(incident_count, expected, fixed_means, fixed_strengths, width)
        # Where nothing is known of what to expect, a band says neither much nor little to the cells around.
        seen[expected == 0.0] = 0.0
    near_means, near_strengths, bandwidths = _near_components(seen, expected, neighbours)
    strengths = np.concatenate([near_strengths, fixed_strengths])
    prior_shape = strengths[:, None] * np.concatenate([near_means, fixed_means])
    likelihood = negative_binomial_band(incident_count, prior_shape, strengths, expected, width=width)
    share = _shares(likelihood.sum(axis=0)[:, expected > 0.0])
    likelihood *= share[:, None]
    likelihood /= likelihood.sum(axis=(0, 1))
    rates = strengths[:, None] + expected
    mean, square = np.zeros(expected.size), np.zeros(expected.size)
    for count in range(width):
        level = (incident_count + count + prior_shape) / rates
        mean += (likelihood[count] * level).sum(axis=0)
        square += (likelihood[count] * level * (level + 1.0 / rates)).sum(axis=0)
    variance = square - mean**2
    by_bandwidth = {
        bandwidth_m: share[: bandwidths.size][bandwidths == bandwidth_m].sum() for bandwidth_m in neighbours
    }
    return MixedLevel(
        reference_expected=expected,
        shape=mean**2 / variance,
        rate=mean / variance,
        prior_strength=float(share @ strengths),
        bandwidth_m=max(by_bandwidth, key=lambda bandwidth_m: float(by_bandwidth[bandwidth_m])),
        weights=likelihood.reshape(-1, expected.size),
        shapes=np.concatenate([incident_count + count + prior_shape for count in range(width)]),
        rates=np.tile(rates, (width, 1)),
        n_counts=width,
    )


def _seen(
    low: NDArray[np.int64],
    expected: NDArray[np.float64],
    means: NDArray[np.float64],
    strengths: NDArray[np.float64],
    width: int,
) -> NDArray[np.float64]:
    """The count each band leads one to expect, without asking the cells around.

    A cell that asked its neighbours would be told of itself when they are asked in turn.
    """
    likelihood = negative_binomial_band(low, strengths[:, None] * means, strengths, expected, width=width)
    share = _shares(likelihood.sum(axis=0)[:, expected > 0.0])
    of_count = np.einsum("k,wkn->wn", share, likelihood)
    return np.asarray(low + np.arange(width) @ of_count / of_count.sum(axis=0))


def _fixed_components(n_cells: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Prior mean of each component and cell, and strength, of the levels that look at no neighbours."""
    fixed = [(level, strength) for level in LEVELS for strength in LEVEL_STRENGTHS]
    fixed += [(level, ORDINARY_STRENGTH) for level in ORDINARY_LEVELS]
    means, strengths = np.array(fixed).T
    return np.broadcast_to(means[:, None], (means.size, n_cells)), strengths


def _near_components(
    seen: NDArray[np.float64], expected: NDArray[np.float64], neighbours: Mapping[float, sparse.csr_array]
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Prior mean of each component and cell, strength, and bandwidth, of those that look at neighbours."""
    if not neighbours:
        raise UndefinedMetric("No neighbourhood was given; at least one bandwidth is needed.")
    means, strengths, bandwidths = [], [], []
    for bandwidth_m, weights in neighbours.items():
        if weights.shape != (expected.size, expected.size):
            raise MismatchedSupport(
                f"Weights of {bandwidth_m} m have shape {weights.shape}; {expected.size} cells were given."
            )
        around = np.asarray(weights @ seen + TOWARDS_ONE, dtype=np.float64)
        prior_mean = around / np.asarray(weights @ expected + TOWARDS_ONE, dtype=np.float64)
        for strength in PRIOR_STRENGTHS:
            means.append(prior_mean)
            strengths.append(strength)
            bandwidths.append(bandwidth_m)
    return np.stack(means), np.array(strengths), np.array(bandwidths)


def _shares(likelihood: NDArray[np.float64]) -> NDArray[np.float64]:
    """Share of each component among the cells, by EM from equal shares."""
    n_components, n_cells = likelihood.shape
    share = np.full(n_components, 1.0 / n_components)
    for _ in range(N_STEPS):
        responsible = share * (likelihood @ (1.0 / (share @ likelihood)))
        share = (responsible + PRIOR_CELLS / n_components) / (n_cells + PRIOR_CELLS)
    return share
