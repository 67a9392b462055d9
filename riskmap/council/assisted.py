"""A word that the secretary writes down for somebody without an account: by which channel it came, and on which day.

Both are kept with the step that files the request and are not published; no name is asked for. Requests written down
before this was asked have neither.
"""

from collections.abc import Mapping
from datetime import date

from riskmap.council import request as rules
from riskmap.council.request import CouncilRequest, Field, FieldKind
from riskmap.errors import FieldFault, StepNotPossible, UnknownRequest
from riskmap.identity import access
from riskmap.identity.access import Actor, Permission
from riskmap.ports import Store

CHANNELS = ("oral", "phone", "paper")
CHANNEL = Field(name="channel", kind=FieldKind.CHOICE, is_public=False, choices=CHANNELS)
HEARD_DAY = Field(name="heard_day", kind=FieldKind.DAY, is_public=False)


def checked(given: Mapping[str, str], *, today: date) -> tuple[dict[str, str], list[FieldFault]]:
    """Channel and day as they are kept, and what is wrong with them."""
    faults = [fault for field in (CHANNEL, HEARD_DAY) for fault in rules.field_faults(field, given[field.name])]
    if not faults and date.fromisoformat(given[HEARD_DAY.name]) > today:
        faults.append(FieldFault(field=HEARD_DAY.name, fault="day_in_future"))
    return {field.name: given[field.name] for field in (CHANNEL, HEARD_DAY)}, faults


def heard(request: CouncilRequest) -> tuple[str, date] | None:
    """By which channel a word came, and on which day; None where nobody wrote it down."""
    told = request.steps[0].fields
    if CHANNEL.name not in told:
        return None
    return told[CHANNEL.name], date.fromisoformat(told[HEARD_DAY.name])


def has_receipt(actor: Actor, request: CouncilRequest) -> bool:
    """Whether the actor may print the receipt of this request: it was written down for somebody."""
    role = access.allowed_role(actor, Permission.FILE_FOR_SOMEONE, region_id=request.region_id)
    return role is not None and request.requester is None and not request.made_of_marks


def of_receipt(store: Store, actor: Actor, territory: str, number: int) -> CouncilRequest:
    """The request whose receipt is printed for whoever came.

    Raises
    ------
    UnknownRequest, NotAllowed
    StepNotPossible
        If it was not written down for somebody.
    """
    with store.look() as look:
        request = look.requests.find(territory, number)
    if request is None:
        raise UnknownRequest(f"There is no request {territory}-{number}. Look it up in the list of requests.")
    access.require(actor, Permission.FILE_FOR_SOMEONE, region_id=request.region_id)
    if not has_receipt(actor, request):
        raise StepNotPossible(
            f"Request {territory}-{number} was not written down for somebody; only such requests have a receipt. "
            "Whoever files a request themselves finds it in their own list.",
            state=request.state,
        )
    return request
