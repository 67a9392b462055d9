"""Open data over HTTP: a page for each territory, ``/data/{territory}``, and the files of every release below it.

A file's address with a release id never changes what it answers; ``latest`` in place of the id leads to the newest.
"""

import hashlib
import logging
from collections.abc import Callable
from datetime import date
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route

from riskmap import release as releases
from riskmap import wording
from riskmap.errors import DamagedRelease, NoRelease, WithdrawnRelease
from riskmap.journal import PublicReview
from riskmap.public import open_data, openapi, page, place_reviews, shelf
from riskmap.public.page import Shell
from riskmap.public.static_files import FOR_AN_HOUR
from riskmap.release import RELEASE_ID, TERRITORY_NAME, Release
from riskmap.wording import Wording

logger = logging.getLogger(__name__)

ADDRESS = "/data"
LATEST = "latest"
OPEN_TO_ALL = {"access-control-allow-origin": "*"}
MOST_LISTED = 60
REVIEW_DAYS = 15
"""Working days in which a review is answered; the due day of each one stands in the journal."""


def routes(root: Path, journals: Path, *, today: Callable[[], date]) -> list[Route]:
    """Routes over the folders of releases and journals; ``today`` is the civil day by which a review is late."""

    def file(request: Request) -> Response:
        territory, release_id, name = (request.path_params[key] for key in ("territory", "release_id", "name"))
        if not TERRITORY_NAME.fullmatch(territory):
            raise NoRelease(f"There is no territory {territory[:60]!r}.")
        if release_id == LATEST:
            newest = releases.latest_id(root, territory)
            headers = {"cache-control": "no-cache", **OPEN_TO_ALL}
            return RedirectResponse(f"{ADDRESS}/{territory}/{newest}/{name}", HTTPStatus.FOUND, headers=headers)
        found = _named(root, territory, release_id)
        dataset = open_data.datasets(found).get(name)
        if dataset is None:
            raise NoRelease(f"Release {release_id} has no file {name[:60]!r}.")
        body = open_data.content(found, name)
        etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
        headers = {"etag": etag, "cache-control": FOR_AN_HOUR, **OPEN_TO_ALL}
        if etag in request.headers.get("if-none-match", ""):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return Response(body, media_type=dataset.media_type, headers=headers)

    def territory_page(request: Request) -> Response:
        words = _words(request)
        territory, release_id = request.path_params["territory"], request.path_params.get("release_id")
        found = shelf.latest(root, territory) if release_id is None else _named(root, territory, release_id)
        shell = Shell(
            words=words,
            path=f"{ADDRESS}/{found.territory}" + (f"/{found.release_id}" if release_id else ""),
            query={},
            territory=found.territory,
            place_name=found.names[words.language],
            is_simulated=found.is_simulated,
        )
        home = f"{ADDRESS}/{found.territory}/{found.release_id}"
        reviews = _reviews(journals, found.territory)[:MOST_LISTED]
        described = openapi.description("1")["paths"]
        return page.render(
            "open_data.html",
            shell,
            title=f"{words.text('data.page.title')}{f': {found.release_id}' if release_id else ''}",
            release=found,
            home=home,
            is_newest=found.release_id == releases.latest_id(root, found.territory),
            notices=open_data.notices(found, words.language),
            files=[(name, open_data.meaning(name, words)) for name in open_data.datasets(found)],
            api=[(path, words.text(f"data.api.{_subject(path)}")) for path in described],
            chain=_chain(root, found.territory, words),
            reviews=[place_reviews.in_words(found, one, words, today=today()) for one in reviews],
            review_days=REVIEW_DAYS,
            ask=place_reviews.ask_address(found, "", words),
        )

    def newest_page(request: Request) -> Response:
        newest = shelf.latest(root, request.path_params["territory"])
        language = _words(request).language
        address = page.address(f"{ADDRESS}/{newest.territory}/{newest.release_id}", lang=language)
        return RedirectResponse(address, HTTPStatus.FOUND, headers={"cache-control": "no-cache"})

    return [
        Route(f"{ADDRESS}/{{territory}}", _guarded(territory_page), methods=["GET"]),
        Route(f"{ADDRESS}/{{territory}}/{LATEST}", _guarded(newest_page), methods=["GET"]),
        Route(f"{ADDRESS}/{{territory}}/{{release_id}}", _guarded(territory_page), methods=["GET"]),
        Route(f"{ADDRESS}/{{territory}}/{{release_id}}/{{name}}", _guarded(file), methods=["GET"]),
    ]


def _named(root: Path, territory: str, release_id: str) -> Release:
    if not RELEASE_ID.fullmatch(release_id):
        raise NoRelease(f"There is no release {release_id[:60]!r}.")
    return shelf.of_id(root, territory, release_id)


def _reviews(journals: Path, territory: str) -> tuple[PublicReview, ...]:
    try:
        return place_reviews.published(journals, territory)
    except DamagedRelease:
        # The data are whole all the same.
        logger.exception("reviews of %s cannot be shown", territory)
        return ()


def _chain(root: Path, territory: str, words: Wording) -> list[tuple[str, str, bool]]:
    """Id, what changed in words, and whether the release can be fetched, the newest first."""
    found = []
    for link in releases.chain(root, territory, most=MOST_LISTED):
        if link.withdrawn is None:
            said = (link.what_changed or {}).get(words.language, "")
        else:
            day = words.date(date.fromisoformat(link.withdrawn.withdrawn_on))
            said = words.text(f"release.withdrawn.{link.withdrawn.reason}", date=day)
        found.append((link.release_id, said, link.withdrawn is None))
    return found


def _subject(path: str) -> str:
    """What an address of the API is about, as its last part names it.

    Examples
    --------
    >>> _subject("/api/v1/cells/{cell}"), _subject("/api/v1/territories/{territory}/cells")
    ('cell', 'cells')
    """
    last = path.rpartition("/")[2]
    return last.strip("{}")


def _words(request: Request) -> Wording:
    return wording.in_language(wording.language_or_default(request.query_params.get("lang")))


def _guarded(handler: Callable[[Request], Response]) -> Callable[[Request], Response]:
    # Not async: files are made, so Starlette runs it beside the loop that serves everybody.
    def endpoint(request: Request) -> Response:
        try:
            return handler(request)
        except WithdrawnRelease:
            return _refused(request, "api.withdrawn", HTTPStatus.GONE)
        except NoRelease:
            return _refused(request, "api.no_release", HTTPStatus.NOT_FOUND)
        except DamagedRelease:
            logger.exception("open data cannot be shown")
            return _refused(request, "error.damaged_release", HTTPStatus.SERVICE_UNAVAILABLE)

    return endpoint


def _refused(request: Request, key: str, status: HTTPStatus) -> Response:
    return PlainTextResponse(_words(request).text(key), status_code=status, headers=OPEN_TO_ALL)
