"""The port of codes asked for beside a password; see `riskmap.identity.second_factor`."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class SecondFactor:
    """What an account's codes are made of. ``confirmed_at`` is None until the first code was right.

    ``sealed`` is readable with the installation's key alone; ``last_step`` is the last step of half a minute
    whose code was taken, 0 before.
    """

    account_id: str
    sealed: str
    begun_at: datetime
    confirmed_at: datetime | None = None
    last_step: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingCode:
    """A sign-in whose password was right and whose code is still to come. The token is known to the browser alone."""

    token_sha256: str
    account_id: str
    created_at: datetime


class SecondFactors(Protocol):
    """Second factors by account, with their recovery codes and sign-ins that wait for a code."""

    def find(self, account_id: str) -> SecondFactor | None: ...

    def save(self, factor: SecondFactor) -> None: ...

    def remove(self, account_id: str) -> bool:
        """Remove a factor with its recovery codes and waiting sign-ins; false if there was none."""
        ...

    def renew_recovery_codes(self, account_id: str, hashes: Collection[str]) -> None: ...

    def use_recovery_code(self, account_id: str, code_sha256: str) -> bool:
        """Remove a recovery code; false if the account has no such one."""
        ...

    def recovery_codes_left(self, account_id: str) -> int: ...

    def find_pending(self, token_sha256: str) -> PendingCode | None: ...

    def add_pending(self, pending: PendingCode) -> None: ...

    def remove_pending(self, token_sha256: str) -> None: ...

    def remove_pending_before(self, moment: datetime) -> int:
        """Remove those begun at a moment or before it, and count them."""
        ...
