"""The pages of reviewers: hotspots as a list and as a map, filtered, explained, and as a file to take away."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

from starlette.responses import Response

from geodata import hexgrid
from geodata.offences import ALL
from riskmap import journal
from riskmap.council.request import civil_day
from riskmap.doors import review_areas
from riskmap.doors.refusals import UnknownPage
from riskmap.doors.visit import Visit
from riskmap.errors import DamagedRelease, NoRelease
from riskmap.public import council, map_view, place_map, reasons_text
from riskmap.public.map_view import MapOptions, MapState
from riskmap.release import Release
from riskmap.review import actions, exclusions, export, hotspots, picture
from riskmap.review.exclusions import KEPT, UNSPECIFIED, Reason
from riskmap.review.export import Form
from riskmap.review.hotspots import Board, Choice, Count, Order, Place, Purpose, may_review
from riskmap.wording import EN_DASH

__all__ = ["choose", "download", "map_file", "may_review", "show"]

PAGE_ROWS = 12
ASKED_FOR = ("group", "days", "district", "order", "cell", "page")
"""What the address of a list may ask for, beside the reason for looking."""
EVERYWHERE = "all"
"""Stands in an address of the map where no district is chosen."""
FEW = 5
"""Counts from 1 to 4 are not told exactly: among the sensitive ones they come near a case."""
LASTING, PASSING = 0.75, 0.25
"""From where on a stability reads as lasting, and below which as new or chance."""
KEEP_OUTLINES = "private, max-age=3600"
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One hexagon in words; ``bar`` are left end, width and mean of its range in hundredths of the longest.

    ``reasons`` closes with the note that they are associations; it is empty where the run does not say why.
    """

    place: Place
    name: str
    href: str
    interval: str
    mean: str
    stability: str
    centre: str
    severity: str
    reasons: tuple[str, ...]
    bar: tuple[float, float, float]


def choose(visit: Visit) -> Response:
    """The territories in which the visitor reviews; a single one is opened at once."""
    found = hotspots.territories(visit.doors.store, visit.actor)
    if len(found) == 1:
        return visit.go(f"/review/{found[0][0]}")
    return visit.show(
        "review_choose.html",
        title=visit.text("hotspots.title"),
        territories=[(name, names.of(visit.words.language)) for name, names in found],
    )


