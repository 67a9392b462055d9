"""What is asked of the store of the audit log."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """One line of the audit log; ``entry_hash`` is over everything else, the previous line's hash included.

    ``details`` hold codes and numbers, never what a person wrote.
    """

    position: int
    at: datetime
    account_id: str
    action: str
    subject: str
    details: Mapping[str, Any]
    previous_hash: str
    entry_hash: str


class AuditLog(Protocol):
    """The append-only log. The store refuses to change a line, and to remove one that no anchor stands for."""

    def last(self) -> AuditEntry | None: ...

    def at(self, position: int) -> AuditEntry | None:
        """The line of a position."""
        ...

    def append(self, entry: AuditEntry) -> None: ...

    def entries(self) -> Iterator[AuditEntry]:
        """Every line in order of position."""
        ...

    def last_before(self, moment: datetime) -> AuditEntry | None:
        """The last of those lines at the beginning of the log that were all written before a moment."""
        ...

    def remove_until(self, position: int) -> int:
        """Remove the lines up to a position for which an anchor was appended, and count them."""
        ...
