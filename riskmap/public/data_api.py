"""Answers of the API about published numbers: releases, periods, offence groups, areas, counts and cells in view.

Whatever can be asked for is a page of something published: there is no filter that is not a published period, group,
level or table, so that no question gives a number that no release tells.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from starlette.datastructures import QueryParams

from geodata import hexgrid
from riskmap import release as releases
from riskmap.errors import NoRelease, NotPublished
from riskmap.public import open_data, place_reviews, shelf
from riskmap.release import CLASS_NAMES, Release
from riskmap.wording import Wording

MOST_ROWS = 5_000
USUAL_ROWS = 500
MOST_RELEASES = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Rows from ``offset``, and how many there are in all."""

    name: str
    rows: list[dict[str, object]]
    total: int
    offset: int
    limit: int

    def answer(self) -> dict[str, object]:
        """The page as it is sent; ``next_offset`` is null on the last one."""
        following = self.offset + len(self.rows)
        more = following if following < self.total else None
        return {self.name: self.rows, "total": self.total, "offset": self.offset, "next_offset": more}


def release_list(root: Path, territory: str, query: QueryParams) -> Page:
    """Every release of a territory, the newest first, each naming the one it follows; withdrawn ones say so."""
    rows: list[dict[str, object]] = [
        {
            "release_id": link.release_id,
            "as_of": link.as_of,
            "published_at": link.published_at,
            "predecessor": link.predecessor,
            "new_periods": list(link.new_periods),
            "what_changed": link.what_changed,
            "withdrawn_on": link.withdrawn.withdrawn_on if link.withdrawn else None,
            "withdrawn_for": link.withdrawn.reason if link.withdrawn else None,
            "is_simulated": link.is_simulated,
        }
        for link in releases.chain(root, territory, most=MOST_RELEASES)
    ]
    return _page("releases", rows, query)


def periods(found: Release) -> dict[str, object]:
    """Calendar periods that counts are published of; what a release has told stands in all later ones."""
    return {"release": found.release_id, "periods": _periods(found)}


def groups(found: Release, words: Wording) -> dict[str, object]:
    """Offence groups of the classes and of the counts, with their names in the reader's language."""
    counted = open_data.counts_table(found)["offence_group"].unique().to_list() if found.cells.size else []
    return {
        "release": found.release_id,
        "classes": [{"code": code, "name": words.text(f"group.{code}")} for code in found.groups],
        "counts": [{"code": code, "name": words.text(f"group.{code}")} for code in sorted(counted)],
    }


def reviews(found: Release, journals: Path, query: QueryParams) -> Page:
    """Reviews of places: those that wait by the day they are due, then the answered ones, the newest first."""
    rows: list[dict[str, object]] = [
        {
            "number": one.number,
            "place_id": one.place_id,
            "area_id": one.area_id,
            "asked_on": one.asked_on.isoformat(),
            "due_on": one.due_on.isoformat(),
            "answered_on": one.answered_on.isoformat() if one.answered_on else None,
            "outcome": one.outcome,
            "reasons": dict(one.reasons) or None,
            "role": one.role,
        }
        for one in place_reviews.published(journals, found.territory)
    ]
    return _page("reviews", rows, query)


def areas(found: Release, query: QueryParams) -> Page:
    """Places that counts speak of: the territory, its regions, and the areas of each year."""
    levels = ("territory", "region", "area")
    level = _one_of("level", query.get("level"), levels)
    table = open_data.places_table(found)
    chosen = table.filter(pl.col("level") == level) if level else table
    rows = chosen.with_columns(pl.col("cells").str.split(";")).to_dicts()
    return _page("areas", rows, query)


def counts(found: Release, query: QueryParams) -> Page:
    """Published and hidden counts, by period, table, place and group."""
    table = open_data.counts_table(found)
    for name, known in (
        ("period", _periods(found)),
        ("kind", open_data.KINDS),
        ("level", open_data.LEVELS),
        ("offence_group", table["offence_group"].unique().to_list()),
        ("place_id", None),
    ):
        wanted = query.get(name)
        if wanted is None:
            continue
        if known is not None:
            _one_of(name, wanted, sorted(known))
        table = table.filter(pl.col(name) == wanted)
    offset, limit = _window(query)
    return Page(
        name="counts",
        rows=table.slice(offset, limit).to_dicts(),
        total=table.height,
        offset=offset,
        limit=limit,
    )


def cells(found: Release, query: QueryParams) -> Page:
    """Classes of the published cells whose middle lies in a box ``bbox=west,south,east,north``, in degrees."""
    group = _one_of("group", query.get("group", "all"), found.groups) or "all"
    shown = np.arange(found.cells.size)
    if "bbox" in query:
        west, south, east, north = _box(query["bbox"])
        lat, lng = hexgrid.centres(found.cells)
        shown = np.flatnonzero((lat >= south) & (lat <= north) & (lng >= west) & (lng <= east))
    offset, limit = _window(query)
    at = shown[offset : offset + limit]
    rows: list[dict[str, object]] = [
        {"cell": cell, "class": CLASS_NAMES[int(code)]}
        for cell, code in zip(hexgrid.cell_ids(found.cells[at]), found.classes[group][at], strict=True)
    ]
    return Page(name="cells", rows=rows, total=int(shown.size), offset=offset, limit=limit)


def open_release(root: Path, territory: str, release_id: str | None) -> Release:
    """A release by its id, or the newest one; only one with counts and cells can be asked about them."""
    return shelf.of_id(root, territory, release_id) if release_id else shelf.latest(root, territory)


def require_cells(found: Release) -> Release:
    """The release, where it has cells.

    Raises
    ------
    NoRelease
        If it is one of official totals alone.
    """
    if found.cells.size == 0:
        raise NoRelease(f"{found.territory} has official totals only: there are no counts and no cells to ask for.")
    return found


def _periods(found: Release) -> list[str]:
    return list((found.manifest.get("counts") or {}).get("periods", []))


def _page(name: str, rows: list[dict[str, object]], query: QueryParams) -> Page:
    offset, limit = _window(query)
    return Page(name=name, rows=rows[offset : offset + limit], total=len(rows), offset=offset, limit=limit)


def _window(query: QueryParams) -> tuple[int, int]:
    offset = _number("offset", query.get("offset"), usual=0, least=0, most=10_000_000)
    return offset, _number("limit", query.get("limit"), usual=USUAL_ROWS, least=1, most=MOST_ROWS)


def _number(name: str, text: str | None, usual: int, least: int, most: int) -> int:
    if text is None:
        return usual
    if not text.isascii() or not text.isdecimal() or len(text) > 8 or not least <= int(text) <= most:
        raise NotPublished(name, text, f"{least}-{most}")
    return int(text)


def _one_of(name: str, wanted: str | None, known: "tuple[str, ...] | list[str]") -> str | None:
    if wanted is not None and wanted not in known:
        raise NotPublished(name, wanted, ", ".join(known))
    return wanted


def _box(text: str) -> tuple[float, float, float, float]:
    parts = text.split(",")
    try:
        west, south, east, north = (float(part) for part in parts)
    except ValueError:
        raise NotPublished("bbox", text, "west,south,east,north") from None
    if not (-180 <= west <= east <= 180 and -90 <= south <= north <= 90):
        raise NotPublished("bbox", text, "-180 <= west <= east <= 180, -90 <= south <= north <= 90")
    return west, south, east, north
