"""Dates and times as delivered → windows in UTC.

Local wall time becomes UTC through its IANA zone. An hour that comes twice is read as the earlier one; an hour that
does not exist is moved forward by the gap, as clocks were. Windows are half-open ``[from, to)``; where the moment is
known, from equals to. The coarser of the delivered precision and the one the text itself carries is kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, timedelta
from zoneinfo import ZoneInfo

import polars as pl

from geodata.column_names import DATE_PARTS
from geodata.faults import Fault
from geodata.offences import EMPTY_TEXTS

PRECISIONS = ("minute", "hour", "day", "month", "interval")
LONGEST_WINDOW_DAYS = 366
"""A longer window does not even tell the year it happened in."""

DAY_FIRST, MONTH_FIRST = "day first", "month first"
_EPOCHS = {"epoch ms": "ms", "epoch s": "s"}

_UTC = pl.Datetime("us", "UTC")
_WALL = pl.Datetime("us")
# Moments beyond these are faults anyway; clock arithmetic on them could overflow.
_FIRST, _LAST = -5_364_662_400, 7_258_118_400  # 1800-01-01 and 2200-01-01 in seconds since 1970
_PER_SECOND = {"ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}
_COARSENESS = {"minute": 0, "hour": 1, "day": 2, "month": 3}

_TIME = r"(?P<H>[0-9]{1,2})(?::(?P<M>[0-9]{2})(?::(?P<S>[0-9]{2})(?:[.,][0-9]+)?)?)?(?: ?(?P<half>[AaPp])\.?[Mm]\.?)?"
_CLOCK = rf"(?:[T ,]+{_TIME} ?(?P<offset>[Zz]|[+-][0-9]{{2}}(?::?[0-9]{{2}})?)?)?$"
_YEAR_FIRST = rf"^(?P<y>[0-9]{{4}})[-/.](?P<m>[0-9]{{1,2}})(?:[-/.](?P<d>[0-9]{{1,2}}))?{_CLOCK}"
_YEAR_LAST = rf"^(?P<a>[0-9]{{1,2}})(?P<mark>[-/.])(?P<b>[0-9]{{1,2}})[-/.](?P<y>[0-9]{{4}}){_CLOCK}"
_TWO_WAYS = r"^(?P<a>[0-9]{1,2})[-/](?P<b>[0-9]{1,2})[-/][0-9]{4}(?:[^0-9]|$)"
_DAY_OR_MONTH_FIRST = r"^\s*[0-9]{1,2}[-/.][0-9]{1,2}[-/.][0-9]{4}(?:[^0-9]|$)"
_MIDNIGHT = r"[0-9][T ]+(?:0?0:00(?::00(?:[.,]0+)?)?|12:00(?::00)? ?[Aa][Mm])$"
_LONGEST_TEXT = 64
_EMPTY = (*EMPTY_TEXTS, "-", "nat")
_LONGEST_EMPTY = max(map(len, _EMPTY))


@dataclass(frozen=True, slots=True, kw_only=True)
class Moments:
    """One column of dates as read.

    ``wall`` is local time in the zone, missing where it cannot be read; ``utc`` the instant where the value itself
    says its offset; ``grain`` how fine it is (minute, hour, day, month).
    """

    wall: pl.Series
    utc: pl.Series
    grain: pl.Series
    is_blank: pl.Series


def windows(
    frame: pl.DataFrame,
    layout: Mapping[str, str],
    *,
    zone: str,
    date_format: str | None,
    at_best: str = "minute",
    clock: str | None = None,
    is_midnight_a_day: bool = False,
) -> pl.DataFrame:
    """The window of each row of a raw batch.

    A row is an interval when the file says so, or when it says nothing and has columns for start and end.

    Parameters
    ----------
    layout : canonical name → column, with ``occurred_at``, ``date`` (and ``time``), ``occurred_from`` or ``year``
    date_format : ``day first`` or ``month first`` for dates such as 03/04/2026, ``epoch ms`` or ``epoch s``, or a
        strptime pattern
    at_best : ``day`` or ``month`` where the clock in ``occurred_at`` stands at midnight, or on the first of the month,
        because nothing finer was recorded
    clock : ``utc`` where times without an offset are UTC, ``local written as utc`` where an offset is to be ignored
    is_midnight_a_day : whether a clock at exactly 00:00 says that no hour was recorded

    Returns
    -------
    frame of n_rows rows
        ``occurred_from``, ``occurred_to`` (UTC), ``occurred_on`` (local day of the start), ``time_precision`` and
        ``fault`` (missing where there is none).
    """

    def moments(canonical: str) -> Moments | None:
        if canonical not in layout:
            return None
        return read_moments(frame[layout[canonical]], zone=zone, date_format=date_format, clock=clock)

    at = moments("occurred_at")
    if "year" in layout:
        at = read_moments(_joined_parts(frame, layout), zone=zone)
    if at is not None and at_best != "minute":
        at = replace(at, grain=_coarser(at.grain, pl.Series([at_best]).new_from_index(0, frame.height)))
    day = moments("date")
    if day is not None:
        at = _with_time_of_day(day, frame[layout["time"]])
    if at is not None and is_midnight_a_day:
        is_midnight = (at.wall == at.wall.dt.truncate("1d")).fill_null(value=False)
        days = pl.Series(["day"]).new_from_index(0, frame.height)
        at = replace(at, grain=_coarser(at.grain, days.zip_with(is_midnight, at.grain)))
    start, end = moments("occurred_from"), moments("occurred_to")
    said = _said_precision(frame, layout)
    is_span = pl.Series([start is not None or end is not None] * frame.height, dtype=pl.Boolean)
    is_span &= said.is_null() | (said == "interval").fill_null(value=False)
    first = _first(at, start, is_span)
    if end is None:
        end = _nothing(frame.height)
    return _windows(first, end, is_span & ~end.is_blank, said, zone=zone)


def read_moments(column: pl.Series, *, zone: str, date_format: str | None = None, clock: str | None = None) -> Moments:
    """Read one column of dates: dates and datetimes as they are, anything else as text.

    Text may be ISO 8601 with or without an offset, ``dd.mm.yyyy HH:MM``, ``M/D/YYYY H:MM`` or ``D/M/YYYY H:MM`` (as
    ``date_format`` says), with AM and PM, or ``YYYY-MM``; with a strptime pattern, that pattern only. ``clock`` is as
    in `windows`.
    """
    dtype = column.dtype
    if date_format in _EPOCHS and not dtype.is_temporal():
        counted = _of_epoch(column, _EPOCHS[date_format])
        return replace(read_moments(counted, zone=zone, clock=clock), is_blank=clean_text(column).is_null())
    if clock == "local written as utc":
        column = _without_offset(column)
    elif clock == "utc" and isinstance(dtype, pl.Datetime) and dtype.time_zone is None:
        column = column.dt.replace_time_zone("UTC")
    dtype = column.dtype
    if isinstance(dtype, pl.Datetime):
        return _of_datetimes(column, zone, "minute")
    if dtype == pl.Date:
        return _of_datetimes(column.cast(pl.Datetime("ms")), zone, "day")
    text = clean_text(column)
    is_blank = text.is_null()
    read = _by_pattern(text, date_format) if date_format and "%" in date_format else _by_shape(text, date_format)
    wall, utc = _clipped(read["wall"]), _clipped(read["utc"])
    if clock == "utc":
        utc = _coalesce(utc, wall.dt.replace_time_zone("UTC"))
        wall = wall.clear(wall.len())
    local = utc.dt.convert_time_zone(zone).dt.replace_time_zone(None)
    return Moments(wall=_coalesce(local, wall), utc=utc, grain=read["grain"], is_blank=is_blank)


@dataclass(frozen=True, slots=True, kw_only=True)
class DateOrder:
    """How many texts such as 03/04/2026 there are, and how many of them can only be read one way."""

    day_first: int = 0
    month_first: int = 0
    either: int = 0
    same: int = 0

    def __add__(self, other: "DateOrder") -> "DateOrder":
        return DateOrder(
            day_first=self.day_first + other.day_first,
            month_first=self.month_first + other.month_first,
            either=self.either + other.either,
            same=self.same + other.same,
        )


def date_order(column: pl.Series) -> DateOrder:
    """Count the dates that tell whether the day or the month comes first.

    Dates with dots and dates that begin with the year are never in doubt and not counted; 03/03/2026 is the same
    either way.
    """
    if column.dtype != pl.String:
        return DateOrder()
    parts = column.str.strip_chars().str.extract_groups(_TWO_WAYS).struct.unnest()
    a, b = parts["a"].cast(pl.Int64, strict=False), parts["b"].cast(pl.Int64, strict=False)
    both = a.is_between(1, 12) & b.is_between(1, 12)
    return DateOrder(
        day_first=int((a.is_between(13, 31) & b.is_between(1, 12)).sum()),
        month_first=int((b.is_between(13, 31) & a.is_between(1, 12)).sum()),
        either=int((both & (a != b)).sum()),
        same=int((both & (a == b)).sum()),
    )


def has_year_last(column: pl.Series) -> bool:
    """Whether any text is a date such as 03/04/2026 or 31.12.2026, which day or month begins."""
    return column.dtype == pl.String and bool(column.str.contains(_DAY_OR_MONTH_FIRST).any())


def is_all_midnight(column: pl.Series) -> bool:
    """Whether every moment given is midnight by the column's own clock: days that were written as moments."""
    if isinstance(column.dtype, pl.Datetime):
        is_local = column.dtype.time_zone is None
        return is_local and bool((column == column.dt.truncate("1d")).all(ignore_nulls=True))
    if column.dtype != pl.String:
        return False
    return bool(clean_text(column).str.contains(_MIDNIGHT).all(ignore_nulls=True))


