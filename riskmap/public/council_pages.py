"""Public pages of the councils, made from releases and journals alone: no session, no store.

In app.py::

    routes=[*council_pages.routes(settings.releases, settings.journals, base=...), ...]
"""

import logging
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from http import HTTPStatus
from pathlib import Path
from typing import Any

from markupsafe import Markup
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from riskmap import journal, wording
from riskmap.errors import DamagedRelease, NoRelease, RiskMapError
from riskmap.journal import PublicMeeting
from riskmap.public import (
    area_drawing,
    council,
    council_export,
    decision_map,
    evidence,
    following,
    map_view,
    marks,
    meeting_minutes,
    meeting_pages,
    page,
    place_map,
)
from riskmap.public.base_map import BaseMap
from riskmap.public.council import Choice, Council
from riskmap.public.page import Shell
from riskmap.wording import Wording

logger = logging.getLogger(__name__)

STAFF_PATHS = (
    "account",
    "sign-in",
    "sign-out",
    "casework",
    "steward",
    "release-desk",
    "review",
    "review-of-place",
    "place-reviews",
    "mark",
    "marks",
    "photos",
)
APPEALS = "eotinish.kz"
"""Where official appeals go. Shown as plain text: our pages lead to nobody else's."""


class NoSuchPage(RiskMapError, LookupError):
    """There is no page or request of this address."""


class NoHexagons(RiskMapError, LookupError):
    """The place has no hexagons, so nothing can be asked for there."""


class StaffElsewhere(RiskMapError, LookupError):
    """Pages for whoever signs in are not served by this process."""


STATUS_OF: dict[type[Exception], tuple[HTTPStatus, str]] = {
    NoRelease: (HTTPStatus.NOT_FOUND, "error.unknown_place"),
    NoSuchPage: (HTTPStatus.NOT_FOUND, "error.council.no_page"),
    NoHexagons: (HTTPStatus.NOT_FOUND, "error.council.no_hexagons"),
    StaffElsewhere: (HTTPStatus.NOT_FOUND, "error.staff_elsewhere"),
    DamagedRelease: (HTTPStatus.SERVICE_UNAVAILABLE, "error.council.damaged"),
}
"""From error class to HTTP status and the key of the sentence a person reads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Where the pages read, and whose tiles their maps may show."""

    releases: Path
    journals: Path
    tile_url: str | None
    base: BaseMap | None = None
    today: Callable[[], date] = date.today

    def open(self, territory: str) -> Council:
        """The council of a place; errors as in `council.open_council`, and NoHexagons."""
        found = council.open_council(self.releases, self.journals, territory)
        if not found.has_cells:
            raise NoHexagons(f"{territory} has no hexagons to ask something for.")
        return found


Handler = Callable[[Site, Request, Wording], Response]


def routes(
    releases: Path, journals: Path, *, today: Callable[[], date] = date.today, base: BaseMap | None = None
) -> list[Route]:
    """Routes below ``/council``. Neither folder has to exist yet; ``today`` tells what is late."""
    site = Site(releases=releases, journals=journals, tile_url=base.tile_url if base else None, base=base, today=today)
    handlers: dict[str, Handler] = {
        "/council": _places,
        "/council/{territory}": _list,
        "/council/{territory}/requests.csv": _table,
        "/council/{territory}/late": _late,
        "/council/{territory}/decisions": _decisions,
        "/council/{territory}/meetings": _meetings,
        "/council/{territory}/meetings/{number}.{form}": _minutes,
        "/council/{territory}/meetings/{number}": _meeting,
        "/council/{territory}/photos/{sha256}.jpg": _photo,
        "/council/{territory}/{number}": _request,
        "/council/{rest:path}": _nothing,
    }
    return [Route(path, _guarded(site, handler), methods=["GET"]) for path, handler in handlers.items()]


def staff_elsewhere(releases: Path, journals: Path) -> list[Route]:
    """Routes of the pages for whoever signs in, where this process serves the public alone: a sentence and a way on."""
    endpoint = _guarded(Site(releases=releases, journals=journals, tile_url=None), _elsewhere)
    paths = [path for name in STAFF_PATHS for path in (f"/{name}", f"/{name}/{{rest:path}}")]
    return [Route(path, endpoint, methods=["GET", "POST"]) for path in paths]


