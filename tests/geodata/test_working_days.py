"""Terms in working days of Kazakhstan: weekends, holidays, days that stand for them, and ends of years."""

from datetime import date, timedelta

import pytest

from geodata import working_days


def free_weekdays(year):
    """Free days of a year that are no Saturday and no Sunday."""
    days = (date(year, 1, 1) + timedelta(days=number) for number in range(366))
    return [day for day in days if day.year == year and day.weekday() < 5 and not working_days.is_working(day)]


def test_the_free_days_of_2026_are_those_of_the_ministrys_calendar():
    told = ["01-01", "01-02", "01-07", "03-09", "03-23", "03-24", "03-25", "05-01", "05-07", "05-11", "05-27"]
    told += ["07-06", "10-26", "12-16"]

    assert free_weekdays(2026) == [date.fromisoformat(f"2026-{day}") for day in told]


def test_the_day_of_the_constitution_moved_from_august_to_march():
    assert not working_days.is_working(date(2023, 8, 30))
    assert working_days.is_working(date(2027, 8, 30))
    assert working_days.is_working(date(2026, 8, 31)), "30 August 2026 was a Sunday, and no holiday any more"
    assert not working_days.is_working(date(2027, 3, 15))


def test_a_day_off_on_a_sunday_makes_no_other_day_free():
    assert date(2024, 1, 7).weekday() == 6
    assert working_days.is_working(date(2024, 1, 8))


def test_a_worked_sunday_stands_for_the_friday_before():
    assert not working_days.is_working(date(2025, 1, 3))
    assert working_days.is_working(date(2025, 1, 5))


@pytest.mark.parametrize(
    ("asked", "due"),
    [
        # 24 Nov to 14 Dec: three weeks without a holiday.
        ("2026-11-23", "2026-12-14"),
        # On a Saturday and on the Sunday after it the same term begins.
        ("2026-11-28", "2026-12-21"),
        ("2026-11-29", "2026-12-21"),
        # Over 16 December, over New Year (a Friday; 2 January is a Saturday, so 4 January is free) and 7 January.
        ("2026-12-15", "2027-01-11"),
        ("2026-12-31", "2027-01-26"),
        # Over the days of Nauryz, two of which fall on a weekend in 2026.
        ("2026-03-06", "2026-04-02"),
        # The last working day of a year that a worked Sunday follows.
        ("2024-12-31", "2025-01-24"),
    ],
)
def test_fifteen_working_days_end_on(asked, due):
    assert working_days.add(date.fromisoformat(asked), 15) == date.fromisoformat(due)


def test_every_term_ends_on_a_working_day_and_a_later_day_never_has_an_earlier_term():
    days = [date(2025, 12, 1) + timedelta(days=number) for number in range(500)]

    ends = [working_days.add(day, 15) for day in days]

    assert all(working_days.is_working(end) for end in ends)
    assert ends == sorted(ends)


def test_a_term_without_days_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        working_days.add(date(2026, 11, 23), 0)
