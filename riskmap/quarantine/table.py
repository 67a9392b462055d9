"""Quarantined rows as a table that people correct: written for spreadsheets, read back with what they made of it.

The table has a row for each row set aside: which delivery and line it comes from, its fault and what was found, then
the delivery's own columns as delivered. Only the own columns are read back.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geodata import csv_text
from geodata.errors import UnreadableFile
from geodata.sources import RAGGED
from riskmap.errors import UnfitCorrections
from riskmap.ports import Delivery
from riskmap.public.council_export import BYTE_ORDER_MARK, harmless

DELIVERY_ID, LINE, FAULT, FOUND = OURS = ("delivery_id", "line", "fault", "found")
"""Columns in front of the delivery's own; an own column of such a name is written with a note behind it."""
OF_LINE = "line (riskmap)"
"""Column of a replayed file that keeps equal rows of different lines apart; nothing reads it."""

_BREAKS = re.compile(r"\s*[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+\s*")
_NEGATIVE_NUMBER = re.compile(r"-[0-9]+([.,][0-9]+)?")
_LINE_NUMBER = re.compile(r"[0-9]{1,12}")
Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One row of the table: the line it comes from, its fault, and its cells by own column.

    ``text`` is the raw text of a row that did not fit the header; it has no cells then.
    """

    line: int
    fault: str
    found: str
    cells: Cells
    text: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Corrections:
    """A table as it came back: cells by line of the delivery's file."""

    delivery_id: str
    columns: tuple[str, ...]
    cells: Mapping[int, Cells]


def row(line: int, fault: str, found: str, as_delivered: str) -> Line:
    """A row of the quarantine, taken apart."""
    given: dict[str, Any] = json.loads(as_delivered)
    if given.keys() == {RAGGED}:
        return Line(line=line, fault=fault, found=found, cells={}, text=str(given[RAGGED]))
    cells = {name: _as_text(value) for name, value in given.items()}
    return Line(line=line, fault=fault, found=found, cells=cells)


def own_columns(delivery: Delivery, lines: Iterable[Line]) -> tuple[str, ...]:
    """Columns of a delivery's rows in their order; where no row has any, those it was read by."""
    for one in lines:
        if one.cells:
            return tuple(one.cells)
    read_by = [*delivery.settled.get("columns", {}).values(), *delivery.settled.get("key", ())]
    return tuple(dict.fromkeys(name for name in read_by if name))


def written(delivery: Delivery, lines: Sequence[Line]) -> Iterator[bytes]:
    """The table as CSV in UTF-8, piece by piece, shown by spreadsheets as it is and never calculated."""
    columns = own_columns(delivery, lines)
    yield BYTE_ORDER_MARK.encode()
    yield _csv_line([*OURS, *(_safe(_heading(name)) for name in columns)])
    for one in lines:
        found = one.found if one.text is None else one.text
        ours = [delivery.delivery_id, str(one.line), one.fault, _safe(plain(found))]
        yield _csv_line([*ours, *(_safe(one.cells.get(name, "")) for name in columns)])


def read(path: Path) -> Corrections:
    """Read a corrected table; which columns and lines it may hold is for the caller to judge.

    Raises
    ------
    UnreadableFile
        If it is no table at all.
    UnfitCorrections
        If a heading, id or line is missing, doubled or none, or a row does not fit the header.
    """
    try:
        dialect = csv_text.sniff(path, is_compressed=False, encoding=None, separator=None)
        headings = [_unsafe(name.strip()) for name in dialect.header]
        _require_headings(headings)
        records = list(csv_text.records(path, dialect))
    except OSError as error:
        raise UnreadableFile(
            f"{path.name} cannot be read: {error.strerror or error}. Give the path of an exported table."
        ) from error
    at_id, at_line = headings.index(DELIVERY_ID), headings.index(LINE)
    own = {at: _own_name(name) for at, name in enumerate(headings) if name not in OURS}
    ids, cells = set(), {}
    for number, fields, ragged in records:
        if ragged is not None:
            raise _unfit("ragged", f"line {number} of the table has another number of fields than its header", number)
        given = fields[at_line].strip()
        if not _LINE_NUMBER.fullmatch(given) or int(given) in cells:
            raise _unfit("line_number", f"line {number} of the table names no line, or one that stands twice", number)
        ids.add(fields[at_id].strip())
        cells[int(given)] = {name: plain(_unsafe(fields[at])) for at, name in own.items()}
    if len(ids) != 1:
        raise _unfit("deliveries", f"the table holds rows of {len(ids)} deliveries; expected one", len(ids))
    return Corrections(delivery_id=ids.pop(), columns=tuple(own.values()), cells=cells)


def replayable(columns: Sequence[str], rows: Mapping[int, Cells]) -> bytes:
    """The corrected rows as a file to deliver: the same rows give the same bytes, and each takes one line."""
    lines = [_csv_line([*columns, OF_LINE])]
    lines += [_csv_line([*(rows[line].get(name, "") for name in columns), str(line)]) for line in sorted(rows)]
    return b"".join(lines)


def plain(text: str) -> str:
    """A cell on one line, without outer spaces: what two versions of it are compared by."""
    return _BREAKS.sub(" ", text).strip()


def _as_text(value: object) -> str:
    if value is None:
        return ""
    return plain(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _safe(text: str) -> str:
    """A text that no spreadsheet calculates. One that looks as if it had been made so gets one more sign to lose."""
    return f"'{text}" if _is_formula(text.lstrip("'")) else text


def _unsafe(text: str) -> str:
    """Take back what `_safe` puts before a text."""
    return text[1:] if text.startswith("'") and _is_formula(text.lstrip("'")) else text


def _is_formula(text: str) -> bool:
    return harmless(text) != text and not _NEGATIVE_NUMBER.fullmatch(text)


def _heading(name: str) -> str:
    return f"{name} (delivered)" if name in OURS else plain(name)


def _own_name(heading: str) -> str:
    return next((name for name in OURS if heading == f"{name} (delivered)"), heading)


def _csv_line(fields: Sequence[str]) -> bytes:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\n").writerow(fields)
    return out.getvalue().encode()


def _require_headings(headings: Sequence[str]) -> None:
    missing = [name for name in (DELIVERY_ID, LINE) if headings.count(name) != 1]
    doubled = len(set(headings)) != len(headings)
    if missing or doubled:
        raise _unfit("headings", "a heading is missing or stands twice; expected delivery_id, line and each own column")


def _unfit(fault: str, found: str, number: int | None = None) -> UnfitCorrections:
    return UnfitCorrections(
        f"{found[0].upper()}{found[1:]}. Export the table again, correct only its own columns, and send it back. "
        "Nothing was changed.",
        fault=fault,
        number=number,
    )
