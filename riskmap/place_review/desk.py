"""Use cases of reviews of places: ask without an account, look an answer up, read and answer as the named role.

Each change is one transaction that also writes the audit log; the public journal is written afterwards, as for the
council's requests.
"""

import logging
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from riskmap.council import journal_desk
from riskmap.errors import CannotWrite, TooManyAsks, UnknownReview
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Permission
from riskmap.place_review import rules
from riskmap.place_review.rules import PlaceReview, ReviewedPlace
from riskmap.ports import Store, UnitOfWork

logger = logging.getLogger(__name__)

ANSWER = Permission.ANSWER_REVIEWS
RECEIPT = re.compile(rf"[0-9]{{{rules.RECEIPT_DIGITS}}}")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewOffice:
    """Where reviews are kept and published; ``secret`` is the installation's key."""

    store: Store
    journals: Path
    secret: bytes = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What whoever asked takes home: the review, and the receipt that nobody else knows."""

    review: PlaceReview
    receipt: str


def ask(office: ReviewOffice, place: ReviewedPlace, doubt: str, text: str, *, key: str, at: datetime) -> Asked:
    """Ask for a review of a place, or join the one that is open. Anybody may; the same ``key`` again changes nothing.

    Raises
    ------
    UnfitFields
        As in `rules.voice`.
    TooManyAsks
        If the place, or the territory, was doubted too often within the last hour.
    """
    receipt = rules.receipt_of(office.secret, key)
    kept = rules.receipt_hash(office.secret, receipt)
    with office.store.work() as work:
        found = work.reviews.by_receipt(kept)
        if found is None:
            found = _heard(work, place, rules.voice(doubt, text, at=at, receipt_hash=kept), at=at)
            work.commit()
    # Also when it was asked before: whatever ended that attempt may have kept it from the journal.
    publish(office, place.territory, at=at)
    return Asked(review=found, receipt=receipt)


def look_up(office: ReviewOffice, territory: str, receipt: str) -> PlaceReview:
    """The review a receipt was given for; spaces between its digits do not matter.

    Raises
    ------
    UnknownReview
        If there is none of this territory.
    """
    digits = "".join(receipt.split())
    if RECEIPT.fullmatch(digits):
        with office.store.look() as look:
            found = look.reviews.by_receipt(rules.receipt_hash(office.secret, digits))
        if found is not None and found.territory == territory:
            return found
    raise UnknownReview("No review has this receipt; expected the 16 digits given when it was asked for.")


def to_answer(office: ReviewOffice, actor: Actor, territory: str) -> list[PlaceReview]:
    """Reviews of the actor's places: open ones first, of these the ones that may point at a person, then by due day.

    Raises
    ------
    NotAllowed
        If the actor answers for no place of the territory.
    """
    regions = {grant.region_id for grant in actor.grants if access.territory_of(grant.region_id) == territory}
    if not any(may_answer(actor, region) for region in regions):
        access.require(actor, ANSWER, region_id=territory)
    with office.store.look() as look:
        found = look.reviews.of_territory(territory)
    readable = [one for one in found if may_answer(actor, one.place.region_id)]
    readable.sort(key=lambda one: (one.changed_on, one.number), reverse=True)
    open_ones = sorted(
        (one for one in readable if one.is_open), key=lambda one: (not one.is_about_a_person, one.due_on, one.number)
    )
    return [*open_ones, *(one for one in readable if not one.is_open)]


def view(office: ReviewOffice, actor: Actor, territory: str, number: int) -> PlaceReview:
    """One review with everything that was said, for whoever may answer it.

    Raises
    ------
    UnknownReview, NotAllowed
    """
    with office.store.look() as look:
        found = _found(look, territory, number)
    access.require(actor, ANSWER, region_id=found.place.region_id)
    return found


def answer(
    office: ReviewOffice,
    actor: Actor,
    territory: str,
    number: int,
    *,
    outcome: str,
    reasons: Mapping[str, str],
    version: int,
    key: str,
    at: datetime,
) -> PlaceReview:
    """Answer a review that was read at ``version``; the same ``key`` from the same account again changes nothing.

    Raises
    ------
    UnknownReview, NotAllowed
    UnfitFields, ChangedMeanwhile, StepNotPossible
        As in `rules.close`.
    """
    with office.store.work() as work:
        found = _found(work, territory, number)
        role = access.require(actor, ANSWER, region_id=found.place.region_id)
        given = found.answer
        if given is None or (given.account_id, given.key) != (actor.account_id, key):
            found = rules.close(
                found,
                outcome,
                dict(reasons),
                role=role,
                account_id=actor.account_id,
                version=version,
                at=at,
                key=key,
            )
            work.reviews.save(found)
            details = {"role": str(role), "outcome": outcome, "voices": len(found.voices)}
            _record(work, found, actor.account_id, "review_answered", details, at=at)
            work.commit()
    publish(office, territory, at=at)
    return found


def may_answer(actor: Actor, region_id: str) -> bool:
    """Whether the actor may answer reviews of a region."""
    return access.allowed_role(actor, ANSWER, region_id=region_id) is not None


def publish(office: ReviewOffice, territory: str, *, at: datetime) -> None:
    """Bring the public journal up to date; what hinders it is logged, for the change itself is safe already."""
    try:
        journal_desk.publish(office.store, office.journals, territory, at=at)
    except CannotWrite:
        logger.exception("The journal of %s could not be written; run: python -m riskmap journal", territory)


def _heard(work: UnitOfWork, place: ReviewedPlace, said: rules.Voice, *, at: datetime) -> PlaceReview:
    since = at - rules.WINDOW
    here = work.reviews.voices_since(place.territory, since, place_id=place.place_id)
    if here >= rules.PER_PLACE or work.reviews.voices_since(place.territory, since) >= rules.PER_TERRITORY:
        raise TooManyAsks(
            f"{place.territory} has been asked about too often since {since.isoformat(timespec='minutes')}. "
            "Ask again in an hour."
        )
    before = work.reviews.open_at(place.territory, place.place_id)
    if before is None:
        found = rules.begin(place, said, number=work.reviews.next_number(place.territory))
        work.reviews.add(found)
    else:
        found = rules.join(before, said)
        work.reviews.save(found)
    action = "review_asked" if before is None else "review_joined"
    details = {"doubt": str(said.doubt), "voices": len(found.voices)}
    _record(work, found, audit.NOBODY, action, details, at=at)
    return found


def _found(work: UnitOfWork, territory: str, number: int) -> PlaceReview:
    found = work.reviews.find(territory, number)
    if found is None:
        raise UnknownReview(f"There is no review {territory}-{number}. Look it up in the list of reviews.")
    return found


def _record(
    work: UnitOfWork, review: PlaceReview, account_id: str, action: str, details: Mapping[str, object], *, at: datetime
) -> None:
    subject = f"review {review.territory}-{review.number}"
    audit.record(work, account_id=account_id, action=action, subject=subject, details=details, at=at)
