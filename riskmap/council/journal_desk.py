"""From the council's requests, the reviews of places and marks to the journal the public reads."""

import logging
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

from riskmap import disk, journal
from riskmap.comment_port import Comment, CommentState
from riskmap.council import clocks
from riskmap.council.meeting import DECISION, Deed, Meeting, Stage, count
from riskmap.council.request import NEEDS, CouncilRequest, Step, civil_day
from riskmap.errors import DamagedRelease
from riskmap.identity import audit
from riskmap.journal import (
    AuditHead,
    MarkedQuarter,
    PublicClock,
    PublicComment,
    PublicDecision,
    PublicMeeting,
    PublicPhoto,
    PublicQuestion,
    PublicRequest,
    PublicReview,
    PublicStep,
)
from riskmap.photos import publishing
from riskmap.place_review.rules import PlaceReview
from riskmap.ports import Store
from riskmap.signals import rules as signal_rules
from riskmap.signals.rules import Category

logger = logging.getLogger(__name__)


def publish(store: Store, journals: Path, territory: str, *, at: datetime) -> str:
    """Write the journal of a territory as its requests stand now; returns its id. Repeating it changes nothing.

    Raises
    ------
    CannotWrite
        If the folder cannot be written.
    """
    # Read and write under one lock: of two changes at once, the later state must be the one that stays.
    with disk.held(journals / f".{territory}.lock"):
        with store.look() as look:
            requests = look.requests.of_territory(territory)
            supports = look.requests.supports(territory, is_counted=True)
            reviews = look.reviews.of_territory(territory)
            meetings = look.meetings.of_territory(territory)
            days = look.signals.counted_by_day(territory)
            comments = public_comments(look.comments.of_territory(territory))
            photos = look.photos.of_territory(territory)
            head = audit.head(look)
        supporters = count_supporters(requests, supports)
        pictures = publishing.copy(store, journals, territory, publishing.by_request(photos, requests))
        public = tuple(
            public_request(request, supporters[request.number], photos=tuple(pictures.get(request.number, ())))
            for request in requests
        )
        held = tuple(public_meeting(meeting) for meeting in meetings)
        changed = [
            *(request.changed_on for request in public),
            *(review.changed_on for review in reviews),
            *(meeting.changed_on for meeting in held),
            *(comment.on for comment in comments),
            *(photo.check.on for photo in photos if photo.check is not None),
        ]
        told = [
            *(request.is_simulated for request in requests),
            *(review.place.is_simulated for review in reviews),
            *(meeting.is_simulated for meeting in meetings),
        ]
        journal_id = journal.write(
            journals,
            territory,
            public,
            tuple(public_review(review) for review in reviews),
            meetings=held,
            marks=_quarters(journals, territory, days, today=civil_day(at)),
            comments=comments,
            as_of=max(changed, default=civil_day(at)),
            is_simulated=bool(told) and all(told),
            audit_head=head,
        )
        _keep_head(store, journals, head, at=at)
        publishing.sweep(journals, territory, pictures)
        return journal_id


def _keep_head(store: Store, journals: Path, head: Mapping[str, Any], *, at: datetime) -> None:
    """Note how far the audit log has come; a file that cannot be read is left for ``check-audit`` to name."""

    def is_led_through(told: AuditHead) -> bool:
        with store.look() as look:
            return audit.leads_through(look, {"position": told.lines, "hash": told.hash})

    try:
        journal.keep_head(journals, head, on=civil_day(at), is_led_through=is_led_through)
    except DamagedRelease:
        logger.exception("The heads of the audit log were not kept; run: python -m riskmap check-audit")


def public_request(request: CouncilRequest, supporters: int, *, photos: tuple[PublicPhoto, ...] = ()) -> PublicRequest:
    """What anyone may see of a request: no account, no words of the requester, only public fields of its steps."""
    return PublicRequest(
        number=request.number,
        kind=request.kind.value,
        state=request.state.value,
        is_open=request.is_open,
        cell_id=request.place.cell_id,
        area_id=request.place.area_id,
        release_id=request.place.release_id,
        risk_class=request.place.risk_class,
        submitted_on=civil_day(request.submitted_at),
        changed_on=civil_day(request.changed_at),
        supporters=supporters,
        wording=request.wording,
        merged_into=request.merged_into,
        is_simulated=request.is_simulated,
        steps=tuple(_public_step(step) for step in request.steps),
        clock=_public_clock(request),
        photos=photos,
    )


