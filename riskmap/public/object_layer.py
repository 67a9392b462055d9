"""Public objects of a release: cameras, street lights, police posts, road signs, and where road accidents are many.

Only what an owner said may be shown is there, see ``objects`` of the manifest. Older releases have none.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from geodata import hexgrid
from riskmap.release import Release
from riskmap.wording import Wording

FILE = "objects.geojson"
KINDS = ("camera", "light", "police", "sign", "accident")
"""In the order of the switches; each is drawn in a shape of its own by riskmap/assets/maplayers.js."""
ACCIDENT = "accident"
SCHEMA = {
    "kind": pl.String,
    "lat": pl.Float64,
    "lng": pl.Float64,
    "region_id": pl.String,
    "cell_id": pl.String,
    "year": pl.Int64,
    "low": pl.Int64,
    "high": pl.Int64,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Objects:
    """What is told of the objects of a place: names of kinds with numbers, and whose word each is."""

    numbers: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]


def shown(release: Release) -> tuple[tuple[str, int], ...]:
    """Kinds the map of cells has a layer of, with the number of objects; of accidents, of hexagons."""
    if not release.cells.size:
        return ()
    counts: Counter[str] = Counter()
    for entry in _entries(release):
        if entry["kind"] == ACCIDENT:  # owners may tell of the same hexagons
            counts[ACCIDENT] = table(release).filter(pl.col("kind") == ACCIDENT).height
        else:
            counts[entry["kind"]] += entry["count"]
    return tuple((kind, counts[kind]) for kind in KINDS if counts[kind])


def labels(release: Release, words: Wording) -> dict[str, str]:
    """Words of the layers for the map; none where it has none."""
    kinds = shown(release)
    if not kinds:
        return {}
    years = {entry["kind"]: entry["year"] for entry in _entries(release)}
    return {
        "objects_nearer": words.text("map.objects.nearer"),
        "objects_failed": words.text("map.objects.failed"),
        **{f"object_{kind}": words.text(f"map.object.{kind}", n=n, year=years[kind] or "") for kind, n in kinds},
    }


def legend(release: Release, words: Wording) -> tuple[str, ...]:
    """A sentence for each kind: its shape on the map, what it is, and whose word of which day."""
    if not shown(release):
        return ()
    return tuple(
        words.text(
            f"legend.object.{entry['kind']}",
            year=entry["year"] or "",
            owner=_owner(entry),
            day=words.date(date.fromisoformat(entry["dated"])),
        )
        for entry in sorted(_entries(release), key=lambda one: KINDS.index(one["kind"]))
    )


def of_place(release: Release, place_id: str, cells: Iterable[str], words: Wording) -> Objects | None:
    """Objects of the territory, of a region by its code, or of an area by its ``cells``; None where there are none.

    Of a kind that is told for the territory a place without one says 0. Hexagons of accidents cross borders and are not
    counted here.
    """
    kinds = [kind for kind, _ in shown(release) if kind != ACCIDENT]
    if not kinds:
        return None
    counts = _counts(release, place_id, frozenset(cells))
    return Objects(
        numbers=tuple((words.text(f"object.{kind}"), words.number(counts.get(kind, 0))) for kind in kinds),
        sources=sources(release, words, kinds=kinds),
    )


def sources(release: Release, words: Wording, *, kinds: Sequence[str] = KINDS) -> tuple[str, ...]:
    """A sentence for each owner of objects of these kinds: whose word it is, and the state of which day."""
    told = {kind for kind, _ in shown(release)} & set(kinds)
    entries = [entry for entry in _entries(release) if entry["kind"] in told]
    said = {_owner(entry): words.date(date.fromisoformat(entry["dated"])) for entry in entries}
    return tuple(words.text("object.source", owner=owner, day=day) for owner, day in sorted(said.items()))


def table(release: Release) -> pl.DataFrame:
    """Every object and every hexagon of accidents as a row, by kind, region and place."""
    return _table(release.folder)


def as_published(release: Release) -> bytes:
    """The file as it stands in the release."""
    return (release.folder / FILE).read_bytes()


def _entries(release: Release) -> list[Mapping[str, Any]]:
    # A kind of a later version has no shape here.
    return [entry for entry in release.manifest.get("objects", []) if entry["kind"] in KINDS]


def _owner(entry: Mapping[str, Any]) -> str:
    return ", ".join(part for part in (entry["owner"], entry["licence"]) if part)


def _counts(release: Release, place_id: str, cells: frozenset[str]) -> dict[str, int]:
    objects = table(release).filter(pl.col("kind") != ACCIDENT)
    if place_id == release.territory:
        chosen = objects
    elif place_id in release.area_by_id:
        chosen = objects.filter(pl.col("region_id") == place_id)
    else:
        chosen = objects.filter(_lies_in(objects, cells))
    return dict(chosen.group_by("kind").len().iter_rows())


def _lies_in(objects: pl.DataFrame, cells: frozenset[str]) -> pl.Series:
    """Whether each object lies in one of the cells, which may be of several resolutions."""
    numbers = np.array([hexgrid.parse_cell(cell) for cell in cells], dtype=np.uint64)
    found = np.zeros(objects.height, dtype=bool)
    for resolution in np.unique(hexgrid.resolutions(numbers)) if numbers.size else []:
        own = hexgrid.assign_cells(objects["lat"].to_numpy(), objects["lng"].to_numpy(), resolution=int(resolution))
        found |= np.isin(own, numbers)
    return pl.Series(found)


@lru_cache(maxsize=8)
def _table(folder: Path) -> pl.DataFrame:
    path = folder / FILE
    if not path.is_file():
        return pl.DataFrame(schema=SCHEMA)
    rows: list[tuple[object, ...]] = []
    for feature in json.loads(path.read_bytes())["features"]:
        told, geometry = feature["properties"], feature["geometry"]
        if geometry["type"] == "MultiPoint":
            place = (told["region_id"], None, None, None, None)
            rows += [(told["kind"], lat, lng, *place) for lng, lat in geometry["coordinates"]]
        else:
            (lat,), (lng,) = hexgrid.centres(np.array([hexgrid.parse_cell(told["cell"])], dtype=np.uint64))
            band = (told["cell"], told["year"], told["low"], told["high"])
            rows.append((told["kind"], round(float(lat), 6), round(float(lng), 6), None, *band))
    return pl.DataFrame(rows, schema=SCHEMA, orient="row")
