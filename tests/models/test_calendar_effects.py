"""Weekdays, holidays, default dates and seasons, learnt from simulated records of known effects."""

from datetime import date, timedelta

import numpy as np
import pytest

from models import calendar_effects
from models.calendar_effects import NO_SEASON, CalendarEffects, fit_calendar, season_prior_of
from models.daily_totals import DailyTotals

START = date(2019, 1, 1)
YEAR = 365


def record(
    *, seed: int, n_days: int, per_day: float = 40.0, factor: object = 1.0, is_recorded: object = None
) -> DailyTotals:
    """Poisson counts of one region around a mean that may differ from day to day. Simulated."""
    counts = np.random.default_rng(seed).poisson(np.full(n_days, per_day) * factor)[None, :]
    return DailyTotals(counts=counts, start=START, is_recorded=is_recorded)


def swing(n_days: int, *, height: float) -> np.ndarray:
    """A wave of the year, highest in the middle of July."""
    days = np.datetime64(START, "D") + np.arange(n_days)
    of_year = (days - days.astype("datetime64[Y]").astype("datetime64[D]")).astype(float)
    return np.exp(-height * np.cos(2 * np.pi * (of_year - 15) / 365.25))


def test_weekdays_are_recovered_from_a_busy_record():
    true = np.array([1.0, 0.9, 0.9, 1.0, 1.2, 1.1, 0.9])
    types = calendar_effects.day_types(START, 3 * YEAR)

    found = fit_calendar(record(seed=1, n_days=3 * YEAR, factor=true[types]), prior=NO_SEASON)

    assert found.day_types[:7] == pytest.approx(true, abs=0.04)
    assert found.day_types[7] == 1.0


def test_a_rare_offence_shows_hardly_any_weekdays():
    found = fit_calendar(record(seed=2, n_days=60, per_day=0.2), prior=NO_SEASON)

    assert found.day_types == pytest.approx(np.ones(8), abs=0.05)


def test_growth_does_not_pass_for_a_weekday():
    growth = np.exp(np.arange(2 * YEAR) / YEAR)

    found = fit_calendar(record(seed=3, n_days=2 * YEAR, factor=growth), prior=NO_SEASON)

    assert found.day_types == pytest.approx(np.ones(8), abs=0.03)


def test_public_holidays_are_a_type_of_their_own_in_the_past_and_ahead():
    holidays = frozenset(START + timedelta(days=days) for days in range(20, 4 * YEAR, 33))
    types = calendar_effects.day_types(START, 3 * YEAR, holidays=holidays)

    found = fit_calendar(
        record(seed=4, n_days=3 * YEAR, factor=np.where(types == 7, 1.6, 1.0)), prior=NO_SEASON, holidays=holidays
    )

    ahead = found.factors(START + timedelta(days=3 * YEAR), YEAR)
    is_holiday = calendar_effects.day_types(START + timedelta(days=3 * YEAR), YEAR, holidays=holidays) == 7
    assert ahead[is_holiday].mean() / ahead[~is_holiday].mean() == pytest.approx(1.6, abs=0.08)


def test_default_dates_are_found_and_do_not_raise_the_days_around_them():
    kinds = calendar_effects.date_kinds(START, 3 * YEAR)

    found = fit_calendar(record(seed=5, n_days=3 * YEAR, factor=np.array([1.0, 1.6, 3.0])[kinds]), prior=NO_SEASON)

    assert found.date_kinds / found.date_kinds[0] == pytest.approx([1.0, 1.6, 3.0], rel=0.12)
    assert found.factors(date(2022, 5, 2), 29).mean() == pytest.approx(0.98, abs=0.02)


@pytest.mark.parametrize("height", [0.1, 0.3])
def test_a_season_is_recovered_from_a_growing_record(height):
    n_days = 5 * YEAR
    totals = record(seed=6, n_days=n_days, factor=swing(n_days, height=height) * np.exp(np.arange(n_days) / n_days))

    found = fit_calendar(totals, prior=season_prior_of(totals))

    assert found.season == pytest.approx(height * -np.cos(2 * np.pi * np.arange(12) / 12), abs=0.04)


def test_a_steady_record_and_a_short_one_show_no_season():
    steady = record(seed=7, n_days=4 * YEAR)
    short = record(seed=8, n_days=YEAR, factor=swing(YEAR, height=0.3))

    found = [fit_calendar(totals, prior=season_prior_of(totals)).season for totals in (steady, short)]

    assert found[0] == pytest.approx(np.zeros(12), abs=0.02)
    assert found[1].tolist() == [0.0] * 12


def test_less_record_gives_less_of_the_same_season():
    n_days = 5 * YEAR
    long = record(seed=9, n_days=n_days, per_day=10.0, factor=swing(n_days, height=0.2))
    short = long.before(START + timedelta(days=600))

    strength = [np.ptp(fit_calendar(totals, prior=season_prior_of(totals)).season) for totals in (short, long)]

    assert strength[0] < strength[1]


def test_months_off_the_record_are_not_read_as_a_season():
    is_recorded = np.ones(4 * YEAR, dtype=np.bool_)
    for year in range(4):
        is_recorded[year * YEAR : year * YEAR + 59] = False
    totals = record(seed=10, n_days=4 * YEAR, factor=np.where(is_recorded, 1.0, 0.0), is_recorded=is_recorded)

    found = fit_calendar(totals, prior=season_prior_of(totals))

    assert found.season == pytest.approx(np.zeros(12), abs=0.03)


def test_the_season_has_no_jump_at_the_turn_of_a_year_or_month():
    effects = CalendarEffects(
        day_types=np.ones(8), date_kinds=np.ones(3), season=0.3 * np.cos(2 * np.pi * np.arange(12) / 12)
    )

    factors = effects.factors(date(2023, 6, 1), 2 * YEAR)

    assert np.abs(np.diff(np.log(factors))).max() < 0.3 * 2 * np.pi / YEAR * 1.1
    assert np.log(factors[YEAR]) == pytest.approx(np.log(factors[0]), abs=0.01)
