"""Terms of a request: the law's, the council's own and the one a body named, never mixed. Pure: no clock, no store.

The law's term runs only from an official appeal whose number and day were entered (Administrative Procedural Code of
Kazakhstan, article 76): 15 working days, which a reasoned decision may extend to two months from the day of the appeal,
with notice within 3 working days; what is somebody else's is redirected within 3 working days. While it runs the
council sets no date of its own. Whose term it is follows from the steps: a body's only after the request was sent to
it with a document number, the council's before.
"""

from calendar import monthrange
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from geodata import working_days
from riskmap.council.request import Action, CouncilRequest, State, Step, civil_day
from riskmap.errors import FieldFault, StepNotPossible, UnfitFields

LEGAL_WORKING_DAYS = 15
REDIRECT_WORKING_DAYS = 3
NOTICE_WORKING_DAYS = 3
MOST_MONTHS = 2

ANSWERS = frozenset({Action.SCHEDULE, Action.REPORT_NOT_DONE, Action.COMPLETE})
"""Steps by which a body has answered: the law's term ends with the first of them."""
_ENDS_OWN_DATE = frozenset({Action.SEND, *ANSWERS, Action.REOPEN, Action.CONFIRM})
"""Steps after which the council's earlier date says nothing any more."""
_WITH_BODY = frozenset({State.WITH_BODY, State.SCHEDULED})


class Clock(StrEnum):
    """Whose date it is; the names people read are in the catalogues (``council.clock.*``)."""

    LEGAL = "legal"
    OWN = "own"
    PROMISED = "promised"


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalTerm:
    """The term of an official appeal.

    ``redirect_by`` is the last day to pass it on; ``extended_on`` and ``notice_by`` are None where it was not extended.
    """

    appeal_on: date
    due_on: date
    redirect_by: date
    extended_on: date | None = None
    notice_by: date | None = None
    notice_on: date | None = None

    @property
    def is_notice_late(self) -> bool:
        return self.notice_by is not None and self.notice_on is not None and self.notice_on > self.notice_by


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """The date that counts for a request now. ``body`` is None where the council itself has to act."""

    clock: Clock
    due_on: date
    body: str | None
    legal: LegalTerm | None = None

    def days_late(self, today: date) -> int:
        """Days of the calendar since the term ended; 0 on its last day and before."""
        return max(0, (today - self.due_on).days)


def legal_due(appeal_on: date) -> date:
    """The last day of the law's term for an appeal of a day.

    Examples
    --------
    >>> legal_due(date(2026, 12, 1))
    datetime.date(2026, 12, 23)
    """
    return working_days.add(appeal_on, LEGAL_WORKING_DAYS)


def redirect_due(appeal_on: date) -> date:
    """The last day on which an appeal about somebody else's matter is passed on."""
    return working_days.add(appeal_on, REDIRECT_WORKING_DAYS)


def notice_due(extended_on: date) -> date:
    """The last day on which the applicant is told of an extension."""
    return working_days.add(extended_on, NOTICE_WORKING_DAYS)


def latest_extension(appeal_on: date) -> date:
    """Two months from the day of the appeal: the furthest day to which its term may be extended.

    Examples
    --------
    >>> latest_extension(date(2025, 12, 31))
    datetime.date(2026, 2, 28)
    """
    months = appeal_on.month - 1 + MOST_MONTHS
    year, month = appeal_on.year + months // 12, months % 12 + 1
    return date(year, month, min(appeal_on.day, monthrange(year, month)[1]))


def legal_term(request: CouncilRequest) -> LegalTerm | None:
    """The term of the official appeal entered on a request, also where it has ended; None without one."""
    return _legal_term(request.steps)


def running(request: CouncilRequest) -> Deadline | None:
    """The one date that counts now; None where nobody named any, or the request is closed."""
    if not request.is_open:
        return None
    sent_to = request.newest("body") if request.state in _WITH_BODY else None
    term = _legal_term(request.steps)
    if term is not None and not _is_answered(request.steps):
        return Deadline(clock=Clock.LEGAL, due_on=term.due_on, body=sent_to, legal=term)
    promised = request.newest("planned_day")
    if request.state is State.SCHEDULED and promised:
        return Deadline(clock=Clock.PROMISED, due_on=date.fromisoformat(promised), body=sent_to)
    own = _own_day(request.steps)
    return None if own is None else Deadline(clock=Clock.OWN, due_on=own, body=sent_to)


