"""Rows of one sheet of an Excel workbook (XLSX), as columns of text; days and moments become ISO dates."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

import polars as pl

from geodata import workbook
from geodata.errors import UnreadableFile
from geodata.rows import LINE, RAGGED, handed_out
from geodata.workbook import Cell, Workbook

_FORM_1M = re.compile(r"форма отчета\s*(?:№|n)?\s*1\s*-\s*[мm]", re.IGNORECASE)
_FORM_ROWS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRows:
    """A sheet: its first row that is not empty is the header, and stands in row ``header_row`` (from 1)."""

    path: Path
    part: str
    names: tuple[str, ...]
    header_row: int
    kind: str = "workbook"
    coordinate_system: str | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return handed_out(self.names)

    def frames(self, rows: int, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        wanted = [self.columns.index(column) for column in columns]
        width = len(self.names)
        with workbook.opened(self.path) as book:
            below = ((n, row) for n, row in _filled(book, self.part) if n > self.header_row)
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


def open_sheets(path: Path) -> list[SheetRows]:
    """The sheets of a workbook that hold a table.

    Raises
    ------
    UnreadableFile
        If it is damaged, too large for memory, holds no table, or is the official form 1-М.
    """
    with workbook.opened(path) as book:
        sheets = [_sheet(path, book, name) for name in book.sheet_names]
    found = [sheet for sheet in sheets if sheet is not None]
    if not found:
        raise UnreadableFile(
            f"{path.name} is a workbook without a table; expected a header and one row for each incident. "
            "Export it again."
        )
    return found


def _sheet(path: Path, book: Workbook, name: str) -> SheetRows | None:
    first = list(islice(_filled(book, name), _FORM_ROWS))
    if any(_FORM_1M.search(str(cell)) for _, row in first for cell in row):
        raise UnreadableFile(
            f"{path.name} is the official form 1-М: totals of registered offences, not incidents. Expected one row for "
            "each incident. Load it as official totals: python -m riskmap totals load."
        )
    if len(first) < 2:
        return None
    number, head = first[0]
    names = ((_text(cell) or "").strip() or f"column_{at}" for at, cell in enumerate(head, start=1))
    return SheetRows(path=path, part=name, names=tuple(names), header_row=number)


def _filled(book: Workbook, sheet: str) -> Iterator[tuple[int, tuple[Cell, ...]]]:
    """Rows that hold anything, with their numbers."""
    return ((number, row) for number, row in enumerate(book.rows(sheet), start=1) if any(map(_text, row)))


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
