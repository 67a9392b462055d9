"""Features of a place: how many there are in a cell, how far the nearest is, metres of road.

Every number has a source with its unit, date, licence and coverage. Inside the coverage a cell without a feature has
nought; outside it has no row at all, because nobody looked. A distance is told only where nothing nearer could lie
beyond the edge of the coverage.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from pathlib import Path

import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from geodata import hexgrid
from geodata.column_names import printable
from geodata.columns import Column, Table
from geodata.errors import InvalidSurroundings, UnreadableFile
from geodata.regions import METRES_PER_DEGREE


class Measure(StrEnum):
    """What a value says of a feature in a cell."""

    COUNT = "count"
    DISTANCE = "distance_m"
    LENGTH = "length_m"
    CASUALTIES = "casualties"


UNITS: dict[Measure, str] = {
    Measure.COUNT: "number in the cell",
    Measure.DISTANCE: "m",
    Measure.LENGTH: "m in the cell",
    Measure.CASUALTIES: "people in the cell",
}

SURROUNDINGS = Table(
    name="surroundings",
    meaning="Features of covered cells, one row a value. No row: unknown there. Nought: looked at, none found.",
    columns=(
        Column(name="cell", dtype=pl.UInt64(), meaning="H3 cell at the working resolution"),
        Column(name="feature", dtype=pl.String(), meaning="what is counted or measured, such as stop or road_main"),
        Column(name="measure", dtype=pl.String(), meaning="count, distance_m (from the middle of the cell to the "
               "nearest), length_m, or casualties"),
        Column(name="value", dtype=pl.Float64(), meaning="the value", unit="see the source"),
        Column(name="source_id", dtype=pl.String(), meaning="which row of the sources it comes from"),
    ),
)  # fmt: skip

SURROUNDING_SOURCES = Table(
    name="sources of surroundings",
    meaning="Where each feature of the surroundings, and residents and addresses, come from.",
    columns=(
        Column(name="source_id", dtype=pl.String(), meaning="hash of what the delivery is and of its source's words"),
        Column(name="feature", dtype=pl.String(), meaning="feature, or residents or addresses"),
        Column(name="measure", dtype=pl.String(), meaning="count, distance_m, length_m or casualties"),
        Column(name="unit", dtype=pl.String(), meaning="unit of the values"),
        Column(name="source", dtype=pl.String(), meaning="who publishes it, in the operator's words"),
        Column(name="dated", dtype=pl.Date(), meaning="day whose state the numbers are"),
        Column(name="licence", dtype=pl.String(), meaning="licence and attribution", is_nullable=True),
        Column(name="coverage", dtype=pl.String(), meaning="where the numbers are known: box, outline, regions or "
               "listed (the cells listed alone)"),
        Column(name="objects", dtype=pl.Int64(), meaning="objects found; missing for numbers of a grid",
               is_nullable=True),
        Column(name="cells", dtype=pl.Int64(), meaning="cells with a value"),
    ),
)  # fmt: skip

PIECE_M = 25.0
"""A road is cut into pieces of at most so much; each lies in the cell of its middle."""
ROADS_AT_ONCE = 50_000
PIECES_AT_ONCE = 2_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SurroundingSource:
    """Who says so, when, under which licence, and where it holds; see `SURROUNDING_SOURCES`."""

    source_id: str
    source: str
    dated: date
    licence: str | None
    coverage: str


@dataclass(frozen=True, slots=True)
class Known:
    """The cells a coverage reaches, ascending, the middle of each in degrees, and the edge of the coverage."""

    cells: hexgrid.Cells
    lat: NDArray[np.float64]
    lng: NDArray[np.float64]
    edge: shapely.Geometry

    @classmethod
    def within(cls, cells: hexgrid.Cells, coverage: shapely.Geometry) -> "Known":
        """The cells whose middle lies in the coverage (longitude first, degrees).

        Raises
        ------
        InvalidSurroundings
            If none does.
        """
        ordered = np.sort(cells)
        lat, lng = hexgrid.centres(ordered)
        shapely.prepare(coverage)
        is_inside = shapely.contains_xy(coverage, lng, lat)
        if not is_inside.any():
            west, south, east, north = shapely.bounds(coverage)
            raise InvalidSurroundings(
                f"What was given covers {south:.2f} to {north:.2f}° north and {west:.2f} to {east:.2f}° east, and "
                f"none of the territory's {ordered.size} cells; expected an area that reaches them. Check --territory "
                "and the file."
            )
        edge = shapely.boundary(shapely.force_2d(coverage))
        return cls(ordered[is_inside], lat[is_inside], lng[is_inside], edge)

    def is_nearer_than_edge(self, distance_m: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether, from the middle of each cell, the edge of the coverage is further away than so many metres."""
        found = np.empty(self.cells.size, dtype=np.bool_)
        # Degrees of longitude are shorter than those of latitude: nearness is measured on a plane per whole degree.
        bands = np.floor(self.lat)
        for band in np.unique(bands):
            here = np.flatnonzero(bands == band)
            scale = np.array([METRES_PER_DEGREE * np.cos(np.radians(band + 0.5)), METRES_PER_DEGREE])
            edge = shapely.transform(self.edge, lambda degrees, scale=scale: degrees * scale)
            shapely.prepare(edge)
            points = shapely.points(self.lng[here] * scale[0], self.lat[here] * scale[1])
            found[here] = ~shapely.dwithin(edge, points, distance_m[here])
        return found


