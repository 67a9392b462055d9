"""What people say about a request, and how it is moderated: authors keep their words, everybody reads the reason.

What residents say waits until the secretary or the chair lets it through, for words may point at people; what members
and staff say is shown at once. Nothing is rewritten and nothing vanishes: a hidden comment stays where it was, without
its text and with the reason.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from riskmap.comment_port import Comment, CommentState, HideReason
from riskmap.council import casework, texts
from riskmap.council.casework import Office
from riskmap.council.request import CouncilRequest, State
from riskmap.errors import ChangedMeanwhile, FieldFault, NotAllowed, StepNotPossible, UnfitFields, UnknownRequest
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Ownership, Permission, Role
from riskmap.ports import UnitOfWork

MOST_SIGNS = 1000
MOST_OF_ONE = 30
"""Comments of one person on one request."""
SILENT_STATES = frozenset({State.DRAFT, State.WITHDRAWN, State.MERGED})
"""States of a request about which nothing is said any more; what was merged is spoken of where it went."""


class Deed(StrEnum):
    """What is done with a comment."""

    LET_THROUGH = "let_through"
    HIDE = "hide"
    RESTORE = "restore"
    WITHDRAW = "withdraw"


MOVES: Mapping[tuple[CommentState, Deed], CommentState] = {
    (CommentState.WAITING, Deed.LET_THROUGH): CommentState.SHOWN,
    (CommentState.WAITING, Deed.HIDE): CommentState.HIDDEN,
    (CommentState.SHOWN, Deed.HIDE): CommentState.HIDDEN,
    (CommentState.HIDDEN, Deed.RESTORE): CommentState.SHOWN,
    (CommentState.WAITING, Deed.WITHDRAW): CommentState.WITHDRAWN,
    (CommentState.SHOWN, Deed.WITHDRAW): CommentState.WITHDRAWN,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """A comment as one person may see it; ``text`` is None where it is not for them."""

    comment: Comment
    text: str | None
    is_own: bool
    deeds: tuple[Deed, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Discussion:
    """What one person sees of a request's discussion, and whether they may speak."""

    comments: tuple[Seen, ...]
    may_say: bool
    waits_first: bool


def view(office: Office, actor: Actor, territory: str, number: int) -> Discussion:
    """The discussion of a request, with that of requests merged into it.

    Raises
    ------
    UnknownRequest
    NotAllowed
        If the actor holds no role in the request's region.
    """
    with office.store.look() as look:
        asked = _found(look, territory, number)
        if not actor.roles_in(asked.region_id):
            access.require(actor, Permission.COMMENT, region_id=asked.region_id)
        merged = _merged_into(look, asked)
        said = [one for request in (asked, *merged) for one in look.comments.of_request(territory, request.number)]
    role = access.allowed_role(actor, Permission.COMMENT, region_id=asked.region_id)
    role = role and _speaks_as(actor, asked)
    seen = [_seen(actor, asked, one) for one in sorted(said, key=lambda one: (one.said_at, one.request, one.number))]
    return Discussion(
        comments=tuple(one for one in seen if one is not None),
        may_say=role is not None and asked.state not in SILENT_STATES,
        waits_first=role is Role.RESIDENT,
    )


def waiting(office: Office, actor: Actor, territory: str) -> dict[int, int]:
    """Numbers of requests with comments that wait for this actor, and how many."""
    with office.store.look() as look:
        said = [one for one in look.comments.of_territory(territory) if one.state is CommentState.WAITING]
        regions = {one.number: one.region_id for one in look.requests.of_territory(territory)}
    counts: dict[int, int] = {}
    for one in said:
        where = regions[one.request]
        if access.allowed_role(actor, Permission.MODERATE, region_id=where, ownership=_ownership(one)):
            counts[one.request] = counts.get(one.request, 0) + 1
    return counts


def say(office: Office, actor: Actor, territory: str, number: int, text: str, *, key: str, at: datetime) -> Comment:
    """Say something about a request; the same ``key``, or the same words again, say it once.

    Raises
    ------
    UnknownRequest, NotAllowed
    UnfitFields
        If the text is empty, too long, or seems to point at a person, or this person has said enough.
    StepNotPossible
        If the request is withdrawn or merged.
    """
    with office.store.work() as work:
        asked = _found(work, territory, number)
        access.require(actor, Permission.COMMENT, region_id=asked.region_id)
        role = _speaks_as(actor, asked)
        before = work.comments.by_key(actor.account_id, key)
        if before is not None:
            return before
        if asked.state in SILENT_STATES:
            raise StepNotPossible(
                f"Request {territory}-{number} is {asked.state}; nothing more is said about it. "
                "Speak about the request it became part of, or about another one.",
                state=asked.state,
            )
        said = work.comments.of_request(territory, number)
        own = [one for one in said if one.account_id == actor.account_id]
        cleaned = _checked(text, own)
        if own and own[-1].text == cleaned:
            return own[-1]
        comment = Comment(
            territory=territory,
            request=number,
            number=len(said) + 1,
            account_id=actor.account_id,
            role=role,
            text=cleaned,
            said_at=at,
            key=key,
            state=CommentState.WAITING if role is Role.RESIDENT else CommentState.SHOWN,
            is_simulated=asked.is_simulated,
        )
        work.comments.add(comment)
        _record(work, actor, "comment_said", comment, role=role, at=at)
        work.commit()
    casework.publish(office, territory, at=at)
    return comment


