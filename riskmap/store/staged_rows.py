"""Accepted rows of a running delivery, on disk by batch and week, so that a delivery of any size fits into memory."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from geodata.columns import INCIDENTS
from riskmap.store import lake_index, spill
from riskmap.store.lake_index import Numbers
from riskmap.store.spill import IS_KEYED, MISSING, MOMENTS, NULLABLE, ROW, TEXTS, Columns, Spill, Texts, is_missing

AT_ONCE = 250_000
"""Whole weeks are read together until they have so many rows."""


@dataclass(slots=True)
class StagedRows:
    """Rows as they were added; ``folder`` is the delivery's staging folder."""

    folder: Path
    height: int = 0
    _texts: dict[str, Texts] = field(default_factory=lambda: {name: Texts() for name in TEXTS})
    _spills: list[Spill] = field(default_factory=list)
    _numbers: list[Numbers] = field(default_factory=list)

    def add(self, rows: pl.DataFrame, is_keyed: pl.Series) -> None:
        """Append accepted rows of one batch."""
        if rows.is_empty():
            return
        columns = self._columns(INCIDENTS.checked(rows))
        columns[IS_KEYED] = is_keyed.to_numpy()
        columns[ROW] = np.arange(self.height, self.height + rows.height)
        self._spills.append(Spill.write(self.folder / f"{len(self._spills):05d}.rows", columns))
        self._numbers.append(lake_index.numbers(columns["incident_id"], columns["occurred_on"]))
        self.height += rows.height

    @property
    def numbers(self) -> Numbers:
        """The index number of each row, in the order added."""
        if len(self._numbers) != 1:
            self._numbers = [np.concatenate([np.empty(0, dtype=np.uint64), *self._numbers])]
        return self._numbers[0]

    def gather(self, rows: NDArray[np.int64]) -> pl.DataFrame:
        """The given rows as `INCIDENTS` with `ROW` and `IS_KEYED`, in order."""
        wanted = np.sort(rows)
        parts = [spill.room(0)]
        end = 0
        for batch in self._spills:
            begin, end = end, end + batch.height
            inside = wanted[np.searchsorted(wanted, begin) : np.searchsorted(wanted, end)]
            if inside.size == 0:
                continue
            whole = spill.room(batch.height)
            batch.read(0, batch.height, whole, 0)
            is_wanted = flags(batch.height, inside - begin)
            parts.append(spill.picked(whole, np.flatnonzero(is_wanted[whole[ROW] - begin])))
        found = {name: np.concatenate([part[name] for part in parts]) for name in spill.TYPES}
        found = spill.picked(found, np.argsort(found[ROW]))
        return pl.DataFrame(pl.from_arrow(self._table(found))).with_columns(
            pl.col(TEXTS).cast(pl.String),
            pl.col("incident_id").bin.encode("hex"),
            pl.Series(IS_KEYED, found[IS_KEYED]),
            pl.Series(ROW, found[ROW]),
        )

    def of(self, ids: pl.Series) -> pl.DataFrame:
        """Rows that have one of the ids, as `gather`."""
        wanted = np.sort(lake_index.heads_of(lake_index.as_bytes(ids)))
        heads = lake_index.heads(self.numbers) if wanted.size else wanted
        rows = lake_index.members(heads, wanted)
        named = pl.DataFrame({"incident_id": ids.cast(pl.String)})
        return self.gather(rows).join(named, on="incident_id", how="semi", maintain_order="left")

    def by_week(self, left_out: NDArray[np.bool_]) -> Iterator[tuple[str, pa.Table]]:
        """Rows of each week that are not left out (one flag a row), by time and id, as the lake's files hold them."""
        for first, last in self._stretches():
            places = [(batch, *batch.between(first, last)) for batch in self._spills]
            rows = spill.room(sum(end - begin for _, begin, end in places))
            at = 0
            for batch, begin, end in places:
                batch.read(begin, end, rows, at)
                at += end - begin
            ordered = _by_week_time_and_id(rows)
            standing = ordered[~left_out[rows[ROW][ordered]]]
            weeks = spill.week_of(rows["occurred_on"][standing])
            for begin, end in pairwise([*spill.beginnings(weeks).tolist(), weeks.size]):
                yield spill.week_name(weeks[begin]), self._table(spill.picked(rows, standing[begin:end]))

    def _stretches(self) -> Iterator[tuple[int, int]]:
        """The first and the last of the weeks that are read together."""
        sizes: Counter[int] = Counter()
        for batch in self._spills:
            sizes.update(dict(zip(batch.weeks.tolist(), np.diff(batch.starts).tolist(), strict=True)))
        held: list[int] = []
        for week in sorted(sizes):
            if held and sum(sizes[one] for one in held) + sizes[week] > AT_ONCE:
                yield held[0], held[-1]
                held = []
            held.append(week)
        if held:
            yield held[0], held[-1]

    def _columns(self, rows: pl.DataFrame) -> Columns:
        """Columns of one width each, but for those that are not of the incident itself."""
        columns = {
            "incident_id": lake_index.as_bytes(rows["incident_id"]),
            **{name: rows[name].to_physical().to_numpy() for name in (*MOMENTS, "occurred_on", "line")},
            **{name: texts.codes(rows[name]) for name, texts in self._texts.items()},
            **{name: rows[name].fill_null(0).to_numpy() for name in ("lat", "lng", "cell")},
            MISSING: np.zeros(rows.height, dtype=np.uint8),
        }
        for bit, name in enumerate(NULLABLE):
            if rows[name].null_count():
                columns[MISSING] |= rows[name].is_null().to_numpy().astype(np.uint8) << bit
        return columns

    def _table(self, columns: Columns) -> pa.Table:
        """Incidents as the lake's files hold them, their texts as dictionaries."""
        ids = columns["incident_id"]
        ends = np.arange(ids.size + 1) * ids.itemsize
        made = {
            "incident_id": pa.Array.from_buffers(
                pa.large_binary(), ids.size, [None, pa.py_buffer(ends), pa.py_buffer(ids.view(np.uint8))]
            ),
            "occurred_on": pa.array(columns["occurred_on"]).view(pa.date32()),
            **{name: pa.array(columns[name]).view(pa.timestamp("us", "UTC")) for name in MOMENTS},
            **{name: _dictionary(columns, name, texts.as_arrow) for name, texts in self._texts.items()},
            "line": pa.array(columns["line"]),
            **{name: pa.array(columns[name], mask=is_missing(columns, name)) for name in ("lat", "lng", "cell")},
        }
        return pa.table({name: made[name] for name in INCIDENTS.schema})


