"""Asked, decided, being built, done: what became of requests in a territory and its districts, from the journal alone.

Each request stands in one column, where it is now. Those that were merged or withdrawn stand in none.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from riskmap.journal import PublicRequest
from riskmap.public import area_facts, area_news, area_words
from riskmap.public.area_facts import AREA, Place
from riskmap.public.council import Council
from riskmap.wording import Wording

STAGES: Mapping[str, frozenset[str]] = {
    "asked": frozenset({"submitted", "in_triage", "needs_information", "before_council"}),
    "decided": frozenset({"approved", "with_body"}),
    "building": frozenset({"scheduled", "disputed"}),
    "done": frozenset({"done"}),
    "not_coming": frozenset({"refused", "not_done", "not_ours"}),
}
"""Columns by the states that stand in them. What residents dispute is not done."""
WAY = ("asked", "decided", "building", "done")
"""The way of a request, first to last."""
ACCEPTING = frozenset({"accepted", "accepted_changed"})
MONEY = "money_sum"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One place. ``money`` is the sum in tenge of what decisions name, None where none names one.

    ``key`` names the colour of the furthest stage that something there has come to.
    """

    place_id: str
    name: str
    counts: Mapping[str, int]
    money: int | None
    key: str
    number: int | None


def lines(found: Council, words: Wording) -> list[Line]:
    """The territory, then its districts as the release lists them."""
    book = area_facts.book(found.release)
    whole = book.places[found.territory]
    named = _money(found)
    return [_line(found, one, area_words.name(book, one, words), named) for one in (whole, *districts(found))]


def districts(found: Council) -> list[Place]:
    """The districts of a territory."""
    return area_facts.book(found.release).children(found.territory)


def silent(found: Council) -> list[Place]:
    """Areas of the newest year that are clearly higher than similar ones and for which no request is published."""
    book = area_facts.book(found.release)
    higher = [
        one
        for one in book.places.values()
        if one.level == AREA and one.year == book.year and book.facts(one.place_id).comparison == "clear_higher"
    ]
    return sorted(
        (
            one
            for one in higher
            if not any(area_news.is_in(found.release, asked.cell_id, one) for asked in found.requests)
        ),
        key=lambda one: one.place_id,
    )


def _line(found: Council, place: Place, name: str, named: Mapping[int, int]) -> Line:
    own = [one for one in found.requests if place.level == "territory" or one.area_id == place.place_id]
    counted = Counter(stage for one in own if (stage := stage_of(one)) is not None)
    money = [named[one.number] for one in own if one.number in named]
    furthest = max((number for number, stage in enumerate(WAY, start=1) if counted[stage]), default=0)
    return Line(
        place_id=place.place_id,
        name=name,
        counts={stage: counted[stage] for stage in STAGES},
        money=sum(money) if money else None,
        key=f"stage{furthest}" if furthest else "plain",
        number=sum(counted.values()) or None,
    )


def stage_of(request: PublicRequest) -> str | None:
    """The column a request stands in; None for what was merged or withdrawn."""
    return next((stage for stage, states in STAGES.items() if request.state in states), None)


def legend(shown: Sequence[Line], words: Wording) -> list[tuple[str, str]]:
    """Colours that stand in the drawing, with their words."""
    texts = {"plain": words.text("council.decided.nothing")}
    texts |= {f"stage{number}": words.text(f"council.decided.{stage}") for number, stage in enumerate(WAY, start=1)}
    present = {one.key for one in shown}
    return [(key, text) for key, text in texts.items() if key in present]


def _money(found: Council) -> dict[int, int]:
    """Sums that decisions in force name, by request; of several meetings the last one's counts."""
    sums: dict[int, int] = {}
    for meeting in sorted(found.journal.meetings, key=lambda one: one.number) if found.journal else ():
        for decision in meeting.decisions:
            if decision.is_in_force and decision.verdict != "postponed":
                sums.pop(decision.request, None)
                if decision.verdict in ACCEPTING and MONEY in decision.fields:
                    sums[decision.request] = int(decision.fields[MONEY])
    return sums
