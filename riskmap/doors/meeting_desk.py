"""Staff screens of meetings: call, change, open and close one, enter, correct and confirm its decisions."""

from collections.abc import Mapping
from datetime import date
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from riskmap.council import confirming, meetings
from riskmap.council.meeting import DECISION, NOTICE, Meeting, Verdict, Vote
from riskmap.council.meetings import MeetingView
from riskmap.council.request import FieldKind
from riskmap.doors import form_fields
from riskmap.doors.form_fields import NOTHING_TYPED, FormField, Typed
from riskmap.doors.request_form import key_of
from riskmap.doors.visit import NUMBER, Visit
from riskmap.errors import ChangedMeanwhile, StepNotPossible, UnfitFields
from riskmap.public import council, meeting_pages

PRESENT, VOTE = "present.", "vote."
DEEDS = ("change", "open", "decide", "close")


def show(visit: Visit) -> Response:
    """All meetings of a territory, and the form that calls one about everything before the council."""
    return _list(visit, NOTHING_TYPED)


def call(visit: Visit) -> Response:
    """Call a meeting."""
    territory, form = visit.release.territory, visit.form
    try:
        made = meetings.call(visit.office, visit.actor, territory, form, key=key_of(form.get("key")), at=visit.at)
    except UnfitFields as error:
        return _list(visit, Typed(values=form, faults=error.faults))
    return visit.go(_path(territory, made.number))


def view(visit: Visit) -> Response:
    """One meeting with the forms that are possible now."""
    return _page(visit, _view(visit))


def back(visit: Visit) -> Response:
    """An address of a deed, opened without sending anything, leads to the meeting."""
    return visit.go(_path(visit.release.territory, visit.number))


def move(visit: Visit) -> Response:
    """Enter one deed; if the meeting has moved meanwhile, say so and keep what was written."""
    territory, number, form = visit.release.territory, visit.number, visit.form
    deed = visit.asked["deed"]
    told: dict[str, Any] = {"version": _number(form.get("version", "")), "key": key_of(form.get("key")), "at": visit.at}
    place = (visit.office, visit.actor, territory, number)
    try:
        if deed == "change":
            meetings.change(*place, form, **told)
        elif deed == "open":
            meetings.open_(*place, set(_with_prefix(visit, PRESENT)), **told)
        elif deed == "close":
            meetings.close(*place, **told)
        elif deed == "decide":
            votes = _with_prefix(visit, VOTE)
            asked = _number(form.get("request", ""))
            meetings.decide(*place, request=asked, given=form, votes=votes, **told)
        elif deed == "confirm":
            asked = _number(form.get("request", ""))
            confirming.confirm(*place, request=asked, request_version=_number(form.get("request_version", "")), **told)
        else:
            return back(visit)
    except UnfitFields as error:
        return _page(visit, _view(visit), typed=Typed(values=form, faults=error.faults), tried=deed)
    except ChangedMeanwhile:
        return _page(visit, _view(visit), typed=Typed(values=form), tried=deed, problem="error.changed_meanwhile")
    except StepNotPossible:
        return _page(visit, _view(visit), typed=Typed(values=form), tried=deed, problem="error.step_not_possible")
    return visit.go(_path(territory, number))


def _path(territory: str, number: int) -> str:
    return f"/casework/{territory}/meetings/{number}"


def _number(text: str) -> int:
    return int(text) if NUMBER.fullmatch(text) else 0


def _with_prefix(visit: Visit, prefix: str) -> dict[str, str]:
    return {name.removeprefix(prefix): text for name, text in visit.form.items() if name.startswith(prefix) and text}


def _view(visit: Visit) -> MeetingView:
    return meetings.view(visit.office, visit.actor, visit.release.territory, visit.number)


