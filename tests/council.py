"""Council things for tests, with sensible defaults: places, requests, actors, an office with accounts."""

from datetime import UTC, datetime, timedelta

from riskmap.council import casework
from riskmap.council import request as rules
from riskmap.council.request import NEEDS, Action, FieldKind, Filing, Place
from riskmap.identity.access import Actor, Grant, Role
from riskmap.ports import Account

NOW = datetime(2026, 11, 2, 6, 0, tzinfo=UTC)
GROUNDS = "Мектеп жанындағы өткел қараңғы, бағандағы шам жанбайды."
TOWN = "toy"
HEARD = {"channel": "phone", "heard_day": "2026-11-01"}
"""Read only where the secretary writes a word down for somebody."""
NOT_A_HASH = "-"
"""A hash no password has."""


def a_place(**given) -> Place:
    told = {
        "territory": TOWN,
        "region_id": f"{TOWN}/d1",
        "area_id": "d1",
        "cell_id": "892db0d9a0bffff",
        "release_id": "2026-11-01-00000000-simulated",
        "risk_class": 4,
    }
    return Place(**{**told, **given})


def a_filing(**given) -> Filing:
    return Filing(**{"kind": "lighting", "grounds": GROUNDS, "landmark": "Мектеп қақпасы", **HEARD, **given})


def a_request(**given):
    """A submitted request of a resident."""
    told = {
        "filing": a_filing(),
        "place": a_place(),
        "number": 1,
        "requester": "a-resident",
        "entered_by": "a-resident",
        "role": "resident",
        "at": NOW,
        "key": "k0",
        "is_simulated": False,
    }
    told |= given
    return rules.submit(told.pop("filing"), told.pop("place"), **told)


def fields_for(action: Action, **given: str) -> dict[str, str]:
    """Everything an action needs, as a person would write it."""
    samples = {FieldKind.TEXT: "Тексерілді, бәрі дұрыс.", FieldKind.LINE: "КҚ-04", FieldKind.DAY: "2026-11-02"}
    samples |= {FieldKind.NUMBER: "1", "planned_day": "2026-11-20"}
    samples |= {"extended_day": "2026-12-20", "own_day": "2026-11-20"}
    chosen = {field.name: field.choices[0] for field in NEEDS[action] if field.choices}
    return (
        {field.name: samples.get(field.name) or samples.get(field.kind, "") for field in NEEDS[action]} | chosen | given
    )


def after(request, *actions: Action, at: datetime = NOW, account_id: str = "a-secretary"):
    """The request after the given steps."""
    for number, action in enumerate(actions, start=request.version):
        told = {"account_id": account_id, "role": "secretary", "at": at, "key": f"k{number}"}
        request = rules.advance(request, action, fields_for(action), **told)
    return request


def an_actor(role: Role | None, region_id: str = TOWN, *, account_id: str | None = None) -> Actor:
    name = account_id or f"a-{role or 'nobody'}"
    grants = (Grant(role=role, region_id=region_id),) if role else ()
    return Actor(account_id=name, login=name, grants=grants)


def enrol(store, *actors: Actor) -> None:
    """Give actors the accounts their requests refer to."""
    with store.work() as work:
        for actor in actors:
            account = Account(
                account_id=actor.account_id,
                login=actor.login,
                password_hash=NOT_A_HASH,
                language="kk",
                created_at=NOW,
            )
            work.accounts.save(account)
            for grant in actor.grants:
                work.accounts.grant(actor.account_id, grant, at=NOW)
        work.commit()


def step(office, actor, request, action: Action, *, at: datetime | None = None, **given: str):
    """One step through the use case, with every field it needs."""
    return casework.move(
        office,
        actor,
        request.territory,
        request.number,
        action=action,
        given=fields_for(action, **given),
        version=request.version,
        key=f"{request.number}-{request.version}-{action}",
        at=at or NOW + timedelta(minutes=request.version),
    )