def public_comments(comments: Iterable[Comment]) -> tuple[PublicComment, ...]:
    """What anyone may read: shown comments, and of hidden ones the reason; never whose they are."""
    return tuple(
        PublicComment(
            request=one.request,
            number=one.number,
            role=one.role,
            on=civil_day(one.said_at),
            text=one.text if one.state is CommentState.SHOWN else None,
            reason=one.reason.value if one.reason else None,
        )
        for one in comments
        if one.state in (CommentState.SHOWN, CommentState.HIDDEN)
    )


def public_meeting(meeting: Meeting) -> PublicMeeting:
    """What anyone may see of a meeting: numbers of votes, never whose they were."""
    notice = meeting.notice
    decided = [entry for entry in meeting.entries if entry.deed is Deed.DECIDE]
    newest = {entry.fields["request"]: entry for entry in decided}
    return PublicMeeting(
        number=meeting.number,
        stage=meeting.stage.value,
        day=date.fromisoformat(notice["day"]),
        time=notice["time"],
        place=notice["place"],
        members=notice["members"],
        quorum=meeting.quorum,
        present=len(meeting.present) if meeting.stage is not Stage.CALLED else None,
        notices=sum(entry.deed in (Deed.CALL, Deed.CHANGE) for entry in meeting.entries),
        changed_on=civil_day(meeting.entries[-1].at),
        is_simulated=meeting.is_simulated,
        agenda=tuple(
            PublicQuestion(
                request=one.number,
                supporters=one.supporters,
                evidence=one.evidence,
                days=one.days,
                weight=one.weight,
            )
            for one in meeting.agenda
        ),
        decisions=tuple(
            PublicDecision(
                request=entry.fields["request"],
                verdict=entry.fields["verdict"],
                on=civil_day(entry.at),
                votes=count(entry.fields["votes"]),
                fields={name: entry.fields[name] for name in DECISION if name in entry.fields},
                is_in_force=newest[entry.fields["request"]] is entry,
            )
            for entry in decided
        ),
    )


def public_review(review: PlaceReview) -> PublicReview:
    """What anyone may see of a review: no voice, no number of voices, no account."""
    answer = review.answer
    return PublicReview(
        number=review.number,
        place_id=review.place.place_id,
        area_id=review.place.area_id,
        asked_on=review.asked_on,
        due_on=review.due_on,
        answered_on=civil_day(answer.at) if answer else None,
        outcome=answer.outcome.value if answer else None,
        reasons={"kk": answer.reason_kk, "ru": answer.reason_ru} if answer else {},
        role=answer.role if answer else None,
    )


def _quarters(
    journals: Path, territory: str, days: Iterable[tuple[str, Category, date, int]], *, today: date
) -> tuple[MarkedQuarter, ...]:
    """Quarters told before, as they were, though their marks may be gone by now; then those that are over since."""
    try:
        before = journal.latest(journals, territory)
    except DamagedRelease:
        before = None  # it is being written anew
    told = {one.quarter: one for one in before.marks} if before else {}
    for quarter, counts in signal_rules.told_counts(days, today=today).items():
        plain = tuple((area_id, category.value, count) for area_id, category, count in counts)
        told.setdefault(quarter, MarkedQuarter(quarter=quarter, counts=plain))
    return tuple(told[quarter] for quarter in sorted(told))


def count_supporters(requests: Iterable[CouncilRequest], supports: Iterable[tuple[int, str]]) -> dict[int, int]:
    """Different people behind each of the given requests: its supporters, and those behind requests merged into it.

    What was merged into a request must be among the given ones; supports of others are passed over.
    """
    listed = sorted(requests, key=lambda request: request.number, reverse=True)
    people: dict[int, set[str]] = {request.number: set() for request in listed}
    for number, account_id in supports:
        if number in people:
            people[number].add(account_id)
    # A later request is merged into an earlier one, so going from the last to the first carries chains along.
    for request in listed:
        if request.merged_into in people:
            people[request.merged_into] |= people[request.number]
            if request.requester is not None:
                people[request.merged_into].add(request.requester)
    return {request.number: len(people[request.number] - {request.requester}) for request in listed}


def _public_clock(request: CouncilRequest) -> PublicClock | None:
    deadline = clocks.running(request)
    if deadline is None:
        return None
    return PublicClock(
        kind=deadline.clock.value,
        due_on=deadline.due_on,
        body=deadline.body,
        is_extended=deadline.legal is not None and deadline.legal.extended_on is not None,
        is_notice_late=deadline.legal is not None and deadline.legal.is_notice_late,
    )


def _public_step(step: Step) -> PublicStep:
    shown = {needed.name for needed in NEEDS[step.action] if needed.is_public}
    fields = {name: text for name, text in step.fields.items() if name in shown}
    return PublicStep(action=step.action.value, state=step.after.value, on=civil_day(step.at), fields=fields)
