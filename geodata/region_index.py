"""The region of millions of points: a table of small boxes, and an exact test only where a border runs.

The boxes are rectangles in degrees, in which outlines are drawn with straight edges too. So a box that no edge touches
lies in the same regions with all its points, which does not hold for hexagons: their sides are not straight in
degrees, and a parent cell does not hold all of its children. Boxes are quartered along borders, so the table stays
small for a district and for a country.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import geopandas as gpd
import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray

from geodata.errors import InvalidRegions
from geodata.regions import METRES_PER_DEGREE, NEAREST_WITHIN_M

Degrees = NDArray[np.float64]
Positions = NDArray[np.int32]

OUTSIDE = -1
NEAR = -2
BORDER = -3
FIRST_TILE = -4
"""Entries of the table below zero: no region near; no region here but one near; a border; a box that has been cut up,
counted down from here by where its own entries begin. Entries from zero up are positions of regions."""

STEP = 4
"""A box is cut into so many along each side."""
TABLE_BOXES = 60_000
"""About as many boxes cover the territory, whatever its size."""
WORTH_A_TABLE = 100_000
"""For fewer points in all the exact test is faster than building the table first."""
SMALLEST = STEP**4
"""A large box may be cut up into so many along each side."""
WORTH_A_CUT = 25
"""A box on a border is cut up once so many points fall into it together."""
CHUNK = 500_000
PADDING_DEG = 1e-9
"""Boxes are tested a little larger than they are: rounding may put a point into the neighbouring box."""


class RegionIndex:
    """Answers `region_of` for one set of outlines; the table is built when enough points have been asked for."""

    def __init__(self, codes: tuple[str, ...], outlines: tuple[bytes, ...], *, nearest_within_m: float) -> None:
        """Use `of`; codes ascend, and outlines are the WKB of polygons."""
        self._codes = pl.Series("region_id", codes, dtype=pl.String)
        self._shapes = shapely.from_wkb(np.array(outlines, dtype=object))
        shapely.prepare(self._shapes)
        self._bounds = shapely.bounds(self._shapes)
        self._edges = _Edges.of(self._shapes)
        self._nearest_within_m = nearest_within_m
        self._asked = 0
        self._table: _Table | None = None

    @classmethod
    def of(cls, regions: gpd.GeoDataFrame, *, nearest_within_m: float = NEAREST_WITHIN_M) -> "RegionIndex":
        """The index of outlines; the same outlines in any order give the same index, kept in memory.

        Parameters
        ----------
        regions : columns ``region_id``, each once, and polygons in WGS84, longitude first
        nearest_within_m : a point outside all belongs to the nearest region within so many metres

        Raises
        ------
        InvalidRegions
            If there is no region, a code is missing or doubled, or the distance is negative.
        """
        ordered = regions.sort_values("region_id", kind="stable")
        codes = tuple(str(code) for code in ordered["region_id"])
        if not codes or len(set(codes)) < len(codes) or ordered["region_id"].isna().any():
            raise InvalidRegions(f"An index needs regions with one code each; found {len(codes)} with doubled codes.")
        if not 0 <= nearest_within_m < np.inf:
            raise InvalidRegions(f"The nearest region within {nearest_within_m} m was asked for; expected 0 or more.")
        return _index(codes, tuple(shapely.to_wkb(ordered.geometry.to_numpy())), float(nearest_within_m))

    @property
    def has_table(self) -> bool:
        """Whether enough points have been asked for to build the table."""
        return self._table is not None

    def region_of(self, lat: Degrees, lng: Degrees) -> pl.Series:
        """Code of the region of each point, in degrees; null outside all, or where a coordinate is missing.

        A point on a shared border, or where outlines overlap, belongs to the lowest code, as in
        `regions.region_of_points`. A point outside all belongs to the nearest region within the stated distance.
        """
        lat, lng = np.asarray(lat, dtype=np.float64), np.asarray(lng, dtype=np.float64)
        self._asked += lat.size
        if self._table is None and self._asked >= WORTH_A_TABLE:
            self._table = _Table(self._edges, self.lowest, self._bounds, self._nearest_within_m)
        found = [
            self._chunk(lat[start : start + CHUNK], lng[start : start + CHUNK]) for start in range(0, lat.size, CHUNK)
        ]
        return pl.concat(found) if found else self._codes.clear()

    def _chunk(self, lat: Degrees, lng: Degrees) -> pl.Series:
        table = self._table
        if table is None:
            owner = np.where(np.isfinite(lat) & np.isfinite(lng), np.int32(BORDER), np.int32(OUTSIDE))
        else:
            owner = table.entries_of(lat, lng)
        unsure = np.flatnonzero(owner == BORDER)
        if unsure.size:
            owner[unsure] = self.lowest(lat[unsure], lng[unsure])
            # A point by a border that lies in no region may still be near one.
            owner[unsure[owner[unsure] == OUTSIDE]] = NEAR
        outside = np.flatnonzero(owner == NEAR)
        if outside.size:
            owner[outside] = self._nearest(lat[outside], lng[outside])
        positions = pl.Series(owner)
        return self._codes.gather(positions.set(positions < 0, None))

    def lowest(self, lat: Degrees, lng: Degrees) -> Positions:
        """Position of the lowest code that holds each point, its border included; `OUTSIDE` where none does."""
        owner = np.full(lat.size, OUTSIDE, dtype=np.int32)
        for position, (west, south, east, north) in enumerate(self._bounds):
            boxed = (lng >= west) & (lng <= east) & (lat >= south) & (lat <= north) & (owner == OUTSIDE)
            if boxed.any():
                here = np.flatnonzero(boxed)
                owner[here[shapely.intersects_xy(self._shapes[position], lng[here], lat[here])]] = position
        return owner

    def _nearest(self, lat: Degrees, lng: Degrees) -> Positions:
        """Position of the nearest region within the distance for points that lie in none; equally near: the lowest."""
        owner = np.full(lat.size, OUTSIDE, dtype=np.int32)
        if self._nearest_within_m == 0:
            return owner
        # Degrees of longitude are shorter than those of latitude: nearness is measured on a plane per whole degree.
        bands = np.floor(lat)
        reach_deg = self._nearest_within_m / METRES_PER_DEGREE + PADDING_DEG
        for band in np.unique(bands):
            here = np.flatnonzero(bands == band)
            edges = self._edges.between(band - reach_deg, band + 1 + reach_deg)
            if edges.owner.size == 0:
                continue
            scale = np.array([METRES_PER_DEGREE * np.cos(np.radians(band + 0.5)), METRES_PER_DEGREE])
            which, edge = shapely.STRtree(shapely.linestrings(edges.ends * scale)).query_nearest(
                shapely.points(lng[here] * scale[0], lat[here] * scale[1]),
                max_distance=self._nearest_within_m,
                all_matches=True,
            )
            lowest = np.full(here.size, len(self._shapes), dtype=np.int32)
            np.minimum.at(lowest, which, edges.owner[edge])
            owner[here] = np.where(lowest < len(self._shapes), lowest, OUTSIDE)
        return owner


@dataclass(frozen=True, slots=True)
class _Edges:
    """Straight pieces of borders in degrees, shape (n, 2, 2) with longitude first, and the region of each."""

    ends: NDArray[np.float64]
    owner: Positions

    @classmethod
    def of(cls, shapes: NDArray[np.object_]) -> "_Edges":
        parts, part_owner = shapely.get_parts(shapes, return_index=True)
        rings, ring_part = shapely.get_rings(parts, return_index=True)
        corners, ring = shapely.get_coordinates(rings, return_index=True)
        is_edge = ring[:-1] == ring[1:]
        ends = np.stack([corners[:-1], corners[1:]], axis=1)[is_edge]
        return cls(ends, np.asarray(part_owner[ring_part[ring[:-1][is_edge]]], dtype=np.int32))

    def between(self, south: float, north: float) -> "_Edges":
        """The edges that reach into a band of latitudes."""
        is_in = (self.ends[:, :, 1].max(axis=1) >= south) & (self.ends[:, :, 1].min(axis=1) <= north)
        return _Edges(self.ends[is_in], self.owner[is_in])


class _Table:
    """Entries of boxes: the large ones row by row from the south-west, then those of each box that has been cut up.

    The large boxes are found from the outside in, and only what a border runs through is looked at more closely. They
    are cut up later, where points have fallen.
    """

    def __init__(
        self,
        edges: _Edges,
        lowest: Callable[[Degrees, Degrees], Positions],
        bounds: NDArray[np.float64],
        nearest_within_m: float,
    ) -> None:
        self._tree = shapely.STRtree(shapely.linestrings(edges.ends))
        self._lowest = lowest
        west, south = bounds[:, :2].min(axis=0)
        east, north = bounds[:, 2:].max(axis=0)
        # A plane's degree of longitude is that of its band's middle, which may be half a degree nearer to the pole.
        reach = nearest_within_m / METRES_PER_DEGREE + PADDING_DEG
        polemost = min(max(abs(south), abs(north)) + reach + 0.5, 89.5)
        self._reach = np.array([reach / np.cos(np.radians(polemost)), reach])
        # A little more than the reach, so that no border is near the outermost boxes, which stand for all beyond.
        margin = self._reach + 10 * PADDING_DEG
        extent = np.array([east - west, north - south]) + 2 * margin
        aspect = extent[0] * np.cos(np.radians((south + north) / 2)) / extent[1]
        wanted = np.sqrt(TABLE_BOXES * np.array([aspect, 1 / aspect]))
        self._shape = (np.maximum(np.round(wanted / STEP**2), 1) * STEP**2).astype(np.int64)
        # The outermost boxes lie beyond the margin on every side.
        size = extent / (self._shape - 2)
        self._start = np.array([west, south]) - margin - size
        self._smallest = size / SMALLEST
        self._entries = self._large_boxes()

    def entries_of(self, lat: Degrees, lng: Degrees) -> Positions:
        """Entry of each point: a position, `OUTSIDE`, `NEAR` or `BORDER`; boxes with many points are cut up first."""
        column, row = self._smallest_boxes(lng, 0), self._smallest_boxes(lat, 1)
        # Others may cut boxes up meanwhile: they put a new array in the place of this one.
        entries = self._entries
        slot = (row // SMALLEST) * np.int32(self._shape[0]) + column // SMALLEST
        found: Positions = entries[slot]
        span = SMALLEST
        unsure = np.flatnonzero(found <= BORDER)
        while unsure.size and span > 1:
            entries = self._cut_up(entries, slot[unsure], column[unsure], row[unsure], span)
            found[unsure] = entries[slot[unsure]]
            is_cut = unsure[found[unsure] <= FIRST_TILE]
            span //= STEP
            inner = (row[is_cut] // span % STEP) * STEP + column[is_cut] // span % STEP
            slot[is_cut] = FIRST_TILE - found[is_cut] + inner
            found[is_cut] = entries[slot[is_cut]]
            unsure = is_cut[found[is_cut] <= BORDER]
        return found

    def _smallest_boxes(self, degrees: Degrees, axis: int) -> NDArray[np.int32]:
        # What is not a number falls into the outermost box, and so does what is beyond the last one.
        boxes = (degrees - self._start[axis]) * (1 / self._smallest[axis])
        inside: NDArray[np.int32] = np.fmin(np.fmax(boxes, 0), self._shape[axis] * SMALLEST - 1).astype(np.int32)
        return inside

    def _large_boxes(self) -> Positions:
        steps = STEP**2
        entries = np.full(self._shape[::-1] // steps, BORDER, dtype=np.int32)
        row, column = (places.ravel() for places in np.indices(entries.shape))
        while True:
            entries[row, column] = self._judged(column, row, SMALLEST * steps)
            if steps == 1:
                return entries.ravel()
            entries = entries.repeat(STEP, axis=0).repeat(STEP, axis=1)
            row, column = np.nonzero((entries == BORDER) | (entries == NEAR))
            steps //= STEP

    def _cut_up(self, entries: Positions, slot: Positions, column: Positions, row: Positions, span: int) -> Positions:
        """The entries with more at their end: those of boxes on a border that hold enough of the given points."""
        is_whole = np.flatnonzero(entries[slot] == BORDER)
        boxes, first, points = np.unique(slot[is_whole], return_index=True, return_counts=True)
        is_busy = points >= WORTH_A_CUT
        if not is_busy.any():
            return entries
        boxes, first = boxes[is_busy], is_whole[first[is_busy]]
        inner_row, inner_column = (places.ravel() for places in np.indices((STEP, STEP)))
        tiles = self._judged(
            ((column[first] // span * STEP)[:, None] + inner_column).ravel(),
            ((row[first] // span * STEP)[:, None] + inner_row).ravel(),
            span // STEP,
        )
        longer = np.concatenate([entries, tiles])
        longer[boxes] = FIRST_TILE - (entries.size + np.arange(boxes.size) * STEP * STEP)
        self._entries = longer
        return longer

    def _judged(self, column: NDArray[np.int64], row: NDArray[np.int64], span: int) -> Positions:
        """Entries of boxes ``span`` of the smallest wide and high, given by their place among their like."""
        corner = self._start + np.column_stack([column, row]) * (self._smallest * span)
        opposite = self._start + np.column_stack([column + 1, row + 1]) * (self._smallest * span)
        found = np.full(column.size, BORDER, dtype=np.int32)
        plain = np.flatnonzero(~self._is_touched(corner, opposite, np.full(2, PADDING_DEG)))
        middle = (corner[plain] + opposite[plain]) / 2
        found[plain] = self._lowest(middle[:, 1], middle[:, 0])
        outside = plain[found[plain] == OUTSIDE]
        found[outside[self._is_touched(corner[outside], opposite[outside], self._reach)]] = NEAR
        return found

    def _is_touched(
        self, corner: NDArray[np.float64], opposite: NDArray[np.float64], margin: NDArray[np.float64]
    ) -> NDArray[np.bool_]:
        """Whether an edge runs through a box or within the margin around it."""
        boxes = shapely.box(*(corner - margin).T, *(opposite + margin).T)
        touched = np.zeros(len(boxes), dtype=np.bool_)
        touched[self._tree.query(boxes, predicate="intersects")[0]] = True
        return touched


@lru_cache(maxsize=4)
def _index(codes: tuple[str, ...], outlines: tuple[bytes, ...], nearest_within_m: float) -> RegionIndex:
    return RegionIndex(codes, outlines, nearest_within_m=nearest_within_m)
