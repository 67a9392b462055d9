"""Accepted rows of a running delivery, on disk by batch and week, so that a delivery of any size fits into memory."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from geodata.columns import INCIDENTS
from riskmap.store import lake_index
from riskmap.store.lake_index import Numbers

ROW = "row"
"""Position of a row among all accepted rows of its delivery, from 0."""
IS_KEYED = "is_keyed"


@dataclass(frozen=True, slots=True)
class _Spill:
    path: Path
    first_row: int
    weeks: dict[str, tuple[int, int]]


@dataclass(slots=True)
class StagedRows:
    """Rows as they were added; ``folder`` is the delivery's staging folder."""

    folder: Path
    height: int = 0
    _spills: list[_Spill] = field(default_factory=list)
    _numbers: list[Numbers] = field(default_factory=list)

    def add(self, rows: pl.DataFrame, is_keyed: pl.Series) -> None:
        """Append accepted rows of one batch."""
        if rows.is_empty():
            return
        checked = INCIDENTS.checked(rows)
        found = lake_index.numbers(checked["incident_id"], checked["occurred_on"])
        week = checked["occurred_on"].dt.strftime("%G-W%V").rename("week")
        held = checked.with_columns(
            week, is_keyed.alias(IS_KEYED), pl.int_range(self.height, self.height + rows.height).alias(ROW)
        ).sort("week", maintain_order=True)
        runs = held["week"].rle().struct.unnest()
        starts = [0, *np.cumsum(runs["len"].to_numpy()).tolist()]
        path = self.folder / f"{len(self._spills):05d}.arrow"
        held.drop("week").write_ipc(path, compression="uncompressed")
        weeks = {name: (starts[at], length) for at, (length, name) in enumerate(runs.iter_rows())}
        self._spills.append(_Spill(path, self.height, weeks))
        self._numbers.append(found)
        self.height += rows.height

    @property
    def numbers(self) -> Numbers:
        """The index number of each row, in the order added."""
        return np.concatenate(self._numbers) if self._numbers else np.empty(0, dtype=np.uint64)

    def gather(self, rows: NDArray[np.int64]) -> pl.DataFrame:
        """The given rows as `INCIDENTS` with `ROW` and `IS_KEYED`, in order."""
        parts = [pl.DataFrame(schema={**INCIDENTS.schema, IS_KEYED: pl.Boolean(), ROW: pl.Int64()})]
        wanted = np.sort(rows)
        for at, spill in enumerate(self._spills):
            end = self._spills[at + 1].first_row if at + 1 < len(self._spills) else self.height
            inside = wanted[np.searchsorted(wanted, spill.first_row) : np.searchsorted(wanted, end)]
            if inside.size:
                held = _mapped(spill.path)
                is_wanted = np.zeros(end - spill.first_row, dtype=bool)
                is_wanted[inside - spill.first_row] = True
                parts.append(held.filter(pl.Series(is_wanted[held[ROW].to_numpy() - spill.first_row])))
        return pl.concat(parts).sort(ROW)

    def of(self, ids: pl.Series) -> pl.DataFrame:
        """Rows that have one of the ids, as `gather`."""
        wanted = np.unique(lake_index.heads_of(ids))
        if wanted.size == 0:
            return self.gather(np.empty(0, dtype=np.int64))
        heads = lake_index.heads(self.numbers)
        at = np.minimum(np.searchsorted(wanted, heads), wanted.size - 1)
        return self.gather(np.flatnonzero(wanted[at] == heads)).join(
            pl.DataFrame({"incident_id": ids}), on="incident_id", how="semi", maintain_order="left"
        )

    def by_week(self, left_out: NDArray[np.bool_]) -> Iterator[tuple[str, pl.DataFrame]]:
        """Rows of each week that are not left out (one flag a row), by time and id; weeks in order."""
        opened = [_mapped(spill.path) for spill in self._spills]
        for week in sorted({name for spill in self._spills for name in spill.weeks}):
            slices = [
                frame.slice(*spill.weeks[week])
                for frame, spill in zip(opened, self._spills, strict=True)
                if week in spill.weeks
            ]
            rows = pl.concat(slices)
            out = left_out[rows[ROW].to_numpy()]
            kept = rows.filter(pl.Series(~out)) if out.any() else rows
            if kept.height:
                yield week, kept.drop(ROW, IS_KEYED).sort("occurred_from", "incident_id")


def _mapped(path: Path) -> pl.DataFrame:
    """A frame that stays on disk until a part of it is looked at."""
    with pa.memory_map(str(path)) as file:
        return pl.DataFrame(pl.from_arrow(pa.ipc.open_file(file).read_all()))


def flags(height: int, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.bool_]:
    """One flag a row, set for the given ones."""
    out = np.zeros(height, dtype=bool)
    out[np.asarray(rows, dtype=np.int64)] = True
    return out
