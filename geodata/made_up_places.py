"""Where the made-up city lies, who lives in its cells, and what stands in its streets.

The city is put down on the clay steppe of Betpak-Dala at 46.3° N, 70.2° E: no settlement we know of
lies within a hundred kilometres, so no simulated number can be taken for a number of a real place.
"""

from dataclasses import dataclass

import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray

from geodata import hexgrid
from geodata.made_up_streets import Plan, along
from geodata.territory import WORKING_RESOLUTION

MIDDLE_LAT, MIDDLE_LNG = 46.3, 70.2
METRES_PER_DEGREE_LAT = 111_150.0
METRES_PER_DEGREE_LNG = 111_320.0 * float(np.cos(np.radians(MIDDLE_LAT)))
RESIDENTS = 600_000

USES = ("centre", "blocks", "houses", "fringe", "industry", "park", "market", "station", "water", "steppe")
RESIDENTS_PER_KM2 = {"centre": 12_500.0, "blocks": 14_500.0, "houses": 3_500.0, "fringe": 520.0}
"""Relative densities; the city as a whole is scaled to `RESIDENTS`."""
RESIDENTS_PER_ADDRESS = {"centre": 9.0, "blocks": 22.0, "houses": 3.6, "fringe": 3.2}
LATTICE_M = 50.0
LIGHT_SPACING_M = {"avenue": 45.0, "street": 75.0, "lane": 140.0}
STOP_SPACING_M = 480.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """``places`` holds ``cell, kind, residents, addresses``; ``ground`` the share of each use in each of those cells;
    ``kerbs`` points along the streets with ``x, y`` (metres), ``lat, lng, cell`` and the ``kind`` of street."""

    places: pl.DataFrame
    ground: pl.DataFrame
    kerbs: pl.DataFrame


def to_degrees(metres: NDArray[np.float64]) -> NDArray[np.float64]:
    """Longitude and latitude of points given in metres east and north of the middle; shape (n, 2) both ways."""
    return np.asarray(metres / (METRES_PER_DEGREE_LNG, METRES_PER_DEGREE_LAT) + (MIDDLE_LNG, MIDDLE_LAT))