def clean_text(column: pl.Series) -> pl.Series:
    """A column as text without outer spaces; what stands for a missing value is missing."""
    text = column.cast(pl.String, strict=False).str.strip_chars()
    is_short = text.str.len_bytes() <= _LONGEST_EMPTY
    if not is_short.any():
        return text
    short = text.filter(is_short)
    is_empty = short.str.to_lowercase().is_in(_EMPTY).fill_null(value=False)
    return text.scatter(is_short.arg_true().filter(is_empty), None) if is_empty.any() else text


def to_utc(wall: pl.Series, zone: str) -> pl.Series:
    """Local wall time → UTC; the earlier of two equal hours, and missing hours moved forward by the gap.

    Examples
    --------
    >>> from datetime import datetime
    >>> to_utc(pl.Series([datetime(2024, 2, 29, 12), datetime(2024, 3, 1, 12)]), "Asia/Almaty").dt.hour().to_list()
    [6, 7]
    """
    utc = wall.dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null").dt.convert_time_zone("UTC")
    is_gap = utc.is_null() & wall.is_not_null()
    if is_gap.any():
        # Before a gap the clock still has its old offset: reading the missing hour by it moves it forward.
        rules = ZoneInfo(zone)
        moved = [moment.replace(tzinfo=rules).astimezone(UTC) for moment in wall.filter(is_gap).to_list()]
        utc = utc.scatter(is_gap.arg_true(), pl.Series(moved, dtype=_UTC))
    return utc


