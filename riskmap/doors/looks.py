"""Which doors show what is not public, and the line of the audit log that each such look leaves.

The gate writes it once a page is made and before it is sent, so nothing is shown without its line. Changes are audited
by the use cases that make them. tests/riskmap/test_looks.py asks for a word on every door that stands here or not.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

from riskmap.doors.visit import Visit
from riskmap.identity import access, audit
from riskmap.identity.access import Permission, Role

SHOWN = frozenset({HTTPStatus.OK, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
"""A form that comes back shows the same as the page it stood on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """A look at what is not public: the action of its line, and the permission by which one sees it."""

    action: str
    permission: Permission


_REQUEST = Look(action="request_read", permission=Permission.READ_CASEWORK)
_MEETING = Look(action="meeting_read", permission=Permission.READ_CASEWORK)
_MARKS = Look(action="marks_read", permission=Permission.READ_SIGNALS)
_REVIEW = Look(action="review_read", permission=Permission.ANSWER_REVIEWS)
_PHOTO = Look(action="photo_read", permission=Permission.CHECK_PHOTOS)
_RELEASE = Look(action="release_look", permission=Permission.PUBLISH)
_HEAP = "/marks/{territory}/{category}/{place}"

AT: Mapping[str, Look] = {
    "/casework/{territory}": Look(action="queue_read", permission=Permission.READ_CASEWORK),
    "/casework/{territory}/bodies": Look(action="bodies_read", permission=Permission.READ_CASEWORK),
    "/casework/{territory}/meetings/{number}": _MEETING,
    "/casework/{territory}/meetings/{number}/{deed}": _MEETING,
    "/casework/{territory}/{number}": _REQUEST,
    "/casework/{territory}/{number}/receipt": Look(action="receipt_taken", permission=Permission.FILE_FOR_SOMEONE),
    "/casework/{territory}/{number}/comments": _REQUEST,
    "/casework/{territory}/{number}/comments/{comment}/{deed}": _REQUEST,
    "/casework/{territory}/{number}/support": _REQUEST,
    "/casework/{territory}/{number}/{action}": _REQUEST,
    "/marks/{territory}": Look(action="marks_queue_read", permission=Permission.READ_SIGNALS),
    _HEAP: _MARKS,
    f"{_HEAP}/into": _MARKS,
    f"{_HEAP}/join": _MARKS,
    f"{_HEAP}/refuse": _MARKS,
    "/photos/{territory}": Look(action="photos_queue_read", permission=Permission.CHECK_PHOTOS),
    "/photos/{territory}/{number}": _PHOTO,
    "/photos/{territory}/{number}/show": _PHOTO,
    "/photos/{territory}/{number}/reject": _PHOTO,
    "/place-reviews/{territory}": Look(action="reviews_queue_read", permission=Permission.ANSWER_REVIEWS),
    "/place-reviews/{territory}/{number}": _REVIEW,
    "/release-desk/{territory}": _RELEASE,
}
"""Doors whose looks the gate audits."""

BY_USE_CASE = frozenset(
    {
        "/casework/{territory}/bodies.xlsx",
        "/casework/{territory}/note",
        "/casework/{territory}/silent",
        "/casework/{territory}/{number}/letter",
        "/casework/{territory}/{number}/answers/{position}",
        "/photos/{territory}/{number}/picture",
        "/steward/{territory}",
        "/steward/{territory}/{delivery}",
        "/steward/{territory}/{delivery}/rows",
        "/steward/{territory}/{delivery}/table.csv",
        "/steward/{territory}/{delivery}/dismiss",
        "/steward/{territory}/{delivery}/replay",
        "/review/{territory}",
        "/review/{territory}/hotspots.{form}",
        "/review/{territory}/map/{district}/{group}/{days}/{file}",
    }
)
"""Doors whose use cases write the line themselves, with details of their own."""

NOTHING_RESTRICTED: Mapping[str, str] = {
    "/account": "one's own login and roles",
    "/account/password": "one's own account",
    "/account/codes-begin": "one's own secret",
    "/account/codes-confirm": "one's own recovery codes",
    "/account/codes-off": "one's own account",
    "/account/{rest:path}": "leads on",
    "/sign-out": "ends a session, which is audited",
    "/casework": "names of territories",
    "/casework/{territory}/new": "a form, and published words of requests nearby",
    "/casework/{territory}/meetings": "notices and the agenda, which the journal holds too",
    "/casework/{rest:path}": "no page",
    "/steward": "names of territories",
    "/steward/{rest:path}": "no page",
    "/release-desk": "names of territories",
    "/release-desk/{territory}/approve": "leads on",
    "/release-desk/{territory}/send-back": "leads on",
    "/release-desk/{rest:path}": "no page",
    "/review": "names of territories",
    "/review/{rest:path}": "no page",
    "/place-reviews": "names of territories",
    "/place-reviews/{rest:path}": "no page",
    "/photos": "names of territories",
    "/photos/{territory}/{number}/{deed}": "leads on",
    "/photos/{rest:path}": "no page",
    "/marks": "names of territories",
    "/marks/{rest:path}": "no page",
}
"""Doors for whoever signs in that show nothing but what is public, and why."""


def note(visit: Visit, path: str, status: int) -> None:
    """Write the line of a look, where the door shows something and the visitor sees it by a role.

    Raises
    ------
    StoreBusy
        If it cannot be written now; the page is not sent then.
    """
    look = AT.get(path)
    if look is None or status not in SHOWN:
        return
    territory = visit.asked["territory"]
    role = _role(visit, look.permission, territory)
    if role is None:
        return
    subject = f"{look.action.partition('_')[0]} {territory}"
    named = [visit.asked[name] for name in ("number", "category", "place") if name in visit.asked]
    audit.note(
        visit.doors.store,
        account_id=visit.actor.account_id,
        action=look.action,
        subject="-".join([subject, *named])[:120],
        details={"role": str(role)},
        at=visit.at,
    )


def _role(visit: Visit, permission: Permission, territory: str) -> Role | None:
    regions = [grant.region_id for grant in visit.actor.grants if access.territory_of(grant.region_id) == territory]
    held = [access.allowed_role(visit.actor, permission, region_id=region) for region in (*regions, territory)]
    return next((role for role in held if role is not None), None)
