"""Rules of marks: what can be marked, what is asked, how long it waits and what the public is told. Pure: no clock.

A mark is codes alone: a category, the answers to fixed questions, a cell or an area, a day. There is nothing in it that
anybody wrote, and nothing of whoever made it. A support is a mark without answers.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from riskmap.council.request import RequestKind
from riskmap.errors import FieldFault, UnfitFields

FEWEST_TOLD = 5
"""Smaller counts are never told, of no category."""


class Category(StrEnum):
    """What is marked."""

    LIGHTING = "lighting"
    CAMERA = "camera"
    CROSSING = "crossing"
    PATROL = "patrol"
    DRINK_DRUGS = "drink_drugs"
    PLAYGROUND = "playground"
    DOGS = "dogs"
    NOISE = "noise"
    OTHER = "other"


POINTS_AT_NEIGHBOURS = frozenset({Category.DRINK_DRUGS, Category.NOISE})
"""Marks about people next door: whoever made one could be guessed, so nothing of them is shown near the place."""

KIND_OF: Mapping[Category, RequestKind] = {
    Category.LIGHTING: RequestKind.LIGHTING,
    Category.CAMERA: RequestKind.CAMERA,
    Category.CROSSING: RequestKind.ROAD_SIGN,
    Category.PATROL: RequestKind.PATROL,
    Category.DRINK_DRUGS: RequestKind.PATROL,
    Category.PLAYGROUND: RequestKind.OTHER,
    Category.DOGS: RequestKind.OTHER,
    Category.NOISE: RequestKind.PATROL,
    Category.OTHER: RequestKind.OTHER,
}
"""The kind of request that marks of a category become, unless the secretary chooses another one."""

WHAT: Mapping[Category, tuple[str, ...]] = {
    Category.LIGHTING: ("lamps_off", "no_lamps", "lamps_weak"),
    Category.CAMERA: ("no_camera", "camera_broken"),
    Category.CROSSING: ("no_crossing", "no_sign", "sign_unseen", "lights_broken"),
    Category.PATROL: ("groups", "scuffles", "racing", "alone"),
    Category.DRINK_DRUGS: ("drinking", "traces"),
    Category.PLAYGROUND: ("broken", "unlit", "no_fence"),
    Category.DOGS: ("stray", "unleashed"),
    Category.NOISE: ("music", "works", "traffic"),
    Category.OTHER: (),
}
ASKED: Mapping[str, tuple[str, ...]] = {
    "when": ("day", "evening", "night", "any_time"),
    "how_often": ("daily", "weekly", "seldom", "once"),
    "feels_unsafe": ("yes", "no", "unsure"),
}
"""Questions of every category; before them stands ``what``, with answers of the category."""


class State(StrEnum):
    """Where a mark stands."""

    WAITING = "waiting"
    IN_REQUEST = "in_request"
    REFUSED = "refused"


class Refusal(StrEnum):
    """Why marks become no request; a closed list, so that nobody has to write and nothing can be blurted out."""

    ALREADY_DONE = "already_done"
    NOT_FOUND = "not_found"
    NOT_OURS = "not_ours"
    FOR_POLICE = "for_police"
    UNCLEAR = "unclear"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedPlace:
    """A cell of the release, or a district of it. ``region_id`` is where roles are held."""

    territory: str
    region_id: str
    area_id: str
    place_id: str
    is_simulated: bool

    @property
    def is_cell(self) -> bool:
        return self.place_id != self.area_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """What became of a mark; ``account_id`` and ``role`` are for staff alone."""

    state: State
    on: date
    account_id: str
    role: str
    request_number: int | None = None
    refusal: Refusal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One mark, or one support where ``answers`` is empty.

    ``is_counted`` is False where the same neighbourhood of the net had marked the same that day already.
    """

    place: MarkedPlace
    number: int
    category: Category
    answers: Mapping[str, str] = field(default_factory=dict)
    marked_on: date
    is_counted: bool
    receipt_hash: str
    settlement: Settlement | None = None

    @property
    def territory(self) -> str:
        return self.place.territory

    @property
    def state(self) -> State:
        return self.settlement.state if self.settlement else State.WAITING


