"""The plan of the made-up city, in metres east and north of its middle: river, railway, avenues, quarters, streets.

The plan is drawn as a city grows: a river and a railway first, then radial avenues and rings between them. Together
they cut the ground into quarters, and each quarter gets a use and a street pattern of its own direction. Districts
are made of whole quarters, so their borders are shared exactly.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.interpolate import CubicSpline
from shapely.affinity import rotate

Line: TypeAlias = "shapely.Geometry"
Area: TypeAlias = "shapely.Geometry"

GRID_ANGLE = 8.0
"""Degrees by which the old centre's grid is turned against north."""
LIMITS_RADIUS_M = 8_700.0
BUILT_RADIUS_M = 6_150.0
RIVER_WIDTH_M = 120.0
RAIL_CLEARANCE_M = 45.0

RIVER_COURSE = (
    (-11_500, -5_900), (-8_300, -3_600), (-6_200, -3_500), (-4_700, -2_300), (-3_000, -2_450), (-1_700, -1_250),
    (-300, -1_000), (900, -1_650), (2_300, -1_500), (3_300, -350), (4_800, -300),
    (6_300, 850), (8_200, 500), (11_500, 1_700),
)  # fmt: skip
RAILWAY_COURSE = (
    (-11_500, 900), (-7_500, 1_750), (-3_500, 2_250), (0, 2_350), (3_500, 2_700), (7_000, 3_900), (11_500, 6_300),
)  # fmt: skip
SIDING_COURSE = ((2_600, 2_570), (3_700, 2_350), (4_500, 2_200), (5_300, 2_150))
MAIN_RADIALS = (90.0, 1.0, -88.0, 181.0)
OTHER_RADIALS = (136.0, 47.0, -38.0, -132.0)
MINOR_RADIALS = (113.0, 69.0, 24.0, -19.0, -63.0, -110.0, -155.0, 158.0)
RINGS = ((2_750.0, "street"), (4_000.0, "avenue"), (5_450.0, "street"), (6_900.0, "street"))
DISTRICT_CODES = ("ulg-01", "ulg-02", "ulg-03", "ulg-04", "ulg-05", "ulg-06", "ulg-07")


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """A piece of ground between avenues: its use, the direction of its streets in degrees, and its district."""

    shape: Area
    built: Area
    use: str
    angle: float
    district: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Everything drawn, in metres. ``streets`` holds lines by kind; ``avenues`` are drawn whole, in order."""

    limits: Area
    river: Area
    lake: Area
    railway: tuple[Line, ...]
    avenues: tuple[Line, ...]
    streets: dict[str, tuple[Line, ...]]
    quarters: tuple[Quarter, ...]
    parks: tuple[Area, ...]
    market: Area
    station: Area
    districts: dict[str, Area]


def draw(rng: np.random.Generator) -> Plan:
    """Draw the city; the same generator state gives the same city."""
    limits = _limits(rng)
    river_line, rail_line, siding, inner = (
        _smooth(RIVER_COURSE),
        _smooth(RAILWAY_COURSE),
        _smooth(SIDING_COURSE),
        _inner_ring(),
    )
    river = shapely.intersection(_river(river_line), limits)
    avenues, minor = _skeleton(rng, inner)
    extent = _extent(rng, limits, avenues)
    station = rotate(shapely.box(-260, 2_195, 240, 2_275), 2)
    market = rotate(shapely.box(-1_330, 1_480, -690, 2_060), GRID_ANGLE)
    parks = _parks(river, limits)
    barriers = [river.buffer(25), rail_line.buffer(RAIL_CLEARANCE_M), siding.buffer(30), _lake()]
    closed = shapely.union_all([*barriers, market, station, *parks])

    cuts = [limits.boundary, extent.boundary, river_line, rail_line, *avenues, *minor]
    faces = shapely.get_parts(shapely.polygonize(shapely.get_parts(shapely.node(shapely.union_all(cuts)))))
    faces = faces[shapely.contains(limits.buffer(1), faces)]
    core = shapely.polygons(shapely.get_coordinates(inner))
    ground = _Ground(core=core, extent=extent, closed=closed, rail=rail_line, river=river_line, northern=avenues[1])
    quarters = tuple(_quarter(rng, face, ground) for face in faces)
    streets = _streets(rng, quarters, closed)
    collectors = shapely.difference(shapely.intersection(np.array(minor), limits), closed)
    through = shapely.difference(shapely.intersection(np.array(avenues), limits), shapely.union_all([market, station]))
    return Plan(
        limits=limits,
        river=river,
        lake=_lake(),
        railway=(shapely.intersection(rail_line, limits), siding),
        avenues=tuple(_lines(through)),
        streets={"street": (*_lines(collectors), *streets["street"]), "lane": tuple(streets["lane"])},
        quarters=quarters,
        parks=parks,
        market=market,
        station=station,
        districts={
            code: shapely.union_all([q.shape for q in quarters if q.district == code]) for code in DISTRICT_CODES
        },
    )


def along(lines: Sequence[Line], step_m: float) -> NDArray[np.float64]:
    """Points every ``step_m`` metres along each line, the first half a step from its start; shape (n_points, 2)."""
    if not lines:
        return np.empty((0, 2))
    which, at = [], []
    for number, length in enumerate(shapely.length(np.array(lines))):
        steps = np.arange(step_m / 2, length, step_m)
        which.append(np.full(steps.size, number))
        at.append(steps)
    points = shapely.line_interpolate_point(np.array(lines)[np.concatenate(which)], np.concatenate(at))
    return np.asarray(shapely.get_coordinates(points), dtype=np.float64)


def _limits(rng: np.random.Generator) -> Area:
    # Straight pieces between unequal corners, as city limits are drawn on paper.
    angles = np.sort(np.radians(np.arange(0, 360, 11.25) + rng.uniform(-3, 3, 32)))
    radius = LIMITS_RADIUS_M * (1 + 0.10 * np.cos(2 * angles - 0.7) + 0.06 * np.cos(3 * angles + 1.1))
    radius *= rng.uniform(0.95, 1.05, angles.size)
    return shapely.polygons(np.column_stack([radius * np.cos(angles), radius * np.sin(angles)]))


def _extent(rng: np.random.Generator, limits: Area, avenues: Sequence[Line]) -> Area:
    # A town grows out along its roads: a ragged disc with fingers.
    angles = np.radians(np.arange(0, 360, 6))
    turn = rng.uniform(0, 2 * np.pi, 3)
    radius = BUILT_RADIUS_M * (
        1
        + 0.07 * np.cos(2 * angles + turn[0])
        + 0.06 * np.cos(3 * angles + turn[1])
        + 0.05 * np.cos(7 * angles + turn[2])
    )
    radius *= rng.uniform(0.96, 1.04, angles.size)
    disc = shapely.polygons(np.column_stack([1.06 * radius * np.cos(angles), radius * np.sin(angles)]))
    fingers = [line.buffer(float(rng.uniform(350, 800)), quad_segs=3) for line in avenues]
    grown = shapely.union_all([disc, *fingers]).buffer(-250, quad_segs=3).buffer(250, quad_segs=3)
    extent = shapely.intersection(grown, limits.buffer(-450))
    largest = max(shapely.get_parts(extent), key=shapely.area)
    return shapely.polygons(shapely.get_exterior_ring(largest)).simplify(20)


def _smooth(corners: Sequence[tuple[float, float]], step_m: float = 120.0) -> Line:
    points = np.array(corners, dtype=np.float64)
    reach = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    curve = CubicSpline(reach, points)
    return shapely.linestrings(curve(np.linspace(0, reach[-1], int(reach[-1] / step_m) + 2)))


def _river(line: Line) -> Area:
    # Wider at the outside of bends: banks are two offset lines of unequal, slowly changing distance.
    points = shapely.get_coordinates(line)
    way = np.arange(len(points)) / 9.0
    normal = np.gradient(points, axis=0)[:, ::-1] * (-1, 1)
    normal /= np.linalg.norm(normal, axis=1, keepdims=True)
    left = RIVER_WIDTH_M / 2 * (1 + 0.35 * np.sin(way))
    right = RIVER_WIDTH_M / 2 * (1 + 0.35 * np.cos(1.3 * way + 1))
    banks = np.vstack([points + normal * left[:, None], (points - normal * right[:, None])[::-1]])
    return shapely.make_valid(shapely.polygons(banks))


def _lake() -> Area:
    angles = np.radians(np.arange(0, 360, 15))
    radius = 1 + 0.16 * np.cos(2 * angles + 0.4) + 0.09 * np.cos(3 * angles)
    return shapely.polygons(
        np.column_stack([-2_050 + 330 * radius * np.cos(angles), -3_650 + 210 * radius * np.sin(angles)])
    )


def _inner_ring() -> Line:
    angles = np.radians(np.arange(0, 360, 5))
    squared = (np.abs(np.cos(angles)) ** 5 + np.abs(np.sin(angles)) ** 5) ** (-1 / 5)
    ring = _closed(np.column_stack([1_480 * squared * np.cos(angles), 1_330 * squared * np.sin(angles)]))
    return rotate(ring, GRID_ANGLE, origin=(0, 0))


def _closed(corners: NDArray[np.float64]) -> Line:
    return shapely.linestrings(np.vstack([corners, corners[:1]]))


def _skeleton(rng: np.random.Generator, inner: Line) -> tuple[list[Line], list[Line]]:
    # Radials reach a little over the rings they end at, so that quarters close.
    core = shapely.polygons(shapely.get_coordinates(inner)).buffer(-30)
    avenues = [inner, *(_radial(rng, angle + GRID_ANGLE * 0.6, 0.0) for angle in MAIN_RADIALS)]
    avenues += [shapely.difference(_radial(rng, angle, 600.0), core) for angle in OTHER_RADIALS]
    minor = [shapely.difference(_radial(rng, angle, 600.0), core) for angle in MINOR_RADIALS]
    for radius, kind in RINGS:
        angles = np.radians(np.arange(0, 360, 4))
        turn = rng.uniform(0, 2 * np.pi, 2)
        wobble = radius * (1 + 0.05 * np.cos(2 * angles + turn[0]) + 0.03 * np.cos(3 * angles + turn[1]))
        ring = _closed(np.column_stack([1.08 * wobble * np.cos(angles), wobble * np.sin(angles)]))
        (avenues if kind == "avenue" else minor).append(ring)
    return avenues, minor


def _radial(rng: np.random.Generator, angle: float, start_m: float) -> Line:
    reach = np.linspace(start_m, 10_500, 28)
    bend = rng.uniform(-14, 14) * (np.clip(reach - 1_500, 0, None) / 7_000) + rng.uniform(1, 3) * np.sin(reach / 1_600)
    bend *= np.clip(reach / 1_500, 0, 1)
    heading = np.radians(angle + bend)
    return shapely.linestrings(np.column_stack([reach * np.cos(heading), reach * np.sin(heading)]))


def _parks(river: Area, limits: Area) -> tuple[Area, ...]:
    # A strip along both banks, a forest park around the lake, gardens and the squares of the old centre.
    banks = shapely.intersection(
        shapely.difference(river.buffer(170), river.buffer(12)), shapely.box(-1_900, -1_900, 1_050, -600)
    )
    forest = shapely.difference(
        rotate(shapely.box(-2_900, -4_350, -1_250, -3_050), -12).buffer(-150).buffer(150), _lake().buffer(5)
    )
    garden = rotate(shapely.box(2_150, 450, 2_950, 1_250), 24).buffer(-90).buffer(90)
    west = rotate(shapely.box(-4_650, 150, -3_950, 900), 31)
    north = rotate(shapely.box(900, 3_350, 1_500, 3_850), -9)
    south = rotate(shapely.box(2_250, -3_650, 2_900, -3_050), 15)
    squares = [
        rotate(shapely.box(x, y, x + 290, y + 215), GRID_ANGLE, origin=(0, 0))
        for x, y in ((-175, 240), (650, -330), (-990, 480))
    ]
    return tuple(shapely.intersection(park, limits) for park in (banks, forest, garden, west, north, south, *squares))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ground:
    """What decides a quarter's use and district."""

    core: Area
    extent: Area
    closed: Area
    rail: Line
    river: Line
    northern: Line
    """The main avenue from the middle to the north, which divides east from west."""

    def is_east(self, x: float, y: float) -> bool:
        at_x, at_y = shapely.get_coordinates(self.northern).T
        return x > float(np.interp(y, at_y, at_x))

    def is_north_of(self, line: Line, x: float, y: float) -> bool:
        return y > float(np.interp(x, *shapely.get_coordinates(line).T))


