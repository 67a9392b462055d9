"""What happened in a place: releases, withdrawals, public steps of requests, reviews, as feed and calendar tell it.

Identifiers are made of what a thing is, never of its words, so that a withdrawn release takes the place of its own
news and the words that were told of it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta, timezone
from functools import lru_cache
from pathlib import Path
from uuid import NAMESPACE_URL, UUID, uuid5

from geodata.errors import InvalidCell
from riskmap import release as releases_on_disk
from riskmap.errors import DamagedRelease
from riskmap.journal import PublicMeeting, PublicRequest, PublicReview
from riskmap.public import answering, area_words, council, place_reviews
from riskmap.public.area_facts import AREA, Book, Place
from riskmap.public.council import Council
from riskmap.public.following import part_of
from riskmap.release import Link, Release, Withdrawn
from riskmap.wording import Wording

AREA_ADDRESS = "/area"
CIVIL_TIME = timezone(timedelta(hours=5))
"""Days of journals are those of Kazakhstan's one civil time."""
MOST_RELEASES = 20
MOST_STEPS = 100
"""Programs ask again and again, and keep what they have read: older news need not be told for ever."""

_NOT_TEXT = re.compile("[^\t\n\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]|[\u007f-\u009f]")
"""Signs that XML 1.0 does not know, and controls that no reader can see."""
_LINE_END = re.compile("\r\n|[\r\v\f\u0085\u2028\u2029]")
_TURNS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Marks that turn the direction of what follows: a feed cannot fence a text in, as a page does."""


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """One thing that happened. ``name`` tells it from all others of the place; ``path`` is the page it stands on.

    ``lead`` holds what the page of the place says first, with the newest release alone. ``published_at`` is None where
    nobody says; ``is_dated`` marks what belongs into a calendar, ``is_simulated`` what is made up even where the
    release is not, and ``revision`` grows with each change.
    """

    name: str
    title: str
    sentences: tuple[str, ...]
    path: str
    updated_at: datetime
    lead: tuple[str, ...] = ()
    published_at: datetime | None = None
    is_dated: bool = False
    is_simulated: bool = False
    revision: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """Everything told of a place, the newest first, with the requests and reviews in it.

    ``requests`` and ``reviews`` are empty where there is no journal, or where it cannot be read.
    """

    book: Book
    place: Place
    words: Wording
    news: tuple[News, ...]
    requests: tuple[PublicRequest, ...] = ()
    reviews: tuple[PublicReview, ...] = ()
    meetings: tuple[PublicMeeting, ...] = ()
    """Those of the whole, and of another place those whose agenda holds a request in it."""
    council: Council | None = field(default=None, repr=False)

    @property
    def release(self) -> Release:
        return self.book.release

    @property
    def name(self) -> str:
        """What the place is called."""
        return area_words.name(self.book, self.place, self.words)

    @property
    def updated_at(self) -> datetime:
        """Moment of the newest change."""
        return max((one.updated_at for one in self.news), default=midnight(self.release.as_of))

    def identifier(self, kind: str, name: str = "") -> UUID:
        """Identifier of a thing told of this place in this language; the same whenever it is asked for."""
        parts = (kind, self.release.territory, self.place.place_id, self.words.language, name)
        return uuid5(NAMESPACE_URL, "/".join(("riskmap", *parts)))

    def marked(self, title: str, *, is_simulated: bool = False) -> str:
        """A title as a single line that says itself where data are simulated: it is read apart from its page."""
        line = " ".join(clean(title).split())
        if is_simulated or self.release.is_simulated:
            return f"{self.words.text('simulated.label')}. {line}"
        return line


def tell(root: Path, journals: Path, book: Book, place: Place, words: Wording) -> Told:
    """News of a place from the folders of releases and journals.

    Raises
    ------
    DamagedRelease
        If a release of the chain cannot be read. A journal that cannot is logged, and its news are left out.
    """
    release = book.release
    found = list(_releases(root, book, place, words))
    requests: list[PublicRequest] = []
    reviews: list[PublicReview] = []
    meetings: list[PublicMeeting] = []
    opened = None
    if release.cells.size:
        try:
            opened = council.open_council(root, journals, release.territory)
            requests = [one for one in council.chosen(opened, council.Choice()) if is_in(release, one.cell_id, place)]
            reviews = [
                one
                for one in place_reviews.published(journals, release.territory)
                if one.place_id == place.place_id or is_in(release, one.place_id, place)
            ]
            steps = [one for request in requests for one in _steps(opened, request, words)]
            steps += [_review(release, one, words) for one in reviews]
            meetings = _meetings_of(opened, requests, place)
            steps += [_meeting(release, one, words) for one in meetings]
            steps.sort(key=_moment, reverse=True)
            found += steps[:MOST_STEPS]
        except DamagedRelease:
            answering.logger.exception("journal of %s cannot be shown", release.territory)
    found.sort(key=_moment, reverse=True)
    return Told(
        book=book,
        place=place,
        words=words,
        news=tuple(found),
        requests=tuple(requests),
        reviews=tuple(reviews),
        meetings=tuple(meetings),
        council=opened,
    )


def is_in(release: Release, text: str, place: Place) -> bool:
    """Whether a cell lies in a place; what is no cell of the release lies in the whole alone."""
    if place.level == "territory":
        return True
    try:
        cell = release.find(text)
    except InvalidCell:
        return False
    if cell is None:
        return False
    return cell.cell_id in place.cells if place.level == AREA else cell.area.area_id == place.place_id


def clean(text: str) -> str:
    """A text as XML and calendars can hold it, with one kind of line end and nothing that turns its direction.

    Examples
    --------
    >>> clean("one\\r\\ntwo\\x00\\u202eend")
    'one\\ntwo\\ufffdend'
    """
    return _TURNS.sub("", _NOT_TEXT.sub("\ufffd", _LINE_END.sub("\n", text)))


def midnight(day: date) -> datetime:
    """The moment a civil day begins."""
    return datetime.combine(day, time(), CIVIL_TIME)


def _moment(one: News) -> datetime:
    return one.updated_at


def _releases(root: Path, book: Book, place: Place, words: Wording) -> Iterator[News]:
    territory = book.release.territory
    newest = releases_on_disk.newest_id(root, territory)
    for link in _chain(root, territory, newest, releases_on_disk.withdrawn(root, territory)):
        as_of = date.fromisoformat(link.as_of)
        path = f"{AREA_ADDRESS}/{part_of(book, place)}"
        if link.withdrawn is not None:
            day = date.fromisoformat(link.withdrawn.withdrawn_on)
            yield News(
                name=f"release/{link.release_id}",
                title=words.text("feed.withdrawn", date=as_of),
                sentences=(words.text(f"release.withdrawn.{link.withdrawn.reason}", date=day),),
                path=path,
                updated_at=midnight(day),
                is_dated=True,
                revision=1,
            )
            continue
        at = datetime.fromisoformat(link.published_at) if link.published_at else midnight(as_of)
        changed = (link.what_changed or {}).get(words.language, "")
        yield News(
            name=f"release/{link.release_id}",
            title=words.text("feed.release", date=as_of),
            sentences=(changed,) if changed else (),
            path=path,
            updated_at=at,
            lead=lead(book, place, words) if link.release_id == book.release.release_id else (),
            published_at=at,
            is_dated=True,
        )


def lead(book: Book, place: Place, words: Wording) -> tuple[str, ...]:
    """The sentences of a place's page; where it tells no number, also those of the smallest one above that does."""
    facts = book.facts(place.place_id)
    told = area_words.telling(book, facts)
    above = area_words.lead(book, told, words) if told is not facts else []
    return (*area_words.lead(book, facts, words), *above)