def of_places(
    known: Known, lat: NDArray[np.float64], lng: NDArray[np.float64], *, feature: str, source_id: str
) -> pl.DataFrame:
    """How many places lie in each cell, and how far the nearest is from its middle, as `SURROUNDINGS`.

    Parameters
    ----------
    known : the cells to speak of
    lat, lng : arrays of shape (n_places,), degrees; places outside the coverage count for distances too
    """
    counts = _sum_by_cell(known, _cells_of(known, lat, lng), np.ones(lat.size))
    frames = [_rows(known.cells, counts, feature, Measure.COUNT, source_id)]
    if lat.size:
        chord, _ = cKDTree(hexgrid.in_space(lat, lng)).query(hexgrid.in_space(known.lat, known.lng))
        distance = hexgrid.along_ground_m(np.asarray(chord))
        is_sure = known.is_nearer_than_edge(distance)
        frames.append(_rows(known.cells[is_sure], np.round(distance[is_sure], 1), feature, Measure.DISTANCE, source_id))
    return pl.concat(frames)


def of_accidents(
    known: Known,
    lat: NDArray[np.float64],
    lng: NDArray[np.float64],
    casualties: NDArray[np.int64],
    *,
    feature: str,
    source_id: str,
) -> pl.DataFrame:
    """How many accidents there were in each cell and how many people came to harm, as `SURROUNDINGS`."""
    cells = _cells_of(known, lat, lng)
    counted = ((np.ones(lat.size), Measure.COUNT), (casualties.astype(np.float64), Measure.CASUALTIES))
    return pl.concat(
        [
            _rows(known.cells, _sum_by_cell(known, cells, amount), feature, measure, source_id)
            for amount, measure in counted
        ]
    )


def of_roads(known: Known, lines: NDArray[np.object_], *, feature: str, source_id: str) -> pl.DataFrame:
    """Metres of road in each cell, as `SURROUNDINGS`; ``lines`` are in degrees, longitude first.

    Pieces sum to the length of their road, as long as it stays in the cells.
    """
    metres = np.zeros(known.cells.size)
    for start in range(0, lines.size, ROADS_AT_ONCE):
        for cells, length in _pieces(lines[start : start + ROADS_AT_ONCE], known):
            metres += _sum_by_cell(known, cells, length)
    return _rows(known.cells, np.round(metres, 1), feature, Measure.LENGTH, source_id)


def sources_of(values: pl.DataFrame, source: SurroundingSource, objects: Mapping[str, int]) -> pl.DataFrame:
    """The rows of `SURROUNDING_SOURCES` that some values stand on; ``objects`` counts what was found by feature."""
    counted = values.group_by("feature", "measure", maintain_order=True).len()
    rows = [
        source_row(
            source,
            feature=feature,
            measure=Measure(measure),
            unit=UNITS[Measure(measure)],
            objects=objects.get(feature),
            cells=cells,
        )
        for feature, measure, cells in counted.iter_rows()
    ]
    return pl.concat([SURROUNDING_SOURCES.empty(), *rows])