def _quarter(rng: np.random.Generator, face: Area, ground: _Ground) -> Quarter:
    x, y = (float(value) for value in shapely.get_coordinates(shapely.point_on_surface(face))[0])
    heading = float(np.degrees(np.arctan2(y, x)))
    if shapely.contains_xy(ground.core, x, y):
        use, angle = "centre", GRID_ANGLE
    elif not shapely.contains_xy(ground.extent, x, y):
        use, angle = "fringe", heading + float(rng.normal(0, 20))
    else:
        use, angle = _use_of(rng, x, y, ground), heading + float(rng.normal(0, 13))
    built = shapely.difference(face, ground.closed)
    if use == "fringe":
        built = shapely.intersection(built, _hamlets(rng, face))
    return Quarter(shape=face, built=built, use=use, angle=angle, district=_district(x, y, ground))


def _use_of(rng: np.random.Generator, x: float, y: float, ground: _Ground) -> str:
    far = float(np.hypot(x, y))
    draw = float(rng.uniform())
    if x > 2_300 and shapely.distance(shapely.points(x, y), ground.rail) < 1_500 and far < 7_000:
        return "industry"
    towers = 0.9 if far < 2_800 else 0.65 if far < 4_200 else 0.4 if far < 5_600 else 0.12
    if ground.is_north_of(ground.rail, x, y):
        towers *= 0.5
    return "blocks" if draw < towers else "houses"


