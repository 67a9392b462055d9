"""Links to subjects of providers, and browsers on their way there and back, in SQL."""

from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from riskmap.provider_port import Identity, PendingSignIn
from riskmap.store.tables import account_identity, pending_sign_in


class SqlIdentities:
    """Links in SQL; see `riskmap.provider_port.Identities`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, issuer: str, subject: str) -> Identity | None:
        found = self._select(account_identity.c.issuer == issuer, account_identity.c.subject == subject)
        return found[0] if found else None

    def of_account(self, account_id: str) -> list[Identity]:
        return self._select(account_identity.c.account_id == account_id)

    def add(self, identity: Identity) -> None:
        self._connection.execute(sa.insert(account_identity).values(asdict(identity)))

    def remove(self, account_id: str) -> int:
        is_theirs = account_identity.c.account_id == account_id
        return self._connection.execute(sa.delete(account_identity).where(is_theirs)).rowcount

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Identity]:
        query = sa.select(account_identity).where(*conditions).order_by(account_identity.c.issuer)
        return [Identity(**row) for row in self._connection.execute(query).mappings()]


class SqlPendingSignIns:
    """Sign-ins that are under way, in SQL; see `riskmap.provider_port.PendingSignIns`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, state_sha256: str) -> PendingSignIn | None:
        query = sa.select(pending_sign_in).where(pending_sign_in.c.state_sha256 == state_sha256)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else PendingSignIn(**row)

    def add(self, pending: PendingSignIn) -> None:
        self._connection.execute(sa.insert(pending_sign_in).values(asdict(pending)))

    def remove(self, state_sha256: str) -> None:
        self._connection.execute(sa.delete(pending_sign_in).where(pending_sign_in.c.state_sha256 == state_sha256))

    def remove_before(self, moment: datetime) -> int:
        is_old = pending_sign_in.c.created_at <= moment
        return self._connection.execute(sa.delete(pending_sign_in).where(is_old)).rowcount
