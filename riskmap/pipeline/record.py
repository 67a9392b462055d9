"""How far a delivered record carries a forecast: the day it may be made as of, and when it is too little for any.

Every answer follows from the incidents before that day, so that later deliveries never change whether there is one.
"""

from datetime import date, timedelta

import polars as pl

from geodata import aggregate
from geodata.territory import Territory
from models.history import UNLIKELY_GAP, start_of_record
from models.windows import LEAST_TUNING_DAYS
from riskmap.errors import InvalidAsOf, NothingToScore, TooLittleToScore

LATEST_BEYOND_DAYS = 7
"""How far beyond the day after the last incident an as-of date may always lie; later days may pass for quiet ones."""

LEAST_RECORD_DAYS = LEAST_TUNING_DAYS
"""A shorter record tells no rate: one bad day would count as every day."""

LEAST_IN_ALL = 10
"""Fewer incidents tell a level to no better than a third."""


def known_on(incidents: pl.DataFrame, territory: Territory, wanted: date | None) -> tuple[date, pl.DataFrame]:
    """The as-of day, which by default is the day after the last incident, and the incidents known then.

    Parameters
    ----------
    incidents : admitted incidents, those known by month spread over it

    Raises
    ------
    NothingToScore
        If there is no incident at all.
    InvalidAsOf
        If nothing is known before the day, or the record ends so long before it that the days between would pass for
        quiet ones: more than a week, in which three incidents or more were due.
    """
    if incidents.height == 0:
        raise NothingToScore(
            f"{territory.name} has no incident with a place and a mappable offence group. Deliver some: "
            f"python -m riskmap deliver FILE --territory {territory.name}."
        )
    day = wanted or _day_after(incidents)
    known = aggregate.known_before(incidents, day)
    if known.height == 0 or not start_of_record(known["occurred_on"]) < day or day > _latest(known):
        first, last, latest = start_of_record(incidents["occurred_on"]), _last(incidents), _latest(incidents)
        raise InvalidAsOf(
            f"--as-of {day} does not fit {territory.name}: its record runs from {first} to {last}. "
            f"Give a day after {first} and not after {latest} that no long gap of "
            "the record comes before, or leave it out for the day after the last incident."
        )
    return day, known


def require_enough(known: pl.DataFrame, places: pl.DataFrame, territory: Territory, *, as_of: date) -> None:
    """Refuse to make a number up from next to nothing.

    Parameters
    ----------
    known : admitted incidents before ``as_of``
    places : the cells that would be scored, see `riskmap.pipeline.scoring.coverage`

    Raises
    ------
    TooLittleToScore
        If the record is shorter than `LEAST_RECORD_DAYS`, no cell would be scored, or fewer than `LEAST_IN_ALL`
        incidents of the record fell into those that would be.
    """
    start = start_of_record(known["occurred_on"])
    before = int((known["occurred_on"] < start).sum())
    if (as_of - start).days < LEAST_RECORD_DAYS:
        gap = f" Before it lies a gap, and before the gap incidents: {before}." if before else ""
        raise TooLittleToScore(
            f"The record of {territory.name} runs from {start} to {as_of}, {(as_of - start).days} days; a forecast "
            f"needs {LEAST_RECORD_DAYS}.{gap} Deliver a longer record, or what is missing of it."
        )
    if places.height == 0:
        raise TooLittleToScore(
            f"{territory.name} has no list of cells, and its incidents ({known.height}) recur in no two neighbouring "
            "cells of its regions, so there is no cell to score. Look whether their coordinates are all of one point, "
            "deliver more incidents, or load the cells with exposure load --cover-inhabited."
        )
    inside = known.filter(pl.col("occurred_on") >= start, pl.col("cell").is_in(places["cell"].implode())).height
    if inside < LEAST_IN_ALL:
        raise TooLittleToScore(
            f"{inside} of {known.height} incidents of {territory.name} before {as_of} lie in its record from {start} "
            f"and in its cells; a forecast needs {LEAST_IN_ALL}. Deliver more incidents."
        )


def silent_groups(known: pl.DataFrame, groups: list[str], *, as_of: date) -> dict[str, date]:
    """Groups of which incidents have stopped coming, with the day of the last one.

    The rule is that of gaps of the record (`models.history.start_of_record`) with three times its measure, since there
    are many groups: nine incidents were due at the group's own rate and none came.
    """
    found = {}
    for group in groups:
        days = aggregate.in_group(known, group)["occurred_on"]
        first, last = days.min(), days.max()
        assert isinstance(first, date)  # noqa: S101 - a group is one that incidents were found of
        assert isinstance(last, date)  # noqa: S101
        per_day = days.len() / ((last - first).days + 1)
        quiet_days = (as_of - last).days - 1
        if per_day * quiet_days >= 3 * UNLIKELY_GAP:
            found[group] = last
    return found


def _day_after(incidents: pl.DataFrame) -> date:
    """The day after the last incident; after the month of those known by month only."""
    is_month = pl.col("time_precision") == "month"
    ends = pl.when(is_month).then(pl.col("occurred_on").dt.month_end()).otherwise("occurred_on")
    return aggregate.day_after(_last(incidents.with_columns(ends.alias("occurred_on"))))


def _last(incidents: pl.DataFrame) -> date:
    last = incidents["occurred_on"].max()
    assert isinstance(last, date)  # noqa: S101 - asked only where there are incidents
    return last


def _latest(known: pl.DataFrame) -> date:
    days = known["occurred_on"]
    start, after = start_of_record(days), _day_after(known)
    per_day = days.filter(days >= start).len() / max(1, (after - start).days)
    quiet = min(int(UNLIKELY_GAP / per_day), LEAST_RECORD_DAYS)
    return after + timedelta(days=max(LATEST_BEYOND_DAYS, quiet))