def _district(x: float, y: float, ground: _Ground) -> str:
    far = float(np.hypot(x, y))
    if ground.is_north_of(ground.rail, x, y):
        return "ulg-07" if far > 4_300 and not ground.is_east(x, y) else "ulg-03"
    if not ground.is_north_of(ground.river, x, y):
        return "ulg-02" if far < 4_100 else "ulg-06"
    if shapely.contains_xy(ground.core, x, y):
        return "ulg-01"
    return "ulg-04" if ground.is_east(x, y) else "ulg-05"


def _hamlets(rng: np.random.Generator, face: Area) -> Area:
    # Outskirts are built in patches: the nearer to the middle, the fuller.
    west, south, east, north = face.bounds
    middle = np.column_stack([rng.uniform(west, east, 14), rng.uniform(south, north, 14)])
    nearness = np.clip(2.1 - np.hypot(*middle.T) / 5_500, 0.3, 1.2)
    size = rng.uniform(170, 400, 14) * nearness
    return shapely.union_all(shapely.buffer(shapely.points(middle), size, quad_segs=3))


def _streets(rng: np.random.Generator, quarters: Sequence[Quarter], closed: Area) -> dict[str, list[Line]]:
    drawn: dict[str, list[Line]] = {"street": [], "lane": []}
    for quarter in quarters:
        if quarter.built.is_empty:
            continue
        for kind, lines in PATTERNS[quarter.use](rng, quarter.shape).items():
            turned = [rotate(line, quarter.angle, origin=quarter.shape.centroid) for line in lines]
            inside = _lines(shapely.intersection(np.array(turned), quarter.built)) if turned else []
            drawn[kind] += [line for line in inside if line.length > 35]
    return drawn


