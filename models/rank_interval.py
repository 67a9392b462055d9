"""Ranges of ranks instead of ranks: which places an area may hold in a list, as far as its incidents can tell.

Ranks amplify chance: among areas that hardly differ, one incident decides who is first. A range says which ranks are
plausible. The ranges here hold *together* (simultaneous): with the given probability every area's rank lies in its
range at once. A list is read as a whole and its upper end is what people remember; and ranges that hold one by one
contradict each other among equal areas, where they may say that nobody is first.

References
----------
Goldstein & Spiegelhalter (1996), Journal of the Royal Statistical Society A 159, 385-443 (ranks need intervals).
Mogstad, Romano, Shaikh & Wilhelm (2024), Review of Economic Studies 91, 476-518 (simultaneous ranges of ranks).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from models.errors import MismatchedSupport, UndefinedMetric

N_DRAWS = 4000
MONTE_CARLO_ERRORS = 3.0
"""Ranges are widened by three standard errors of their borders, so that areas alike are treated alike."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RankInterval:
    """Highest and lowest plausible place of each area, both included; 1 is the area of the highest rate."""

    highest: NDArray[np.int64]
    lowest: NDArray[np.int64]


def rank_interval(
    shape: NDArray[np.float64],
    rate: NDArray[np.float64],
    *,
    rng: np.random.Generator,
    level: float = 0.9,
    n_draws: int = N_DRAWS,
) -> RankInterval:
    """Simultaneous ranges of ranks of areas whose rates have independent gamma posteriors.

    Parameters
    ----------
    shape, rate : arrays of shape (n_areas,), of each area's gamma posterior
        With Jeffreys' prior (`predictive.rate_interval`) the count plus one half, and the exposure. Leave out areas
        of unknown exposure: they have no place in the list.
    rng : the same seed gives the same ranges
    level : posterior probability that all ranks lie in their ranges at once, in (0, 1)
    n_draws : draws from the posterior; time and memory grow with their number times the areas'

    Raises
    ------
    MismatchedSupport
        If ``shape`` and ``rate`` differ in shape.
    UndefinedMetric
        If a shape or rate is not positive and finite, or ``level`` is out of range.

    Examples
    --------
    >>> found = rank_interval(np.array([400.0, 11.0, 9.0]), np.ones(3), rng=np.random.default_rng(1))
    >>> found.highest.tolist(), found.lowest.tolist()
    ([1, 2, 2], [1, 3, 3])
    """
    _require_posterior(shape, rate, level)
    if shape.size == 0:
        return RankInterval(highest=np.zeros(0, dtype=np.int64), lowest=np.zeros(0, dtype=np.int64))
    drawn = rng.standard_gamma(shape, size=(n_draws, shape.size)) / rate
    place = stats.rankdata(-drawn, method="ordinal", axis=1).astype(np.int64)
    # How deep a draw lies between the extremes of every area: how many draws are at least as far out on its side.
    at_most = stats.rankdata(place, method="max", axis=0)
    at_least = n_draws + 1 - stats.rankdata(place, method="min", axis=0)
    depth = np.sort(np.minimum(at_most, at_least).min(axis=1))
    # The ranges hold a draw exactly if it lies deeper than the number of draws cut off on each side.
    cut_off = float(depth[int(np.floor((1.0 - level) * n_draws))]) - 1.0
    cut_off = max(0.0, np.floor(cut_off - MONTE_CARLO_ERRORS * np.sqrt(cut_off)))
    ordered = np.sort(place, axis=0)
    return RankInterval(highest=ordered[int(cut_off)], lowest=ordered[n_draws - 1 - int(cut_off)])


def _require_posterior(shape: NDArray[np.float64], rate: NDArray[np.float64], level: float) -> None:
    if shape.shape != rate.shape or shape.ndim != 1:
        raise MismatchedSupport(f"shape has shape {shape.shape}, rate {rate.shape}; one number per area is needed.")
    values = np.concatenate([shape, rate])
    if not (np.isfinite(values).all() and (values > 0.0).all()):
        raise UndefinedMetric(
            "A posterior has a shape or rate that is not a positive number; leave areas of unknown exposure out."
        )
    if not 0.0 < level < 1.0:
        raise UndefinedMetric(f"level={level} lies outside 0 to 1; give a share such as 0.9.")
