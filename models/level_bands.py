"""Counts of which only the band is known, and the common rate of similar places learnt from bands alone.

A public class must not tell 0 incidents from 3. It therefore never sees a count, only the band of five the count lies
in, 0 to 4, 5 to 9 and so on: by `lowest_of_band` a count becomes the lowest one of its band, and everything after that
is a function of these. Two records with the same bands have the same rates, levels and classes, whatever an attacker
knows of all other counts.

The common rate is the one at which similar places have as many incidents as their bands lead one to expect. How levels
differ between similar places is not presumed: each kind of place has a law of its own on `RATE_LEVELS`, learnt with
the rate and leaning on the law of all places together where there are few.

References
----------
Turnbull (1976), Journal of the Royal Statistical Society B 38, 290-295 (laws learnt from censored observations).
Laird (1978), Journal of the American Statistical Association 73, 805-811 (mixing distributions learnt from data).
"""

import numpy as np
from numpy.typing import NDArray
from scipy import special

from models.errors import InvalidRule, MismatchedSupport, UndefinedMetric

BAND_WIDTH = 5
"""Counts of a band: what the public may not tell apart."""
RATE_LEVELS = tuple(np.geomspace(1 / 32, 16.0, 15).tolist())
"""Relative levels that places of one kind may have."""
COMMON_LAW_CELLS = 20.0
"""The law of all places together speaks in that of each kind like so many cells."""
N_STEPS = 100
SETTLED = 1e-4
"""The rates have settled when none changes by more than this share in a step."""
LEAST_TOLD = 0.4
"""Share of a kind's expected incidents that its bands must hold for certain. Below it the rate is guesswork and mostly
too low: at a quarter by .6 to 1.1 of the truth, from two fifths on by .9 to 1.1 (laws of `models.class_error`)."""


def lowest_of_band(incident_count: NDArray[np.int64], *, width: int = BAND_WIDTH) -> NDArray[np.int64]:
    """The lowest count of the band each count lies in, as an array of the same shape; at width 1 the count itself.

    Examples
    --------
    >>> lowest_of_band(np.array([0, 4, 5, 13]))
    array([ 0,  0,  5, 10])
    """
    if width < 1:
        raise InvalidRule(f"A band of width {width} holds no count; give at least 1.")
    return incident_count - incident_count % width


def expected_from_bands(
    band_low: NDArray[np.int64],
    exposure: NDArray[np.float64],
    stratum: NDArray[np.generic],
    *,
    width: int = BAND_WIDTH,
) -> NDArray[np.float64]:
    """What each cell would have if it were like the similar places, read from bands: E = exposure × their common rate.

    Stands where `risk_class.reference_expected` does. Nothing but its arguments enters: no count, and no total. Where
    nearly all places of a kind lie in the lowest band, bands do not tell its rate (`LEAST_TOLD`): nothing is expected
    then, which makes its cells grey.

    Parameters
    ----------
    band_low : array of shape (n_cells,), from `lowest_of_band`
    exposure : array of shape (n_cells,)
        People at risk × time, or 1 for every inhabited cell where no population is known; never negative.
    stratum : array of shape (n_cells,), numbers or text
        Cells with the same value are similar places.
    width : counts in a band

    Returns
    -------
    array of shape (n_cells,)
        Zero where there is no exposure, and for kinds of which bands tell too little.

    Raises
    ------
    MismatchedSupport
        If shapes differ.
    UndefinedMetric
        If an exposure is negative, or a stratum certainly has incidents and no exposure.
    """
    if not band_low.shape == exposure.shape == stratum.shape:
        raise MismatchedSupport(
            f"band_low, exposure and stratum have shapes {band_low.shape}, {exposure.shape} and {stratum.shape}; "
            "they must agree."
        )
    if exposure.size and float(exposure.min()) < 0.0:
        raise UndefinedMetric(f"The lowest exposure is {exposure.min()}; people and time are never negative.")
    names, number = np.unique(stratum, return_inverse=True)
    exposed = np.bincount(number, weights=exposure, minlength=names.size)
    without = (exposed == 0.0) & (np.bincount(number, weights=band_low, minlength=names.size) > 0.0)
    if without.any():
        raise UndefinedMetric(
            f"Similar places {names[without][0]!r} have incidents and no exposure; give each of their cells 1 if "
            "nothing is known."
        )
    order = np.argsort(number, kind="stable")
    order = order[exposure[order] > 0.0]
    if order.size == 0:
        return np.zeros_like(exposure)
    own, kinds = exposure[order], number[order]
    first = np.flatnonzero(np.diff(kinds, prepend=-1))
    rate = _common_rate(band_low[order], own, first, width)
    certain = np.add.reduceat(band_low[order], first)
    rate[certain < LEAST_TOLD * rate * np.add.reduceat(own, first)] = 0.0
    expected = np.zeros_like(exposure)
    expected[order] = own * np.repeat(rate, np.diff(first, append=order.size))
    return expected


