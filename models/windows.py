"""Rolling windows: which past days a model is tuned or judged on, and what it may know in each.

Every window starts after the days its forecast was made from; nothing on or after ``as_of`` is ever in one.
"""

from dataclasses import dataclass
from datetime import date, timedelta

from models.errors import TooLittleHistory

SPAN_DAYS = 365
LEAST_STEP_DAYS = 30
LEAST_TRAINING_DAYS = 60
LEAST_WINDOWS = 2
LEAST_TUNING_DAYS = 28
SHORT_WINDOWS = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Days ``[start, end)`` that a forecast made on ``start`` speaks about."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days


def rolling_windows(start: date, as_of: date, *, horizon_days: int) -> tuple[Window, ...]:
    """Windows of ``horizon_days`` in the last year before ``as_of``, one every ``max(30, horizon_days)`` days.

    Where the record ``[start, as_of)`` is shorter than two years, its later half takes the place of the last year.
    The first window starts on the first day of that span.

    Raises
    ------
    TooLittleHistory
        If not even two windows and 60 days before the first one fit.

    Examples
    --------
    >>> windows = rolling_windows(date(2014, 1, 1), date(2019, 1, 1), horizon_days=30)
    >>> len(windows), windows[0].start.isoformat(), windows[-1].end.isoformat()
    (12, '2018-01-01', '2018-12-27')
    """
    record_days = (as_of - start).days
    span_days = min(SPAN_DAYS, max(0, record_days) // 2)
    first = as_of - timedelta(days=span_days)
    step_days = max(LEAST_STEP_DAYS, horizon_days)
    n_windows = 1 + (span_days - horizon_days) // step_days if span_days >= horizon_days else 0
    training_days = record_days - span_days
    if n_windows < LEAST_WINDOWS or training_days < LEAST_TRAINING_DAYS:
        raise TooLittleHistory(
            f"{record_days} days of record before {as_of} leave {max(0, training_days)} training days and {n_windows} "
            f"windows of {horizon_days} days; at least {LEAST_TRAINING_DAYS} and {LEAST_WINDOWS} are needed. "
            "Deliver a longer record or choose a shorter horizon."
        )
    starts = [first + timedelta(days=step_days * number) for number in range(n_windows)]
    return tuple(Window(start=day, end=day + timedelta(days=horizon_days)) for day in starts)


def tuning_windows(start: date, as_of: date, *, horizon_days: int) -> tuple[Window, ...]:
    """Windows to choose settings on: the rolling ones, or shorter ones where the record is short.

    A record that cannot hold `rolling_windows` is asked in four windows side by side that fill its later half: how far
    to look around and back is much the same question for one week and for one month.

    Raises
    ------
    TooLittleHistory
        If the record is shorter than four weeks.

    Examples
    --------
    >>> windows = tuning_windows(date(2018, 1, 1), date(2018, 4, 21), horizon_days=30)
    >>> len(windows), windows[0].start.isoformat(), windows[-1].end.isoformat()
    (4, '2018-02-28', '2018-04-21')
    """
    try:
        return rolling_windows(start, as_of, horizon_days=horizon_days)
    except TooLittleHistory:
        record_days = (as_of - start).days
        if record_days < LEAST_TUNING_DAYS:
            raise
    length_days = min(horizon_days, record_days // 2 // SHORT_WINDOWS)
    first = as_of - timedelta(days=length_days * SHORT_WINDOWS)
    starts = [first + timedelta(days=length_days * number) for number in range(SHORT_WINDOWS)]
    return tuple(Window(start=day, end=day + timedelta(days=length_days)) for day in starts)
