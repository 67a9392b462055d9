"""Reasons of a forecast in words: what there is more or less of than average, and which way the forecast goes with it.

The words never say that one makes the other: `reason.note` belongs under every list of reasons.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from riskmap.wording import Wording

REACH_M = 200
"""From the middle of a cell at resolution 9 to its corners: as far as features of the cell are counted."""


class Told(Protocol):
    """A reason as `models.reasons` gives it, or its codes as a release holds them."""

    @property
    def theme(self) -> str:
        """Code of what it is about."""
        ...

    @property
    def presence(self) -> str:
        """``more`` or ``fewer``."""
        ...

    @property
    def effect(self) -> str:
        """``higher`` or ``lower``."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """A reason as a release holds it."""

    theme: str
    presence: str
    effect: str


def of_cell(reasons: Iterable[Told], words: Wording, *, reach_m: int = REACH_M) -> tuple[str, ...]:
    """A line for each reason of a cell, in the order given, and last that these are associations.

    Where there is no reason, the only line says that nothing stands out.
    """
    return _told(reasons, words, where=words.text("reason.where.cell", m=reach_m))


def of_area(reasons: Iterable[Told], words: Wording) -> tuple[str, ...]:
    """The same for an area."""
    return _told(reasons, words, where=words.text("reason.where.area"))


def _told(reasons: Iterable[Told], words: Wording, *, where: str) -> tuple[str, ...]:
    sentences = [
        f"{words.text(f'reason.{one.theme}.{one.presence}', where=where)} {words.text(f'reason.effect.{one.effect}')}"
        for one in reasons
    ]
    return (*sentences, words.text("reason.note")) if sentences else (words.text("reason.none"),)
