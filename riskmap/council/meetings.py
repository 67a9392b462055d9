"""Use cases of a council's meetings: call, open, decide, correct and close them, and read them as staff."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from riskmap.council import casework, confirming, journal_desk
from riskmap.council import meeting as rules
from riskmap.council.casework import Office
from riskmap.council.meeting import Deed, Entry, Meeting, Question
from riskmap.council.request import Action, CouncilRequest, State, civil_day
from riskmap.errors import ChangedMeanwhile, UnknownRequest
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Permission, Role
from riskmap.ports import UnitOfWork

VOTING = frozenset({Role.COUNCIL_MEMBER, Role.CHAIR})


@dataclass(frozen=True, slots=True, kw_only=True)
class MeetingView:
    """A meeting as staff see it. ``members`` are account and login; ``parties`` who asked, by number of the request.

    ``confirmable`` are the steps this reader may confirm, by number of the request.
    """

    meeting: Meeting
    members: tuple[tuple[str, str], ...]
    requests: Mapping[int, CouncilRequest]
    parties: Mapping[int, frozenset[str]]
    may_hold: bool
    confirmable: Mapping[int, Action]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meetings:
    """Meetings, newest first, the agenda as it would stand now, and whether the reader may call one."""

    held: tuple[Meeting, ...]
    agenda: tuple[Question, ...]
    may_hold: bool


def listing(office: Office, actor: Actor, territory: str, *, at: datetime) -> Meetings:
    """Meetings of a territory, and what the next agenda would hold.

    Raises
    ------
    NotAllowed
    """
    access.require(actor, Permission.READ_CASEWORK, region_id=territory)
    with office.store.look() as look:
        held = look.meetings.of_territory(territory)
        agenda = rules.build_agenda(_waiting(look, territory), today=civil_day(at))
    return Meetings(held=tuple(reversed(held)), agenda=agenda, may_hold=_may_hold(actor, territory))


def view(office: Office, actor: Actor, territory: str, number: int) -> MeetingView:
    """One meeting for staff.

    Raises
    ------
    UnknownRequest, NotAllowed
    """
    access.require(actor, Permission.READ_CASEWORK, region_id=territory)
    with office.store.look() as look:
        found = _found(look, territory, number)
        held = look.meetings.of_territory(territory)
        members = _members(look, territory)
        requests = {one.number: one for one in look.requests.of_territory(territory)}
    on_agenda = {one.number: requests[one.number] for one in found.agenda if one.number in requests}
    possible = {one: confirming.possible(actor, held, found, asked) for one, asked in on_agenda.items()}
    return MeetingView(
        meeting=found,
        members=members,
        requests=on_agenda,
        parties={one: _parties(asked) for one, asked in on_agenda.items()},
        may_hold=_may_hold(actor, territory),
        confirmable={one: action for one, action in possible.items() if action is not None},
    )


def call(office: Office, actor: Actor, territory: str, given: Mapping[str, str], *, key: str, at: datetime) -> Meeting:
    """Call a meeting about everything that is before the council; the same ``key`` again calls no second one.

    Raises
    ------
    NotAllowed, UnfitFields
    """
    role = access.require(actor, Permission.HOLD_MEETINGS, region_id=territory)
    with office.store.work() as work:
        made = next((one for one in work.meetings.of_territory(territory) if one.entries[0].key == key), None)
        if made is not None:
            return made
        waiting = _waiting(work, territory)
        made = rules.call(
            territory,
            work.meetings.next_number(territory),
            given,
            rules.build_agenda(waiting, today=civil_day(at)),
            members=len(_members(work, territory)),
            is_simulated=bool(waiting) and all(one.is_simulated for one, _ in waiting),
            by=_by(actor, role, key=key, at=at),
        )
        work.meetings.add(made)
        _record(work, actor, made, role=role, at=at)
        work.commit()
    casework.publish(office, territory, at=at)
    return made


def change(
    office: Office,
    actor: Actor,
    territory: str,
    number: int,
    given: Mapping[str, str],
    *,
    version: int,
    key: str,
    at: datetime,
) -> Meeting:
    """Give a new notice, with the agenda as it stands now. Errors as in `call`, ChangedMeanwhile, StepNotPossible."""

    def step(found: Meeting, work: UnitOfWork, by: Entry) -> Meeting:
        agenda = rules.build_agenda(_waiting(work, territory), today=civil_day(at))
        return rules.change(found, given, agenda, members=len(_members(work, territory)), by=by)

    return _move(office, actor, territory, number, step, version=version, key=key, at=at)


def open_(
    office: Office,
    actor: Actor,
    territory: str,
    number: int,
    present: set[str],
    *,
    version: int,
    key: str,
    at: datetime,
) -> Meeting:
    """Open a meeting with the members present; who is no member is left out. Errors as in `meeting.open_`."""

    def step(found: Meeting, work: UnitOfWork, by: Entry) -> Meeting:
        members = {account_id for account_id, _ in _members(work, territory)}
        return rules.open_(found, present & members, by=by)

    return _move(office, actor, territory, number, step, version=version, key=key, at=at)


def decide(
    office: Office,
    actor: Actor,
    territory: str,
    number: int,
    *,
    request: int,
    given: Mapping[str, str],
    votes: Mapping[str, str],
    version: int,
    key: str,
    at: datetime,
) -> Meeting:
    """Enter or correct a decision. Errors as in `meeting.decide`, and ChangedMeanwhile."""

    def step(found: Meeting, work: UnitOfWork, by: Entry) -> Meeting:
        asked = work.requests.find(territory, request)
        is_party = _parties(asked) if asked else frozenset()
        return rules.decide(found, request, given, votes, is_party=is_party, by=by)

    return _move(office, actor, territory, number, step, version=version, key=key, at=at)


def close(
    office: Office, actor: Actor, territory: str, number: int, *, version: int, key: str, at: datetime
) -> Meeting:
    """Close a meeting. Errors as in `meeting.close`, and ChangedMeanwhile."""
    return _move(
        office,
        actor,
        territory,
        number,
        lambda found, _work, by: rules.close(found, by=by),
        version=version,
        key=key,
        at=at,
    )


def _move(
    office: Office,
    actor: Actor,
    territory: str,
    number: int,
    step: Callable[[Meeting, UnitOfWork, Entry], Meeting],
    *,
    version: int,
    key: str,
    at: datetime,
) -> Meeting:
    role = access.require(actor, Permission.HOLD_MEETINGS, region_id=territory)
    with office.store.work() as work:
        found = _found(work, territory, number)
        if any(entry.key == key for entry in found.entries):
            return found
        if found.version != version:
            raise ChangedMeanwhile(
                f"Meeting {territory}-{number} has {found.version} entries; it was read when it had {version}. "
                "Read it again, then decide."
            )
        moved = step(found, work, _by(actor, role, key=key, at=at))
        work.meetings.save(moved)
        _record(work, actor, moved, role=role, at=at)
        work.commit()
    casework.publish(office, territory, at=at)
    return moved


def _found(work: UnitOfWork, territory: str, number: int) -> Meeting:
    found = work.meetings.find(territory, number)
    if found is None:
        raise UnknownRequest(f"There is no meeting {territory}-{number}. Look it up in the list of meetings.")
    return found


def _may_hold(actor: Actor, territory: str) -> bool:
    return access.allowed_role(actor, Permission.HOLD_MEETINGS, region_id=territory) is not None


def _members(work: UnitOfWork, territory: str) -> tuple[tuple[str, str], ...]:
    """Account and login of everybody who votes in the territory, by login."""
    found = [
        (account.account_id, account.login)
        for account in work.accounts.all()
        if account.disabled_at is None
        and any(
            grant.role in VOTING and access.territory_of(grant.region_id) == territory
            for grant in work.accounts.grants_of(account.account_id)
        )
    ]
    return tuple(sorted(found, key=lambda one: one[1]))


def _waiting(work: UnitOfWork, territory: str) -> list[tuple[CouncilRequest, int]]:
    """Requests before the council with their supporters."""
    counted = work.requests.of_territory(territory, states={State.BEFORE_COUNCIL, State.MERGED})
    supporters = journal_desk.count_supporters(counted, work.requests.supports(territory, is_counted=True))
    return [(one, supporters[one.number]) for one in counted if one.state is State.BEFORE_COUNCIL]


def _parties(asked: CouncilRequest) -> frozenset[str]:
    """Whoever asked has an interest; the secretary who wrote it down for somebody has none of their own."""
    return frozenset({asked.requester}) if asked.requester else frozenset({asked.entered_by})


def _by(actor: Actor, role: Role, *, key: str, at: datetime) -> Entry:
    return Entry(deed=Deed.CALL, account_id=actor.account_id, role=role, at=at, key=key)


def _record(work: UnitOfWork, actor: Actor, found: Meeting, *, role: Role, at: datetime) -> None:
    audit.record(
        work,
        account_id=actor.account_id,
        action=f"meeting_{found.entries[-1].deed}",
        subject=f"meeting {found.territory}-{found.number}",
        details={"role": str(role), "stage": str(found.stage), "version": found.version},
        at=at,
    )
