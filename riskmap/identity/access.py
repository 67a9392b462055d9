"""Who may do what, where: refused unless a rule allows it. Every use case asks here; a screen only hides what it need
not offer.

A role is held in a region. A region is a territory (``ulgiqala``) or an area of it (``ulgiqala/ulg-01``); a role in a
territory holds in its areas too, a role in an area nowhere else.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from riskmap.errors import NotAllowed


class Role(StrEnum):
    """What a person is to a region."""

    RESIDENT = "resident"
    COUNCIL_MEMBER = "council_member"
    SECRETARY = "secretary"
    CHAIR = "chair"
    AKIMAT_OFFICER = "akimat_officer"
    POLICE_REVIEWER = "police_reviewer"
    STEWARD = "steward"
    ADMINISTRATOR = "administrator"


class Permission(StrEnum):
    """One thing that can be done; those of a request's steps are named like `riskmap.council.request.Action`."""

    FILE = "file"
    FILE_FOR_SOMEONE = "file_for_someone"
    SUPPORT = "support"
    READ_CASEWORK = "read_casework"
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
    HOLD_MEETINGS = "hold_meetings"
    MANAGE_ACCOUNTS = "manage_accounts"
    CORRECT_ROWS = "correct_rows"
    REVIEW_HOTSPOTS = "review_hotspots"
    PUBLISH = "publish"
    ANSWER_REVIEWS = "answer_reviews"
    READ_SIGNALS = "read_signals"
    SORT_SIGNALS = "sort_signals"
    WRITE_NOTE = "write_note"
    READ_SILENT = "read_silent"
    EXPORT_COUNCIL = "export_council"
    COMMENT = "comment"
    MODERATE = "moderate"
    CHECK_PHOTOS = "check_photos"


_SECRETARY = frozenset({Role.SECRETARY})
_CHAIR = frozenset({Role.CHAIR})
_PEOPLE = frozenset({Role.RESIDENT, Role.COUNCIL_MEMBER})
_OF_BODY = frozenset({Role.SECRETARY, Role.AKIMAT_OFFICER})

RULES: Mapping[Permission, frozenset[Role]] = {
    Permission.FILE: _PEOPLE,
    Permission.FILE_FOR_SOMEONE: _SECRETARY,
    Permission.SUPPORT: _PEOPLE,
    Permission.READ_CASEWORK: frozenset({Role.COUNCIL_MEMBER, Role.SECRETARY, Role.CHAIR, Role.AKIMAT_OFFICER}),
    Permission.WITHDRAW: _PEOPLE | _SECRETARY,
    Permission.TAKE_UP: _SECRETARY,
    Permission.ASK: _SECRETARY,
    Permission.ANSWER: _PEOPLE | _SECRETARY,
    Permission.MERGE: _SECRETARY,
    Permission.FORWARD: _SECRETARY,
    Permission.REFER: _SECRETARY,
    Permission.APPROVE: _CHAIR,
    Permission.REFUSE: _CHAIR,
    Permission.SEND: _SECRETARY,
    Permission.SCHEDULE: _OF_BODY,
    Permission.REPORT_NOT_DONE: _OF_BODY,
    Permission.COMPLETE: _OF_BODY,
    Permission.DISPUTE: _PEOPLE,
    Permission.CONFIRM: _SECRETARY,
    Permission.REOPEN: _SECRETARY,
    Permission.UNDO_MERGE: _SECRETARY,
    Permission.UNDO_WITHDRAWAL: _SECRETARY,
    Permission.ENTER_APPEAL: _SECRETARY,
    Permission.EXTEND_TERM: _SECRETARY,
    Permission.SET_DATE: _SECRETARY,
    Permission.HOLD_MEETINGS: _SECRETARY,
    Permission.MANAGE_ACCOUNTS: frozenset({Role.ADMINISTRATOR}),
    Permission.CORRECT_ROWS: frozenset({Role.STEWARD}),
    Permission.REVIEW_HOTSPOTS: frozenset({Role.POLICE_REVIEWER, Role.AKIMAT_OFFICER}),
    Permission.PUBLISH: frozenset({Role.STEWARD}),
    Permission.ANSWER_REVIEWS: frozenset({Role.STEWARD}),
    Permission.READ_SIGNALS: frozenset({Role.COUNCIL_MEMBER, Role.SECRETARY, Role.CHAIR}),
    Permission.SORT_SIGNALS: _SECRETARY,
    Permission.WRITE_NOTE: _SECRETARY | _CHAIR,
    Permission.READ_SILENT: frozenset({Role.COUNCIL_MEMBER, Role.SECRETARY, Role.CHAIR}),
    Permission.EXPORT_COUNCIL: frozenset({Role.ADMINISTRATOR}),
    Permission.COMMENT: _PEOPLE | _OF_BODY | _CHAIR,
    Permission.MODERATE: _SECRETARY | _CHAIR,
    Permission.CHECK_PHOTOS: _SECRETARY,
}
"""Roles that hold a permission. What stands in no rule is refused."""

