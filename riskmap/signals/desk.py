"""Use cases of marks: make or support one without an account, look it up, and deal with those that wait.

Making a mark writes no line of the audit log, for the log keeps moments and has no term; what the council does with
marks writes one. The public journal tells only quarters that are over, so it changes with the first mark of a new one.
"""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from geodata import hexgrid
from riskmap.council import journal_desk
from riskmap.council import request as request_rules
from riskmap.council.casework import NEARBY_M
from riskmap.council.request import Action, CouncilRequest, Filing, Place, civil_day
from riskmap.errors import (
    CannotWrite,
    ChangedMeanwhile,
    FieldFault,
    StepNotPossible,
    UnfitFields,
    UnknownRequest,
    UnknownSignal,
)
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Permission, Role
from riskmap.photos import sending
from riskmap.photos.rules import Of, Photo
from riskmap.photos.sending import Sent
from riskmap.ports import Store, UnitOfWork
from riskmap.signals import receipt as receipts
from riskmap.signals import rules
from riskmap.signals.limits import Gate
from riskmap.signals.rules import Category, Heap, MarkedPlace, Refusal, Settlement, Signal, State

logger = logging.getLogger(__name__)

TOLD_STEP = rules.FEWEST_TOLD
"""Supports nearby are told in steps of this, so that one more of them cannot be seen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalOffice:
    """Where marks are kept and published; ``secret`` is the installation's key, ``gate`` the memory of its limits."""

    store: Store
    journals: Path
    secret: bytes = field(repr=False)
    gate: Gate


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """What whoever marked takes home: the mark, and the receipt that nobody else knows."""

    signal: Signal
    receipt: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Similar:
    """Marks of the same category near a place: at least so many, and how far away, in metres."""

    place_id: str
    at_least: int
    distance_m: int


def mark(
    office: SignalOffice,
    place: MarkedPlace,
    category: Category,
    answers: Mapping[str, str],
    *,
    key: str,
    address: str | None,
    at: datetime,
    photos: Sequence[bytes] = (),
) -> Marked:
    """Keep a mark, or a support where ``answers`` is empty. Anybody may; the same ``key`` again changes nothing.

    Raises
    ------
    TooManyAsks
        As in `limits.Gate.weigh` and `limits.Gate.unpack`.
    UnfitFields
        If a photo is none.
    """
    receipt = receipts.of_form(office.secret, key)
    kept = receipts.kept_hash(office.secret, receipt)
    day, about = civil_day(at), f"{place.territory} {category} {place.place_id}"
    is_new_quarter = False
    if photos:
        # Whoever has marked too often gets no picture decoded either.
        office.gate.weigh(place.territory, address, about, at=at)
        office.gate.unpack(address, at=at)
    pictures = sending.cleaned(photos, Of.MARK)
    with office.store.work() as work:
        found = work.signals.by_receipt(kept)
        if found is None:
            found = Signal(
                place=place,
                number=work.signals.next_number(place.territory),
                category=category,
                answers=dict(answers),
                marked_on=day,
                is_counted=office.gate.weigh(place.territory, address, about, at=at),
                receipt_hash=kept,
            )
            last_day = work.signals.last_day(place.territory)
            is_new_quarter = last_day is None or last_day < rules.quarter_begins(day)
            work.signals.add(found)
            with sending.along(office.store, work, pictures, _sent(found), on=day):
                work.commit()
            office.gate.note(place.territory, address, about, at=at)
    if is_new_quarter:
        publish(office, place.territory, at=at)
    return Marked(signal=found, receipt=receipt)


def look_up(office: SignalOffice, typed: str, *, address: str | None, at: datetime) -> Signal:
    """The mark that a receipt was given for.

    Raises
    ------
    UnknownSignal
        If there is none.
    TooManyAsks
        If too many receipts were tried from the address.
    """
    digits = receipts.read(typed)
    if digits is not None:
        office.gate.look_up(address, at=at)
        with office.store.look() as look:
            found = look.signals.by_receipt(receipts.kept_hash(office.secret, digits))
        if found is not None:
            return found
    raise UnknownSignal(f"No mark has this receipt; expected the {receipts.DIGITS} digits given when it was made.")


