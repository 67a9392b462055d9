"""Rows of a Parquet file, plain or inside gzip, and the kinds of columns that are read at all."""

import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from geodata.archives import ALWAYS_BYTES, MOST_TIMES, Stamp, Unpacked, require_unchanged, stamp
from geodata.column_names import printable
from geodata.csv_text import MAX_COLUMNS
from geodata.errors import UnreadableFile
from geodata.rows import LINE, RAGGED, handed_out, refuse_empty

MOST_ROW_BYTES = 100_000
"""Bytes of a row, in the mean of the first rows of each group."""

LEAST_ROW_BYTES = 0.25
"""Bytes of the file for each of its rows, where they are many; incidents differ, and what differs takes room."""

MANY_ROWS = 1_000_000
MOST_WIDE_BYTES = 1_000_000
"""Bytes of a row, in the mean of a group as the file declares it."""

_FIRST_DAY, _LAST_DAY = -719_162, 2_932_896
_PER_DAY = {"ms": 86_400_000, "us": 86_400_000_000}
_FIRST_ROWS = 8
_STEP_ROWS = 16_384
_MOST_HELD_BYTES = 128_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class ParquetRows:
    """An opened Parquet file; ``height`` is its number of rows."""

    path: Path
    names: tuple[str, ...]
    height: int
    is_compressed: bool = False
    kind: str = "parquet"
    part: str | None = None
    coordinate_system: str | None = None
    stamp: Stamp | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return handed_out(self.names)

    def frames(self, rows: int, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        first = 1
        renamed = dict(zip(self.names, self.columns, strict=True))
        wanted = [name for name in self.names if renamed[name] in columns]
        with _opened(self.path, self.is_compressed) as file:
            for batch in _gathered(_steps(file, min(rows, _STEP_ROWS), wanted, self.path), rows):
                frame = as_frame(batch, [renamed[name] for name in batch.schema.names], first_line=first)
                yield frame
                first += frame.height
        require_unchanged(self.path, self.stamp)


def _steps(file: pq.ParquetFile, rows: int, wanted: Sequence[str], path: Path) -> Iterator[pa.RecordBatch]:
    """The rows in small steps: one text of a few bytes on disk may stand for as many copies as there are rows."""
    most, unpacked = _most_unpacked(path), 0
    for group in range(file.num_row_groups):
        if file.metadata.row_group(group).num_rows > _FIRST_ROWS:
            for head in map(
                _decoded, islice(file.iter_batches(batch_size=_FIRST_ROWS, row_groups=[group], columns=wanted), 1)
            ):
                if head.nbytes > MOST_ROW_BYTES * head.num_rows:
                    raise UnreadableFile(
                        f"{path.name} has rows of {head.nbytes // head.num_rows:,} bytes; expected at most "
                        f"{MOST_ROW_BYTES:,}. Export only the columns of incidents."
                    )
    for step in file.iter_batches(batch_size=rows, columns=wanted):
        decoded = _decoded(step)
        unpacked += decoded.nbytes
        if unpacked > most:
            raise _swelling(path)
        yield decoded


def _decoded(batch: pa.RecordBatch) -> pa.RecordBatch:
    """The batch with its texts in full, so that their size is known, and moments with a zone in UTC."""
    columns = [
        column.dictionary_decode() if pa.types.is_dictionary(column.type) else column for column in batch.columns
    ]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _most_unpacked(path: Path) -> int:
    return max(ALWAYS_BYTES, MOST_TIMES * path.stat().st_size)


def _swelling(path: Path) -> UnreadableFile:
    return UnreadableFile(
        f"{path.name} unpacks into more than {MOST_TIMES} times its size; expected incidents that differ from one "
        "another. Export the table again."
    )


def _gathered(steps: Iterator[pa.RecordBatch], rows: int) -> Iterator[pa.RecordBatch]:
    """Steps put together to batches of about so many rows, or of as many as may be held."""
    held: list[pa.RecordBatch] = []
    for step in steps:
        if held and sum(one.num_rows for one in held) + step.num_rows > rows:
            yield _joined(held)
            held = []
        held.append(step)
        if sum(one.nbytes for one in held) > _MOST_HELD_BYTES:
            yield _joined(held)
            held = []
    if held:
        yield _joined(held)


def _joined(held: Sequence[pa.RecordBatch]) -> pa.RecordBatch:
    return held[0] if len(held) == 1 else pa.concat_batches(held)


def open_parquet(path: Path, *, is_compressed: bool) -> ParquetRows:
    """Open a Parquet file.

    Raises
    ------
    UnreadableFile
        If it is damaged or has no rows.
    """
    before = stamp(path)
    with _opened(path, is_compressed) as file:
        height = file.metadata.num_rows
        groups = [file.metadata.row_group(number) for number in range(file.num_row_groups)]
        unpacked = sum(group.total_byte_size for group in groups)
        widest = max((group.total_byte_size / max(1, group.num_rows) for group in groups), default=0)
        names = tuple(field.name for field in file.schema_arrow if is_plain(field.type))
    refuse_empty(path, height)
    if len(names) > MAX_COLUMNS:
        raise UnreadableFile(
            f"{path.name} has {len(names)} columns; expected at most {MAX_COLUMNS}. Export only the columns of "
            "incidents."
        )
    if unpacked > _most_unpacked(path):
        raise _swelling(path)
    if height > 1 and widest > MOST_WIDE_BYTES:
        raise UnreadableFile(
            f"{path.name} has rows of {widest:,.0f} bytes; expected at most {MOST_WIDE_BYTES:,}. Export only the "
            "columns of incidents."
        )
    size = path.stat().st_size
    if height > MANY_ROWS and size < LEAST_ROW_BYTES * height:
        raise UnreadableFile(
            f"{path.name} says {height:,} rows in {size:,} bytes; expected incidents that differ from one another. "
            "Export the table again."
        )
    return ParquetRows(path=path, names=names, height=height, is_compressed=is_compressed, stamp=before)


def as_frame(batch: pa.RecordBatch, names: Sequence[str], *, first_line: int) -> pl.DataFrame:
    """A checked Arrow batch as a frame with `LINE` and `RAGGED`."""
    batch.validate(full=True)
    # Built anew from its columns: metadata of the file is not checked and not needed.
    columns = [_in_utc(column) for column in batch.columns]
    frame = pl.DataFrame(pl.from_arrow(pa.RecordBatch.from_arrays(columns, names=list(names))))
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String), *_within_calendar(frame)).with_columns(
        pl.int_range(first_line, first_line + frame.height).alias(LINE), pl.lit(None, dtype=pl.String).alias(RAGGED)
    )


