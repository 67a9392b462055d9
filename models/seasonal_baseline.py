"""Last year's same days once more: the naive forecast every desk knows, as an equal in the backtest."""

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from models.history import History, days_later
from models.kernels import Kernels
from models.risk_model import FittedRisk, RiskModel, Tune

NAME = "same_month_last_year"
YEAR_DAYS = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class SameMonthLastYear:
    """What happened in the same days a year earlier happens again.

    The days are those that start 365 days before ``as_of``, as many as are asked for; a horizon beyond a year repeats
    that year. Where the record does not hold all of them, each cell goes on at the mean rate of its record, since a
    part of a season is none.
    """

    name: str = NAME

    def fit(self, history: History, *, as_of: date) -> FittedRisk:
        return _FittedSameMonthLastYear(history=history.before(as_of), as_of=as_of)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _FittedSameMonthLastYear:
    history: History
    as_of: date

    def expected_incidents(self, horizon_days: int) -> NDArray[np.float64]:
        known = self.history
        start = days_later(self.as_of, -YEAR_DAYS)
        days = min(horizon_days, YEAR_DAYS)
        end = days_later(start, days)
        if start < known.start or end > known.end:
            start, end, days = known.start, known.end, known.n_days
        return known.counts(start, end).astype(np.float64) * (horizon_days / days)


def tune_same_month_last_year(history: History, *, as_of: date, horizon_days: int, kernels: Kernels) -> RiskModel:
    """There is nothing to choose."""
    return SameMonthLastYear()


SEASONAL_BASELINES: dict[str, Tune] = {NAME: tune_same_month_last_year}
