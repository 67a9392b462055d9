"""The council's page of areas that are clearly higher and from which nothing was asked."""

from starlette.responses import Response

from riskmap.council import silent
from riskmap.doors.visit import Visit
from riskmap.public import area_facts, area_words, council, decision_map


def show(visit: Visit) -> Response:
    """The list; who read it when stands in the audit log."""
    release, settings = visit.release, visit.doors.settings
    silent.read(visit.office, visit.actor, release.territory, at=visit.at)
    found = council.open_council(settings.releases, settings.journals, release.territory)
    book = area_facts.book(found.release)
    return visit.show(
        "silent_desk.html",
        title=visit.text("council.silent.title"),
        release=release,
        path=f"/casework/{release.territory}/silent",
        areas=[(one.place_id, area_words.name(book, one, visit.words)) for one in decision_map.silent(found)],
    )
