"""Where rows set aside are worked on: the store, and one delivery opened by somebody who may.

Every use case asks `access` for the whole territory: a row with a fault has no certain place, so no smaller region can
own it. Each is written into the audit log with codes and numbers, never with a cell of a row.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from geodata.faults import Fault
from riskmap.disk import held, safe_name
from riskmap.errors import UnfitCorrections, UnknownDelivery
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Permission, Role
from riskmap.lake_ports import MarkState, QuarantineMark
from riskmap.ports import Store, UnitOfWork
from riskmap.quarantine import standing
from riskmap.quarantine.standing import Family, Position


@dataclass(frozen=True, slots=True, kw_only=True)
class Bench:
    """Where the work is done: the store, and the installation's data folder."""

    store: Store
    data: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """Somebody at the bench who may work there, by the role that allows it."""

    bench: Bench
    actor: Actor
    role: Role

    def note(self, action: str, subject: str, details: Mapping[str, Any], *, at: datetime) -> None:
        """Write a line of the audit log by itself."""
        with self.bench.store.work() as work:
            self.record(work, action, subject, details, at=at)
            work.commit()

    def record(self, work: UnitOfWork, action: str, subject: str, details: Mapping[str, Any], *, at: datetime) -> None:
        """Write a line of the audit log along with the rest of a unit of work."""
        told = {"role": str(self.role), **details}
        audit.record(work, account_id=self.actor.account_id, action=action, subject=subject, details=told, at=at)

    def mark(
        self, position: Position, state: MarkState, *, at: datetime, replay_id: str | None = None
    ) -> QuarantineMark:
        return QuarantineMark(
            delivery_id=position.delivery_id,
            line=position.line,
            state=state,
            at=at,
            replay_id=replay_id,
            account_id=self.actor.account_id,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One delivery with its replays, opened by a worker."""

    worker: Worker
    family: Family

    @property
    def bench(self) -> Bench:
        return self.worker.bench

    @property
    def subject(self) -> str:
        """What it is called in the audit log."""
        return f"delivery {self.family.root.delivery_id}"

    def require_lines(self, lines: Iterable[int]) -> None:
        """Refuse lines that were never set aside.

        Raises
        ------
        UnfitCorrections
        """
        root = self.family.root
        known = set(self.bench.store.lake.quarantined(root.territory, root.delivery_id)["line"])
        known |= set(self.family.marks[root.delivery_id])
        unknown = sorted(set(lines) - known)
        if unknown:
            raise UnfitCorrections(
                f"Line {unknown[0]} of delivery {root.delivery_id} is not set aside; expected lines of its quarantine. "
                "Export the table again; rows older than their term are removed. Nothing was changed.",
                fault="unknown_line",
                number=unknown[0],
            )


def worker(bench: Bench, actor: Actor, territory: str) -> Worker:
    """The actor as somebody who may work on a territory's rows.

    Raises
    ------
    NotAllowed
    """
    role = access.require(actor, Permission.CORRECT_ROWS, region_id=territory)
    return Worker(bench=bench, actor=actor, role=role)


def opened(bench: Bench, actor: Actor, delivery_id: str, *, territory: str | None = None) -> Case:
    """A delivery, opened by its id or that of a replay.

    Parameters
    ----------
    territory : where it has to belong; None where any will do

    Raises
    ------
    UnknownDelivery, NotAllowed
    """
    if territory is not None:
        worker(bench, actor, territory)
    with bench.store.look() as look:
        family = standing.family_of(look, delivery_id)
    if territory is not None and family.root.territory != territory:
        raise UnknownDelivery(
            f"Delivery {delivery_id[:40]!r} is none of {territory}. Look it up in the list of that territory."
        )
    return Case(worker=worker(bench, actor, family.root.territory), family=family)


@contextmanager
def alone(case: Case) -> Iterator[Case]:
    """The case as it stands once nobody else changes rows of its territory; they wait while the block runs."""
    root, at_work = case.family.root, case.worker
    with held(case.bench.data / "locks" / f"{safe_name(root.territory)}.quarantine.lock"):
        yield opened(case.bench, at_work.actor, root.delivery_id)


def code_of(fault: str | None) -> str:
    """A fault for the audit log: never a text that somebody made up."""
    return fault if fault in set(Fault) else "all" if fault is None else "unknown"
