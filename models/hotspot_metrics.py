"""How well a forecast finds the places: hit rate, PAI, PEI, and deviance of the counts themselves.

All take the cells of one support, which count as equal in area, and the incidents of one window. Incidents off the
support are told as ``off_support``: they count as misses, or a model could win by speaking about fewer places. Cells
with equal forecasts are taken in random order, in expectation: a tie at the threshold gives its mean.
"""

import numpy as np
from numpy.typing import NDArray

from models.errors import MismatchedSupport, UndefinedMetric

COVERAGES = (0.01, 0.02, 0.05, 0.10)
FLAT_SHARE = 0.03


def hit_rate(
    risk: NDArray[np.float64], incidents: NDArray[np.int64], *, coverage: float = 0.05, off_support: int = 0
) -> float:
    """Share of the incidents that fell into the riskiest cells; higher is better.

    Parameters
    ----------
    risk : array of shape (n_cells,)
        Expected incidents per cell; only the order matters.
    incidents : array of shape (n_cells,)
        Incidents recorded over the horizon, after the model's ``as_of``.
    coverage : share of the cells treated as hotspots, in (0, 1]; the last cell that would overshoot is left out
    off_support : incidents that fell outside these cells

    Raises
    ------
    UndefinedMetric
        If there are no incidents, or ``coverage`` is smaller than one cell.

    Examples
    --------
    >>> hit_rate(np.array([0.9, 0.1, 0.1, 0.1]), np.array([6, 2, 0, 0]), coverage=0.5)
    0.8333333333333334
    """
    total = _total(incidents, off_support)
    return _caught(risk, incidents, _watched(risk, incidents, coverage)) / total


def prediction_accuracy_index(
    risk: NDArray[np.float64], incidents: NDArray[np.int64], *, coverage: float = 0.05, off_support: int = 0
) -> float:
    """Share of incidents caught, divided by the share of area watched (PAI); higher is better.

    Parameters are those of `hit_rate`.

    Returns
    -------
    float
        1.0 is no better than chance; 8.0 means hotspots hold eight times their share by area.

    Raises
    ------
    UndefinedMetric
        If there are no incidents, or ``coverage`` is smaller than one cell.

    References
    ----------
    Chainey, Tompson & Uhlig (2008), Security Journal 21, 4-28.

    Examples
    --------
    >>> prediction_accuracy_index(np.array([0.9, 0.1, 0.1, 0.1]), np.array([6, 2, 0, 0]), coverage=0.25)
    3.0
    """
    n_watched = _watched(risk, incidents, coverage)
    caught_share = _caught(risk, incidents, n_watched) / _total(incidents, off_support)
    return caught_share / (n_watched / risk.size)


def prediction_efficiency_index(
    risk: NDArray[np.float64], incidents: NDArray[np.int64], *, coverage: float = 0.05
) -> float:
    """PAI divided by the best PAI anyone could have had with hindsight (PEI); higher is better, 1.0 is hindsight.

    Parameters are those of `hit_rate`; incidents off the support cancel out. Even a model that knew every cell's
    true rate stays well below 1.0 where incidents are few, because chance decides which cell is hit.

    Raises
    ------
    UndefinedMetric
        If there are no incidents in these cells, or ``coverage`` is smaller than one cell.

    References
    ----------
    Hunt (2016), Do crime hot spots move?, American University, Washington (dissertation).
    """
    n_watched = _watched(risk, incidents, coverage)
    best = np.sort(incidents)[::-1][:n_watched].sum()
    if best == 0:
        raise UndefinedMetric("PEI needs at least one incident in the support; got 0.")
    return _caught(risk, incidents, n_watched) / float(best)


def poisson_deviance(expected: NDArray[np.float64], incidents: NDArray[np.int64]) -> float:
    """Mean Poisson deviance per cell, after mixing a flat map into the forecast; lower is better, 0 is perfect.

    Parameters
    ----------
    expected : array of shape (n_cells,)
        Expected incidents per cell over the horizon, never negative.
    incidents : array of shape (n_cells,)
        Incidents recorded over that horizon.

    References
    ----------
    McCullagh & Nelder (1989), Generalized Linear Models, 2nd ed., section 2.3.
    """
    _require_same_length(expected, incidents)
    mixed = with_flat_share(expected)
    hit = incidents > 0
    surprise = np.sum(incidents[hit] * np.log(incidents[hit] / mixed[hit]))
    return float(2.0 * (surprise - incidents.sum() + mixed.sum()) / incidents.size)


def with_flat_share(expected: NDArray[np.float64], *, share: float = FLAT_SHARE) -> NDArray[np.float64]:
    """The forecast with ``share`` of it spread evenly, so that no cell is held impossible.

    The total stays the same, except that a forecast of nothing at all counts as half an incident spread evenly.
    """
    total = float(expected.sum())
    if total == 0.0:
        return np.full(expected.size, 0.5 / expected.size)
    return (1.0 - share) * expected + share * total / expected.size


def _caught(risk: NDArray[np.float64], incidents: NDArray[np.int64], n_watched: int) -> float:
    threshold = np.partition(risk, risk.size - n_watched)[risk.size - n_watched]
    above = risk > threshold
    tied = risk == threshold
    share_of_ties = (n_watched - np.count_nonzero(above)) / np.count_nonzero(tied)
    return float(incidents[above].sum() + share_of_ties * incidents[tied].sum())


def _watched(risk: NDArray[np.float64], incidents: NDArray[np.int64], coverage: float) -> int:
    _require_same_length(risk, incidents)
    if not 0.0 < coverage <= 1.0:
        raise UndefinedMetric(f"coverage={coverage} is not a share; it must lie in (0, 1].")
    n_watched = int(coverage * risk.size + 1e-9)
    if n_watched == 0:
        raise UndefinedMetric(
            f"coverage={coverage} of {risk.size} cells is less than one cell; raise it or use a finer resolution."
        )
    return n_watched


def _total(incidents: NDArray[np.int64], off_support: int) -> int:
    total = int(incidents.sum()) + off_support
    if total == 0:
        raise UndefinedMetric("A share of incidents needs at least one in the window; got 0.")
    return total


def _require_same_length(forecast: NDArray[np.float64], incidents: NDArray[np.int64]) -> None:
    if forecast.shape != incidents.shape:
        raise MismatchedSupport(
            f"The forecast has shape {forecast.shape}, the incidents {incidents.shape}; both follow the same cells."
        )
