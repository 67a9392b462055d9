"""A living council for the made-up city: accounts by role, requests in every state, meetings; by the real use cases.

Everything here is simulated and marked so. Repeating it changes nothing: each step has its own idempotency key.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial

from models.risk_class import RiskClass
from riskmap.council import casework, places, simulated_comments, simulated_meetings
from riskmap.council.casework import Office
from riskmap.council.request import Action, CouncilRequest, Filing, civil_day
from riskmap.council.simulated_requests import STORIES, Event, Story
from riskmap.errors import StepNotPossible
from riskmap.identity import access, accounts
from riskmap.identity.access import Actor, Grant, Role
from riskmap.release import Release

FIRST_DAY = datetime(2026, 9, 1, 4, 0, tzinfo=UTC)
NEIGHBOURS = 11
"""Disabled accounts that stand for neighbours who support; nobody can sign in with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account that was made just now; its password is known at this moment only."""

    login: str
    role: Role
    password: str


def build(
    office: Office, release: Release, *, language: str, at: datetime, progress: Callable[[int, int], None]
) -> list[NewAccount]:
    """Make the accounts and requests that are missing; returns the accounts made now."""
    operator = access.operator()
    known = {account.login for account, _ in accounts.listing(office.store, operator)}
    made = []
    for role in Role:
        if role.value not in known:
            password = accounts.random_password()
            _add(office, release, role.value, role, password, language=language, at=at)
            made.append(NewAccount(login=role.value, role=role, password=password))
    for login in _neighbour_logins():
        if login not in known:
            _add(office, release, login, Role.RESIDENT, accounts.random_password(), language=language, at=at)
            accounts.disable(office.store, operator, login, at=at)
    actors = {
        account.login: Actor(account_id=account.account_id, login=account.login, grants=grants)
        for account, grants in accounts.listing(office.store, operator)
        if account.is_simulated
    }
    if not _is_told(office, release):
        _tell(office, release, actors, progress)
    return made


def _add(
    office: Office, release: Release, login: str, role: Role, password: str, *, language: str, at: datetime
) -> None:
    accounts.add(
        office.store,
        access.operator(),
        login=login,
        password=password,
        grants=[Grant(role=role, region_id=release.territory)],
        language=language,
        at=at,
        is_simulated=True,
    )


def _neighbour_logins() -> list[str]:
    return [f"neighbour-{number:02}" for number in range(1, NEIGHBOURS + 1)]


def _is_told(office: Office, release: Release) -> bool:
    """Whether every step of every story is in the store; what people did since does not matter."""
    with office.store.look() as look:
        requests = look.requests.of_territory(release.territory)
        held = look.meetings.of_territory(release.territory)
    known = {step.key for request in requests for step in request.steps}
    # A folder from before the first simulated meeting has gone further than that meeting could decide.
    is_met = not held or any(entry.key == simulated_meetings.LAST_KEY for meeting in held for entry in meeting.entries)
    return is_met and all(
        {_key(number), *(_key(number, position) for position in range(len(story.events)))} <= known
        for number, story in enumerate(STORIES, start=1)
    )


def _key(number: int, position: int | None = None) -> str:
    """Idempotency key of a story's filing, or of one of its steps."""
    return f"simulated-{number}" if position is None else f"simulated-{number}-{position}"


def _tell(office: Office, release: Release, actors: dict[str, Actor], progress: Callable[[int, int], None]) -> None:
    """Play all stories in the order of their days, so that numbers and the audit log run with time."""
    cells = _cells(release, STORIES)
    filed: dict[int, CouncilRequest] = {}

    def file(number: int, story: Story, at: datetime) -> None:
        filed[number] = casework.file(
            office,
            actors[story.by.value],
            Filing(
                kind=story.kind.value,
                grounds=story.grounds,
                landmark=story.landmark,
                channel="oral",
                heard_day=civil_day(at).isoformat(),
            ),
            places.locate(release, cells[number - 1]),
            key=_key(number),
            at=at,
            is_for_someone=story.by is Role.SECRETARY,
            is_simulated=True,
        )
        _join(office, actors, story, filed[number], at=at)

    def move(number: int, position: int, event: Event, at: datetime) -> None:
        fields = dict(event.fields)
        if event.action is Action.MERGE:
            fields["earlier_request"] = str(filed[int(fields["earlier_request"])].number)
        filed[number] = casework.move(
            office,
            actors[event.role.value],
            release.territory,
            filed[number].number,
            action=event.action,
            given=fields,
            version=filed[number].version,
            key=_key(number, position),
            at=at,
        )

    turns = simulated_meetings.turns(office, release.territory, actors, filed, FIRST_DAY)
    turns += simulated_comments.turns(office, actors, filed, FIRST_DAY)
    for number, story in enumerate(STORIES, start=1):
        at = _at(story.day, number)
        turns.append((at, partial(file, number, story, at)))
        for position, event in enumerate(story.events):
            at = _at(event.day, number)
            turns.append((at, partial(move, number, position, event, at)))
    for done, (_, play) in enumerate(sorted(turns, key=lambda turn: turn[0]), start=1):
        progress(done, len(turns))
        play()


def _at(day: int, number: int) -> datetime:
    return FIRST_DAY + timedelta(days=day, minutes=17 * number)


def _join(office: Office, actors: dict[str, Actor], story: Story, filed: CouncilRequest, *, at: datetime) -> None:
    for order, login in enumerate(_neighbour_logins()[: story.neighbours], start=1):
        try:
            casework.support(office, actors[login], filed.territory, filed.number, at=at + timedelta(minutes=order))
        except StepNotPossible:
            return  # played before, and closed since


def _cells(release: Release, stories: Sequence[Story]) -> list[str]:
    """A cell for each story: of its district, from those the map says most about, no two alike unless asked for."""
    telling = [RiskClass.CLEARLY_HIGHER, RiskClass.MAYBE_HIGHER, RiskClass.NO_CLEAR_DIFFERENCE, RiskClass.MAYBE_LOWER]
    by_area: dict[str, list[tuple[int, str]]] = {}
    for position in range(release.cells.size):
        cell = release.cell_at(position)
        shown = cell.classes[places.EVIDENCE_GROUP]
        order = telling.index(shown) if shown in telling else len(telling)
        by_area.setdefault(cell.area.area_id, []).append((order, cell.cell_id))
    districts = sorted(area.area_id for area in release.areas if area.kind == "district")
    queues = {area_id: iter(_spread(sorted(found))) for area_id, found in by_area.items()}
    chosen: list[str] = []
    for story in stories:
        if story.same_place_as is not None:
            chosen.append(chosen[story.same_place_as - 1])
        else:
            chosen.append(next(queues[districts[story.district - 1]]))
    return chosen


def _spread(ranked: list[tuple[int, str]]) -> list[str]:
    """The most telling cells first, but not neighbours of one another: every seventh in turn."""
    cells = [cell_id for _, cell_id in ranked]
    return [cell_id for start in range(7) for cell_id in cells[start::7]]
