"""Working days of Kazakhstan: five-day weeks without holidays, with the days the Government moved.

A holiday that falls on a Saturday or Sunday makes the next working day free (Labour Code, article 85); 7 January and
the first day of Kurban-ait are days off, not holidays, and move nothing. Sources, read on 23 November 2026: Law on
Holidays (articles 2 to 4); calendar of the Ministry of Labour for 2026 as reported by inform.kz on 2 January 2026; its
notice of 18 March 2026, by taspanews.kz, that 30 August is a working day from 2026 on and that 15 March is a holiday
from 2027 on; the order of 2024 that made 3 January 2025 free for 5 January.

Of a year whose moved days and Kurban-ait are not in the tables yet, only the fixed days are known. A term counted over
such a free day ends a day early, never late, so a promise made by it can be kept.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from functools import cache


@dataclass(frozen=True, slots=True, kw_only=True)
class YearlyDay:
    """A free day of every year from ``since`` to ``until``, both included; ``is_moved`` when it falls on a weekend."""

    month: int
    day: int
    is_moved: bool = True
    since: int = 2022
    until: int = 9998


YEARLY: tuple[YearlyDay, ...] = (
    YearlyDay(month=1, day=1),
    YearlyDay(month=1, day=2),
    YearlyDay(month=1, day=7, is_moved=False),
    YearlyDay(month=3, day=8),
    YearlyDay(month=3, day=15, since=2027),
    YearlyDay(month=3, day=21),
    YearlyDay(month=3, day=22),
    YearlyDay(month=3, day=23),
    YearlyDay(month=5, day=1),
    YearlyDay(month=5, day=7),
    YearlyDay(month=5, day=9),
    YearlyDay(month=7, day=6),
    YearlyDay(month=8, day=30, until=2025),
    YearlyDay(month=10, day=25),
    YearlyDay(month=12, day=16),
)
KURBAN_AIT = frozenset({date(2025, 6, 6), date(2026, 5, 27)})
"""First days of Kurban-ait, as announced for each year."""
MADE_FREE = frozenset({date(2025, 1, 3)})
"""Working days that the Government made free."""
MADE_WORKING = frozenset({date(2025, 1, 5)})
"""Days of a weekend that are worked instead."""
SATURDAY = 5


def is_working(day: date) -> bool:
    """Whether offices work on a day.

    Examples
    --------
    >>> is_working(date(2026, 12, 16)), is_working(date(2026, 12, 17))
    (False, True)
    """
    if day in MADE_WORKING:
        return True
    return day.weekday() < SATURDAY and day not in _free_days(day.year)


def add(day: date, working_days: int) -> date:
    """The last day of a term of so many working days that begins on the day after ``day``.

    Examples
    --------
    >>> add(date(2026, 11, 23), 15)
    datetime.date(2026, 12, 14)
    """
    if working_days < 1:
        raise ValueError(f"A term of {working_days} working days has no last day; give at least 1.")
    while working_days:
        day += timedelta(days=1)
        working_days -= is_working(day)
    return day


@cache
def _free_days(year: int) -> frozenset[date]:
    """Free days of a year from Monday to Friday, those that stand for a holiday on a weekend included."""
    told = [one for one in YEARLY if one.since <= year <= one.until]
    free = {date(year, one.month, one.day) for one in told} | KURBAN_AIT | MADE_FREE
    for holiday in sorted(date(year, one.month, one.day) for one in told if one.is_moved):
        if holiday.weekday() >= SATURDAY:
            instead = holiday
            while instead in free or instead.weekday() >= SATURDAY:
                instead += timedelta(days=1)
            free.add(instead)
    return frozenset(free)
