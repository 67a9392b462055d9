"""What the public sees of a place's council: its requests from the journal, chosen, counted and put into words.

Pages, table, API and the map's panel all show what is made here. It reads releases and journals and nothing else.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path

from geodata import hexgrid
from geodata.errors import InvalidCell
from riskmap import journal as journals_on_disk
from riskmap.errors import DamagedRelease, NoRelease
from riskmap.journal import Journal, PublicComment, PublicRequest, PublicStep
from riskmap.public import explain, place_map, shelf
from riskmap.public.map_view import Mark
from riskmap.release import Release
from riskmap.wording import Wording

KINDS = ("camera", "patrol", "road_sign", "lighting", "other")
GROUPS: Mapping[str, tuple[str, ...]] = {
    "open": ("submitted", "in_triage", "needs_information", "before_council"),
    "decided": ("approved", "with_body", "scheduled", "disputed"),
    "done": ("done",),
    "closed": ("refused", "not_done", "not_ours", "merged", "withdrawn"),
}
"""States as the filters of a list put them together."""
STAGES = ("taken_up", "before_council", "decided", "with_body", "done")
STAGES_AHEAD: Mapping[str, tuple[str, ...]] = {
    "submitted": STAGES,
    "in_triage": STAGES[1:],
    "needs_information": STAGES[1:],
    "before_council": STAGES[2:],
    "approved": STAGES[3:],
    "with_body": STAGES[4:],
    "scheduled": STAGES[4:],
}
"""What usually comes after a state; nothing after the others."""
FIELDS = (
    "wording",
    "earlier_request",
    "competent_body",
    "legal_grounds",
    "decision_grounds",
    "expectation",
    "body",
    "document_number",
    "document_day",
    "body_answer",
    "answer_number",
    "answer_day",
    "planned_day",
    "not_done_kind",
    "reason",
    "done_day",
    "document",
    "dispute_kind",
    "checked",
    "appeal_day",
    "extension_grounds",
    "extension_number",
    "extension_day",
    "extended_day",
    "notice_day",
    "own_day",
)
"""Published fields of steps in the order people read them."""
CHOICES = frozenset({"not_done_kind", "dispute_kind"})
"""Fields that hold a code of a closed list."""
OUTCOMES = ("done", "disputed", "not_done", "not_ours", "refused", "merged", "withdrawn")
"""States that say what came of a request; they differ, and none of them is just "closed"."""
OUTCOME_FIELDS: Mapping[str, tuple[str, ...]] = {
    "done": ("done_day", "document", "checked"),
    "disputed": ("dispute_kind", "done_day", "document"),
    "not_done": ("not_done_kind", "reason"),
    "not_ours": ("competent_body",),
    "refused": ("legal_grounds", "decision_grounds"),
}
"""What the public is told with an outcome, from the newest step that says it."""
PAGE_REQUESTS = 20


@dataclass(frozen=True, kw_only=True)
class Council:
    """A place with the requests published for it.

    ``journal`` is None where there have been none yet, or where ``is_damaged`` says that it cannot be read.
    """

    release: Release
    journal: Journal | None
    is_damaged: bool = False

    @property
    def territory(self) -> str:
        return self.release.territory

    @property
    def has_cells(self) -> bool:
        """Whether requests are possible at all: they point at a hexagon."""
        return bool(self.release.cells.size)

    @property
    def requests(self) -> tuple[PublicRequest, ...]:
        return self.journal.requests if self.journal else ()

    @property
    def open_count(self) -> int:
        return sum(request.is_open for request in self.requests)

    def find(self, number: int) -> PublicRequest | None:
        return self.journal.find(number) if self.journal else None

    def find_text(self, number: str) -> PublicRequest | None:
        """The request of a number as it stands in an address; None for what is no number of ours."""
        is_number = number.isascii() and number.isdecimal() and len(number) < 10
        return self.find(int(number)) if is_number else None

    def merged_into(self, number: int) -> list[PublicRequest]:
        """Requests that were merged into this one."""
        return [request for request in self.requests if request.merged_into == number]

    def area_name(self, area_id: str, words: Wording) -> str:
        """Name of an area; an area of an older release that is no longer listed stands as the whole place."""
        return explain.area_name(self.release.area_by_id.get(area_id, self.release.whole), words)


def open_council(releases: Path, journals: Path, territory: str) -> Council:
    """The council of a territory as published now.

    Raises
    ------
    NoRelease
        If the territory has no release.
    DamagedRelease
        If files of its release or journal are missing or changed.
    """
    release = shelf.latest(releases, territory)
    try:
        return Council(release=release, journal=journals_on_disk.latest(journals, territory))
    except NoRelease as error:  # the territory is published, so its journal's folder must be gone
        raise DamagedRelease(f"The journal of {territory} is missing. Publish it again.") from error


def comments(council: Council, request: PublicRequest) -> tuple[PublicComment, ...]:
    """What was said about a request and about those merged into it, by day."""
    numbers = {request.number}
    for one in council.requests:  # by number: a later request is merged into an earlier one
        if one.merged_into in numbers:
            numbers.add(one.number)
    said = [one for one in council.journal.comments if one.request in numbers] if council.journal else []
    return tuple(sorted(said, key=lambda one: (one.on, one.request, one.number)))


def requests_of(journals: Path, territory: str) -> tuple[PublicRequest, ...]:
    """Requests of a territory as published; none, and a line in the log, where the journal cannot be read."""
    try:
        published = journals_on_disk.latest(journals, territory)
    except (DamagedRelease, NoRelease):
        shelf.logger.exception("journal of %s cannot be shown", territory)
        return ()
    return published.requests if published else ()


def all_councils(releases: Path, journals: Path) -> list[Council]:
    """Every place with a map of hexagons, by name; one whose journal is damaged is logged and says so."""
    found = []
    for release in shelf.all_latest(releases):
        if release.cells.size:
            try:
                found.append(open_council(releases, journals, release.territory))
            except DamagedRelease:
                shelf.logger.exception("journal of %s cannot be shown", release.territory)
                found.append(Council(release=release, journal=None, is_damaged=True))
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What a list was narrowed to; None means everything."""

    kind: str | None = None
    state: str | None = None
    area: str | None = None
    cell: str | None = None

    @property
    def is_any(self) -> bool:
        return any((self.kind, self.state, self.area, self.cell))

    def query(self) -> dict[str, str]:
        """The choice as parameters of an address."""
        parts = {"kind": self.kind, "state": self.state, "area": self.area, "cell": self.cell}
        return {name: value for name, value in parts.items() if value}


