"""Accounts, their roles, sessions and the audit log in SQL."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from riskmap.audit_port import AuditEntry
from riskmap.identity.access import Grant, Role
from riskmap.ports import Account, Session
from riskmap.store.tables import account, account_grant, audit_entry, session

_LINES_AT_A_TIME = 1000


class SqlAccounts:
    """Accounts in SQL; see `riskmap.ports.Accounts`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, account_id: str) -> Account | None:
        return self._first(account.c.account_id == account_id)

    def by_login(self, login: str) -> Account | None:
        return self._first(account.c.login == login)

    def all(self) -> list[Account]:
        rows = self._connection.execute(sa.select(account).order_by(account.c.login)).mappings()
        return [Account(**row) for row in rows]

    def save(self, saved: Account) -> None:
        _put(self._connection, account, saved, key=account.c.account_id)

    def grants_of(self, account_id: str) -> tuple[Grant, ...]:
        return tuple(grant for grant, _ in self.granted(account_id))

    def granted(self, account_id: str) -> list[tuple[Grant, datetime]]:
        held = (
            sa.select(account_grant.c.role, account_grant.c.region_id, account_grant.c.granted_at)
            .where(account_grant.c.account_id == account_id)
            .order_by(account_grant.c.region_id, account_grant.c.role)
        )
        rows = self._connection.execute(held)
        return [(Grant(role=Role(row.role), region_id=row.region_id), row.granted_at) for row in rows]

    def grant(self, account_id: str, grant: Grant, *, at: datetime) -> None:
        if grant not in self.grants_of(account_id):
            self._connection.execute(
                sa.insert(account_grant).values(
                    account_id=account_id, role=grant.role, region_id=grant.region_id, granted_at=at
                )
            )

    def take_back(self, account_id: str, grant: Grant) -> None:
        self._connection.execute(
            sa.delete(account_grant).where(
                account_grant.c.account_id == account_id,
                account_grant.c.role == grant.role,
                account_grant.c.region_id == grant.region_id,
            )
        )

    def _first(self, condition: sa.ColumnElement[bool]) -> Account | None:
        row = self._connection.execute(sa.select(account).where(condition)).mappings().first()
        return None if row is None else Account(**row)


class SqlSessions:
    """Sessions in SQL; see `riskmap.ports.Sessions`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, token_sha256: str) -> Session | None:
        query = sa.select(session).where(session.c.token_sha256 == token_sha256)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else Session(**row)

    def save(self, saved: Session) -> None:
        _put(self._connection, session, saved, key=session.c.token_sha256)

    def end_all(self, account_id: str, *, at: datetime) -> None:
        self._connection.execute(
            sa.update(session)
            .where(session.c.account_id == account_id, session.c.ended_at.is_(None))
            .values(ended_at=at)
        )

    def remove(self, *, ended: datetime, seen: datetime, created: datetime) -> int:
        is_over = (session.c.ended_at <= ended) | (session.c.seen_at <= seen) | (session.c.created_at <= created)
        return self._connection.execute(sa.delete(session).where(is_over)).rowcount


class SqlAudit:
    """The audit log in SQL, whose triggers refuse to change a line, and to delete one without an anchor.

    See `riskmap.audit_port.AuditLog`.
    """

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def last(self) -> AuditEntry | None:
        newest = sa.select(audit_entry).order_by(audit_entry.c.position.desc()).limit(1)
        row = self._connection.execute(newest).mappings().first()
        return None if row is None else AuditEntry(**row)

    def at(self, position: int) -> AuditEntry | None:
        row = self._connection.execute(sa.select(audit_entry).filter_by(position=position)).mappings().first()
        return None if row is None else AuditEntry(**row)

    def append(self, entry: AuditEntry) -> None:
        values = {column.name: getattr(entry, column.name) for column in audit_entry.columns}
        self._connection.execute(sa.insert(audit_entry).values({**values, "details": dict(entry.details)}))

    def entries(self) -> Iterator[AuditEntry]:
        """Every line in order of position, read as they are asked for: only while the unit is open."""
        in_order = sa.select(audit_entry).order_by(audit_entry.c.position)
        rows = self._connection.execute(in_order.execution_options(yield_per=_LINES_AT_A_TIME)).mappings()
        return (AuditEntry(**row) for row in rows)

    def last_before(self, moment: datetime) -> AuditEntry | None:
        younger = sa.select(sa.func.min(audit_entry.c.position)).where(audit_entry.c.at >= moment)
        first_kept = self._connection.execute(younger).scalar()
        return self.last() if first_kept is None else self.at(first_kept - 1)

    def remove_until(self, position: int) -> int:
        return self._connection.execute(sa.delete(audit_entry).where(audit_entry.c.position <= position)).rowcount


def _put(connection: sa.Connection, table: sa.Table, saved: object, *, key: sa.Column[Any]) -> None:
    """Replace the row of the same key, or add it."""
    values = {column.name: getattr(saved, column.name) for column in table.columns}
    changed = connection.execute(sa.update(table).where(key == values[key.name]).values(values))
    if changed.rowcount == 0:
        connection.execute(sa.insert(table).values(values))