def decide(
    office: Office,
    actor: Actor,
    territory: str,
    request: int,
    number: int,
    *,
    deed: Deed,
    reason: str,
    seen_as: str,
    at: datetime,
) -> Comment:
    """Let a comment through, hide it with a reason, undo that, or take back one's own, read while it was ``seen_as``.

    Raises
    ------
    UnknownRequest, NotAllowed
    UnfitFields
        If it is hidden without one of the reasons.
    ChangedMeanwhile
        If somebody else decided since.
    """
    with office.store.work() as work:
        asked, found = _found(work, territory, request), work.comments.find(territory, request, number)
        if found is None:
            raise UnknownRequest(f"Request {territory}-{request} has no comment {number}. Read the request again.")
        role = _require(actor, asked, found, deed)
        if found.state != seen_as or (found.state, deed) not in MOVES:
            raise ChangedMeanwhile(
                f"Comment {number} on request {territory}-{request} is {found.state}; it was read as {seen_as[:20]}. "
                "Read it again, then decide."
            )
        if deed is Deed.HIDE and reason not in set(HideReason):
            raise UnfitFields((FieldFault(field="hide_reason", fault="missing"),))
        hidden_for = HideReason(reason) if deed is Deed.HIDE else None
        moved = replace(found, state=MOVES[found.state, deed], reason=hidden_for)
        work.comments.save(moved)
        _record(work, actor, f"comment_{deed}", moved, role=role, at=at)
        work.commit()
    casework.publish(office, territory, at=at)
    return moved


def _seen(actor: Actor, asked: CouncilRequest, one: Comment) -> Seen | None:
    """A comment for one pair of eyes; None where it is not for them at all."""
    is_own = one.account_id == actor.account_id
    whose = _ownership(one)
    may_moderate = (
        access.allowed_role(actor, Permission.MODERATE, region_id=asked.region_id, ownership=whose) is not None
    )
    is_public = one.state in (CommentState.SHOWN, CommentState.HIDDEN)
    if not (is_own or is_public or (may_moderate and one.state is CommentState.WAITING)):
        return None
    may_read = is_own or may_moderate or one.state is CommentState.SHOWN
    deeds = [
        deed for deed in Deed if (one.state, deed) in MOVES and (is_own if deed is Deed.WITHDRAW else may_moderate)
    ]
    return Seen(comment=one, text=one.text if may_read else None, is_own=is_own, deeds=tuple(deeds))


def _require(actor: Actor, asked: CouncilRequest, found: Comment, deed: Deed) -> Role:
    """The role by which the actor may do this: authors take back their own words, others moderate them."""
    if deed is not Deed.WITHDRAW:
        return access.require(actor, Permission.MODERATE, region_id=asked.region_id, ownership=_ownership(found))
    if found.account_id != actor.account_id:
        raise NotAllowed(
            f"{actor.account_id} did not write comment {found.number}; only its author takes it back.",
            permission=Permission.COMMENT,
        )
    return access.require(actor, Permission.COMMENT, region_id=asked.region_id)


def _speaks_as(actor: Actor, asked: CouncilRequest) -> Role:
    """The role under which the actor's words stand: that of the council, for whoever lives there besides."""
    held = actor.roles_in(asked.region_id) & access.RULES[Permission.COMMENT]
    return next((role for role in Role if role in held - {Role.RESIDENT}), Role.RESIDENT)


def _ownership(comment: Comment) -> Ownership:
    return Ownership(requester=comment.account_id, entered_by=comment.account_id)


def _checked(text: str, own: list[Comment]) -> str:
    cleaned = texts.clean(text)
    faults = []
    if not cleaned:
        faults.append(FieldFault(field="comment", fault="missing"))
    elif len(cleaned) > MOST_SIGNS:
        faults.append(FieldFault(field="comment", fault="too_long", limit=MOST_SIGNS, found=len(cleaned)))
    faults += [FieldFault(field="comment", fault=f"holds_{found}") for found in texts.personal_details(cleaned)]
    if len(own) >= MOST_OF_ONE:
        faults.append(FieldFault(field="comment", fault="said_enough", limit=MOST_OF_ONE))
    if faults:
        raise UnfitFields(tuple(faults))
    return cleaned


def _found(work: UnitOfWork, territory: str, number: int) -> CouncilRequest:
    found = work.requests.find(territory, number)
    if found is None:
        raise UnknownRequest(f"There is no request {territory}-{number}. Look it up in the list of requests.")
    return found


def _merged_into(look: UnitOfWork, asked: CouncilRequest) -> list[CouncilRequest]:
    """Requests merged into this one, by themselves or with others before."""
    merged = look.requests.of_territory(asked.territory, states={State.MERGED})
    numbers, found = {asked.number}, []
    for one in sorted(merged, key=lambda one: one.number):
        # A later request is merged into an earlier one, so ascending numbers meet whole chains.
        if one.merged_into in numbers:
            numbers.add(one.number)
            found.append(one)
    return found


def _record(work: UnitOfWork, actor: Actor, action: str, comment: Comment, *, role: Role, at: datetime) -> None:
    audit.record(
        work,
        account_id=actor.account_id,
        action=action,
        subject=f"request {comment.territory}-{comment.request}",
        details={"comment": comment.number, "role": str(role), "state": str(comment.state), "reason": comment.reason},
        at=at,
    )
