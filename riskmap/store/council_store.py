"""Council requests in SQL, with their steps and supports.

A request's row says where it stands now; its steps are rows that are only ever added. The number of steps is the
row's version, and a step is taken by moving the version from one number to the next, so of two steps taken from the
same place only one counts. Units that write follow one another, so what is looked up before an insert still holds
when it is made.
"""

from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from riskmap.council.request import (
    NEEDS,
    OPEN_STATES,
    Action,
    CouncilRequest,
    Place,
    RequestKind,
    State,
    Step,
)
from riskmap.errors import ChangedMeanwhile
from riskmap.store.tables import council_request, council_step, council_support

_HIGHEST_NUMBER = 2**31 - 1
"""A number in an address may be any; the database cannot even be asked for one that is too long."""
_STEP_OF_REQUEST = sa.and_(
    council_step.c.territory == council_request.c.territory, council_step.c.number == council_request.c.number
)


class SqlRequests:
    """Council requests in SQL; see `riskmap.ports.Requests`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, territory: str, number: int) -> CouncilRequest | None:
        if number > _HIGHEST_NUMBER:
            return None
        found = self._select(council_request.c.territory == territory, council_request.c.number == number)
        return found[0] if found else None

    def by_key(self, account_id: str, key: str) -> CouncilRequest | None:
        place = self._place_of_key(account_id, key)
        return None if place is None else self.find(*place)

    def of_territory(self, territory: str, *, states: Collection[State] = frozenset(State)) -> list[CouncilRequest]:
        wanted = council_request.c.territory == territory
        if len(states) == len(State):
            return self._select(wanted)
        return self._select(wanted, council_request.c.state.in_(sorted(states)))

    def next_number(self, territory: str) -> int:
        highest = sa.select(sa.func.max(council_request.c.number)).where(council_request.c.territory == territory)
        return (self._connection.execute(highest).scalar() or 0) + 1

    def add(self, request: CouncilRequest) -> None:
        """Add a new request with its steps.

        Raises
        ------
        ChangedMeanwhile
            If its number, or the idempotency key of a step, is taken.
        """
        found = self._version(request.territory, request.number)
        if found is not None:
            raise ChangedMeanwhile(
                f"Request {_name(request)} is there already, with version {found}; a new one needs a free number. "
                "Ask for the next number and file it again."
            )
        for step in request.steps:
            self._require_free_key(step)
        self._connection.execute(sa.insert(council_request).values(_request_row(request)))
        self._connection.execute(
            sa.insert(council_step), [_step_row(request, position) for position in range(1, request.version + 1)]
        )

    def save(self, request: CouncilRequest) -> None:
        """Keep a request that is one step further: its new state, its version and the step; the rest never changes.

        Raises
        ------
        ChangedMeanwhile
            If the stored request is not exactly one step behind, or the step's idempotency key is taken.
        """
        self._require_free_key(request.steps[-1])
        changed = self._connection.execute(
            sa.update(council_request)
            .where(
                council_request.c.territory == request.territory,
                council_request.c.number == request.number,
                council_request.c.version == request.version - 1,
            )
            .values(state=request.state, version=request.version)
        )
        if changed.rowcount != 1:
            found = self._version(request.territory, request.number)
            raise ChangedMeanwhile(
                f"Request {_name(request)} has version {found or 'none'}; this step expects version "
                f"{request.version - 1}. Read the request again, then decide whether the step is still wanted."
            )
        self._connection.execute(sa.insert(council_step).values(_step_row(request, request.version)))

    def support(self, territory: str, number: int, account_id: str, *, at: datetime, is_counted: bool = True) -> bool:
        row = {"territory": territory, "number": number, "account_id": account_id}
        is_there = sa.select(council_support.c.number).filter_by(**row)
        if self._connection.execute(is_there).first() is not None:
            return False
        self._connection.execute(sa.insert(council_support).values(**row, supported_at=at, is_counted=is_counted))
        return True

    def supports(self, territory: str, *, is_counted: bool | None = None) -> list[tuple[int, str]]:
        """Number of a request and account of a supporter, by number and moment."""
        wanted = [] if is_counted is None else [council_support.c.is_counted.is_(is_counted)]
        of_territory = (
            sa.select(council_support.c.number, council_support.c.account_id)
            .where(council_support.c.territory == territory, *wanted)
            .order_by(council_support.c.number, council_support.c.supported_at, council_support.c.account_id)
        )
        return [(number, account_id) for number, account_id in self._connection.execute(of_territory)]

    def forget_words(self, territory: str, closed_before: datetime) -> int:
        closed = self.of_territory(territory, states=frozenset(State) - OPEN_STATES)
        due = [request for request in closed if request.steps[-1].at < closed_before and _has_inner_words(request)]
        for request in due:
            here = {"territory": territory, "number": request.number}
            emptied = {"grounds": "", "landmark": ""}
            self._connection.execute(sa.update(council_request).filter_by(**here).values(emptied))
            for position, step in enumerate(request.steps, start=1):
                inner = sa.update(council_step).filter_by(**here, position=position)
                self._connection.execute(inner.values(fields=_without_inner(step)))
        return len(due)

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[CouncilRequest]:
        # Two queries however many requests there are.
        rows = self._connection.execute(
            sa.select(council_request)
            .where(*conditions)
            .order_by(council_request.c.territory, council_request.c.number)
        ).all()
        steps: defaultdict[tuple[str, int], list[Step]] = defaultdict(list)
        for row in self._connection.execute(
            sa.select(council_step)
            .join(council_request, _STEP_OF_REQUEST)
            .where(*conditions)
            .order_by(council_step.c.territory, council_step.c.number, council_step.c.position)
        ):
            steps[row.territory, row.number].append(_step(row))
        return [_request(row, tuple(steps[row.territory, row.number])) for row in rows]

    def _version(self, territory: str, number: int) -> int | None:
        return self._connection.execute(
            sa.select(council_request.c.version).filter_by(territory=territory, number=number)
        ).scalar()

    def _place_of_key(self, account_id: str, key: str) -> tuple[str, int] | None:
        found = self._connection.execute(
            sa.select(council_step.c.territory, council_step.c.number).filter_by(account_id=account_id, key=key)
        ).first()
        return None if found is None else (found.territory, found.number)

    def _require_free_key(self, step: Step) -> None:
        place = self._place_of_key(step.account_id, step.key)
        if place is not None:
            raise ChangedMeanwhile(
                f"Account {step.account_id} has used the key {step.key!r} on request {place[0]}-{place[1]} already; "
                "a step needs a key of its own. Read that request: the step may have been taken."
            )


def _has_inner_words(request: CouncilRequest) -> bool:
    return bool(request.grounds or request.landmark) or any(
        _without_inner(step) != dict(step.fields) for step in request.steps
    )


def _without_inner(step: Step) -> dict[str, str]:
    """Fields of a step but those for the council alone."""
    inner = {needed.name for needed in NEEDS[step.action] if not needed.is_public}
    return {name: text for name, text in step.fields.items() if name not in inner}


def _name(request: CouncilRequest) -> str:
    return f"{request.territory}-{request.number}"


def _request_row(request: CouncilRequest) -> dict[str, object]:
    return {
        "territory": request.territory,
        "number": request.number,
        "region_id": request.region_id,
        "area_id": request.place.area_id,
        "cell_id": request.place.cell_id,
        "release_id": request.place.release_id,
        "risk_class": request.place.risk_class,
        "kind": request.kind,
        "grounds": request.grounds,
        "landmark": request.landmark,
        "requester": request.requester,
        "entered_by": request.entered_by,
        "is_simulated": request.is_simulated,
        "state": request.state,
        "version": request.version,
    }


def _step_row(request: CouncilRequest, position: int) -> dict[str, object]:
    """Row of a step by its position in the history, counted from 1."""
    step = request.steps[position - 1]
    return {
        "territory": request.territory,
        "number": request.number,
        "position": position,
        "action": step.action,
        "state_before": step.before,
        "state_after": step.after,
        "account_id": step.account_id,
        "role": step.role,
        "at": step.at,
        "key": step.key,
        "fields": dict(step.fields),
    }


def _request(row: sa.Row[Any], steps: tuple[Step, ...]) -> CouncilRequest:
    place = Place(
        territory=row.territory,
        region_id=row.region_id,
        area_id=row.area_id,
        cell_id=row.cell_id,
        release_id=row.release_id,
        risk_class=row.risk_class,
    )
    return CouncilRequest(
        territory=row.territory,
        number=row.number,
        region_id=row.region_id,
        place=place,
        kind=RequestKind(row.kind),
        grounds=row.grounds,
        landmark=row.landmark,
        requester=row.requester,
        entered_by=row.entered_by,
        is_simulated=row.is_simulated,
        state=State(row.state),
        steps=steps,
    )


def _step(row: sa.Row[Any]) -> Step:
    return Step(
        action=Action(row.action),
        before=State(row.state_before),
        after=State(row.state_after),
        account_id=row.account_id,
        role=row.role,
        at=row.at,
        key=row.key,
        fields=row.fields,
    )
