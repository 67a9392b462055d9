"""What is the matter with outlines of a division: overlaps, gaps, slivers, parts outside their whole, missing names.

Areas are measured on the equal-area projection EPSG:6933, widths on the ellipsoid. Regions of one level are held
against one another and those of a level against what they are part of. Nothing is changed here.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from geodata.region_files import TEXT_COLUMNS, WGS84
from geodata.territory import LANGUAGES

EQUAL_AREA = "EPSG:6933"
GROUND = pyproj.Geod(ellps="WGS84")
LEAST_KM2 = 1e-6
"""A shared or missing area below one square metre is rounding."""
LEAST_SHARE = 0.001
"""A part may reach out of its whole, and leave of it uncovered, by this share of its area."""
SLIVER_WIDTH_M = 50.0
"""An overlap, a gap or a separate piece is a sliver where its mean width (twice its area by its perimeter) is less."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """An area of interest: the codes it belongs to or lies between, and its mean width."""

    codes: tuple[str, ...]
    area_km2: float
    width_m: float

    @property
    def is_sliver(self) -> bool:
        return self.width_m < SLIVER_WIDTH_M


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """A share of a region's area, 0 to 1; ``parent_id`` is what the region is part of."""

    region_id: str
    parent_id: str | None
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """What was found, each kind in order of codes; empty where all is well.

    ``overlaps`` has one piece for a pair of codes, ``gaps`` one for each hole, and ``slivers`` the thin pieces of
    overlaps and gaps and the thin separate pieces of regions.
    """

    overlaps: tuple[Piece, ...]
    gaps: tuple[Piece, ...]
    slivers: tuple[Piece, ...]
    outside_parent: tuple[Share, ...]
    uncovered: tuple[Share, ...]
    """Regions that have parts which leave some of them uncovered."""
    without_parent: tuple[str, ...]
    """Codes whose parent is nowhere to be found."""
    nameless: tuple[tuple[str, tuple[str, ...]], ...]
    """Codes and the languages in which they have no name."""

    @property
    def has_any(self) -> bool:
        return any(getattr(self, name) for name in self.__slots__)


def check(divisions: gpd.GeoDataFrame, *, known: gpd.GeoDataFrame | None = None) -> Findings:
    """Everything that is the matter with a division valid on one day.

    Parameters
    ----------
    divisions : columns of `geodata.divisions.DIVISIONS`, codes once each, valid shapes in WGS84
    known : more regions that may be parents, with ``region_id`` and a geometry; one of ``divisions`` goes before it
    """
    plane = divisions.to_crs(EQUAL_AREA)
    overlaps: list[Piece] = []
    gaps: list[Piece] = []
    slivers: list[Piece] = []
    for _, rows in plane.groupby("level", sort=True):
        codes, shapes = rows["region_id"].to_numpy(dtype=object), rows.geometry.to_numpy()
        for pair, shared in _shared(codes, shapes):
            overlaps.append(_piece(pair, shared))
            slivers += [piece for part in shapely.get_parts(shared) if (piece := _piece(pair, part)).is_sliver]
        found = list(_holes(codes, shapes))
        gaps += found
        slivers += [piece for piece in found if piece.is_sliver]
        slivers += [piece for piece in _separate_pieces(codes, shapes) if piece.is_sliver]
    outlines = {} if known is None else _by_code(known.to_crs(EQUAL_AREA))
    outlines |= _by_code(plane)
    return Findings(
        overlaps=_in_order(overlaps),
        gaps=_in_order(gaps),
        slivers=_in_order(slivers),
        outside_parent=tuple(_outside(plane, outlines)),
        uncovered=tuple(_uncovered(plane, outlines)),
        without_parent=tuple(_parentless(plane, outlines)),
        nameless=tuple(_nameless(divisions)),
    )


def _shared(
    codes: NDArray[np.object_], shapes: NDArray[np.object_]
) -> Iterator[tuple[tuple[str, ...], shapely.Geometry]]:
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    is_pair = first < second
    for a, b in zip(first[is_pair], second[is_pair], strict=True):
        common = shapely.intersection(shapes[a], shapes[b])
        areas = [part for part in shapely.get_parts(common) if part.geom_type == "Polygon"]
        if sum(part.area for part in areas) / 1e6 >= LEAST_KM2:
            yield tuple(sorted((str(codes[a]), str(codes[b])))), shapely.multipolygons(areas)


def _holes(codes: NDArray[np.object_], shapes: NDArray[np.object_]) -> Iterator[Piece]:
    tree = shapely.STRtree(shapes)
    for part in shapely.get_parts(shapely.union_all(shapes)):
        for ring in part.interiors:
            hole = shapely.polygons(ring)
            if hole.area / 1e6 >= LEAST_KM2:
                beside = tree.query(hole, predicate="intersects")
                yield _piece(tuple(sorted(str(code) for code in codes[beside])), hole)


def _separate_pieces(codes: NDArray[np.object_], shapes: NDArray[np.object_]) -> Iterator[Piece]:
    for code, shape in zip(codes, shapes, strict=True):
        parts = shapely.get_parts(shape)
        if len(parts) > 1:
            yield from (_piece((str(code),), part) for part in parts)


def _outside(plane: gpd.GeoDataFrame, outlines: dict[str, shapely.Geometry]) -> Iterator[Share]:
    for row in plane.itertuples():
        if row.parent_id in outlines:
            share = shapely.difference(row.geometry, outlines[row.parent_id]).area / row.geometry.area
            if share > LEAST_SHARE:
                yield Share(region_id=row.region_id, parent_id=row.parent_id, share=float(share))


def _uncovered(plane: gpd.GeoDataFrame, outlines: dict[str, shapely.Geometry]) -> Iterator[Share]:
    for parent_id, parts in plane.dropna(subset=["parent_id"]).groupby("parent_id"):
        if parent_id in outlines:
            whole = outlines[parent_id]
            share = shapely.difference(whole, shapely.union_all(parts.geometry.to_numpy())).area / whole.area
            if share > LEAST_SHARE:
                yield Share(region_id=str(parent_id), parent_id=None, share=float(share))


def _parentless(plane: gpd.GeoDataFrame, outlines: dict[str, shapely.Geometry]) -> Iterator[str]:
    for code, parent_id in zip(plane["region_id"], plane["parent_id"], strict=True):
        if isinstance(parent_id, str) and parent_id not in outlines:
            yield code


def _nameless(divisions: gpd.GeoDataFrame) -> Iterator[tuple[str, tuple[str, ...]]]:
    for row in divisions.itertuples():
        missing = [
            language
            for language, column in zip(LANGUAGES, TEXT_COLUMNS, strict=True)
            if not isinstance(getattr(row, column), str)
        ]
        if missing:
            yield row.region_id, tuple(missing)


def _piece(codes: tuple[str, ...], shape: shapely.Geometry) -> Piece:
    # The equal-area plane stretches lengths, so the perimeter is measured along the ground.
    degrees = gpd.GeoSeries([shape], crs=EQUAL_AREA).to_crs(WGS84)[0]
    return Piece(
        codes=codes,
        area_km2=shape.area / 1e6,
        width_m=2 * shape.area / GROUND.geometry_length(shapely.boundary(degrees)),
    )


def _in_order(pieces: Iterable[Piece]) -> tuple[Piece, ...]:
    return tuple(sorted(pieces, key=lambda piece: (piece.codes, -piece.area_km2)))


def _by_code(plane: gpd.GeoDataFrame) -> dict[str, shapely.Geometry]:
    return dict(zip(plane["region_id"], plane.geometry, strict=True))
