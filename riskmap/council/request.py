"""Rules of a council request: its states, the steps between them and what each step needs. Pure: no clock, no store.

A request is a chain of steps. Its version is the number of steps it holds, so a screen that saw another number of
steps saw another request. Who may take a step is asked of `riskmap.identity.access`, not here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta, timezone
from enum import StrEnum

from riskmap.council import texts
from riskmap.errors import FieldFault, StepNotPossible, UnfitFields


class RequestKind(StrEnum):
    """What is asked for."""

    CAMERA = "camera"
    PATROL = "patrol"
    ROAD_SIGN = "road_sign"
    LIGHTING = "lighting"
    OTHER = "other"


class State(StrEnum):
    """Where a request stands; the names people read are in the catalogues (``council.state.*``)."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    IN_TRIAGE = "in_triage"
    NEEDS_INFORMATION = "needs_information"
    BEFORE_COUNCIL = "before_council"
    APPROVED = "approved"
    REFUSED = "refused"
    WITH_BODY = "with_body"
    SCHEDULED = "scheduled"
    DONE = "done"
    DISPUTED = "disputed"
    NOT_DONE = "not_done"
    NOT_OURS = "not_ours"
    MERGED = "merged"
    WITHDRAWN = "withdrawn"


class Action(StrEnum):
    """A step somebody takes."""

    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    TAKE_UP = "take_up"
    ASK = "ask"
    ANSWER = "answer"
    MERGE = "merge"
    FORWARD = "forward"
    REFER = "refer"
    APPROVE = "approve"
    REFUSE = "refuse"
    SEND = "send"
    SCHEDULE = "schedule"
    REPORT_NOT_DONE = "report_not_done"
    COMPLETE = "complete"
    DISPUTE = "dispute"
    CONFIRM = "confirm"
    REOPEN = "reopen"
    UNDO_MERGE = "undo_merge"
    UNDO_WITHDRAWAL = "undo_withdrawal"
    ENTER_APPEAL = "enter_appeal"
    EXTEND_TERM = "extend_term"
    SET_DATE = "set_date"


MOVES: Mapping[tuple[State, Action], State] = {
    (State.DRAFT, Action.SUBMIT): State.SUBMITTED,
    (State.SUBMITTED, Action.TAKE_UP): State.IN_TRIAGE,
    (State.SUBMITTED, Action.WITHDRAW): State.WITHDRAWN,
    (State.IN_TRIAGE, Action.ASK): State.NEEDS_INFORMATION,
    (State.IN_TRIAGE, Action.MERGE): State.MERGED,
    (State.IN_TRIAGE, Action.FORWARD): State.NOT_OURS,
    (State.IN_TRIAGE, Action.REFER): State.BEFORE_COUNCIL,
    (State.NEEDS_INFORMATION, Action.ANSWER): State.IN_TRIAGE,
    (State.BEFORE_COUNCIL, Action.APPROVE): State.APPROVED,
    (State.BEFORE_COUNCIL, Action.REFUSE): State.REFUSED,
    (State.APPROVED, Action.SEND): State.WITH_BODY,
    (State.WITH_BODY, Action.SCHEDULE): State.SCHEDULED,
    (State.WITH_BODY, Action.REPORT_NOT_DONE): State.NOT_DONE,
    (State.SCHEDULED, Action.COMPLETE): State.DONE,
    (State.SCHEDULED, Action.REPORT_NOT_DONE): State.NOT_DONE,
    (State.DONE, Action.DISPUTE): State.DISPUTED,
    (State.DISPUTED, Action.DISPUTE): State.DISPUTED,
    (State.DISPUTED, Action.CONFIRM): State.DONE,
    (State.DISPUTED, Action.REOPEN): State.WITH_BODY,
    (State.MERGED, Action.UNDO_MERGE): State.IN_TRIAGE,
    (State.WITHDRAWN, Action.UNDO_WITHDRAWAL): State.SUBMITTED,
}
"""Steps that bring a request elsewhere."""

OPEN_STATES = frozenset(
    {
        State.SUBMITTED,
        State.IN_TRIAGE,
        State.NEEDS_INFORMATION,
        State.BEFORE_COUNCIL,
        State.APPROVED,
        State.WITH_BODY,
        State.SCHEDULED,
        State.DISPUTED,
    }
)
"""States in which something is still to be done; such requests can be supported."""
STAYS = (Action.ENTER_APPEAL, Action.EXTEND_TERM, Action.SET_DATE)
"""Steps about the terms of an open request, which stays where it is; `riskmap.council.clocks` says when they fit."""
SELDOM = frozenset({Action.WITHDRAW, Action.DISPUTE, Action.UNDO_MERGE, Action.UNDO_WITHDRAWAL, *STAYS})
"""Steps nobody waits for."""
TRANSITIONS: Mapping[tuple[State, Action], State] = {
    **MOVES,
    **{(state, action): state for state in State if state in OPEN_STATES for action in STAYS},
}