def _guarded(site: Site, handler: Handler) -> Callable[[Request], Response]:
    # Not async: files are read, so Starlette runs it beside the loop that serves everybody.
    def endpoint(request: Request) -> Response:
        words = wording.in_language(wording.language_or_default(request.query_params.get("lang")))
        try:
            return handler(site, request, words)
        except tuple(STATUS_OF) as error:
            status, key = STATUS_OF[type(error)]
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                logger.exception("council page cannot be shown")
            return _problem(site, words, words.text(key), status=status)
        except Exception:
            reference = secrets.token_hex(4)
            logger.exception("council page failed, reference %s", reference)
            sentence = words.text("error.internal", reference=reference)
            return _problem(site, words, sentence, status=HTTPStatus.INTERNAL_SERVER_ERROR)

    return endpoint


def _elsewhere(_site: Site, request: Request, _words: Wording) -> Response:
    raise StaffElsewhere(f"{request.url.path[:100]!r} is not served on the public side.")


def _nothing(_site: Site, request: Request, _words: Wording) -> Response:
    raise NoSuchPage(f"There is no page {request.url.path[:100]!r}.")


def _problem(
    site: Site, words: Wording, sentence: str, *, status: HTTPStatus, back: tuple[str, str] | None = None
) -> Response:
    """What happened, and where to go next: ``back`` is the address and the words of the nearest page."""
    try:
        places = council.all_councils(site.releases, site.journals)
    except (OSError, ValueError):  # the folder itself cannot be read: the sentence must still be said
        places = []
    return page.render(
        "council_problem.html",
        Shell(words=words, path="/council", query={}),
        title=words.text("error.title"),
        status=status,
        sentence=sentence,
        back=back,
        places=places,
    )


def _places(site: Site, _request: Request, words: Wording) -> Response:
    return page.render(
        "council_places.html",
        Shell(words=words, path="/council", query={}),
        title=words.text("council.list.places"),
        places=council.all_councils(site.releases, site.journals),
        appeals=APPEALS,
    )


def _list(site: Site, request: Request, words: Wording) -> Response:
    found = site.open(request.path_params["territory"])
    choice = council.read_choice(found, request.query_params)
    shown = council.chosen(found, choice)
    number = _page_number(request.query_params.get("page", ""), len(shown))
    first = (number - 1) * council.PAGE_REQUESTS
    query = choice.query() | ({"page": str(number)} if number > 1 else {})
    state = place_map.state(found.release, words, cell=choice.cell, marks=council.marks(found, words, choice))
    return page.render(
        "council_list.html",
        _shell(found, words, path=f"/council/{found.territory}", query=query, is_named_by_title=True),
        title=words.text("council.list.heading", place=found.release.names[words.language]),
        tile_url=site.tile_url,
        council=found,
        choice=choice,
        choice_without_cell=replace(choice, cell=None),
        found=len(shown),
        requests=shown[first : first + council.PAGE_REQUESTS],
        page=number,
        pages=_pages(len(shown)),
        filters=_filters(found, choice, words),
        named=_named(found, choice, words),
        marked=marks.in_words(found.release, found.journal.marks if found.journal else (), words),
        **_shared(site, found, words, state),
    )


def _request(site: Site, request: Request, words: Wording) -> Response:
    found = site.open(request.path_params["territory"])
    asked = found.find_text(request.path_params["number"])
    if asked is None:
        shell = Shell(words=words, path="", query={})
        back = shell.link(f"/council/{found.territory}"), words.text("council.page.back")
        sentence = words.text("error.council.no_request")
        return _problem(site, words, sentence, status=HTTPStatus.NOT_FOUND, back=back)
    cell = place_map.shown_cell(found.release, asked.cell_id)
    state = place_map.state(
        found.release,
        words,
        cell=cell,
        fly_to=place_map.surroundings(cell),
        marks=place_map.marks(found.release, [asked.cell_id], words),
    )
    return page.render(
        "council_request.html",
        _shell(found, words, path=f"/council/{found.territory}/{asked.number}", query={}),
        title=council.title(asked, words),
        tile_url=site.tile_url,
        council=found,
        request=asked,
        ahead=council.STAGES_AHEAD.get(asked.state, ()),
        evidence=council.evidence(found, asked, words),
        around=evidence.around(
            found.release, asked.cell_id, words, requests=found.requests, leave_out=(asked.number, asked.merged_into)
        ),
        outcome=council.outcome(asked, words),
        clock=council.clock_sentences(asked, words, today=site.today()),
        steps=[(step, council.published_fields(asked, step, words)) for step in asked.steps],
        merged_here=found.merged_into(asked.number),
        comments=council.comments(found, asked),
        **_shared(site, found, words, state),
    )


