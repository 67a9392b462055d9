"""What leaves the council, for those who sign in: letters, and the list of what each body was sent."""

import logging

from starlette.responses import Response

from riskmap import wording
from riskmap.council.request import CouncilRequest, civil_day
from riskmap.doors.refusals import UnknownPage
from riskmap.doors.visit import Visit
from riskmap.errors import InvalidSetting
from riskmap.sending import bodies, ledger, letter
from riskmap.sending.letter import Form

logger = logging.getLogger(__name__)

WORKBOOK = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


def proposed_body(visit: Visit, request: CouncilRequest, language: str) -> str:
    """The name of the body in charge; empty where no table says, or the installation's own cannot be read."""
    try:
        body = bodies.in_charge(visit.doors.settings.data, request)
    except InvalidSetting:
        logger.exception("The table of bodies of %s cannot be used", request.territory)
        return ""
    return body.name(language) if body else ""


def letters(visit: Visit, request: CouncilRequest) -> list[tuple[str, str]]:
    """Text and address of each letter the visitor may take."""
    if not letter.may_write(visit.actor, request):
        return []
    path = f"/casework/{request.territory}/{request.number}/letter"
    return [
        (
            f"{visit.text(f'letter.in.{language}')}, {form.value.upper()}",
            visit.link(path, language=language, form=form.value),
        )
        for language in ("kk", "ru")
        for form in Form
    ]


def take(visit: Visit) -> Response:
    """A letter as a file, in the language and form of the address."""
    release, language = visit.release, visit.query.get("language", "")
    if language not in wording.LANGUAGES or visit.query.get("form", "") not in set(Form):
        raise UnknownPage("There is no such letter; expected language=kk or ru and form=docx or pdf. Take another.")
    with visit.office.store.look() as look:
        request = look.requests.find(release.territory, visit.number)
    made = letter.write(
        visit.office,
        visit.actor,
        release,
        visit.number,
        form=Form(visit.query["form"]),
        words=wording.in_language(language),
        proposed_body=proposed_body(visit, request, language) if request else "",
        at=visit.at,
    )
    return _file(made.content, made.media_type, made.name)


def show(visit: Visit) -> Response:
    """What each body was sent, answered and owes."""
    release = visit.release
    found = ledger.listing(visit.office, visit.actor, release.territory, at=visit.at)
    return visit.show(
        "casework_bodies.html",
        title=visit.text("council.sent.title"),
        release=release,
        groups=found,
        today=civil_day(visit.at),
        file=visit.link(f"/casework/{release.territory}/bodies.xlsx"),
    )


def download(visit: Visit) -> Response:
    """The same as a workbook."""
    release = visit.release
    office, actor, words = visit.office, visit.actor, visit.words
    content = ledger.workbook(office, actor, release.territory, words, at=visit.at, is_simulated=release.is_simulated)
    return _file(content, WORKBOOK, f"bodies-{release.territory}-{civil_day(visit.at)}.xlsx")


def _file(content: bytes, media_type: str, name: str) -> Response:
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return Response(content, media_type=media_type, headers=headers)
