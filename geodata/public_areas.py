"""Areas whose counts are published: cells joined until enough happens in them, the same for a whole calendar year.

Cells of resolution 8 are looked at first, then their parents up to resolution 4, each inside one region. What has
enough incidents becomes an area. Siblings that have not are joined; where even together they are not enough, they join
the first sibling in order of cells that is an area, or, where there is none, wait for the next parent. Beyond
resolution 7 nothing joins an area from afar: what is left of a region becomes an area of its own, or, if that is still
too quiet, part of the region's first.

Areas of a year are formed by the counts of the year before, so that what is published of a year did not shape them.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from geodata import hexgrid
from geodata.errors import UnexpectedColumns

LEAST_PER_YEAR = 60
"""Fifteen a quarter: a quarter below five is then one in a thousand."""
FINEST_RESOLUTION, COARSEST_RESOLUTION = 8, 4
NEAR_RESOLUTION = 7


def form(
    cells: hexgrid.Cells, region_of_cell: NDArray[np.int64], counts: NDArray[np.float64], *, least: int = LEAST_PER_YEAR
) -> NDArray[np.int64]:
    """Area of each cell.

    Parameters
    ----------
    cells : uint64 array of shape (n_cells,)
        Ascending; resolutions may be mixed, `FINEST_RESOLUTION` or finer or coarser.
    region_of_cell : int array of shape (n_cells,)
    counts : array of shape (n_cells,), incidents of one year

    Returns
    -------
    int array of shape (n_cells,)
        Areas numbered from 0, by region and then by their first cell; no area lies in two regions.

    Raises
    ------
    UnexpectedColumns
        If the arrays differ in shape.
    """
    if not cells.shape == region_of_cell.shape == counts.shape:
        raise UnexpectedColumns(
            f"cells, region_of_cell and counts have shapes {cells.shape}, {region_of_cell.shape} and {counts.shape}; "
            "they must agree."
        )
    own = hexgrid.resolutions(cells)
    unit = _numbered(region_of_cell, _parents(cells, own, FINEST_RESOLUTION))
    is_area = np.bincount(unit, weights=counts) >= least
    for resolution in range(FINEST_RESOLUTION - 1, COARSEST_RESOLUTION - 1, -1):
        parent = _numbered(region_of_cell, _parents(cells, own, resolution))
        unit, is_area = _joined(unit, is_area, parent, counts, least, is_near=resolution >= NEAR_RESOLUTION)
    unit, _ = _joined(unit, is_area, region_of_cell, counts, least, is_near=True)
    first = np.full(int(unit.max(initial=-1)) + 1, cells.size)
    np.minimum.at(first, unit, np.arange(cells.size))
    order = np.lexsort((first, region_of_cell[np.minimum(first, cells.size - 1)]))
    order = order[first[order] < cells.size]
    number = np.empty(first.size, dtype=np.int64)
    number[order] = np.arange(order.size)
    return np.asarray(number[unit], dtype=np.int64)


def _joined(
    unit: NDArray[np.int64],
    is_area: NDArray[np.bool_],
    parent: NDArray[np.int64],
    counts: NDArray[np.float64],
    least: int,
    *,
    is_near: bool,
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Units after one parent level, and which of them are areas; a unit keeps the number of one it is made of."""
    total = np.bincount(unit, weights=counts, minlength=is_area.size)
    becomes, is_area = np.arange(is_area.size), is_area.copy()
    for members in _units_of(unit, parent):
        quiet, areas = members[~is_area[members]], members[is_area[members]]
        if quiet.size == 0:
            continue
        is_enough = total[quiet].sum() >= least
        target = areas[0] if is_near and areas.size and not is_enough else quiet[0]
        becomes[quiet] = target
        is_area[target] |= is_enough
    return np.asarray(becomes[unit], dtype=np.int64), is_area


def _units_of(unit: NDArray[np.int64], parent: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
    """Units of each parent, in the order of their first cell."""
    _, first = np.unique(unit, return_index=True)
    first.sort()
    by_parent = np.argsort(parent[first], kind="stable")
    cuts = np.flatnonzero(np.diff(parent[first][by_parent])) + 1
    for positions in np.split(by_parent, cuts):
        yield unit[first[positions]]


def _numbered(region_of_cell: NDArray[np.int64], parents: hexgrid.Cells) -> NDArray[np.int64]:
    _, region = np.unique(region_of_cell, return_inverse=True)
    _, parent = np.unique(parents, return_inverse=True)
    pairs = region.astype(np.int64) * (int(parent.max(initial=0)) + 1) + parent.astype(np.int64)
    return np.asarray(np.unique(pairs, return_inverse=True)[1], dtype=np.int64)


def _parents(cells: hexgrid.Cells, own: NDArray[np.int64], resolution: int) -> hexgrid.Cells:
    """Parents at a resolution; cells that are coarser already stay what they are."""
    found = cells.copy()
    is_finer = own > resolution
    found[is_finer] = hexgrid.to_parent(cells[is_finer], resolution)
    return found