def _photo(site: Site, request: Request, words: Wording) -> Response:
    """A photo that the newest journal names; whatever else lies beside it is no page."""
    found, asked = site.open(request.path_params["territory"]), request.path_params["sha256"]
    named = {photo.sha256 for one in (found.journal.requests if found.journal else ()) for photo in one.photos}
    path = journal.photo_path(site.journals, found.territory, asked) if asked in named else None
    if path is None or not path.is_file():
        raise NoSuchPage("There is no such photo.")
    # Not for long, so that one that is taken back is soon gone from browsers too.
    headers = {"cache-control": "max-age=300", "content-security-policy": "default-src 'none'; sandbox"}
    return Response(path.read_bytes(), media_type="image/jpeg", headers=headers)


def _late(site: Site, request: Request, words: Wording) -> Response:
    found, today = site.open(request.path_params["territory"]), site.today()
    return page.render(
        "council_late.html",
        _shell(found, words, path=f"/council/{found.territory}/late", query={}),
        title=words.text("council.late.title"),
        council=found,
        today=today,
        groups=council.late(found, words, today=today),
        title_of=lambda one: council.title(one, words),
        area_of=lambda one: found.area_name(one.area_id, words),
    )


def _decisions(site: Site, request: Request, words: Wording) -> Response:
    found = site.open(request.path_params["territory"])
    lines = decision_map.lines(found, words)
    return page.render(
        "council_decisions.html",
        _shell(found, words, path=f"/council/{found.territory}/decisions", query={}, is_named_by_title=True),
        title=words.text("council.decided.title", place=found.release.names[words.language]),
        council=found,
        lines=lines,
        stages=tuple(decision_map.STAGES),
        drawing=area_drawing.of_places(found.release, decision_map.districts(found)),
        legend=decision_map.legend(lines[1:], words),
        width=area_drawing.MAP_WIDTH,
        silent=len(decision_map.silent(found)),
    )


def _meetings(site: Site, request: Request, words: Wording) -> Response:
    found = site.open(request.path_params["territory"])
    return page.render(
        "council_meetings.html",
        _shell(found, words, path=f"/council/{found.territory}/meetings", query={}),
        title=words.text("council.meeting.list"),
        council=found,
        meetings=meeting_pages.newest_first(found),
    )


def _meeting(site: Site, request: Request, words: Wording) -> Response:
    found = site.open(request.path_params["territory"])
    meeting = meeting_pages.find_text(found, request.path_params["number"])
    if meeting is None:
        raise NoSuchPage("There is no meeting of this number.")
    asked = [(one, found.find(one.request)) for one in meeting.agenda]
    return page.render(
        "council_meeting.html",
        _shell(found, words, path=f"/council/{found.territory}/meetings/{meeting.number}", query={}),
        title=words.text("council.meeting.title", number=str(meeting.number)),
        council=found,
        meeting=meeting,
        questions=[
            (one, known, council.title(known, words) if known else "", meeting_pages.decisions(meeting, one.request))
            for one, known in asked
        ],
        told=lambda decision: meeting_pages.fields(decision, words),
        files=[
            (form.upper(), page.address(f"{_meeting_path(found, meeting)}.{form}", lang=words.language))
            for form in (meeting_minutes.FORMS if meeting_minutes.has_minutes(meeting) else ())
        ],
    )


def _meeting_path(found: Council, meeting: PublicMeeting) -> str:
    return f"/council/{found.territory}/meetings/{meeting.number}"