def similar(office: SignalOffice, place: MarkedPlace, category: Category) -> list[Similar]:
    """Marks of a category near a cell that one can support instead, nearest first.

    Told are only heaps of at least `rules.FEWEST_TOLD`, in steps; none of categories that point at neighbours.
    """
    if category in rules.POINTS_AT_NEIGHBOURS or not place.is_cell:
        return []
    with office.store.look() as look:
        found = rules.heaps(one for one in look.signals.waiting(place.territory) if one.category is category)
    here, near = hexgrid.centre(place.place_id), []
    for heap in found:
        if not heap.place.is_cell or heap.counted < rules.FEWEST_TOLD:
            continue
        distance_m = hexgrid.distance_m(here, hexgrid.centre(heap.place.place_id))
        if distance_m <= NEARBY_M:
            told = heap.counted // TOLD_STEP * TOLD_STEP
            near.append(Similar(place_id=heap.place.place_id, at_least=told, distance_m=round(distance_m / 10) * 10))
    return sorted(near, key=lambda one: (one.distance_m, one.place_id))


def queue(office: SignalOffice, actor: Actor, territory: str) -> list[Heap]:
    """Heaps of waiting marks at the actor's places: what weighs most first.

    Raises
    ------
    NotAllowed
        If the actor reads marks nowhere in the territory.
    """
    regions = {grant.region_id for grant in actor.grants if access.territory_of(grant.region_id) == territory}
    if not any(may_read(actor, region) for region in regions):
        access.require(actor, Permission.READ_SIGNALS, region_id=territory)
    with office.store.look() as look:
        found = look.signals.waiting(territory)
    return rules.heaps(one for one in found if may_read(actor, one.place.region_id))


def view(office: SignalOffice, actor: Actor, place: MarkedPlace, category: Category) -> Heap:
    """One heap.

    Raises
    ------
    NotAllowed
    UnknownSignal
        If nothing of the category waits at the place.
    """
    access.require(actor, Permission.READ_SIGNALS, region_id=place.region_id)
    with office.store.look() as look:
        return _heap(look, place, category)


def into_request(
    office: SignalOffice,
    actor: Actor,
    filing: Filing,
    place: Place,
    category: Category,
    *,
    up_to: int,
    key: str,
    at: datetime,
) -> CouncilRequest:
    """Make one request of the waiting marks of a category and cell, as far as they were read. The link is kept.

    Request, links and their lines of the log are one transaction. The same ``key`` from the same account again changes
    nothing.

    Raises
    ------
    NotAllowed, UnfitFields
    ChangedMeanwhile
        If somebody else has dealt with them.
    """
    access.require(actor, Permission.SORT_SIGNALS, region_id=place.region_id)
    role = access.require(actor, Permission.FILE_FOR_SOMEONE, region_id=place.region_id)
    with office.store.work() as work:
        filed = work.requests.by_key(actor.account_id, key)
        if filed is None:
            heaped = _waiting_up_to(work, place.territory, category, place.cell_id, up_to)
            first = heaped[0]
            filed = request_rules.submit(
                filing,
                place,
                number=work.requests.next_number(place.territory),
                requester=None,
                entered_by=actor.account_id,
                role=role,
                at=at,
                key=key,
                is_simulated=first.place.is_simulated,
                told={request_rules.MARKS: str(len(heaped))},
            )
            work.requests.add(filed)
            details = {"role": str(role), "state": str(filed.state), "version": filed.version}
            subject = f"request {filed.territory}-{filed.number}"
            audit.record(
                work, account_id=actor.account_id, action=Action.SUBMIT, subject=subject, details=details, at=at
            )
            _settle_with(work, actor, role, first.place, category, up_to=up_to, at=at, request_number=filed.number)
            numbers = [one.number for one in heaped]
            sending.follow_marks(work, place.territory, numbers, request_number=filed.number)
            work.commit()
    publish(office, place.territory, at=at)
    return filed


def add_to_request(
    office: SignalOffice, actor: Actor, place: MarkedPlace, category: Category, *, number: int, up_to: int, at: datetime
) -> int:
    """Add the waiting marks of a category and place to an open request of the same territory; returns how many.

    Raises
    ------
    NotAllowed, ChangedMeanwhile
    UnknownRequest, StepNotPossible
        If there is no such request, or it is closed.
    """
    role = access.require(actor, Permission.SORT_SIGNALS, region_id=place.region_id)
    with office.store.work() as work:
        found = work.requests.find(place.territory, number)
        if found is None:
            raise UnknownRequest(f"There is no request {place.territory}-{number}. Look it up in the list of requests.")
        access.require(actor, Permission.SORT_SIGNALS, region_id=found.region_id)
        if not found.is_open:
            raise StepNotPossible(f"Request {place.territory}-{number} is closed; name an open one.", state=found.state)
        heaped = _waiting_up_to(work, place.territory, category, place.place_id, up_to)
        settled = _settle_with(work, actor, role, place, category, up_to=up_to, at=at, request_number=number)
        sending.follow_marks(work, place.territory, [one.number for one in heaped], request_number=number)
        work.commit()
    publish(office, place.territory, at=at)
    return settled


