"""The map of a place as every page shows it: what is fixed for its release, and the words and choices that change."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from geodata import hexgrid
from geodata.errors import InvalidCell
from riskmap.public import explain, object_layer
from riskmap.public.base_map import BaseMap
from riskmap.public.map_view import Bounds, MapOptions, MapState, Mark
from riskmap.release import Release
from riskmap.wording import Wording

MARK_TEXTS = {"open": "council.map.mark", "decided": "council.map.mark.decided", "done": "council.map.mark.done"}
"""Kinds of marks, each with a shape of its own, and what is said of them."""

MARGIN_OF_CELLS = 4
"""How many heights of a cell are shown around it when the map goes there."""


def options(release: Release, *, tile_url: str | None = None, base: BaseMap | None = None) -> MapOptions:
    """What stays the same for as long as the release does; ``base`` says it all where there is more than tiles."""
    base = base or BaseMap(tile_url=tile_url)
    south, west, north, east = release.manifest["bounds"]
    return MapOptions(
        name=release.territory,
        bounds=(south, west, north, east),
        release_url=f"/releases/{release.territory}/{release.release_id}",
        attribution="",
        has_cells=bool(release.cells.size),
        has_areas=len(release.areas) > 1,
        has_basemap="basemap.geojson" in release.manifest["files"],
        is_simulated=release.is_simulated,
        tile_url=base.tile_url,
        base_file=base.file,
        base_attribution=base.attribution,
        objects=object_layer.shown(release),
    )


def state(
    release: Release,
    words: Wording,
    *,
    group: str = "all",
    cell: str | None = None,
    area: str | None = None,
    fly_to: Bounds | None = None,
    fly_count: int = 0,
    marks: tuple[Mark, ...] = (),
) -> MapState:
    """What a person has chosen and all the words of the map in their language; an area only where no cell is."""
    labels = {str(code): words.text(explain.CLASS_KEYS[code]) for code in range(1, 8)}
    labels |= {f"step{i}": name for i, name in enumerate(step_names(release, words), start=1)}
    labels |= {
        "unknown": words.text("country.unknown"),
        "not_covered": words.text("grey.not_covered"),
        "loading": words.text("map.loading"),
        "failed": words.text("map.failed"),
        "zoom_in": words.text("map.zoom_in"),
        "zoom_out": words.text("map.zoom_out"),
        "map": _name(release, words),
        "keys": words.text("map.keyboard"),
        "simulated": words.text("map.simulated"),
        "layers": words.text("map.layers"),
        "layer_areas": words.text("map.layer.areas"),
        "layer_lines": words.text("map.layer.lines"),
        "layer_marks": words.text("map.layer.marks"),
        "layer_on": words.text("map.layer.on"),
        "layer_off": words.text("map.layer.off"),
        "merged": words.text("map.merged"),
        "nearer": words.text("map.nearer"),
        **object_layer.labels(release, words),
    }
    return MapState(
        name=release.territory,
        language=words.language,
        labels=labels,
        group=group,
        cell=cell,
        area=None if cell else area,
        fly_to=fly_to,
        fly_count=fly_count,
        marks=marks if release.cells.size else (),
    )


def step_names(release: Release, words: Wording) -> list[str]:
    """The five steps of an area's rate as ranges; empty for a release without official totals."""
    return [words.range(low, high) for low, high in pairwise(release.manifest["official_steps"])]


def surroundings(cell_id: str | None) -> Bounds | None:
    """The bounds that show a cell with its neighbours; None without a cell."""
    if not cell_id:
        return None
    corners = hexgrid.boundary(cell_id)
    lats, lngs = [lat for lat, _ in corners], [lng for _, lng in corners]
    margin = MARGIN_OF_CELLS * (max(lats) - min(lats))
    return min(lats) - margin, min(lngs) - margin, max(lats) + margin, max(lngs) + margin


def marks(release: Release, cell_ids: Iterable[str], words: Wording, *, kind: str = "open") -> tuple[Mark, ...]:
    """One mark for each cell that is named, with how often; a cell stands for the published one that holds it.

    A name that is no cell is passed over: it could not be pressed either.
    """
    counts: dict[str, int] = {}
    for cell_id in cell_ids:
        shown = shown_cell(release, cell_id)
        if shown is not None:
            counts[shown] = counts.get(shown, 0) + 1
    if not counts:
        return ()
    numbers = np.array([hexgrid.parse_cell(cell_id) for cell_id in counts], dtype=np.uint64)
    lats, lngs = hexgrid.centres(numbers)
    return tuple(
        Mark(
            lat=round(float(lat), 6),
            lng=round(float(lng), 6),
            cell=cell_id,
            count=count,
            text=words.text(MARK_TEXTS[kind], n=count),
            kind=kind,
        )
        for (cell_id, count), lat, lng in zip(counts.items(), lats, lngs, strict=True)
    )


def shown_cell(release: Release, cell_id: str) -> str | None:
    """The published cell that is, or holds, the named one; else that one itself. None for what is no cell."""
    try:
        published = release.find(cell_id)
        return published.cell_id if published else f"{int(hexgrid.parse_cell(cell_id)):x}"
    except InvalidCell:
        return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Legend:
    """What the colours of a map of cells mean: class codes with their names, and sentences on what they rest on."""

    title: str
    entries: tuple[tuple[int, str], ...]
    notes: tuple[str, ...]


def legend(release: Release, words: Wording, *, group: str = "all") -> Legend:
    """The legend of a group's map; code 8 is a place the map does not cover."""
    return Legend(
        title=words.text("legend.title"),
        entries=tuple((code, words.text(key)) for code, key in explain.CLASS_KEYS.items()),
        notes=(
            *((words.text("map.simulated"),) if release.is_simulated else ()),
            *explain.legend_notes(release, group, words),
            words.text("legend.merged"),
            words.text("legend.marks"),
            *object_layer.legend(release, words),
            words.text("map.attribution", origin=release.manifest["origin"][words.language]),
        ),
    )


def _name(release: Release, words: Wording) -> str:
    if not release.cells.size:
        return words.text("country.map.label")
    return words.text("map.label", territory=release.names[words.language])