def _windows(first: Moments, last: Moments, has_end: pl.Series, said: pl.Series, *, zone: str) -> pl.DataFrame:
    grain = _coarser(first.grain, said)
    begin, own_end, floor = _stretch(first, grain, zone)
    closed = own_end
    if has_end.any():
        _, closed, _ = _stretch(last, last.grain, zone)
    columns = {"begin": begin, "own_end": own_end, "closed": closed, "floor": floor, "grain": grain, "said": said}
    too_long = pl.duration(days=LONGEST_WINDOW_DAYS)
    return pl.DataFrame({**columns, "has_end": has_end, "is_blank": first.is_blank}).select(
        occurred_from="begin",
        occurred_to=pl.when("has_end").then("closed").otherwise("own_end"),
        occurred_on=pl.col("floor").dt.date(),
        time_precision=pl.when(
            (pl.col("said") == "interval") | (pl.col("has_end") & pl.col("closed").ne(pl.col("own_end")))
        )
        .then(pl.lit("interval"))
        .otherwise("grain"),
        fault=pl.when("is_blank")
        .then(pl.lit(Fault.MISSING_DATE.value))
        .when(pl.col("begin").is_null() | (pl.col("has_end") & pl.col("closed").is_null()))
        .then(pl.lit(Fault.IMPOSSIBLE_DATE.value))
        .when(pl.col("has_end") & (pl.col("closed") < pl.col("begin")))
        .then(pl.lit(Fault.WINDOW_REVERSED.value))
        .when(pl.col("has_end") & (pl.col("closed") - pl.col("begin") > too_long))
        .then(pl.lit(Fault.WINDOW_TOO_LONG.value)),
    )


