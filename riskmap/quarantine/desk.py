"""Use cases of whoever answers for the data: see the rows set aside, take them away as a table, give them up.

Correcting them is in `riskmap.quarantine.corrections`. The rows themselves stay as delivered until
`riskmap.pipeline.retention` takes them.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

import polars as pl

from geodata.faults import Fault
from riskmap.errors import UnfitCorrections
from riskmap.identity.access import Actor
from riskmap.lake_ports import MarkState
from riskmap.quarantine import bench as benches
from riskmap.quarantine import standing, table
from riskmap.quarantine.bench import Bench, code_of
from riskmap.quarantine.standing import Family, Position
from riskmap.quarantine.table import Cells

PAGE_ROWS = 20


class DismissReason(StrEnum):
    """Why rows are given up."""

    CANNOT_BE_KNOWN = "cannot_be_known"
    NOT_AN_INCIDENT = "not_an_incident"
    DELIVERED_ELSEWHERE = "delivered_elsewhere"
    OTHER_TERRITORY = "other_territory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aside:
    """What became of the rows that one delivery set aside.

    ``faults`` counts the open rows by fault, as of their newest version. ``removed_at`` says when retention took the
    rows themselves; nothing of them is open then.
    """

    delivery_id: str
    territory: str
    file_name: str
    received_at: datetime
    rows_read: int
    set_aside: int
    open: int
    faults: Mapping[str, int]
    replayed: int
    dismissed: int
    removed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenRow:
    """One open row. ``line`` is that of the file first delivered; ``was_corrected`` says that it was read again before.

    ``text`` is the raw text of a row that did not fit the header; it has no ``cells`` then.
    """

    line: int
    fault: str
    found: str
    cells: Cells
    text: str | None
    was_corrected: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some open rows of one delivery; ``page`` counts from 1 and ``pages`` is at least 1."""

    aside: Aside
    rows: tuple[OpenRow, ...]
    page: int
    pages: int
    count: int


def overview(bench: Bench, actor: Actor, territory: str, *, at: datetime) -> list[Aside]:
    """Deliveries of a territory that set rows aside, newest first.

    Raises
    ------
    NotAllowed
    """
    worker = benches.worker(bench, actor, territory)
    with bench.store.look() as look:
        found = standing.families(look, territory)
    told = [_aside(bench, family)[0] for family in found]
    counts = {"deliveries": len(told), "open": sum(one.open for one in told)}
    worker.note("quarantine_overview", f"territory {territory}", counts, at=at)
    return told


def about(bench: Bench, actor: Actor, delivery_id: str, *, territory: str | None = None, at: datetime) -> Aside:
    """One delivery of those; ``territory`` is where it has to belong, None where any will do.

    Raises
    ------
    UnknownDelivery, NotAllowed
    """
    case = benches.opened(bench, actor, delivery_id, territory=territory)
    told = _aside(bench, case.family)[0]
    case.worker.note("quarantine_look", case.subject, {"open": told.open}, at=at)
    return told


