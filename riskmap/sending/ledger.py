"""What went to which body, and what came back: one line for each request that was sent or passed on."""

import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from openpyxl import Workbook
from openpyxl.utils import get_column_letter

from geodata import working_days
from riskmap.council import clocks
from riskmap.council.casework import Office
from riskmap.council.request import Action, CouncilRequest, State, Step, civil_day
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Permission
from riskmap.spreadsheet import MOST_SIGNS_OF_TITLE, plain, text_cell
from riskmap.wording import Wording

ANSWER_WORKING_DAYS = 15
"""Working days in which the council asks a body to answer where neither the law nor the council named a day."""
COLUMNS = (
    "body",
    "request",
    "kind",
    "document_number",
    "sent_on",
    "due_on",
    "answer",
    "answer_number",
    "answered_on",
    "planned_day",
    "days_late",
)
"""Ends of the catalogue keys ``council.sent.*``."""
DEFAULT_WIDTH, WIDTHS = 16, {"body": 44, "answer": 40, "kind": 24}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One request with a body. ``document_number`` and ``due_on`` are None where it was passed on as somebody else's.

    ``answered_on`` is the day of the answer; where its step tells none, the day on which it was entered here.
    """

    body: str
    request: int
    kind: str
    state: State
    sent_on: date
    document_number: str | None
    due_on: date | None
    answered_on: date | None
    answer: str | None
    answer_number: str | None
    planned_day: date | None
    days_late: int


def listing(office: Office, actor: Actor, territory: str, *, at: datetime) -> list[tuple[str, list[Sent]]]:
    """What was sent, by body; only requests of regions in which the actor reads the council's work.

    Raises
    ------
    NotAllowed
        If the actor reads it nowhere in the territory.
    """
    regions = {grant.region_id for grant in actor.grants if access.territory_of(grant.region_id) == territory}
    if not any(_may_read(actor, region_id) for region_id in regions):
        access.require(actor, Permission.READ_CASEWORK, region_id=territory)
    with office.store.look() as look:
        requests = [one for one in look.requests.of_territory(territory) if _may_read(actor, one.region_id)]
    today = civil_day(at)
    sent = [line for request in requests if (line := of_request(request, today=today)) is not None]
    bodies = sorted({line.body for line in sent}, key=str.casefold)
    return [(body, sorted((one for one in sent if one.body == body), key=_order)) for body in bodies]


def of_request(request: CouncilRequest, *, today: date) -> Sent | None:
    """The line of a request; None where it never left the council."""
    passed_on = _last(request, Action.FORWARD)
    if passed_on is not None:
        return _line(request, passed_on, body=passed_on.fields["competent_body"])
    sent = _last(request, Action.SEND)
    if sent is None:
        return None
    begun = _last(request, Action.SEND, Action.REOPEN) or sent
    after = request.steps[request.steps.index(begun) + 1 :]
    answered = next((step for step in after if step.action in clocks.ANSWERS), None)
    answered_on = _answered_on(answered)
    due_on = answer_due(request)
    planned = request.newest("planned_day") if request.state is State.SCHEDULED else None
    late_on = answered_on or today
    return _line(
        request,
        sent,
        body=sent.fields["body"],
        due_on=due_on,
        answered=answered,
        planned_day=date.fromisoformat(planned) if planned else None,
        days_late=max(0, (late_on - due_on).days),
    )


def answer_due(request: CouncilRequest, *, otherwise: date | None = None) -> date:
    """By when the body is asked to answer: the law's term of an appeal, else the council's own date, else 15 working
    days from the day of the letter, or from ``otherwise`` where there is none yet.
    """
    term = clocks.legal_term(request)
    if term is not None:
        return term.due_on
    begun = _last(request, Action.SEND, Action.REOPEN)
    own = _last(request, Action.SET_DATE)
    if own is not None and (begun is None or own.at >= begun.at):
        return date.fromisoformat(own.fields["own_day"])
    if begun is None:
        return working_days.add(otherwise or civil_day(request.changed_at), ANSWER_WORKING_DAYS)
    told = begun.fields.get("document_day")
    return working_days.add(date.fromisoformat(told) if told else civil_day(begun.at), ANSWER_WORKING_DAYS)


def workbook(
    office: Office, actor: Actor, territory: str, words: Wording, *, at: datetime, is_simulated: bool
) -> bytes:
    """The list as a workbook; errors as in `listing`. ``bodies_export`` is kept in the audit log."""
    found = listing(office, actor, territory, at=at)
    content = _workbook(found, words, as_of=civil_day(at), is_simulated=is_simulated)
    with office.store.work() as work:
        audit.record(
            work,
            account_id=actor.account_id,
            action="bodies_export",
            subject=f"territory {territory}",
            details={"language": words.language, "lines": sum(len(lines) for _, lines in found)},
            at=at,
        )
        work.commit()
    return content


def _workbook(found: Iterable[tuple[str, list[Sent]]], words: Wording, *, as_of: date, is_simulated: bool) -> bytes:
    book = Workbook(write_only=True)
    title = words.text("council.sent.title")
    sheet = book.create_sheet(title=plain(title)[:MOST_SIGNS_OF_TITLE])
    for position, name in enumerate(COLUMNS):
        sheet.column_dimensions[get_column_letter(position + 1)].width = WIDTHS.get(name, DEFAULT_WIDTH)
    about = [title, words.text("council.late.as_of", date=as_of), words.text("council.sent.rule")]
    about = [words.text("simulated.banner"), *about] if is_simulated else about
    sheet.freeze_panes = f"A{len(about) + 3}"
    for line in about:
        sheet.append([text_cell(sheet, line)])
    sheet.append([])
    sheet.append([text_cell(sheet, words.text(f"council.sent.{name}"), is_bold=True) for name in COLUMNS])
    for _, lines in found:
        for one in lines:
            values = _values(one, words)
            sheet.append([text_cell(sheet, value) if isinstance(value, str) else value for value in values])
    out = io.BytesIO()
    book.save(out)
    return out.getvalue()


def _values(one: Sent, words: Wording) -> list[str | int | date | None]:
    return [
        one.body,
        one.request,
        words.text(f"council.kind.{one.kind}"),
        one.document_number,
        one.sent_on,
        one.due_on,
        one.answer,
        one.answer_number,
        one.answered_on,
        one.planned_day,
        one.days_late,
    ]


def _line(
    request: CouncilRequest,
    sent: Step,
    *,
    body: str,
    due_on: date | None = None,
    answered: Step | None = None,
    planned_day: date | None = None,
    days_late: int = 0,
) -> Sent:
    told = sent.fields.get("document_day")
    return Sent(
        body=body,
        request=request.number,
        kind=request.kind.value,
        state=request.state,
        sent_on=date.fromisoformat(told) if told else civil_day(sent.at),
        document_number=sent.fields.get("document_number"),
        due_on=due_on,
        answered_on=_answered_on(answered),
        answer=(answered.fields.get("body_answer") or answered.fields.get("reason")) if answered else None,
        answer_number=answered.fields.get("answer_number") if answered else None,
        planned_day=planned_day,
        days_late=days_late,
    )


def _answered_on(answered: Step | None) -> date | None:
    if answered is None:
        return None
    told = answered.fields.get("answer_day")
    return date.fromisoformat(told) if told else civil_day(answered.at)


def _last(request: CouncilRequest, *actions: Action) -> Step | None:
    return next((step for step in reversed(request.steps) if step.action in actions), None)


def _order(one: Sent) -> tuple[bool, date, int]:
    return (one.answered_on is not None, one.due_on or one.sent_on, one.request)


def _may_read(actor: Actor, region_id: str) -> bool:
    return access.allowed_role(actor, Permission.READ_CASEWORK, region_id=region_id) is not None
