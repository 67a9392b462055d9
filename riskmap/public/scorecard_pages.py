"""Public pages on how the forecast did, made from releases alone: ``/scorecard`` and ``/scorecard/TERRITORY``.

In app.py::

    routes=[*scorecard_pages.routes(settings.releases), ...]
"""

import logging
import secrets
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from riskmap import wording
from riskmap.errors import DamagedRelease, NoRelease
from riskmap.public import page, scorecard, scorecard_chart, shelf
from riskmap.public.page import Shell
from riskmap.public.scorecard import GroupCard, NoScorecard, Scorecard
from riskmap.wording import Wording

logger = logging.getLogger(__name__)

ADDRESS = "/scorecard"
COVERAGE_PERCENT = 5
METHOD_COLUMNS = {
    "pai": "pai_5",
    "pei": "pei_5",
    "hit_rate": "hit_rate_5",
    "deviance": "poisson_deviance",
    "slope": "calibration_slope",
}
"""Columns of the table of all methods and where each stands in the release's scorecard."""
STATUS_OF: dict[type[Exception], tuple[HTTPStatus, str]] = {
    NoRelease: (HTTPStatus.NOT_FOUND, "error.unknown_place"),
    NoScorecard: (HTTPStatus.NOT_FOUND, "scorecard.page.no_place"),
    DamagedRelease: (HTTPStatus.SERVICE_UNAVAILABLE, "error.damaged_release"),
}
"""From error class to HTTP status and the key of the sentence a person reads."""

Handler = Callable[[Path, Request, Wording], Response]


def routes(releases: Path) -> list[Route]:
    """Routes below ``/scorecard``. The folder does not have to exist yet."""
    handlers: dict[str, Handler] = {
        ADDRESS: _places,
        f"{ADDRESS}/{{territory}}": _place,
        f"{ADDRESS}/{{rest:path}}": _nothing,
    }
    return [Route(path, _guarded(releases, handler), methods=["GET"]) for path, handler in handlers.items()]


def _guarded(releases: Path, handler: Handler) -> Callable[[Request], Response]:
    # Not async: files are read, so Starlette runs it beside the loop that serves everybody.
    def endpoint(request: Request) -> Response:
        words = wording.in_language(wording.language_or_default(request.query_params.get("lang")))
        try:
            return handler(releases, request, words)
        except tuple(STATUS_OF) as error:
            status, key = STATUS_OF[type(error)]
            if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
                logger.exception("scorecard cannot be shown")
            return _list(releases, words, problem=words.text(key), status=status)
        except Exception:
            reference = secrets.token_hex(4)
            logger.exception("scorecard page failed, reference %s", reference)
            sentence = words.text("error.internal", reference=reference)
            return _list(releases, words, problem=sentence, status=HTTPStatus.INTERNAL_SERVER_ERROR)

    return endpoint


def _nothing(_releases: Path, request: Request, _words: Wording) -> Response:
    raise NoRelease(f"There is no page {request.url.path[:100]!r}; the places with a scorecard are at {ADDRESS}.")


def _places(releases: Path, _request: Request, words: Wording) -> Response:
    return _list(releases, words)


def _list(
    releases: Path, words: Wording, *, problem: str | None = None, status: HTTPStatus = HTTPStatus.OK
) -> Response:
    """The places whose forecast has been tested, below what went wrong where something did."""
    try:
        places = [found for found in shelf.all_latest(releases) if scorecard.has_scorecard(found)]
    except (OSError, ValueError):  # the folder itself cannot be read: the sentence must still be said
        places = []
    return page.render(
        "scorecard_places.html",
        Shell(words=words, path=ADDRESS, query={}),
        title=words.text("error.title" if problem else "scorecard.page.title"),
        status=status,
        problem=problem,
        places=places,
    )


