"""Do expected and observed counts agree? Order alone (PAI) cannot tell."""

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import optimize

from models.errors import MismatchedSupport, UndefinedMetric

STEEPEST = 20.0


def calibration_slope(expected: NDArray[np.float64], observed: NDArray[np.int64]) -> float:
    """Slope b of the Poisson regression ``observed ~ Poisson(exp(a + b log(expected)))``, fitted with its intercept.

    1.0 is calibrated. Below 1 the forecast is too extreme (high cells get less than it says, low ones more), above 1
    too timid. The intercept takes up a wrong level, which `observed_over_expected` tells.

    Parameters
    ----------
    expected : array of shape (n,)
        Expected incidents, all positive; windows of several forecasts may stand one after another.
    observed : array of shape (n,)

    Raises
    ------
    UndefinedMetric
        If a forecast is not positive, nothing was observed, the forecasts are all equal, or no finite slope fits.

    References
    ----------
    Cox (1958), Biometrika 45, 562-565 (logistic form); Poisson form as in McCullagh & Nelder (1989), chapter 6.
    """
    if expected.shape != observed.shape:
        raise MismatchedSupport(f"expected has shape {expected.shape}, observed {observed.shape}; they must agree.")
    if expected.size == 0 or float(expected.min()) <= 0.0:
        raise UndefinedMetric("The slope needs positive forecasts; mix a flat map in with with_flat_share.")
    total = observed.sum()
    if total == 0:
        raise UndefinedMetric("The slope needs at least one incident; got 0.")
    log_expected = np.log(expected)
    # Centred at the largest, so that no power overflows at any slope.
    x = log_expected - log_expected.max()
    mean_at_incidents = float(np.sum(observed * x) / total)

    def score(slope: float) -> float:
        weight = np.exp(slope * x - max(0.0, slope * float(x.min())))
        return mean_at_incidents - float(np.sum(weight * x) / weight.sum())

    # With its best intercept the likelihood has one hump in b: the score falls and crosses zero once.
    if np.ptp(x) == 0.0 or score(-STEEPEST) <= 0.0 or score(STEEPEST) >= 0.0:
        raise UndefinedMetric("No finite slope fits: the forecasts are all equal or separate the incidents perfectly.")
    return float(optimize.brentq(score, -STEEPEST, STEEPEST, xtol=1e-10))


def observed_over_expected(expected: NDArray[np.float64], observed: NDArray[np.int64]) -> float:
    """Total observed divided by total expected; 1.0 is the right level, 1.5 means half as many again as expected.

    Raises
    ------
    UndefinedMetric
        If nothing at all was expected.
    """
    total = float(expected.sum())
    if total == 0.0:
        raise UndefinedMetric("Observed over expected needs a forecast above zero; got 0 in total.")
    return float(observed.sum() / total)


def reliability_table(expected: NDArray[np.float64], observed: NDArray[np.int64], *, n_bands: int = 10) -> pl.DataFrame:
    """Expected and observed incidents side by side, in bands that each hold about the same expected total.

    Bands of equal totals, not of equal numbers of cells, because most cells expect next to nothing. Bands that would
    be empty are left out.

    Returns
    -------
    polars frame with one row per band, lowest forecasts first
        ``band`` (from 1), ``n_cells``, ``expected_incidents``, ``observed_incidents``, ``observed_over_expected``.

    Raises
    ------
    UndefinedMetric
        If nothing at all was expected.
    """
    total = float(expected.sum())
    if total == 0.0:
        raise UndefinedMetric("A reliability table needs a forecast above zero; got 0 in total.")
    order = np.argsort(expected, kind="stable")
    share_below = (np.cumsum(expected[order]) - expected[order] / 2) / total
    band = np.minimum((share_below * n_bands).astype(np.int64), n_bands - 1)
    # Summed by numpy: a grouped sum on several threads may differ in its last digit from run to run.
    n_cells = np.bincount(band, minlength=n_bands)
    expected_sum = np.bincount(band, weights=expected[order], minlength=n_bands)
    observed_sum = np.bincount(band, weights=observed[order], minlength=n_bands).astype(np.int64)
    is_filled = expected_sum > 0.0
    return pl.DataFrame(
        {
            "band": np.flatnonzero(is_filled) + 1,
            "n_cells": n_cells[is_filled],
            "expected_incidents": expected_sum[is_filled],
            "observed_incidents": observed_sum[is_filled],
            "observed_over_expected": observed_sum[is_filled] / expected_sum[is_filled],
        }
    )
