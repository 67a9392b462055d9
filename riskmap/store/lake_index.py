"""Which weeks of a delivery may hold an incident: sorted numbers beside the lake, looked up without reading it.

A number is 52 bits of an incident's id and 12 of its week, so that a day's delivery finds the earlier versions of its
records among ten million in milliseconds. Two ids may share 52 bits: what is found here is compared in full. The
files follow from the lake's own and are made anew where one is missing::

    ids/<territory>/<delivery_id>.npy
"""

import binascii
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata.errors import UnexpectedColumns
from geodata.pseudonym import DIGITS

Numbers = NDArray[np.uint64]
Ids = NDArray[np.void]
"""Ids of incidents as `ID_TYPE`."""

ID_TYPE: np.dtype[np.void] = np.dtype(f"V{DIGITS // 2}")

WEEK_BITS = np.uint64(12)
_WEEK_MASK = np.uint64((1 << 12) - 1)
_TABLE_BITS = 22
_TABLE_MASK = np.uint64((1 << _TABLE_BITS) - 1)
_FIRST_MONDAY = 10_952
"""27 December 1999 in days since 1970: the week of the earliest day a delivery may hold."""


def as_bytes(ids: pl.Series) -> Ids:
    """Ids given as text.

    Raises
    ------
    geodata.errors.UnexpectedColumns
        If one is no pseudonym.
    """
    if ids.null_count() == 0 and bool((ids.str.len_bytes() == DIGITS).all()):
        digits = ids.rechunk().to_arrow(compat_level=pl.CompatLevel.oldest())
        text = digits.buffers()[2] or b""
        try:
            packed = binascii.unhexlify(memoryview(text)[digits.offset * DIGITS : (digits.offset + len(ids)) * DIGITS])
            return np.frombuffer(packed, dtype=ID_TYPE)
        except binascii.Error:
            pass
    raise UnexpectedColumns(
        f"Column incident_id holds texts that are no pseudonyms; expected {DIGITS} hexadecimal digits each, as this "
        "installation makes them. Deliver the publisher's own file, or rows that were taken from the quarantine."
    )


def numbers(ids: Ids, occurred_on: NDArray[np.int32]) -> Numbers:
    """One number for each incident, in the order given; days are counted from 1970."""
    week = np.clip((occurred_on.astype(np.int64) - _FIRST_MONDAY) // 7, 0, int(_WEEK_MASK)).astype(np.uint64)
    return np.asarray((heads_of(ids) << WEEK_BITS) | week, dtype=np.uint64)


def heads_of(ids: Ids) -> Numbers:
    """The part of each id that is in its number."""
    return np.asarray(halves(ids)[0] >> WEEK_BITS, dtype=np.uint64)


def halves(ids: Ids) -> tuple[Numbers, Numbers]:
    """Each id as two numbers, which together have the order of the ids."""
    both = ids.view(">u8").reshape(-1, 2)
    return both[:, 0].astype(np.uint64), both[:, 1].astype(np.uint64)


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