def is_possible(request: CouncilRequest, action: Action) -> bool:
    """Whether the terms of a request leave room for a step that its state allows."""
    deadline = running(request)
    legal = deadline.legal if deadline else None
    if action is Action.ENTER_APPEAL:
        # A slip of the pen can be put right while nothing rests on it.
        return legal.extended_on is None if legal else legal_term(request) is None
    if action is Action.EXTEND_TERM:
        return legal is not None and legal.extended_on is None
    if action is Action.SET_DATE:
        return legal is None
    # The law's term belongs to its appeal: it may not be lost inside another request.
    return action is not Action.MERGE or legal is None


def require_possible(request: CouncilRequest, action: Action) -> None:
    """Pass a step that the terms of a request leave room for.

    Raises
    ------
    StepNotPossible
    """
    if not is_possible(request, action):
        deadline = running(request)
        found = f"the {deadline.clock} term ends on {deadline.due_on}" if deadline else "no term runs"
        raise StepNotPossible(
            f"Request {request.territory}-{request.number}: {found}; {action} is not possible. "
            "Only an official appeal's running term is extended, once; while it runs no other date is set and the "
            "request is not merged.",
            state=request.state,
        )


def require_fit(request: CouncilRequest) -> None:
    """Pass a request whose newest step keeps the law's terms and sets no date in the past.

    Raises
    ------
    UnfitFields
        If a term is extended after its end, not beyond it or beyond two months; if the notice is before the decision;
        or if the council's own date has passed already.
    """
    step = request.steps[-1]
    faults = []
    if step.action is Action.SET_DATE and date.fromisoformat(step.fields["own_day"]) < civil_day(step.at):
        faults.append(FieldFault(field="own_day", fault="day_has_passed"))
    if step.action is Action.EXTEND_TERM:
        faults += _extension_faults(request.steps[:-1], step)
    if faults:
        raise UnfitFields(tuple(faults))


def _extension_faults(before: tuple[Step, ...], step: Step) -> Iterable[FieldFault]:
    term = _legal_term(before)
    if term is None:
        return [FieldFault(field="extended_day", fault="no_appeal")]
    told = {name: date.fromisoformat(step.fields[name]) for name in ("extension_day", "extended_day", "notice_day")}
    faults = []
    if told["extension_day"] > term.due_on:
        faults.append(FieldFault(field="extension_day", fault="term_is_over"))
    if told["extended_day"] <= term.due_on:
        faults.append(FieldFault(field="extended_day", fault="day_too_early"))
    if told["extended_day"] > latest_extension(term.appeal_on):
        faults.append(FieldFault(field="extended_day", fault="beyond_two_months"))
    if told["notice_day"] < told["extension_day"]:
        faults.append(FieldFault(field="notice_day", fault="day_too_early"))
    return faults


def _legal_term(steps: tuple[Step, ...]) -> LegalTerm | None:
    term = None
    for step in steps:
        if step.action is Action.ENTER_APPEAL:
            on = date.fromisoformat(step.fields["appeal_day"])
            term = LegalTerm(appeal_on=on, due_on=legal_due(on), redirect_by=redirect_due(on))
        elif step.action is Action.EXTEND_TERM and term is not None:
            decided = date.fromisoformat(step.fields["extension_day"])
            term = LegalTerm(
                appeal_on=term.appeal_on,
                due_on=date.fromisoformat(step.fields["extended_day"]),
                redirect_by=term.redirect_by,
                extended_on=decided,
                notice_by=notice_due(decided),
                notice_on=date.fromisoformat(step.fields["notice_day"]),
            )
    return term


def _is_answered(steps: tuple[Step, ...]) -> bool:
    """Whether a body answered since the appeal was entered."""
    answered = False
    for step in steps:
        if step.action is Action.ENTER_APPEAL:
            answered = False
        answered = answered or step.action in ANSWERS
    return answered


def _own_day(steps: tuple[Step, ...]) -> date | None:
    day = None
    for step in steps:
        if step.action in _ENDS_OWN_DATE:
            day = None
        elif step.action is Action.SET_DATE:
            day = date.fromisoformat(step.fields["own_day"])
    return day
