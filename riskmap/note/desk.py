"""Use case of the council: write the analytic note from the screen, by the same code as the command ``note``."""

from datetime import datetime
from pathlib import Path

from riskmap.council.casework import Office
from riskmap.council.request import civil_day
from riskmap.errors import InvalidNote
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Permission
from riskmap.note import span, writing
from riskmap.public import area_facts, shelf
from riskmap.public.area_facts import AREA, Book, Place
from riskmap.wording import Wording

FORMS = tuple(suffix.removeprefix(".") for suffix in writing.WRITERS)


def may_write(actor: Actor, territory: str) -> bool:
    """Whether the actor may write notes of a territory."""
    return access.allowed_role(actor, Permission.WRITE_NOTE, region_id=territory) is not None


def choices(releases: Path, actor: Actor, territory: str) -> tuple[Book, list[Place], list[str]]:
    """Places a note can be about, the whole first, and periods the release tells something of, newest first.

    Raises
    ------
    NotAllowed, NoRelease
    """
    access.require(actor, Permission.WRITE_NOTE, region_id=territory)
    book = area_facts.book(shelf.latest(releases, territory))
    places = sorted((one for one in book.places.values() if one.level != AREA), key=_whole_first)
    periods: dict[str, None] = {}
    for quarter in reversed(book.quarters):
        year, number = quarter.split("-Q")
        periods |= {year: None, f"{year}-H{1 if int(number) < 3 else 2}": None}
    return book, places, list(periods)


def write(
    office: Office,
    releases: Path,
    actor: Actor,
    territory: str,
    words: Wording,
    *,
    place_id: str,
    period: str,
    form: str,
    at: datetime,
) -> bytes:
    """The note as the bytes of a file; each one is a line of the audit log.

    Raises
    ------
    NotAllowed, NoRelease, DamagedRelease
    InvalidNote, NothingToTell
        If place, period or form cannot be used, or nothing is told of the period.
    """
    role = access.require(actor, Permission.WRITE_NOTE, region_id=territory)
    book = area_facts.book(shelf.latest(releases, territory))
    place = book.places.get(place_id)
    if place is None or place.level == AREA or form not in FORMS:
        raise InvalidNote(
            f"Place {place_id[:40]!r} or form {form[:10]!r} is not known; expected {territory} or a district of it and "
            f"one of {', '.join(FORMS)}. Choose them on the page."
        )
    asked = span.parse(period, today=civil_day(at))
    document = writing.describe(book, place, asked, words, journals=office.journals)
    made = writing.WRITERS[f".{form}"](document)
    with office.store.work() as work:
        audit.record(
            work,
            account_id=actor.account_id,
            action="write_note",
            subject=f"territory {territory}",
            details={
                "role": str(role),
                "place": place_id,
                "period": period.strip().upper(),
                "form": form,
                "language": words.language,
                "release": book.release.release_id,
            },
            at=at,
        )
        work.commit()
    return made


def _whole_first(place: Place) -> tuple[bool, str]:
    return place.level != "territory", place.place_id
