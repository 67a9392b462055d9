"""My area: ``/area/TERRITORY/PLACE``, a sentence before anything else about a published place, without any script.

In app.py::

    routes=[*area_pages.routes(settings.releases, settings.journals, today=...), ...]

``/area/TERRITORY`` is the page of the whole; ``?cell=`` leads to the smallest published area that holds a cell.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from geodata.errors import InvalidCell
from riskmap.errors import DamagedRelease, NoRelease
from riskmap.journal import PublicRequest
from riskmap.public import (
    answering,
    area_drawing,
    area_facts,
    area_news,
    area_sheet,
    area_words,
    council,
    explain,
    following,
    object_layer,
    page,
    place_reviews,
    shelf,
)
from riskmap.public.area_facts import AREA, Book, Place
from riskmap.release import Release
from riskmap.wording import Wording

ADDRESS = "/area"
TITLE = "area.index.title"
HOW = "/how"
MOST_DECISIONS = 5
MOST_REVIEWS = 3


def routes(releases: Path, journals: Path, *, today: Callable[[], date]) -> list[Route]:
    """Routes below ``/area``. The folders do not have to exist yet; ``today`` tells which reviews are late."""

    def places(root: Path, _request: Request, words: Wording) -> Response:
        return answering.places(root, words, address=ADDRESS, title=TITLE)

    def territory(root: Path, request: Request, words: Wording) -> Response:
        book = area_facts.book(shelf.latest(root, request.path_params["territory"]))
        if "cell" in request.query_params:
            return _of_cell(book, request, words)
        return _page((root, journals), book, book.release.territory, request, words=words, today=today())

    def one(root: Path, request: Request, words: Wording) -> Response:
        book = area_facts.book(shelf.latest(root, request.path_params["territory"]))
        return _page((root, journals), book, request.path_params["place"], request, words=words, today=today())

    def sheet(root: Path, request: Request, words: Wording) -> Response:
        return _sheet(root, request, words, make=area_sheet.pdf, media_type=area_sheet.PDF)

    def picture(root: Path, request: Request, words: Wording) -> Response:
        return _sheet(root, request, words, make=area_sheet.png, media_type=area_sheet.PNG)

    def nothing(_root: Path, request: Request, _words: Wording) -> Response:
        raise NoRelease(f"There is no page {request.url.path[:100]!r}; the places are at {ADDRESS}.")

    def how(root: Path, _request: Request, words: Wording) -> Response:
        return _how(root, words)

    handlers: dict[str, answering.Handler] = {
        ADDRESS: places,
        HOW: how,
        f"{ADDRESS}/{{territory}}": territory,
        f"{ADDRESS}/{{territory}}/{{place}}.pdf": sheet,
        f"{ADDRESS}/{{territory}}/{{place}}.png": picture,
        f"{ADDRESS}/{{territory}}/{{place}}": one,
        f"{ADDRESS}/{{rest:path}}": nothing,
    }
    return [
        Route(path, answering.guarded(releases, handler, address=ADDRESS, title=TITLE), methods=["GET"])
        for path, handler in handlers.items()
    ]


def path_of(book: Book, place_id: str) -> str:
    """Address of a place's page without its query."""
    home = f"{ADDRESS}/{book.release.territory}"
    return home if place_id == book.release.territory else f"{home}/{place_id}"


def refusal(book: Book, place_id: str, words: Wording) -> Response | None:
    """What is said of an unknown place, or of an area of an earlier year; None for a place of today."""
    place = book.places.get(place_id)
    if place is None:
        return _problem(book, words, words.text("area.error.unknown"))
    if place.year is not None and place.year != book.year:
        return _earlier(book, place, words)
    return None


def _of_cell(book: Book, request: Request, words: Wording) -> Response:
    """To the smallest published area that holds a cell; to its region where no area does."""
    cell = request.query_params["cell"].strip().lower()
    place = book.holding(cell)
    if place is None:
        published = book.release.find(cell) if book.release.cells.size else None
        if published is None:
            raise InvalidCell(f"{cell[:20]!r} is not covered by {book.release.territory}; choose a published area.")
        place = book.places[published.area.area_id]
    target = page.address(path_of(book, place.place_id), lang=words.language)
    return RedirectResponse(target, HTTPStatus.FOUND, headers={"cache-control": "no-cache"})