def to_metres(degrees: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres east and north of the middle of points given as longitude and latitude; shape (n, 2) both ways."""
    return np.asarray((degrees - (MIDDLE_LNG, MIDDLE_LAT)) * (METRES_PER_DEGREE_LNG, METRES_PER_DEGREE_LAT))


def shape_in_degrees(shape: shapely.Geometry) -> shapely.Geometry:
    """A drawn shape on the globe, longitude first."""
    return shapely.transform(shape, to_degrees)


def cells_of(metres: NDArray[np.float64]) -> hexgrid.Cells:
    """Cell of each point given in metres east and north of the middle."""
    degrees = to_degrees(metres)
    return hexgrid.assign_cells(degrees[:, 1].copy(), degrees[:, 0].copy(), resolution=WORKING_RESOLUTION)


def settle(rng: np.random.Generator, plan: Plan) -> Settled:
    """Cells with their use, residents and addresses; a cell nobody built on is not covered."""
    ground = _ground(plan)
    density = np.zeros(ground.height)
    doors = np.zeros(ground.height)
    area_km2 = hexgrid.area_km2(ground["cell"].to_numpy())
    # Neighbouring cells resemble one another: the noise is smoothed over a kilometre.
    smooth = hexgrid.kernel_matrix(ground["cell"].to_numpy(), bandwidth_m=600.0)
    noise = smooth @ rng.standard_normal(ground.height)
    liveliness = np.exp(0.2 * noise / noise.std() + 0.12 * rng.standard_normal(ground.height))
    for use, per_km2 in RESIDENTS_PER_KM2.items():
        people = ground[use].to_numpy() * area_km2 * per_km2 * liveliness
        density += people
        doors += people / RESIDENTS_PER_ADDRESS[use]
    scale = RESIDENTS / density.sum()
    residents, addresses = np.rint(density * scale), np.rint(doors * scale)
    kind = _kinds(ground)
    # A handful of people by a park or a works yard in mid-town would be a slip of the pen: nobody lives there.
    is_edge = _is_edge(ground)
    slip = ~is_edge & ((residents < 60) | (addresses < 12))
    nobody = slip | np.isin(kind, ["market", "industry"]) | (addresses < 1)
    places = ground.select("cell").with_columns(
        kind=pl.Series(kind, dtype=pl.String),
        residents=pl.Series(np.where(nobody, 0, np.maximum(residents, 1)), dtype=pl.Int64),
        addresses=pl.Series(np.where(nobody, 0, addresses), dtype=pl.Int64),
    )
    return Settled(places=places, ground=ground, kerbs=_kerbs(plan, ground["cell"]))


def lights(rng: np.random.Generator, plan: Plan) -> pl.DataFrame:
    """Street lights: ``lat, lng, is_lit``; avenues are lit densely, lanes sparsely, and some lamps are dark."""
    lines = {"avenue": plan.avenues, **plan.streets}
    points = [along(lines[kind], spacing) for kind, spacing in LIGHT_SPACING_M.items()]
    is_dark = [rng.uniform(size=len(found)) < share for found, share in zip(points, (0.02, 0.06, 0.22), strict=True)]
    degrees = to_degrees(np.vstack(points))
    return pl.DataFrame({"lat": degrees[:, 1], "lng": degrees[:, 0], "is_lit": ~np.concatenate(is_dark)})


def stops(plan: Plan) -> pl.DataFrame:
    """Bus stops along the avenues: ``lat, lng``."""
    degrees = to_degrees(along(plan.avenues, STOP_SPACING_M))
    return pl.DataFrame({"lat": degrees[:, 1], "lng": degrees[:, 0]})


def _ground(plan: Plan) -> pl.DataFrame:
    """Share of each use in each cell that is not steppe or water alone, counted on a lattice of points."""
    west, south, east, north = plan.limits.bounds
    x, y = np.meshgrid(np.arange(west, east, LATTICE_M), np.arange(south, north, LATTICE_M))
    lattice = np.column_stack([x.ravel(), y.ravel()])
    lattice = lattice[shapely.contains_xy(plan.limits, lattice[:, 0], lattice[:, 1])]
    use = np.full(len(lattice), USES.index("steppe"))
    layers = [(quarter.use, quarter.built) for quarter in plan.quarters]
    layers += [("park", park) for park in plan.parks] + [("water", plan.river), ("water", plan.lake)]
    layers += [("market", plan.market), ("station", plan.station)]
    tree = shapely.STRtree(shapely.points(lattice))
    layer, point = tree.query([shape for _, shape in layers], predicate="intersects")
    # Later layers lie on top; pairs come in order of layers.
    use[point] = np.array([USES.index(name) for name, _ in layers])[layer]

    cells, which = np.unique(cells_of(lattice), return_inverse=True)
    counts = np.zeros((cells.size, len(USES)))
    np.add.at(counts, (which, use), 1)
    full = hexgrid.area_km2(cells) * 1e6 / LATTICE_M**2
    shares = pl.DataFrame({"cell": cells, **{name: counts[:, i] / full for i, name in enumerate(USES)}})
    lat, lng = hexgrid.centres(cells)
    in_limits = shapely.contains_xy(shape_in_degrees(plan.limits), lng, lat)
    built = 1 - np.isin(USES, ["water", "steppe"])
    return shares.filter(pl.Series(in_limits & ((counts @ built) > 0)))


def _kinds(ground: pl.DataFrame) -> NDArray[np.object_]:
    homes = (ground["blocks"] + ground["houses"] + ground["fringe"]).to_numpy()
    shares = {
        "residential": homes,
        **{kind: ground[kind].to_numpy() for kind in ("centre", "park", "industry", "market")},
    }
    # A cell with a good third of the market is known as the market, whatever stands around it.
    shares["market"] = np.where(shares["market"] > 0.33, 2.0, shares["market"])
    names = np.array(list(shares), dtype=object)
    return np.asarray(names[np.argmax(np.column_stack(list(shares.values())), axis=1)])


def _is_edge(ground: pl.DataFrame) -> NDArray[np.bool_]:
    cells = ground["cell"].to_numpy()
    source, neighbour = hexgrid.disk(cells, 1)
    position = np.clip(np.searchsorted(cells, neighbour), 0, cells.size - 1)
    is_covered = cells[position] == neighbour
    open_ground = np.where(
        is_covered, ground["steppe"].to_numpy()[position] + ground["fringe"].to_numpy()[position], 1.0
    )
    return np.asarray(np.bincount(source, weights=open_ground, minlength=cells.size) > 0.25)


def _kerbs(plan: Plan, covered: pl.Series) -> pl.DataFrame:
    lines = {"avenue": plan.avenues, **plan.streets}
    points = {kind: along(lines[kind], 24.0) for kind in lines}
    metres = np.vstack(list(points.values()))
    degrees = to_degrees(metres)
    kerbs = pl.DataFrame(
        {
            "x": metres[:, 0],
            "y": metres[:, 1],
            "lat": degrees[:, 1],
            "lng": degrees[:, 0],
            "cell": cells_of(metres),
            "kind": np.repeat(list(points), [len(found) for found in points.values()]),
        }
    )
    return kerbs.filter(pl.col("cell").is_in(covered.implode()))