def _common_rate(
    low: NDArray[np.int64], exposure: NDArray[np.float64], first: NDArray[np.int64], width: int
) -> NDArray[np.float64]:
    """Rate of each run of cells that starts at ``first``, from the bands of its cells, by EM."""
    n_cells = np.diff(first, append=low.size)
    exposed = np.add.reduceat(exposure, first)
    levels = np.array(RATE_LEVELS)[:, None]
    law = np.full((levels.size, first.size), 1.0 / levels.size)
    rate = np.add.reduceat(low + (width - 1) / 2, first) / exposed
    for _ in range(N_STEPS):
        mean = levels * (exposure * np.repeat(rate, n_cells))
        likelihood, seen = poisson_band(low, mean, width=width)
        joint = np.repeat(law, n_cells, axis=1) * likelihood
        joint /= joint.sum(axis=0)
        per_kind = np.add.reduceat(joint, first, axis=1)
        common = per_kind.sum(axis=1, keepdims=True) / low.size
        law = (per_kind + COMMON_LAW_CELLS * common) / (n_cells + COMMON_LAW_CELLS)
        before, rate = rate, np.add.reduceat((joint * seen).sum(axis=0), first) / exposed
        if np.all(np.abs(rate - before) <= SETTLED * before):
            break
    return rate


def poisson_band(
    low: NDArray[np.int64], mean: NDArray[np.float64], *, width: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How likely a Poisson count lies in its band, up to a factor of each cell, and its mean given that it does.

    Parameters
    ----------
    low : array of shape (n_cells,)
    mean : array of shape (n_components, n_cells), above zero

    Returns
    -------
    two arrays of shape (n_components, n_cells)
    """
    logarithm = low * np.log(mean) - mean
    term = np.exp(logarithm - logarithm.max(axis=0))
    likelihood, seen = term.copy(), low * term
    for count in range(1, width):
        term = term * (mean / (low + count))
        likelihood += term
        seen += (low + count) * term
    return likelihood, np.divide(seen, likelihood, out=low + np.zeros_like(mean), where=likelihood > 0.0)


def negative_binomial_band(
    low: NDArray[np.int64],
    prior_shape: NDArray[np.float64],
    strength: NDArray[np.float64],
    expected: NDArray[np.float64],
    *,
    width: int,
) -> NDArray[np.float64]:
    """Likelihood of each count of a cell's band under gamma priors, up to a factor of each cell.

    Parameters
    ----------
    low : array of shape (n_cells,)
    prior_shape : array of shape (n_components, n_cells)
    strength : array of shape (n_components,), rates of the gamma priors
    expected : array of shape (n_cells,)

    Returns
    -------
    array of shape (width, n_components, n_cells)
        At ``[i]``, of the count ``low + i``.
    """
    rate = strength[:, None] + expected
    logarithm = (
        special.gammaln(low + prior_shape)
        - special.gammaln(prior_shape)
        + prior_shape * np.log(strength[:, None] / rate)
        + low * np.log(np.maximum(expected, 1e-12) / rate)
    )
    likelihood = np.empty((width, *prior_shape.shape))
    likelihood[0] = np.exp(logarithm - logarithm.max(axis=0))
    share = expected / rate
    for count in range(1, width):
        likelihood[count] = likelihood[count - 1] * (low + count - 1 + prior_shape) / (low + count) * share
    return likelihood
