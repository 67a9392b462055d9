"""The public page ``/severity-weights``: what each article of the Criminal Code weighs in the index that staff see.

In app.py::

    routes=[*severity_pages.routes(severity_terms.current()), ...]
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from riskmap import wording
from riskmap.public import page
from riskmap.public.page import Shell
from riskmap.wording import EN_DASH, Wording

ADDRESS = "/severity-weights"
PARAGRAPHS = ("intro", "derived", "place")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """One article, or one of its parts, as the page tells it; ``days`` of the longest sanction.

    ``part`` and titles are empty where there are none; ``severity`` is a class of the Code, or None where unknown;
    ``basis`` says what the weight rests on.
    """

    article: str
    part: str
    title_kk: str
    title_ru: str
    severity: str | None
    days: float
    basis: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A weight in words; the title is in ``title_language``, for the Code has no English one."""

    article: str
    title: str
    title_language: str
    severity: str
    days: str
    basis: str


def routes(weights: Sequence[Weight]) -> list[Route]:
    """The route of the page."""
    return [Route(ADDRESS, _endpoint(weights), methods=["GET"])]


def rows(weights: Sequence[Weight], words: Wording) -> list[Row]:
    """Weights in words, in the order given."""
    return [_row(one, words) for one in weights]


def _endpoint(weights: Sequence[Weight]) -> Callable[[Request], Response]:
    def endpoint(request: Request) -> Response:
        words = wording.in_language(wording.language_or_default(request.query_params.get("lang")))
        return page.render(
            "severity_weights.html",
            Shell(words=words, path=ADDRESS, query={}),
            title=words.text("severity.page.title"),
            paragraphs=[words.text(f"severity.page.{name}") for name in PARAGRAPHS],
            heads=[words.text(f"severity.column.{name}") for name in ("article", "title", "class", "days", "basis")],
            rows=rows(weights, words),
        )

    return endpoint


def _row(one: Weight, words: Wording) -> Row:
    is_kazakh = words.language == "kk" and bool(one.title_kk)
    told = words.text("severity.article_part", article=one.article, part=one.part) if one.part else one.article
    return Row(
        article=told,
        title=one.title_kk if is_kazakh else one.title_ru,
        title_language="kk" if is_kazakh else "ru",
        severity=words.text(f"severity.class.{one.severity}") if one.severity else EN_DASH,
        days=words.number(one.days, 0 if one.days == round(one.days) else 1),
        basis=words.text(f"severity.basis.{one.basis}"),
    )