def _stretch(moments: Moments, grain: pl.Series, zone: str) -> tuple[pl.Series, pl.Series, pl.Series]:
    """Start and end in UTC of the minute, hour, day or month that each moment names, and its start as wall time."""
    is_rough = (grain != "minute").fill_null(value=False)
    if not is_rough.any():
        begin = _coalesce(moments.utc, to_utc(moments.wall, zone))
        return begin, begin, moments.wall
    frame = pl.DataFrame({"wall": moments.wall, "grain": grain})
    floors = pl.coalesce(
        *(
            pl.when(pl.col("grain") == name).then(pl.col("wall").dt.truncate(step))
            for name, step in (("hour", "1h"), ("day", "1d"), ("month", "1mo"))
        ),
        "wall",
    )
    ceilings = pl.coalesce(
        *(
            pl.when(pl.col("grain") == name).then(pl.col("floor").dt.offset_by(step))
            for name, step in (("day", "1d"), ("month", "1mo"))
        ),
        "floor",
    )
    bounds = frame.with_columns(floor=floors).with_columns(ceiling=ceilings)
    floor = bounds["floor"]
    is_long = grain.is_in(["day", "month"]).fill_null(value=False)
    exact = (moments.utc - (moments.wall - floor)).set(is_long, None)
    begin = _coalesce(exact, to_utc(floor, zone))
    end = begin
    if is_long.any():
        end = to_utc(bounds["ceiling"], zone).zip_with(is_long, begin)
    is_hour = (grain == "hour").fill_null(value=False)
    return begin, (end + timedelta(hours=1)).zip_with(is_hour, end), floor


def _of_epoch(column: pl.Series, unit: str) -> pl.Series:
    """Counts since 1970 as moments in UTC; missing where they are no whole numbers."""
    counted = clean_text(column).str.replace(r"\.0+$", "").cast(pl.Int64, strict=False)
    limit = _LAST * _PER_SECOND["ms"]
    ms = counted.clip(-limit, limit) * 1_000 if unit == "s" else counted
    return ms.clip(-limit, limit).cast(pl.Datetime("ms")).dt.replace_time_zone("UTC")


def _without_offset(column: pl.Series) -> pl.Series:
    if isinstance(column.dtype, pl.Datetime):
        return column.dt.convert_time_zone("UTC").dt.replace_time_zone(None) if column.dtype.time_zone else column
    if column.dtype == pl.String:
        return column.str.strip_chars().str.replace(r"(?:[Zz]|[+-]\d{2}:?\d{2})$", "")
    return column


def _joined_parts(frame: pl.DataFrame, layout: Mapping[str, str]) -> pl.Series:
    """Year, month, day, hour and minute in columns of their own as one text; it ends where a part is missing."""
    part = {name: clean_text(frame[layout[name]]).str.replace(r"\.0+$", "") for name in DATE_PARTS if name in layout}
    texts = [part["year"]]
    for name, mark in (("month", "-"), ("day", "-"), ("hour", " "), ("minute", ":")):
        if name not in part:
            break
        texts.append(texts[-1] + mark + (part[name].str.zfill(2) if name == "minute" else part[name]))
    return pl.DataFrame({str(at): text for at, text in enumerate(reversed(texts))}).select(pl.coalesce("*")).to_series()


def _of_datetimes(column: pl.Series, zone: str, grain: str) -> Moments:
    moments = _clipped(column)
    has_offset = moments.dtype == _UTC
    wall = moments.dt.convert_time_zone(zone).dt.replace_time_zone(None) if has_offset else moments
    return Moments(
        wall=wall,
        utc=moments if has_offset else _missing(column.len(), _UTC),
        grain=pl.Series([grain], dtype=pl.String).new_from_index(0, column.len()),
        is_blank=column.is_null(),
    )


