"""The only module that knows H3.

Columns of cells are ``uint64`` arrays and go through h3ronpy; single cells at a border (an address, an API path,
an exported file) are their hexadecimal text and go through h3. A point is indexed once, at the working resolution;
every coarser level comes from `to_parent`, because indexing twice disagrees for 6–7 % of points.
"""

from collections.abc import Iterable

import h3
import h3ronpy
import h3ronpy.vector
import numpy as np
import polars as pl
import pyarrow as pa
import shapely
from numpy.typing import NDArray
from scipy import sparse
from scipy.spatial import cKDTree

from geodata.errors import InvalidCell, MixedResolution

Cells = NDArray[np.uint64]

EARTH_RADIUS_M = 6_371_008.8
KERNEL_REACH = 3.0
"""A Gaussian kernel is cut off at this many bandwidths, where .3 % of its peak is left."""


def assign_cells(lat: NDArray[np.float64], lng: NDArray[np.float64], *, resolution: int) -> Cells:
    """Cell of each point; latitude and longitude in degrees (WGS84), no missing values."""
    if lat.size == 0:
        return np.empty(0, dtype=np.uint64)
    return np.asarray(h3ronpy.vector.coordinates_to_cells(lat, lng, resolution), dtype=np.uint64)


def to_parent(cells: Cells, resolution: int) -> Cells:
    """Parent of each cell at a coarser (or the same) resolution."""
    if cells.size == 0:
        return cells
    return np.asarray(h3ronpy.change_resolution(_arrow(cells), resolution), dtype=np.uint64)


def children(cells: Cells, resolution: int) -> tuple[NDArray[np.int64], Cells]:
    """Every cell of a finer (or the same) resolution that belongs to each cell, all of one resolution.

    Returns
    -------
    source : array of shape (n_children,)
        Position in ``cells`` of the parent.
    child : array of shape (n_children,)
    """
    if cells.size == 0:
        return np.empty(0, dtype=np.int64), cells
    lists = pa.array(h3ronpy.change_resolution_list(_arrow(cells), resolution))
    lengths = np.asarray(lists.value_lengths())
    return np.repeat(np.arange(cells.size), lengths), np.asarray(lists.flatten(), dtype=np.uint64)


def resolutions(cells: Cells) -> NDArray[np.int64]:
    """Resolution of each cell, as it stands in the cell's own bits."""
    return ((cells >> np.uint64(52)) & np.uint64(15)).astype(np.int64)


def resolution_of(cells: Cells) -> int:
    """The one resolution all cells share.

    Raises
    ------
    MixedResolution
        If there are several, or no cell at all.
    """
    found = [int(r) for r in np.unique(resolutions(cells))]
    if len(found) != 1:
        raise MixedResolution(
            f"Cells have resolutions {found or 'none'}; one is needed. Roll up with hexgrid.to_parent."
        )
    return found[0]


def cell_ids(cells: Cells) -> list[str]:
    """Hexadecimal text of each cell, as it stands in addresses and exports."""
    return [f"{int(cell):x}" for cell in cells]


def parse_cells(texts: pl.Series) -> tuple[Cells, NDArray[np.bool_]]:
    """Cells of hexadecimal texts, and which texts are valid cells; where one is not, its number means nothing."""
    numbers = texts.str.strip_chars().str.to_integer(base=16, dtype=pl.UInt64, strict=False).fill_null(0)
    cells = numbers.to_numpy()
    if cells.size == 0:
        return cells, np.empty(0, dtype=np.bool_)
    return cells, np.asarray(pa.array(h3ronpy.cells_valid(_arrow(cells), booleanarray=True)), dtype=np.bool_)


def parse_cell(cell_id: str) -> np.uint64:
    """Cell of a hexadecimal text.

    Raises
    ------
    InvalidCell
        If the text is not a valid H3 cell.
    """
    text = cell_id.strip().lower()
    # A longer number would not fit into the 64 bits that h3 reads.
    if not text.isalnum() or len(text) > 16 or not h3.is_valid_cell(text):
        raise InvalidCell(
            f"{cell_id[:32]!r} is not an H3 cell; expected 15 hexadecimal digits such as 8921a6a4c2fffff."
        )
    return np.uint64(h3.str_to_int(text))


def centres(cells: Cells) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Latitude and longitude of each cell's centre, in degrees."""
    if cells.size == 0:
        return np.empty(0), np.empty(0)
    batch = h3ronpy.vector.cells_to_coordinates(_arrow(cells))
    return np.asarray(batch["lat"], dtype=np.float64), np.asarray(batch["lng"], dtype=np.float64)


def in_space(lat: NDArray[np.float64], lng: NDArray[np.float64]) -> NDArray[np.float64]:
    """Points on a sphere as seen from its middle, shape (n_points, 3) in metres: near ones are near in space too."""
    north, east = np.radians(lat), np.radians(lng)
    return EARTH_RADIUS_M * np.column_stack([np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)])