def read_choice(council: Council, query: Mapping[str, str]) -> Choice:
    """The choice an address holds; values that mean nothing here are ignored."""
    kind, state, area, cell = (query.get(name, "") for name in ("kind", "state", "area", "cell"))
    return Choice(
        kind=kind if kind in KINDS else None,
        state=state if state in GROUPS else None,
        area=area if area in council.release.area_by_id else None,
        cell=_cell_or_none(cell),
    )


def chosen(council: Council, choice: Choice) -> list[PublicRequest]:
    """The requests of a choice, newest change first."""
    family = _family(choice.cell) if choice.cell else None
    found = [
        request
        for request in council.requests
        if (choice.kind is None or request.kind == choice.kind)
        and (choice.state is None or request.state in GROUPS[choice.state])
        and (choice.area is None or request.area_id == choice.area)
        and (family is None or family(request.cell_id))
    ]
    return sorted(found, key=lambda request: (request.changed_on, request.number), reverse=True)


def count(council: Council, choice: Choice) -> int:
    """How many requests a choice holds."""
    return len(chosen(council, choice))


def in_cell(council: Council, cell_id: str) -> list[PublicRequest]:
    """Requests about a cell, newest change first."""
    return chosen(council, Choice(cell=cell_id))


def marks(council: Council, words: Wording, choice: Choice | None = None) -> tuple[Mark, ...]:
    """Marks of the map: of a choice, whatever cell it names, or of all requests in progress, decided and done.

    Requests that were refused, merged or withdrawn have a mark only where they are chosen, and then that of requests.
    """
    shown = council.requests if choice is None else chosen(council, replace(choice, cell=None))
    by_kind: dict[str, list[str]] = {kind: [] for kind in place_map.MARK_TEXTS}
    for request in shown:
        kind = next((kind for kind in by_kind if request.state in GROUPS[kind]), None if choice is None else "open")
        if kind is not None:
            by_kind[kind].append(request.cell_id)
    return tuple(
        mark for kind, cells in by_kind.items() for mark in place_map.marks(council.release, cells, words, kind=kind)
    )


def areas_with_requests(council: Council) -> list[str]:
    """Areas some request lies in, in the order of the release."""
    named = {request.area_id for request in council.requests}
    return [area.area_id for area in council.release.areas if area.area_id in named]