@dataclass(frozen=True, slots=True, kw_only=True)
class Heap:
    """Waiting marks of one category at one place, as the secretary finds them.

    ``counted`` is what they weigh: of one neighbourhood of the net, one a day. ``newest`` is the highest number in it.
    ``answers`` counts the answers to each question.
    """

    place: MarkedPlace
    category: Category
    heard: int
    counted: int
    first_on: date
    last_on: date
    newest: int
    numbers: tuple[int, ...]
    answers: Mapping[str, Mapping[str, int]]


def questions(category: Category) -> Mapping[str, tuple[str, ...]]:
    """What is asked of a category, with the answers to choose from."""
    what = WHAT[category]
    return ({"what": what} if what else {}) | dict(ASKED)


def category_of(text: str) -> Category | None:
    """The category of a code; None where there is none."""
    return Category(text) if text in set(Category) else None


def answered(category: Category, given: Mapping[str, str]) -> dict[str, str]:
    """The answers of a form, of each question one of ours; whatever else was sent is dropped.

    Raises
    ------
    UnfitFields
        If a question has no answer of ours.
    """
    asked = questions(category)
    missing = [name for name, choices in asked.items() if given.get(name) not in choices]
    if missing:
        raise UnfitFields(tuple(FieldFault(field=name, fault="missing") for name in missing))
    return {name: given[name] for name in asked}


def heaps(signals: Iterable[Signal]) -> list[Heap]:
    """Waiting marks by category and place: what weighs most first, then what has waited longest."""
    gathered: dict[tuple[Category, str], list[Signal]] = {}
    for signal in signals:
        if signal.state is State.WAITING:
            gathered.setdefault((signal.category, signal.place.place_id), []).append(signal)
    made = [_heap(found) for found in gathered.values()]
    return sorted(made, key=lambda heap: (-heap.counted, heap.first_on, heap.category, heap.place.place_id))


def quarter_of(day: date) -> str:
    """The calendar quarter of a day.

    Examples
    --------
    >>> quarter_of(date(2026, 11, 23))
    '2026-Q4'
    """
    return f"{day.year}-Q{(day.month + 2) // 3}"


def quarter_begins(day: date) -> date:
    """First day of the quarter that a day lies in."""
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def told_counts(
    days: Iterable[tuple[str, Category, date, int]], *, today: date
) -> dict[str, list[tuple[str, Category, int]]]:
    """What is told of the quarters that are over: area, category and count, where the count is not small.

    ``days`` are area, category, day and number of counted marks. There is no sum over areas or categories, so nothing
    that is left out follows from what is told. A quarter in which no count is large enough is there, and empty.
    """
    sums: dict[str, dict[tuple[str, Category], int]] = {}
    for area_id, category, day, number in days:
        if day < quarter_begins(today):
            counts = sums.setdefault(quarter_of(day), {})
            counts[area_id, category] = counts.get((area_id, category), 0) + number
    return {
        quarter: [(*of, count) for of, count in sorted(counts.items()) if count >= FEWEST_TOLD]
        for quarter, counts in sorted(sums.items())
    }


def _heap(found: list[Signal]) -> Heap:
    answers: dict[str, dict[str, int]] = {}
    for signal in found:
        for question, answer in signal.answers.items():
            counts = answers.setdefault(question, {})
            counts[answer] = counts.get(answer, 0) + 1
    first = found[0]
    return Heap(
        place=first.place,
        category=first.category,
        heard=len(found),
        counted=sum(signal.is_counted for signal in found),
        first_on=min(signal.marked_on for signal in found),
        last_on=max(signal.marked_on for signal in found),
        newest=max(signal.number for signal in found),
        numbers=tuple(one.number for one in found),
        answers=answers,
    )
