"""Rows of a Parquet file, plain or inside gzip, and the kinds of columns that are read at all."""

import gzip
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from geodata.column_names import printable
from geodata.errors import UnreadableFile
from geodata.rows import LINE, RAGGED, handed_out, refuse_empty


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

    @property
    def columns(self) -> tuple[str, ...]:
        return handed_out(self.names)

    def frames(self, rows: int, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        first = 1
        renamed = dict(zip(self.names, self.columns, strict=True))
        wanted = [name for name in self.names if renamed[name] in columns]
        with _opened(self.path, self.is_compressed) as file:
            for batch in file.iter_batches(batch_size=rows, columns=wanted):
                frame = as_frame(batch, [renamed[name] for name in batch.schema.names], first_line=first)
                yield frame
                first += frame.height


def open_parquet(path: Path, *, is_compressed: bool) -> ParquetRows:
    """Open a Parquet file.

    Raises
    ------
    UnreadableFile
        If it is damaged or has no rows.
    """
    with _opened(path, is_compressed) as file:
        height = file.metadata.num_rows
        names = tuple(field.name for field in file.schema_arrow if is_plain(field.type))
    refuse_empty(path, height)
    return ParquetRows(path=path, names=names, height=height, is_compressed=is_compressed)


def as_frame(batch: pa.RecordBatch, names: Sequence[str], *, first_line: int) -> pl.DataFrame:
    """A checked Arrow batch as a frame with `LINE` and `RAGGED`."""
    batch.validate(full=True)
    # Built anew from its columns: metadata of the file is not checked and not needed.
    frame = pl.DataFrame(pl.from_arrow(pa.RecordBatch.from_arrays(batch.columns, names=list(names))))
    return frame.with_columns(pl.col(pl.Categorical).cast(pl.String)).with_columns(
        pl.int_range(first_line, first_line + frame.height).alias(LINE), pl.lit(None, dtype=pl.String).alias(RAGGED)
    )


def is_plain(kind: pa.DataType) -> bool:
    """Whether a column holds one number, text, date or truth value a row; others are not read."""
    if pa.types.is_dictionary(kind):
        return is_plain(kind.value_type)
    tests: tuple[Callable[[pa.DataType], bool], ...] = (
        pa.types.is_null,
        pa.types.is_boolean,
        pa.types.is_integer,
        pa.types.is_floating,
        pa.types.is_decimal,
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
            gzip.GzipFile(fileobj=plain) as unpacked,
            pq.ParquetFile(unpacked if is_compressed else path) as file,
        ):
            yield file
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, EOFError, UnicodeError, zlib.error) as trouble:
        raise UnreadableFile(
            f"{path.name} is a damaged or incomplete Parquet file ({printable(str(trouble), most=120)}). Copy or "
            "export it again."
        ) from None
