"""The pages of whoever answers reviews of places: what waits, what was said, and the form of the answer."""

import re
from http import HTTPStatus

from starlette.responses import Response

from riskmap.council.request import FieldKind, civil_day
from riskmap.doors import form_fields
from riskmap.doors.form_fields import NOTHING_TYPED, FormField, Typed
from riskmap.doors.request_form import key_of
from riskmap.doors.visit import Visit
from riskmap.errors import ChangedMeanwhile, DamagedRelease, NoRelease, StepNotPossible, UnfitFields
from riskmap.identity import access
from riskmap.identity.access import Actor
from riskmap.journal import PublicReview
from riskmap.place_review import desk, rules
from riskmap.place_review.rules import Outcome, PlaceReview
from riskmap.public import place_reviews, shelf

HOME = "/place-reviews"
FORM_ID = "answer"
_VERSION = re.compile(r"[0-9]{1,6}")


def may_work(actor: Actor, territory: str) -> bool:
    """Whether to offer the way here: the use cases ask again."""
    regions = {grant.region_id for grant in actor.grants if access.territory_of(grant.region_id) == territory}
    return any(desk.may_answer(actor, region) for region in regions)


def choose(visit: Visit) -> Response:
    """The territories whose reviews the visitor answers; a single one is opened at once."""
    named = []
    for territory in sorted({access.territory_of(grant.region_id) for grant in visit.actor.grants}):
        if may_work(visit.actor, territory):
            try:
                release = shelf.latest(visit.doors.settings.releases, territory)
            except (NoRelease, DamagedRelease):
                continue  # nothing is published, so nothing can be doubted
            named.append((territory, release.names[visit.words.language]))
    if len(named) == 1:
        return visit.go(f"{HOME}/{named[0][0]}")
    return visit.show("answers_choose.html", title=visit.text("place_review.staff.title"), territories=named)


def show(visit: Visit) -> Response:
    """Everything that waits in one territory, and what was answered."""
    release = visit.release
    found = desk.to_answer(visit.review_office, visit.actor, release.territory)
    return visit.show(
        "answers_list.html",
        title=visit.text("place_review.staff.title"),
        release=release,
        reviews=[(one, _name(visit, one), _is_late(visit, one)) for one in found],
    )


def review(visit: Visit) -> Response:
    """One review with what was said, and the form of the answer while it waits."""
    found = desk.view(visit.review_office, visit.actor, visit.release.territory, visit.number)
    is_done = visit.query.get("done") == "answered" and not found.is_open
    return _page(visit, found, done=visit.text("place_review.staff.done") if is_done else "")


def answer(visit: Visit) -> Response:
    """Publish an answer; one that comes too late, or before a new voice was read, shows what stands now."""
    form, territory, number = visit.form, visit.release.territory, visit.number
    version = form.get("version", "")
    try:
        desk.answer(
            visit.review_office,
            visit.actor,
            territory,
            number,
            outcome=form.get("outcome", ""),
            reasons={name: form.get(name, "") for name in rules.REASONS},
            version=int(version) if _VERSION.fullmatch(version) else 0,
            key=key_of(form.get("key")),
            at=visit.at,
        )
    except UnfitFields as error:
        return _again(visit, Typed(values=form, faults=error.faults))
    except ChangedMeanwhile:
        return _again(visit, Typed(values=form), problem=visit.text("place_review.staff.changed"))
    except StepNotPossible:
        return _again(visit, Typed(values=form), problem=visit.text("place_review.staff.answered"))
    return visit.go(f"{HOME}/{territory}/{number}", done="answered")


def _again(visit: Visit, typed: Typed, *, problem: str = "") -> Response:
    found = desk.view(visit.review_office, visit.actor, visit.release.territory, visit.number)
    return _page(visit, found, typed=typed, problem=problem)


def _page(
    visit: Visit, found: PlaceReview, *, typed: Typed = NOTHING_TYPED, problem: str = "", done: str = ""
) -> Response:
    fields = _fields(visit, typed)
    written = [(visit.text(f"council.field.{name}"), typed.values.get(name, "")) for name in rules.REASONS]
    status = HTTPStatus.UNPROCESSABLE_ENTITY if typed.faults else HTTPStatus.OK
    public = [one for one in _public(visit) if one.number == found.number]
    today = civil_day(visit.at)
    return visit.show(
        "answers_review.html",
        title=_name(visit, found),
        status=HTTPStatus.CONFLICT if problem else status,
        release=visit.release,
        path=f"{HOME}/{found.territory}/{found.number}",
        review=found,
        is_late=_is_late(visit, found),
        map_address=place_reviews.map_address(visit.release, found.place.place_id, visit.words),
        voices=[
            (civil_day(voice.at), visit.text(f"place_review.doubt.{voice.doubt}"), voice.text) for voice in found.voices
        ],
        told=place_reviews.in_words(visit.release, public[0], visit.words, today=today) if public else None,
        fields=fields,
        faults=form_fields.summary(fields),
        # What cannot be sent any more is at least not lost.
        written=[(label, text) for label, text in written if text.strip() and not found.is_open],
        problem=problem,
        done=done,
        key=key_of(typed.values.get("key")),
    )


def _fields(visit: Visit, typed: Typed) -> list[FormField]:
    outcomes = [(outcome.value, visit.text(f"place_review.outcome.{outcome}")) for outcome in Outcome]
    choice = form_fields.field("outcome", visit.words, typed, form_id=FORM_ID, kind=FieldKind.LINE, choices=outcomes)
    public = visit.text("casework.help.public")
    reasons = [form_fields.field(name, visit.words, typed, form_id=FORM_ID, help_text=public) for name in rules.REASONS]
    return [choice, *reasons]


def _public(visit: Visit) -> tuple[PublicReview, ...]:
    return place_reviews.published(visit.doors.settings.journals, visit.release.territory)


def _name(visit: Visit, found: PlaceReview) -> str:
    place = found.place
    return place_reviews.place_name(visit.release, place.place_id, place.area_id, visit.words)


def _is_late(visit: Visit, found: PlaceReview) -> bool:
    return found.is_open and civil_day(visit.at) > found.due_on