def rows(
    bench: Bench,
    actor: Actor,
    delivery_id: str,
    *,
    territory: str | None = None,
    fault: str | None = None,
    page: int = 1,
    at: datetime,
) -> Page:
    """Open rows of a delivery as delivered, those of one fault or all, by line; beyond the last page is the last.

    Raises
    ------
    UnknownDelivery, NotAllowed
    """
    case = benches.opened(bench, actor, delivery_id, territory=territory)
    aside, found = _aside(bench, case.family)
    chosen = _of_fault(found, fault)
    pages = max(1, -(-chosen.height // PAGE_ROWS))
    page = min(max(1, page), pages)
    part = chosen.slice((page - 1) * PAGE_ROWS, PAGE_ROWS)
    shown = tuple(_open_row(case.family, one) for one in part.iter_rows(named=True))
    details = {"fault": code_of(fault), "page": page, "rows": len(shown)}
    case.worker.note("quarantine_rows", case.subject, details, at=at)
    return Page(aside=aside, rows=shown, page=page, pages=pages, count=chosen.height)


def export(
    bench: Bench,
    actor: Actor,
    delivery_id: str,
    *,
    territory: str | None = None,
    fault: str | None = None,
    at: datetime,
) -> tuple[int, Iterator[bytes]]:
    """Open rows of a delivery as a table to correct: how many there are, and its bytes (`table.written`).

    Raises
    ------
    UnknownDelivery, NotAllowed
    """
    case = benches.opened(bench, actor, delivery_id, territory=territory)
    chosen = _of_fault(_aside(bench, case.family)[1], fault)
    lines = [
        table.row(of_line, why, found, as_delivered)
        for of_line, why, found, as_delivered in chosen.select("of_line", "fault", "found", "row").iter_rows()
    ]
    details = {"fault": code_of(fault), "rows": len(lines)}
    case.worker.note("quarantine_export", case.subject, details, at=at)
    return len(lines), table.written(case.family.root, lines)


def dismiss(
    bench: Bench,
    actor: Actor,
    delivery_id: str,
    *,
    territory: str | None = None,
    fault: str | None = None,
    lines: Sequence[int] = (),
    reason: DismissReason,
    at: datetime,
) -> int:
    """Give up open rows: those of a fault, or of the given lines; returns how many. Rows dealt with stay as they are.

    Raises
    ------
    UnknownDelivery, NotAllowed
    UnfitCorrections
        If neither fault nor lines are given, or a line is none that was set aside. Nothing is changed.
    """
    if not lines and fault is None:
        raise UnfitCorrections(
            "Neither a fault nor lines are given; expected one of them. Say which rows to give up.", fault="no_rows"
        )
    with benches.alone(benches.opened(bench, actor, delivery_id, territory=territory)) as case:
        found = _aside(bench, case.family)[1]
        if lines:
            case.require_lines(lines)
            found = found.filter(pl.col("of_line").is_in(sorted(set(lines))))
        chosen = _of_fault(found, fault).select("delivery_id", "line")
        positions = [Position(delivery_id=name, line=line) for name, line in chosen.iter_rows()]
        with bench.store.work() as work:
            work.quarantine_marks.add([case.worker.mark(one, MarkState.DISMISSED, at=at) for one in positions])
            details = {"fault": code_of(fault), "reason": reason.value, "rows": len(positions)}
            case.worker.record(work, "quarantine_dismiss", case.subject, details, at=at)
            work.commit()
    return len(positions)


def _aside(bench: Bench, family: Family) -> tuple[Aside, pl.DataFrame]:
    """A family in numbers, and its open rows."""
    found = standing.open_rows(bench.store, family)
    root = family.root
    counts = Counter(found["fault"])
    told = Aside(
        delivery_id=root.delivery_id,
        territory=root.territory,
        file_name=root.file_name,
        received_at=root.received_at,
        rows_read=root.rows_read,
        set_aside=root.quarantined,
        open=found.height,
        faults={fault.value: counts[fault.value] for fault in Fault if counts[fault.value]},
        replayed=family.replayed,
        dismissed=family.dismissed,
        removed_at=root.quarantine_removed_at,
    )
    return told, found


def _open_row(family: Family, one: Mapping[str, Any]) -> OpenRow:
    taken_apart = table.row(one["of_line"], one["fault"], one["found"], one["row"])
    return OpenRow(
        line=taken_apart.line,
        fault=taken_apart.fault,
        found=taken_apart.found,
        cells=taken_apart.cells,
        text=taken_apart.text,
        was_corrected=one["delivery_id"] != family.root.delivery_id,
    )


def _of_fault(found: pl.DataFrame, fault: str | None) -> pl.DataFrame:
    return found if fault is None else found.filter(pl.col("fault") == fault)
