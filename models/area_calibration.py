"""Calibration by area: what came over what was expected in each district or kind of settlement, over rolling windows.

A forecast may be right for a city as a whole and wrong for each of its districts. Of an area with few incidents nobody
can say which: chance alone moves it out of the band. So an area is judged only where ``LEAST_EXPECTED`` incidents were
expected of it: there the Poisson error of the logarithm of observed over expected, ``1 / sqrt(expected)``, is less than
a third of the way from 1 to the edge of the band, so that pure chance takes about 2 in 1 000 right forecasts out of it.
Incidents that cluster more than Poisson make this more often; the interval is that of Poisson noise and says no more.
"""

import math

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import stats

from models.calibration import calibration_slope
from models.errors import MismatchedSupport, UndefinedMetric

BAND = (0.8, 1.25)
"""Observed over expected of a well calibrated area."""

LEAST_EXPECTED = 200.0
"""Expected incidents over all windows from which an area is judged."""

SCHEMA = pl.Schema(
    {
        "area": pl.String(),
        "n_cells": pl.Int64(),
        "incidents": pl.Int64(),
        "expected_incidents": pl.Float64(),
        "observed_over_expected": pl.Float64(),
        "low": pl.Float64(),
        "high": pl.Float64(),
        "slope": pl.Float64(),
        "slope_low": pl.Float64(),
        "slope_high": pl.Float64(),
        "is_judged": pl.Boolean(),
        "is_within_band": pl.Boolean(),
    }
)


def area_calibration(
    area: pl.Series, expected: NDArray[np.float64], observed: NDArray[np.int64], *, level: float = 0.9
) -> pl.DataFrame:
    """Observed over expected and calibration slope of each area.

    Parameters
    ----------
    area : area of each cell, of length n_cells; cells without one are left out
    expected : array of shape (n_windows, n_cells), expected incidents
    observed : array of the same shape, incidents recorded
    level : of both intervals, in (0, 1)

    Returns
    -------
    polars frame, one row per area in the order of their names, columns `SCHEMA`
        ``low`` and ``high``: exact Poisson interval of observed over expected. ``slope``: calibration slope of the
        area's cells over all windows, its interval by leaving out one window at a time; missing where undefined.
        ``is_within_band`` is missing where the area is not judged.

    Raises
    ------
    MismatchedSupport
        If the shapes do not belong together, or a forecast is not a finite number from 0 on.

    References
    ----------
    Garwood (1936), Biometrika 28, 437-442 (interval); Efron & Tibshirani (1993), chapter 11 (jackknife).
    """
    if expected.ndim != 2 or expected.shape != observed.shape or expected.shape[1] != area.len():
        raise MismatchedSupport(
            f"The forecast has shape {expected.shape}, the incidents {observed.shape}, and there are {area.len()} "
            "cells with an area; expected is one row a window and one column a cell."
        )
    if not (np.isfinite(expected).all() and (expected >= 0.0).all()):
        raise MismatchedSupport("The forecast holds values below 0 or none at all; give a number from 0 on to each.")
    rows = []
    for name in area.drop_nulls().unique().sort().to_list():
        inside = (area == name).fill_null(value=False).to_numpy()
        rows.append({"area": name, **_measured(expected[:, inside], observed[:, inside], level)})
    return pl.DataFrame(rows, schema=SCHEMA)


def _measured(expected: NDArray[np.float64], observed: NDArray[np.int64], level: float) -> dict[str, object]:
    total, count = float(expected.sum()), int(observed.sum())
    is_judged = total >= LEAST_EXPECTED
    row: dict[str, object] = {
        "n_cells": expected.shape[1],
        "incidents": count,
        "expected_incidents": total,
        "is_judged": is_judged,
    }
    if total > 0.0:
        tail = (1.0 - level) / 2.0
        row["observed_over_expected"] = count / total
        row["low"] = float(stats.chi2.ppf(tail, 2 * count)) / 2.0 / total if count else 0.0
        row["high"] = float(stats.chi2.ppf(1.0 - tail, 2 * count + 2)) / 2.0 / total
    if is_judged:
        row["is_within_band"] = BAND[0] <= count / total <= BAND[1]
        row.update(_slope(expected, observed, level))
    return row


def _slope(expected: NDArray[np.float64], observed: NDArray[np.int64], level: float) -> dict[str, float]:
    n_windows = expected.shape[0]

    def slope_of(chosen: NDArray[np.bool_]) -> float:
        return calibration_slope(expected[chosen].ravel(), observed[chosen].ravel())

    every = np.ones(n_windows, dtype=bool)
    try:
        slope = slope_of(every)
        without = np.array([slope_of(np.arange(n_windows) != left_out) for left_out in range(n_windows)])
    except UndefinedMetric:
        return {}
    if n_windows < 2:
        return {"slope": slope}
    error = math.sqrt((n_windows - 1) / n_windows * float(np.square(without - without.mean()).sum()))
    reach = float(stats.t.ppf((1.0 + level) / 2.0, n_windows - 1)) * error
    return {"slope": slope, "slope_low": slope - reach, "slope_high": slope + reach}
