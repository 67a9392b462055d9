"""Fear and recorded crime side by side, ``/fear/TERRITORY``: what people answered, and what was registered.

In app.py::

    routes=[*fear_pages.routes(settings.releases), ...]
"""

from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from riskmap.public import answering, area_drawing, area_facts, area_words, explain, fear_facts, page, shelf
from riskmap.public.area_facts import Book
from riskmap.public.fear_facts import ALL, MEN, WOMEN, Row, Share, Wave
from riskmap.release import Release
from riskmap.wording import EN_DASH, NO_BREAK_SPACE, Wording

ADDRESS = "/fear"
TITLE = "fear.title"
SEXES = (WOMEN, MEN, ALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line of the table, as it is read; ``place_id`` for its link."""

    place_id: str
    name: str
    shares: Sequence[str]
    recorded: str


def routes(releases: Path) -> list[Route]:
    """Routes below ``/fear``. The folder does not have to exist yet."""

    def places(root: Path, _request: Request, words: Wording) -> Response:
        return answering.places(root, words, address=ADDRESS, title=TITLE)

    handlers: dict[str, answering.Handler] = {
        ADDRESS: places,
        f"{ADDRESS}/{{territory}}": _page,
        f"{ADDRESS}/{{territory}}/{{question}}": _page,
    }
    return [
        Route(path, answering.guarded(releases, handler, address=ADDRESS, title=TITLE), methods=["GET"])
        for path, handler in handlers.items()
    ]


def addresses(book: Book) -> list[str]:
    """Every page about a territory: the first question, and each further one."""
    own = f"{ADDRESS}/{book.release.territory}"
    return [own, *(f"{own}/{code}" for code in fear_facts.questions(book)[1:])]


def _page(root: Path, request: Request, words: Wording) -> Response:
    book = area_facts.book(shelf.latest(root, request.path_params["territory"]))
    release, asked = book.release, fear_facts.questions(book)
    wanted = request.path_params.get("question")
    is_unknown = wanted is not None and wanted not in asked
    chosen = wanted if wanted in asked else next(iter(asked), None)
    wave = fear_facts.wave(book, chosen) if chosen else None
    own = f"{ADDRESS}/{release.territory}"
    paths = {code: own if code == asked[0] else f"{own}/{code}" for code in asked}
    notices = answering.notices(root, release, request, words)
    return page.render(
        "fear.html",
        answering.shell(release, words, path=paths.get(chosen or "", own)),
        title=words.text(TITLE),
        status=HTTPStatus.NOT_FOUND if is_unknown else HTTPStatus.OK,
        release=release,
        notices=[*notices, *([words.text("fear.notice.question")] if is_unknown else [])],
        wave=wave,
        others=[(path, words.text(f"fear.question.{code}")) for code, path in paths.items() if code != chosen],
        lines=lines(book, wave, words) if wave else [],
        felt=_felt(book, wave, words) if wave else None,
        recorded=_recorded(book, wave, words) if wave else None,
        period=recorded_in(release, words),
    )


def lines(book: Book, wave: Wave, words: Wording) -> list[Line]:
    """Every place by code, with what women, men and all answered and what was recorded."""
    return [
        Line(
            place_id=row.place.place_id,
            name=area_words.name(book, row.place, words),
            shares=[_told(row.shares.get(sex), words) for sex in SEXES],
            recorded=words.range(*row.recorded.range, digits=1) if row.recorded else EN_DASH,
        )
        for row in wave.rows
    ]


def recorded_in(release: Release, words: Wording) -> str | None:
    """Of what time the recorded rates are, and whose they are; None where the release has none."""
    if release.manifest["official"]:
        year = int(release.manifest["official"]["year"])
        return f"{words.text('fear.recorded.year', year=year)} {explain.official_source(release, words)}"
    if release.period is None:
        return None
    first, last = words.first_and_last_day(*release.period)
    return words.text("fear.recorded.period", first=first, last=last)


def _told(share: Share | None, words: Wording) -> str:
    if share is None:
        return EN_DASH
    if share.percent is None or share.range is None:
        return words.text("fear.too_few")
    return f"{words.number(share.percent, 1)}{NO_BREAK_SPACE}% ({words.range(*share.range, digits=1)})"


def _felt(book: Book, wave: Wave, words: Wording) -> area_drawing.Grouped | None:
    def of(row: Row) -> list[tuple[str, area_drawing.Range]]:
        return [(sex, share.range) for sex in wave.sexes if (share := row.shares.get(sex)) and share.range]

    return area_drawing.grouped([(area_words.name(book, row.place, words), of(row)) for row in wave.rows])


def _recorded(book: Book, wave: Wave, words: Wording) -> area_drawing.Grouped | None:
    def of(row: Row) -> list[tuple[str, area_drawing.Range]]:
        return [(ALL, row.recorded.range)] if row.recorded else []

    return area_drawing.grouped([(area_words.name(book, row.place, words), of(row)) for row in wave.rows])
