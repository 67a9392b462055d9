"""Use case: an exported table comes back with corrections, and its rows are read again as their delivery was read."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from geodata.layout import Mapping as Reading
from riskmap.disk import write_synced, writing_to
from riskmap.errors import RowsDoNotAddUp, UnfitCorrections
from riskmap.identity.access import Actor
from riskmap.lake_ports import MarkState
from riskmap.pipeline import deliveries
from riskmap.pipeline.deliveries import DeliveryReport
from riskmap.quarantine import bench as benches
from riskmap.quarantine import table
from riskmap.quarantine.bench import Bench, Case
from riskmap.quarantine.standing import Family, Position
from riskmap.quarantine.table import Cells, Corrections

WORK_PREFIX = "quarantine-"
"""Begins the names of folders below ``staging`` in which corrected rows are written to be read again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayReport:
    """What became of a corrected table: ``rows`` is the sum of the five numbers behind it.

    ``replay_id`` is the delivery of the corrected rows, None where no row was corrected. ``unchanged`` rows have no
    correction, or were accepted by an earlier one.
    """

    delivery_id: str
    territory: str
    replay_id: str | None
    rows: int
    accepted: int
    duplicates: int
    withdrawn: int
    still_faulty: int
    unchanged: int
    faults: Mapping[str, int]


def replay(
    bench: Bench,
    actor: Actor,
    path: Path,
    *,
    territory: str | None = None,
    delivery_id: str | None = None,
    at: datetime,
    progress: deliveries.Progress | None = None,
) -> ReplayReport:
    """Read the corrected rows of an exported table again, the way their delivery was read.

    Rows without a correction stay as they are, rows that are still faulty stay in quarantine with their new fault, and
    all others are taken in as incidents. The same table again changes nothing. A correction of a row that was given up
    revives it.

    Parameters
    ----------
    territory, delivery_id : where the table has to belong; None where any will do

    Raises
    ------
    UnfitCorrections, geodata.errors.UnreadableFile
        If the table does not belong to the rows set aside. Nothing is changed.
    UnknownDelivery, NotAllowed
    CannotWrite, StoreBusy, DamagedStore
        As `deliveries.deliver`. Nothing is changed.
    """
    if territory is not None:
        benches.worker(bench, actor, territory)
    given = table.read(path)
    if delivery_id not in (None, given.delivery_id):
        raise UnfitCorrections(
            f"The table is not of delivery {delivery_id}; expected the one exported from it. Nothing was changed.",
            fault="other_delivery",
        )
    with benches.alone(benches.opened(bench, actor, given.delivery_id, territory=territory)) as case:
        corrected = _corrected(case, given)
        told = _read_again(case, given, corrected, at=at, progress=progress) if corrected else None
        report = _account(case.family, given, corrected, told)
        with bench.store.work() as work:
            if told is not None:
                positions = [case.family.newest(line) for line in corrected]
                marks = [
                    case.worker.mark(one, MarkState.REPLAYED, at=at, replay_id=told.delivery_id) for one in positions
                ]
                work.quarantine_marks.add(marks)
            case.worker.record(work, "quarantine_replay", case.subject, _counts(report), at=at)
            work.commit()
    return report


def _corrected(case: Case, given: Corrections) -> dict[int, Cells]:
    """The rows of a table whose cells differ from what is set aside, with all their cells."""
    case.require_lines(given.cells)
    stored = _newest_cells(case)
    known = {name for cells in stored.values() for name in cells} | set(table.own_columns(case.family.root, []))
    unknown = [number for number, name in enumerate(given.columns, start=1) if name not in known]
    if unknown:
        raise UnfitCorrections(
            f"Own column {unknown[0]} of the table is none of the delivery's; expected those it was exported with. "
            "Export the table again and correct only cells. Nothing was changed.",
            fault="unknown_column",
            number=unknown[0],
        )
    return {
        line: {**stored[line], **cells}
        for line, cells in given.cells.items()
        if line in stored and any(text != stored[line].get(name, "") for name, text in cells.items())
    }


def _newest_cells(case: Case) -> dict[int, Cells]:
    """Cells of the newest version of every row that is still set aside, by line of the first delivery."""
    found: dict[int, Cells] = {}
    family = case.family
    for one in family.deliveries:
        frame = case.bench.store.lake.quarantined(family.root.territory, one.delivery_id)
        for line, as_delivered in frame.select("line", "row").iter_rows():
            position = Position(delivery_id=one.delivery_id, line=line)
            of_line, mark = family.line_of(position), family.mark(position)
            if of_line is not None and (mark is None or mark.state is MarkState.DISMISSED):
                found[of_line] = table.row(line, "", "", as_delivered).cells
    return found


def _read_again(
    case: Case,
    given: Corrections,
    corrected: Mapping[int, Cells],
    *,
    at: datetime,
    progress: deliveries.Progress | None,
) -> DeliveryReport:
    root, store = case.family.root, case.bench.store
    if not root.settled:
        raise UnfitCorrections(
            f"Delivery {root.delivery_id} came before corrected rows could be read again. "
            "Correct the original file and deliver it whole. Nothing was changed.",
            fault="no_reading",
        )
    # A row that did not fit the header has no cells of its own, so what the delivery was read by has to be named.
    names = {name for cells in corrected.values() for name in cells}
    columns = sorted(names.union(given.columns, table.own_columns(root, [])))
    with work_folder(case.bench.data) as folder:
        path = folder / f"{root.delivery_id}-corrected.csv"
        with writing_to(path):
            write_synced(path, table.replayable(columns, corrected))
        return deliveries.deliver(
            store,
            path,
            territory=store.territories.load(root.territory),
            mapping=replace(Reading.from_settled(root.settled), encoding="utf-8", separator=","),
            zone=root.zone,
            now=at,
            replay_of=root.delivery_id,
            progress=progress,
        )


@contextmanager
def work_folder(data: Path) -> Iterator[Path]:
    """A folder that only this user can read, gone with its content when the block ends."""
    staging = data / "staging"
    with writing_to(staging):
        staging.mkdir(parents=True, exist_ok=True)
        made = tempfile.TemporaryDirectory(prefix=WORK_PREFIX, dir=staging)
    with made as name:
        yield Path(name)


def _account(
    family: Family, given: Corrections, corrected: Mapping[int, Cells], told: DeliveryReport | None
) -> ReplayReport:
    report = ReplayReport(
        delivery_id=family.root.delivery_id,
        territory=family.root.territory,
        replay_id=told.delivery_id if told else None,
        rows=len(given.cells),
        accepted=told.accepted if told else 0,
        duplicates=told.duplicates if told else 0,
        withdrawn=told.withdrawn if told else 0,
        still_faulty=told.quarantined if told else 0,
        unchanged=len(given.cells) - len(corrected),
        faults=told.faults if told else {},
    )
    told_of = report.accepted + report.duplicates + report.withdrawn + report.still_faulty + report.unchanged
    if report.rows != told_of:
        raise RowsDoNotAddUp(
            f"The table of delivery {report.delivery_id} has {report.rows} rows, but {told_of} are accounted for. "
            "Please report this."
        )
    return report


def _counts(report: ReplayReport) -> dict[str, Any]:
    told = asdict(report)
    return {name: told[name] for name in ("replay_id", "rows", "accepted", "duplicates", "still_faulty", "unchanged")}
