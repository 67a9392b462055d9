"""Rules of a council's meeting: agenda, quorum, votes, decisions, corrections. Pure: no clock, no store.

A meeting is a chain of entries, and its version is their number. A decision entered anew with a reason is a correction;
the earlier one stays in the chain. A member with a conflict of interest declared on a question has no vote on it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from models.risk_class import RiskClass
from riskmap.council import texts
from riskmap.council.request import MOST_SIGNS, CouncilRequest, FieldKind, civil_day
from riskmap.errors import FieldFault, StepNotPossible, UnfitFields

EVIDENCE_WEIGHT: Mapping[int, int] = {
    RiskClass.CLEARLY_LOWER: 1,
    RiskClass.MAYBE_LOWER: 2,
    RiskClass.NO_CLEAR_DIFFERENCE: 3,
    RiskClass.MAYBE_HIGHER: 4,
    RiskClass.CLEARLY_HIGHER: 5,
}
UNKNOWN_WEIGHT = 3
"""Of a place that nothing is told about: it neither gains nor loses by that."""


class Stage(StrEnum):
    """Where a meeting stands (``council.meeting.stage.*``)."""

    CALLED = "called"
    OPEN = "open"
    CLOSED = "closed"


class Deed(StrEnum):
    """One entry of a meeting."""

    CALL = "call"
    CHANGE = "change"
    OPEN = "open"
    DECIDE = "decide"
    CLOSE = "close"


class Verdict(StrEnum):
    """What was decided on a question (``council.meeting.verdict.*``)."""

    ACCEPTED = "accepted"
    ACCEPTED_CHANGED = "accepted_changed"
    REFUSED = "refused"
    POSTPONED = "postponed"


class Vote(StrEnum):
    """How a member present voted; a conflict of interest is no vote."""

    FOR = "for"
    AGAINST = "against"
    ABSTAINED = "abstained"
    CONFLICT = "conflict"


ACCEPTING = frozenset({Verdict.ACCEPTED, Verdict.ACCEPTED_CHANGED})
NOTICE = {"day": FieldKind.DAY, "time": FieldKind.LINE, "place": FieldKind.LINE}
DECISION = {
    "decision_grounds": FieldKind.TEXT,
    "legal_grounds": FieldKind.TEXT,
    "owner": FieldKind.LINE,
    "due_day": FieldKind.DAY,
    "money_line": FieldKind.LINE,
    "money_sum": FieldKind.NUMBER,
    "expectation": FieldKind.TEXT,
    "correction_reason": FieldKind.TEXT,
}
NEEDED: Mapping[Verdict, frozenset[str]] = {
    Verdict.ACCEPTED: frozenset({"decision_grounds", "owner", "due_day", "money_line", "expectation"}),
    Verdict.ACCEPTED_CHANGED: frozenset({"decision_grounds", "owner", "due_day", "money_line", "expectation"}),
    Verdict.REFUSED: frozenset({"decision_grounds", "legal_grounds"}),
    Verdict.POSTPONED: frozenset({"decision_grounds"}),
}
"""What each verdict has to say; all of it is published."""
MONEY_SUM = "money_sum"
"""Whole tenge; may be left out, for not every accepted question has its sum yet."""
MOST_DIGITS_OF_MONEY = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A request on an agenda with what its place there was reckoned from."""

    number: int
    supporters: int
    evidence: int
    days: int

    @property
    def weight(self) -> int:
        return (1 + self.supporters) * self.evidence * (1 + self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of a meeting's chain; ``fields`` hold cleaned texts, and lists and tables of codes."""

    deed: Deed
    account_id: str
    role: str
    at: datetime
    key: str
    fields: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Meeting:
    """A meeting with its whole chain."""

    territory: str
    number: int
    is_simulated: bool
    entries: tuple[Entry, ...]

    @property
    def version(self) -> int:
        return len(self.entries)

    @property
    def stage(self) -> Stage:
        deeds = {entry.deed for entry in self.entries}
        return Stage.CLOSED if Deed.CLOSE in deeds else Stage.OPEN if Deed.OPEN in deeds else Stage.CALLED

    @property
    def notice(self) -> Mapping[str, Any]:
        """Day, time, place, quorum and agenda as they stand now."""
        told: dict[str, Any] = {}
        for entry in self.entries:
            if entry.deed in (Deed.CALL, Deed.CHANGE):
                told |= entry.fields
        return told

    @property
    def agenda(self) -> tuple[Question, ...]:
        return tuple(Question(**one) for one in self.notice["agenda"])

    @property
    def quorum(self) -> int:
        return int(self.notice["quorum"])

    @property
    def present(self) -> tuple[str, ...]:
        """Accounts of the members present; empty before the meeting is opened."""
        return tuple(next((entry.fields["present"] for entry in self.entries if entry.deed is Deed.OPEN), ()))

    def decisions(self, number: int) -> tuple[Entry, ...]:
        """All versions of the decision on a question, the one in force last."""
        return tuple(entry for entry in self.entries if entry.deed is Deed.DECIDE and entry.fields["request"] == number)


def build_agenda(requests: Iterable[tuple[CouncilRequest, int]], *, today: date) -> tuple[Question, ...]:
    """Requests with their supporters in the order of (1 + supporters) x evidence x (1 + days waiting), then by number.

    Evidence is 1 to 5 by the class the map showed when the request was filed, 3 where it showed none.
    """
    found = [
        Question(
            number=request.number,
            supporters=supporters,
            evidence=EVIDENCE_WEIGHT.get(request.place.risk_class, UNKNOWN_WEIGHT),
            days=max(0, (today - civil_day(request.submitted_at)).days),
        )
        for request, supporters in requests
    ]
    return tuple(sorted(found, key=lambda one: (-one.weight, one.number)))


def call(
    territory: str,
    number: int,
    given: Mapping[str, str],
    agenda: tuple[Question, ...],
    *,
    members: int,
    is_simulated: bool,
    by: Entry,
) -> Meeting:
    """A new meeting with its notice; ``by`` says who calls it, when and by which key.

    Raises
    ------
    UnfitFields
        If day, time or place do not fit, or nothing stands on the agenda.
    """
    fields = _notice(given, agenda, members=members, today=civil_day(by.at))
    entry = replace(by, deed=Deed.CALL, fields=fields)
    return Meeting(territory=territory, number=number, is_simulated=is_simulated, entries=(entry,))


def change(
    meeting: Meeting, given: Mapping[str, str], agenda: tuple[Question, ...], *, members: int, by: Entry
) -> Meeting:
    """The meeting with a new notice; the earlier one stays in the chain. Errors as in `call`, and StepNotPossible."""
    _require(meeting, Stage.CALLED, Deed.CHANGE)
    fields = _notice(given, agenda, members=members, today=civil_day(by.at))
    return _with(meeting, replace(by, deed=Deed.CHANGE, fields=fields))


def open_(meeting: Meeting, present: Iterable[str], *, by: Entry) -> Meeting:
    """Open a meeting with the accounts of the members present.

    Raises
    ------
    StepNotPossible
        If it is open or closed already.
    UnfitFields
        If fewer are present than the quorum asks for.
    """
    _require(meeting, Stage.CALLED, Deed.OPEN)
    there = sorted(set(present))
    if len(there) < meeting.quorum:
        raise UnfitFields((FieldFault(field="present", fault="no_quorum", limit=meeting.quorum, found=len(there)),))
    return _with(meeting, replace(by, deed=Deed.OPEN, fields={"present": there}))


def decide(
    meeting: Meeting,
    number: int,
    given: Mapping[str, str],
    votes: Mapping[str, str],
    *,
    is_party: Iterable[str],
    by: Entry,
) -> Meeting:
    """Enter the decision on a question, or correct it with a reason; ``is_party`` are accounts that asked for it.

    Raises
    ------
    StepNotPossible
        If the meeting is not open and nothing is there to correct, or the request is not on the agenda.
    UnfitFields
        If a field is missing, a vote is not a member's, one with an interest votes, or the votes say otherwise.
    """
    before = meeting.decisions(number)
    if number not in {question.number for question in meeting.agenda} or (
        meeting.stage is not Stage.OPEN and not (before and meeting.stage is Stage.CLOSED)
    ):
        raise StepNotPossible(
            f"Meeting {meeting.territory}-{meeting.number} is {meeting.stage}; request {number} cannot be decided "
            "there. Only questions of its agenda are decided while it is open, and corrected afterwards.",
            state=meeting.stage,
        )
    cast = {account: vote for account, vote in votes.items() if vote}
    faults: list[FieldFault] = []
    verdict = given.get("verdict", "")
    if verdict not in set(Verdict):
        faults.append(FieldFault(field="verdict", fault="no_choice"))
    needed = NEEDED.get(Verdict(verdict), frozenset()) if verdict in set(Verdict) else frozenset()
    needed |= {"correction_reason"} if before else frozenset()
    fields, found = _cleaned(given, {name: kind for name, kind in DECISION.items() if name in needed})
    faults += found
    money = _digits(given.get(MONEY_SUM, ""))
    if money and verdict in ACCEPTING:
        fields[MONEY_SUM] = money
        if not (money.isascii() and money.isdecimal() and len(money) <= MOST_DIGITS_OF_MONEY):
            faults.append(FieldFault(field=MONEY_SUM, fault="not_a_sum"))
    if set(cast) - set(meeting.present) or set(cast.values()) - set(Vote):
        faults.append(FieldFault(field="votes", fault="not_present"))
    if any(cast.get(account) != Vote.CONFLICT for account in set(is_party) & set(meeting.present)):
        faults.append(FieldFault(field="votes", fault="own_interest"))
    counted = count(cast)
    if not faults and counted["for"] + counted["against"] + counted["abstained"] < meeting.quorum:
        faults.append(FieldFault(field="votes", fault="no_quorum", limit=meeting.quorum, found=len(cast)))
    if not faults and (counted["for"] > counted["against"]) is not (Verdict(verdict) is not Verdict.REFUSED):
        faults.append(FieldFault(field="votes", fault="votes_say_otherwise"))
    if faults:
        raise UnfitFields(tuple(faults))
    fields |= {"request": number, "verdict": verdict, "votes": cast}
    return _with(meeting, replace(by, deed=Deed.DECIDE, fields=fields))


def close(meeting: Meeting, *, by: Entry) -> Meeting:
    """Close an open meeting. Raises StepNotPossible otherwise."""
    _require(meeting, Stage.OPEN, Deed.CLOSE)
    return _with(meeting, replace(by, deed=Deed.CLOSE, fields={}))


def count(votes: Mapping[str, str]) -> dict[str, int]:
    """How many voted how, by the code of the vote."""
    return {vote.value: sum(cast == vote for cast in votes.values()) for vote in Vote}


def _with(meeting: Meeting, entry: Entry) -> Meeting:
    return replace(meeting, entries=(*meeting.entries, entry))


def _require(meeting: Meeting, stage: Stage, deed: Deed) -> None:
    if meeting.stage is not stage:
        raise StepNotPossible(
            f"Meeting {meeting.territory}-{meeting.number} is {meeting.stage}; {deed} is possible while it is {stage}.",
            state=meeting.stage,
        )


def _notice(given: Mapping[str, str], agenda: tuple[Question, ...], *, members: int, today: date) -> dict[str, Any]:
    fields, faults = _cleaned(given, NOTICE)
    if "time" in fields and not _is_time(fields["time"]):
        faults.append(FieldFault(field="time", fault="not_a_time"))
    if "day" in fields and date.fromisoformat(fields["day"]) < today:
        faults.append(FieldFault(field="day", fault="day_has_passed"))
    if not agenda:
        faults.append(FieldFault(field="agenda", fault="missing"))
    if faults:
        raise UnfitFields(tuple(faults))
    questions = [
        {"number": one.number, "supporters": one.supporters, "evidence": one.evidence, "days": one.days}
        for one in agenda
    ]
    return fields | {"agenda": questions, "members": members, "quorum": members // 2 + 1}


def _cleaned(given: Mapping[str, str], kinds: Mapping[str, FieldKind]) -> tuple[dict[str, Any], list[FieldFault]]:
    fields: dict[str, Any] = {}
    faults: list[FieldFault] = []
    for name, kind in kinds.items():
        text = texts.clean(given.get(name, ""), is_line=kind is not FieldKind.TEXT)
        most = MOST_SIGNS.get(kind)
        if not text:
            faults.append(FieldFault(field=name, fault="missing"))
        elif kind is FieldKind.DAY and not _is_day(text):
            faults.append(FieldFault(field=name, fault="not_a_day"))
        elif most is not None and len(text) > most:
            faults.append(FieldFault(field=name, fault="too_long", limit=most, found=len(text)))
        else:
            found = texts.personal_details(text) if most is not None else []
            faults += [FieldFault(field=name, fault=f"holds_{detail}") for detail in found]
            fields[name] = text
    return fields, faults


def _digits(text: str) -> str:
    """A sum without the spaces between its thousands."""
    return "".join(text.split())


def _is_day(text: str) -> bool:
    try:
        return 2020 <= date.fromisoformat(text).year < 2100
    except ValueError:
        return False


def _is_time(text: str) -> bool:
    hours, colon, minutes = text.partition(":")
    is_written = colon and hours.isascii() and minutes.isascii() and hours.isdecimal() and minutes.isdecimal()
    return bool(is_written) and len(text) == 5 and int(hours) < 24 and int(minutes) < 60
