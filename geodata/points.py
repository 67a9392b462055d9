"""Points of incidents in one plain form, as research files and benchmarks have them: no layout, no lake, no territory.

Columns: ``occurred_at`` (local wall time), ``category``, ``lat``, ``lon``; where they are known, ``time_precision``
(minute, hour, day, month or interval) and ``location_type`` (what kind of place it was). CSV or Parquet.
"""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl

from geodata import hexgrid
from geodata.aggregate import GOLDEN
from geodata.column_names import printable
from geodata.errors import InvalidCell, UnexpectedColumns, UnreadableFile

NEEDED = ("occurred_at", "category", "lat", "lon")
PRECISIONS = ("minute", "hour", "day", "month", "interval")
NO_CATEGORY = "unknown"
_COLLAPSING = ("minute", "hour")
_TEXT_TIMES = ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M")
_PARQUET = b"PAR1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """What a file of points holds.

    Attributes
    ----------
    frame : columns ``occurred_on`` (Date), ``is_month_only`` (Boolean), ``category``, ``premise`` (String; may be
        missing), ``lat``, ``lon`` (degrees)
        Sorted, so that the order of the file moves nothing.
    rows_read, without_place, without_time, duplicates : rows of the file, and those left out
        Rows of one minute or hour, place and category are one incident.
    """

    frame: pl.DataFrame
    rows_read: int
    without_place: int
    without_time: int
    duplicates: int


def read_points(path: Path) -> Points:
    """Points of a file.

    Raises
    ------
    UnreadableFile
        If it is neither CSV nor Parquet, or cannot be read.
    UnexpectedColumns
        If a column is missing.
    """
    raw = read_table(path)
    _require_columns(raw, NEEDED, path)
    precision = pl.col("time_precision") if "time_precision" in raw.columns else pl.lit("minute")
    premise = pl.col("location_type") if "location_type" in raw.columns else pl.lit(None)
    told = raw.select(
        occurred_at=_moment(raw["occurred_at"]),
        is_month_only=(precision.cast(pl.String) == "month").fill_null(value=False),
        is_exact=precision.cast(pl.String).is_in(_COLLAPSING).fill_null(value=True),
        category=pl.col("category").cast(pl.String).fill_null(NO_CATEGORY),
        premise=premise.cast(pl.String),
        lat=pl.col("lat").cast(pl.Float64, strict=False),
        lon=pl.col("lon").cast(pl.Float64, strict=False),
    )
    is_placed = pl.col("lat").is_between(-90, 90) & pl.col("lon").is_between(-180, 180)
    placed = told.filter(is_placed.fill_null(value=False))
    timed = placed.filter(pl.col("occurred_at").is_not_null())
    incident = ["occurred_at", "category", "lat", "lon"]
    kept = timed.filter(~pl.col("is_exact") | pl.struct(incident).is_first_distinct()).sort(*incident, "premise")
    return Points(
        frame=kept.select(
            pl.col("occurred_at").dt.date().alias("occurred_on"), "is_month_only", "premise", *incident[1:]
        ),
        rows_read=raw.height,
        without_place=told.height - placed.height,
        without_time=placed.height - timed.height,
        duplicates=timed.height - kept.height,
    )


def read_cells(path: Path, *, resolution: int) -> hexgrid.Cells:
    """Cells of a list (column ``cell``, hexadecimal), each once, in the order given.

    Raises
    ------
    InvalidCell
        Naming the first text that is no cell of the resolution, or saying that there is none at all.
    """
    table = read_table(path)
    _require_columns(table, ("cell",), path)
    texts = table["cell"].cast(pl.String).unique(maintain_order=True)
    cells, is_cell = hexgrid.parse_cells(texts)
    fits = is_cell.copy()
    fits[is_cell] = hexgrid.resolutions(cells[is_cell]) == resolution
    if not fits.all():
        wrong = texts.filter(pl.Series(~fits))
        raise InvalidCell(
            f"{path.name}: {printable(str(wrong[0]), most=40)} is no cell of resolution {resolution} ({wrong.len()} of "
            f"{texts.len()} are none). Give hexadecimal H3 cells of that resolution, or say another --resolution."
        )
    if cells.size == 0:
        raise InvalidCell(f"{path.name} holds no cell; at least one is needed, in a column named cell.")
    return cells


def read_windows(path: Path) -> pl.DataFrame:
    """Windows of a list: columns ``window_start`` (Date) and ``horizon`` (Int64, days), each once, in the order given.

    Raises
    ------
    UnexpectedColumns
        If a column is missing, or a value is no day or no whole number above zero.
    """
    table = read_table(path)
    _require_columns(table, ("window_start", "horizon"), path)
    start = _moment(table["window_start"]).dt.date()
    days = table["horizon"].cast(pl.String).str.strip_chars().cast(pl.Int64, strict=False)
    is_wrong = start.is_null() | days.is_null() | (days < 1)
    if is_wrong.any() or table.height == 0:
        row = is_wrong.arg_true()[0] if table.height else 0
        found = printable(", ".join(str(value) for value in table.row(row)), most=80) if table.height else "no row"
        raise UnexpectedColumns(
            f"{path.name}: row {row + 1} says {found}; expected a window_start such as 2018-01-01 and a horizon of at "
            "least 1 day."
        )
    return pl.DataFrame({"window_start": start, "horizon": days}).unique(maintain_order=True)


def known_before(points: pl.DataFrame, day: date) -> pl.DataFrame:
    """Points known before a day: the columns of `Points.frame` without ``is_month_only``.

    Those known only by month count when their month is over, spread over its days. What is known later moves nothing.
    """
    month = pl.col("occurred_on").dt.month_start()
    is_over = pl.col("occurred_on").dt.month_end() < day
    in_month = pl.when("is_month_only").then(month)
    share = (pl.int_range(pl.len()).over(in_month) * GOLDEN) % 1.0
    spread = month + pl.duration(days=(share * pl.col("occurred_on").dt.month_end().dt.day()).floor().cast(pl.Int64))
    return (
        points.filter(pl.when("is_month_only").then(is_over).otherwise(pl.col("occurred_on") < day))
        .with_columns(occurred_on=pl.when("is_month_only").then(spread).otherwise("occurred_on"))
        .drop("is_month_only")
    )


def read_table(path: Path) -> pl.DataFrame:
    """A CSV (every column as text) or Parquet file, told by its content.

    Raises
    ------
    UnreadableFile
        If it is neither.
    """
    try:
        with path.open("rb") as file:
            is_parquet = file.read(4) == _PARQUET
        return pl.read_parquet(path) if is_parquet else pl.read_csv(path, infer_schema=False)
    except OSError as error:
        raise UnreadableFile(
            f"{path.name} cannot be read: {error.strerror or error}. Give a CSV or Parquet file."
        ) from error
    except pl.exceptions.PolarsError as error:
        reason = printable(str(error).split("\n", maxsplit=1)[0], most=160)
        raise UnreadableFile(
            f"{path.name} is neither CSV in UTF-8 nor Parquet: {reason}. Give one of the two."
        ) from error


def _moment(values: pl.Series) -> pl.Series:
    """Local wall time; missing where none can be read."""
    if values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime):
        times = values.cast(pl.Datetime("us")) if values.dtype == pl.Date else values.dt.replace_time_zone(None)
        return times.cast(pl.Datetime("us"))
    text = values.cast(pl.String).str.strip_chars()
    found = [text.str.to_datetime(one, strict=False, time_unit="us") for one in _TEXT_TIMES]
    found.append(text.str.to_date("%Y-%m-%d", strict=False).cast(pl.Datetime("us")))
    return pl.select(pl.coalesce(found)).to_series()


def _require_columns(table: pl.DataFrame, needed: tuple[str, ...], path: Path) -> None:
    missing = [name for name in needed if name not in table.columns]
    if missing:
        found = printable(", ".join(table.columns), most=200)
        raise UnexpectedColumns(
            f"{path.name} lacks {', '.join(missing)}; it has {found}. Name its columns {', '.join(needed)}."
        )