def _said(visit: Visit, fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Label and text of what a decision says, as the public page writes it."""
    return [
        (visit.text(f"council.field.{name}"), council.written(name, str(fields[name]), visit.words))
        for name in meeting_pages.FIELDS
        if name in fields
    ]


def _list(visit: Visit, typed: Typed) -> Response:
    release = visit.release
    found = meetings.listing(visit.office, visit.actor, release.territory, at=visit.at)
    fields = _notice_fields(visit, typed, form_id="call")
    return visit.show(
        "meetings_desk.html",
        title=visit.text("council.meeting.list"),
        status=HTTPStatus.UNPROCESSABLE_ENTITY if typed.faults else HTTPStatus.OK,
        release=release,
        found=found,
        fields=fields,
        faults=form_fields.summary(fields),
        agenda_fault=typed.fault("agenda", visit.words),
        key=key_of(typed.values.get("key")),
    )


def _notice_fields(visit: Visit, typed: Typed, *, form_id: str, meeting: Meeting | None = None) -> list[FormField]:
    notice = meeting.notice if meeting else {}
    return [
        form_fields.field(name, visit.words, typed, form_id=form_id, kind=kind, default=str(notice.get(name, "")))
        for name, kind in NOTICE.items()
    ]


def _decision_fields(visit: Visit, typed: Typed, number: int, *, is_correction: bool) -> list[FormField]:
    form_id = f"decide-{number}"
    made = [
        form_fields.field(
            "verdict",
            visit.words,
            typed,
            form_id=form_id,
            kind=FieldKind.CHOICE,
            choices=[(one.value, visit.text(f"council.meeting.verdict.{one.value}")) for one in Verdict],
        )
    ]
    helps = {"legal_grounds": "council.meeting.help.refused", "correction_reason": "council.meeting.help.correction"}
    helps |= dict.fromkeys(
        ("owner", "due_day", "money_line", "money_sum", "expectation"), "council.meeting.help.accepted"
    )
    made += [
        form_fields.field(
            name,
            visit.words,
            typed,
            form_id=form_id,
            kind=kind,
            help_text=visit.text(helps[name]) if name in helps else "",
        )
        for name, kind in DECISION.items()
        if is_correction or name != "correction_reason"
    ]
    return made


def _page(
    visit: Visit, found: MeetingView, *, typed: Typed = NOTHING_TYPED, tried: str = "", problem: str = ""
) -> Response:
    release, meeting = visit.release, found.meeting
    tried_request = _number(typed.values.get("request", ""))
    questions = []
    for question in meeting.agenda:
        is_tried = tried == "decide" and question.number == tried_request
        decided = meeting.decisions(question.number)
        of_this = typed if is_tried else NOTHING_TYPED
        fields = _decision_fields(visit, of_this, question.number, is_correction=bool(decided))
        questions.append(
            {
                "question": question,
                "request": found.requests.get(question.number),
                "decided": decided[-1] if decided else None,
                "confirm": found.confirmable.get(question.number),
                "said": _said(visit, decided[-1].fields) if decided else [],
                "fields": fields,
                "is_tried": is_tried,
                "votes": {account: of_this.values.get(f"{VOTE}{account}", "") for account in meeting.present},
                "vote_fault": of_this.fault("votes", visit.words),
                "conflicted": found.parties.get(question.number, frozenset()),
            }
        )
    status = HTTPStatus.CONFLICT if problem else HTTPStatus.UNPROCESSABLE_ENTITY if typed.faults else HTTPStatus.OK
    return visit.show(
        "meeting_desk.html",
        title=visit.text("council.meeting.title", number=str(meeting.number)),
        status=status,
        release=release,
        path=_path(release.territory, meeting.number),
        found=found,
        meeting=meeting,
        day=date.fromisoformat(meeting.notice["day"]),
        logins=dict(found.members),
        notice=_notice_fields(visit, typed if tried == "change" else NOTHING_TYPED, form_id="change", meeting=meeting),
        present_fault=typed.fault("present", visit.words) if tried == "open" else "",
        agenda_fault=typed.fault("agenda", visit.words) if tried == "change" else "",
        questions=questions,
        votes=[(vote.value, visit.text(f"council.meeting.vote.{vote.value}")) for vote in Vote],
        keys={deed: key_of(typed.values.get("key") if deed == tried else None) for deed in DEEDS},
        confirm_key=lambda: key_of(None),
        decide_key=lambda is_tried: key_of(typed.values.get("key") if is_tried else None),
        problem=visit.text(problem) if problem else "",
    )