def _by_shape(text: pl.Series, date_format: str | None) -> pl.DataFrame:
    """Read texts by their shape: year first, or year last with dots (day first) or other marks (as told)."""
    # A date is short; a longer text is none and not worth a search.
    text = text.set(text.str.len_chars() > _LONGEST_TEXT, None)
    parts = text.str.extract_groups(_YEAR_FIRST).struct.unnest()
    if parts["y"].null_count() > text.null_count():
        other = text.str.extract_groups(_YEAR_LAST).struct.unnest()
        order = {DAY_FIRST: "a", MONTH_FIRST: "b"}.get(date_format or "")
        is_dotted = pl.col("mark") == "."
        day = pl.when(is_dotted).then("a").otherwise(order and pl.col(order))
        month = pl.when(is_dotted).then("b").otherwise(order and pl.col("ab".replace(order, "")))
        other = other.with_columns(d=day, m=month).drop("a", "b", "mark")
        is_last = pl.Series(parts["y"].is_null())
        parts = pl.DataFrame([other[name].zip_with(is_last, parts[name]) for name in parts.columns])
    numbers = parts.with_columns(pl.col("y", "m", "d", "H", "M", "S").cast(pl.Int32, strict=False))
    grain = (
        pl.when(pl.col("m").is_null()).then(None)
        .when(pl.col("d").is_null()).then(pl.lit("month"))
        .when(pl.col("H").is_null()).then(pl.lit("day"))
        .when(pl.col("M").is_null() & pl.col("half").is_null()).then(pl.lit("hour"))
        .otherwise(pl.lit("minute"))
    )  # fmt: skip
    written = pl.format(
        "{}-{}-{} {}:{}:{}",
        "y", "m", pl.col("d").fill_null(1), _hour(), pl.col("M").fill_null(0), pl.col("S").fill_null(0),
    )  # fmt: skip
    is_date = pl.col("d").is_not_null() | pl.col("H").is_null()
    local = pl.when(is_date).then(written).str.to_datetime("%Y-%m-%d %H:%M:%S", time_unit="us", strict=False)
    return numbers.select(local=local, shift=_offset(), grain=grain, has_offset=pl.col("offset").is_not_null()).select(
        wall=pl.when(~pl.col("has_offset")).then("local"),
        utc=pl.when("has_offset").then(pl.col("local") - pl.col("shift")).dt.replace_time_zone("UTC"),
        grain="grain",
    )


def _hour() -> pl.Expr:
    """Hour of the day; twelve o'clock is 0 before noon, and 13 PM is no time."""
    is_half = pl.col("half").is_not_null()
    afternoon = pl.when(pl.col("half").str.to_lowercase() == "p").then(12).otherwise(0)
    by_half = pl.when(pl.col("H").is_between(1, 12)).then(pl.col("H") % 12 + afternoon)
    return pl.when(is_half).then(by_half).otherwise(pl.col("H").fill_null(0))


def _offset() -> pl.Expr:
    digits = pl.col("offset").str.replace_all("[^0-9]", "")
    hours = digits.str.slice(0, 2).cast(pl.Int64, strict=False).fill_null(0)
    minutes = digits.str.slice(2, 2).cast(pl.Int64, strict=False).fill_null(0)
    sign = pl.when(pl.col("offset").str.starts_with("-")).then(-1).otherwise(1)
    total = sign * (60 * hours + minutes)
    return pl.when(total.abs() <= 18 * 60).then(pl.duration(minutes=total))


def _by_pattern(text: pl.Series, pattern: str) -> pl.DataFrame:
    has_clock = "%H" in pattern or "%I" in pattern
    has_minute, has_day = "%M" in pattern, "%d" in pattern or "%j" in pattern
    grain = "minute" if has_clock and has_minute else "hour" if has_clock else "day" if has_day else "month"
    # The reader wants whole dates and whole clocks: what the pattern leaves out is filled in.
    for is_given, filling, directive in (
        (has_day, " 01", " %d"),
        (has_clock, " 00", " %H"),
        (has_minute, ":00", ":%M"),
    ):
        if not is_given:
            text, pattern = text + filling, pattern + directive
    nothing = _missing(text.len(), _WALL)
    if "%z" in pattern:
        utc = text.str.strptime(_UTC, pattern, strict=False)
        wall = nothing
    else:
        wall = text.str.strptime(_WALL, pattern, strict=False)
        utc = nothing.dt.replace_time_zone("UTC")
    return pl.DataFrame({"wall": wall, "utc": utc}).with_columns(grain=pl.lit(grain))


