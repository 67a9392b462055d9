"""Region and district outlines keyed by KATO code, and the region of a point or a cell.

A code is text: leading digits are part of it and it is never a number. Where outlines overlap, the lowest code wins,
so that every point has one region and the same one on every run. Outlines are WGS84, longitude first.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray

from geodata import hexgrid, region_files
from geodata.columns import REGIONS
from geodata.errors import InvalidRegions
from geodata.region_files import TEXT_COLUMNS, WGS84, RegionFile, as_numbers, listed
from geodata.territory import Names, Territory

EQUAL_AREA = "EPSG:6933"
NEAREST_WITHIN_M = 500.0
"""A cell whose centre lies in no region belongs to the nearest one within this distance: slivers, banks and shores."""

METRES_PER_DEGREE = 111_195.0
KATO_DIGITS = 9
REPLACED = Names(
    kk="Шекаралар оператордың файлымен ауыстырылды.",
    ru="Границы заменены файлом оператора.",
    en="Outlines replaced by the operator's file.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoverageReport:
    """How far a set of outlines is from a clean division of its territory.

    ``overlaps`` holds pairs of codes with the shared area; ``gap_km2`` is the area of holes no region covers.
    """

    overlaps: tuple[tuple[str, str, float], ...]
    gap_km2: float

    @property
    def overlap_km2(self) -> float:
        return sum(area for _, _, area in self.overlaps)


def read_regions(path: Path, *, default_zone: str) -> gpd.GeoDataFrame:
    """Outlines of an operator's GeoJSON or GeoPackage file, in WGS84 and in order of their codes.

    Parameters
    ----------
    path : a ``.geojson``, ``.json`` or ``.gpkg`` file with one layer of polygons
    default_zone : IANA zone of regions whose file does not name one

    Returns
    -------
    GeoDataFrame with the columns of `REGIONS` and ``geometry``. Names and residents are missing where the file has
    none; ``official_count`` is always missing, because a total without its source and year is not official.

    Raises
    ------
    InvalidRegions
        For an unreadable file, missing or doubled codes, shapes that are not polygons, and coordinates that are
        outside degrees while the file names no coordinate system.
    """
    return as_regions(region_files.read_file(path, default_zone=default_zone))


def as_regions(file: RegionFile) -> gpd.GeoDataFrame:
    """The rows of a file as regions, for which see `read_regions`."""
    rows = file.required()
    if rows["region_id"].duplicated().any():
        doubled = listed(rows.loc[rows["region_id"].duplicated(), "region_id"])
        raise InvalidRegions(
            f"{file.name}: codes {doubled} stand at several features; merge each region into one feature."
        )
    return rows[[*REGIONS.schema.names(), "geometry"]]


def replace_outlines(territory: Territory, regions: gpd.GeoDataFrame, *, origin: Names | None = None) -> Territory:
    """The territory with new outlines; what the new file lacks is kept from ours.

    A name, or a number of residents, of the file wins over ours; zones and official totals of codes we know stay
    ours. Covered cells get the region of their centre anew; a cell that no new region reaches is no longer covered.

    Parameters
    ----------
    regions : as returned by `read_regions`
    origin : where outlines, names and numbers come from now; unless given, the territory's words and that it was done

    Raises
    ------
    InvalidRegions
        If the territory has official codes and the file's codes are not exactly those.
    """
    known = territory.regions.set_index("region_id")
    found, expected = set(regions["region_id"]), set(known.index)
    if has_official_codes(territory) and found != expected:
        raise InvalidRegions(
            f"The file has {len(found)} codes; {territory.name} needs its own {len(expected)} KATO codes. "
            f"Missing: {listed(expected - found)}. Unknown: {listed(found - expected)}. "
            "Correct the codes and load again."
        )
    merged = _ordered(regions)
    ours = known.reindex(merged["region_id"])
    is_known = merged["region_id"].isin(known.index).to_numpy()
    for column in (*TEXT_COLUMNS, "residents", "official_count"):
        kept = as_numbers(ours[column]) if column in {"residents", "official_count"} else ours[column].array
        merged[column] = merged[column].where(merged[column].notna().to_numpy(), kept)
    merged["zone"] = np.where(is_known, ours["zone"].astype(object), merged["zone"].astype(object))
    merged = _with_all_names(merged)
    places = territory.places
    if places.height:
        belongs_to = region_of_cells(places["cell"].to_numpy(), merged)
        places = places.with_columns(belongs_to.alias("region_id")).drop_nulls("region_id")
    return replace(territory, regions=merged, places=places, origin=origin or _told(territory.origin))


def coverage_report(regions: gpd.GeoDataFrame) -> CoverageReport:
    """Overlaps of outlines and holes between them, measured on the equal-area projection EPSG:6933."""
    plane = _ordered(regions).to_crs(EQUAL_AREA)
    shapes = plane.geometry.to_numpy()
    codes = plane["region_id"].to_list()
    first, second = shapely.STRtree(shapes).query(shapes, predicate="intersects")
    overlaps = []
    for a, b in sorted(zip(first, second, strict=True)):
        if a < b and (area := shapely.area(shapely.intersection(shapes[a], shapes[b])) / 1e6) > 0:
            overlaps.append((codes[a], codes[b], float(area)))
    union = shapely.union_all(shapes)
    holes = [shapely.polygons(ring) for part in shapely.get_parts(union) for ring in part.interiors]
    return CoverageReport(overlaps=tuple(overlaps), gap_km2=float(np.sum(shapely.area(holes))) / 1e6)


def as_coverage(regions: gpd.GeoDataFrame, *, fill_gaps_km2: float = 1.0) -> gpd.GeoDataFrame:
    """The same regions with exactly shared borders: overlaps go to the lowest code, small holes to a neighbour.

    All outlines are cut along one another into faces; a face goes to the lowest code that covers it. A hole of at
    most ``fill_gaps_km2`` goes to the region with the longest border to it, a larger one stays a hole.
    """
    ordered = _ordered(regions)
    shapes = ordered.geometry.to_numpy()
    lines = shapely.node(shapely.union_all(shapely.boundary(shapes)))
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(lines)))
    owner = _lowest_hit(shapely.point_on_surface(faces), shapes)
    _fill_holes(faces, owner, fill_gaps_km2)
    cleaned = [shapely.union_all(faces[owner == position]) for position in range(len(shapes))]
    return ordered.set_geometry(gpd.GeoSeries(cleaned, index=ordered.index, crs=WGS84))


def simplified(regions: gpd.GeoDataFrame, *, tolerance_deg: float) -> gpd.GeoDataFrame:
    """A coverage with fewer corners whose shared borders stay shared; ``tolerance_deg`` as in Visvalingam–Whyatt.

    Parameters
    ----------
    regions : exactly matching borders, as left by `as_coverage`
    tolerance_deg : corners whose triangle is smaller than its square are dropped; 0.01 suits a map of a country
    """
    shapes = shapely.coverage_simplify(regions.geometry.to_numpy(), tolerance_deg)
    return regions.set_geometry(gpd.GeoSeries(shapes, index=regions.index, crs=WGS84))


def region_of_points(lat: NDArray[np.float64], lng: NDArray[np.float64], regions: gpd.GeoDataFrame) -> pl.Series:
    """Code of the region that holds each point, degrees; null outside all and where a coordinate is missing.

    A point on a shared border, or where outlines overlap, belongs to the lowest code.
    """
    ordered = _ordered(regions)
    is_placed = np.isfinite(lat) & np.isfinite(lng)
    owner = np.full(lat.shape, -1, dtype=np.int64)
    owner[is_placed] = _lowest_hit(shapely.points(lng[is_placed], lat[is_placed]), ordered.geometry.to_numpy())
    return _codes_of(owner, ordered)


def region_of_cells(
    cells: hexgrid.Cells, regions: gpd.GeoDataFrame, *, nearest_within_m: float = NEAREST_WITHIN_M
) -> pl.Series:
    """Code of the region that holds each cell's centre, else of the nearest one within ``nearest_within_m`` metres.

    Null where no region is that near. Equally near regions: the lowest code.
    """
    ordered = _ordered(regions)
    lat, lng = hexgrid.centres(cells)
    shapes = ordered.geometry.to_numpy()
    owner = _lowest_hit(shapely.points(lng, lat), shapes)
    # Degrees of longitude are shorter than those of latitude: nearness is measured on a plane per whole degree.
    outside = np.flatnonzero(owner < 0)
    bands = np.floor(lat[outside])
    for band in np.unique(bands):
        here = outside[bands == band]
        scale = np.array([METRES_PER_DEGREE * np.cos(np.radians(band + 0.5)), METRES_PER_DEGREE])
        plane = shapely.transform(shapes, lambda degrees, scale=scale: degrees * scale)
        points = shapely.points(lng[here] * scale[0], lat[here] * scale[1])
        which, region = shapely.STRtree(plane).query_nearest(points, max_distance=nearest_within_m, all_matches=True)
        lowest = np.full(here.size, len(shapes), dtype=np.int64)
        np.minimum.at(lowest, which, region)
        owner[here] = np.where(lowest < len(shapes), lowest, -1)
    return _codes_of(owner, ordered)


def _told(origin: Names) -> Names:
    def once(text: str, sentence: str) -> str:
        return text if text.endswith(sentence) else f"{text} {sentence}"

    return Names(kk=once(origin.kk, REPLACED.kk), ru=once(origin.ru, REPLACED.ru), en=once(origin.en, REPLACED.en))


def _with_all_names(regions: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Each region named in three languages: a missing name is taken from another language, at last from the code."""
    rows = regions[list(TEXT_COLUMNS)].astype(object).to_numpy()
    for row, code in zip(rows, regions["region_id"], strict=True):
        known = [name for name in row if isinstance(name, str) and name]
        row[:] = [name if isinstance(name, str) and name else (known or [code])[0] for name in row]
    return regions.assign(**{column: rows[:, position] for position, column in enumerate(TEXT_COLUMNS)})


