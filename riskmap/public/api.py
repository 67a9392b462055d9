"""The public HTTP API under /api/v1: answers from releases and journals only.

The language is asked for by ``lang=kk|ru|en``.

Every error has one shape, ``{"ok": false, "error": sentence, "status": code}``.
"""

import gzip
import hashlib
import logging
import secrets
from collections.abc import Awaitable, Callable
from collections.abc import Set as AbstractSet
from http import HTTPStatus
from pathlib import Path

from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from geodata.errors import InvalidCell
from riskmap import release as releases
from riskmap import wording
from riskmap.errors import DamagedRelease, NoRelease, NotPublished, WithdrawnRelease
from riskmap.public import council, council_api, data_api, explain, openapi, shelf
from riskmap.release import Area, Release
from riskmap.wording import Wording

logger = logging.getLogger(__name__)

PREFIX = "/api/v1"

STATUS_OF: dict[type[Exception], tuple[HTTPStatus, str]] = {
    InvalidCell: (HTTPStatus.BAD_REQUEST, "api.bad_cell"),
    WithdrawnRelease: (HTTPStatus.GONE, "api.withdrawn"),
    NoRelease: (HTTPStatus.NOT_FOUND, "api.no_release"),
    DamagedRelease: (HTTPStatus.SERVICE_UNAVAILABLE, "error.damaged_release"),
}
"""From error class to HTTP status and the key of the sentence a person reads."""

