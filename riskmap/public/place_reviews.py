"""What the public sees of reviews of places: from the journal into words, for the map's panel and for pages."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

from geodata.errors import InvalidCell
from riskmap import journal as journals_on_disk
from riskmap.journal import PublicReview
from riskmap.public import explain, page
from riskmap.release import Release
from riskmap.wording import Wording

ASK = "/review-of-place"
REASON_LANGUAGES = {"kk": ("kk",), "ru": ("ru",), "en": ("kk", "ru")}
"""Reasons are given in the two languages of the state; who reads neither page sees both."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewWords:
    """A review as it is read. ``reasons`` are language and text; ``role`` is empty until it is answered."""

    place: str
    map_address: str
    sentence: str
    reasons: tuple[tuple[str, str], ...]
    role: str
    is_open: bool
    is_late: bool


def published(journals: Path, territory: str) -> tuple[PublicReview, ...]:
    """Reviews of a territory: open ones by the day they are due, then answered ones, the newest first.

    Raises
    ------
    DamagedRelease
        If the journal cannot be read.
    """
    found = journals_on_disk.latest(journals, territory)
    reviews = found.reviews if found else ()
    waiting = sorted((one for one in reviews if one.is_open), key=lambda one: (one.due_on, one.number))
    closed = sorted(
        (one for one in reviews if not one.is_open), key=lambda one: (one.answered_on, one.number), reverse=True
    )
    return (*waiting, *closed)


def of_place(release: Release, reviews: tuple[PublicReview, ...], place_id: str) -> PublicReview | None:
    """The open review of a place, or else the one answered last.

    A cell that is now shown at a coarser place is found there.
    """
    return next((one for one in reviews if _shown_at(release, one.place_id) == place_id), None)


def in_words(release: Release, review: PublicReview, words: Wording, *, today: date) -> ReviewWords:
    """A review for its readers, who are told when its answer is, or was, late."""
    told_by = review.answered_on or today
    is_late = told_by > review.due_on
    if review.answered_on is None:
        sentence = words.text(
            "place_review.late" if is_late else "place_review.pending", asked=review.asked_on, due=review.due_on
        )
    else:
        sentence = words.text(
            "place_review.answered_late" if is_late else "place_review.answered",
            day=review.answered_on,
            due=review.due_on,
            outcome=words.text(f"place_review.outcome.{review.outcome}"),
        )
    return ReviewWords(
        place=place_name(release, review.place_id, review.area_id, words),
        map_address=map_address(release, review.place_id, words),
        sentence=sentence,
        reasons=tuple((code, review.reasons[code]) for code in REASON_LANGUAGES[words.language] if review.reasons),
        role=words.text("place_review.answered_by", role=words.text(f"account.role.{review.role}"))
        if review.role
        else "",
        is_open=review.is_open,
        is_late=is_late,
    )


def place_name(release: Release, place_id: str, area_id: str, words: Wording) -> str:
    """An area by its name; a cell, or an area of counts, by its code and the area that holds it."""
    area = release.area_by_id.get(place_id)
    if area is not None:
        return explain.area_name(area, words)
    holder = explain.area_name(release.area_by_id.get(area_id, release.whole), words)
    if _cell_of(release, place_id) is None:
        return words.text("place_review.area_of_counts", id=place_id, area=holder)
    return words.text("place_review.cell", cell=place_id, area=holder)


def map_address(release: Release, place_id: str, words: Wording) -> str:
    """Where the map shows a place, or the territory where it shows no such place."""
    chosen = {"area": place_id} if place_id in release.area_by_id else {}
    cell = None if chosen else _cell_of(release, place_id)
    chosen |= {"cell": cell} if cell else {}
    return page.address("/", place=release.territory, view="hexagons", lang=words.language, **chosen)


def ask_address(release: Release, place_id: str, words: Wording) -> str:
    """The form that asks for a review of a place; of the territory's list of places where none is named."""
    path = f"{ASK}/{release.territory}/{place_id}" if place_id else f"{ASK}/{release.territory}"
    return page.address(path, lang=words.language)


def _shown_at(release: Release, place_id: str) -> str:
    return place_id if place_id in release.area_by_id else _cell_of(release, place_id) or place_id


def _cell_of(release: Release, place_id: str) -> str | None:
    try:
        found = release.find(place_id) if release.cells.size else None
    except InvalidCell:
        return None
    return found.cell_id if found else None
