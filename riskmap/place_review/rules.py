"""Rules of a review of a place: who may doubt what, by when it is answered, what an answer holds. Pure: no clock.

Whoever asks is not asked who they are. One review of a place is open at a time; whoever doubts the same place joins
it as another voice. Its version is the number of its voices and of its answer, so whoever answers has read them all.
"""

import hashlib
import hmac
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from enum import StrEnum

from geodata import working_days
from riskmap.council import texts
from riskmap.council.request import FEWEST_SIGNS_OF_GROUNDS, MOST_SIGNS, FieldKind, civil_day
from riskmap.errors import ChangedMeanwhile, FieldFault, StepNotPossible, UnfitFields

ANSWER_WITHIN_DAYS = 15
"""Working days from the first ask to the answer."""
MOST_SIGNS_OF_TEXT = 600
RECEIPT_DIGITS = 16
PER_PLACE, PER_TERRITORY = 10, 60
"""Voices taken in within `WINDOW`; no address of anybody is needed to count them."""
WINDOW = timedelta(hours=1)
REASONS = ("reason_kk", "reason_ru")


class Doubt(StrEnum):
    """What somebody holds to be wrong about a place; staff alone read it."""

    NUMBER = "number"
    PLACE = "place"
    PERSON = "person"
    OUTLINE = "outline"
    OTHER = "other"


class Outcome(StrEnum):
    """What became of a review."""

    STANDS = "stands"
    CORRECTED_YEARLY = "corrected_yearly"
    WITHDRAWN = "withdrawn"
    COARSER = "coarser"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedPlace:
    """A published cell or area, and the release it was doubted in. ``region_id`` is where roles are held."""

    territory: str
    region_id: str
    area_id: str
    place_id: str
    release_id: str
    is_simulated: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Voice:
    """One ask. ``text`` is for staff; of the receipt only a keyed hash is kept."""

    doubt: Doubt
    text: str
    at: datetime
    receipt_hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the public reads, and who gave it: of ``account_id`` and ``key`` only the audit log and staff know."""

    outcome: Outcome
    reason_kk: str
    reason_ru: str
    role: str
    account_id: str
    at: datetime
    key: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PlaceReview:
    """A review of a place with everybody who asked for it."""

    place: ReviewedPlace
    number: int
    due_on: date
    voices: tuple[Voice, ...]
    answer: Answer | None = None

    @property
    def territory(self) -> str:
        return self.place.territory

    @property
    def version(self) -> int:
        return len(self.voices) + (self.answer is not None)

    @property
    def is_open(self) -> bool:
        return self.answer is None

    @property
    def asked_on(self) -> date:
        return civil_day(self.voices[0].at)

    @property
    def changed_on(self) -> date:
        """The last day on which something public changed: a voice that joins is nothing public."""
        return civil_day(self.answer.at) if self.answer else self.asked_on

    @property
    def is_about_a_person(self) -> bool:
        """Whether somebody fears that the place points at a person; these come first."""
        return any(voice.doubt is Doubt.PERSON for voice in self.voices)


def voice(doubt: str, text: str, *, at: datetime, receipt_hash: str) -> Voice:
    """A checked ask.

    Raises
    ------
    UnfitFields
        If nothing of the list was chosen, the text is too long, holds personal details, or is missing where the doubt
        is none of those named.
    """
    faults, cleaned = [], texts.clean(text)
    if doubt not in set(Doubt):
        faults.append(FieldFault(field="doubt", fault="missing"))
    if doubt == Doubt.OTHER and not cleaned:
        faults.append(FieldFault(field="doubt_text", fault="missing"))
    if len(cleaned) > MOST_SIGNS_OF_TEXT:
        too_long = FieldFault(field="doubt_text", fault="too_long", limit=MOST_SIGNS_OF_TEXT, found=len(cleaned))
        faults.append(too_long)
    if texts.personal_details(cleaned):
        faults.append(FieldFault(field="doubt_text", fault="points_at_person"))
    if faults:
        raise UnfitFields(tuple(faults))
    return Voice(doubt=Doubt(doubt), text=cleaned, at=at, receipt_hash=receipt_hash)


def begin(place: ReviewedPlace, first: Voice, *, number: int) -> PlaceReview:
    """A review that has just been asked for, with the day by which it is answered."""
    due_on = working_days.add(civil_day(first.at), ANSWER_WITHIN_DAYS)
    return PlaceReview(place=place, number=number, due_on=due_on, voices=(first,))


def join(review: PlaceReview, another: Voice) -> PlaceReview:
    """The review with one more voice; its day of answer stays."""
    return replace(review, voices=(*review.voices, another))


def close(
    review: PlaceReview,
    outcome: str,
    reasons: dict[str, str],
    *,
    role: str,
    account_id: str,
    version: int,
    at: datetime,
    key: str,
) -> PlaceReview:
    """The answered review. ``reasons`` are the public ones by the names of `REASONS`.

    Raises
    ------
    StepNotPossible
        If it was answered before.
    ChangedMeanwhile
        If somebody joined it since it was read at ``version``.
    UnfitFields
        If the outcome is none of ours, or a reason is missing, too short, too long or could point at a person.
    """
    name = f"Review {review.territory}-{review.number}"
    if review.answer is not None:
        raise StepNotPossible(f"{name} is answered; ask for a new one to change what it says.", state="answered")
    if review.version != version:
        raise ChangedMeanwhile(
            f"{name} has {review.version} voices; it was read when it had {version}. Read the new ones, then answer."
        )
    cleaned = {reason: texts.clean(reasons.get(reason, "")) for reason in REASONS}
    faults = [fault for reason, text in cleaned.items() for fault in _reason_faults(reason, text)]
    if outcome not in set(Outcome):
        faults.insert(0, FieldFault(field="outcome", fault="missing"))
    if faults:
        raise UnfitFields(tuple(faults))
    answer = Answer(outcome=Outcome(outcome), role=role, account_id=account_id, at=at, key=key, **cleaned)
    return replace(review, answer=answer)


def receipt_of(secret: bytes, key: str) -> str:
    """The receipt of a form by its idempotency key: 16 digits, the same for a form sent twice."""
    digest = hmac.new(secret, f"review receipt:{key}".encode(), hashlib.sha256).digest()
    return f"{int.from_bytes(digest) % 10**RECEIPT_DIGITS:0{RECEIPT_DIGITS}d}"


def receipt_hash(secret: bytes, receipt: str) -> str:
    """What is kept of a receipt: without the installation's key nobody can try numbers against it."""
    return hmac.new(secret, f"kept receipt:{receipt}".encode(), hashlib.sha256).hexdigest()


def _reason_faults(name: str, text: str) -> list[FieldFault]:
    if not text:
        return [FieldFault(field=name, fault="missing")]
    fewest, most = FEWEST_SIGNS_OF_GROUNDS, MOST_SIGNS[FieldKind.TEXT]
    if len(text) < fewest:
        return [FieldFault(field=name, fault="too_short", limit=fewest, found=len(text))]
    if len(text) > most:
        return [FieldFault(field=name, fault="too_long", limit=most, found=len(text))]
    return [FieldFault(field=name, fault=f"holds_{found}") for found in texts.personal_details(text)]
