"""Likely duplicates as pages show them: which request, why it may be the same, and where one press leads."""

from collections.abc import Iterable
from dataclasses import dataclass

from riskmap.council.casework import Neighbour
from riskmap.council.duplicates import Suggestion
from riskmap.council.likeness import Likeness
from riskmap.doors.visit import Visit

MERGE = "merge"
"""Part of an address that fills in the step with the number of the earlier request."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One likely duplicate with the reason in words. ``href`` is the merge step, filled in.

    ``said`` is what is published of it, or what its author wrote: whoever may merge reads both.
    """

    number: int
    kind: str
    state: str
    said: str
    why: tuple[str, ...]
    href: str
    earlier: int
    later: int


def rows(visit: Visit, found: Iterable[Suggestion]) -> list[Row]:
    """Suggestions for the secretary; the press leads to the page of the later of the two."""
    return [
        Row(
            number=one.other.number,
            kind=one.other.kind.value,
            state=one.other.state.value,
            said=one.other.wording or one.other.grounds,
            why=why(visit, one.likeness),
            href=visit.link(f"/casework/{one.other.territory}/{one.later}", **{MERGE: str(one.earlier)})
            + "#step-merge",
            earlier=one.earlier,
            later=one.later,
        )
        for one in found
    ]


def instead(visit: Visit, found: Iterable[tuple[Neighbour, Likeness]]) -> list[tuple[Neighbour, tuple[str, ...]]]:
    """What somebody could support instead of filing, with the reason in words."""
    return [(one, why(visit, alike)) for one, alike in found]


def why(visit: Visit, alike: Likeness) -> tuple[str, ...]:
    """The rule as it came out: kind, distance, words."""
    return (
        visit.text("casework.alike.same_kind" if alike.is_same_kind else "casework.alike.kind_other"),
        visit.text("casework.nearby.same")
        if alike.is_here
        else visit.text("casework.nearby.distance", n=alike.distance_m),
        visit.text("casework.alike.words", n=alike.words),
    )
