"""Use case of the chair: a meeting's decision moves its request, with the meeting's own words, in one transaction."""

from collections.abc import Iterable
from datetime import datetime

from riskmap.council import casework, clocks
from riskmap.council import request as rules
from riskmap.council.casework import Office
from riskmap.council.meeting import ACCEPTING, Entry, Meeting, Stage, Verdict
from riskmap.council.request import NEEDS, Action, CouncilRequest, State
from riskmap.errors import ChangedMeanwhile, StepNotPossible, UnknownRequest
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Permission

ACTION_OF = {**dict.fromkeys(ACCEPTING, Action.APPROVE), Verdict.REFUSED: Action.REFUSE}
"""The step each verdict asks for; what was postponed asks for none."""


def possible(actor: Actor, held: Iterable[Meeting], found: Meeting, asked: CouncilRequest) -> Action | None:
    """The step the actor may confirm on a request now; None where there is none."""
    action = _action(held, found, asked.number)
    return action if action in casework.allowed_actions(actor, asked) else None


def confirm(
    office: Office,
    actor: Actor,
    territory: str,
    number: int,
    *,
    request: int,
    version: int,
    request_version: int,
    key: str,
    at: datetime,
) -> CouncilRequest:
    """Move a request as its meeting decided; ``version`` and ``request_version`` are what the chair has read.

    The same ``key`` again changes nothing. A correction entered later does not move the request back.

    Raises
    ------
    UnknownRequest, NotAllowed
    ChangedMeanwhile
        If somebody moved the request or corrected the meeting since.
    StepNotPossible
        If the meeting is not closed, decided nothing on it or put it off, or a later meeting decided on it.
    """
    with office.store.work() as work:
        found, asked = work.meetings.find(territory, number), work.requests.find(territory, request)
        if found is None or asked is None:
            raise UnknownRequest(
                f"There is no meeting {territory}-{number} or no request {territory}-{request}. Look them up."
            )
        action = _action(work.meetings.of_territory(territory), found, request)
        asks = Permission(action.value if action else Action.APPROVE.value)
        role = access.require(actor, asks, region_id=asked.region_id, ownership=casework.ownership_of(asked))
        if any(step.key == key and step.account_id == actor.account_id for step in asked.steps):
            return asked
        if found.version != version or asked.version != request_version:
            raise ChangedMeanwhile(
                f"Meeting {territory}-{number} has {found.version} entries, request {request} {asked.version} steps; "
                f"they were read with {version} and {request_version}. Read them again, then confirm."
            )
        if action is None or asked.state is not State.BEFORE_COUNCIL:
            raise StepNotPossible(
                f"Meeting {territory}-{number} is {found.stage}, request {request} is {asked.state}. What a closed "
                "meeting accepted or refused is confirmed, while the request is before the council and no later "
                "meeting has decided on it.",
                state=asked.state,
            )
        said = found.decisions(request)[-1].fields
        given = {needed.name: str(said[needed.name]) for needed in NEEDS[action]}
        moved = rules.advance(asked, action, given, account_id=actor.account_id, role=role, at=at, key=key)
        clocks.require_possible(asked, action)
        clocks.require_fit(moved)
        work.requests.save(moved)
        details = {"role": str(role), "state": str(moved.state), "version": moved.version, "meeting": number}
        audit.record(
            work,
            account_id=actor.account_id,
            action=action.value,
            subject=f"request {territory}-{request}",
            details=details,
            at=at,
        )
        work.commit()
    casework.publish(office, territory, at=at)
    return moved


def _action(held: Iterable[Meeting], found: Meeting, request: int) -> Action | None:
    """The step that a closed meeting's decision in force asks for, unless a later meeting has decided as well."""
    decided: tuple[Entry, ...] = found.decisions(request)
    if found.stage is not Stage.CLOSED or not decided:
        return None
    if any(one.number > found.number and one.decisions(request) for one in held):
        return None
    return ACTION_OF.get(Verdict(decided[-1].fields["verdict"]))
