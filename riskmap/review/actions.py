"""What was last done near a hotspot: requests of the council and the measures they led to, from its public journal."""

from collections.abc import Sequence
from dataclasses import dataclass

from geodata import hexgrid
from riskmap.journal import Journal, PublicRequest

NEAR_M = 400.0
"""From the middle of a hexagon to the middles of its neighbours, at the working resolution."""
MOST = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One request with how far its hexagon lies, in metres between the middles."""

    request: PublicRequest
    distance_m: float


def near(journal: Journal | None, cell_id: str, *, within_m: float = NEAR_M) -> list[Action]:
    """Requests near a cell, the last change first, then the nearest; none where nothing has been published.

    Parameters
    ----------
    journal : of the cell's territory
    within_m : between the middles of the cells
    """
    centre = hexgrid.centre(cell_id)
    told = [
        Action(request=request, distance_m=distance)
        for request in _of(journal)
        if (distance := hexgrid.distance_m(centre, hexgrid.centre(request.cell_id))) <= within_m
    ]
    return sorted(told, key=lambda one: (-one.request.changed_on.toordinal(), one.distance_m, one.request.number))


def _of(journal: Journal | None) -> Sequence[PublicRequest]:
    return [] if journal is None else journal.requests
