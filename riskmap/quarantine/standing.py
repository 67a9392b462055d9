"""Where each quarantined row stands now: open, read again with corrections, or given up.

Corrected rows are delivered as a file of their own, a replay of the delivery that first set them aside. A row that is
still faulty then stands in the quarantine of that replay, and may be corrected again from there. People only ever see
the first delivery and its own lines: a family is that delivery with all its replays. Where its file is read another way
the family ends: its replays are withdrawn with it, and rows still faulty in the new reading are open anew.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import polars as pl

from geodata.columns import QUARANTINE
from riskmap.errors import UnknownDelivery
from riskmap.lake_ports import MarkState, QuarantineMark
from riskmap.ports import Delivery, DeliveryStatus, Store, UnitOfWork

FIRST_REPLAYED_LINE = 2
"""Line of the first row in a replayed file, below its header; its rows take one line each."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """One row of one delivery's file."""

    delivery_id: str
    line: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """A delivery and its replays, as their marks stood at one moment.

    ``lines`` maps a delivery to the lines of the first one that its rows come from, in the order of its own lines; the
    first delivery is not in it. A replay that no marks lead to is left out: whoever sent it was interrupted, and its
    rows are still open where they were.
    """

    root: Delivery
    replays: tuple[Delivery, ...]
    marks: Mapping[str, Mapping[int, QuarantineMark]]
    lines: Mapping[str, tuple[int, ...]]

    @property
    def deliveries(self) -> tuple[Delivery, ...]:
        return (self.root, *self.replays)

    def mark(self, position: Position) -> QuarantineMark | None:
        """The mark of a row; one that leads to a replay which does not count is none."""
        mark = self.marks[position.delivery_id].get(position.line)
        if mark is not None and mark.state is MarkState.REPLAYED and mark.replay_id not in self.lines:
            return None
        return mark

    def line_of(self, position: Position) -> int | None:
        """Line of the first delivery's file that a row comes from; None where nothing leads there."""
        if position.delivery_id == self.root.delivery_id:
            return position.line
        at, lines = position.line - FIRST_REPLAYED_LINE, self.lines[position.delivery_id]
        return lines[at] if 0 <= at < len(lines) else None

    def newest(self, line: int) -> Position:
        """The newest version of a row of the first delivery."""
        position = Position(delivery_id=self.root.delivery_id, line=line)
        while True:
            mark = self.mark(position)
            if mark is None or mark.state is not MarkState.REPLAYED or mark.replay_id is None:
                return position
            at = self.lines[mark.replay_id].index(line)
            position = Position(delivery_id=mark.replay_id, line=at + FIRST_REPLAYED_LINE)

    @property
    def replayed(self) -> int:
        """Rows that were corrected and then accepted, or told as duplicate or withdrawn."""
        return sum(one.accepted + one.duplicates + one.withdrawn for one in self.replays)

    @property
    def dismissed(self) -> int:
        """Rows given up."""
        return sum(
            mark.state is MarkState.DISMISSED
            for one in self.deliveries
            for mark in self.marks[one.delivery_id].values()
        )


def families(work: UnitOfWork, territory: str) -> list[Family]:
    """Adopted deliveries of a territory that set rows aside, each with its replays, newest first."""
    adopted = work.deliveries.adopted(territory)
    known = {one.delivery_id for one in adopted}
    found = []
    for root in reversed(adopted):
        replays = [one for one in adopted if one.replay_of == root.delivery_id]
        if root.replay_of not in known and (root.quarantined or replays):
            found.append(_family(work, root, replays))
    return found


def family_of(work: UnitOfWork, delivery_id: str) -> Family:
    """The family a delivery belongs to; its own or any replay's id will do.

    Raises
    ------
    UnknownDelivery
        If there is none of this id whose rows count.
    """
    found = work.deliveries.find(delivery_id)
    if found is not None and found.replay_of is not None:
        found = work.deliveries.find(found.replay_of) or found
    if found is None or found.status is not DeliveryStatus.ADOPTED:
        raise UnknownDelivery(
            f"No delivery {delivery_id[:40]!r} counts here; expected the id of one that set rows aside. "
            "Look it up with the command: quarantine list."
        )
    replays = [one for one in work.deliveries.adopted(found.territory) if one.replay_of == found.delivery_id]
    return _family(work, found, replays)


def open_rows(store: Store, family: Family) -> pl.DataFrame:
    """The rows nobody has dealt with, as `QUARANTINE` with ``delivery_id`` and ``of_line``, by ``of_line``.

    ``of_line`` is the line in the file of the first delivery; ``delivery_id`` and ``line`` say where the newest version
    of the row stands.
    """
    nothing = pl.DataFrame(schema={**QUARANTINE.schema, "delivery_id": pl.String(), "of_line": pl.Int64()})
    frames = [nothing, *(_open(store, family, one) for one in family.deliveries)]
    return pl.concat(frames).sort("of_line")


def _open(store: Store, family: Family, delivery: Delivery) -> pl.DataFrame:
    rows = store.lake.quarantined(family.root.territory, delivery.delivery_id)
    positions = [Position(delivery_id=delivery.delivery_id, line=line) for line in rows["line"]]
    standing = [None if family.mark(position) else family.line_of(position) for position in positions]
    return rows.with_columns(
        delivery_id=pl.lit(delivery.delivery_id),
        of_line=pl.Series(standing, dtype=pl.Int64),
    ).drop_nulls("of_line")


def _family(work: UnitOfWork, root: Delivery, replays: list[Delivery]) -> Family:
    marks = {one.delivery_id: work.quarantine_marks.of_delivery(one.delivery_id) for one in (root, *replays)}
    lines = dict(_lines(root, replays, marks))
    return Family(
        root=root,
        replays=tuple(one for one in replays if one.delivery_id in lines),
        marks=marks,
        lines=lines,
    )


def _lines(
    root: Delivery, replays: list[Delivery], marks: Mapping[str, Mapping[int, QuarantineMark]]
) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Of each replay that counts the first delivery's lines that its rows come from."""
    of_replay: dict[str, list[int]] = {one.delivery_id: [] for one in replays}
    waiting = {one.delivery_id: one.rows_read for one in replays}

    def follow(delivery_id: str, lines: tuple[int, ...] | None) -> None:
        for line, mark in marks[delivery_id].items():
            if mark.replay_id in of_replay:
                of_replay[mark.replay_id].append(line if lines is None else lines[line - FIRST_REPLAYED_LINE])

    follow(root.delivery_id, None)
    # All marks of a replay are written at once, so its rows are known as soon as they are as many as it read.
    while known := [name for name, rows_read in waiting.items() if len(of_replay[name]) == rows_read]:
        for name in known:
            del waiting[name]
            lines = tuple(sorted(of_replay[name]))
            follow(name, lines)
            yield name, lines
