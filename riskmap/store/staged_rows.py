"""Accepted rows of a running delivery, on disk by batch and week, so that a delivery of any size fits into memory."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
from numpy.typing import NDArray

from geodata.columns import INCIDENTS
from riskmap.store import lake_index, lake_rows
from riskmap.store.lake_index import Numbers

ROW = "row"
"""Position of a row among all accepted rows of its delivery, from 0."""
IS_KEYED = "is_keyed"
_OFTEN_CONSTANT = ("time_zone", "time_precision")
_COLUMNS = [*INCIDENTS.schema, IS_KEYED, ROW]


@dataclass(frozen=True, slots=True)
class _Spill:
    """Rows of one batch: one Arrow batch a week, without the columns that hold one text only."""

    path: Path
    first_row: int
    weeks: dict[str, int]
    constants: dict[str, str]


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
        checked = lake_rows.packed(INCIDENTS.checked(rows))
        constants = {name: checked[name][0] for name in _OFTEN_CONSTANT if (checked[name] == checked[name][0]).all()}
        held = (
            checked.drop(constants)
            .with_columns(
                is_keyed.alias(IS_KEYED),
                pl.int_range(self.height, self.height + rows.height).alias(ROW),
                pl.col("occurred_on").dt.truncate("1w").alias("_"),
            )
            .sort("_", maintain_order=True)
        )
        runs = held["_"].rle().struct.unnest()
        table = held.drop("_").to_arrow()
        path = self.folder / f"{len(self._spills):05d}.arrow"
        with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
            start = 0
            for length in runs["len"]:
                writer.write_table(table.slice(start, length).combine_chunks())
                start += length
        weeks = {name: at for at, name in enumerate(runs["value"].dt.strftime("%G-W%V"))}
        self._spills.append(_Spill(path, self.height, weeks, constants))
        self._numbers.append(lake_index.numbers(checked["incident_id"], checked["occurred_on"]))
        self.height += rows.height

    @property
    def numbers(self) -> Numbers:
        """The index number of each row, in the order added."""
        if len(self._numbers) != 1:
            self._numbers = [np.concatenate([np.empty(0, dtype=np.uint64), *self._numbers])]
        return self._numbers[0]

    def gather(self, rows: NDArray[np.int64]) -> pl.DataFrame:
        """The given rows as `INCIDENTS` with `ROW` and `IS_KEYED`, in order."""
        parts = [pl.DataFrame(schema={**INCIDENTS.schema, IS_KEYED: pl.Boolean(), ROW: pl.Int64()})]
        wanted = np.sort(rows)
        for at, spill in enumerate(self._spills):
            end = self._spills[at + 1].first_row if at + 1 < len(self._spills) else self.height
            inside = wanted[np.searchsorted(wanted, spill.first_row) : np.searchsorted(wanted, end)]
            if inside.size == 0:
                continue
            is_wanted = flags(end - spill.first_row, inside - spill.first_row)
            parts.append(lake_rows.unpacked(_rows([(spill, spill.weeks.values())], is_wanted)))
        return pl.concat(parts).sort(ROW)

    def of(self, ids: pl.Series) -> pl.DataFrame:
        """Rows that have one of the ids, as `gather`."""
        wanted = np.sort(lake_index.heads_of(ids.str.decode("hex")))
        rows = lake_index.members(lake_index.heads(self.numbers), wanted)
        named = pl.DataFrame({"incident_id": ids.cast(pl.String)})
        return self.gather(rows).join(named, on="incident_id", how="semi", maintain_order="left")

    def by_week(self, left_out: NDArray[np.bool_]) -> Iterator[tuple[str, pl.DataFrame]]:
        """Rows of each week that are not left out (one flag a row), by time and id as the lake's files hold them."""
        for week in sorted({name for spill in self._spills for name in spill.weeks}):
            rows = _rows([(spill, [spill.weeks[week]]) for spill in self._spills if week in spill.weeks])
            out = left_out[rows[ROW].to_numpy()]
            kept = rows.filter(pl.Series(~out)) if out.any() else rows
            if kept.height:
                yield week, kept.drop(ROW, IS_KEYED).sort("occurred_from", "incident_id")


def _rows(wanted: Sequence[tuple[_Spill, Iterable[int]]], is_wanted: NDArray[np.bool_] | None = None) -> pl.DataFrame:
    """The Arrow batches at the given positions of some spills, as one frame; ``is_wanted`` flags rows of a spill."""
    frames = []
    # Spills of one file mostly lack the same columns: they then become a frame at once, not each on its own.
    for constants, alike in groupby(wanted, key=lambda one: one[0].constants):
        batches = []
        for spill, positions in alike:
            with pa.OSFile(str(spill.path)) as file:
                reader = pa.ipc.open_file(file)
                for at in positions:
                    batch = reader.get_batch(at)
                    if is_wanted is not None:
                        batch = batch.filter(pa.array(is_wanted[batch[ROW].to_numpy() - spill.first_row]))
                    batches.append(batch)
        frame = pl.DataFrame(pl.from_arrow(pa.Table.from_batches(batches)))
        frames.append(frame.with_columns(pl.lit(text).alias(name) for name, text in constants.items()).select(_COLUMNS))
    return pl.concat(frames)


def flags(height: int, rows: Sequence[int] | NDArray[np.int64]) -> NDArray[np.bool_]:
    """One flag a row, set for the given ones."""
    out = np.zeros(height, dtype=bool)
    out[np.asarray(rows, dtype=np.int64)] = True
    return out
