"""Incidents of one offence group as models see them: a cell and a day each, nothing else.

Models work on a fixed support of cells. Incidents that fell elsewhere are kept as a count per day, because a
forecast that does not speak about a place misses what happens there.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Self

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata.hexgrid import Cells
from models.errors import MismatchedSupport, TooLittleHistory

Days = NDArray[np.datetime64] | pl.Series

GAP_SHARE = 0.10
"""A complete month below this share of the usual month interrupts the record."""
UNLIKELY_GAP = 3.0
"""Days without incidents are a gap when this many were due: exp(-3) leaves a chance of 5 %."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class History:
    """Incidents of one offence group on a support, in the days ``[start, end)``.

    Attributes
    ----------
    cell_index : int32 array of shape (n_incidents,)
        Position of the incident's cell in the support.
    day : int32 array of shape (n_incidents,)
        Days since ``start``, ascending.
    off_support : int64 array of shape (n_days,)
        Incidents per day that fell outside the support.
    start, end : first day, and the day after the last one
    n_cells : size of the support
    """

    cell_index: NDArray[np.int32]
    day: NDArray[np.int32]
    off_support: NDArray[np.int64]
    start: date
    end: date
    n_cells: int

    @classmethod
    def from_incidents(cls, cell: Cells, occurred_on: Days, *, cells: Cells, start: date, end: date) -> Self:
        """History of incidents given by cell and day; days outside ``[start, end)`` are passed over.

        Parameters
        ----------
        cell : uint64 array of shape (n_incidents,), at the support's resolution
        occurred_on : local calendar day of each incident, as ``datetime64[D]`` or a polars date column
        cells : uint64 array of shape (n_cells,), the support, each cell once

        Raises
        ------
        TooLittleHistory
            If ``end`` is not after ``start``.
        MismatchedSupport
            If ``cell`` and ``occurred_on`` differ in length.
        """
        if end <= start:
            raise TooLittleHistory(f"The history ends on {end} and starts on {start}; it needs at least one day.")
        if len(cell) != len(occurred_on):
            raise MismatchedSupport(f"{len(cell)} cells and {len(occurred_on)} days were given; one each is needed.")
        day = (day_numbers(occurred_on) - np.datetime64(start, "D")).astype(np.int64)
        n_days = (end - start).days
        inside = (day >= 0) & (day < n_days)
        index, is_known = positions(cell[inside], cells)
        day = day[inside]
        off_support = np.bincount(day[~is_known], minlength=n_days)

        # Sorted by day and cell, so that the order of delivery can never move a result.
        order = np.lexsort((index[is_known], day[is_known]))
        return cls(
            cell_index=index[is_known][order].astype(np.int32),
            day=day[is_known][order].astype(np.int32),
            off_support=off_support.astype(np.int64),
            start=start,
            end=end,
            n_cells=int(cells.size),
        )

    @property
    def n_days(self) -> int:
        return (self.end - self.start).days

    def before(self, as_of: date) -> "History":
        """What was known on ``as_of``: the days before it.

        Raises
        ------
        TooLittleHistory
            If no day of this history lies before ``as_of``.
        """
        if as_of <= self.start:
            raise TooLittleHistory(
                f"The history starts on {self.start}, so nothing is known before {as_of}; choose a later as_of."
            )
        end = min(as_of, self.end)
        n_days = (end - self.start).days
        n_incidents = int(np.searchsorted(self.day, n_days, side="left"))
        return History(
            cell_index=self.cell_index[:n_incidents],
            day=self.day[:n_incidents],
            off_support=self.off_support[:n_days],
            start=self.start,
            end=end,
            n_cells=self.n_cells,
        )

    def counts(self, start: date, end: date) -> NDArray[np.int64]:
        """Incidents per cell in the days ``[start, end)``, as an array of shape (n_cells,)."""
        first, last = np.searchsorted(self.day, [(start - self.start).days, (end - self.start).days], side="left")
        return np.bincount(self.cell_index[first:last], minlength=self.n_cells).astype(np.int64)

    def off_support_count(self, start: date, end: date) -> int:
        """Incidents outside the support in the days ``[start, end)``."""
        first, last = max(0, (start - self.start).days), max(0, (end - self.start).days)
        return int(self.off_support[first:last].sum())

    def weighted_counts(self, weight_of_day: NDArray[np.float64]) -> NDArray[np.float64]:
        """Incidents per cell, each weighing what its day weighs; ``weight_of_day`` has shape (n_days,)."""
        counts = np.bincount(self.cell_index, weights=weight_of_day[self.day], minlength=self.n_cells)
        return counts.astype(np.float64)


def positions(cell: Cells, cells: Cells) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Position of each cell in ``cells``, and whether it is there at all (the position is 0 where it is not)."""
    if cells.size == 0:
        return np.zeros(cell.size, dtype=np.int64), np.zeros(cell.size, dtype=np.bool_)
    order = np.argsort(cells)
    place = order[np.minimum(np.searchsorted(cells[order], cell), cells.size - 1)]
    is_known = cells[place] == cell
    return np.where(is_known, place, 0), is_known


def day_numbers(occurred_on: Days) -> NDArray[np.datetime64]:
    """Days as ``datetime64[D]``."""
    values = occurred_on.to_numpy() if isinstance(occurred_on, pl.Series) else occurred_on
    return values.astype("datetime64[D]")


def start_of_record(occurred_on: Days) -> date:
    """First day of the continuous record: late reports of earlier years do not stretch it.

    The record starts with the earliest month from which every later complete month holds at least 10 % of the usual
    month's incidents; the last month may be incomplete and is not asked. The usual month is the one in which the
    median incident lies when months are ranked by size, since decades of stray rows may outnumber the real months.
    Where the first month begins with a gap in which three incidents or more were due, the record starts with its
    first incident.

    Give it the incidents of all kinds: a rare offence has empty months by chance.

    Raises
    ------
    TooLittleHistory
        If there is no incident.
    """
    days = day_numbers(occurred_on)
    if days.size == 0:
        raise TooLittleHistory("There is no incident, so no record starts; deliver at least one incident with a day.")
    month = days.astype("datetime64[M]").astype(np.int64)
    first_month = month.min()
    in_month = np.bincount(month - first_month)

    ranked = np.sort(in_month)
    usual = ranked[np.searchsorted(np.cumsum(ranked), days.size / 2)]
    is_thin = in_month < GAP_SHARE * usual
    is_thin[-1] = False
    start_month = np.flatnonzero(is_thin)[-1] + 1 if is_thin.any() else 0

    start = np.datetime64(int(first_month + start_month), "M").astype("datetime64[D]")
    first_incident = days[days >= start].min()
    due = usual / 30.0 * (first_incident - start).astype(np.int64)
    day: date = (first_incident if due >= UNLIKELY_GAP else start).item()
    return day


def days_later(day: date, days: int) -> date:
    """The day that many days later (earlier where negative)."""
    return day + timedelta(days=days)
