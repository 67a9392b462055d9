"""The period of an analytic note: a calendar year or a half of one, and the place it is about."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from riskmap.errors import InvalidNote
from riskmap.public import area_facts, shelf
from riskmap.public.area_facts import AREA, Book, Place
from riskmap.release import Release
from riskmap.wording import Wording

_PERIOD = re.compile(r"(20\d\d)(?:-H([12]))?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A year, or its first or second half; ``end`` is the day after the last one."""

    year: int
    half: int | None

    @property
    def start(self) -> date:
        return date(self.year, 7 if self.half == 2 else 1, 1)

    @property
    def end(self) -> date:
        return date(self.year, 7, 1) if self.half == 1 else date(self.year + 1, 1, 1)

    @property
    def quarters(self) -> tuple[str, ...]:
        first, last = {None: (1, 4), 1: (1, 2), 2: (3, 4)}[self.half]
        return tuple(f"{self.year}-Q{number}" for number in range(first, last + 1))

    @property
    def last_whole_year(self) -> int:
        """The newest calendar year that ends within the span or before it."""
        return self.end.year - 1 if self.end.month == 1 else self.year - 1

    def holds(self, day: date) -> bool:
        return self.start <= day < self.end

    def in_words(self, words: Wording) -> str:
        return words.text(f"note.period.{f'h{self.half}' if self.half else 'year'}", year=self.year)


def parse(text: str, *, today: date) -> Span:
    """The span of ``2026``, ``2026-H1`` or ``2026-H2``.

    Raises
    ------
    InvalidNote
        If the text is none of these, or the span has not begun on ``today``.
    """
    found = _PERIOD.fullmatch(text.strip().upper())
    if found is None:
        raise InvalidNote(f"--period {text[:20]!r} is no period; expected a year or a half of one: 2026, 2026-H1.")
    span = Span(year=int(found[1]), half=int(found[2]) if found[2] else None)
    if span.start > today:
        raise InvalidNote(f"--period {text} begins on {span.start}, after today ({today}); choose one that has begun.")
    return span


def year_before(quarters: Sequence[str]) -> tuple[str, ...]:
    """The same quarters of the year before."""
    return tuple(f"{int(one[:4]) - 1}{one[4:]}" for one in quarters)


def place_of(releases: Path, code: str | None) -> tuple[Book, Place]:
    """The place of a code, a territory or a region of one; without a code the only territory with a council.

    Raises
    ------
    InvalidNote
        If there is no such place, or several territories and no code.
    """
    found = [one for one in shelf.all_latest(releases) if one.cells.size]
    codes = [release.territory for release in found]
    if code is None:
        if len(found) != 1:
            told = ", ".join(codes) or "none"
            raise InvalidNote(f"{len(found)} territories have a release with counts: {told}. Name one: --region CODE.")
        return _whole(found[0])
    for release in found:
        book = area_facts.book(release)
        place = book.places.get(code)
        if place is not None and place.level != AREA:
            return book, place
    regions = [area.area_id for release in found for area in release.areas]
    raise InvalidNote(
        f"--region {code[:40]!r} is not known; expected one of: {', '.join(regions) or 'none published'}."
    )


def _whole(release: Release) -> tuple[Book, Place]:
    book = area_facts.book(release)
    return book, book.places[release.territory]
