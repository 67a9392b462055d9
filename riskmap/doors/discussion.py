"""What is sent from the discussion of a request: something said, and the deeds of moderation."""

from starlette.responses import Response

from riskmap.council import discussion
from riskmap.council.discussion import Deed
from riskmap.doors import request_page
from riskmap.doors.form_fields import Typed
from riskmap.doors.refusals import UnknownPage
from riskmap.doors.request_form import key_of
from riskmap.doors.visit import NUMBER, Visit
from riskmap.errors import ChangedMeanwhile, StepNotPossible, UnfitFields
from riskmap.signals.limits import Press


def back(visit: Visit) -> Response:
    """An address of the discussion, opened without sending anything, leads to the request."""
    return visit.go(f"/casework/{visit.release.territory}/{visit.number}")


def say(visit: Visit) -> Response:
    """Say something; a press too many says it once."""
    release, number, form = visit.release, visit.number, visit.form
    key = key_of(form.get("key"))
    visit.doors.gate.press(Press.COMMENT, visit.actor.account_id, visit.address, key, at=visit.at)
    try:
        said = discussion.say(
            visit.office, visit.actor, release.territory, number, form.get("comment", ""), key=key, at=visit.at
        )
    except UnfitFields as error:
        return request_page.with_discussion(visit, typed=Typed(values=form, faults=error.faults))
    except StepNotPossible:
        return request_page.moved_on(visit, release, sentence=visit.text("error.step_not_possible"))
    return visit.go(f"/casework/{release.territory}/{number}", said=said.state.value)


def decide(visit: Visit) -> Response:
    """Let a comment through, hide it, undo that, or take back one's own."""
    release, form = visit.release, visit.form
    comment, deed, of = visit.asked["comment"], visit.asked["deed"], form.get("of", "")
    if deed not in set(Deed) or not NUMBER.fullmatch(comment) or not NUMBER.fullmatch(of):
        raise UnknownPage("The address names no deed of a discussion. Open the request and choose there.")
    try:
        discussion.decide(
            visit.office,
            visit.actor,
            release.territory,
            int(of),
            int(comment),
            deed=Deed(deed),
            reason=form.get("hide_reason", ""),
            seen_as=form.get("state", ""),
            at=visit.at,
        )
    except UnfitFields as error:
        tried = f"{of}-{comment}"
        return request_page.with_discussion(visit, typed=Typed(values=form, faults=error.faults), tried=tried)
    except ChangedMeanwhile:
        return request_page.moved_on(visit, release, sentence=visit.text("error.changed_meanwhile"))
    return visit.go(f"/casework/{release.territory}/{visit.number}")