def _grid(
    rng: np.random.Generator, shape: Area, *, along_m: float, across_m: float, drop: float, wander: float = 0.06
) -> tuple[list[Line], list[Line], NDArray[np.float64], NDArray[np.float64]]:
    """Lines along both axes, unrotated and larger than the shape; some pieces between crossings are left out."""
    centre = shapely.get_coordinates(shape.centroid)[0]
    west, south, east, north = shape.bounds
    reach = float(np.hypot(east - west, north - south)) / 2 + max(along_m, across_m)
    xs = centre[0] + _ticks(rng, reach, along_m, wander)
    ys = centre[1] + _ticks(rng, reach, across_m, wander)
    level = [line for y in ys for line in _runs(rng, xs, y, drop, is_level=True)]
    upright = [line for x in xs for line in _runs(rng, ys, x, drop, is_level=False)]
    return level, upright, xs, ys


def _ticks(rng: np.random.Generator, reach: float, step_m: float, wander: float) -> NDArray[np.float64]:
    ticks = np.arange(-reach, reach + step_m, step_m) + rng.uniform(0, step_m)
    return np.asarray(ticks + rng.uniform(-wander, wander, ticks.size) * step_m, dtype=np.float64)


def _runs(
    rng: np.random.Generator, stops: NDArray[np.float64], at: float, drop: float, *, is_level: bool
) -> list[Line]:
    kept = rng.uniform(size=stops.size - 1) >= drop
    edges = np.flatnonzero(np.diff(np.concatenate([[0], kept.astype(np.int8), [0]])))
    runs = []
    for start, end in zip(stops[edges[::2]], stops[edges[1::2]], strict=True):
        ends = [(start, at), (end, at)] if is_level else [(at, start), (at, end)]
        runs.append(shapely.linestrings(ends))
    return runs