@lru_cache(maxsize=64)
def _chain(root: Path, territory: str, newest: str | None, _taken_back: tuple[Withdrawn, ...]) -> tuple[Link, ...]:
    """Links of the chain; every release of it is read whole, so they are kept until something changes."""
    return tuple(releases_on_disk.chain(root, territory, most=MOST_RELEASES)) if newest else ()


def _steps(opened: Council, request: PublicRequest, words: Wording) -> Iterator[News]:
    title = council.title(request, words)
    for number, step in reversed(list(enumerate(request.steps))):
        fields = council.published_fields(request, step, words)
        yield News(
            name=f"request/{request.number}/{number}",
            title=f"{title}. {words.text(f'council.step.{step.action}')}",
            sentences=(
                *([request.wording] if request.wording else []),
                *(f"{label}: {text}" for _, label, text in fields),
            ),
            path=f"/council/{opened.territory}/{request.number}",
            updated_at=midnight(step.on),
            published_at=midnight(step.on),
            is_dated=step.action in {"approve", "refuse"},
            is_simulated=request.is_simulated,
        )


def _review(release: Release, review: PublicReview, words: Wording) -> News:
    told_on = review.answered_on or review.asked_on
    said = place_reviews.in_words(release, review, words, today=told_on)
    return News(
        name=f"review/{review.number}",
        title=words.text("feed.review", place=said.place),
        sentences=(said.sentence,),
        path=f"/data/{release.territory}",
        updated_at=midnight(told_on),
        published_at=midnight(review.asked_on),
        revision=0 if review.is_open else 1,
    )


def _meetings_of(opened: Council, requests: list[PublicRequest], place: Place) -> list[PublicMeeting]:
    held = opened.journal.meetings if opened.journal else ()
    own = {request.number for request in requests}
    return [one for one in held if place.level == "territory" or any(asked.request in own for asked in one.agenda)]


def _meeting(release: Release, meeting: PublicMeeting, words: Wording) -> News:
    stage = words.text(f"council.meeting.stage.{meeting.stage}")
    return News(
        name=f"meeting/{meeting.number}",
        title=f"{meeting_title(meeting, words)}. {stage}",
        sentences=(meeting_when(meeting, words),),
        path=f"/council/{release.territory}/meetings/{meeting.number}",
        updated_at=midnight(meeting.changed_on),
        is_simulated=meeting.is_simulated,
    )


def meeting_title(meeting: PublicMeeting, words: Wording) -> str:
    """What a meeting is called away from the council's pages."""
    return words.text("council.meeting.of_council", number=str(meeting.number))


def meeting_when(meeting: PublicMeeting, words: Wording) -> str:
    """Day, time and place of a meeting."""
    return f"{words.date(meeting.day)}, {meeting.time}. {meeting.place}"
