"""The words beside the map: what is said of the chosen hexagon or area, as one piece of HTML.

The page of the map shows them when it is drawn. After a choice on the map the browser fetches them from here
(riskmap/assets/panel.js), without asking Streamlit::

    /panel/ulgiqala?lang=kk&group=all&cell=8820047a05fffff&shown=2026-11-01-4c0c620b

Everything is escaped; no text of a release or journal is ever read as markup.
"""

import hashlib
import html
import logging
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import date
from http import HTTPStatus
from pathlib import Path

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import Route

from geodata.errors import InvalidCell
from riskmap import wording
from riskmap.errors import DamagedRelease, NoRelease, WithdrawnRelease
from riskmap.public import area_pages, council_panel, explain, map_view, page, review_panel, shelf
from riskmap.public.council import Council
from riskmap.release import RELEASE_ID, Area, PublishedCell, Release
from riskmap.wording import Wording

logger = logging.getLogger(__name__)

ADDRESS = "/panel"
HEXAGONS = "hexagons"
KEPT = ("view", "cell", "area", "group", "release")
"""Parts of an address that belong to the view of a place."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """What the visitor has chosen; ``is_unknown`` when the address names a cell this release does not list."""

    cell: PublishedCell | None
    cell_id: str | None
    area: Area | None
    is_unknown: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where releases and journals stand; ``today`` tells which reviews are late."""

    releases: Path
    journals: Path
    today: Callable[[], date]


def routes(sources: Sources) -> list[Route]:
    """The words beside the map after a choice on it."""

    # Not async: files are read, so Starlette runs it beside the loop that serves everybody.
    def endpoint(request: Request) -> Response:
        words = wording.in_language(wording.language_or_default(request.query_params.get("lang")))
        try:
            content, status = _asked(sources, request, words), HTTPStatus.OK
        except NoRelease:
            content, status = _said(words.text("error.unknown_place")), HTTPStatus.NOT_FOUND
        except DamagedRelease:
            logger.exception("panel of %s cannot be shown", request.path_params["territory"])
            content, status = _said(words.text("error.damaged_release")), HTTPStatus.SERVICE_UNAVAILABLE
        except Exception:
            reference, status = secrets.token_hex(4), HTTPStatus.INTERNAL_SERVER_ERROR
            logger.exception("panel failed, reference %s", reference)
            content = _said(words.text("error.internal", reference=reference))
        etag = f'"{hashlib.sha256(content.encode()).hexdigest()[:20]}"'
        headers = {"cache-control": "no-cache", "etag": etag}
        if status is HTTPStatus.OK and request.headers.get("if-none-match") == etag:
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        return HTMLResponse(content, status, headers)

    return [Route(f"{ADDRESS}/{{territory}}", endpoint, methods=["GET"])]


def opened(releases: Path, territory: str, query: Mapping[str, str]) -> Release:
    """A release as its map shows it: the one the address names, if it stands, or else the newest.

    ``release`` is one somebody chose, ``shown`` the one a map that was opened earlier still shows. A country with
    official totals opens on its regions; ``view=hexagons`` or a cell in the address leads to its cells.

    Raises
    ------
    NoRelease
        If the territory has none.
    DamagedRelease
        If its files are missing or changed.
    """
    found = shelf.latest(releases, territory)
    wanted = query.get("release") or query.get("shown") or found.release_id
    if wanted != found.release_id and RELEASE_ID.fullmatch(wanted):
        with suppress(NoRelease, WithdrawnRelease):
            found = shelf.of_id(releases, territory, wanted)
    return found.without_cells() if found.manifest["official"] and not {"view", "cell"} & set(query) else found


def selection(release: Release, *, cell_id: str | None, area_id: str | None) -> Selection:
    """What ids in an address stand for in a release; a cell counts before an area."""
    if cell_id and release.cells.size:
        try:
            cell = release.find(cell_id)
        except InvalidCell:
            return Selection(cell=None, cell_id=None, area=None, is_unknown=True)
        return Selection(cell=cell, cell_id=cell.cell_id if cell else cell_id, area=cell.area if cell else None)
    area = release.area_by_id.get(area_id) if area_id else None
    return Selection(cell=None, cell_id=None, area=area, is_unknown=bool(area_id and area is None))


def group_of(release: Release, wanted: str | None) -> str:
    """The offence group asked for; the first where there is no such."""
    return wanted if wanted in release.groups else next(iter(release.groups), "all")


