"""The public pages as one list of routes and addresses, and the text twin made of them.

The twin is made again after whatever publishes: a release, a withdrawal, a journal.
"""

import logging
from datetime import datetime

from riskmap import disk, journal, kept_kinds, model_terms, release, severity_terms
from riskmap.council.request import civil_day
from riskmap.errors import CannotWrite, DamagedRelease, NoRelease
from riskmap.public import (
    area_facts,
    area_pages,
    compare_pages,
    council_pages,
    fear_pages,
    model_card_pages,
    off_map_pages,
    open_data_pages,
    press_pages,
    privacy_pages,
    region_pages,
    scorecard,
    scorecard_pages,
    severity_pages,
    shelf,
    static_site,
)
from riskmap.public.static_site import Routes, Written
from riskmap.settings import ASSETS, MODEL_RESULTS, Settings

logger = logging.getLogger(__name__)

VERSION = 2
"""To be raised where pages of the same releases and journals read differently."""
COMMON = ("/area", "/how", "/model-card", "/privacy", "/press", "/severity-weights", "/scorecard", "/council", "/fear")
MOST_REQUESTS = 300


def pages(settings: Settings, *, now: datetime) -> Routes:
    """Routes of every public page that needs no script."""
    releases, journals = settings.releases, settings.journals
    return [
        *area_pages.routes(releases, journals, today=lambda: civil_day(now)),
        *region_pages.routes(releases),
        *compare_pages.routes(releases),
        *fear_pages.routes(releases),
        *off_map_pages.routes(releases),
        *council_pages.routes(releases, journals, today=lambda: civil_day(now)),
        *scorecard_pages.routes(releases),
        *model_card_pages.routes(model_terms.current(), results=MODEL_RESULTS, contact=settings.contact),
        *severity_pages.routes(severity_terms.current()),
        *open_data_pages.routes(releases, journals, today=lambda: civil_day(now)),
        *privacy_pages.routes(
            releases,
            journals,
            contact=settings.contact,
            terms=kept_kinds.rows(settings.kept_for),
        ),
        *press_pages.routes(releases, contact=settings.contact),
    ]


def addresses(settings: Settings) -> list[str]:
    """Every page of the twin: the common ones, and those of each territory and its places."""
    found = list(COMMON)
    for one in shelf.all_latest(settings.releases):
        name, book = one.territory, area_facts.book(one)
        kinds = ["area", "regions", "not-on-map", "data"]
        if one.cells.size:
            kinds += ["compare", "council"]
        if scorecard.has_scorecard(one):
            kinds.append("scorecard")
        found += [f"/{kind}/{name}" for kind in kinds]
        found += fear_pages.addresses(book)
        current = [key for key, place in book.places.items() if place.year in (None, book.year) and key != name]
        found += [f"/area/{name}/{key}" for key in sorted(current)]
        if one.cells.size:
            found += [f"/council/{name}/late", f"/council/{name}/meetings", f"/council/{name}/decisions"]
        requests = _journal(settings, name)
        found += [f"/council/{name}/meetings/{one.number}" for one in (requests.meetings if requests else ())]
        numbers = [request.number for request in requests.requests] if requests else []
        found += [f"/council/{name}/{number}" for number in numbers[-MOST_REQUESTS:]]
    return found


def refresh(settings: Settings, *, now: datetime, home: str | None = None) -> Written:
    """Make the twin of everything published, unless it is that already.

    Raises
    ------
    CannotWrite
        If its folder cannot be written; the twin before stays.
    """
    with disk.writing_to(settings.site):
        return static_site.write(
            settings.site,
            pages(settings, now=now),
            addresses(settings),
            assets=ASSETS,
            made_of=_made_of(settings),
            made_on=civil_day(now),
            home=home,
        )


def refresh_quietly(settings: Settings, *, now: datetime) -> None:
    """`refresh` after something was published: that stands, whatever becomes of its twin."""
    try:
        refresh(settings, now=now)
    except CannotWrite:
        logger.exception("the text pages could not be written; repeat it with the command site")


def _made_of(settings: Settings) -> dict[str, object]:
    known = {}
    for one in shelf.all_latest(settings.releases):
        found = _journal(settings, one.territory)
        withdrawn = len(release.withdrawn(settings.releases, one.territory))
        known[one.territory] = [one.release_id, found.journal_id if found else None, withdrawn]
    return {"version": VERSION, "contact": settings.contact, "territories": known}


def _journal(settings: Settings, territory: str) -> journal.Journal | None:
    try:
        return journal.latest(settings.journals, territory)
    except (DamagedRelease, NoRelease):
        return None
