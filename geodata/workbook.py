"""Rows of an Excel workbook (``.xlsx``), read so that a hostile one can do no harm.

The library is pure Python and reads row by row: a workbook of a few kilobytes that names a cell in the last row and
column makes readers that fill a table give up the whole process. What the packed parts grow to is checked before
anything is unpacked.
"""

import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zipfile import ZipFile, ZipInfo

from openpyxl.reader.excel import ExcelReader

from geodata.errors import UnreadableFile

Cell = str | float | int | bool | datetime | date | time | timedelta | None
Row = tuple[Cell, ...]

MOST_BYTES = 200_000_000
MOST_UNPACKED = 600_000_000
MOST_TEXTS = 50_000_000
"""Bytes of the part that holds shared texts; all of it is held in memory."""

MOST_STYLES = 1_000_000
"""Bytes of any part that is neither a sheet nor shared texts; such parts become objects."""

MOST_ROW = 1_000_000
"""Bytes of one row, which is read at once."""

MOST_SPANNED = 30_000_000
"""Cells from column A to the last one of each row, in all rows; those that are not there are made."""

MOST_COLUMNS = 1_000
MOST_ROWS = 1_048_576


_UNREAD = (
    "customXml/",
    "docProps/thumbnail",
    "xl/calcChain.xml",
    "xl/charts/",
    "xl/comments",
    "xl/drawings/",
    "xl/embeddings/",
    "xl/externalLinks/",
    "xl/media/",
    "xl/pivot",
    "xl/printerSettings/",
    "xl/tables/",
    "xl/threadedComments/",
    "xl/vbaProject.bin",
)
"""Parts that are never unpacked here, whatever their size."""

_CELL_COLUMN = re.compile(rb"\br\s*=\s*[\"']([A-Za-z]{1,3})")
_ROW_END = re.compile(rb"</(?:\w+:)?row")


@dataclass(frozen=True, slots=True, kw_only=True)
class Workbook:
    """An open workbook; see `opened`."""

    name: str
    book: Any

    @property
    def sheet_names(self) -> tuple[str, ...]:
        """Names of the sheets that hold cells, in their order."""
        return tuple(sheet.title for sheet in self.book.worksheets)

    def rows(self, sheet: str, *, most_rows: int = MOST_ROWS, most_columns: int = MOST_COLUMNS) -> Iterator[Row]:
        """Rows of a sheet from the first, each as long as it is filled; formulas give their stored result.

        An empty cell is None. Cells beyond ``most_rows`` and ``most_columns`` are left out.

        Raises
        ------
        UnreadableFile
            If the sheet is damaged.
        """
        with _told_in_words(self.name):
            found = self.book[sheet]
            found.reset_dimensions()
            for row in found.iter_rows(max_row=most_rows, values_only=True):
                cells = row[:most_columns]
                filled = next((n for n in range(len(cells), 0, -1) if cells[n - 1] is not None), 0)
                yield tuple(cells[:filled])


@contextmanager
def opened(path: Path, *, most_unpacked: int = MOST_UNPACKED, most_texts: int = MOST_TEXTS) -> Iterator[Workbook]:
    """A workbook whose sheets can be read while the block runs; limits are in bytes.

    Raises
    ------
    UnreadableFile
        If the file is not there, is no workbook, is damaged, or is too large in one of its parts.
    """
    with _told_in_words(path.name):
        if not path.is_file():
            # A pipe would wait without end.
            raise UnreadableFile("it is no file, or not there")
        _require_moderate(path, most_unpacked, most_texts)
    # The library leaves a file it opened itself open where a part is damaged.
    with path.open("rb") as file:
        with _told_in_words(path.name), warnings.catch_warnings():
            # Parts we do not read (styles, validation) are none of the operator's business.
            warnings.simplefilter("ignore")
            reader = _Reader(file, read_only=True, data_only=True, keep_links=False)
            reader.read()
        try:
            yield Workbook(name=path.name, book=reader.wb)
        finally:
            reader.wb.close()


class _Reader(ExcelReader):  # type: ignore[misc]
    """Reads the sheets only from the place where their size has been looked at."""

    def read_worksheets(self) -> None:
        for _, part in self.parser.find_sheets():
            if not (part.target.startswith("xl/worksheets/") and part.target.endswith(".xml")):
                raise UnreadableFile(f"its sheet {part.target[:60]!r} stands outside of xl/worksheets")
        super().read_worksheets()


def _require_moderate(path: Path, most_unpacked: int, most_texts: int) -> None:
    """Refuse what would take too much memory or time; see the limits above."""
    _require(path.stat().st_size, MOST_BYTES, path.name, "the file")
    with ZipFile(path) as packed:
        parts = packed.infolist()
        _require(sum(part.file_size for part in parts), most_unpacked, path.name, "what it unpacks into")
        for part in parts:
            if part.filename.startswith("xl/worksheets/") and part.filename.endswith(".xml"):
                _require_short_rows(packed, part, path.name)
            elif not part.filename.startswith(_UNREAD):
                most = most_texts if part.filename == "xl/sharedStrings.xml" else MOST_STYLES
                _require(part.file_size, most, path.name, part.filename)


def _require_short_rows(packed: ZipFile, part: ZipInfo, name: str) -> None:
    """Refuse a sheet with a row of more than `MOST_ROW` bytes, or with markup in which one could be hidden."""
    rest, spanned = b"", 0
    with packed.open(part) as sheet:
        while chunk := sheet.read(MOST_ROW):
            rest += chunk
            if b"<!" in rest:
                raise UnreadableFile(f"{name}: {part.filename} holds comments or declarations. Save it again as .xlsx.")
            *rows, rest = _ROW_END.split(rest)
            _require(max(map(len, [*rows, rest])), MOST_ROW, name, f"a row of {part.filename}")
            spanned += sum(map(_width, rows))
            if spanned > MOST_SPANNED:
                raise UnreadableFile(
                    f"{name}: the rows of {part.filename} reach over more than {MOST_SPANNED:,} cells; expected a "
                    "table of incidents. Delete the cells far to the right, or export it as CSV."
                )


def _width(row: bytes) -> int:
    """Columns from the first to the last cell of a row."""
    at = row.rfind(b"<c ")
    named = _CELL_COLUMN.search(row, at) if at >= 0 else None
    last = 0
    for letter in named[1].upper() if named else b"":
        last = 26 * last + letter - ord("A") + 1
    return max(last, row.count(b"<c"))


def _require(size: int, most: int, name: str, what: str) -> None:
    if size > most:
        raise UnreadableFile(f"{name}: {what} has {size} bytes; expected at most {most}. Give a smaller workbook.")


@contextmanager
def _told_in_words(name: str) -> Iterator[None]:
    try:
        yield
    except GeneratorExit:
        raise
    except Exception as error:
        if isinstance(error, UnreadableFile) and str(error).startswith(name):
            raise
        # A damaged part raises whatever the library happens to meet in it.
        raise UnreadableFile(
            f"{name} cannot be read as a workbook: {str(error)[:200] or type(error).__name__}. "
            "Save it again as .xlsx, or give the original."
        ) from error
