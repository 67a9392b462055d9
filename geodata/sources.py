"""Reads deliveries: CSV in any dialect and Parquet, in batches with line numbers, never a whole file at once.

What a file is, is told by its content, not by its name. Questions that one row cannot answer are settled once for the
whole file when it is opened: whether 03/04/2026 is March or April, whether midnight means that no hour was recorded,
whether ids only number the rows, and whether the category column holds anything.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain, islice
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from geodata import csv_text, timestamps
from geodata.coordinates import read_places
from geodata.errors import UnexpectedColumns, UnreadableFile
from geodata.layout import Layout, Mapping, find_columns, is_month_name, printable, shown

__all__ = ["LINE", "RAGGED", "REPEAT", "Mapping", "Source", "open_source", "with_repeats"]

LINE = "line"
"""Line on which the row starts (CSV, the header's included) or number of the row (Parquet), from 1."""
RAGGED = "ragged"
"""Raw text of a row that does not fit the header; missing for all others, whose fields are then filled."""
REPEAT = "repeat"
"""How many rows equal in time, place and category came before this one in the file."""

_OURS = (LINE, RAGGED, REPEAT)
_JUDGED_ROWS = 20_000
_LEAST_ROWS_FOR_DAYS = 10
_TIMES = ("occurred_at", "occurred_from", "occurred_to", "date")
_ZONES = (
    (frozenset({"crime id", "falls within", "lsoa code"}), "Europe/London"),
    (frozenset({"iucr", "community area"}), "America/Chicago"),
)
"""Columns that tell a publisher, and so its clock."""

_FOREIGN = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a ZIP archive or an Excel workbook"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"SQLite format 3", "an SQLite database"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"ARROW1", "an Arrow file"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An opened delivery.

    ``layout`` maps canonical names to columns of the file; ``time_zone`` is what the mapping or the publisher's
    layout says, else None. ``date_format`` and ``at_best`` are how its dates are to be read
    (see `timestamps.windows`).
    """

    path: Path
    kind: str
    layout: Layout
    time_zone: str | None = None
    columns: tuple[str, ...] = ()
    date_format: str | None = None
    at_best: str = "minute"
    dialect: csv_text.Dialect | None = None

    @property
    def has_category(self) -> bool:
        """Whether the file tells offences apart at all."""
        return "category" in self.layout

    def batches(self, rows: int = 100_000) -> Iterator[pl.DataFrame]:
        """The rows in order: columns as delivered, and ``line``, ``ragged`` and ``repeat``.

        Raises
        ------
        UnreadableFile
            If the file turns out damaged further on; rows handed out before are then not to be used.
        """
        seen = pl.DataFrame(schema={"key": pl.UInt64, "times": pl.Int64})
        for frame in self._frames(rows, self.columns):
            batch, seen = with_repeats(frame, self.layout, seen)
            yield batch

    def points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latitude and longitude in degrees of every row that has a usable place, wherever it is."""
        wanted = (self.layout["lat"], self.layout["lng"])
        usable = [
            read_places(frame, self.layout, None).filter(pl.col("lat").is_not_null() & pl.col("fault").is_null())
            for frame in self._frames(100_000, wanted)
        ]
        places = pl.concat(usable) if usable else pl.DataFrame(schema={"lat": pl.Float64, "lng": pl.Float64})
        return places["lat"].to_numpy(), places["lng"].to_numpy()

    def _frames(self, rows: int, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        if self.dialect is None:
            return _parquet_frames(self.path, self.columns, columns, rows)
        return _csv_frames(self.path, self.dialect, self.columns, columns, rows)


def open_source(path: Path, mapping: Mapping | None = None) -> Source:
    """Open a delivery and find its columns.

    Parameters
    ----------
    path : a CSV (also gzip-compressed) or Parquet file
    mapping : what the file's own names do not tell

    Raises
    ------
    UnreadableFile
        If the file as a whole cannot be read: absent, empty, binary, damaged, of another format, without rows.
    UnexpectedColumns
        If a needed column is missing, doubled or of a type that cannot be read, or its dates can be read two ways.
    """
    head = _head(path)
    if head.startswith(b"PAR1"):
        names, dialect = _parquet_names(path), None
    else:
        _refuse_foreign(path, head)
        dialect = csv_text.sniff(
            path,
            is_compressed=head.startswith(b"\x1f\x8b"),
            encoding=mapping.encoding if mapping else None,
            separator=mapping.separator if mapping else None,
        )
        names = list(dialect.header)
    columns = tuple(f"{name} (delivered)" if name in _OURS else name for name in names)
    source = Source(
        path=path,
        kind="csv" if dialect else "parquet",
        layout=find_columns(columns, mapping, file_name=path.name),
        time_zone=(mapping.time_zone if mapping else None) or _zone_of(names),
        columns=columns,
        date_format=mapping.date_format if mapping else None,
        dialect=dialect,
    )
    return _settled(source, mapping)


def with_repeats(frame: pl.DataFrame, layout: Layout, seen: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Number the rows that are equal in all that makes an incident; ``seen`` carries the counts between batches."""
    told = [column for canonical, column in layout.items() if canonical != "incident_id"]
    key = frame.select(pl.struct(pl.col(told).cast(pl.String, strict=False)).hash(seed=0).alias("key"))
    here = pl.int_range(pl.len()).over("key").alias("here")
    before = key.with_columns(here).join(seen, on="key", how="left", maintain_order="left")
    repeat = before["here"] + before["times"].fill_null(0)
    counts = key.group_by("key").agg(pl.len().cast(pl.Int64).alias("times"))
    seen = pl.concat([seen, counts]).group_by("key").agg(pl.col("times").sum())
    return frame.with_columns(repeat.cast(pl.Int64).alias(REPEAT)), seen


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            head = stream.read(64)
    except OSError as trouble:
        raise UnreadableFile(
            f"{path.name} cannot be opened: {trouble.strerror}. Check the path and the right to read it."
        ) from None
    if not head:
        raise UnreadableFile(f"{path.name} is empty; expected CSV or Parquet with one row for each incident.")
    return head


def _refuse_foreign(path: Path, head: bytes) -> None:
    found = next((kind for magic, kind in _FOREIGN if head.startswith(magic)), None)
    text = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    if found is None and text[:1] in (b"{", b"["):
        found = "JSON"
    if found is None and text[:1] == b"<":
        found = "HTML or XML"
    if found is None and path.suffix.lower() in (".parquet", ".pq"):
        found = "no Parquet (it does not begin with PAR1)"
    if found:
        raise UnreadableFile(
            f"{path.name} is {found}; expected CSV or Parquet. Export the table of incidents in one of these formats "
            "and deliver that file."
        )


def _zone_of(names: Sequence[str]) -> str | None:
    plain = {name.casefold().replace("_", " ") for name in names}
    return next((zone for columns, zone in _ZONES if columns <= plain), None)


def _settled(source: Source, mapping: Mapping | None) -> Source:
    """The source once the questions that only the whole file answers are settled."""
    columns = [column for name, column in source.layout.items() if name in (*_TIMES, "category", "incident_id")]
    frames = source._frames(_JUDGED_ROWS, columns)
    first = next(frames, None)
    if first is None:
        raise UnreadableFile(
            f"{source.path.name} has a header but no rows; expected one row for each incident. Export it again."
        )
    _refuse_types(source, first)
    layout = dict(source.layout)
    mapped = mapping.columns if mapping else {}
    if "incident_id" in layout and "incident_id" not in mapped and _numbers_rows(first[layout["incident_id"]]):
        del layout["incident_id"]

    judgement = _Judgement(layout, needs_order=source.date_format is None)
    for frame in chain([first], frames):
        judgement.look(frame)
        if judgement.is_settled:
            break
    if judgement.is_empty_category:
        layout.pop("category", None)
    return replace(
        source,
        layout=layout,
        date_format=source.date_format or judgement.date_order(source.path.name),
        at_best=judgement.at_best,
    )


class _Judgement:
    """What the rows seen so far leave possible."""

    def __init__(self, layout: Layout, *, needs_order: bool) -> None:
        self._category = layout.get("category")
        self._times = [layout[name] for name in _TIMES if name in layout]
        self._at = layout.get("occurred_at") if "time_precision" not in layout else None
        self._order = timestamps.DateOrder()
        self._needs_order = needs_order
        self.is_empty_category = True
        self.is_all_midnight = self._at is not None
        self.rows = 0

    def look(self, frame: pl.DataFrame) -> None:
        """Take in further rows."""
        self.rows += frame.height
        if self.is_empty_category and self._category:
            self.is_empty_category = timestamps.clean_text(frame[self._category]).null_count() == frame.height
        if self.is_all_midnight and self._at:
            self.is_all_midnight = timestamps.is_all_midnight(frame[self._at])
        if self._needs_order:
            for column in self._times:
                self._order += timestamps.date_order(frame[column])

    @property
    def at_best(self) -> str:
        """The finest precision that ``occurred_at`` has, whatever its values look like."""
        if self._at and is_month_name(self._at):
            return "month"
        return "day" if self.is_all_midnight and self.rows >= _LEAST_ROWS_FOR_DAYS else "minute"

    @property
    def is_settled(self) -> bool:
        """Whether further rows cannot change an answer."""
        order = self._order
        has_order = order.day_first or order.month_first or not (order.either or order.same)
        return bool(has_order and not self.is_all_midnight and not (self.is_empty_category and self._category))

    def date_order(self, file_name: str) -> str:
        """Day first or month first, as most of the telling dates say."""
        order = self._order
        if order.either and order.day_first == order.month_first:
            raise UnexpectedColumns(
                f"{file_name}: dates such as 03/04/2026 can be read two ways, and no date in column "
                f"{shown(self._times)} tells which. Say it with --mapping FILE, a file with the line\n"
                'date_format = "day first"\nor date_format = "month first".'
            )
        return timestamps.MONTH_FIRST if order.month_first > order.day_first else timestamps.DAY_FIRST


def _refuse_types(source: Source, frame: pl.DataFrame) -> None:
    for name in _TIMES:
        column = source.layout.get(name)
        if column is None:
            continue
        dtype = frame[column].dtype
        if not (dtype in (pl.String, pl.Date, pl.Null) or isinstance(dtype, pl.Datetime)):
            raise UnexpectedColumns(
                f"{source.path.name}: column {printable(column, most=40)!r} holds {dtype} values; for {name} expected "
                "dates, datetimes or text such as 2026-03-01 14:30. Convert it and deliver again."
            )


def _numbers_rows(column: pl.Series) -> bool:
    """Whether a column of ids merely counts the rows: such ids start anew in each file and identify nothing.

    Numbers of ragged rows are missing from it.
    """
    numbers = column.cast(pl.String).drop_nulls().cast(pl.Int64, strict=False)
    if numbers.len() < 2 or numbers.null_count() or numbers[0] not in (0, 1):
        return False
    return bool((numbers.diff().drop_nulls() > 0).all()) and numbers[-1] - numbers[0] < column.len()


def _csv_frames(
    path: Path, dialect: csv_text.Dialect, names: Sequence[str], columns: Sequence[str], rows: int
) -> Iterator[pl.DataFrame]:
    wanted = [names.index(column) for column in columns]
    nothing: list[str | None] = [None] * len(names)
    records = csv_text.records(path, dialect)
    while True:
        lines: list[int] = []
        texts: list[str | None] = []
        table: list[Sequence[str | None]] = []
        for line, fields, ragged in islice(records, rows):
            lines.append(line)
            texts.append(ragged)
            table.append(fields if ragged is None else nothing)
        if not lines:
            return
        by_column = list(zip(*table, strict=True))
        yield pl.DataFrame(
            [
                *(pl.Series(names[at], by_column[at], dtype=pl.String) for at in wanted),
                pl.Series(LINE, lines, dtype=pl.Int64),
                pl.Series(RAGGED, texts, dtype=pl.String),
            ]
        )


def _parquet_names(path: Path) -> list[str]:
    with _as_unreadable(path), pq.ParquetFile(path) as file:
        if file.metadata.num_rows == 0:
            raise UnreadableFile(f"{path.name} holds no rows; expected one row for each incident. Export it again.")
        return [field.name for field in file.schema_arrow if _is_plain(field.type)]


def _parquet_frames(path: Path, names: Sequence[str], columns: Sequence[str], rows: int) -> Iterator[pl.DataFrame]:
    first = 1
    with _as_unreadable(path), pq.ParquetFile(path) as file:
        own = [field.name for field in file.schema_arrow if _is_plain(field.type)]
        renamed = dict(zip(own, names, strict=True))
        wanted = [name for name in own if renamed[name] in columns]
        for batch in file.iter_batches(batch_size=rows, columns=wanted):
            batch.validate(full=True)
            # Built anew from its columns: metadata of the file is not checked and not needed.
            named = [renamed[name] for name in batch.schema.names]
            frame = pl.DataFrame(pl.from_arrow(pa.RecordBatch.from_arrays(batch.columns, names=named)))
            frame = frame.with_columns(pl.col(pl.Categorical).cast(pl.String))
            yield frame.with_columns(
                pl.int_range(first, first + frame.height).alias(LINE), pl.lit(None, dtype=pl.String).alias(RAGGED)
            )
            first += frame.height


def _is_plain(kind: pa.DataType) -> bool:
    """Whether a column holds one number, text, date or truth value a row; others are not read."""
    if pa.types.is_dictionary(kind):
        return _is_plain(kind.value_type)
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
def _as_unreadable(path: Path) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, pl.exceptions.PolarsError, OSError, EOFError, UnicodeError) as trouble:
        raise UnreadableFile(
            f"{path.name} is a damaged or incomplete Parquet file ({printable(str(trouble), most=120)}). Copy or "
            "export it again."
        ) from None
