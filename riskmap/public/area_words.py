"""What is said of a place, sentence by sentence, from the numbers of `riskmap.public.area_facts`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from riskmap.public import explain
from riskmap.public.area_facts import AREA, LEAST_LIKE, QUARTERS, Book, Facts, Place
from riskmap.release import Area, Release
from riskmap.wording import EN_DASH, Wording

ADVICE_KINDS = 3
ADVISED = (
    "theft",
    "vehicle_theft",
    "theft_from_vehicle",
    "burglary",
    "robbery",
    "assault",
    "hooliganism",
    "criminal_damage",
)
PARTS = ("night", "morning", "day", "evening", "unknown")
CLASS_OF = {"clear_lower": 1, "maybe_lower": 2, "none": 3, "maybe_higher": 4, "clear_higher": 5}
"""Class of the map that a comparison has the colour and the name of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One line of a table of places: what is told of it in short; ``key`` colours it, ``number`` is its own one."""

    place_id: str
    name: str
    count: str
    rate: str
    compared: str
    key: str
    number: int | None


def name(book: Book, place: Place, words: Wording) -> str:
    """What a place is called: an area by its region and its number in it."""
    if place.level != AREA:
        return explain.area_name(book.release.area_by_id.get(place.place_id, book.release.whole), words)
    region = book.places.get(place.parent_id or "")
    own = name(book, region, words) if region else explain.area_name(book.release.whole, words)
    return words.text("area.part", region=own, n=number(place) or 0)


def number(place: Place) -> int | None:
    """The number of an area within its region; None for any other place."""
    last = place.place_id.rpartition("-")[2]
    return int(last) if place.level == AREA and last.isdecimal() else None


def lead(book: Book, facts: Facts, words: Wording) -> list[str]:
    """What a reader is told before anything else: count and range, comparison, change."""
    place, release = facts.place, book.release
    called = name(book, place, words)
    if release.manifest["official"] and place.level != AREA:
        found = explain.area_answer(release, release.area_by_id[place.place_id], words)
        return [_sentence(one) for one in found.sentences]
    if facts.total is None or facts.start is None or facts.end is None:
        parent = book.places.get(place.parent_id or "")
        if parent is None:
            return [words.text("area.no_numbers", area=called)]
        return [words.text("sum.protected", parent=name(book, parent, words))]
    first, last = words.first_and_last_day(facts.start, facts.end)
    span, group = {"from": first, "to": last}, words.text("group.all")
    count = words.number(facts.total)
    if facts.is_visited:
        sentences = [words.text("sum.visitors", group=f"{called}. {group}", n=count, **span)]
    elif facts.range is not None:
        low, high = (words.number(end) for end in facts.range)
        sentences = [words.text("sum.rate", area=called, group=group, n=count, lo=low, hi=high, **span)]
    else:
        sentences = [words.text("panel.area.total", area=called, n=count, **span), words.text("area.no_residents")]
    if facts.comparison:
        sentences.append(words.text(f"cmp.{facts.comparison}"))
    if facts.change:
        sentences.append(change(facts, words))
    if place.level == AREA and facts.quarters < QUARTERS:
        sentences.append(words.text("area.quarters", n=facts.quarters))
    return [_sentence(one) for one in sentences]


def telling(book: Book, facts: Facts) -> Facts:
    """The place itself, or the smallest one above it that tells a number."""
    official = book.release.area_by_id.get(facts.place.place_id)
    if official is not None and official.official_count is not None:
        return facts
    while facts.total is None and facts.place.parent_id is not None:
        facts = book.facts(facts.place.parent_id)
    return facts


def change(facts: Facts, words: Wording) -> str:
    """The sentence on change."""
    return words.text("area.chg.redrawn" if facts.change == "redrawn" else f"chg.{facts.change}")


def range_inputs(facts: Facts, words: Wording) -> str | None:
    """The numbers a reader needs to make the range again; None where there is no range."""
    if facts.range is None or facts.total is None or not facts.residents:
        return None
    return words.text("area.range.inputs", n=facts.total, residents=facts.residents, quarters=facts.quarters)


def kinds(facts: Facts, words: Wording) -> list[tuple[str, str]]:
    """Kinds with their counts, the most frequent first."""
    found = sorted((facts.kinds or {}).items(), key=lambda item: (-item[1], item[0]))
    return [(words.text(f"group.{code}"), words.number(count)) for code, count in found]


def hours(facts: Facts, words: Wording) -> list[tuple[str, str | None]]:
    """Parts of the day with their counts; None where a count is not told."""
    own = facts.hours or {}
    told = [(part, own.get(part)) for part in PARTS if own]
    return [(words.text(f"area.hours.{part}"), None if n is None else words.number(n)) for part, n in told]


def advice(facts: Facts, words: Wording) -> list[tuple[str, str]]:
    """What helps against the kinds told of a place, the most frequent first; of theft where none is told."""
    own = sorted(facts.kinds or {"theft": 1}, key=lambda code: (-(facts.kinds or {}).get(code, 0), code))
    advised = [code for code in own if code in ADVISED][:ADVICE_KINDS] or ["theft"]
    return [(words.text(f"group.{code}"), words.text(f"area.helps.{code}")) for code in advised]


def like(facts: Facts, words: Wording) -> str | None:
    """How the similar areas of an area were chosen; None for a place that is no area with a count."""
    if facts.place.level != AREA or facts.total is None:
        return None
    if len(facts.like) < LEAST_LIKE:
        return words.text("area.like.too_few")
    return words.text("area.like.visitors" if facts.is_visited else "area.like.how", n=len(facts.like))


def rows(book: Book, places: Iterable[Place], words: Wording) -> list[Row]:
    """Places as lines of a table, in the order given."""
    return [_row(book, book.facts(place.place_id), words) for place in places]


def _row(book: Book, facts: Facts, words: Wording) -> Row:
    hidden = words.text("area.not_shown")
    official = book.release.area_by_id.get(facts.place.place_id)
    count = words.number(facts.total) if facts.total is not None else hidden
    rate = words.range(*(round(end) for end in facts.range)) if facts.range else EN_DASH
    if official is not None and official.official_count is not None and official.official_rate is not None:
        count, rate = words.number(official.official_count), words.number(official.official_rate, digits=1)
    elif facts.total is None and book.release.manifest["official"]:
        count = words.text("country.unknown")
    return Row(
        place_id=facts.place.place_id,
        name=name(book, facts.place, words),
        count=count,
        rate=words.text("area.visitors.short") if facts.is_visited else rate,
        compared=compared(facts, words),
        key=key(facts) if official is None else _step(book.release, official) or key(facts),
        number=number(facts.place),
    )


def compared(facts: Facts, words: Wording) -> str:
    """The comparison in two words, as the legend of the map says it."""
    if facts.comparison:
        return words.text(f"class.{CLASS_OF[facts.comparison]}")
    return words.text("grey.protected" if facts.total is None and facts.place.cells else "area.not_told")


def key(facts: Facts) -> str:
    """Name of the colour: ``1`` to ``5``, ``grey`` or ``plain``."""
    if facts.comparison:
        return str(CLASS_OF[facts.comparison])
    return "grey" if facts.place.level == AREA else "plain"


def _step(release: Release, area: Area) -> str | None:
    """The step of an official rate, as the map colours it; None where there is no rate."""
    steps = release.manifest["official_steps"]
    if not steps:
        return None
    if area.official_rate is None:
        return "grey"
    inner = [end for end in steps[1:-1] if area.official_rate >= end]
    return f"step{1 + len(inner)}"


def legend(release: Release, shown: Sequence[Row], words: Wording) -> list[tuple[str, str]]:
    """Colours that stand in a drawing, with their words."""
    found = {row.key: row.compared for row in shown}
    steps = [words.range(low, high) for low, high in pairwise(release.manifest["official_steps"])]
    found |= {f"step{i}": text for i, text in enumerate(steps, start=1) if f"step{i}" in found}
    if steps and "grey" in found:
        found["grey"] = words.text("country.unknown")
    return sorted(found.items())


def _sentence(text: str) -> str:
    # Names of regions may begin with a small letter («область Абай»).
    return text[:1].upper() + text[1:]
