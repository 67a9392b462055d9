"""Two areas side by side, ``/compare/TERRITORY?a=…&b=…``: a plain form, two sentences, two ranges on one axis.

In app.py::

    routes=[*compare_pages.routes(settings.releases), ...]
"""

from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from riskmap.public import answering, area_drawing, area_facts, area_words, page, shelf
from riskmap.public.area_facts import Book, Facts, Place
from riskmap.wording import Wording

ADDRESS = "/compare"
TITLE = "compare.title"

Group = tuple[str, list[tuple[str, str]]]


def routes(releases: Path) -> list[Route]:
    """Routes below ``/compare``. The folder does not have to exist yet."""

    def places(root: Path, _request: Request, words: Wording) -> Response:
        return answering.places(root, words, address=ADDRESS, title=TITLE)

    handlers: dict[str, answering.Handler] = {ADDRESS: places, f"{ADDRESS}/{{territory}}": _page}
    return [
        Route(path, answering.guarded(releases, handler, address=ADDRESS, title=TITLE), methods=["GET"])
        for path, handler in handlers.items()
    ]


def _page(root: Path, request: Request, words: Wording) -> Response:
    book = area_facts.book(shelf.latest(root, request.path_params["territory"]))
    release = book.release
    asked = {key: request.query_params.get(key, "") for key in ("a", "b")}
    chosen = [book.facts(one) for one in asked.values() if _is_offered(book, one)]
    problem = None
    if any(one and not _is_offered(book, one) for one in asked.values()):
        problem = words.text("compare.unknown")
    elif asked["a"] and asked["a"] == asked["b"]:
        problem, chosen = words.text("compare.same"), chosen[:1]
    answers = [
        (area_words.name(book, one.place, words), one.place.place_id, area_words.lead(book, one, words))
        for one in chosen
    ]
    named = "; ".join(name for name, _, _ in answers)
    return page.render(
        "compare.html",
        answering.shell(release, words, path=f"{ADDRESS}/{release.territory}", query=asked),
        title=f"{words.text(TITLE)}: {named}" if len(answers) > 1 else words.text(TITLE),
        release=release,
        notices=answering.notices(root, release, request, words),
        problem=problem,
        asked=asked,
        groups=offered(book, words),
        answers=answers,
        verdict=verdict(book, chosen, words),
        chart=_chart(book, chosen, words),
    )


def offered(book: Book, words: Wording) -> list[Group]:
    """Places that can be chosen: the regions first, then the areas of each."""
    regions = book.children(book.release.territory)
    groups = [(area_words.name(book, book.places[book.release.territory], words), _named(book, regions, words))]
    groups += [(area_words.name(book, one, words), _named(book, book.children(one.place_id), words)) for one in regions]
    return [(name, options) for name, options in groups if options]


def verdict(book: Book, chosen: Sequence[Facts], words: Wording) -> str | None:
    """What follows from two ranges, in one sentence; None unless two are chosen."""
    if len(chosen) != 2:
        return None
    first, second = chosen
    if first.range is None or second.range is None:
        return words.text("compare.no_rate")
    if first.range[0] <= second.range[1] and second.range[0] <= first.range[1]:
        return words.text("compare.overlap")
    higher = max(chosen, key=lambda one: one.range or (0.0, 0.0))
    return words.text("compare.apart", area=area_words.name(book, higher.place, words))


def _is_offered(book: Book, place_id: str) -> bool:
    place = book.places.get(place_id)
    return place is not None and place.year in (None, book.year)


def _named(book: Book, places: Sequence[Place], words: Wording) -> list[tuple[str, str]]:
    return [(one.place_id, area_words.name(book, one, words)) for one in places]


def _chart(book: Book, chosen: Sequence[Facts], words: Wording) -> area_drawing.Ranges | None:
    shown = [(area_words.name(book, one.place, words), one.range) for one in chosen if one.range]
    return area_drawing.ranges(shown) if len(shown) > 1 else None