def has_official_codes(territory: Territory) -> bool:
    """Whether only outlines of exactly the territory's own codes may replace its regions."""
    codes = territory.regions["region_id"]
    return bool(territory.official) or all(len(code) == KATO_DIGITS and code.isdigit() for code in codes)


def _lowest_hit(points: NDArray[np.object_], shapes: NDArray[np.object_]) -> NDArray[np.int64]:
    """Position of the first shape that touches each point; -1 where none does."""
    lowest = np.full(len(points), len(shapes), dtype=np.int64)
    # The tree holds the points: an outline of many corners is then prepared once, not once a point.
    shape, point = shapely.STRtree(points).query(shapes, predicate="intersects")
    np.minimum.at(lowest, point, shape)
    return np.where(lowest < len(shapes), lowest, -1)


def _fill_holes(faces: NDArray[np.object_], owner: NDArray[np.int64], limit_km2: float) -> None:
    holes = np.flatnonzero(owner < 0)
    if holes.size == 0:
        return
    area_km2 = gpd.GeoSeries(faces[holes], crs=WGS84).to_crs(EQUAL_AREA).area.to_numpy() / 1e6
    tree = shapely.STRtree(faces)
    # Largest first, so that a chain of slivers grows from faces that already belong to someone.
    for hole in holes[np.argsort(-area_km2, kind="stable")][np.sort(-area_km2) >= -limit_km2]:
        near = tree.query(faces[hole], predicate="touches")
        near = near[owner[near] >= 0]
        if near.size:
            shared = shapely.length(shapely.intersection(faces[near], faces[hole]))
            totals = np.bincount(owner[near], weights=shared)
            owner[hole] = int(np.argmax(totals))


def _codes_of(owner: NDArray[np.int64], ordered: gpd.GeoDataFrame) -> pl.Series:
    codes = [*ordered["region_id"], None]
    return pl.Series("region_id", [codes[position] for position in owner], dtype=pl.String)


def _ordered(regions: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    return regions.sort_values("region_id", kind="stable", ignore_index=True)
