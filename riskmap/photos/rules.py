"""Rules of photos: what they belong to, who looks first, and why one is not shown. Pure: no clock, no file.

A photo is staff's alone until the secretary has looked at it. It is shown only with a request; one of a mark waits
until its mark is in one.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum

from riskmap.council import texts
from riskmap.council.request import MOST_SIGNS, FieldKind
from riskmap.errors import FieldFault, StepNotPossible, UnfitFields

FEWEST_SIGNS_OF_CAPTION = 5


class Of(StrEnum):
    """What a photo was sent with."""

    MARK = "mark"
    REQUEST = "request"
    DISPUTE = "dispute"


class State(StrEnum):
    """Where a photo stands."""

    WAITING = "waiting"
    SHOWN = "shown"
    REJECTED = "rejected"


class Reason(StrEnum):
    """Why a photo is not shown; a closed list, which whoever sent it reads."""

    FACES = "faces"
    PLATES = "plates"
    FLATS = "flats"
    NOT_THE_PLACE = "not_the_place"
    UNCLEAR = "unclear"
    MARK_REFUSED = "mark_refused"


MOST: Mapping[Of, int] = {Of.MARK: 1, Of.REQUEST: 3, Of.DISPUTE: 1}
"""How many photos come with one form."""
OFFERED = tuple(reason for reason in Reason if reason is not Reason.MARK_REFUSED)
"""Reasons to choose from; the last one comes with the refusal of a mark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """What the secretary found; ``caption`` is what those read who cannot see the picture, empty where it is rejected.

    ``account_id`` and ``role`` are for staff alone.
    """

    state: State
    on: date
    account_id: str
    role: str
    caption: str = ""
    reason: Reason | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Photo:
    """One photo. ``sha256`` names its file; None once the file is removed.

    ``mark_number`` is of the mark it came with, ``request_number`` of the request it belongs to, if there is one.
    """

    territory: str
    number: int
    region_id: str
    area_id: str
    of: Of
    mark_number: int | None = None
    request_number: int | None = None
    sha256: str | None
    width: int
    height: int
    sent_on: date
    is_simulated: bool
    check: Check | None = None

    @property
    def state(self) -> State:
        return self.check.state if self.check else State.WAITING


def shown(photo: Photo, caption: str, *, is_clear: bool, account_id: str, role: str, on: date) -> Photo:
    """The photo once the secretary has confirmed that it shows nobody.

    Raises
    ------
    UnfitFields
        If that is not confirmed, or the caption is too short or too long, or could point at a person.
    StepNotPossible
        If it was rejected.
    """
    if photo.sha256 is None:
        raise StepNotPossible(
            f"Photo {photo.territory}-{photo.number} was rejected and its file is removed. Ask for another one.",
            state=photo.state,
        )
    cleaned, most = texts.clean(caption, is_line=True), MOST_SIGNS[FieldKind.LINE]
    faults = [] if is_clear else [FieldFault(field="is_clear", fault="photo_not_confirmed")]
    if len(cleaned) < FEWEST_SIGNS_OF_CAPTION:
        too_short = FieldFault(field="caption", fault="too_short", limit=FEWEST_SIGNS_OF_CAPTION, found=len(cleaned))
        faults.append(too_short if cleaned else FieldFault(field="caption", fault="missing"))
    elif len(cleaned) > most:
        faults.append(FieldFault(field="caption", fault="too_long", limit=most, found=len(cleaned)))
    faults += [FieldFault(field="caption", fault=f"holds_{found}") for found in texts.personal_details(cleaned)]
    if faults:
        raise UnfitFields(tuple(faults))
    check = Check(state=State.SHOWN, on=on, account_id=account_id, role=role, caption=cleaned)
    return replace(photo, check=check)


def is_over(photo: Photo, *, before: date, marked_before: date, open_requests: Container[int]) -> bool:
    """Whether the term of a photo is over.

    One that waits or was rejected has a term from the day it was sent, as has one of a closed request; one of a mark
    that is in no request goes with the marks, if their term is shorter. One shown with an open request stays.
    """
    if photo.request_number is None:
        return photo.sent_on < max(before, marked_before)
    is_needed = photo.state is State.SHOWN and photo.request_number in open_requests
    return photo.sent_on < before and not is_needed


def rejected(photo: Photo, reason: str, *, account_id: str, role: str, on: date) -> Photo:
    """The photo without its file, with the reason; one that was shown can be taken back so.

    Raises
    ------
    UnfitFields
        If the reason is none of ours.
    """
    if reason not in OFFERED:
        raise UnfitFields((FieldFault(field="reason_photo", fault="missing"),))
    check = Check(state=State.REJECTED, on=on, account_id=account_id, role=role, reason=Reason(reason))
    return replace(photo, sha256=None, check=check)