def _minutes(site: Site, request: Request, words: Wording) -> Response:
    """The minutes of a meeting that has been opened, as a file."""
    found, form = site.open(request.path_params["territory"]), request.path_params["form"]
    meeting = meeting_pages.find_text(found, request.path_params["number"])
    if meeting is None or form not in meeting_minutes.FORMS or not meeting_minutes.has_minutes(meeting):
        raise NoSuchPage("There are no minutes of this number and kind; a meeting has them once it is opened.")
    link = page.address(_meeting_path(found, meeting), lang=words.language)
    link = f"{following.site_of(request)}{link}"
    media_type, made = meeting_minutes.file(found, meeting, words, form=form, link=link)
    name = f"meeting-{found.territory}-{meeting.number}-{words.language}.{form}"
    headers = {
        "content-disposition": f'attachment; filename="{name}"',
        "content-language": words.language,
        "cache-control": "no-cache",
    }
    return Response(made, media_type=media_type, headers=headers)


def _table(site: Site, request: Request, words: Wording) -> Response:
    found = site.open(request.path_params["territory"])
    day = found.journal.as_of.isoformat() if found.journal else found.release.as_of.isoformat()
    return Response(
        council_export.table(found, words),
        media_type="text/csv; charset=utf-8",
        headers={
            "content-disposition": f'attachment; filename="council-{found.territory}-{day}.csv"',
            "content-language": words.language,
            "cache-control": "no-cache",
        },
    )


def _shell(
    found: Council, words: Wording, *, path: str, query: dict[str, str], is_named_by_title: bool = False
) -> Shell:
    return Shell(
        words=words,
        path=path,
        query=query,
        territory=found.territory,
        place_name=None if is_named_by_title else found.release.names[words.language],
        is_simulated=found.release.is_simulated,
    )


def _shared(site: Site, found: Council, words: Wording, state: map_view.MapState) -> dict[str, Any]:
    """Values that the list and the page of a request both need."""
    options = place_map.options(found.release, base=site.base)
    return {
        "page_map": map_view.page_map(options, state),
        "legend": place_map.legend(found.release, words),
        "swatches": Markup(map_view.swatch_css()),  # noqa: S704 - made of our own palette
        "appeals": APPEALS,
        "title_of": lambda request: council.title(request, words),
        "state_group": lambda code: next((group for group, states in council.GROUPS.items() if code in states), "open"),
        "area_of": lambda request: found.area_name(request.area_id, words),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One value of a filter: where it leads and how many requests would be shown."""

    name: str
    choice: Choice
    count: int
    is_current: bool


def _filters(found: Council, choice: Choice, words: Wording) -> list[tuple[str, list[Chip]]]:
    """Heading and chips of each filter; a value no request has is left out unless it is the chosen one."""
    values = {
        ("kind", words.text("council.field.kind")): [(k, words.text(f"council.kind.{k}")) for k in council.KINDS],
        ("state", words.text("council.list.filter.state")): [
            (group, words.text(f"council.list.group.{group}")) for group in council.GROUPS
        ],
        ("area", words.text("council.list.filter.area")): [
            (area_id, found.area_name(area_id, words)) for area_id in council.areas_with_requests(found)
        ],
    }
    filters = []
    for (name, heading), options in values.items():
        chips = [_chip(found, choice, words.text("council.list.all"), **{name: None})]
        chips += [_chip(found, choice, label, **{name: value}) for value, label in options]
        shown = [chip for position, chip in enumerate(chips) if chip.count or chip.is_current or position == 0]
        filters.append((heading, shown))
    return filters


def _chip(found: Council, choice: Choice, label: str, **change: str | None) -> Chip:
    changed = replace(choice, **change)
    return Chip(name=label, choice=changed, count=council.count(found, changed), is_current=changed == choice)


def _named(found: Council, choice: Choice, words: Wording) -> list[tuple[str, Choice]]:
    """Each part of a choice in words, with the choice that is left without it."""
    parts = {
        "kind": choice.kind and words.text(f"council.kind.{choice.kind}"),
        "state": choice.state and words.text(f"council.list.group.{choice.state}"),
        "area": choice.area and found.area_name(choice.area, words),
        "cell": choice.cell and words.text("council.list.cell"),
    }
    return [(text, replace(choice, **{name: None})) for name, text in parts.items() if text]


def _pages(requests: int) -> int:
    return max(1, -(-requests // council.PAGE_REQUESTS))


def _page_number(text: str, requests: int) -> int:
    """The page asked for, or the nearest one there is."""
    is_number = text.isascii() and text.isdecimal() and len(text) < 10
    return min(max(1, int(text)), _pages(requests)) if is_number else 1
