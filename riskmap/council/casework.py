"""Use cases of the council: file, support, move and read requests.

Each one asks `access` first and refuses unless a rule allows it; each change is one transaction that also writes the
audit log. What the public sees is written afterwards by `journal_desk`: if that fails, the request is safe and the
next change, or the command ``journal``, publishes it.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from geodata import hexgrid
from riskmap.council import assisted, clocks, journal_desk
from riskmap.council import request as rules
from riskmap.council.clocks import Deadline
from riskmap.council.request import NEEDS, Action, CouncilRequest, Filing, Place, RequestKind, State, civil_day
from riskmap.errors import (
    CannotWrite,
    ChangedMeanwhile,
    FieldFault,
    NotAllowed,
    StepNotPossible,
    UnfitFields,
    UnknownRequest,
)
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Ownership, Permission, Role
from riskmap.photos import attached
from riskmap.ports import Store, UnitOfWork

logger = logging.getLogger(__name__)

NEARBY_M = 700.0
"""About two cells of resolution 9, centre to centre."""
MERGE_WITHIN_M = 2000.0
"""Two requests further apart are about two places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Office:
    """Where the council works: the store, and the folder its journals are published in."""

    store: Store
    journals: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestView:
    """A request as one actor may see it.

    ``is_full`` says whether the requester's own words and the inner fields of its steps may be shown; otherwise only
    what is public. ``actions`` are those this actor may take now.
    """

    request: CouncilRequest
    is_full: bool
    is_own: bool
    actions: tuple[Action, ...]
    supporters: int
    may_support: bool
    has_supported: bool
    uncounted: int = 0
    deadline: Deadline | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What an actor finds in a territory: the whole queue for staff, one's own requests for residents.

    ``waiting`` holds numbers of requests on which this actor can take the next step.
    """

    territory: str
    is_staff: bool
    may_file: bool
    may_file_for_someone: bool
    requests: tuple[CouncilRequest, ...]
    waiting: frozenset[int]
    supporters: Mapping[int, int]
    supported: frozenset[int]


def file(
    office: Office,
    actor: Actor,
    filing: Filing,
    place: Place,
    *,
    key: str,
    at: datetime,
    is_for_someone: bool = False,
    is_simulated: bool = False,
    photos: Sequence[bytes] = (),
) -> CouncilRequest:
    """File a request, for oneself or (a secretary) for somebody who came in person.

    The same ``key`` from the same account answers with the request it made before; so does the same wish in the same
    words at the same place while the earlier request is open.

    Raises
    ------
    NotAllowed, UnfitFields
    """
    permission = Permission.FILE_FOR_SOMEONE if is_for_someone else Permission.FILE
    role = access.require(actor, permission, region_id=place.region_id)
    files = attached.checked(Action.SUBMIT, photos)
    with office.store.work() as work:
        filed = work.requests.by_key(actor.account_id, key)
        if filed is None:
            told, faults = assisted.checked(asdict(filing), today=civil_day(at)) if is_for_someone else ({}, [])
            filed = rules.submit(
                filing,
                place,
                number=work.requests.next_number(place.territory),
                requester=None if is_for_someone else actor.account_id,
                entered_by=actor.account_id,
                role=role,
                at=at,
                key=key,
                is_simulated=is_simulated,
                told=told,
                faults=faults,
            )
            before = _asked_before(work, filed)
            if before is None:
                work.requests.add(filed)
                with attached.along(office.store, work, files, filed, Action.SUBMIT, at=at):
                    _record(work, actor, Action.SUBMIT, filed, role=role, at=at)
                    work.commit()
            else:
                filed = before
    # Also when it was filed before: whatever ended that attempt may have kept it from the journal.
    publish(office, place.territory, at=at)
    return filed


def move(
    office: Office,
    actor: Actor,
    territory: str,
    number: int,
    *,
    action: Action,
    given: Mapping[str, str],
    version: int,
    key: str,
    at: datetime,
    files: Sequence[bytes] = (),
) -> CouncilRequest:
    """Take one step with a request that was read at ``version``. The same ``key`` again changes nothing.

    A dispute takes a photo along, a body's answer its scan.

    Raises
    ------
    UnknownRequest, NotAllowed, UnfitFields
    StepNotPossible
        If the request stands elsewhere and nobody has moved it since it was read.
    ChangedMeanwhile
        If somebody else moved it since.
    """
    if files and attached.takes(action):
        # Of nobody who may not take the step anything is decoded.
        with office.store.look() as look:
            _require(actor, Permission(action.value), _found(look, territory, number))
    brought = attached.checked(action, files)
    with office.store.work() as work:
        found = _found(work, territory, number)
        if action is Action.SUBMIT:
            raise StepNotPossible(f"Request {territory}-{number} is filed already.", state=found.state)
        role = _require(actor, Permission(action.value), found)
        if any(step.key == key and step.account_id == actor.account_id for step in found.steps):
            return found
        if found.version != version:
            raise ChangedMeanwhile(
                f"Request {territory}-{number} has {found.version} steps; it was read when it had {version}. "
                "Read it again, then decide."
            )
        if action is Action.DISPUTE and _has_disputed(actor, found):
            raise StepNotPossible(
                f"{actor.account_id} has disputed request {territory}-{number} before and it was checked since. "
                "It can be disputed by somebody else, or once it is reported as done again.",
                state=found.state,
            )
        moved = rules.advance(found, action, given, account_id=actor.account_id, role=role, at=at, key=key)
        clocks.require_possible(found, action)
        clocks.require_fit(moved)
        if action is Action.MERGE:
            _require_earlier(work, moved)
        work.requests.save(moved)
        with attached.along(office.store, work, brought, moved, action, at=at):
            _record(work, actor, action, moved, role=role, at=at)
            work.commit()
    publish(office, territory, at=at)
    return moved


def support(
    office: Office, actor: Actor, territory: str, number: int, *, at: datetime, is_counted: bool = True
) -> bool:
    """Support somebody else's open request, once; False where the actor supports it already.

    One that does not count, because many came from its neighbourhood, is kept and moves nothing.

    Raises
    ------
    UnknownRequest, NotAllowed
    StepNotPossible
        If the request is closed.
    """
    with office.store.work() as work:
        found = _found(work, territory, number)
        role = _require(actor, Permission.SUPPORT, found)
        if not found.is_open:
            raise StepNotPossible(
                f"Request {territory}-{number} is {found.state}; only open requests can be supported. "
                "Look for an open one nearby, or file a new one.",
                state=found.state,
            )
        if not work.requests.support(territory, number, actor.account_id, at=at, is_counted=is_counted):
            return False
        _record(work, actor, "support" if is_counted else "support_not_counted", found, role=role, at=at)
        work.commit()
    publish(office, territory, at=at)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbour:
    """An open request near a place, with nothing but what is public about it."""

    number: int
    kind: RequestKind
    state: State
    wording: str | None
    distance_m: int
    supporters: int
    may_support: bool
    has_supported: bool


def nearby(office: Office, actor: Actor, place: Place, *, within_m: float = NEARBY_M) -> list[Neighbour]:
    """Open requests near a place, nearest first, so that one can support instead of asking twice.

    Raises
    ------
    NotAllowed
        If the actor holds no role in the place's region.
    """
    _require_any_role(actor, place.region_id)
    with office.store.look() as look:
        open_or_merged = look.requests.of_territory(place.territory, states=rules.OPEN_STATES | {State.MERGED})
        supports = look.requests.supports(place.territory)
        counted = look.requests.supports(place.territory, is_counted=True)
    supporters = journal_desk.count_supporters(open_or_merged, counted)
    centre = hexgrid.centre(place.cell_id)
    found = []
    for other in open_or_merged:
        distance_m = hexgrid.distance_m(centre, hexgrid.centre(other.place.cell_id))
        if not other.is_open or distance_m > within_m:
            continue
        may_support = access.allowed_role(
            actor, Permission.SUPPORT, region_id=other.region_id, ownership=ownership_of(other)
        )
        found.append(
            Neighbour(
                number=other.number,
                kind=other.kind,
                state=other.state,
                wording=other.wording,
                distance_m=round(distance_m / 10) * 10,
                supporters=supporters[other.number],
                may_support=may_support is not None,
                has_supported=(other.number, actor.account_id) in supports,
            )
        )
    return sorted(found, key=lambda neighbour: (neighbour.distance_m, neighbour.number))


def view(office: Office, actor: Actor, territory: str, number: int) -> RequestView:
    """One request with what this actor may see of it and do with it.

    Raises
    ------
    UnknownRequest
    NotAllowed
        If the actor holds no role in the request's region.
    """
    with office.store.look() as look:
        found = _found(look, territory, number)
        supports = look.requests.supports(territory)
        damped = look.requests.supports(territory, is_counted=False)
        merged = look.requests.of_territory(territory, states={State.MERGED})
    _require_any_role(actor, found.region_id)
    others = [other for other in merged if other.number != number]
    supporters = journal_desk.count_supporters([found, *others], sorted(set(supports) - set(damped)))
    ownership = ownership_of(found)
    may_read = access.allowed_role(actor, Permission.READ_CASEWORK, region_id=found.region_id) is not None
    may_support = access.allowed_role(actor, Permission.SUPPORT, region_id=found.region_id, ownership=ownership)
    return RequestView(
        request=found,
        is_full=may_read or actor.account_id == found.requester,
        is_own=actor.account_id in (found.requester, found.entered_by),
        actions=allowed_actions(actor, found),
        supporters=supporters[number],
        may_support=found.is_open and may_support is not None,
        has_supported=(number, actor.account_id) in supports,
        uncounted=sum(one == number for one, _ in damped) if may_read else 0,
        deadline=clocks.running(found),
    )


def desk(office: Office, actor: Actor, territory: str) -> Desk:
    """What the actor finds in a territory, newest need first.

    Raises
    ------
    NotAllowed
        If the actor holds no role anywhere in it.
    """
    regions = {grant.region_id for grant in actor.grants if access.territory_of(grant.region_id) == territory}
    if not regions:
        _require_any_role(actor, territory)
    with office.store.look() as look:
        everything = look.requests.of_territory(territory)
        supports = look.requests.supports(territory)
        counted = look.requests.supports(territory, is_counted=True)
    readable = [
        found
        for found in everything
        if access.allowed_role(actor, Permission.READ_CASEWORK, region_id=found.region_id)
        or actor.account_id == found.requester
    ]
    may = {
        permission: any(access.allowed_role(actor, permission, region_id=region) for region in regions)
        for permission in (Permission.READ_CASEWORK, Permission.FILE, Permission.FILE_FOR_SOMEONE)
    }
    waiting = {found.number for found in readable if _is_waiting_for(actor, found)}
    readable.sort(key=lambda found: found.changed_at, reverse=True)
    readable.sort(key=lambda found: (found.number not in waiting, not found.is_open))
    return Desk(
        territory=territory,
        is_staff=may[Permission.READ_CASEWORK],
        may_file=may[Permission.FILE],
        may_file_for_someone=may[Permission.FILE_FOR_SOMEONE],
        requests=tuple(readable),
        waiting=frozenset(waiting),
        supporters=journal_desk.count_supporters(everything, counted),
        supported=frozenset(number for number, account in supports if account == actor.account_id),
    )


def allowed_actions(actor: Actor, found: CouncilRequest) -> tuple[Action, ...]:
    """Steps the actor may take with a request as it stands."""
    return tuple(
        action
        for action in rules.possible_actions(found.state)
        if access.allowed_role(
            actor, Permission(action.value), region_id=found.region_id, ownership=ownership_of(found)
        )
        and not (action is Action.DISPUTE and _has_disputed(actor, found))
        and clocks.is_possible(found, action)
    )


def ownership_of(found: CouncilRequest) -> Ownership:
    return Ownership(requester=found.requester, entered_by=found.entered_by)


def publish(office: Office, territory: str, *, at: datetime) -> None:
    """Bring the public journal up to date; what hinders it is logged, for the change itself is safe already."""
    try:
        journal_desk.publish(office.store, office.journals, territory, at=at)
    except CannotWrite:
        logger.exception("The journal of %s could not be written; run: python -m riskmap journal", territory)


def note_refusal(office: Office, error: NotAllowed, *, account_id: str, subject: str, at: datetime) -> None:
    """Keep an attempt that access refused in the audit log."""
    with office.store.work() as work:
        audit.record(
            work,
            account_id=account_id,
            action="refused",
            subject=subject,
            details={"permission": str(error.permission), "is_own": error.is_own},
            at=at,
        )
        work.commit()


def _found(work: UnitOfWork, territory: str, number: int) -> CouncilRequest:
    found = work.requests.find(territory, number)
    if found is None:
        raise UnknownRequest(f"There is no request {territory}-{number}. Look it up in the list of requests.")
    return found


def _require(actor: Actor, permission: Permission, found: CouncilRequest) -> Role:
    return access.require(actor, permission, region_id=found.region_id, ownership=ownership_of(found))


def _require_any_role(actor: Actor, region_id: str) -> None:
    if not actor.roles_in(region_id):
        # Reading is for people who have something to do here; everybody else has the public pages.
        access.require(actor, Permission.READ_CASEWORK, region_id=region_id)


def merge_fault(later: CouncilRequest, earlier: CouncilRequest | None) -> str | None:
    """Why a request cannot be merged into another one (the end of ``council.fault.*``); None where it can."""
    if earlier is None or earlier.number >= later.number:
        return "unknown_request"
    if not earlier.is_open:
        return "closed_request"
    if earlier.kind is not later.kind and RequestKind.OTHER not in (earlier.kind, later.kind):
        return "request_of_other_kind"
    centres = (hexgrid.centre(one.place.cell_id) for one in (later, earlier))
    return "request_far_away" if hexgrid.distance_m(*centres) > MERGE_WITHIN_M else None


def _require_earlier(work: UnitOfWork, moved: CouncilRequest) -> None:
    """A request is merged into an earlier, open one of its kind and neighbourhood."""
    fault = merge_fault(moved, work.requests.find(moved.territory, moved.merged_into or 0))
    if fault is not None:
        raise UnfitFields((FieldFault(field=NEEDS[Action.MERGE][0].name, fault=fault),))


def _asked_before(work: UnitOfWork, filed: CouncilRequest) -> CouncilRequest | None:
    """The open request in which the same person asked for the same thing in the same words at the same place."""
    return next(
        (
            other
            for other in work.requests.of_territory(filed.territory, states=rules.OPEN_STATES)
            if _wish_of(other) == _wish_of(filed)
        ),
        None,
    )


def _wish_of(filed: CouncilRequest) -> tuple[object, ...]:
    return filed.requester, filed.entered_by, filed.place.cell_id, filed.kind, filed.grounds


def _has_disputed(actor: Actor, found: CouncilRequest) -> bool:
    """Whether the actor has said already that what was last reported as done is not."""
    for step in reversed(found.steps):
        if step.action is Action.COMPLETE:
            return False
        if step.action is Action.DISPUTE and step.account_id == actor.account_id:
            return True
    return False


def _is_waiting_for(actor: Actor, found: CouncilRequest) -> bool:
    """Whether the next step is the actor's: undoing and withdrawing are possible, but nobody waits for them."""
    return any(action not in rules.SELDOM for action in allowed_actions(actor, found))


def _record(work: UnitOfWork, actor: Actor, action: str, found: CouncilRequest, *, role: Role, at: datetime) -> None:
    audit.record(
        work,
        account_id=actor.account_id,
        action=str(action),
        subject=f"request {found.territory}-{found.number}",
        details={"role": str(role), "state": str(found.state), "version": found.version},
        at=at,
    )