def content(
    release: Release, chosen: Selection, words: Wording, *, group: str, sources: Sources, query: Mapping[str, str]
) -> str:
    """All that stands in the panel; ``query`` is what the page's address holds."""
    found = council_panel.council_of(release, sources.releases, sources.journals)
    requests = _council_words(found, chosen, words)
    of_cell, of_area = _reviews(release, chosen, sources, words)
    parts = [f"<h1>{html.escape(release.names[words.language])}</h1>", _notice(release, words, sources, query)]
    if chosen.is_unknown:
        parts.append(_said(words.text("error.unknown_cell")))
    if chosen.cell_id:
        parts.append(_cell_words(release, chosen.cell, group, words, of_cell + requests))
    elif not chosen.area:
        hint = "panel.choose" if release.cells.size else "country.choose"
        parts.append(f'<p class="rm-hint">{html.escape(words.text(hint))}</p>')
        parts.append(requests)
    parts.append(_area_words(release, chosen.area or release.whole, words, of_area))
    parts.append(_more_words(release, chosen, words))
    parts.append("" if release.cells.size else places_nav(sources.releases, words))
    parts.append(_share_words(release, words, query))
    return "".join(parts)


def section(release: Release, words: Wording, *, group: str, query: Mapping[str, str], inner: str, turn: int) -> str:
    """The panel of a page. ``turn`` counts choices from the list, so that each of them draws it anew."""
    kept = {name: query.get(name, "") for name in ("view", "release")}
    kept |= {"group": group, "shown": release.release_id}
    source = page.address(f"{ADDRESS}/{release.territory}", lang=words.language, **kept)
    return (
        f'<section class="rm-panel" aria-live="polite" data-source="{html.escape(source)}" data-turn="{turn}" '
        f'data-failed="{html.escape(words.text("panel.failed"))}">{inner}</section>'
    )


def places_nav(releases: Path, words: Wording) -> str:
    """Places that have a map of hexagons, as links; made-up ones say so."""
    items = "".join(
        f'<li><a href="{address(lang=words.language, place=found.territory, view=HEXAGONS)}" target="_self">'
        f"{html.escape(found.names[words.language])}</a>"
        + (f' <span class="rm-tag">{html.escape(words.text("place.simulated"))}</span>' if found.is_simulated else "")
        + "</li>"
        for found in shelf.all_latest(releases)
        if found.cells.size
    )
    if not items:
        return ""
    heading = html.escape(words.text("place.choose"))
    return f'<nav class="rm-places" aria-label="{heading}"><h3>{heading}</h3><ul>{items}</ul></nav>'


def address(**parameters: str | None) -> str:
    """Address of a view of the map, escaped; parameters without a value are left out."""
    return html.escape(page.address("/", **{name: value or "" for name, value in parameters.items()}))


def _asked(sources: Sources, request: Request, words: Wording) -> str:
    query = request.query_params
    release = opened(sources.releases, request.path_params["territory"], query)
    chosen = selection(release, cell_id=query.get("cell"), area_id=query.get("area"))
    return content(release, chosen, words, group=group_of(release, query.get("group")), sources=sources, query=query)


def _notice(release: Release, words: Wording, sources: Sources, query: Mapping[str, str]) -> str:
    """What has to be said where an address names, or a map shows, another release than the newest."""
    wanted = query.get("release") or query.get("shown")
    newest = shelf.latest(sources.releases, release.territory).release_id
    if wanted in (None, "", newest):
        return ""
    if release.release_id == newest:
        return _said(words.text("panel.gone"))
    kept = {name: query.get(name) for name in KEPT if name != "release"}
    link = address(lang=words.language, place=release.territory, **kept)
    sentence = html.escape(words.text("panel.earlier"))
    way = f'<a href="{link}" target="_self">{html.escape(words.text("panel.newest"))}</a>'
    return f'<p class="rm-note" role="status">{sentence} {way}</p>'


def periods_nav(release: Release, words: Wording, releases: Path, query: Mapping[str, str]) -> str:
    """The periods whose maps can be seen, as links; nothing where there is one alone."""
    found = shelf.periods(releases, release.territory)
    if len(found) <= 1:
        return ""
    kept = {name: query.get(name) for name in KEPT if name != "release"}
    items = ""
    for first, end, release_id in found:
        is_newest = release_id == found[0][2]
        link = address(lang=words.language, place=release.territory, **kept, release=None if is_newest else release_id)
        current = ' aria-current="true"' if (first, end) == release.period else ""
        items += f'<li><a href="{link}" target="_self"{current}>{html.escape(words.period(first, end))}</a></li>'
    heading = html.escape(words.text("periods.label"))
    return f'<nav class="rm-periods" aria-label="{heading}"><span>{heading}</span><ul>{items}</ul></nav>'


