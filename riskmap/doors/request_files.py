"""Photos and scans on the page of a request: what became of them, and a scan as a file for those who may read it."""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.responses import Response

from riskmap.council.request import CouncilRequest
from riskmap.doors.refusals import UnknownPage
from riskmap.doors.visit import NUMBER, Visit
from riskmap.photos import desk, scan, scan_desk
from riskmap.photos.desk import PhotoOffice
from riskmap.photos.rules import Photo, State


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLine:
    """A photo or scan: text, and where it leads; empty where the visitor may not go there."""

    text: str
    href: str = ""


def office(visit: Visit) -> PhotoOffice:
    """Where photos are kept."""
    return PhotoOffice(store=visit.doors.store, journals=visit.doors.settings.journals)


def state_of(visit: Visit, photo: Photo) -> str:
    """What became of a photo, in a sentence."""
    if photo.check is None:
        return visit.text("photo.state.waiting")
    if photo.check.reason is not None:
        reason = visit.text(f"photo.reason.{photo.check.reason}")
        return visit.text("photo.state.rejected", day=photo.check.on, reason=reason)
    return visit.text("photo.state.shown", day=photo.check.on)


def lines(visit: Visit, photos: Iterable[Photo]) -> list[FileLine]:
    """Photos in lists: what became of each, with the way to it for whoever checks it."""
    return [
        FileLine(
            text=f"№ {one.number}. {state_of(visit, one)}",
            href=visit.link(f"/photos/{one.territory}/{one.number}")
            if desk.may_check(visit.actor, one.region_id) and one.state is not State.REJECTED
            else "",
        )
        for one in photos
    ]


def of_request(visit: Visit, request: CouncilRequest) -> list[FileLine]:
    """Photos of a request, for whoever may read it in full."""
    return lines(visit, desk.of_request(office(visit), request.territory, request.number))


def scans(visit: Visit, request: CouncilRequest) -> list[FileLine]:
    """Scans of answers to a request; none for whoever may not take them."""
    path = f"/casework/{request.territory}/{request.number}/answers"
    return [
        FileLine(
            text=f"{visit.text('scan.take', day=one.kept_on)} ({one.suffix.upper()})",
            href=visit.link(f"{path}/{one.position}"),
        )
        for one in scan_desk.of_request(visit.office, visit.actor, request)
    ]


def take_scan(visit: Visit) -> Response:
    """The scan of an answer, as a file to save; no browser opens it as a page of ours."""
    position = visit.asked["position"]
    if not NUMBER.fullmatch(position):
        raise UnknownPage("The address names no answer; expected the number of a step. Open the request.")
    territory, number = visit.asked["territory"], visit.number
    found, content = scan_desk.take(visit.office, visit.actor, territory, number, int(position), at=visit.at)
    headers = {
        "content-disposition": f'attachment; filename="answer-{territory}-{number}-{position}.{found.suffix}"',
        "content-security-policy": "default-src 'none'; sandbox",
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return Response(content, media_type=scan.MEDIA_TYPES[found.suffix], headers=headers)
