"""Reads deliveries in batches with line numbers: which layout a file has, and what its columns and dates mean.

Questions that one row cannot answer are settled once for the whole file when it is opened: whether 03/04/2026 is March
or April, whether midnight means that no hour was recorded, whether ids only number the rows, and whether the category
column holds anything.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from geodata import publisher_layouts, timestamps
from geodata.column_names import CANONICAL, plain
from geodata.coordinates import read_places
from geodata.draft_layout import draft_of
from geodata.errors import UnexpectedColumns, UnreadableFile
from geodata.layout import Layout, Mapping, find_columns, has_place, is_month_name, printable, shown
from geodata.readers import open_tables
from geodata.rows import LINE, RAGGED, Rows
from geodata.text_rows import TextRows, open_text

__all__ = ["LINE", "RAGGED", "Mapping", "Source", "open_source"]

NOT_KEPT = "(the text is not kept: the file has columns that are not read)"
"""Stands for the text of a ragged row where nobody can say which part of it may be kept."""

KEY_HASH = "incident (pseudonym)"
"""Column of a quarantined row that holds its incident's id where the key itself is not kept."""

_JUDGED_ROWS = 20_000
_LEAST_ROWS_FOR_DAYS = 10
_TIMES = ("occurred_at", "occurred_from", "occurred_to", "date")
_SAID = Mapping()


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """An opened delivery.

    ``layout`` maps canonical names to columns of the file, ``said`` is what its layout and the operator's mapping say
    together, ``known_by`` the columns by which the layout was recognised. ``date_format`` and ``at_best`` are how its
    dates are to be read (see `timestamps.windows`). ``key`` are columns that identify an incident together; ``hidden``
    those of them that go no further than into its id.
    """

    path: Path
    kind: str
    layout: Layout
    said: Mapping = _SAID
    known_by: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    hidden: tuple[str, ...] = ()
    date_format: str | None = None
    at_best: str = "minute"
    table: Rows | None = None

    @property
    def time_zone(self) -> str | None:
        """Zone of the file's clock, where its layout or the mapping says one."""
        return self.said.time_zone

    @property
    def coordinate_system(self) -> str | None:
        """What ``x`` and ``y`` are measured in: what is said, else what the file itself says."""
        return self.said.coordinate_system or (self.table.coordinate_system if self.table else None)

    @property
    def has_category(self) -> bool:
        """Whether the file tells offences apart at all."""
        return "category" in self.layout

    @property
    def height(self) -> int:
        """Rows in all where the file says so, else 0."""
        return int(getattr(self.table, "height", 0))

    @property
    def needed(self) -> tuple[str, ...]:
        """The columns that are read at all: those understood, and the key. What else a file says stays in it."""
        wanted = {*self.layout.values(), *self.key}
        return tuple(name for name in self.columns if name in wanted)

    @property
    def settled(self) -> dict[str, Any]:
        """The complete reading, with which a text file of the needed columns is read as this one is.

        Columns that go no further than into an incident's id are not among them: that id stands in their place, in a
        column `KEY_HASH`.
        """
        canonical = {name: self.layout.get(name, "") for name in CANONICAL}
        key = () if self.hidden else self.key
        if self.hidden:
            canonical |= {"incident_id": "", "incident_hash": KEY_HASH}
        return {
            "name": "settled",
            "columns": {name: "" if column in self.hidden else column for name, column in canonical.items()},
            "key": list(key),
            "categories": dict(self.said.categories),
            "offence_group": self.said.offence_group,
            "date_format": self.date_format,
            "clock": self.said.clock,
            "precision": self.at_best,
            "midnight": self.said.midnight,
            "coordinate_system": self.coordinate_system,
            "decimal": self.said.decimal,
        }

    def batches(self, rows: int = 100_000) -> Iterator[pl.DataFrame]:
        """The rows in order: the needed columns as delivered, and ``line`` and ``ragged``.

        Raises
        ------
        UnreadableFile
            If the file turns out damaged further on; rows handed out before are then not to be used.
        """
        yield from self._frames(rows, self.needed)

    def windows(self, frame: pl.DataFrame, zone: str) -> pl.DataFrame:
        """The window of each row of a batch (`timestamps.windows`)."""
        return timestamps.windows(
            frame,
            self.layout,
            zone=zone,
            date_format=self.date_format,
            at_best=self.at_best,
            clock=self.said.clock,
            is_midnight_a_day=self.said.midnight == "day",
        )

    def places(self, frame: pl.DataFrame, outline: object) -> pl.DataFrame:
        """The place of each row of a batch (`coordinates.read_places`)."""
        return read_places(
            frame, self.layout, outline, coordinate_system=self.coordinate_system, decimal=self.said.decimal
        )

    def points(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Latitude and longitude in degrees of every row that has a usable place, wherever it is."""
        wanted = [self.layout[name] for name in ("x", "y", "lat", "lng") if name in self.layout]
        frames = self._frames(100_000, wanted) if has_place(self.layout) else iter(())
        usable = [
            self.places(frame, None).filter(pl.col("lat").is_not_null() & pl.col("fault").is_null()) for frame in frames
        ]
        places = pl.concat(usable) if usable else pl.DataFrame(schema={"lat": pl.Float64, "lng": pl.Float64})
        return places["lat"].to_numpy(), places["lng"].to_numpy()

    def _frames(self, rows: int, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        assert self.table is not None  # noqa: S101 (a source made by hand has no file)
        is_whole = not self.said.drop and set(self.table.columns) <= set(self.needed)
        for frame in self.table.frames(rows, columns):
            if not is_whole:
                is_ragged = pl.col(RAGGED).is_not_null()
                yield frame.with_columns(pl.when(is_ragged).then(pl.lit(NOT_KEPT)).alias(RAGGED))
            else:
                yield frame


def open_source(path: Path, mapping: Mapping | None = None, *, layouts: Sequence[Mapping] | None = None) -> Source:
    """Open a delivery, recognise its layout and find its columns.

    Parameters
    ----------
    path : a file of any kind that `readers.open_tables` reads
    mapping : what the file's own names do not tell; completes the layout that is recognised. A mapping with a name is
        a layout itself, and no other is then looked for
    layouts : those to recognise the file by; None for the shipped ones

    Raises
    ------
    UnreadableFile
        If the file as a whole cannot be read: absent, empty, binary, damaged, of another format, without rows.
    UnexpectedColumns
        If a needed column is missing, doubled or of a type that cannot be read, or its dates can be read two ways.
    """
    tables = open_tables(path, mapping)
    if mapping and mapping.sheet is not None:
        tables = _of_sheet(tables, mapping.sheet, path.name)
    found = None
    if mapping is None or mapping.name is None:
        known = publisher_layouts.shipped() if layouts is None else layouts
        found = publisher_layouts.recognise(tables, known, file_name=path.name)
    said = found.layout if found else None
    if mapping is not None:
        said = mapping.over(said)
    table = _as_said(found.table if found else _only_table(tables, said, path.name), said)
    return _settled(_source(path, table, said, known_by=found.by_columns if found else ()))


def _source(path: Path, table: Rows, said: Mapping | None, *, known_by: tuple[str, ...]) -> Source:
    layout = find_columns(table.columns, said, file_name=path.name)
    said = said or _SAID
    key = tuple(_named(table.columns, name, "key", path.name) for name in said.key)
    dropped = {name for name in table.columns if plain(name) in {plain(wanted) for wanted in said.drop}}
    if "*" in said.drop:
        dropped |= set(table.columns) - set(layout.values())
    source = Source(
        path=path,
        kind=table.kind,
        layout=layout,
        said=said,
        known_by=known_by,
        columns=tuple(name for name in table.columns if name not in dropped or name in {*layout.values(), *key}),
        key=key,
        hidden=tuple(name for name in table.columns if name in dropped and name in {*layout.values(), *key}),
        date_format=said.date_format,
        table=table,
    )
    if "x" in layout and source.coordinate_system is None:
        raise UnexpectedColumns(
            f"{path.name}: columns {layout['x']} and {layout['y']} are coordinates of a system that nothing names. Say "
            'which with --mapping FILE, a file with the line\ncoordinate_system = "EPSG:32643"'
        )
    return source


def _named(names: Sequence[str], wanted: str, entry: str, file_name: str) -> str:
    found = [name for name in names if name == wanted] or [name for name in names if plain(name) == plain(wanted)]
    if len(found) != 1:
        raise UnexpectedColumns(
            f"{file_name}: {entry} names column {printable(wanted, most=40)!r}, which is not in the file. Found: "
            f"{shown(names)}. Correct the mapping file."
        )
    return found[0]


def _of_sheet(tables: Sequence[Rows], sheet: str, file_name: str) -> Sequence[Rows]:
    kept = [table for table in tables if table.part == sheet]
    if not kept:
        parts = ", ".join(printable(table.part or "(only one table)", most=40) for table in tables[:25])
        raise UnexpectedColumns(
            f"{file_name}: no sheet or layer with rows is named {printable(sheet, most=40)!r}. Found: {parts}. Correct "
            "sheet in the mapping file."
        )
    return kept


def _only_table(tables: Sequence[Rows], said: Mapping | None, file_name: str) -> Rows:
    """The table that holds the incidents, where a file has several: the only one whose columns can be understood."""
    if len(tables) == 1:
        return tables[0]
    fitting = []
    for table in tables:
        try:
            find_columns(table.columns, said, file_name=file_name)
        except UnexpectedColumns:
            continue
        fitting.append(table)
    if len(fitting) == 1:
        return fitting[0]
    parts = ", ".join(printable(table.part or "", most=40) for table in (fitting or tables)[:25])
    first = (fitting or tables)[0]
    raise UnexpectedColumns(
        f"{file_name}: {'several' if fitting else 'none'} of its sheets, layers or tables can be understood as "
        f'incidents; expected one. Found: {parts}. Say which with --mapping FILE, with the line sheet = "name", or '
        f"complete this draft:\n{draft_of(first.columns, {}, readings={'sheet': first.part or ''}, most=8)}"
    )


def _as_said(table: Rows, said: Mapping | None) -> Rows:
    """A text opened anew where its layout says another encoding or separator than was guessed."""
    if not isinstance(table, TextRows) or said is None:
        return table
    dialect = table.dialect
    is_other = (said.encoding not in (None, dialect.encoding)) or (said.separator not in (None, dialect.separator))
    return open_text(table.path, said, is_compressed=dialect.is_compressed) if is_other else table


def _settled(source: Source) -> Source:
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
    if (
        "incident_id" in layout
        and "incident_id" not in source.said.columns
        and _numbers_rows(first[layout["incident_id"]])
    ):
        del layout["incident_id"]

    judgement = _Judgement(layout, needs_order=source.date_format is None)
    for frame in chain([first], frames):
        judgement.look(frame)
        if judgement.is_settled:
            break
    if judgement.is_empty_category:
        layout.pop("category", None)
        if "category_otherwise" in layout:
            layout["category"] = layout.pop("category_otherwise")
    return replace(
        source,
        layout=layout,
        date_format=source.date_format or judgement.date_order(source.path.name),
        at_best=source.said.precision or judgement.at_best,
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
        if source.kind == "layer" and source.said.clock is None and getattr(dtype, "time_zone", None):
            # A GeoPackage calls every moment UTC, also the local ones that most programs put there.
            raise UnexpectedColumns(
                f"{source.path.name}: moments in column {printable(column, most=40)!r} may be UTC or local wall time; "
                'nothing in the file tells. Say it with --mapping FILE, a file with the line\nclock = "utc"\nor '
                'clock = "local written as utc".'
            )
        is_counted = source.said.date_format in ("epoch ms", "epoch s") and dtype.is_integer()
        if not (is_counted or dtype in (pl.String, pl.Date, pl.Null) or isinstance(dtype, pl.Datetime)):
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
