"""Public pages of a council's meetings, from the journal alone: notice, agenda with its rule, votes, decisions."""

from riskmap.journal import PublicDecision, PublicMeeting
from riskmap.public import council
from riskmap.public.council import Council
from riskmap.wording import Wording

FIELDS = (
    "correction_reason",
    "decision_grounds",
    "legal_grounds",
    "owner",
    "due_day",
    "money_line",
    "money_sum",
    "expectation",
)
"""What a decision says, in the order people read it."""


def newest_first(found: Council) -> list[PublicMeeting]:
    """Meetings by day, the newest first."""
    meetings = found.journal.meetings if found.journal else ()
    return sorted(meetings, key=lambda one: (one.day, one.number), reverse=True)


def find_text(found: Council, number: str) -> PublicMeeting | None:
    """The meeting of a number as it stands in an address; None for what is no number of ours."""
    return next((one for one in newest_first(found) if str(one.number) == number), None)


def decisions(meeting: PublicMeeting, request: int) -> list[PublicDecision]:
    """All versions of the decision on a request, the one in force first."""
    return [one for one in reversed(meeting.decisions) if one.request == request]


def fields(decision: PublicDecision, words: Wording) -> list[tuple[str, str]]:
    """Label and text of what a decision says."""
    return [
        (words.text(f"council.field.{name}"), council.written(name, decision.fields[name], words))
        for name in FIELDS
        if name in decision.fields
    ]