def refuse(
    office: SignalOffice, actor: Actor, place: MarkedPlace, category: Category, reason: str, *, up_to: int, at: datetime
) -> int:
    """Refuse the waiting marks of a category and place with a reason; returns how many.

    Raises
    ------
    NotAllowed, ChangedMeanwhile
    UnfitFields
        If the reason is none of ours.
    """
    role = access.require(actor, Permission.SORT_SIGNALS, region_id=place.region_id)
    if reason not in set(Refusal):
        raise UnfitFields((FieldFault(field="refusal", fault="missing"),))
    with office.store.work() as work:
        heaped = _waiting_up_to(work, place.territory, category, place.place_id, up_to)
        settled = _settle_with(work, actor, role, place, category, up_to=up_to, at=at, refusal=Refusal(reason))
        sending.refuse_marks(
            work,
            place.territory,
            [one.number for one in heaped],
            account_id=actor.account_id,
            role=str(role),
            on=civil_day(at),
        )
        work.commit()
    sending.sweep(office.store, place.territory)
    return settled


def behind(office: SignalOffice, actor: Actor, found: CouncilRequest) -> int:
    """How many marks became a request, for whoever may read marks there; 0 for others."""
    if not may_read(actor, found.region_id):
        return 0
    with office.store.look() as look:
        return look.signals.of_requests(found.territory).get(found.number, 0)


def may_read(actor: Actor, region_id: str) -> bool:
    """Whether the actor may read marks of a region."""
    return access.allowed_role(actor, Permission.READ_SIGNALS, region_id=region_id) is not None


def may_sort(actor: Actor, region_id: str) -> bool:
    """Whether the actor may deal with marks of a region."""
    return access.allowed_role(actor, Permission.SORT_SIGNALS, region_id=region_id) is not None


def publish(office: SignalOffice, territory: str, *, at: datetime) -> None:
    """Bring the public journal up to date; what hinders it is logged, for the change itself is safe already."""
    try:
        journal_desk.publish(office.store, office.journals, territory, at=at)
    except CannotWrite:
        logger.exception("The journal of %s could not be written; run: python -m riskmap journal", territory)


def _sent(found: Signal) -> Sent:
    place = found.place
    return Sent(
        of=Of.MARK,
        territory=place.territory,
        region_id=place.region_id,
        area_id=place.area_id,
        is_simulated=place.is_simulated,
        mark_number=found.number,
    )


def photos_of(office: SignalOffice, territory: str, marks: Iterable[int]) -> list[Photo]:
    """What is known of photos of marks, for whoever holds a receipt or reads the marks; no picture."""
    with office.store.look() as look:
        return [one for number in marks for one in look.photos.of_mark(territory, number)]


def _heap(work: UnitOfWork, place: MarkedPlace, category: Category) -> Heap:
    of_place = [
        one
        for one in work.signals.waiting(place.territory)
        if (one.category, one.place.place_id) == (category, place.place_id)
    ]
    if not of_place:
        raise UnknownSignal(f"No mark of {category} waits at {place.place_id}. Look in the list of marks.")
    return rules.heaps(of_place)[0]


def _waiting_up_to(work: UnitOfWork, territory: str, category: Category, place_id: str, up_to: int) -> list[Signal]:
    found = [
        one
        for one in work.signals.waiting(territory)
        if (one.category, one.place.place_id) == (category, place_id) and one.number <= up_to
    ]
    if not found:
        raise ChangedMeanwhile(f"The marks of {category} at {place_id} are dealt with. Read the list again.")
    return found


def _settle_with(
    work: UnitOfWork,
    actor: Actor,
    role: Role,
    place: MarkedPlace,
    category: Category,
    *,
    up_to: int,
    at: datetime,
    request_number: int | None = None,
    refusal: Refusal | None = None,
) -> int:
    settlement = Settlement(
        state=State.REFUSED if refusal else State.IN_REQUEST,
        on=civil_day(at),
        account_id=actor.account_id,
        role=str(role),
        request_number=request_number,
        refusal=refusal,
    )
    settled = work.signals.settle(place.territory, category, place.place_id, up_to=up_to, settlement=settlement)
    told = {"request": request_number} if refusal is None else {"refusal": str(refusal)}
    audit.record(
        work,
        account_id=actor.account_id,
        action="marks_refused" if refusal else "marks_in_request",
        subject=f"marks {place.territory} {category} {place.place_id}"[:120],
        details={"role": str(role), "marks": settled, **told},
        at=at,
    )
    return settled
