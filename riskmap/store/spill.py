"""Rows of one batch on disk: columns of one width each, sorted by week, of which some weeks at a time are read.

Such columns are moved about at a fraction of what texts cost, so texts are held as numbers (`Texts`). A file is read
by the process that wrote it and by no other: it has neither header nor version.
"""

import errno
import os
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from geodata.columns import INCIDENTS
from riskmap.store.lake_index import ID_TYPE

Column = NDArray[Any]
Columns = dict[str, Column]
Weeks = NDArray[np.int16]
"""Weeks from Monday to Sunday, counted from the one that holds the first day of 1970."""

MOMENTS = ("occurred_from", "occurred_to")
"""Microseconds since 1970."""
TEXTS = ("time_zone", "time_precision", "offence_group", "offence_code", "region_id")
"""Codes of `Texts`."""
NULLABLE = tuple(column.name for column in INCIDENTS.columns if column.is_nullable)
MISSING = "missing"
"""One bit for each of `NULLABLE`, the first the lowest."""
IS_KEYED = "is_keyed"
ROW = "row"
"""Position of a row among all accepted rows of its delivery, from 0."""

TYPES: dict[str, np.dtype[Any]] = {
    "incident_id": ID_TYPE,
    **{name: np.dtype(np.int64) for name in (*MOMENTS, "line", ROW)},
    **{name: np.dtype(np.float64) for name in ("lat", "lng")},
    "cell": np.dtype(np.uint64),
    "occurred_on": np.dtype(np.int32),
    **{name: np.dtype(np.uint32) for name in TEXTS},
    MISSING: np.dtype(np.uint8),
    IS_KEYED: np.dtype(np.bool_),
}


@dataclass(slots=True)
class Texts:
    """Each text of a column once; a row holds the place of its own among them, from 0."""

    known: pl.Series = field(default_factory=lambda: pl.Series([], dtype=pl.String))
    as_arrow: pa.Array = field(default_factory=lambda: pa.array([], type=pa.large_string()))

    def codes(self, texts: pl.Series) -> Column:
        """The code of each text, 0 where it is missing; texts not met before are added."""
        if texts.null_count() == 0 and bool((texts == texts[0]).all()):
            return np.full(texts.len(), self._codes(texts.head(1))[0], dtype=TYPES[TEXTS[0]])
        return self._codes(texts).to_numpy()

    def _codes(self, texts: pl.Series) -> pl.Series:
        found = texts.cast(pl.Enum(self.known), strict=False)
        if found.null_count() > texts.null_count():
            fresh = texts.filter(found.is_null()).drop_nulls().unique(maintain_order=True)
            self.known = pl.concat([self.known, fresh], rechunk=True)
            self.as_arrow = self.known.to_arrow(compat_level=pl.CompatLevel.oldest())
            found = texts.cast(pl.Enum(self.known))
        codes = found.to_physical()
        return codes.fill_null(0) if codes.null_count() else codes


@dataclass(frozen=True, slots=True)
class Spill:
    """One file: its weeks, ascending, with the row at which each begins, and after them the number of rows."""

    path: Path
    weeks: Weeks
    starts: NDArray[np.int64]

    @classmethod
    def write(cls, path: Path, columns: Columns) -> "Spill":
        """Write at least one row; within a week rows stay in their order."""
        weeks = week_of(columns["occurred_on"])
        order = np.argsort(weeks, kind="stable")
        with path.open("wb") as file:
            for name, kind in TYPES.items():
                columns[name][order].astype(kind, copy=False).tofile(file)
        ordered = weeks[order]
        starts = beginnings(ordered)
        return cls(path, ordered[starts], np.append(starts, ordered.size))

    @property
    def height(self) -> int:
        return int(self.starts[-1])

    def between(self, first: int, last: int) -> tuple[int, int]:
        """Where the rows of the weeks from the first to the last begin and end."""
        begin, end = np.searchsorted(self.weeks, first), np.searchsorted(self.weeks, last, side="right")
        return int(self.starts[begin]), int(self.starts[end])

    def read(self, begin: int, end: int, into: Columns, at: int) -> None:
        """Put rows in the place of others, from ``at`` on."""
        if begin == end:
            return
        start = 0
        with self.path.open("rb", buffering=0) as file:
            for name, kind in TYPES.items():
                place = into[name][at : at + end - begin].view(np.uint8)
                file.seek(start + begin * kind.itemsize)
                if file.readinto(place.data) != place.size:
                    raise OSError(errno.EIO, os.strerror(errno.EIO), str(self.path))
                start += self.height * kind.itemsize


def week_of(days: NDArray[np.int32]) -> Weeks:
    """The week of each day, counted from 1970; that day was a Thursday."""
    return ((days + 3) // 7).astype(np.int16)


def week_name(week: int) -> str:
    """Name of an ISO week, such as 2026-W03."""
    # Days are counted from a Thursday, which tells the ISO year of its week.
    return (date(1970, 1, 1) + timedelta(weeks=int(week))).strftime("%G-W%V")


def beginnings(weeks: Weeks) -> NDArray[np.int64]:
    """Where each week begins in rows sorted by week."""
    is_first = np.ones(weeks.size, dtype=bool)
    is_first[1:] = weeks[1:] != weeks[:-1]
    return np.flatnonzero(is_first)


def room(rows: int) -> Columns:
    """Columns into which so many rows can be read."""
    return {name: np.empty(rows, dtype=kind) for name, kind in TYPES.items()}


def picked(columns: Columns, rows: NDArray[np.int64]) -> Columns:
    """The given rows, in their order."""
    return {name: column[rows] for name, column in columns.items()}


def is_missing(columns: Columns, name: str) -> NDArray[np.bool_] | None:
    """Which rows lack a value of a column; None where none does."""
    bit = np.uint8(1 << NULLABLE.index(name)) if name in NULLABLE else np.uint8(0)
    found = (columns[MISSING] & bit) != 0
    return found if found.any() else None
