"""The chapters of a note that tell of the council and of the goals: from the journal, the scorecard and the Concept."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import partial

from riskmap.documents.description import Block, Heading, Paragraph, Table, said
from riskmap.journal import Journal, PublicRequest
from riskmap.note.sources import SCORECARD, Sources, number
from riskmap.note.span import Span
from riskmap.public import council, scorecard
from riskmap.public.area_facts import Place
from riskmap.public.region_pages import GOAL_BASE, GOAL_FIVE_ANNEX, GOAL_TWO
from riskmap.wording import MINUS, NO_BREAK_SPACE, Wording

REACHED = {
    "decided": ("approved", "refused", "not_ours"),
    "sent": ("with_body",),
    "done": ("done",),
    "not_done": ("not_done",),
    "disputed": ("disputed",),
}
"""States whose being reached within the period is counted."""
CLOCKS = ("legal", "own", "promised")
"""Kinds of dates, told apart: the law's term, the council's own date, the body's promise."""
LATE = "late."


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One counted line: what happened and the requests of it."""

    key: str
    where: dict[str, str]
    requests: tuple[PublicRequest, ...]


def lines(journal: Journal, place: Place, asked: Span) -> list[Line]:
    """What was asked, decided, sent, done, not done, disputed in the period, and what is past its planned day."""
    area = {} if place.level == "territory" else {"area_id": place.place_id}
    own = [one for one in journal.requests if not area or one.area_id == place.place_id]
    span = f"{asked.start}..{asked.end}"

    def picked(key: str, where: dict[str, str], is_in: Callable[[PublicRequest], bool]) -> Line:
        return Line(key=key, where=where | area, requests=tuple(one for one in own if is_in(one)))

    found = [picked("asked", {"submitted_on": span}, lambda one: asked.holds(one.submitted_on))]
    found += [
        picked(
            key,
            {"steps.state": "|".join(states), "steps.on": span},
            partial(_has_reached, states=states, asked=asked),
        )
        for key, states in REACHED.items()
    ]
    return found + [
        picked(
            f"{LATE}{kind}",
            {"clock.kind": kind, "clock.due_on": f"<{journal.as_of}"},
            partial(_is_late, kind=kind, as_of=journal.as_of),
        )
        for kind in CLOCKS
    ]


def _is_late(request: PublicRequest, *, kind: str, as_of: date) -> bool:
    clock = request.clock
    return clock is not None and clock.kind == kind and clock.due_on < as_of


def _has_reached(request: PublicRequest, *, states: tuple[str, ...], asked: Span) -> bool:
    return any(step.state in states and asked.holds(step.on) for step in request.steps)


def told(journal: Journal | None, place: Place, asked: Span, sources: Sources, words: Wording) -> list[Block]:
    """The chapter on requests and decisions."""
    title = Heading(text=words.text("note.council.title"))
    if journal is None:
        return [title, _written(words.text("note.council.none"))]
    found = lines(journal, place, asked)
    rows = [
        (
            said(_named(one.key, words)),
            number(words.number(len(one.requests)), sources.of_requests(**one.where)),
        )
        for one in found
    ]
    if place.level == "territory":
        late = sum(one.is_open and one.due_on < journal.as_of for one in journal.reviews)
        held = sum(one.present is not None and asked.holds(one.day) for one in journal.meetings)
        met = sources.of_meetings(day=f"{asked.start}..{asked.end}", present="not null")
        rows.append((said(words.text("note.council.meetings")), number(words.number(held), met)))
        note = sources.of_reviews(answered_on="null", due_on=f"<{journal.as_of}")
        rows.append((said(words.text("note.council.reviews")), number(words.number(late), note)))
    head = (words.text("note.council.step"), words.text("note.council.count"))
    asked_for, decided = found[0], found[1]
    late_ones = [request for one in found if one.key.startswith(LATE) for request in one.requests]
    return [
        title,
        _written(words.text("note.council.as_of", date=journal.as_of)),
        Table(head=head, rows=tuple(rows), shares=(80, 20)),
        Heading(text=words.text("note.council.by_kind"), level=2),
        _by_kind(asked_for, sources, words),
        Heading(text=words.text("note.council.decisions"), level=2),
        *_listed([_state(one, words) for one in decided.requests], words),
        Heading(text=words.text("note.council.late.list"), level=2),
        *_listed([_overdue(one, words, as_of=journal.as_of) for one in late_ones], words),
    ]


def _by_kind(line: Line, sources: Sources, words: Wording) -> Block:
    rows = tuple(
        (
            said(words.text(f"council.kind.{kind}")),
            number(
                words.number(sum(one.kind == kind for one in line.requests)),
                sources.of_requests(kind=kind, **line.where),
            ),
        )
        for kind in council.KINDS
    )
    return Table(head=(words.text("area.column.kind"), words.text("note.council.count")), rows=rows, shares=(80, 20))


def _state(request: PublicRequest, words: Wording) -> str:
    state = words.text(f"council.state.{request.state}")
    return words.text(
        "note.council.item", title=council.title(request, words), state=state, date=request.changed_on
    ) + (f" {request.wording}" if request.wording else "")


def _overdue(request: PublicRequest, words: Wording, *, as_of: date) -> str:
    body = f" {request.clock.body}." if request.clock is not None and request.clock.body else ""
    return " ".join([f"{council.title(request, words)}.", *council.clock_sentences(request, words, today=as_of)]) + body


def _named(key: str, words: Wording) -> str:
    if key.startswith(LATE):
        return f"{words.text('note.council.late')}: {words.text('council.clock.' + key.removeprefix(LATE)).lower()}"
    return words.text(f"note.council.{key}")


def _listed(texts: list[str], words: Wording) -> list[Block]:
    if not texts:
        return [_written(words.text("note.council.nothing"))]
    return [Paragraph(text=said(text), is_listed=True) for text in texts]


def goals(words: Wording) -> list[Block]:
    """Indicators 2 and 5 as the Concept gives them, both series of the fifth."""
    note = words.text("note.source.concept", filter="2")
    base = words.text("note.source.concept", filter="2, 2024")
    rows = tuple(
        (
            said(str(year)),
            number(f"{MINUS}{fall}{NO_BREAK_SPACE}%", note),
            number(words.number(round(GOAL_BASE * (1 - fall / 100))), base),
        )
        for year, fall in GOAL_TWO.items()
    )
    head = tuple(words.text(f"regions.two.column.{name}") for name in ("year", "share", "count"))
    series = "; ".join(words.number(share, digits=1) for share in GOAL_FIVE_ANNEX)
    annex = words.text("regions.five.annex", series=series)
    five = words.text("note.source.concept", filter="5")
    return [
        Heading(text=words.text("note.goals.title")),
        _written(words.text("note.goals.own")),
        Heading(text=words.text("regions.two.title"), level=2),
        Paragraph(text=number(words.text("regions.two.base"), base), is_machine_written=True),
        Table(head=head, rows=rows, shares=(20, 30, 50)),
        Heading(text=words.text("regions.five.title"), level=2),
        _written(words.text("regions.five.differ")),
        Paragraph(text=number(words.text("regions.five.text"), five), is_listed=True),
        Paragraph(text=number(annex, five), is_listed=True),
        Paragraph(
            text=number(words.text("regions.five.found"), words.text("note.source.survey")), is_machine_written=True
        ),
    ]


def forecast(sources: Sources, words: Wording) -> list[Block]:
    """How past forecasts did beside simple methods, by kind."""
    title = Heading(text=words.text("note.forecast.title"))
    months = scorecard.months_of(sources.release)
    if months is None or not months.groups:
        return [title, _written(words.text("note.forecast.none"))]
    head = (
        words.text("scorecard.column.group"),
        words.text("note.forecast.closer"),
        words.text("note.forecast.total"),
        words.text("note.forecast.standing"),
    )
    rows = tuple(
        (
            said(words.text(f"group.{card.offence_group}")),
            number(
                words.number(card.n_closer),
                sources.of_release(SCORECARD, offence_group=card.offence_group, field="n_closer"),
            ),
            number(
                words.number(len(card.windows)),
                sources.of_release(SCORECARD, offence_group=card.offence_group, field="windows"),
            ),
            said(words.text(f"scorecard.standing.{card.standing}")),
        )
        for card in months.groups
    )
    return [title, Table(head=head, rows=rows, shares=(30, 26, 18, 26))]


def _written(text: str) -> Paragraph:
    return Paragraph(text=said(text), is_machine_written=True)
