"""Simulated comments on the made-up city's requests, in the languages people write to a council. Nothing is real."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial

from riskmap.comment_port import CommentState
from riskmap.council import discussion
from riskmap.council.casework import Office
from riskmap.council.discussion import Deed
from riskmap.council.request import CouncilRequest
from riskmap.identity.access import Actor, Role

SAID_FROM = timedelta(days=59, hours=14)
"""After the last story."""
R, M, S = Role.RESIDENT, Role.COUNCIL_MEMBER, Role.SECRETARY

SAID: tuple[tuple[int, Role, str, str], ...] = (
    (5, R, "Кешке балабақшадан келе жатқанда аула мүлдем қараңғы, жерде шұңқыр көрінбейді.", "let_through"),
    (5, M, "Был там вечером: фонарей нет вдоль всего прохода, не только во дворе.", ""),
    (9, R, "Осы жерде кешке топталып жүргендердің бәрін атап бере аламын.", "accusation"),
    (10, S, "Жол полициясынан осы өткел туралы мәлімет сұралды.", ""),
    (17, R, "Света нет и у соседней остановки.", ""),
)
"""Story (from 1), by whom, what, and what became of it: let through, hidden for a reason, or nothing yet."""


def turns(
    office: Office, actors: Mapping[str, Actor], filed: Mapping[int, CouncilRequest], first: datetime
) -> list[tuple[datetime, Callable[[], None]]]:
    """What is said when; ``filed`` holds the requests of the stories told until then. Told again it changes nothing."""
    return [
        (first + SAID_FROM + timedelta(minutes=10 * number), partial(_say, office, actors, filed, number, first))
        for number in range(1, len(SAID) + 1)
    ]


def _say(
    office: Office, actors: Mapping[str, Actor], filed: Mapping[int, CouncilRequest], number: int, first: datetime
) -> None:
    story, role, text, fate = SAID[number - 1]
    request, at = filed[story], first + SAID_FROM + timedelta(minutes=10 * number)
    place, key = (request.territory, request.number), f"simulated-comment-{number}"
    said = discussion.say(office, actors[role.value], *place, text, key=key, at=at)
    if fate and said.state is CommentState.WAITING:
        discussion.decide(
            office,
            actors[S.value],
            *place,
            said.number,
            deed=Deed.LET_THROUGH if fate == Deed.LET_THROUGH else Deed.HIDE,
            reason="" if fate == Deed.LET_THROUGH else fate,
            seen_as=said.state,
            at=at + timedelta(minutes=5),
        )