def along_ground_m(chord_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres along the ground between points that are ``chord_m`` apart in space."""
    return 2 * EARTH_RADIUS_M * np.arcsin(np.minimum(chord_m / (2 * EARTH_RADIUS_M), 1.0))


def area_km2(cells: Cells) -> NDArray[np.float64]:
    """True area of each cell in square kilometres."""
    if cells.size == 0:
        return np.empty(0)
    return np.asarray(h3ronpy.cells_area_km2(_arrow(cells)), dtype=np.float64)


def disk(cells: Cells, k: int) -> tuple[NDArray[np.int64], Cells]:
    """Every cell within ``k`` steps of each cell, itself included.

    Returns
    -------
    source : array of shape (n_pairs,)
        Position in ``cells`` of the cell around which the neighbour was found.
    neighbour : array of shape (n_pairs,)
        The neighbouring cell, which need not be in ``cells``.
    """
    if cells.size == 0:
        return np.empty(0, dtype=np.int64), np.empty(0, dtype=np.uint64)
    nested = h3ronpy.grid_disk(_arrow(cells), k, flatten=False)
    lists = pa.array(nested)
    lengths = np.asarray(lists.value_lengths())
    return np.repeat(np.arange(cells.size), lengths), np.asarray(lists.flatten(), dtype=np.uint64)


def with_ring(cells: Cells) -> Cells:
    """The cells and all their direct neighbours, sorted, each once."""
    return np.unique(disk(cells, 1)[1])


def support(incident_cells: Cells, *, least_incidents: int = 2) -> Cells:
    """Cells a model speaks about: where incidents recur, without strays, closed by one ring.

    A cell belongs when at least ``least_incidents`` fell into it and a neighbour qualifies too; the ring closes
    gaps and takes in the edge. The rule is the one of the published backtests (docs/decisions.md).
    """
    cells, counts = np.unique(incident_cells, return_counts=True)
    core = cells[counts >= least_incidents]
    source, neighbour = disk(core, 1)
    has_company = np.bincount(source[np.isin(neighbour, core)], minlength=core.size) > 1
    return with_ring(core[has_company])


def kernel_matrix(cells: Cells, *, bandwidth_m: float, include_self: bool = True) -> sparse.csr_array:
    """Gaussian weights between cells by the distance of their centres; resolutions may be mixed.

    Rows and columns follow ``cells``; weights are not normalised (a cell on its own weighs 1), and pairs further
    apart than `KERNEL_REACH` bandwidths are absent.

    Parameters
    ----------
    cells : array of shape (n_cells,), each once
    bandwidth_m : standard deviation of the kernel in metres
    include_self : whether the diagonal is kept
    """
    # At these distances the chord is the way along the ground.
    points = in_space(*centres(cells))
    tree = cKDTree(points)
    pairs = tree.query_pairs(KERNEL_REACH * bandwidth_m, output_type="ndarray")
    distance_m = np.linalg.norm(points[pairs[:, 0]] - points[pairs[:, 1]], axis=1)
    weight = np.exp(-0.5 * (distance_m / bandwidth_m) ** 2)
    shape = (cells.size, cells.size)
    upper = sparse.csr_array((weight, (pairs[:, 0], pairs[:, 1])), shape=shape)
    full = upper + upper.T
    return sparse.csr_array(full + sparse.eye_array(cells.size)) if include_self else sparse.csr_array(full)


def polygons(cells: Cells) -> NDArray[np.object_]:
    """Outline of each cell, longitude first as in GeoJSON."""
    return np.asarray(shapely.from_wkb(h3ronpy.vector.cells_to_wkb_polygons(_arrow(cells)).to_numpy()), dtype=object)


def outline(cells: Cells) -> shapely.MultiPolygon:
    """Outline of a set of cells, longitude first as in GeoJSON."""
    shape = h3.cells_to_h3shape(cell_ids(cells), tight=False)
    return shapely.geometry.shape(shape.__geo_interface__)


def cells_within(polygon: shapely.Geometry, resolution: int) -> Cells:
    """Cells whose centre lies in a polygon (longitude first)."""
    found = h3ronpy.vector.wkb_to_cells([shapely.to_wkb(polygon)], resolution, flatten=True)
    return np.unique(np.asarray(found, dtype=np.uint64))


def boundary(cell_id: str) -> list[tuple[float, float]]:
    """Corners of one cell as (lat, lng) in degrees."""
    return [(lat, lng) for lat, lng in h3.cell_to_boundary(cell_id)]


def centre(cell_id: str) -> tuple[float, float]:
    """Latitude and longitude of one cell's centre, in degrees."""
    lat, lng = h3.cell_to_latlng(cell_id)
    return float(lat), float(lng)


def distance_m(a: tuple[float, float], b: tuple[float, float]) -> float:
    """Metres between two points (lat, lng) along the great circle."""
    return float(h3.great_circle_distance(a, b, unit="m"))


def cell_at(lat: float, lng: float, *, resolution: int) -> str:
    """Text of the cell that holds one point, in degrees."""
    return str(h3.latlng_to_cell(lat, lng, resolution))


def parents_of(cell_id: str, resolutions: Iterable[int]) -> list[str]:
    """Texts of one cell's parents at the given resolutions; finer ones than its own are passed over."""
    own = h3.get_resolution(cell_id)
    return [h3.cell_to_parent(cell_id, r) for r in resolutions if r <= own]


def _arrow(cells: Cells) -> pa.Array:
    return pa.array(cells, type=pa.uint64())
