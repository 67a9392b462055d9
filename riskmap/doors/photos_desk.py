"""The secretary's pages of photos: what waits, one photo, and the two buttons. Nobody else sees a picture before."""

from http import HTTPStatus

from starlette.responses import RedirectResponse, Response

from riskmap.council.request import FieldKind
from riskmap.doors import form_fields, request_files
from riskmap.doors.form_fields import NOTHING_TYPED, FormField, Typed
from riskmap.doors.visit import Visit
from riskmap.errors import DamagedRelease, NoRelease, StepNotPossible, UnfitFields
from riskmap.identity import access
from riskmap.identity.access import Actor
from riskmap.photos import desk, rules
from riskmap.photos.rules import Photo, State
from riskmap.public import explain, shelf

HOME = "/photos"
SHOW, REJECT = "show", "reject"
CONFIRMED = "yes"


def may_work(actor: Actor, territory: str) -> bool:
    """Whether to offer the way here: the use cases ask again."""
    regions = {grant.region_id for grant in actor.grants if access.territory_of(grant.region_id) == territory}
    return any(desk.may_check(actor, region) for region in regions)


def choose(visit: Visit) -> Response:
    """The territories whose photos the visitor checks; a single one is opened at once."""
    named = []
    for territory in sorted({access.territory_of(grant.region_id) for grant in visit.actor.grants}):
        if may_work(visit.actor, territory):
            try:
                release = shelf.latest(visit.doors.settings.releases, territory)
            except (NoRelease, DamagedRelease):
                continue  # nothing is published, so nothing was sent
            named.append((territory, release.names[visit.words.language]))
    if len(named) == 1:
        return visit.go(f"{HOME}/{named[0][0]}")
    return visit.show("photos_choose.html", title=visit.text("photo.desk.title"), territories=named)


def show(visit: Visit) -> Response:
    """Photos that wait, and those that are shown; no picture yet, for each look at one is noted."""
    release = visit.release
    found = desk.queue(request_files.office(visit), visit.actor, release.territory)
    done = visit.query.get("done", "")
    return visit.show(
        "photos_list.html",
        title=visit.text("photo.desk.title"),
        release=release,
        waiting=[(one, _facts(visit, one)) for one in found if one.state is State.WAITING],
        shown=[(one, _facts(visit, one)) for one in found if one.state is State.SHOWN],
        done=visit.text(f"photo.done.{done}") if done in (SHOW, REJECT) else "",
    )


def photo(visit: Visit) -> Response:
    """One photo with its picture and both forms."""
    found = desk.view(request_files.office(visit), visit.actor, visit.release.territory, visit.number)
    return _page(visit, found)


def picture(visit: Visit) -> Response:
    """The picture for the one who checks it; no browser keeps it."""
    content = desk.picture(
        request_files.office(visit), visit.actor, visit.asked["territory"], visit.number, at=visit.at
    )
    headers = {
        "cache-control": "no-store",
        "content-security-policy": "default-src 'none'; sandbox",
        "x-content-type-options": "nosniff",
        "cross-origin-resource-policy": "same-origin",
    }
    return Response(content, media_type="image/jpeg", headers=headers)


def back(visit: Visit) -> RedirectResponse | Response:
    """An address of a button, opened without sending anything, leads to the photo."""
    return visit.go(f"{HOME}/{visit.asked['territory']}/{visit.number}")


def let_show(visit: Visit) -> Response:
    """Let a photo be public, with the words for those who cannot see it."""
    form = visit.form
    try:
        desk.show(
            request_files.office(visit),
            visit.actor,
            visit.asked["territory"],
            visit.number,
            form.get("caption", ""),
            is_clear=form.get("is_clear") == CONFIRMED,
            at=visit.at,
        )
    except UnfitFields as error:
        return _again(visit, SHOW, Typed(values=form, faults=error.faults))
    except StepNotPossible:
        return _again(visit, SHOW, NOTHING_TYPED, problem=visit.text("photo.gone"))
    return visit.go(f"{HOME}/{visit.asked['territory']}", done=SHOW)


def reject(visit: Visit) -> Response:
    """Reject a photo, also one that is public; its file goes at once."""
    reason = visit.form.get("reason_photo", "")
    try:
        desk.reject(
            request_files.office(visit), visit.actor, visit.asked["territory"], visit.number, reason, at=visit.at
        )
    except UnfitFields as error:
        return _again(visit, REJECT, Typed(values=visit.form, faults=error.faults))
    return visit.go(f"{HOME}/{visit.asked['territory']}", done=REJECT)


def _again(visit: Visit, form_id: str, typed: Typed, *, problem: str = "") -> Response:
    found = desk.view(request_files.office(visit), visit.actor, visit.asked["territory"], visit.number)
    return _page(visit, found, form_id=form_id, typed=typed, problem=problem)


def _page(
    visit: Visit, found: Photo, *, form_id: str = "", typed: Typed = NOTHING_TYPED, problem: str = ""
) -> Response:
    forms = _forms(visit, found, form_id, typed)
    status = HTTPStatus.CONFLICT if problem else HTTPStatus.UNPROCESSABLE_ENTITY if typed.faults else HTTPStatus.OK
    return visit.show(
        "photos_photo.html",
        title=visit.text("photo.title", number=str(found.number)),
        status=status,
        release=visit.release,
        path=f"{HOME}/{found.territory}/{found.number}",
        photo=found,
        facts=_facts(visit, found),
        state=request_files.state_of(visit, found),
        forms=forms,
        faults=form_fields.summary([one for fields in forms.values() for one in fields]),
        problem=problem,
        request=visit.link(f"/casework/{found.territory}/{found.request_number}") if found.request_number else "",
    )


def _forms(visit: Visit, found: Photo, form_id: str, typed: Typed) -> dict[str, list[FormField]]:
    of = {name: typed if name == form_id else NOTHING_TYPED for name in (SHOW, REJECT)}
    words = visit.words
    reasons = [(reason.value, words.text(f"photo.reason.{reason}")) for reason in rules.OFFERED]
    return {
        SHOW: [
            form_fields.field(
                "caption",
                words,
                of[SHOW],
                form_id=SHOW,
                kind=FieldKind.LINE,
                default=found.check.caption if found.check else "",
                help_text=words.text("photo.caption.help"),
            ),
            form_fields.field(
                "is_clear",
                words,
                of[SHOW],
                form_id=SHOW,
                kind=FieldKind.LINE,
                choices=[(CONFIRMED, words.text("photo.is_clear.yes"))],
            ),
        ],
        REJECT: [
            form_fields.field("reason_photo", words, of[REJECT], form_id=REJECT, kind=FieldKind.LINE, choices=reasons)
        ],
    }


def _facts(visit: Visit, found: Photo) -> list[str]:
    area = visit.release.area_by_id.get(found.area_id, visit.release.whole)
    told = [visit.text(f"photo.of.{found.of}"), explain.area_name(area, visit.words), visit.words.date(found.sent_on)]
    if found.request_number is not None:
        told.insert(1, f"№ {found.request_number}")
    return told
