"""The printed receipt of a request that the secretary wrote down for somebody, to take home."""

from markupsafe import Markup
from starlette.responses import Response

from riskmap.council import assisted
from riskmap.council.request import CouncilRequest, civil_day
from riskmap.doors import desk
from riskmap.doors.visit import Visit
from riskmap.signals import receipt as receipts


def how_it_came(visit: Visit, request: CouncilRequest) -> str:
    """Who a request is from, where it was written down for somebody."""
    heard = assisted.heard(request)
    if heard is None:
        return visit.text("casework.asked_by.in_person")
    channel, day = heard
    return visit.text("casework.asked_by.assisted", channel=visit.text(f"council.choice.{channel}"), date=day)


def show(visit: Visit) -> Response:
    """A page for the printer: number, place, kind, day, where to follow it. No words of the request and no name."""
    release = visit.release
    request = assisted.of_receipt(visit.office.store, visit.actor, release.territory, visit.number)
    public_page = f"{visit.site}/council/{request.territory}/{request.number}"
    return visit.show(
        "casework_receipt.html",
        title=visit.text("casework.receipt.title", number=str(request.number)),
        release=release,
        request=request,
        facts=[
            (visit.text("council.field.kind"), visit.text(f"council.kind.{request.kind}")),
            (visit.text("council.page.place"), desk.area_name(visit, release, request.place.area_id)),
            (visit.text("letter.hexagon"), request.place.cell_id),
            (visit.text("casework.receipt.came"), how_it_came(visit, request)),
            (visit.text("casework.receipt.entered"), visit.words.date(civil_day(request.submitted_at))),
        ],
        public_page=public_page,
        picture=Markup(receipts.picture(public_page)),  # noqa: S704 - made of our own address
    )