OWN_ONLY = frozenset({Permission.WITHDRAW, Permission.ANSWER})
"""Only on a request of one's own; where the requester has no account, the secretary speaks for them."""
NEVER_OWN = frozenset({Permission.APPROVE, Permission.REFUSE, Permission.SUPPORT, Permission.MODERATE})
"""Never on a request that one made or wrote down, or a comment of one's own."""
DECIDES = Permission.APPROVE
"""Whoever may decide in a region supports nothing there: a supporter is no judge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A role in a region."""

    role: Role
    region_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, with the roles held at this moment."""

    account_id: str
    login: str
    grants: tuple[Grant, ...] = ()

    def roles_in(self, region_id: str) -> frozenset[Role]:
        return frozenset(grant.role for grant in self.grants if covers(grant.region_id, region_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """Whose request it is; ``requester`` is None for somebody without an account."""

    requester: str | None
    entered_by: str


OPERATOR = "operator"
"""Account id of whoever runs commands on the machine itself."""
OPERATOR_MAY: Mapping[Permission, Role] = {
    Permission.EXPORT_COUNCIL: Role.ADMINISTRATOR,
    Permission.MANAGE_ACCOUNTS: Role.ADMINISTRATOR,
    Permission.CORRECT_ROWS: Role.STEWARD,
}
"""What that person does in the place of which role, and nothing else."""


def operator() -> Actor:
    """The actor of the command line."""
    return Actor(account_id=OPERATOR, login=OPERATOR)


def covers(granted: str, region_id: str) -> bool:
    """Whether a role in ``granted`` holds in ``region_id``.

    Examples
    --------
    >>> covers("ulgiqala", "ulgiqala/ulg-01"), covers("ulgiqala/ulg-01", "ulgiqala"), covers("ulg", "ulgiqala")
    (True, False, False)
    """
    return bool(granted) and (region_id == granted or region_id.startswith(f"{granted}/"))


def territory_of(region_id: str) -> str:
    """The territory a region lies in."""
    return region_id.partition("/")[0]


def allowed_role(
    actor: Actor, permission: Permission, *, region_id: str, ownership: Ownership | None = None
) -> Role | None:
    """The role by which the actor may, or None."""
    if actor.account_id == OPERATOR:
        return OPERATOR_MAY.get(permission)
    held = actor.roles_in(region_id) & RULES.get(permission, frozenset())
    if permission in OWN_ONLY:
        held = _of_own(actor, held, ownership)
    if permission in NEVER_OWN and (
        ownership is None or actor.account_id in (ownership.requester, ownership.entered_by)
    ):
        return None
    if permission is Permission.SUPPORT and actor.roles_in(region_id) & RULES[DECIDES]:
        return None
    return next((role for role in Role if role in held), None)


def require(actor: Actor, permission: Permission, *, region_id: str, ownership: Ownership | None = None) -> Role:
    """The role by which the actor may.

    Raises
    ------
    NotAllowed
        If no rule allows it.
    """
    role = allowed_role(actor, permission, region_id=region_id, ownership=ownership)
    if role is None:
        raise NotAllowed(
            _refusal(actor, permission, region_id),
            permission=permission,
            is_own=ownership is not None and actor.account_id in (ownership.requester, ownership.entered_by),
        )
    return role


def _refusal(actor: Actor, permission: Permission, region_id: str) -> str:
    held = ", ".join(sorted(actor.roles_in(region_id))) or "no role"
    needed = " or ".join(sorted(RULES.get(permission, frozenset()))) or "a rule, and there is none"
    condition = " on a request of one's own" if permission in OWN_ONLY else ""
    condition = " on a request of somebody else" if permission in NEVER_OWN else condition
    return f"{actor.account_id} has {held} in {region_id}; {permission} needs {needed}{condition}."


def _of_own(actor: Actor, held: frozenset[Role], ownership: Ownership | None) -> frozenset[Role]:
    if ownership is None:
        return frozenset()
    if ownership.requester is None:
        return held & _SECRETARY
    return held - _SECRETARY if ownership.requester == actor.account_id else frozenset()