def _with_time_of_day(day: Moments, column: pl.Series) -> Moments:
    """Join a column of days with one of times; what the day column says of the hour is left aside."""
    text = clean_text(column.dt.to_string("%H:%M:%S") if column.dtype == pl.Time else column)
    # Whole numbers are hours, also where a missing value has made them decimals.
    parts = text.str.replace(r"\.0+$", "").str.extract_groups(f"^{_TIME}$").struct.unnest()
    numbers = parts.with_columns(pl.col("H", "M", "S").cast(pl.Int32, strict=False))
    clock = numbers.select(
        hour=_hour(),
        minute=pl.col("M").fill_null(0),
        second=pl.col("S").fill_null(0),
        grain=pl.when(pl.col("M").is_null()).then(pl.lit("hour")).otherwise(pl.lit("minute")),
        is_read=pl.col("H").is_not_null(),
    ).with_columns(is_blank=text.is_null(), day=day.wall)
    is_clock = pl.col("is_read") & (pl.col("hour") < 24) & (pl.col("minute") < 60) & (pl.col("second") < 60)
    joined = clock.select(
        wall=pl.when("is_blank")
        .then("day")
        .when(is_clock)
        .then(
            pl.col("day").dt.truncate("1d")
            + pl.duration(hours="hour", minutes="minute", seconds="second", time_unit="us")
        ),
        grain=pl.when("is_blank").then(pl.lit("day")).otherwise("grain"),
    )
    return Moments(wall=joined["wall"], utc=_missing(column.len(), _UTC), grain=joined["grain"], is_blank=day.is_blank)


def _said_precision(frame: pl.DataFrame, layout: Mapping[str, str]) -> pl.Series:
    if "time_precision" not in layout:
        return _missing(frame.height, pl.String())
    said = clean_text(frame[layout["time_precision"]]).str.to_lowercase()
    return said.set(~said.is_in(PRECISIONS).fill_null(value=True), None)


def _first(at: Moments | None, start: Moments | None, is_span: pl.Series) -> Moments:
    if start is None or at is None:
        only = at if start is None else start
        assert only is not None  # noqa: S101 (a file without any time is refused when it is opened)
        return only
    is_start = is_span & ~start.is_blank
    return Moments(
        wall=start.wall.zip_with(is_start, at.wall),
        utc=start.utc.zip_with(is_start, at.utc),
        grain=start.grain.zip_with(is_start, at.grain),
        is_blank=start.is_blank.zip_with(is_start, at.is_blank),
    )


def _coarser(grain: pl.Series, said: pl.Series) -> pl.Series:
    if said.null_count() == said.len():
        return grain
    of_text = grain.replace_strict(_COARSENESS, default=None, return_dtype=pl.Int8)
    of_file = said.replace_strict(_COARSENESS, default=0, return_dtype=pl.Int8)
    return said.zip_with((of_file > of_text).fill_null(value=False), grain)


def _clipped(moments: pl.Series) -> pl.Series:
    """In microseconds, and between the years 1800 and 2200."""
    assert isinstance(moments.dtype, pl.Datetime)  # noqa: S101 (tells the type checker)
    unit, zone = _PER_SECOND[moments.dtype.time_unit], moments.dtype.time_zone
    ticks = moments.to_physical().clip(_FIRST * unit, _LAST * unit)
    ticks = ticks * (1_000_000 // unit) if unit <= 1_000_000 else ticks // 1_000
    return ticks.cast(_UTC if zone else _WALL)


def _nothing(height: int) -> Moments:
    is_blank = pl.Series([True], dtype=pl.Boolean).new_from_index(0, height)
    return Moments(
        wall=_missing(height, _WALL),
        utc=_missing(height, _UTC),
        grain=_missing(height, pl.String()),
        is_blank=is_blank,
    )


def _missing(height: int, dtype: pl.DataType) -> pl.Series:
    return pl.Series([None], dtype=dtype).new_from_index(0, height)


def _coalesce(first: pl.Series, second: pl.Series) -> pl.Series:
    return first.zip_with(first.is_not_null(), second)
