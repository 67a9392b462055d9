"""Use cases that suggest which requests may be one, each with its reason; what is done about it people decide."""

from dataclasses import dataclass

from geodata import hexgrid
from riskmap.council import casework, likeness
from riskmap.council import request as rules
from riskmap.council.casework import Neighbour, Office
from riskmap.council.likeness import Likeness
from riskmap.council.request import CouncilRequest, Filing, Place, RequestKind, State
from riskmap.errors import UnknownRequest
from riskmap.identity import access
from riskmap.identity.access import Actor, Permission

MOST = 5
BEFORE_COUNCIL = frozenset({State.SUBMITTED, State.IN_TRIAGE, State.NEEDS_INFORMATION})
"""States in which a request can still become part of another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Suggestion:
    """A request that may be the same as another one. ``later`` of the two is merged into ``earlier``."""

    other: CouncilRequest
    likeness: Likeness
    earlier: int
    later: int


def of_request(office: Office, actor: Actor, territory: str, number: int) -> list[Suggestion]:
    """Open requests that may be the same as this one, most alike first; none for whoever may not merge.

    Raises
    ------
    UnknownRequest
    """
    with office.store.look() as look:
        found = look.requests.find(territory, number)
        others = look.requests.of_territory(territory, states=rules.OPEN_STATES)
    if found is None:
        raise UnknownRequest(f"There is no request {territory}-{number}. Look it up in the list of requests.")
    if found.state not in BEFORE_COUNCIL or not _may_merge(actor, found.region_id):
        return []
    made = []
    for other in others:
        later, earlier = (found, other) if other.number < number else (other, found)
        if other.number == number or later.state not in BEFORE_COUNCIL or not _may_merge(actor, other.region_id):
            continue
        alike = _compared(found, other)
        if alike is not None and alike.may_be_one and casework.merge_fault(later, earlier) is None:
            made.append(Suggestion(other=other, likeness=alike, earlier=earlier.number, later=later.number))
    return sorted(made, key=lambda one: (one.likeness.order, one.other.number))[:MOST]


def of_filing(office: Office, actor: Actor, filing: Filing, place: Place) -> list[tuple[Neighbour, Likeness]]:
    """Open requests of others that somebody could support instead of filing their own, by their published words alone.

    Raises
    ------
    NotAllowed
        As `casework.nearby`.
    """
    if filing.kind not in set(RequestKind):
        return []
    made = []
    for one in casework.nearby(office, actor, place, within_m=likeness.WITHIN_M):
        if one.wording is None or not one.may_support or one.has_supported:
            continue
        kind, text = RequestKind(filing.kind), filing.grounds
        alike = likeness.compare(kind, text, one.kind, one.wording, distance_m=one.distance_m)
        if alike is not None and alike.may_be_one:
            made.append((one, alike))
    return sorted(made, key=lambda pair: (pair[1].order, pair[0].number))[:MOST]


def _may_merge(actor: Actor, region_id: str) -> bool:
    return access.allowed_role(actor, Permission.MERGE, region_id=region_id) is not None


def _compared(one: CouncilRequest, other: CouncilRequest) -> Likeness | None:
    """The better of both comparisons: what people wrote, and what is published of it."""
    distance_m = hexgrid.distance_m(hexgrid.centre(one.place.cell_id), hexgrid.centre(other.place.cell_id))
    compared = (
        likeness.compare(one.kind, mine, other.kind, theirs, distance_m=distance_m)
        for mine in _texts(one)
        for theirs in _texts(other)
    )
    return max((alike for alike in compared if alike is not None), key=lambda alike: alike.words, default=None)


def _texts(request: CouncilRequest) -> list[str]:
    return [text for text in (request.grounds, request.wording) if text]