def _dictionary(columns: Columns, name: str, texts: pa.Array) -> pa.DictionaryArray:
    """Texts of some rows, with no other text among them."""
    codes, without = columns[name], is_missing(columns, name)
    used = np.flatnonzero(np.bincount(codes if without is None else codes[~without]))
    place = np.zeros(len(texts), dtype=np.int32)
    place[used] = np.arange(used.size)
    places = place[codes] if used.size else np.zeros(codes.size, dtype=np.int32)
    return pa.DictionaryArray.from_arrays(pa.array(places, mask=without), texts.take(pa.array(used)))


def _by_week_time_and_id(rows: Columns) -> NDArray[np.int64]:
    """Positions of rows in their order."""
    time = rows["occurred_from"]
    high, low = lake_index.halves(rows["incident_id"])
    since = (time - time.min()).astype(np.uint64)
    # One number of the time and as much of the id as there is room for sorts ten times as fast as both do.
    shift = np.uint64(64 - max(1, int(since.max()).bit_length()))
    key = (since << shift) | (high >> (np.uint64(64) - shift))
    ordered = np.argsort(key)
    is_equal = np.diff(key[ordered]) == 0
    if is_equal.any():
        alike = np.flatnonzero(np.append(is_equal, False) | np.append(False, is_equal))
        some = ordered[alike]
        ordered[alike] = some[np.lexsort((low[some], high[some], time[some]))]
    # Where clocks are put back at the end of a Sunday, time alone does not tell the week.
    return ordered[np.argsort(spill.week_of(rows["occurred_on"][ordered]), kind="stable")]


def flags(height: int, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.bool_]:
    """One flag a row, set for the given ones."""
    out = np.zeros(height, dtype=bool)
    out[np.asarray(rows, dtype=np.int64)] = True
    return out
