"""The discussion of a request as a part of its page: what was said, and the forms its reader may send."""

from dataclasses import dataclass
from datetime import date

from riskmap.comment_port import HideReason
from riskmap.council import discussion
from riskmap.council.discussion import Seen
from riskmap.council.request import FieldKind, civil_day
from riskmap.doors import form_fields
from riskmap.doors.form_fields import NOTHING_TYPED, FormField, Typed
from riskmap.doors.request_form import key_of
from riskmap.doors.visit import Visit
from riskmap.release import Release

FORM_ID = "say"
SAID = ("waiting", "shown")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One comment as a page shows it; ``note`` says what became of it, ``elsewhere`` the merged request it is of."""

    number: int
    request: int
    who: str
    on: date
    text: str | None
    note: str
    state: str
    elsewhere: int | None
    deeds: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """The discussion as a part of the page of a request."""

    lines: list[Line]
    may_say: bool
    waits_first: bool
    field: FormField
    key: str
    reasons: list[tuple[str, str]]
    reason_fault: str
    tried: str
    told: str


def part(visit: Visit, release: Release, number: int, *, typed: Typed = NOTHING_TYPED, tried: str = "") -> Part:
    """What this visitor sees of the discussion of a request; ``tried`` is the comment whose form came back."""
    found = discussion.view(visit.office, visit.actor, release.territory, number)
    said = visit.query.get("said", "")
    return Part(
        lines=[_line(visit, one, number) for one in found.comments],
        may_say=found.may_say,
        waits_first=found.waits_first,
        field=form_fields.field(
            "comment",
            visit.words,
            typed,
            form_id=FORM_ID,
            kind=FieldKind.TEXT,
            help_text=visit.text("discussion.help"),
            most=discussion.MOST_SIGNS,
        ),
        key=key_of(typed.values.get("key")),
        reasons=[(reason.value, visit.text(f"discussion.reason.{reason}")) for reason in HideReason],
        reason_fault=typed.fault("hide_reason", visit.words),
        tried=tried,
        told=visit.text(f"discussion.said.{said}") if said in SAID else "",
    )


def _line(visit: Visit, seen: Seen, number: int) -> Line:
    one = seen.comment
    note = "" if one.state == "shown" else visit.text(f"discussion.state.{one.state}")
    if one.reason:
        note = f"{note} {visit.text(f'discussion.reason.{one.reason}')}."
    return Line(
        number=one.number,
        request=one.request,
        who=visit.text("discussion.you") if seen.is_own else visit.text(f"account.role.{one.role}"),
        on=civil_day(one.said_at),
        text=seen.text,
        note=note,
        state=one.state.value,
        elsewhere=one.request if one.request != number else None,
        deeds=tuple(deed.value for deed in seen.deeds),
    )