def source_row(
    source: SurroundingSource, *, feature: str, measure: Measure, unit: str, objects: int | None, cells: int
) -> pl.DataFrame:
    """One row of `SURROUNDING_SOURCES`."""
    row = {
        "source_id": source.source_id,
        "feature": feature,
        "measure": str(measure),
        "unit": unit,
        "source": source.source,
        "dated": source.dated,
        "licence": source.licence,
        "coverage": source.coverage,
        "objects": objects,
        "cells": cells,
    }
    return SURROUNDING_SOURCES.checked(pl.DataFrame([row], schema=SURROUNDING_SOURCES.schema))


def read_area(path: Path) -> shapely.Geometry:
    """The area of a GeoJSON file of polygons, in degrees, longitude first.

    Raises
    ------
    UnreadableFile
        If the file is no GeoJSON of valid polygons in degrees.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
        features = content["features"] if content.get("type") == "FeatureCollection" else [content]
        shapes = [shapely.geometry.shape(one.get("geometry") or one) for one in features]
        area = shapely.make_valid(shapely.union_all(shapely.force_2d(shapes)))
        bounds = shapely.bounds(area)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, shapely.GEOSException) as trouble:
        raise UnreadableFile(
            f"{path.name} is no GeoJSON of an area ({printable(str(trouble), most=80)}); expected one or more polygons "
            "in degrees (WGS84)."
        ) from None
    is_earthly = (
        np.isfinite(bounds).all() and np.abs(bounds[[0, 2]]).max() <= 180 and np.abs(bounds[[1, 3]]).max() <= 90
    )
    if shapely.area(area) == 0 or not is_earthly:
        raise UnreadableFile(f"{path.name} encloses no area in degrees (WGS84); expected one or more polygons.")
    return area


def _pieces(lines: NDArray[np.object_], known: Known) -> list[tuple[hexgrid.Cells, NDArray[np.float64]]]:
    """Cell and length of each piece, in portions that fit into memory."""
    corners, line = shapely.get_coordinates(lines, return_index=True)
    is_one = np.diff(line) == 0
    start, end = corners[:-1][is_one], corners[1:][is_one]
    chord = np.linalg.norm(hexgrid.in_space(start[:, 1], start[:, 0]) - hexgrid.in_space(end[:, 1], end[:, 0]), axis=1)
    length = hexgrid.along_ground_m(chord)
    count = np.maximum(1, np.ceil(length / PIECE_M)).astype(np.int64)
    portions = np.cumsum(count) // PIECES_AT_ONCE
    found = []
    for portion in np.unique(portions):
        here = portions == portion
        of = np.repeat(np.flatnonzero(here), count[here])
        first = np.concatenate([[0], np.cumsum(count[here])[:-1]])
        step = np.arange(of.size) - np.repeat(first, count[here])
        part = ((step + 0.5) / count[of])[:, None]
        middle = start[of] + part * (end[of] - start[of])
        found.append((_cells_of(known, middle[:, 1], middle[:, 0]), length[of] / count[of]))
    return found


def _cells_of(known: Known, lat: NDArray[np.float64], lng: NDArray[np.float64]) -> hexgrid.Cells:
    return hexgrid.assign_cells(lat, lng, resolution=hexgrid.resolution_of(known.cells))


def _sum_by_cell(known: Known, cells: hexgrid.Cells, amount: NDArray[np.float64]) -> NDArray[np.float64]:
    at = np.minimum(np.searchsorted(known.cells, cells), known.cells.size - 1)
    is_known = known.cells[at] == cells
    summed = np.bincount(at[is_known], weights=amount[is_known], minlength=known.cells.size)
    return summed.astype(np.float64)


def _rows(
    cells: hexgrid.Cells, values: NDArray[np.float64], feature: str, measure: Measure, source_id: str
) -> pl.DataFrame:
    return SURROUNDINGS.checked(
        pl.DataFrame({"cell": cells, "value": values}, schema={"cell": pl.UInt64, "value": pl.Float64}).with_columns(
            feature=pl.lit(feature), measure=pl.lit(str(measure)), source_id=pl.lit(source_id)
        )
    )
