"""Which weeks of a delivery may hold an incident: sorted numbers beside the lake, looked up without reading it.

A number is 52 bits of an incident's id and 12 of its week, so that a day's delivery finds the earlier versions of its
records among ten million in milliseconds. Two ids may share 52 bits: what is found here is compared in full. The
files follow from the lake's own and are made anew where one is missing::

    ids/<territory>/<delivery_id>.npy
"""

from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

Numbers = NDArray[np.uint64]

WEEK_BITS = np.uint64(12)
_WEEK_MASK = np.uint64((1 << 12) - 1)
_TABLE_BITS = 22
_TABLE_MASK = np.uint64((1 << _TABLE_BITS) - 1)
_FIRST_MONDAY = 10_952
"""27 December 1999 in days since 1970: the week of the earliest day a delivery may hold."""


def numbers(incident_id: pl.Series, occurred_on: pl.Series) -> Numbers:
    """One number for each incident (its id as bytes), in the order given."""
    days = occurred_on.to_physical().to_numpy().astype(np.int64)
    week = np.clip((days - _FIRST_MONDAY) // 7, 0, int(_WEEK_MASK)).astype(np.uint64)
    return np.asarray((heads_of(incident_id) << WEEK_BITS) | week, dtype=np.uint64)


def heads_of(incident_id: pl.Series) -> Numbers:
    """The part of an id that is in its number."""
    first = incident_id.bin.slice(0, 8).bin.reinterpret(dtype=pl.UInt64, endianness="big")
    return np.asarray(first.to_numpy() >> WEEK_BITS, dtype=np.uint64)


def heads(found: Numbers) -> Numbers:
    """The part of each number that is of the id."""
    return found >> WEEK_BITS


def week_names(found: Numbers) -> list[str]:
    """Names of the ISO weeks in some numbers, each once."""
    if found.size == 0:
        return []
    weeks = np.unique(found & _WEEK_MASK).astype(np.int64)
    days = pl.Series(weeks * 7 + _FIRST_MONDAY, dtype=pl.Int32).cast(pl.Date)
    return days.dt.strftime("%G-W%V").to_list()


def matching(index: Numbers, wanted: Numbers) -> Numbers:
    """Numbers of a sorted index whose id begins like one of the wanted ones (sorted heads); some come twice."""
    if index.size == 0 or wanted.size == 0:
        return index[:0]
    if wanted.size > index.size // 16:
        return np.asarray(index[members(heads(index), wanted)])
    first = np.searchsorted(index, wanted << WEEK_BITS)
    last = np.searchsorted(index, (wanted << WEEK_BITS) | _WEEK_MASK, side="right")
    lengths = last - first
    if not lengths.any():
        return index[:0]
    starts = np.repeat(first - np.concatenate(([0], np.cumsum(lengths)[:-1])), lengths)
    return np.asarray(index[starts + np.arange(lengths.sum())])


def repeated(heads_of_rows: Numbers) -> NDArray[np.int64]:
    """Positions of all rows whose head another row has too."""
    ordered = np.sort(heads_of_rows)
    return members(heads_of_rows, ordered[1:][ordered[1:] == ordered[:-1]])


def members(found: Numbers, wanted: Numbers) -> NDArray[np.int64]:
    """Positions of the heads that are among the wanted ones, which ascend."""
    if wanted.size == 0:
        return np.empty(0, dtype=np.int64)
    # Most are not: a small table of their last bits says so faster than a search does.
    is_possible = np.zeros(1 << _TABLE_BITS, dtype=bool)
    is_possible[wanted & _TABLE_MASK] = True
    likely = np.flatnonzero(is_possible[found & _TABLE_MASK])
    at = np.minimum(np.searchsorted(wanted, found[likely]), wanted.size - 1)
    return np.asarray(likely[wanted[at] == found[likely]], dtype=np.int64)


def path_of(data: Path, territory: str, delivery_id: str) -> Path:
    """Where the index of a delivery lies."""
    return data / "ids" / territory / f"{delivery_id}.npy"
