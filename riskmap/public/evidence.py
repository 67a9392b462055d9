"""What is told around the place of a request: its area's range, objects, accidents, requests nearby. All of it public.

The class of the hexagon is that of the day of filing and stands with the request; the rest is of the newest release and
journal. What nobody gave to the map is named as missing, so that an empty list is not read as an empty street.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import numpy as np
import polars as pl

from geodata import hexgrid
from riskmap.journal import PublicRequest
from riskmap.public import explain, object_layer
from riskmap.release import Release
from riskmap.wording import Wording

OBJECTS_WITHIN_M = 300
"""From the centre of the hexagon; those inside it count too."""
REQUESTS_WITHIN_M = 700
UNSAID = frozenset({"withdrawn", "merged"})
"""States of requests that say nothing of their own about a place."""
ASKED_FOR = ("camera", "light")
"""Kinds that councils are asked for most: their absence from the map is worth a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """Sentences about the place, how they were reckoned and where they are from, and requests nearby, nearest first."""

    sentences: tuple[str, ...]
    sources: tuple[str, ...]
    requests: tuple[PublicRequest, ...]


def around(
    release: Release,
    cell_id: str,
    words: Wording,
    *,
    requests: Iterable[PublicRequest] = (),
    leave_out: Collection[int | None] = (),
) -> Surroundings:
    """What is known around a cell; ``requests`` are those of the journal, ``leave_out`` numbers of those that say the
    same.

    A cell of an older release is taken for what it is; where it no longer lies in an area the whole place stands.
    """
    found = release.find(cell_id)
    area = found.area if found else release.whole
    sentences = []
    if area.rate_low is not None and area.rate_high is not None:
        span = words.range(area.rate_low, area.rate_high)
        sentences.append(words.text("letter.evidence.range", area=explain.area_name(area, words), range=span))
    told = dict(object_layer.shown(release))
    objects = [_objects(release, cell_id, kind, words) for kind in told if kind != object_layer.ACCIDENT]
    sentences += objects
    if object_layer.ACCIDENT in told:
        sentences.append(_accidents(release, cell_id, words))
    missing = [words.text(f"object.{kind}") for kind in ASKED_FOR if kind not in told]
    if object_layer.ACCIDENT not in told:
        missing.append(words.text("cli.feature.accident"))
    if missing:
        sentences.append(words.text("evidence.missing", kinds="; ".join(missing)))
    near = _nearby(cell_id, requests, leave_out)
    sentences.append(words.text("evidence.requests", m=REQUESTS_WITHIN_M, n=len(near)))
    return Surroundings(
        sentences=tuple(sentences),
        sources=(
            *([words.text("evidence.near", m=OBJECTS_WITHIN_M)] if objects else []),
            words.text("letter.evidence.source", release=release.release_id, date=release.as_of),
            *object_layer.sources(release, words),
        ),
        requests=near,
    )


def _objects(release: Release, cell_id: str, kind: str, words: Wording) -> str:
    """How many objects of a kind stand in the hexagon or near its centre, and how far the nearest one is."""
    own = object_layer.table(release).filter(pl.col("kind") == kind)
    lat, lng = own["lat"].to_numpy(), own["lng"].to_numpy()
    here = hexgrid.centre(cell_id)
    middle = hexgrid.in_space(np.array([here[0]]), np.array([here[1]]))
    metres = hexgrid.along_ground_m(np.linalg.norm(hexgrid.in_space(lat, lng) - middle, axis=1))
    cell = hexgrid.parse_cell(cell_id)
    resolution = hexgrid.resolution_of(np.array([cell], dtype=np.uint64))
    inside = hexgrid.assign_cells(lat, lng, resolution=resolution) == cell
    count = int((inside | (metres <= OBJECTS_WITHIN_M)).sum())
    name = words.text(f"object.{kind}")
    if count:
        return words.text("evidence.objects", kind=name, n=count)
    nearest = int(round(float(metres.min()), -1))
    return words.text("evidence.objects.none", kind=name, nearest=nearest)


def _accidents(release: Release, cell_id: str, words: Wording) -> str:
    """The band of the neighbourhood's hexagon; hexagons with too few are not told, which says that they are few."""
    told = object_layer.table(release).filter(pl.col("kind") == object_layer.ACCIDENT)
    year = int(told["year"].max())  # type: ignore[arg-type]
    within = hexgrid.resolution_of(np.array([hexgrid.parse_cell(told["cell_id"][0])], dtype=np.uint64))
    lat, lng = hexgrid.centre(cell_id)
    own = told.filter(pl.col("cell_id") == hexgrid.cell_at(lat, lng, resolution=within))
    if own.is_empty():
        return words.text("evidence.accidents.few", year=year)
    low, high = own.row(0, named=True)["low"], own.row(0, named=True)["high"]
    if high is None:
        return words.text("evidence.accidents.more", year=year, n=low)
    return words.text("evidence.accidents", year=year, range=words.range(low, high))


def _nearby(
    cell_id: str, requests: Iterable[PublicRequest], leave_out: Collection[int | None]
) -> tuple[PublicRequest, ...]:
    here = hexgrid.centre(cell_id)
    at = [
        (hexgrid.distance_m(here, hexgrid.centre(one.cell_id)), one.number, one)
        for one in requests
        if one.number not in leave_out and one.state not in UNSAID
    ]
    return tuple(one for metres, _, one in sorted(at, key=lambda row: row[:2]) if metres <= REQUESTS_WITHIN_M)
