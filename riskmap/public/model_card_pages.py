"""The public page ``/model-card``.

In app.py::

    routes=[*model_card_pages.routes(model_terms.current(), results=..., contact=settings.contact), ...]
"""

import logging
from collections.abc import Callable
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from riskmap import wording
from riskmap.public import model_card, page
from riskmap.public.model_card import InvalidResults, Result, Terms
from riskmap.public.page import Shell

logger = logging.getLogger(__name__)

ADDRESS = "/model-card"


def routes(terms: Terms, *, results: Path, contact: str | None = None) -> list[Route]:
    """The route of the page. ``results`` need not exist; the card then says that there are no numbers yet."""
    return [Route(ADDRESS, _endpoint(terms, results, contact), methods=["GET"])]


def _endpoint(terms: Terms, results: Path, contact: str | None) -> Callable[[Request], Response]:
    # Not async: a file is read, so Starlette runs it beside the loop that serves everybody.
    def endpoint(request: Request) -> Response:
        words = wording.in_language(wording.language_or_default(request.query_params.get("lang")))
        return page.render(
            "model_card.html",
            Shell(words=words, path=ADDRESS, query={}),
            title=words.text("modelcard.title"),
            sections=model_card.sections(words, terms, _numbers(results), contact=contact),
        )

    return endpoint


def _numbers(path: Path) -> tuple[Result, ...]:
    """Results where they can be read: the card's words matter more than its numbers."""
    try:
        return model_card.read_results(path)
    except InvalidResults:
        logger.exception("benchmark results cannot be shown")
        return ()
