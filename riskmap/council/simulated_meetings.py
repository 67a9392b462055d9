"""Two meetings of the made-up city's council: one held, with decisions and money, and one called. All simulated."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from riskmap.council import meetings
from riskmap.council.casework import Office
from riskmap.council.request import Action, CouncilRequest
from riskmap.council.simulated_requests import STORIES
from riskmap.identity.access import Actor, Role

Turn = tuple[datetime, Callable[[], None]]

PLACE = "Үлгіқала қаласының әкімдігі, 2-қабат"
DECIDED: Mapping[int, Mapping[str, str]] = {
    3: {
        "owner": "Әкімдіктің бейнебақылау бөлімі",
        "due_day": "2026-11-15",
        "money_line": "Жергілікті бюджет, қоғамдық тәртіп бағдарламасы",
        "money_sum": "4200000",
    },
    4: {
        "owner": "Үлгіқала қалалық полиция басқармасы",
        "due_day": "2026-12-01",
        "money_line": "Штат есебінен, қосымша қаржы керек емес",
    },
}
"""What the first meeting decided, by story; grounds and expectation are those of the story's own approval."""

CALLED_ON, HELD_ON, NEXT_CALLED_ON = 14, 16, 58
"""Days of the simulated council's time."""


def turns(
    office: Office, territory: str, actors: Mapping[str, Actor], filed: Mapping[int, CouncilRequest], first: datetime
) -> list[Turn]:
    """What happens when; ``filed`` holds the requests of the stories told until then, by the number of the story."""
    secretary = actors[Role.SECRETARY.value]
    voters = {actors[role.value].account_id for role in (Role.COUNCIL_MEMBER, Role.CHAIR)}
    called_at, held_at = first + timedelta(days=CALLED_ON, hours=8), first + timedelta(days=HELD_ON)
    next_at = first + timedelta(days=NEXT_CALLED_ON, hours=20)

    def call(day: str, number: int, at: datetime) -> Callable[[], None]:
        notice = {"day": day, "time": "15:00", "place": PLACE}
        return lambda: _done(meetings.call(office, secretary, territory, notice, key=key(number, "call"), at=at))

    def open_() -> None:
        meetings.open_(office, secretary, territory, 1, voters, version=1, key=key(1, "open"), at=held_at)

    def decide(story: int, order: int) -> Callable[[], None]:
        def step() -> None:
            approval = next(event for event in STORIES[story - 1].events if event.action is Action.APPROVE)
            meetings.decide(
                office,
                secretary,
                territory,
                1,
                request=filed[story].number,
                given={"verdict": "accepted", **approval.fields, **DECIDED[story]},
                votes=dict.fromkeys(voters, "for"),
                version=2 + order,
                key=key(1, f"decide-{story}"),
                at=held_at + timedelta(minutes=5 * (1 + order)),
            )

        return step

    def close() -> None:
        at = held_at + timedelta(minutes=25)
        meetings.close(office, secretary, territory, 1, version=2 + len(DECIDED), key=key(1, "close"), at=at)

    return [
        (called_at, call("2026-09-17", 1, called_at)),
        (held_at, open_),
        *((held_at + timedelta(minutes=5 * (1 + order)), decide(story, order)) for order, story in enumerate(DECIDED)),
        (held_at + timedelta(minutes=25), close),
        (next_at, call("2026-12-03", 2, next_at)),
    ]


def key(number: int, deed: str) -> str:
    """Idempotency key of one deed of a meeting."""
    return f"simulated-meeting-{number}-{deed}"


LAST_KEY = key(2, "call")
"""The key of what happens last."""


def _done(_: object) -> None:
    return None