def _place(releases: Path, request: Request, words: Wording) -> Response:
    found = scorecard.latest(releases, request.path_params["territory"])
    shell = Shell(
        words=words,
        path=f"{ADDRESS}/{found.release.territory}",
        query={},
        territory=found.release.territory,
        place_name=found.release.names[words.language],
        is_simulated=found.release.is_simulated,
    )
    months = found.months
    return page.render(
        "scorecard_place.html",
        shell,
        title=words.text("scorecard.page.title"),
        release=found.release,
        months=months,
        sections=[(card, scorecard_chart.draw(card), _table(card, words)) for card in months.groups] if months else [],
        names=lambda card: _names(card, words),
        most=words.number(months.least_told - 1) if months else "",
        lead=lambda card: _lead(card, words),
        standing=lambda card: _standing(card, words),
        rests_on_long_run=lambda card: _rests_on_long_run(found, card),
        span=lambda card: _span(card, words),
        gain=lambda card: _gain(card, words),
        chart_size=scorecard_chart,
        methods=_methods(found, words),
        method_columns=tuple(METHOD_COLUMNS),
        coverage=COVERAGE_PERCENT,
    )


def _lead(card: GroupCard, words: Wording) -> str:
    group = words.text(f"group.{card.offence_group}")
    if card.baseline is None or card.standing == "untested":
        return words.text("scorecard.page.untested", group=group)
    return words.text(
        "scorecard.page.lead",
        group=group,
        closer=card.n_closer,
        total=len(card.windows),
        baseline=words.text(f"model.{card.baseline}"),
    )


def _standing(card: GroupCard, words: Wording) -> str | None:
    """What the stop rule says, in a sentence with its day; None where there was no test."""
    key = f"scorecard.standing.{card.standing}.long"
    return words.text(key, since=card.since) if card.since else None


def _rests_on_long_run(found: Scorecard, card: GroupCard) -> bool:
    """Whether another test than the stop rule keeps the forecast from shaping this group's classes."""
    served = found.release.manifest["served"].get(card.offence_group, {})
    return served.get("level") == "long_run" and card.standing != "switched_off"


def _span(card: GroupCard, words: Wording) -> dict[str, str]:
    first, last = words.first_and_last_day(card.windows[0].start, card.windows[-1].end)
    return {"from": first, "to": last}


def _gain(card: GroupCard, words: Wording) -> dict[str, str]:
    """The comparison with the better simple method, for its sentence."""
    gain = card.gains[str(card.baseline)]
    error = gain.standard_error
    return {
        "baseline": words.text(f"model.{card.baseline}"),
        "gain": words.number(gain.mean, digits=4),
        "error": "–" if error is None else words.number(error, digits=4),
    }


def _names(card: GroupCard, words: Wording) -> dict[str, str]:
    """Each series of a chart in words, the forecast first."""
    simple = [name for name in card.windows[0].expected if name != scorecard.FORECAST] if card.windows else []
    own = {scorecard.FORECAST: words.text("scorecard.series.forecast")}
    return own | {name: words.text(f"model.{name}") for name in simple}


def _table(card: GroupCard, words: Wording) -> dict[str, Any]:
    """The chart's numbers in words: heads, and for each period its day, totals and answers."""
    names = _names(card, words)
    has_range = any(window.range for window in card.windows)
    heads = [words.text("scorecard.series.registered"), *names.values()]
    heads += [words.text("scorecard.series.range")] if has_range else []
    heads += [
        words.text("scorecard.table.closer"),
        words.text("scorecard.column.hit_rate", coverage=COVERAGE_PERCENT),
    ]
    rows = []
    for window in card.windows:
        cells = [window.registered, *(window.expected.get(name) for name in names)]
        row = [None if value is None else words.number(value) for value in cells]
        if has_range:
            row.append(words.range(*window.range) if window.range else "–")
        row.append(words.text("scorecard.table.yes" if window.is_closer else "scorecard.table.no"))
        row.append("–" if window.hit_rate_5 is None else words.number(window.hit_rate_5, digits=2))
        rows.append((words.date(window.start), row))
    return {"heads": heads, "rows": rows}


def _methods(found: Scorecard, words: Wording) -> list[tuple[str, list[str]]]:
    """Means over all periods of every method that was tested on all offences together."""
    rows = []
    for line in found.methods:
        if line["offence_group"] == scorecard.FIRST_GROUP:
            values = [line[column] for column in METHOD_COLUMNS.values()]
            told = ["–" if value is None else words.number(float(value), digits=2) for value in values]
            rows.append((words.text(f"model.{line['model']}"), told))
    return rows