def _in_utc(column: pa.Array) -> pa.Array:
    """Moments of any zone or offset as moments in UTC, which they are."""
    has_zone = pa.types.is_timestamp(column.type) and column.type.tz is not None
    return column.cast(pa.timestamp(column.type.unit, tz="UTC")) if has_zone else column


def _within_calendar(frame: pl.DataFrame) -> list[pl.Expr]:
    """Days and moments beyond the years 1 to 9999, which no calendar can hold, as the first or last one."""
    clipped = []
    for name, kind in frame.schema.items():
        # Nanoseconds do not reach so far.
        per_day = 1 if kind == pl.Date else _PER_DAY.get(kind.time_unit) if isinstance(kind, pl.Datetime) else None
        if per_day is not None:
            counted = pl.col(name).to_physical().clip(_FIRST_DAY * per_day, _LAST_DAY * per_day)
            clipped.append(counted.cast(kind))
    return clipped


def is_plain(kind: pa.DataType) -> bool:
    """Whether a column holds one number, text, date or truth value a row; others are not read."""
    if pa.types.is_dictionary(kind):
        return is_plain(kind.value_type)
    tests: tuple[Callable[[pa.DataType], bool], ...] = (
        pa.types.is_null,
        pa.types.is_boolean,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal128,
        pa.types.is_string,
        pa.types.is_large_string,
        pa.types.is_date,
        pa.types.is_timestamp,
        pa.types.is_time,
    )
    return any(test(kind) for test in tests)


@contextmanager
def _opened(path: Path, is_compressed: bool) -> Iterator[pq.ParquetFile]:
    try:
        with (
            path.open("rb") as plain,
            Unpacked(plain, path.name) as unpacked,
            pq.ParquetFile(unpacked if is_compressed else path) as file,
        ):
            yield file
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, EOFError, UnicodeError, zlib.error) as trouble:
        raise UnreadableFile(
            f"{path.name} is a damaged or incomplete Parquet file ({printable(str(trouble), most=120)}). Copy or "
            "export it again."
        ) from None
