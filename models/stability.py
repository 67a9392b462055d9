"""How lasting a hotspot is: did earlier refits name the place too, and do incidents come back to it.

Both say how far one month's list may be trusted. Expected incidents are an estimate, so the cells at its upper end
change from month to month by chance alone; a place that every refit of the last year put there is another thing than
one that came up once. Repetition is judged on the record alone, without any model.

References
----------
Farrell & Pease (1993), Once bitten, twice bitten: repeat victimisation and its implications for crime prevention, Home
Office Crime Prevention Unit Paper 46 (a share of places takes a large part of the incidents, and takes them again).
Weisburd (2015), Criminology 53, 133-157 (how concentrated, and how steady, crime at places is).
"""

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from models.errors import MismatchedSupport, TooLittleHistory
from models.history import History, days_later
from models.risk_model import RiskModel
from models.windows import LEAST_TRAINING_DAYS

HOTSPOT_SHARE = 0.05
"""Part of the support that counts as hotspots, as in the hit rate of the backtest."""
REFITS = 12
REFIT_STEP_DAYS = 30
LEAST_REFITS = 6
"""With fewer refits a share of them says little."""

REPEAT_DAYS = 365
REPEAT_MONTHS = 3
REPEAT_TIMES = 2.0
"""Times the mean of the cells that had an incident at all: what recurs by mere traffic is thereby left out."""


def among_highest(expected: NDArray[np.float64], *, share: float = HOTSPOT_SHARE) -> NDArray[np.bool_]:
    """Cells whose forecast is among the highest ``share`` of the support.

    At least one cell may be named. Cells that tie at the threshold are left out together, so nothing depends on the
    order of the cells, and a forecast that is the same everywhere names none.

    Parameters
    ----------
    expected : array of shape (n_cells,)
        Expected incidents per cell; only the order matters.
    share : part of the cells, in (0, 1]

    Examples
    --------
    >>> among_highest(np.array([0.1, 0.9, 0.4, 0.4]), share=0.5).tolist()
    [False, True, False, False]
    """
    n_named = max(1, int(np.floor(share * expected.size + 1e-9)))
    if n_named >= expected.size:
        return np.ones(expected.size, dtype=np.bool_)
    first_left_out = np.partition(expected, expected.size - n_named - 1)[expected.size - n_named - 1]
    return np.asarray(expected > first_left_out, dtype=np.bool_)


def stability(forecasts: NDArray[np.float64], *, share: float = HOTSPOT_SHARE) -> NDArray[np.float64]:
    """Share of the refits in which each cell was among the highest, between 0 and 1.

    Parameters
    ----------
    forecasts : array of shape (n_refits, n_cells)
        Expected incidents per cell, one row for each refit; see `refit_forecasts`.
    share : part of the support, as in `among_highest`

    Returns
    -------
    array of shape (n_cells,)

    Raises
    ------
    TooLittleHistory
        If there is no refit.

    Examples
    --------
    >>> stability(np.array([[3.0, 1.0, 2.0], [1.0, 3.0, 2.0]]), share=0.34).tolist()
    [0.5, 0.5, 0.0]
    """
    if forecasts.shape[0] == 0:
        raise TooLittleHistory("No refit was given; stability needs at least one. Deliver a longer record.")
    named = np.stack([among_highest(one, share=share) for one in forecasts])
    return np.asarray(named.mean(axis=0), dtype=np.float64)


def refit_days(start: date, as_of: date) -> tuple[date, ...]:
    """As-of days of the earlier refits, oldest first: every 30 days before ``as_of``, twelve at most.

    Raises
    ------
    TooLittleHistory
        If the record ``[start, as_of)`` leaves fewer than six refits with 60 days before the first.

    Examples
    --------
    >>> days = refit_days(date(2024, 1, 1), date(2026, 1, 1))
    >>> len(days), days[0].isoformat(), days[-1].isoformat()
    (12, '2025-01-06', '2025-12-02')
    """
    days = [days_later(as_of, -REFIT_STEP_DAYS * number) for number in range(REFITS, 0, -1)]
    kept = tuple(day for day in days if (day - start).days >= LEAST_TRAINING_DAYS)
    if len(kept) < LEAST_REFITS:
        raise TooLittleHistory(
            f"The record from {start} to {as_of} leaves {len(kept)} refits with {LEAST_TRAINING_DAYS} days before "
            f"them; at least {LEAST_REFITS} are needed. Deliver a longer record."
        )
    return kept


def refit_forecasts(
    model: RiskModel, history: History, *, days: Sequence[date], horizon_days: int
) -> NDArray[np.float64]:
    """What the model would have said on each of those days, knowing only what lay before it.

    Its settings stay those it has now: this asks how lasting the list is, not how good the model was.

    Returns
    -------
    array of shape (n_refits, n_cells)
    """
    return np.stack([model.fit(history, as_of=day).expected_incidents(horizon_days) for day in days])


def repeat_places(history: History, *, as_of: date) -> NDArray[np.bool_]:
    """Cells to which incidents of the group came back in the 365 days before ``as_of``.

    Two things are asked: incidents in at least three different calendar months, and at least twice as many of them as
    the mean cell that had any. The first leaves out a single bad week, the second leaves out places that are merely as
    busy as others. Calendar months, because some records know no finer date.

    Parameters
    ----------
    history : incidents of one offence group; days on and after ``as_of`` are not looked at

    Returns
    -------
    array of shape (n_cells,)

    Raises
    ------
    TooLittleHistory
        If nothing is known before ``as_of``.
    """
    known = history.before(as_of)
    first = (days_later(as_of, -REPEAT_DAYS) - known.start).days
    is_recent = known.day >= first
    cell, day = known.cell_index[is_recent], known.day[is_recent].astype(np.int64)
    counts = np.bincount(cell, minlength=known.n_cells)
    if cell.size == 0:
        return np.zeros(known.n_cells, dtype=np.bool_)
    month = (np.datetime64(known.start, "D") + day).astype("datetime64[M]").astype(np.int64)
    month -= month.min()
    in_month = np.unique(cell.astype(np.int64) * (month.max() + 1) + month)
    months = np.bincount(in_month // (month.max() + 1), minlength=known.n_cells)
    usual = counts[counts > 0].mean()
    return np.asarray((months >= REPEAT_MONTHS) & (counts >= REPEAT_TIMES * usual), dtype=np.bool_)


def stability_of(model: RiskModel, history: History, *, as_of: date, horizon_days: int) -> NDArray[np.float64]:
    """Stability of each cell over the refits before ``as_of``, as an array of shape (n_cells,).

    Raises
    ------
    TooLittleHistory
        If the record holds too few refits (see `refit_days`).
    MismatchedSupport
        If the model answers for other cells than the history's.
    """
    days = refit_days(history.start, as_of)
    forecasts = refit_forecasts(model, history, days=days, horizon_days=horizon_days)
    if forecasts.shape[1] != history.n_cells:
        raise MismatchedSupport(
            f"The model answers for {forecasts.shape[1]} cells, the history for {history.n_cells}; "
            "make both from the same support."
        )
    return stability(forecasts)
