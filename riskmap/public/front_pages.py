"""The front door: a light page with a search and lists, at ``/kk``, ``/ru`` and ``/en``; ``/`` leads there.

In app.py::

    routes=[*front_pages.routes(settings.releases, settings.journals), ...]
    middleware=[Middleware(front_pages.FrontDoor), ...]

It needs neither Streamlit nor a script: the search is a form that the server answers. "Near me" is a button that only
its script shows; the script rounds the place before it is sent, and this side rounds it again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from riskmap import wording
from riskmap.journal import PublicRequest
from riskmap.public import answering, area_facts, area_pages, area_words, council, page, place_search, shelf
from riskmap.public.page import Shell
from riskmap.public.place_search import Found
from riskmap.release import Release
from riskmap.wording import Wording

MAP_QUERY = frozenset({"place", "view", "cell", "area", "group"})
"""Parts of an address by which ``/`` is the map and not the front door."""
TITLE = "front.title"
DECISIONS = frozenset({"approve", "refuse"})
MOST_DECISIONS = 5
MOST_PLACES = 5
"""Published places named beside a street that passes through many; the others unfold."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """One line of what was found: its name, what kind of place it is, another name it was met by, and where to go."""

    name: str
    kind: str | None
    also: str | None
    territory: str
    is_simulated: bool
    ways: tuple[tuple[str, str], ...]
    more: tuple[tuple[str, str], ...]


class FrontDoor:
    """Leads from ``/`` to the page of a language; an address with a view of the map goes on to the map."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == "/" and scope["method"] in {"GET", "HEAD"}:
            query = parse_qs(scope["query_string"].decode("latin-1"))
            if not MAP_QUERY & query.keys():
                language = wording.language_or_default(query.get("lang", [None])[0])
                answer = RedirectResponse(f"/{language}", HTTPStatus.FOUND, headers={"cache-control": "no-cache"})
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)


def routes(releases: Path, journals: Path) -> list[Route]:
    """Routes of the page; ``?q=`` is what is searched for, ``?lat=&lng=`` a place to look near."""

    def handler(root: Path, request: Request, words: Wording) -> Response:
        return _page(root, journals, request, words)

    found = []
    for language in wording.LANGUAGES:
        guarded = answering.guarded(releases, _in_language(language, handler), address="/area", title=TITLE)
        found.append(Route(f"/{language}", guarded, methods=["GET"]))
    return found


def _in_language(language: str, handler: answering.Handler) -> answering.Handler:
    words = wording.in_language(language)
    return lambda root, request, _words: handler(root, request, words)


def _page(root: Path, journals: Path, request: Request, words: Wording) -> Response:
    asked = request.query_params.get("q", "")[: place_search.LONGEST_QUERY].strip()
    published = shelf.all_latest(root)
    point = _point(request.query_params)
    hits = place_search.near(published, *point) if point else place_search.find(published, asked)
    return page.render(
        "front.html",
        Shell(words=words, path="/", query={"q": asked}),
        title=words.text(TITLE),
        status=HTTPStatus.OK if published else HTTPStatus.SERVICE_UNAVAILABLE,
        asked=asked,
        is_near=point is not None,
        is_near_broken=point is None and bool({"lat", "lng"} & set(request.query_params)),
        found=[_hit(one, words) for one in hits],
        places=[(one, _sentences(one, words), _parts(one)) for one in _in_order(published)],
        attributions=sorted({line for one in published for line in one.manifest.get("attributions", ())}),
        decisions=recent_decisions(root, journals, words),
    )


def _point(query: Mapping[str, str]) -> tuple[float, float] | None:
    try:
        lat, lng = float(query["lat"]), float(query["lng"])
    except (KeyError, ValueError):
        return None
    return place_search.rounded(lat, lng)


def _in_order(published: list[Release]) -> list[Release]:
    """The country first, then cities by code, what is made up last."""
    return sorted(published, key=lambda one: (one.is_simulated, bool(one.cells.size), one.territory))


def _hit(found: Found, words: Wording) -> Hit:
    book = area_facts.book(found.release)
    places = [book.places[place_id] for place_id in found.place_ids]
    ways = [(area_pages.path_of(book, one.place_id), area_words.name(book, one, words)) for one in places]
    kind = f"front.kind.{found.kind}"
    return Hit(
        name=found.names[words.language],
        kind=words.text(kind) if found.kind in place_search.KINDS else None,
        also=found.also,
        territory=found.release.names[words.language],
        is_simulated=found.release.is_simulated,
        ways=tuple(ways[:MOST_PLACES]),
        more=tuple(ways[MOST_PLACES:]),
    )


def _sentences(release: Release, words: Wording) -> list[str]:
    book = area_facts.book(release)
    return area_words.lead(book, book.facts(release.territory), words)


def _parts(release: Release) -> list[tuple[str, Mapping[str, str]]]:
    """Address and names of the regions of a release, by code."""
    book = area_facts.book(release)
    areas = sorted((one for one in release.areas if one.kind != "territory"), key=lambda one: one.area_id)
    return [(area_pages.path_of(book, one.area_id), one.names) for one in areas]


def recent_decisions(releases: Path, journals: Path, words: Wording) -> list[tuple[str, str, str]]:
    """Address, title and day in words of the newest decisions in the journals, newest first."""
    decided: list[tuple[str, PublicRequest, str]] = []
    for one in council.all_councils(releases, journals):
        for request in one.requests:
            days = [step.on for step in request.steps if step.action in DECISIONS]
            if days:
                decided.append((max(days).isoformat(), request, one.territory))
    newest = sorted(decided, key=lambda row: (row[0], row[1].number), reverse=True)[:MOST_DECISIONS]
    return [
        (
            f"/council/{territory}/{request.number}",
            council.title(request, words),
            words.date(max(step.on for step in request.steps if step.action in DECISIONS)),
        )
        for _, request, territory in newest
    ]