def _page(
    folders: tuple[Path, Path], book: Book, place_id: str, request: Request, *, words: Wording, today: date
) -> Response:
    root, journals = folders
    refused = refusal(book, place_id, words)
    if refused is not None:
        return refused
    place, facts, release = book.places[place_id], book.facts(place_id), book.release
    told = area_words.telling(book, facts)
    children = book.children(place_id)
    rows = area_words.rows(book, children, words)
    like = [book.places[one] for one in facts.like]
    return page.render(
        "area.html",
        answering.shell(release, words, path=path_of(book, place_id)),
        title=area_words.name(book, place, words),
        release=release,
        source=explain.official_source(release, words) if release.manifest["official"] else None,
        place=place,
        facts=facts,
        notices=answering.notices(root, release, request, words),
        lead=area_words.lead(book, facts, words),
        parent_answer=area_words.lead(book, told, words) if told is not facts else [],
        where=explain.where(release, sorted(place.cells), words) if place.cells else None,
        caveats=caveats(release, words),
        inputs=area_words.range_inputs(facts, words),
        kinds=area_words.kinds(facts, words),
        hours=area_words.hours(facts, words),
        objects=object_layer.of_place(release, place_id, place.cells, words),
        advice=area_words.advice(facts, words),
        parent=book.places.get(place.parent_id or ""),
        name=lambda one: area_words.name(book, one, words),
        way=lambda one: path_of(book, one),
        children=rows,
        drawing=area_drawing.of_places(release, children),
        legend=area_words.legend(release, rows, words),
        width=area_drawing.MAP_WIDTH,
        similar=area_words.like(facts, words),
        like=area_words.rows(book, like, words),
        chart=_chart(book, [place, *like], words),
        council=_decided(root, journals, release, place, words, today=today) if release.cells.size else None,
        map_query=_map_query(place),
        marking=_marking(book, place),
        follow=following.ways(book, place, words, site=following.site_of(request)),
        how=HOW,
        sheets=area_sheet.ways(f"{ADDRESS}/{release.territory}/{place_id}", words.language),
    )


def _sheet(root: Path, request: Request, words: Wording, *, make: Callable[..., bytes], media_type: str) -> Response:
    """A place on paper; of one that is unknown or of an earlier year its page, which says so."""
    book = area_facts.book(shelf.latest(root, request.path_params["territory"]))
    place = book.places.get(request.path_params["place"])
    if place is None:
        return _problem(book, words, words.text("area.error.unknown"))
    if place.year is not None and place.year != book.year:
        return _earlier(book, place, words)
    link = f"{following.site_of(request)}{path_of(book, place.place_id)}?lang={words.language}"
    made = make(book, place.place_id, words, link=link)
    name = f"{place.place_id}-{book.release.release_id}-{words.language}.{media_type[-3:]}"
    headers = {"content-disposition": f'inline; filename="{name}"', "cache-control": "no-cache"}
    return Response(made, media_type=media_type, headers=headers)


def caveats(release: Release, words: Wording) -> list[str]:
    """What is not in the number."""
    if release.manifest["official"]:
        return [words.text("country.measure"), words.text("not_in.low")]
    return [words.text("not_in.number"), words.text("not_in.low")]


@dataclass(frozen=True, slots=True, kw_only=True)
class Decided:
    """What the journal tells of a place: requests as heading, state and request, reviews in words."""

    requests: tuple[tuple[str, str, PublicRequest], ...]
    reviews: tuple[place_reviews.ReviewWords, ...]
    ask_review: str


