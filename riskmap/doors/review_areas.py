"""Rows of the reviewers' page that speak of areas: what is expected there, rates, ranges of places, and hours."""

from collections.abc import Sequence
from dataclasses import dataclass

from riskmap.doors.visit import Visit
from riskmap.review import areas
from riskmap.review.areas import Profile
from riskmap.review.hotspots import Board
from riskmap.wording import EN_DASH, Wording

NONE = EN_DASH
PARTS = ("night", "morning", "day", "evening")
"""Parts of the day in the order of `geodata.time_profile.PARTS_OF_DAY`; a test compares them."""
ALPHABET = "аәбвгғдеёжзийкқлмнңоөпрстуұүфхһцчшщъыіьэюя"
WEEKDAYS = tuple(str(day) for day in range(1, 8))
NARROW = 0.02
"""Intervals narrower than this many hundredths would read as one number without a decimal."""
LEAST_PER_BIN = 5
"""Incidents whose time is known that each bin needs on average before a profile is told (`geodata.time_profile`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaRow:
    """One area in words; ``places`` is a range, never a single place."""

    name: str
    expected: str
    rate: str
    places: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One bin; ``share``, ``low`` and ``high`` in hundredths of the widest interval of its strip."""

    name: str
    text: str
    share: float
    low: float
    high: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """One scale of an area: bars, or the least number that would be needed for them."""

    title: str
    bars: tuple[Bar, ...]
    needed: int


def rows(visit: Visit, board: Board) -> list[AreaRow]:
    """The areas open to the reviewer by name; none where the territory is not divided."""
    if board.territory.regions.shape[0] < 2:
        return []
    words, group, details = visit.words, board.choice.group, board.run.details
    told = {}
    for row in board.areas.iter_rows(named=True):
        area_id = row["area_id"]
        rate, places = areas.rate_of(details, group, area_id), areas.places_of(details, group, area_id)
        told[area_id] = AreaRow(
            name=board.districts[area_id].of(words.language),
            expected=_with_range(words, row["expected_incidents"], row["low"], row["high"], _digits(row)),
            rate=_with_range(words, rate.rate, rate.low, rate.high, 1) if rate else _no_rate(visit, board, area_id),
            places=words.text("hotspots.areas.places", highest=places.highest, lowest=places.lowest, of=places.of)
            if places
            else NONE,
        )
    return sorted(told.values(), key=lambda one: _alphabetical(one.name))


def strips(visit: Visit, board: Board) -> list[Strip]:
    """Parts of the day and weekdays of the area that is seen as one; none where the run does not say."""
    if board.area is None:
        return []
    found = []
    for scale, names in (("part_of_day", _parts(visit)), ("weekday", _weekdays(visit))):
        profile = areas.profile_of(board.run.details, board.choice.group, board.area, scale)
        if profile is not None:
            bars = _bars(visit.words, profile, names)
            title = visit.text(f"hotspots.times.{scale}")
            found.append(Strip(title=title, bars=bars, needed=LEAST_PER_BIN * len(names)))
    return found


def has_default_hours(board: Board) -> bool:
    """Whether hours stand out in the area because nobody looked at a clock."""
    return board.area is not None and bool(areas.default_hours(board.run.details, board.choice.group, board.area))


def _alphabetical(name: str) -> tuple[tuple[int, str], ...]:
    """Kazakh letters stand among the Russian ones, where their code points do not put them."""
    return tuple((ALPHABET.find(sign), sign) for sign in name.lower())


def _parts(visit: Visit) -> list[str]:
    return [visit.text(f"hotspots.part.{name}") for name in PARTS]


def _weekdays(visit: Visit) -> list[str]:
    return [visit.text(f"hotspots.weekday.{day}") for day in WEEKDAYS]


def _bars(words: Wording, profile: Profile, names: Sequence[str]) -> tuple[Bar, ...]:
    if profile.shares is None:
        return ()
    widest = max(high for _, _, high in profile.shares)
    digits = 1 if min(high - low for _, low, high in profile.shares) < NARROW else 0
    return tuple(
        Bar(
            name=name,
            text=words.text(
                "hotspots.times.share",
                share=words.number(100 * share, digits),
                low=words.number(100 * low, digits),
                high=words.number(100 * high, digits),
            ),
            share=round(100 * share / widest, 1),
            low=round(100 * low / widest, 1),
            high=round(100 * high / widest, 1),
        )
        for name, (share, low, high) in zip(names, profile.shares, strict=True)
    )


def _no_rate(visit: Visit, board: Board, area_id: str) -> str:
    told = board.run.details.get("areas")
    if told is None:
        return NONE
    is_known = area_id in told.get(board.choice.group, {})
    return visit.text("hotspots.areas.few" if is_known else "hotspots.areas.unknown")


def _with_range(words: Wording, mean: float, low: float, high: float, digits: int) -> str:
    ends = EN_DASH.join(words.number(end, 0 if isinstance(end, int) else digits) for end in (low, high))
    return f"{words.number(mean, digits)} ({ends})"


def _digits(row: dict[str, float]) -> int:
    return 0 if row["expected_incidents"] >= 10 else 1
