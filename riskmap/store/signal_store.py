"""Anonymous marks in SQL: rows of codes. A row is settled once and never changes after that."""

from datetime import date
from typing import Any

import sqlalchemy as sa

from riskmap.signals.rules import Category, MarkedPlace, Refusal, Settlement, Signal, State
from riskmap.store.tables import signal


class SqlSignals:
    """Marks in SQL; see `riskmap.signal_port.Signals`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def by_receipt(self, receipt_hash: str) -> Signal | None:
        found = self._select(signal.c.receipt_hash == receipt_hash)
        return found[0] if found else None

    def waiting(self, territory: str) -> list[Signal]:
        return self._select(signal.c.territory == territory, signal.c.state == State.WAITING)

    def next_number(self, territory: str) -> int:
        highest = sa.select(sa.func.max(signal.c.number)).where(signal.c.territory == territory)
        return (self._connection.execute(highest).scalar() or 0) + 1

    def last_day(self, territory: str) -> date | None:
        newest = sa.select(sa.func.max(signal.c.marked_on)).where(signal.c.territory == territory)
        return self._connection.execute(newest).scalar()

    def add(self, added: Signal) -> None:
        place = added.place
        self._connection.execute(
            sa.insert(signal).values(
                territory=place.territory,
                number=added.number,
                region_id=place.region_id,
                area_id=place.area_id,
                place_id=place.place_id,
                category=added.category,
                answers=dict(added.answers),
                marked_on=added.marked_on,
                is_counted=added.is_counted,
                receipt_hash=added.receipt_hash,
                is_simulated=place.is_simulated,
                state=State.WAITING,
            )
        )
        if added.settlement is not None:
            where = (signal.c.territory == place.territory) & (signal.c.number == added.number)
            self._connection.execute(sa.update(signal).where(where).values(_settlement_row(added.settlement)))

    def settle(self, territory: str, category: Category, place_id: str, *, up_to: int, settlement: Settlement) -> int:
        changed = self._connection.execute(
            sa.update(signal)
            .where(
                signal.c.territory == territory,
                signal.c.state == State.WAITING,
                signal.c.category == category,
                signal.c.place_id == place_id,
                signal.c.number <= up_to,
            )
            .values(_settlement_row(settlement))
        )
        return int(changed.rowcount)

    def counted_by_day(self, territory: str) -> list[tuple[str, Category, date, int]]:
        by = (signal.c.area_id, signal.c.category, signal.c.marked_on)
        rows = self._connection.execute(
            sa.select(*by, sa.func.count())
            .where(signal.c.territory == territory, signal.c.is_counted)
            .group_by(*by)
            .order_by(*by)
        )
        return [(area_id, Category(category), day, number) for area_id, category, day, number in rows]

    def of_requests(self, territory: str) -> dict[int, int]:
        rows = self._connection.execute(
            sa.select(signal.c.request_number, sa.func.count())
            .where(signal.c.territory == territory, signal.c.request_number.is_not(None))
            .group_by(signal.c.request_number)
        )
        return {row[0]: row[1] for row in rows}

    def remove(self, territory: str, marked_before: date) -> int:
        old = sa.delete(signal).where(signal.c.territory == territory, signal.c.marked_on < marked_before)
        return int(self._connection.execute(old).rowcount)

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Signal]:
        query = sa.select(signal).where(*conditions).order_by(signal.c.territory, signal.c.number)
        return [_signal(row) for row in self._connection.execute(query)]


def _settlement_row(settlement: Settlement) -> dict[str, object]:
    return {
        "state": settlement.state,
        "settled_on": settlement.on,
        "request_number": settlement.request_number,
        "refusal": settlement.refusal,
        "account_id": settlement.account_id,
        "role": settlement.role,
    }


def _signal(row: sa.Row[Any]) -> Signal:
    place = MarkedPlace(
        territory=row.territory,
        region_id=row.region_id,
        area_id=row.area_id,
        place_id=row.place_id,
        is_simulated=row.is_simulated,
    )
    settlement = None
    if row.settled_on is not None:
        settlement = Settlement(
            state=State(row.state),
            on=row.settled_on,
            account_id=row.account_id,
            role=row.role,
            request_number=row.request_number,
            refusal=Refusal(row.refusal) if row.refusal else None,
        )
    return Signal(
        place=place,
        number=row.number,
        category=Category(row.category),
        answers=row.answers,
        marked_on=row.marked_on,
        is_counted=row.is_counted,
        receipt_hash=row.receipt_hash,
        settlement=settlement,
    )
