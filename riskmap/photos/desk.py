"""Use cases of photos: the secretary looks at what was sent, confirms that it shows nobody, or rejects it.

Each look at a picture that is not public writes a line of the audit log; so does each decision.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from riskmap.council import journal_desk
from riskmap.council.request import civil_day
from riskmap.errors import CannotWrite, UnknownPhoto
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Permission, Role
from riskmap.photos import rules, sending
from riskmap.photos.rules import Photo, State
from riskmap.ports import Store, UnitOfWork

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class PhotoOffice:
    """Where photos are kept, and the folder the public ones are published in."""

    store: Store
    journals: Path


def queue(office: PhotoOffice, actor: Actor, territory: str) -> list[Photo]:
    """Photos at the actor's places: first those that wait, oldest first; then those shown, newest first.

    Raises
    ------
    NotAllowed
        If the actor checks photos nowhere in the territory.
    """
    regions = {grant.region_id for grant in actor.grants if access.territory_of(grant.region_id) == territory}
    if not any(may_check(actor, region) for region in regions):
        access.require(actor, Permission.CHECK_PHOTOS, region_id=territory)
    with office.store.look() as look:
        found = [one for one in look.photos.of_territory(territory) if may_check(actor, one.region_id)]
    waiting = [one for one in found if one.state is State.WAITING]
    shown = [one for one in reversed(found) if one.state is State.SHOWN]
    return waiting + shown


def view(office: PhotoOffice, actor: Actor, territory: str, number: int) -> Photo:
    """One photo, without its picture.

    Raises
    ------
    NotAllowed, UnknownPhoto
    """
    with office.store.look() as look:
        found = _found(look, territory, number)
    access.require(actor, Permission.CHECK_PHOTOS, region_id=found.region_id)
    return found


def picture(office: PhotoOffice, actor: Actor, territory: str, number: int, *, at: datetime) -> bytes:
    """The picture, for the one who checks it; the look is kept in the audit log.

    Raises
    ------
    NotAllowed
    UnknownPhoto
        Also if its file is removed.
    DamagedStore
        If the file is missing or changed.
    """
    with office.store.work() as work:
        found = _found(work, territory, number)
        role = access.require(actor, Permission.CHECK_PHOTOS, region_id=found.region_id)
        if found.sha256 is None:
            raise UnknownPhoto(f"The file of photo {territory}-{number} is removed. Look in the list of photos.")
        content = office.store.photo_files.read(territory, found.sha256)
        _record(work, actor, "photo_seen", found, role=role, at=at)
        work.commit()
    return content


def show(
    office: PhotoOffice, actor: Actor, territory: str, number: int, caption: str, *, is_clear: bool, at: datetime
) -> Photo:
    """Confirm that a photo shows no faces, number plates or flats, and let it be public with its request.

    Raises
    ------
    NotAllowed, UnknownPhoto, UnfitFields, StepNotPossible
    """

    def decide(found: Photo, role: Role) -> Photo:
        return rules.shown(
            found, caption, is_clear=is_clear, account_id=actor.account_id, role=str(role), on=civil_day(at)
        )

    return _decide(office, actor, territory, number, decide, action="photo_shown", at=at)


def reject(office: PhotoOffice, actor: Actor, territory: str, number: int, reason: str, *, at: datetime) -> Photo:
    """Reject a photo with a reason, also one that is public already. Its file is removed.

    Raises
    ------
    NotAllowed, UnknownPhoto, UnfitFields
    """

    def decide(found: Photo, role: Role) -> Photo:
        return rules.rejected(found, reason, account_id=actor.account_id, role=str(role), on=civil_day(at))

    return _decide(office, actor, territory, number, decide, action="photo_rejected", at=at)


def of_request(office: PhotoOffice, territory: str, number: int) -> list[Photo]:
    """What is known of a request's photos, for pages whose reader may see the request in full; no picture."""
    with office.store.look() as look:
        return [one for one in look.photos.of_territory(territory) if one.request_number == number]


def may_check(actor: Actor, region_id: str) -> bool:
    """Whether the actor may check photos of a region."""
    return access.allowed_role(actor, Permission.CHECK_PHOTOS, region_id=region_id) is not None


def _decide(
    office: PhotoOffice,
    actor: Actor,
    territory: str,
    number: int,
    decide: Callable[[Photo, Role], Photo],
    *,
    action: str,
    at: datetime,
) -> Photo:
    with office.store.work() as work:
        found = _found(work, territory, number)
        role = access.require(actor, Permission.CHECK_PHOTOS, region_id=found.region_id)
        decided = decide(found, role)
        if found.state is decided.state and (found.state is State.REJECTED or found == decided):
            return found  # pressed twice
        work.photos.save(decided)
        _record(work, actor, action, decided, role=role, at=at)
        work.commit()
    if decided.sha256 is None and found.sha256 is not None:
        sending.sweep(office.store, territory)
    try:
        journal_desk.publish(office.store, office.journals, territory, at=at)
    except CannotWrite:
        logger.exception("The journal of %s could not be written; run: python -m riskmap journal", territory)
    return decided


def _found(work: UnitOfWork, territory: str, number: int) -> Photo:
    found = work.photos.find(territory, number)
    if found is None:
        raise UnknownPhoto(f"There is no photo {territory}-{number}. Look in the list of photos.")
    return found


def _record(work: UnitOfWork, actor: Actor, action: str, found: Photo, *, role: Role, at: datetime) -> None:
    details = {"role": str(role), "state": str(found.state)}
    if found.check is not None and found.check.reason is not None:
        details["reason"] = str(found.check.reason)
    audit.record(
        work,
        account_id=actor.account_id,
        action=action,
        subject=f"photo {found.territory}-{found.number}",
        details=details,
        at=at,
    )