def _said(sentence: str) -> str:
    return f'<p class="rm-note" role="alert">{html.escape(sentence)}</p>'


def _reviews(release: Release, chosen: Selection, sources: Sources, words: Wording) -> tuple[str, str]:
    """What is said of reviews of the chosen hexagon and of the area below it; a link to ask is there once."""
    cell, today = chosen.cell, sources.today()
    of_cell = review_panel.about(release, cell.cell_id, sources.journals, words, today=today) if cell else ""
    area = chosen.area or release.whole
    return of_cell, review_panel.about(
        release, area.area_id, sources.journals, words, today=today, may_ask=cell is None
    )


def _council_words(found: Council | None, chosen: Selection, words: Wording) -> str:
    """Requests about the chosen hexagon, or the way to all of them; nothing where the map does not cover the place."""
    if found is None or (chosen.cell_id and chosen.cell is None):
        return ""
    if chosen.cell is not None:
        return council_panel.about_cell(found, chosen.cell.cell_id, words)
    return council_panel.about_place(found, words)


def _cell_words(release: Release, cell: PublishedCell | None, group: str, words: Wording, requests: str) -> str:
    answer = explain.cell_answer(release, cell, group, words)
    picture = map_view.swatch(answer.class_code) if cell else ""
    kind = f'<p class="rm-kind">{html.escape(words.text(f"group.{group}"))}</p>' if cell else ""
    first, *rest = (html.escape(sentence) for sentence in answer.sentences)
    close = f'<button type="button" class="rm-close">{html.escape(words.text("panel.close"))}</button>'
    return (
        f'<div class="rm-answer">{kind}<h2>{picture} {html.escape(answer.heading)}</h2><p class="rm-lead">{first}</p>'
        f"{''.join(f'<p>{sentence}</p>' for sentence in rest)}{requests}{close}</div>"
    )


def _area_words(release: Release, area: Area, words: Wording, reviewed: str) -> str:
    answer = explain.area_answer(release, area, words)
    sentences = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in answer.sentences)
    caveats = "".join(f"<p>{html.escape(caveat)}</p>" for caveat in answer.caveats)
    rows = "".join(
        f'<tr><th scope="row">{html.escape(name)}</th><td>{html.escape(count)}</td></tr>'
        for name, count in answer.kinds
    )
    why = "".join(f"<p>{html.escape(sentence)}</p>" for sentence in answer.why)
    why = _folded(words.text("reason.area.title"), why) if why else ""
    kinds = _folded(answer.kinds_heading, f"<table>{rows}</table>") if rows else ""
    return (
        f'<div class="rm-area"><h2>{html.escape(answer.heading)}</h2>{sentences}{kinds}{why}'
        f"{_folded(words.text('panel.not_included'), caveats) if release.cells.size else caveats}{reviewed}</div>"
    )


def _more_words(release: Release, chosen: Selection, words: Wording) -> str:
    """The way to the page of the area that holds what is chosen."""
    path, cell = f"{area_pages.ADDRESS}/{release.territory}", None
    if chosen.cell is not None:
        cell = chosen.cell.cell_id
    elif chosen.area is not None and chosen.area is not release.whole:
        path = f"{path}/{chosen.area.area_id}"
    link = page.address(path, lang=words.language, cell=cell or "")
    text = html.escape(words.text("area.kicker"))
    return f'<p class="rm-review"><a href="{html.escape(link)}" target="_self">{text}</a></p>'


def _folded(heading: str, content: str) -> str:
    """Content behind its heading, so that on a phone the map is not far below the sentence."""
    return f"<details><summary>{html.escape(heading)}</summary>{content}</details>"


def _share_words(release: Release, words: Wording, query: Mapping[str, str]) -> str:
    kept = {name: query.get(name) for name in KEPT}
    link = address(place=release.territory, lang=words.language, **kept)
    as_of = words.text("panel.data_as_of", date_loc=words.date_locative(release.as_of))
    identity = words.text("panel.release", id=release.release_id)
    return (
        f'<p class="rm-share"><a href="{link}" target="_self">{html.escape(words.text("panel.share"))}</a><br>'
        f"{html.escape(as_of)}<br>{html.escape(identity)}</p>"
    )
