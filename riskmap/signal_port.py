"""The port of marks; see `riskmap.signals.rules`."""

from datetime import date
from typing import Protocol

from riskmap.signals.rules import Category, Settlement, Signal


class Signals(Protocol):
    """Anonymous marks and supports."""

    def by_receipt(self, receipt_hash: str) -> Signal | None: ...

    def waiting(self, territory: str) -> list[Signal]:
        """Marks that nobody has dealt with yet, by number."""
        ...

    def next_number(self, territory: str) -> int:
        """One more than the highest number so far; 1 for the first."""
        ...

    def last_day(self, territory: str) -> date | None:
        """The newest day on which something was marked; None where nothing was."""
        ...

    def add(self, signal: Signal) -> None: ...

    def settle(self, territory: str, category: Category, place_id: str, *, up_to: int, settlement: Settlement) -> int:
        """Settle the waiting marks of a category and place up to a number, and count them."""
        ...

    def counted_by_day(self, territory: str) -> list[tuple[str, Category, date, int]]:
        """Area, category, day and number of marks that count, settled ones too."""
        ...

    def of_requests(self, territory: str) -> dict[int, int]:
        """How many marks became each request, by its number."""
        ...

    def remove(self, territory: str, marked_before: date) -> int:
        """Remove marks made before a day, and count them."""
        ...