def _centre_pattern(rng: np.random.Generator, shape: Area) -> dict[str, list[Line]]:
    level, upright, _, _ = _grid(rng, shape, along_m=185, across_m=140, drop=0.03, wander=0.03)
    return {"street": level + upright, "lane": []}


def _blocks_pattern(rng: np.random.Generator, shape: Area) -> dict[str, list[Line]]:
    level, upright, xs, ys = _grid(rng, shape, along_m=430, across_m=330, drop=0.05)
    lanes = []
    for west, east in pairwise(xs):
        for south, north in pairwise(ys):
            lanes += _courtyard(rng, west, south, east, north)
    return {"street": level + upright, "lane": lanes}


def _courtyard(rng: np.random.Generator, west: float, south: float, east: float, north: float) -> list[Line]:
    x1, x2 = west + 0.27 * (east - west), west + 0.73 * (east - west)
    y1, y2 = south + 0.3 * (north - south), south + 0.7 * (north - south)
    choice = int(rng.integers(4))
    if choice == 0:
        return [shapely.linestrings([(x1, south), (x1, y2), (x2, y2), (x2, south)])]
    if choice == 1:
        return [shapely.linestrings([(west, y1), (x2, y1), (x2, y2), (west, y2)])]
    if choice == 2:
        return [shapely.linestrings([(x1, south), (x1, y2)]), shapely.linestrings([(x2, north), (x2, y1)])]
    return [shapely.linestrings([(x1, south), (x1, north)]), shapely.linestrings([(x1, y1), (east, y1)])]


def _houses_pattern(rng: np.random.Generator, shape: Area) -> dict[str, list[Line]]:
    level, upright, _, _ = _grid(
        rng, shape, along_m=float(rng.uniform(300, 380)), across_m=float(rng.uniform(96, 118)), drop=0.05
    )
    return {"street": upright, "lane": level}


def _fringe_pattern(rng: np.random.Generator, shape: Area) -> dict[str, list[Line]]:
    level, upright, _, _ = _grid(rng, shape, along_m=290, across_m=135, drop=0.16, wander=0.1)
    return {"street": [], "lane": level + upright}


def _industry_pattern(rng: np.random.Generator, shape: Area) -> dict[str, list[Line]]:
    level, upright, _, _ = _grid(rng, shape, along_m=560, across_m=390, drop=0.22, wander=0.12)
    return {"street": level + upright, "lane": []}


PATTERNS: dict[str, Callable[[np.random.Generator, Area], dict[str, list[Line]]]] = {
    "centre": _centre_pattern,
    "blocks": _blocks_pattern,
    "houses": _houses_pattern,
    "fringe": _fringe_pattern,
    "industry": _industry_pattern,
}


def _lines(shapes: NDArray[np.object_]) -> list[Line]:
    """Single lines of anything; what is not a line (a touching point) is dropped."""
    parts = shapely.get_parts(shapely.line_merge(shapes))
    parts = parts[shapely.get_type_id(parts) == shapely.GeometryType.LINESTRING]
    return [line for line in parts if line.length > 0]