def _decided(root: Path, journals: Path, release: Release, place: Place, words: Wording, *, today: date) -> Decided:
    """Decided requests and reviews of a place, the newest first; none where the journal cannot be read."""
    requests: list[PublicRequest] = []
    reviews: list[place_reviews.ReviewWords] = []
    try:
        found = council.open_council(root, journals, release.territory)
        requests = [
            one for one in council.chosen(found, council.Choice()) if area_news.is_in(release, one.cell_id, place)
        ]
        reviews = [
            place_reviews.in_words(release, one, words, today=today)
            for one in place_reviews.published(journals, release.territory)
            if one.place_id == place.place_id or area_news.is_in(release, one.place_id, place)
        ]
    except DamagedRelease:
        answering.logger.exception("journal of %s cannot be shown", release.territory)
    decided = [one for one in requests if not one.is_open or one.state in council.GROUPS["decided"]]
    return Decided(
        requests=tuple(
            (council.title(one, words), words.text(f"council.state.{one.state}"), one)
            for one in decided[:MOST_DECISIONS]
        ),
        reviews=tuple(reviews[:MOST_REVIEWS]),
        ask_review=place_reviews.ask_address(release, place.place_id, words),
    )


def _map_query(place: Place) -> dict[str, str]:
    """What the map is asked to show of a place."""
    if place.level == AREA:
        return {"cell": min(place.cells)}
    return {"area": place.place_id} if place.level == "region" else {}


def _marking(book: Book, place: Place) -> str:
    """Where a problem of a place is marked: at its district, or with a choice of them."""
    territory = book.release.territory
    district = place if place.year is None else book.places[place.parent_id or territory]
    return f"/mark/{territory}" + (f"/{district.place_id}" if district.place_id != territory else "")


def _chart(book: Book, places: list[Place], words: Wording) -> area_drawing.Ranges | None:
    """Ranges of an area and of those like it, by code; None where the area has none."""
    own = book.facts(places[0].place_id)
    if own.range is None or len(places) == 1:
        return None
    ordered = sorted((book.facts(one.place_id) for one in places), key=lambda one: one.place.place_id)
    shown = [(area_words.name(book, one.place, words), one.range) for one in ordered if one.range]
    return area_drawing.ranges(shown, own=area_words.name(book, own.place, words))


def _problem(book: Book, words: Wording, sentence: str) -> Response:
    """What is wrong with an address, above the areas there are."""
    parts = book.children(book.release.territory)
    return page.render(
        "area_problem.html",
        answering.shell(book.release, words, path=path_of(book, book.release.territory)),
        title=words.text("error.title"),
        status=HTTPStatus.NOT_FOUND,
        sentence=sentence,
        ways=[(area_words.name(book, one, words), path_of(book, one.place_id)) for one in parts],
    )


def _earlier(book: Book, place: Place, words: Wording) -> Response:
    """An area of an earlier year: where its ground belongs now."""
    now = book.now(place) or [book.places[place.parent_id or book.release.territory]]
    return page.render(
        "area_problem.html",
        answering.shell(book.release, words, path=path_of(book, place.place_id)),
        title=words.text("area.old.title"),
        status=HTTPStatus.GONE,
        sentence=words.text("area.old.sentence", year=place.year or 0),
        ways=[(area_words.name(book, one, words), path_of(book, one.place_id)) for one in now],
    )


def _how(root: Path, words: Wording) -> Response:
    rules = [one.manifest["class_rule"] for one in shelf.all_latest(root) if one.manifest.get("class_rule")]
    clear = None
    if rules:
        percents = {name: round(100 * rules[0][name]) for name in ("margin", "sure", "likely")}
        clear = words.text("how.clear", **percents)
    sections = [
        ("areas", [words.text("how.areas")]),
        ("count", [words.text("how.count")]),
        ("range", [words.text("area.range.rule")]),
        ("residents", [words.text("how.residents")]),
        ("like", [words.text("how.like", n=area_facts.LIKE, least=area_facts.LEAST_LIKE), *([clear] if clear else [])]),
        ("change", [words.text("how.change", n=area_facts.LEAST_FOR_CHANGE)]),
        ("visitors", [words.text("how.visitors", n=area_facts.RESIDENTS_PER_CASE)]),
        ("places", [words.text("how.places")]),
    ]
    return page.render(
        "area_how.html",
        page.Shell(words=words, path=HOW, query={}),
        title=words.text("how.title"),
        sections=[(name, words.text(f"how.{name}.title"), told) for name, told in sections],
    )