def show(visit: Visit) -> Response:
    """The list of one territory by the choice in the address, its map, and what is left out."""
    territory = visit.asked["territory"]
    choice = _choice(visit.query)
    if choice.purpose is None:
        return _ask_why(visit, territory)
    board = hotspots.look(visit.doors.store, visit.actor, territory, choice, at=visit.at)
    if board is None:
        return visit.show("review_empty.html", title=visit.text("hotspots.title"), release=_release(visit))
    here, kept = f"/review/{territory}", _kept(board)
    pages = max(1, -(-len(board.hotspots) // PAGE_ROWS))
    asked = visit.query.get("page", "")
    page = min(int(asked), pages) if _NUMBER.fullmatch(asked) else 1
    cell_id = visit.query.get("cell", "")
    picked = board.find(cell_id) if cell_id else None
    language = visit.words.language
    start, end = board.period
    shown = board.hotspots[(page - 1) * PAGE_ROWS : page * PAGE_ROWS]
    return visit.show(
        "review_list.html",
        title=visit.text("hotspots.title"),
        release=_release(visit),
        query={**kept, "page": str(page) if page > 1 else "", "cell": picked.cell_id if picked else ""},
        board=board,
        place=_place_name(visit, board),
        period=visit.words.period(start, end),
        is_over=end <= civil_day(visit.at),
        total=_interval(visit, board, board.total) if board.total else "",
        percent=None if board.share is None else visit.words.number(100 * board.share),
        groups=[(code, visit.text(f"group.{code}")) for code in board.groups],
        districts=[(code, names.of(language)) for code, names in board.districts.items()],
        here=here,
        kept=kept,
        rows=[_row(visit, board, one, kept) for one in shown],
        picked=_row(visit, board, picked, kept) if picked else None,
        is_unknown=bool(cell_id) and picked is None,
        pages=_pages(visit, here, kept, page, pages),
        page=page,
        page_count=pages,
        page_map=_page_map(visit, board, picked),
        pick_url=visit.link(here, **kept) + "#cell",
        swatches=map_view.swatch_css(),
        legend=[(hotspots.REST, visit.text("hotspots.step.rest")), *_steps(visit, board).items()],
        excluded=_excluded(visit, board),
        purpose=visit.text("hotspots.purpose.stated", purpose=visit.text(f"hotspots.purpose.{choice.purpose}")),
        why_href=visit.link(here, **{**kept, "purpose": ""}),
        orders=[(str(one), visit.text(f"hotspots.order.{one}")) for one in Order] if board.has_severity else [],
        severity=export.severity_lines(board, visit.words),
        actions=_actions(visit, picked.cell_id) if picked else None,
        area_rows=review_areas.rows(visit, board),
        times=review_areas.strips(visit, board),
        times_of=_area_name(visit, board),
        has_default_hours=review_areas.has_default_hours(board),
        exports=[(form.value, visit.link(f"{here}/hotspots.{form.value}", **kept)) for form in Form],
    )


def download(visit: Visit) -> Response:
    """The whole list by the choice in the address, as a file."""
    try:
        form = Form(visit.asked["form"])
    except ValueError:
        raise UnknownPage("The list is no such file; expected csv, geojson or xlsx. Begin at the list.") from None
    territory, choice = visit.asked["territory"], _choice(visit.query)
    store, actor, words = visit.doors.store, visit.actor, visit.words
    if choice.purpose is None:
        hotspots.outline(store, actor, territory)
        return visit.go(f"/review/{territory}")
    told = export.export(store, actor, territory, choice, form=form, words=words, at=visit.at)
    if told.content is None:
        raise UnknownPage(f"Nothing has been scored for {territory}, so there is no list. Begin at the list.")
    headers = {
        "content-disposition": f'attachment; filename="{told.name}"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
    }
    return Response(told.content, media_type=told.media_type, headers=headers)


def map_file(visit: Visit) -> Response:
    """What the map asks for by itself: cells and their steps by the choice in the path, outlines, basemap."""
    store, actor, territory = visit.doors.store, visit.actor, visit.asked["territory"]
    file, path = visit.asked["file"], visit.asked
    district = "" if path["district"] == EVERYWHERE else path["district"]
    choice = _choice({"group": path["group"], "days": path["days"], "district": district})
    if file in {"areas.geojson", "basemap.geojson"}:
        land = hotspots.outline(store, actor, territory)
        content = picture.outlines(land) if file == "areas.geojson" else picture.basemap(land)
        return _file(content, "application/geo+json", KEEP_OUTLINES)
    if file == "cells.bin":
        board, write = hotspots.gather(store, actor, territory, choice), picture.cells
    elif file == f"classes-{choice.group}.bin":
        board, write = hotspots.draw(store, actor, territory, choice, at=visit.at), picture.steps
    else:
        board = None
    if board is None:
        raise UnknownPage("The map has no such file. Begin at the list.")
    return _file(write(board), "application/octet-stream", "no-store")


def _file(content: bytes, media_type: str, keeping: str) -> Response:
    headers = {"cache-control": keeping, "x-content-type-options": "nosniff"}
    return Response(content, media_type=media_type, headers=headers)


def _choice(query: Mapping[str, str]) -> Choice:
    """The choice in an address.

    Raises
    ------
    UnknownPage
        If its period is no number of days, or its order is unknown.
    """
    days = query.get("days", "")
    if days and not _NUMBER.fullmatch(days):
        raise UnknownPage("The address names no period; expected a number of days. Begin at the list.")
    order, purpose = query.get("order") or Order.EXPECTED, query.get("purpose", "")
    if order not in set(Order):
        raise UnknownPage("The address names no order of the list; expected one of the form. Begin at the list.")
    return Choice(
        group=query.get("group") or ALL,
        horizon_days=int(days) if days else None,
        district=query.get("district") or None,
        order=Order(order),
        purpose=Purpose(purpose) if purpose in set(Purpose) else None,
    )


def _ask_why(visit: Visit, territory: str) -> Response:
    """Nothing is shown before a reason is stated; the rest of the address is kept."""
    land = hotspots.outline(visit.doors.store, visit.actor, territory)
    return visit.show(
        "review_purpose.html",
        title=visit.text("hotspots.purpose.title"),
        release=_release(visit),
        place=land.names.of(visit.words.language),
        here=f"/review/{territory}",
        kept={name: visit.query[name] for name in ASKED_FOR if visit.query.get(name)},
        query={name: visit.query[name] for name in ASKED_FOR if visit.query.get(name)},
        purposes=[(str(one), visit.text(f"hotspots.purpose.{one}")) for one in Purpose],
    )


def _kept(board: Board) -> dict[str, str]:
    """The choice as an address tells it."""
    choice = board.choice
    return {
        "group": choice.group,
        "days": str(board.horizon_days),
        "district": choice.district or "",
        "order": "" if choice.order is Order.EXPECTED else str(choice.order),
        "purpose": str(choice.purpose or ""),
    }


def _pages(visit: Visit, here: str, kept: Mapping[str, str], page: int, pages: int) -> list[tuple[str, str]]:
    near = {"previous": page - 1, "next": page + 1}
    return [
        (name, visit.link(here, **kept, page=str(number)) + "#list")
        for name, number in near.items()
        if 1 <= number <= pages
    ]


def _place_name(visit: Visit, board: Board) -> str:
    language = visit.words.language
    if board.choice.district:
        return board.districts[board.choice.district].of(language)
    return board.territory.names.of(language)


def _row(visit: Visit, board: Board, one: Place, kept: Mapping[str, str]) -> Row:
    words = visit.words
    district = board.districts[one.district_id].of(words.language)
    lat, lng = hexgrid.centre(one.cell_id)
    longest = max([1, *(other.count.high for other in board.hotspots), one.count.high])
    ends = (one.count.low, max(one.count.high - one.count.low, 0), one.count.expected)
    left, width, mean = (100.0 * end / longest for end in ends)
    return Row(
        place=one,
        name=words.text("hotspots.row", n=one.rank, district=district) if one.rank else district,
        href=visit.link(f"/review/{visit.asked['territory']}", **kept, cell=one.cell_id) + "#cell",
        interval=_interval(visit, board, one.count),
        mean=words.text("hotspots.mean", mean=_mean(visit, one.count.expected)),
        stability=_stability(visit, one.stability),
        centre=words.text("hotspots.cell.centre", lat=words.number(lat, 4), lng=words.number(lng, 4)),
        severity=""
        if one.severity is None
        else words.text("hotspots.severity", times=words.number(one.severity, 0 if one.severity >= 10 else 1)),
        reasons=() if one.reasons is None else reasons_text.of_cell(one.reasons, words),
        bar=(round(left, 1), round(width, 1), round(min(mean, 100.0), 1)),
    )


def _interval(visit: Visit, board: Board, count: Count) -> str:
    key = "hotspots.interval.one" if count.low == count.high else "hotspots.interval"
    return visit.words.text(key, low=count.low, high=count.high, days=board.horizon_days)


def _mean(visit: Visit, expected: float) -> str:
    return visit.words.number(expected, 1 if expected >= 1 else 2)


def _stability(visit: Visit, share: float | None) -> str:
    if share is None:
        return visit.text("hotspots.stability.unknown")
    key = "high" if share >= LASTING else "middle" if share >= PASSING else "low"
    percent = visit.words.number(100 * share)
    return visit.text("hotspots.stability", percent=percent, word=visit.text(f"hotspots.stability.{key}"))


def _steps(visit: Visit, board: Board) -> dict[int, str]:
    """What each step of the list means: the range of means it holds, as far as there are cells in it."""
    told = {}
    for step in range(hotspots.REST + 1, hotspots.STEPS + 1):
        inside = [one.count.expected for one in board.hotspots if one.step == step]
        if inside:
            digits = 1 if min(inside) >= 1 else 2
            ends = [visit.words.number(end, digits) for end in (min(inside), max(inside))]
            told[step] = ends[0] if ends[0] == ends[1] else EN_DASH.join(ends)
    return told


def _page_map(visit: Visit, board: Board, picked: Place | None) -> str:
    words, territory, choice = visit.words, board.territory, board.choice
    where = quote(choice.district or EVERYWHERE, safe="")
    options = MapOptions(
        name=f"review-{territory.name}",
        bounds=picture.bounds(board),
        release_url=f"/review/{territory.name}/map/{where}/{choice.group}/{board.horizon_days}",
        attribution="",
        has_areas=territory.regions.shape[0] > 1,
        has_basemap=bool(territory.basemap),
        is_simulated=territory.is_simulated,
        tile_url=visit.base_map.tile_url,
        base_file=visit.base_map.file,
        base_attribution=visit.base_map.attribution,
    )
    labels = {str(step): visit.text("hotspots.step", range=told) for step, told in _steps(visit, board).items()}
    labels[str(hotspots.REST)] = visit.text("hotspots.step.rest")
    labels |= {name: visit.text(f"map.{name}") for name in ("loading", "failed", "zoom_in", "zoom_out", "simulated")}
    labels |= {
        "not_covered": visit.text("hotspots.cell.unknown"),
        "map": visit.text("hotspots.map", place=_place_name(visit, board)),
        "keys": visit.text("map.keyboard"),
    }
    state = MapState(
        name=options.name,
        language=words.language,
        labels=labels,
        group=choice.group,
        cell=picked.cell_id if picked else None,
        fly_to=place_map.surroundings(picked.cell_id) if picked else picture.bounds_of_list(board),
    )
    light, dark = (map_view.in_steps(palette) for palette in (map_view.LIGHT, map_view.DARK))
    return map_view.page_map(options, state, light=light, dark=dark)


def _excluded(visit: Visit, board: Board) -> dict[str, object]:
    """What the forecast leaves out, each reason with its count; counts below `FEW` are told as such."""
    counts = hotspots.left_out(visit.doors.store, board)
    told = [
        (
            visit.text(f"hotspots.excluded.{why}"),
            visit.text("hotspots.excluded.few")
            if 0 < counts[why] < FEW
            else visit.text("hotspots.excluded.count", n=counts[why]),
        )
        for why in Reason
        if counts.get(why)
    ]
    year = visit.words.period(*exclusions.last_year(board.run.as_of))
    return {"reasons": told, "kept": counts.get(KEPT, 0), "period": year, "unspecified": counts.get(UNSPECIFIED, 0)}


def _actions(visit: Visit, cell_id: str) -> dict[str, object]:
    """The newest requests of the council near a hexagon, from its published journal."""
    territory, words = visit.asked["territory"], visit.words
    try:
        published = journal.latest(visit.doors.settings.journals, territory)
    except DamagedRelease:
        published = None
    found = [one.request for one in actions.near(published, cell_id)]
    told = [
        (
            visit.link(f"/council/{territory}/{one.number}"),
            council.title(one, words),
            words.text(f"council.state.{one.state}"),
            words.text("council.list.changed", date=one.changed_on),
        )
        for one in found[: actions.MOST]
    ]
    return {
        "requests": told,
        "more": max(0, len(found) - actions.MOST),
        "is_published": published is not None,
        "within_m": round(actions.NEAR_M),
    }


def _area_name(visit: Visit, board: Board) -> str | None:
    """Name of the area that is seen as one."""
    if board.area is None:
        return None
    names = board.districts.get(board.area, board.territory.names)
    return names.of(visit.words.language)


def _release(visit: Visit) -> Release | None:
    """The newest release, for the page's head; a run may be reviewed before there is one."""
    try:
        return visit.release
    except (NoRelease, DamagedRelease):
        return None
