"""Incidents → counts per cell, period and offence group.

An incident belongs to the local calendar day on which its window starts. Counting happens once, at the working
resolution; coarser levels are sums over children.
"""

from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata import hexgrid
from geodata.offences import ALL, MAPPABLE_CODES

GOLDEN = 0.618_033_988_749_894_9
"""Multiples of it, without their whole part, fall evenly whichever run of numbers is taken."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """Half-open: ``start`` belongs to it, ``end`` does not."""

    start: date
    end: date

    @property
    def days(self) -> int:
        return (self.end - self.start).days

    @property
    def years(self) -> float:
        return self.days / 365.25

    @property
    def is_calendar_year(self) -> bool:
        return (self.start.month, self.start.day) == (1, 1) and self.end == date(self.start.year + 1, 1, 1)

    def year_before(self) -> "Period":
        """The same calendar dates one year earlier."""
        return Period(start=_shift_year(self.start), end=_shift_year(self.end))


def published_period(first_day: date, as_of: date, *, quarters: int = 4) -> Period | None:
    """The last complete calendar quarters before ``as_of`` that the record covers: four, or as many as there are.

    Where not one quarter is complete, the complete calendar months; None where there is no complete month either.

    Examples
    --------
    >>> published_period(date(2014, 1, 1), date(2019, 1, 1))
    Period(start=datetime.date(2018, 1, 1), end=datetime.date(2019, 1, 1))
    >>> published_period(date(2018, 1, 1), date(2018, 8, 9))
    Period(start=datetime.date(2018, 1, 1), end=datetime.date(2018, 7, 1))
    """
    for months in (3, 1):
        end = _floor_month(as_of, months)
        start = _ceil_month(first_day, months)
        start = max(start, _add_months(end, -3 * quarters))
        if start < end:
            return Period(start=start, end=end)
    return None


def mappable(incidents: pl.DataFrame) -> pl.DataFrame:
    """Incidents that have a cell and whose offence group may be shown at a place (see `geodata.offences`)."""
    return incidents.filter(pl.col("cell").is_not_null() & pl.col("offence_group").is_in(sorted(MAPPABLE_CODES)))


def spread_month_only(incidents: pl.DataFrame) -> pl.DataFrame:
    """Give incidents known only by month a day of that month, evenly and repeatably by their place and offence.

    Left on the first, they would all fall into the window that happens to hold it. Their days follow from what else is
    known of the same month alone: neither the order of deliveries nor a row of another month moves them.
    """
    is_month = incidents["time_precision"] == "month"
    if not is_month.any():
        return incidents
    # Ids are the installation's own secret, lines change with each export: what follows from them would not be lasting.
    order = [name for name in ("lat", "lng", "offence_group", "offence_code") if name in incidents.columns]
    months = incidents.with_row_index("_row").filter(is_month).sort("occurred_on", *order, "_row")
    start = pl.col("occurred_on").dt.month_start()
    share = (pl.int_range(pl.len()).over(start) * GOLDEN) % 1.0
    days = pl.col("occurred_on").dt.month_end().dt.day()
    moved = months.select("_row", _moved=start + pl.duration(days=(share * days).floor().cast(pl.Int64)))
    return (
        incidents.with_row_index("_row")
        .join(moved, on="_row", how="left", maintain_order="left")
        .with_columns(pl.coalesce("_moved", "occurred_on").alias("occurred_on"))
        .drop("_row", "_moved")
    )


def known_before(incidents: pl.DataFrame, day: date) -> pl.DataFrame:
    """Incidents known before a day; those known only by month once their month is over."""
    is_month = pl.col("time_precision") == "month"
    ended_on = pl.when(is_month).then(pl.col("occurred_on").dt.month_end()).otherwise("occurred_on")
    return incidents.filter(ended_on < day)


def groups_present(incidents: pl.DataFrame) -> list[str]:
    """``all`` and each mappable offence group found, most frequent first."""
    found = mappable(incidents).group_by("offence_group").len().sort("len", "offence_group", descending=[True, False])
    codes = found["offence_group"].to_list()
    return [ALL, *(code for code in codes if len(codes) > 1 and code != "unspecified")]


def in_group(incidents: pl.DataFrame, group: str) -> pl.DataFrame:
    """Incidents of one offence group, or of all together for ``all``; never any that is not `mappable`."""
    shown = mappable(incidents)
    return shown if group == ALL else shown.filter(pl.col("offence_group") == group)


def in_period(incidents: pl.DataFrame, period: Period) -> pl.DataFrame:
    """Incidents whose local day lies in the period."""
    return incidents.filter(pl.col("occurred_on").is_between(period.start, period.end, closed="left"))


def count_by_cell(incidents: pl.DataFrame, cells: hexgrid.Cells) -> NDArray[np.int64]:
    """Incidents in each of the given cells; those outside them are left out.

    ``cells`` ascend, are of one resolution, at most as fine as the incidents' own, and hold each cell once.
    """
    own = incidents["cell"].to_numpy()
    if own.size == 0 or cells.size == 0:
        return np.zeros(cells.size, dtype=np.int64)
    own = hexgrid.to_parent(own, hexgrid.resolution_of(cells))
    at = np.minimum(np.searchsorted(cells, own), cells.size - 1)
    return np.bincount(at[cells[at] == own], minlength=cells.size).astype(np.int64)


def _floor_month(day: date, step: int) -> date:
    return date(day.year, (day.month - 1) // step * step + 1, 1)


def _ceil_month(day: date, step: int) -> date:
    floor = _floor_month(day, step)
    return floor if floor == day else _add_months(floor, step)


def _add_months(day: date, months: int) -> date:
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    return date(year, month + 1, 1)


def _shift_year(day: date) -> date:
    is_leap_day = day.month == 2 and day.day == 29
    return date(day.year - 1, 3, 1) if is_leap_day else day.replace(year=day.year - 1)


def day_after(day: date) -> date:
    """The next calendar day."""
    return day + timedelta(days=1)
