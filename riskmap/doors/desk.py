"""The first page after signing in: the queue for staff, one's own and supported requests for residents."""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from starlette.responses import Response

from riskmap import journal
from riskmap.council import casework, discussion, silent
from riskmap.council.casework import Desk
from riskmap.council.request import CouncilRequest, RequestKind, State, civil_day
from riskmap.doors import marks_desk, photos_desk, review, review_answers, steward
from riskmap.doors.visit import Visit
from riskmap.identity import access
from riskmap.note import desk as note_desk
from riskmap.public import explain, shelf
from riskmap.release import Release

SHOWN = ("waiting", "open", "all", "mine")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One request in a list."""

    number: int
    kind: str
    state: str
    place: str
    age_days: int
    supporters: int
    is_waiting: bool
    is_open: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FilterLink:
    """One choice of a filter: how many requests it leaves, and its address."""

    text: str
    href: str
    count: int
    is_current: bool


def choose(visit: Visit) -> Response:
    """The territories in which the visitor has something to do; a single one is opened at once."""
    held = {access.territory_of(grant.region_id) for grant in visit.actor.grants}
    known = [found for found in shelf.all_latest(visit.doors.settings.releases) if found.territory in held]
    if len(known) == 1:
        return visit.go(f"/casework/{known[0].territory}")
    named = [(found.territory, found.names[visit.words.language]) for found in known]
    is_steward = any(steward.may_work(visit.actor, territory) for territory in held)
    return visit.show(
        "casework_choose.html",
        title=visit.text("nav.casework"),
        territories=named,
        is_steward=is_steward,
        is_reviewer=any(review.may_review(visit.actor, territory) for territory in held),
        answers_reviews=any(review_answers.may_work(visit.actor, territory) for territory in held),
    )


def show(visit: Visit) -> Response:
    """The desk of one territory."""
    release = visit.release
    desk = casework.desk(visit.office, visit.actor, release.territory)
    if desk.is_staff:
        return _queue(visit, release, desk)
    return visit.show(
        "casework_mine.html",
        title=visit.text("casework.mine.title"),
        release=release,
        desk=desk,
        is_steward=steward.may_work(visit.actor, release.territory),
        is_reviewer=review.may_review(visit.actor, release.territory),
        answers_reviews=review_answers.may_work(visit.actor, release.territory),
        reads_marks=marks_desk.may_work(visit.actor, release.territory),
        mine=[_row(visit, release, desk, request) for request in desk.requests],
        supported=_supported(visit, release, desk),
    )


def area_name(visit: Visit, release: Release, area_id: str) -> str:
    """Name of a district; of the whole territory where the release no longer has it."""
    return explain.area_name(release.area_by_id.get(area_id, release.whole), visit.words)


def age_days(visit: Visit, since: datetime) -> int:
    """Whole days of the calendar since a moment."""
    return (civil_day(visit.at) - civil_day(since)).days


def _queue(visit: Visit, release: Release, desk: Desk) -> Response:
    default = "waiting" if desk.waiting else "open"
    of_show = {name: [one for one in desk.requests if _is_shown(visit, one, desk, name)] for name in SHOWN}
    # Who never asked for anything has no use for a filter of one's own requests.
    offered = [name for name in SHOWN if name != "mine" or of_show[name]]
    shown = visit.query.get("show", "")
    shown = shown if shown in offered else default
    known: Mapping[str, Collection[str]] = {
        "state": set(State),
        "kind": set(RequestKind),
        "district": release.area_by_id,
    }
    # What is none of ours is not said back: it would stand in every link of the page.
    asked = {name: visit.query.get(name, "") for name in known}
    kept = {"show": shown} | {name: code for name, code in asked.items() if code in known[name]}
    parts: Mapping[str, Callable[[CouncilRequest], str]] = {
        "state": lambda one: one.state.value,
        "kind": lambda one: one.kind.value,
        "district": lambda one: one.place.area_id,
    }
    names: Mapping[str, Callable[[str], str]] = {
        "state": lambda code: visit.text(f"council.state.{code}"),
        "kind": lambda code: visit.text(f"council.kind.{code}"),
        "district": lambda code: area_name(visit, release, code),
    }
    found = [
        one for one in of_show[shown] if all(part(one) == kept.get(name, part(one)) for name, part in parts.items())
    ]
    path = f"/casework/{release.territory}"

    def link(**changes: str) -> str:
        return visit.link(path, **{**kept, **changes})

    filters = []
    for name, part in parts.items():
        counts = Counter(part(one) for one in of_show[shown])
        filters.append(
            (
                visit.text(f"casework.filter.{name}"),
                [
                    FilterLink(
                        text=names[name](code),
                        href=link(**{name: "" if kept.get(name) == code else code}),
                        count=count,
                        is_current=kept.get(name) == code,
                    )
                    for code, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
                ],
            )
        )
    return visit.show(
        "casework_queue.html",
        title=visit.text("casework.queue.title"),
        release=release,
        query=kept,
        desk=desk,
        is_steward=steward.may_work(visit.actor, release.territory),
        is_reviewer=review.may_review(visit.actor, release.territory),
        writes_notes=note_desk.may_write(visit.actor, release.territory),
        reads_silent=silent.may_read(visit.actor, release.territory),
        answers_reviews=review_answers.may_work(visit.actor, release.territory),
        reads_marks=marks_desk.may_work(visit.actor, release.territory),
        checks_photos=photos_desk.may_work(visit.actor, release.territory),
        shown=shown,
        shows=[
            FilterLink(
                text=visit.text(f"casework.show.{name}"),
                href=visit.link(path, show=name),
                count=len(of_show[name]),
                is_current=name == shown,
            )
            for name in offered
        ],
        filters=filters,
        is_filtered=bool(kept.keys() - {"show"}),
        without_filters=visit.link(path, show=shown),
        rows=[_row(visit, release, desk, one) for one in found],
        comments=sorted(discussion.waiting(visit.office, visit.actor, release.territory).items()),
    )


def _is_shown(visit: Visit, request: CouncilRequest, desk: Desk, shown: str) -> bool:
    if shown == "waiting":
        return request.number in desk.waiting
    if shown == "mine":
        return request.requester == visit.actor.account_id
    return shown == "all" or request.is_open


def _row(visit: Visit, release: Release, desk: Desk, request: CouncilRequest) -> Row:
    return Row(
        number=request.number,
        kind=request.kind.value,
        state=request.state.value,
        place=area_name(visit, release, request.place.area_id),
        age_days=age_days(visit, request.submitted_at),
        supporters=desk.supporters[request.number],
        is_waiting=request.number in desk.waiting,
        is_open=request.is_open,
    )


def _supported(visit: Visit, release: Release, desk: Desk) -> list[Row]:
    """Requests of others that the visitor supports, as the public sees them."""
    published = journal.latest(visit.doors.settings.journals, release.territory)
    today = civil_day(visit.at)
    listed: Iterable[journal.PublicRequest] = published.requests if published else ()
    return [
        Row(
            number=one.number,
            kind=one.kind,
            state=one.state,
            place=area_name(visit, release, one.area_id),
            age_days=(today - one.submitted_on).days,
            supporters=one.supporters,
            is_waiting=False,
            is_open=one.is_open,
        )
        for one in listed
        if one.number in desk.supported
    ]