Handler = Callable[[Request, Wording], Response]
VERSION = "1"
LEAST_TO_COMPRESS = 1_000
METHODS = "GET, HEAD"
OTHER_METHODS = ("POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
OPEN_TO_ALL = {"Access-Control-Allow-Origin": "*"}
PARAMETERS: dict[str, set[str]] = {
    path: {one["name"] for one in told["get"]["parameters"] if one["in"] == "query"} | {"lang"}
    for path, told in openapi.description("1")["paths"].items()
}
"""What each address may be asked, as its description says."""


def routes(root: Path, journals: Path) -> list[Route]:
    """Routes over the folder of releases ``root`` and that of the councils' journals."""

    def health(_request: Request, _words: Wording) -> Response:
        return _answer({"releases": releases.territories(root)})

    def release_list(request: Request, _words: Wording) -> Response:
        name = request.query_params.get("territory")
        found = [shelf.latest(root, name)] if name else shelf.all_latest(root)
        return _answer({"releases": [_describe(one) for one in found]})

    def cell(request: Request, words: Wording) -> Response:
        cell_id = request.path_params["cell"].lower()
        name = request.query_params.get("territory")
        found = shelf.latest(root, name) if name else shelf.smallest_with(root, cell_id)
        published = found.find(cell_id) if found else None
        if found is None or published is None:
            return _refuse(HTTPStatus.NOT_FOUND, words.text("grey.not_covered.long"))
        answers = {group: explain.cell_answer(found, published, group, words) for group in found.groups}
        return _answer(
            {
                "cell": published.cell_id,
                "territory": found.territory,
                "release": found.release_id,
                "is_simulated": found.is_simulated,
                "has_rates": found.has_rates,
                "period": found.manifest["period"],
                "classes": {
                    group: {
                        "class": published.classes[group].name.lower(),
                        "heading": answer.heading,
                        "sentences": answer.sentences,
                    }
                    for group, answer in answers.items()
                },
                "area": _describe_area(found, published.area, words),
            }
        )

    def council_of(request: Request) -> council.Council:
        found = council.open_council(root, journals, request.path_params["territory"])
        if not found.has_cells:
            raise NoRelease(f"{found.territory} has no hexagons, so its council has no requests.")
        return found

    def requests(request: Request, words: Wording) -> Response:
        return _answer(council_api.describe(council_of(request), words))

    def one_request(request: Request, words: Wording) -> Response:
        found = council_of(request)
        asked = found.find_text(request.path_params["number"])
        if asked is None:
            return _refuse(HTTPStatus.NOT_FOUND, words.text("error.council.no_request"))
        return _answer(council_api.describe_request(found, asked, words))

    def of(request: Request, *, has_cells: bool = True) -> Release:
        territory, release_id = request.path_params["territory"], request.query_params.get("release")
        found = data_api.open_release(root, territory, release_id)
        return data_api.require_cells(found) if has_cells else found

    def chain(request: Request, _words: Wording) -> Response:
        return _answer(data_api.release_list(root, request.path_params["territory"], request.query_params).answer())

    def periods(request: Request, _words: Wording) -> Response:
        return _answer(data_api.periods(of(request, has_cells=False)))

    def groups(request: Request, words: Wording) -> Response:
        return _answer(data_api.groups(of(request, has_cells=False), words))

    def page_of(ask: Callable[[Release, QueryParams], data_api.Page]) -> Handler:
        def handler(request: Request, _words: Wording) -> Response:
            found = of(request)
            about = {"release": found.release_id, "is_simulated": found.is_simulated}
            return _answer({**about, **ask(found, request.query_params).answer()})

        return handler

    def reviews(request: Request, _words: Wording) -> Response:
        found = of(request)
        return _answer(
            {"is_simulated": found.is_simulated, **data_api.reviews(found, journals, request.query_params).answer()}
        )

    def described(_request: Request, _words: Wording) -> Response:
        return JSONResponse(openapi.description(VERSION), headers=OPEN_TO_ALL)

    place = f"{PREFIX}/territories/{{territory}}"
    answered = [
        _route(f"{PREFIX}/openapi.json", described),
        _route(f"{place}/releases", chain),
        _route(f"{place}/periods", periods),
        _route(f"{place}/groups", groups),
        _route(f"{place}/areas", page_of(data_api.areas)),
        _route(f"{place}/counts", page_of(data_api.counts)),
        _route(f"{place}/cells", page_of(data_api.cells)),
        _route(f"{place}/reviews", reviews),
        _route(f"{PREFIX}/health", health),
        _route(f"{PREFIX}/release", release_list),
        _route(f"{PREFIX}/cells/{{cell}}", cell),
        _route(f"{PREFIX}/council/{{territory}}", requests),
        _route(f"{PREFIX}/council/{{territory}}/{{number}}", one_request),
        Route(f"{PREFIX}/{{rest:path}}", _guarded(lambda _r, words: _not_found(words), known=None)),
    ]
    # Behind them the same address for every other method, so that these are refused in the shape of all errors.
    return [*answered, Route(f"{PREFIX}/{{rest:path}}", _other_method, methods=list(OTHER_METHODS))]


async def _other_method(request: Request) -> Response:
    """Tells a browser that asks beforehand what it may, and everybody else that there is only reading."""
    if request.method == "OPTIONS":
        allowed = {"Access-Control-Allow-Methods": METHODS, "Access-Control-Allow-Headers": "if-none-match"}
        return Response(status_code=HTTPStatus.NO_CONTENT, headers={**OPEN_TO_ALL, **allowed, "Allow": METHODS})
    words = wording.in_language(wording.language_or_default(request.query_params.get("lang")))
    answer = _refuse(HTTPStatus.METHOD_NOT_ALLOWED, words.text("api.only_reading", methods=METHODS))
    answer.headers["allow"] = METHODS
    return answer


def _require_known(request: Request, known: AbstractSet[str]) -> None:
    """Refuse a parameter that nothing answers to: ignored, it would pass for a filter.

    Raises
    ------
    NotPublished
        If the address takes no such parameter, or takes it once.
    """
    given = [name for name, _ in request.query_params.multi_items()]
    for name in given:
        if name not in known or given.count(name) > 1:
            raise NotPublished(name, request.query_params[name], ", ".join(sorted(known)))


def _route(path: str, handler: Handler) -> Route:
    return Route(path, _guarded(handler, known=PARAMETERS.get(path, {"lang"})))


def _guarded(handler: Handler, *, known: AbstractSet[str] | None) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        words = wording.in_language(wording.language_or_default(request.query_params.get("lang")))
        try:
            if known is not None:
                _require_known(request, known)
            return _as_asked(handler(request, words), request)
        except NotPublished as error:
            told = {"name": error.name, "found": error.found, "expected": error.expected}
            return _refuse(HTTPStatus.BAD_REQUEST, words.text("api.unknown_filter", **told))
        except tuple(STATUS_OF) as error:
            status, key = STATUS_OF[type(error)]
            return _refuse(status, words.text(key))
        except Exception:
            reference = secrets.token_hex(4)
            logger.exception("API request failed, reference %s", reference)
            return _refuse(HTTPStatus.INTERNAL_SERVER_ERROR, words.text("api.internal", reference=reference))

    return endpoint


def _as_asked(answer: Response, request: Request) -> Response:
    """The answer compressed, or not sent again, where the reader says so; errors are never kept."""
    if answer.status_code != HTTPStatus.OK:
        return answer
    body = bytes(answer.body)
    etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    answer.headers["etag"], answer.headers["vary"] = etag, "accept-encoding"
    answer.headers["cache-control"] = "no-cache"
    wanted = {tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")}
    if wanted & {etag, "*"}:
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={"etag": etag, "vary": "accept-encoding"})
    if len(body) >= LEAST_TO_COMPRESS and _takes_gzip(request):
        answer.body = gzip.compress(body, compresslevel=6, mtime=0)
        answer.headers["content-encoding"] = "gzip"
        answer.headers["content-length"] = str(len(answer.body))
    return answer


def _takes_gzip(request: Request) -> bool:
    for part in request.headers.get("accept-encoding", "").lower().split(","):
        name, _, weight = part.replace(" ", "").partition(";q=")
        if name in ("gzip", "*"):
            return weight not in ("0", "0.0", "0.00", "0.000")
    return False


def _not_found(words: Wording) -> Response:
    return _refuse(HTTPStatus.NOT_FOUND, words.text("api.not_found"))


def _answer(content: dict[str, object]) -> Response:
    return JSONResponse({"ok": True, **content}, headers=OPEN_TO_ALL)


def _refuse(status: HTTPStatus, sentence: str) -> Response:
    body = {"ok": False, "error": sentence, "status": int(status)}
    return JSONResponse(body, status_code=status, headers=OPEN_TO_ALL)


def _describe(release: Release) -> dict[str, object]:
    shown = ("release_id", "territory", "names", "as_of", "period", "is_simulated", "has_rates", "groups")
    described: dict[str, object] = {key: release.manifest[key] for key in shown}
    described |= {"cells": int(release.cells.size), "areas": len(release.areas), "files": _file_addresses(release)}
    return described


def _file_addresses(release: Release) -> list[str]:
    names = ["manifest.json", *release.manifest["files"]]
    return [f"/releases/{release.territory}/{release.release_id}/{name}" for name in sorted(names)]


def _describe_area(release: Release, area: Area, words: Wording) -> dict[str, object]:
    answer = explain.area_answer(release, area, words)
    return {
        "area_id": area.area_id,
        "name": answer.heading,
        "total": area.total,
        "sentences": answer.sentences,
        "reasons": answer.why,
        "caveats": answer.caveats,
    }
