"""Geometry of the drawings of areas: ranges on one axis, outlines of areas. Templates write them as SVG."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import shapely
from numpy.typing import NDArray

from geodata import hexgrid
from riskmap.public.area_facts import Place
from riskmap.release import Release

ROW_PX, TOP_PX = 42, 4
LEFT, RIGHT = 1.0, 99.0
"""Percents of the width between which ranges are drawn."""
MAP_WIDTH = 680
MOST_TALL = 1.0
"""A drawing is at most that many times as high as wide."""
MOST_LETTERS = 24_000
"""Outlines with more letters are drawn more simply, so that a page stays light."""
DETAIL_PX = (0.5, 1.0, 2.0, 4.0, 8.0)
TICKS = 4

GROUP_PX, THIN_PX = 50, 13
"""Height of a place with two bars, and distance of one bar to the next."""

Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A range: ``x`` and ``width`` in percents, ``y`` in pixels; ``is_own`` marks the place the page is about."""

    name: str
    ends: Range
    x: float
    width: float
    y: int
    is_own: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """Bars below each other, ticks as number and place, and the height in pixels."""

    bars: tuple[Bar, ...]
    ticks: tuple[tuple[int, float], ...]
    height: int
    floor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A place with several bars below its name, each under the kind it is of; ``y`` in pixels."""

    name: str
    y: int
    bars: tuple[tuple[str, Bar], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grouped:
    """Groups below each other on one axis, as in `Ranges`."""

    groups: tuple[Group, ...]
    ticks: tuple[tuple[int, float], ...]
    height: int
    floor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlines:
    """Paths by place and a point within each, in a box of ``MAP_WIDTH`` by ``height``."""

    paths: Mapping[str, str]
    middles: Mapping[str, tuple[int, int]]
    height: int


def ranges(shown: Sequence[tuple[str, Range]], *, own: str | None = None) -> Ranges | None:
    """Ranges on an axis that starts at zero; None where there are none."""
    if not shown:
        return None
    step = _step(max(high for _, (_, high) in shown))
    top = step * -(-max(high for _, (_, high) in shown) // step)

    def across(value: float) -> float:
        return round(LEFT + (RIGHT - LEFT) * value / top, 2)

    bars = tuple(
        Bar(
            name=name,
            ends=(low, high),
            x=across(low),
            width=round(max(across(high) - across(low), 0.6), 2),
            y=TOP_PX + ROW_PX * position,
            is_own=name == own,
        )
        for position, (name, (low, high)) in enumerate(shown)
    )
    floor = TOP_PX + ROW_PX * len(bars)
    ticks = tuple((int(value), across(value)) for value in np.arange(0, top + 1, step))
    return Ranges(bars=bars, ticks=ticks, height=floor + 24, floor=floor)


def grouped(shown: Sequence[tuple[str, Sequence[tuple[str, Range]]]]) -> Grouped | None:
    """Ranges of several kinds for each place, on one axis; a place without any keeps its line. None where none has."""
    on_one_axis = ranges([(name, ends) for name, own in shown for _, ends in own])
    if on_one_axis is None:
        return None
    bars, groups, y = iter(on_one_axis.bars), [], TOP_PX
    for name, own in shown:
        placed = tuple(
            (kind, replace(next(bars), y=y + ROW_PX // 2 + THIN_PX * position))
            for position, (kind, _) in enumerate(own)
        )
        groups.append(Group(name=name, y=y, bars=placed))
        y += GROUP_PX
    return Grouped(groups=tuple(groups), ticks=on_one_axis.ticks, height=y + 24, floor=y)


def outlines(cells: Mapping[str, Sequence[str]]) -> Outlines | None:
    """Outlines of areas from their cells, north up; None where there are none."""
    shapes = {
        place: shapely.union_all(shapely.set_precision(_of_cells(own), 1e-7)) for place, own in cells.items() if own
    }
    return drawn(shapes)


def of_places(release: Release, places: Sequence[Place]) -> Outlines | None:
    """Outlines of places: of their cells, or as the release draws its regions; None where there are none."""
    if any(one.cells for one in places):
        return outlines({one.place_id: sorted(one.cells) for one in places})
    path = release.folder / "areas.geojson"
    if not places or not path.is_file():
        return None
    wanted = {one.place_id for one in places}
    features = [(one["properties"]["area_id"], one) for one in json.loads(path.read_bytes())["features"]]
    return drawn({code: shapely.geometry.shape(one["geometry"]) for code, one in features if code in wanted})


def drawn(shapes: Mapping[str, shapely.Geometry]) -> Outlines | None:
    """Outlines in degrees as paths, drawn as simply as a light page needs."""
    if not shapes:
        return None
    west, south, east, north = shapely.total_bounds(list(shapes.values()))
    squeeze = float(np.cos(np.radians((south + north) / 2)))
    scale = min(MAP_WIDTH / ((east - west) * squeeze), MAP_WIDTH * MOST_TALL / (north - south))

    def placed(at: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.column_stack([(at[:, 0] - west) * squeeze * scale, (north - at[:, 1]) * scale])

    flat = {place: shapely.transform(shape, placed) for place, shape in shapes.items()}
    paths: dict[str, str] = {}
    for detail in DETAIL_PX:
        simple = shapely.coverage_simplify(list(flat.values()), detail)
        paths = {place: _path(shape) for place, shape in zip(flat, simple, strict=True)}
        if sum(map(len, paths.values())) <= MOST_LETTERS:
            break
    inner = {place: shapely.point_on_surface(shape) for place, shape in flat.items()}
    middles = {place: (round(point.x), round(point.y)) for place, point in inner.items()}
    return Outlines(paths=paths, middles=middles, height=int(np.ceil((north - south) * scale)) or 1)


def _of_cells(ids: Sequence[str]) -> NDArray[np.object_]:
    return hexgrid.polygons(np.array([hexgrid.parse_cell(one) for one in ids], dtype=np.uint64))


def _path(shape: shapely.Geometry) -> str:
    """A path in whole pixels; steps are written from point to point, which is shorter."""
    parts = []
    for polygon in shapely.get_parts(shape):
        for ring in shapely.get_rings(polygon):
            points = np.round(shapely.get_coordinates(ring)).astype(np.int64)
            steps = np.diff(points, axis=0)
            moves = "".join(f"l{x} {y}" for x, y in steps[:-1].tolist() if x or y)
            if moves:
                parts.append(f"M{points[0, 0]} {points[0, 1]}{moves}z")
    return "".join(parts)


def _step(most: float) -> int:
    size = 1
    while True:
        for factor in (1, 2, 5):
            if -(-most // (size * factor)) <= TICKS:
                return size * factor
        size *= 10