class FieldKind(StrEnum):
    """What a field of a step holds."""

    LINE = "line"
    TEXT = "text"
    DAY = "day"
    NUMBER = "number"
    CHOICE = "choice"


MOST_SIGNS = {FieldKind.LINE: 200, FieldKind.TEXT: 2000}
FEWEST_SIGNS_OF_GROUNDS = 20
EARLIEST_DAY, LATEST_DAY = date(2020, 1, 1), date(2100, 1, 1)
CIVIL_TIME = timezone(timedelta(hours=5))
"""Days are those of Kazakhstan's one civil time, UTC+5 since 1 March 2024."""
HAPPENED = frozenset({"document_day", "answer_day", "done_day", "appeal_day", "extension_day", "notice_day"})
"""Days on which something happened: not in the future."""
NOT_BEFORE: Mapping[str, str | None] = {
    "answer_day": "document_day",
    "planned_day": "document_day",
    "extension_day": "appeal_day",
    "extended_day": "appeal_day",
    "notice_day": "appeal_day",
    "appeal_day": None,
}
"""The day before which a day cannot be: that of an earlier step, or None for any; otherwise the request's filing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One thing a step needs. Public ones are published with the step, so they may not point at a person."""

    name: str
    kind: FieldKind = FieldKind.TEXT
    is_public: bool = True
    choices: tuple[str, ...] = ()
    """Values of a choice; the words people read are in the catalogues (``council.choice.*``)."""


