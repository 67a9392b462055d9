"""Second factors, recovery codes and sign-ins that wait for a code, in SQL."""

from collections.abc import Collection
from dataclasses import asdict
from datetime import datetime

import sqlalchemy as sa

from riskmap.second_factor_port import PendingCode, SecondFactor
from riskmap.store.tables import pending_code, recovery_code, second_factor


class SqlSecondFactors:
    """Second factors in SQL; see `riskmap.second_factor_port.SecondFactors`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, account_id: str) -> SecondFactor | None:
        query = sa.select(second_factor).where(second_factor.c.account_id == account_id)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else SecondFactor(**row)

    def save(self, factor: SecondFactor) -> None:
        is_theirs = second_factor.c.account_id == factor.account_id
        changed = self._connection.execute(sa.update(second_factor).where(is_theirs).values(asdict(factor)))
        if not changed.rowcount:
            self._connection.execute(sa.insert(second_factor).values(asdict(factor)))

    def remove(self, account_id: str) -> bool:
        for table in (recovery_code, pending_code):
            self._connection.execute(sa.delete(table).where(table.c.account_id == account_id))
        removed = self._connection.execute(sa.delete(second_factor).where(second_factor.c.account_id == account_id))
        return removed.rowcount > 0

    def renew_recovery_codes(self, account_id: str, hashes: Collection[str]) -> None:
        self._connection.execute(sa.delete(recovery_code).where(recovery_code.c.account_id == account_id))
        rows = [{"code_sha256": one, "account_id": account_id} for one in hashes]
        self._connection.execute(sa.insert(recovery_code), rows)

    def use_recovery_code(self, account_id: str, code_sha256: str) -> bool:
        is_this = sa.and_(recovery_code.c.account_id == account_id, recovery_code.c.code_sha256 == code_sha256)
        return self._connection.execute(sa.delete(recovery_code).where(is_this)).rowcount > 0

    def recovery_codes_left(self, account_id: str) -> int:
        count = sa.select(sa.func.count()).where(recovery_code.c.account_id == account_id)
        return int(self._connection.execute(count).scalar_one())

    def find_pending(self, token_sha256: str) -> PendingCode | None:
        query = sa.select(pending_code).where(pending_code.c.token_sha256 == token_sha256)
        row = self._connection.execute(query).mappings().first()
        return None if row is None else PendingCode(**row)

    def add_pending(self, pending: PendingCode) -> None:
        self._connection.execute(sa.insert(pending_code).values(asdict(pending)))

    def remove_pending(self, token_sha256: str) -> None:
        self._connection.execute(sa.delete(pending_code).where(pending_code.c.token_sha256 == token_sha256))

    def remove_pending_before(self, moment: datetime) -> int:
        return self._connection.execute(sa.delete(pending_code).where(pending_code.c.created_at <= moment)).rowcount
