"""Rows of one sheet of an Excel workbook (XLSX), as columns of text; days and moments become ISO dates."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

import polars as pl

from geodata import workbook
from geodata.archives import Stamp, require_unchanged, stamp
from geodata.column_names import printable
from geodata.errors import UnreadableFile
from geodata.rows import LINE, RAGGED, handed_out
from geodata.workbook import Cell, Row, Workbook

_FORM_1M = re.compile(r"форма отчета\s*(?:№|n)?\s*1\s*-\s*[мm]", re.IGNORECASE)
_FORM_ROWS = 5
_FORM_SIGNS = 1_000
MAX_COLUMNS = workbook.MOST_COLUMNS
HEADER_WITHIN = 30
"""Rows that hold anything, among which the header stands; what is above it is a title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRows:
    """A sheet; its header stands in row ``header_row`` (from 1), and what is above is a title."""

    path: Path
    part: str
    names: tuple[str, ...]
    header_row: int
    kind: str = "workbook"
    coordinate_system: str | None = None
    stamp: Stamp | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return handed_out(self.names)

    def frames(self, rows: int, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        wanted = [self.columns.index(column) for column in columns]
        width = len(self.names)
        with workbook.opened(self.path) as book:
            below = ((n, row) for n, row in _filled(book, self.part, width + 1) if n > self.header_row)
            while batch := list(islice(below, rows)):
                table = [[_text(cell) for cell in row[:width]] + [None] * (width - len(row)) for _, row in batch]
                ragged = [_whole(row) if len(row) > width else None for _, row in batch]
                for at, text in enumerate(ragged):
                    if text is not None:
                        table[at] = [None] * width
                yield pl.DataFrame(
                    [
                        *(pl.Series(self.columns[at], [row[at] for row in table], dtype=pl.String) for at in wanted),
                        pl.Series(LINE, [number for number, _ in batch], dtype=pl.Int64),
                        pl.Series(RAGGED, ragged, dtype=pl.String),
                    ]
                )
        require_unchanged(self.path, self.stamp)


def open_sheets(path: Path) -> list[SheetRows]:
    """The sheets of a workbook that hold a table.

    Raises
    ------
    UnreadableFile
        If it is damaged, too large for memory, holds no table, or is the official form 1-М.
    """
    before = stamp(path) if path.is_file() else None
    with workbook.opened(path) as book:
        sheets = [_sheet(path, book, name, before) for name in book.sheet_names]
    found = [sheet for sheet in sheets if sheet is not None]
    if not found:
        raise UnreadableFile(
            f"{path.name} is a workbook without a table; expected a header and one row for each incident. "
            "Export it again."
        )
    return found


def _sheet(path: Path, book: Workbook, name: str, before: Stamp | None) -> SheetRows | None:
    first = list(islice(_filled(book, name, MAX_COLUMNS + 1), HEADER_WITHIN))
    if any(_FORM_1M.search(str(cell)[:_FORM_SIGNS]) for _, row in first[:_FORM_ROWS] for cell in row):
        raise UnreadableFile(
            f"{path.name} is the official form 1-М: totals of registered offences, not incidents. Expected one row for "
            "each incident. Load it as official totals: python -m riskmap totals load."
        )
    at = _header_among([row for _, row in first])
    if at is None:
        return None
    number, head = first[at]
    if len(head) > MAX_COLUMNS:
        raise UnreadableFile(
            f"{path.name}: sheet {printable(name, most=40)} has more than {MAX_COLUMNS} columns; expected a table with "
            "one row for each incident. Export only the columns of incidents."
        )
    names = ((_text(cell) or "").strip() or f"column_{at}" for at, cell in enumerate(head, start=1))
    return SheetRows(path=path, part=name, names=tuple(names), header_row=number, stamp=before)


def _header_among(rows: Sequence[Row]) -> int | None:
    """Place of the header: the first row that is more than half as full as the fullest, and only text if not the first.

    None where nothing stands below it.
    """
    if len(rows) < 2:
        return None
    full = [sum(cell is not None for cell in row) for row in rows]
    titles = max(1, max(full) / 2)
    for at, row in enumerate(rows[:-1]):
        if full[at] > titles and (at == 0 or all(isinstance(cell, str | None) for cell in row)):
            return at
    return 0


def _filled(book: Workbook, sheet: str, most_columns: int) -> Iterator[tuple[int, tuple[Cell, ...]]]:
    """Rows that hold anything, with their numbers."""
    rows = enumerate(book.rows(sheet, most_columns=most_columns), start=1)
    return ((number, row) for number, row in rows if any(map(_text, row)))


def _whole(row: Sequence[Cell]) -> str:
    return ";".join(_text(cell) or "" for cell in row)


def _text(cell: Cell) -> str | None:
    if cell is None or isinstance(cell, str):
        return cell or None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        return cell.isoformat(sep=" ")
    if isinstance(cell, float) and cell.is_integer() and abs(cell) < 1e15:
        return str(int(cell))
    return str(cell)