WHAT_IS_AMISS = ("nothing_done", "partly_done", "does_not_work", "elsewhere", "broken_again")
WHY_NOT_DONE = ("no_money", "not_possible", "not_allowed", "done_otherwise", "no_need", "other_reason")
WORDING = Field(name="wording")
MARKS = "marks"
"""Of a request made of marks, the step that files it says of how many; no form asks for it, and it is not published."""
NEEDS: Mapping[Action, tuple[Field, ...]] = {
    Action.SUBMIT: (),
    Action.WITHDRAW: (),
    Action.TAKE_UP: (WORDING,),
    Action.ASK: (Field(name="question", is_public=False),),
    Action.ANSWER: (Field(name="answer", is_public=False),),
    Action.MERGE: (Field(name="earlier_request", kind=FieldKind.NUMBER),),
    Action.FORWARD: (Field(name="competent_body", kind=FieldKind.LINE),),
    Action.REFER: (Field(name="note", is_public=False),),
    Action.APPROVE: (Field(name="decision_grounds"), Field(name="expectation")),
    # What the law says and what was found: a refusal needs both. Those from before the first was asked have the second.
    Action.REFUSE: (Field(name="legal_grounds"), Field(name="decision_grounds")),
    Action.SEND: (
        Field(name="body", kind=FieldKind.LINE),
        Field(name="document_number", kind=FieldKind.LINE),
        Field(name="document_day", kind=FieldKind.DAY),
    ),
    Action.SCHEDULE: (
        Field(name="body_answer"),
        Field(name="answer_number", kind=FieldKind.LINE),
        # The day of the body's letter; answers from before it was asked for have the day they were entered.
        Field(name="answer_day", kind=FieldKind.DAY),
        Field(name="planned_day", kind=FieldKind.DAY),
    ),
    Action.REPORT_NOT_DONE: (
        Field(name="not_done_kind", kind=FieldKind.CHOICE, choices=WHY_NOT_DONE),
        Field(name="reason"),
    ),
    Action.COMPLETE: (Field(name="done_day", kind=FieldKind.DAY), Field(name="document", kind=FieldKind.LINE)),
    Action.DISPUTE: (
        Field(name="dispute_kind", kind=FieldKind.CHOICE, choices=WHAT_IS_AMISS),
        Field(name="dispute_reason", is_public=False),
    ),
    Action.CONFIRM: (Field(name="checked"),),
    Action.REOPEN: (Field(name="checked"),),
    Action.UNDO_MERGE: (Field(name="note", is_public=False),),
    Action.UNDO_WITHDRAWAL: (Field(name="note", is_public=False),),
    # With its number an appeal can be looked up elsewhere, and with it whoever made it.
    Action.ENTER_APPEAL: (
        Field(name="appeal_number", kind=FieldKind.LINE, is_public=False),
        Field(name="appeal_day", kind=FieldKind.DAY),
    ),
    Action.EXTEND_TERM: (
        Field(name="extension_grounds"),
        Field(name="extension_number", kind=FieldKind.LINE),
        Field(name="extension_day", kind=FieldKind.DAY),
        Field(name="extended_day", kind=FieldKind.DAY),
        Field(name="notice_day", kind=FieldKind.DAY),
    ),
    Action.SET_DATE: (Field(name="own_day", kind=FieldKind.DAY),),
}
"""Every field is required. The form of a step and its check are both made from this table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One line of a request's history. ``fields`` hold cleaned text; days as YYYY-MM-DD."""

    action: Action
    before: State
    after: State
    account_id: str
    role: str
    at: datetime
    key: str
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Filing:
    """What a person wrote into the form of a new request; cleaned by `submit`.

    ``channel`` and ``heard_day`` are read by `council.assisted` alone.
    """

    kind: str
    grounds: str
    landmark: str = ""
    channel: str = ""
    heard_day: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A published cell with the region it belongs to and what the release said about it when the request was filed.

    ``risk_class`` is the class of all offences together, 1 to 7 (`models.risk_class.RiskClass`).
    """

    territory: str
    region_id: str
    area_id: str
    cell_id: str
    release_id: str
    risk_class: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CouncilRequest:
    """A council request with its whole history.

    ``requester`` is None where the secretary wrote it down for somebody without an account; ``entered_by`` is who
    typed it. ``grounds`` and ``landmark`` are the requester's own words and never published; ``wording`` is what the
    secretary publishes instead.
    """

    territory: str
    number: int
    region_id: str
    place: Place
    kind: RequestKind
    grounds: str
    landmark: str
    requester: str | None
    entered_by: str
    is_simulated: bool
    state: State
    steps: tuple[Step, ...]

    @property
    def version(self) -> int:
        return len(self.steps)

    @property
    def submitted_at(self) -> datetime:
        return self.steps[0].at

    @property
    def changed_at(self) -> datetime:
        return self.steps[-1].at

    @property
    def wording(self) -> str | None:
        """The published words; None until the request has been taken up."""
        return self.newest("wording")

    @property
    def merged_into(self) -> int | None:
        """Number of the request this one was merged into."""
        earlier = self.newest("earlier_request")
        return int(earlier) if earlier and self.state is State.MERGED else None

    @property
    def made_of_marks(self) -> int:
        """How many marks it was made of; 0 where somebody asked for it."""
        return int(self.steps[0].fields.get(MARKS, "0"))

    @property
    def is_open(self) -> bool:
        return self.state in OPEN_STATES

    def newest(self, name: str) -> str | None:
        """What the last step that has this field says in it."""
        return next((step.fields[name] for step in reversed(self.steps) if name in step.fields), None)


def possible_actions(state: State) -> tuple[Action, ...]:
    """Actions the table allows from a state, in its order.

    Examples
    --------
    >>> [action.value for action in possible_actions(State.MERGED)]
    ['undo_merge']
    """
    return tuple(action for before, action in TRANSITIONS if before is state)


def submit(
    filing: Filing,
    place: Place,
    *,
    number: int,
    requester: str | None,
    entered_by: str,
    role: str,
    at: datetime,
    key: str,
    is_simulated: bool,
    told: Mapping[str, str] | None = None,
    faults: Sequence[FieldFault] = (),
) -> CouncilRequest:
    """A new request in its first public state. ``told`` is kept with its first step; ``faults`` were found before.

    Raises
    ------
    UnfitFields
        If the kind is none of ours, or a text is empty, too short or too long.
    """
    faults = list(faults)
    if filing.kind not in set(RequestKind):
        faults.append(FieldFault(field="kind", fault="missing"))
    grounds, landmark = texts.clean(filing.grounds), texts.clean(filing.landmark, is_line=True)
    faults += _length_faults("grounds", grounds, FieldKind.TEXT, fewest=FEWEST_SIGNS_OF_GROUNDS)
    if landmark:
        faults += _length_faults("landmark", landmark, FieldKind.LINE)
    if faults:
        raise UnfitFields(tuple(faults))

    step = Step(
        action=Action.SUBMIT,
        before=State.DRAFT,
        after=TRANSITIONS[State.DRAFT, Action.SUBMIT],
        account_id=entered_by,
        role=role,
        at=at,
        key=key,
        fields=told or {},
    )
    return CouncilRequest(
        territory=place.territory,
        number=number,
        region_id=place.region_id,
        place=place,
        kind=RequestKind(filing.kind),
        grounds=grounds,
        landmark=landmark,
        requester=requester,
        entered_by=entered_by,
        is_simulated=is_simulated,
        state=step.after,
        steps=(step,),
    )


def advance(
    request: CouncilRequest,
    action: Action,
    given: Mapping[str, str],
    *,
    account_id: str,
    role: str,
    at: datetime,
    key: str,
) -> CouncilRequest:
    """The request after one more step.

    Raises
    ------
    StepNotPossible
        If the table has no such step from the request's state.
    UnfitFields
        If a field is missing, too long, no day or number, or a public one could point at a person.
    """
    after = TRANSITIONS.get((request.state, action))
    if after is None:
        raise StepNotPossible(
            f"Request {request.territory}-{request.number} is {request.state}; {action} is not possible. "
            f"From here: {', '.join(possible_actions(request.state)) or 'nothing'}.",
            state=request.state,
        )
    fields = _checked_fields(request, action, given, today=civil_day(at))
    step = Step(
        action=action,
        before=request.state,
        after=after,
        account_id=account_id,
        role=role,
        at=at,
        key=key,
        fields=fields,
    )
    return replace(request, state=after, steps=(*request.steps, step))


def civil_day(at: datetime) -> date:
    """The day of a moment as people of the place count it."""
    return at.astimezone(CIVIL_TIME).date()


def _checked_fields(
    request: CouncilRequest, action: Action, given: Mapping[str, str], *, today: date
) -> dict[str, str]:
    cleaned, faults = {}, []
    for needed in NEEDS[action]:
        text = texts.clean(given.get(needed.name, ""), is_line=needed.kind is not FieldKind.TEXT)
        found = field_faults(needed, text)
        if not found and needed.kind is FieldKind.DAY:
            found = _day_faults(request, needed.name, date.fromisoformat(text), today=today)
        faults += found
        if not found:
            cleaned[needed.name] = text.lstrip("№ ").lstrip("0") if needed.kind is FieldKind.NUMBER else text
    if faults:
        raise UnfitFields(tuple(faults))
    return cleaned


def _day_faults(request: CouncilRequest, name: str, day: date, *, today: date) -> list[FieldFault]:
    earlier = NOT_BEFORE.get(name)
    told = request.newest(earlier) if earlier else None
    earliest = EARLIEST_DAY if name in NOT_BEFORE and earlier is None else civil_day(request.submitted_at)
    if day < (date.fromisoformat(told) if told else earliest):
        return [FieldFault(field=name, fault="day_too_early")]
    return [FieldFault(field=name, fault="day_in_future")] if name in HAPPENED and day > today else []


def field_faults(needed: Field, text: str) -> list[FieldFault]:
    if not text:
        return [FieldFault(field=needed.name, fault="missing")]
    if needed.kind is FieldKind.CHOICE:
        return [] if text in needed.choices else [FieldFault(field=needed.name, fault="no_choice")]
    if needed.kind is FieldKind.DAY:
        return [] if _is_day(text) else [FieldFault(field=needed.name, fault="not_a_day")]
    if needed.kind is FieldKind.NUMBER:
        digits = text.lstrip("№ ")
        is_number = digits.isascii() and digits.isdecimal() and 0 < len(digits.lstrip("0")) < 10
        return [] if is_number else [FieldFault(field=needed.name, fault="not_a_number")]
    too_long = _length_faults(needed.name, text, needed.kind)
    if too_long or not needed.is_public:
        return too_long
    return [FieldFault(field=needed.name, fault=f"holds_{found}") for found in texts.personal_details(text)]


def _length_faults(name: str, text: str, kind: FieldKind, *, fewest: int = 1) -> list[FieldFault]:
    if len(text) > MOST_SIGNS[kind]:
        return [FieldFault(field=name, fault="too_long", limit=MOST_SIGNS[kind], found=len(text))]
    if not text:
        return [FieldFault(field=name, fault="missing")]
    if len(text) < fewest:
        return [FieldFault(field=name, fault="too_short", limit=fewest, found=len(text))]
    return []


def _is_day(text: str) -> bool:
    try:
        return EARLIEST_DAY <= date.fromisoformat(text) < LATEST_DAY
    except ValueError:
        return False