def title(request: PublicRequest, words: Wording) -> str:
    """Kind and number, as a request is called everywhere."""
    return words.text("council.page.title", kind=words.text(f"council.kind.{request.kind}"), number=str(request.number))


def evidence(council: Council, request: PublicRequest, words: Wording) -> tuple[str, str]:
    """Short and long words of the class the map showed when the request was filed; never a number."""
    key = explain.CLASS_KEYS[request.risk_class]
    parent = council.area_name(request.area_id, words)
    return words.text(key), words.text(f"{key}.long", parent=parent)


def published_fields(request: PublicRequest, step: PublicStep, words: Wording) -> list[tuple[str, str, str]]:
    """Name, label and text of what was published with a step; days as people write them.

    The wording in force is left out: it stands above the history.
    """
    shown = {name: text for name, text in step.fields.items() if not (name == "wording" and text == request.wording)}
    order = {name: position for position, name in enumerate(FIELDS)}
    return [
        (name, words.text(f"council.field.{name}"), written(name, shown[name], words))
        for name in sorted(shown, key=lambda name: order.get(name, len(order)))
    ]


def outcome(request: PublicRequest, words: Wording) -> tuple[str, list[tuple[str, str]]] | None:
    """What came of a request in one sentence, with label and text of what was said about it; None while it is open."""
    if request.state not in OUTCOMES:
        return None
    newest = {name: text for step in request.steps for name, text in step.fields.items()}
    told = [
        (words.text(f"council.field.{name}"), written(name, newest[name], words))
        for name in OUTCOME_FIELDS.get(request.state, ())
        if name in newest
    ]
    return words.text(f"council.outcome.{request.state}"), told


def written(name: str, text: str, words: Wording) -> str:
    """What a published field holds as people read it: days and choices in words."""
    if name in CHOICES:
        return words.text(f"council.choice.{text}")
    if name == "money_sum":
        return words.number(int(text)) if text.isdecimal() else text
    if name.endswith("_day"):
        try:
            return words.date(date.fromisoformat(text))
        except ValueError:
            return text
    return text


def _cell_or_none(text: str) -> str | None:
    try:
        return f"{int(hexgrid.parse_cell(text)):x}"
    except InvalidCell:
        return None


def _family(cell_id: str) -> Callable[[str], bool]:
    """Whether a cell is the given one, holds it or lies in it: public resolutions may change between releases."""
    above = _holders(cell_id)

    def belongs(other: str) -> bool:
        return other in above or cell_id in _holders(other)

    return belongs


@lru_cache(maxsize=20_000)
def _holders(cell_id: str) -> frozenset[str]:
    """A cell with all that hold it; nothing for what is no cell."""
    try:
        return frozenset(hexgrid.parents_of(f"{int(hexgrid.parse_cell(cell_id)):x}", range(16)))
    except InvalidCell:
        return frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """A request whose date has passed. ``sentences`` say when it was due, whose date that is and by how much."""

    request: PublicRequest
    body: str | None
    days: int
    sentences: tuple[str, ...]


def late(council: Council, words: Wording, *, today: date) -> list[tuple[str | None, list[Late]]]:
    """Requests past their date, by who has to act, longest first: the council itself (None), then bodies by name.

    A body is named only where the request was sent to it with a document number; the journal says no other.
    """
    found: dict[str | None, list[Late]] = {}
    for request in council.requests:
        clock = request.clock
        if clock is not None and clock.due_on < today:
            days = (today - clock.due_on).days
            told = tuple(clock_sentences(request, words, today=today))
            found.setdefault(clock.body, []).append(Late(request=request, body=clock.body, days=days, sentences=told))
    for rows in found.values():
        rows.sort(key=lambda row: (-row.days, row.request.number))
    return sorted(found.items(), key=lambda item: (item[0] is not None, item[0] or ""))


def clock_sentences(request: PublicRequest, words: Wording, *, today: date) -> list[str]:
    """Which date counts for a request and whose it is; nothing where nobody named one."""
    clock = request.clock
    if clock is None:
        return []
    told = [words.text(f"council.clock.{clock.kind}.until", date=clock.due_on)]
    if clock.due_on < today:
        told.append(words.text("council.late.days", n=(today - clock.due_on).days))
    if clock.is_extended:
        told.append(words.text("council.late.notice_late" if clock.is_notice_late else "council.late.notice_in_time"))
    return told
