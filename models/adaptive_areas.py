"""Areas large enough to say something about, from cells too quiet to: fine where much happens, coarse where little is.

From the cells upwards, siblings (the children of one parent) are looked at together. A child that expects enough stays
an area, or areas, of its own; those that do not are joined into the area of their parent. Where even together they are
not enough, the quietest of their siblings that are joins them, whole, and no other. So

- a parent that expects enough holds only areas that do, made of its own cells and of nobody else's;
- an area is a cell, or a parent without those of its children that stand alone; it carries that parent's number;
- areas of a lower limit lie inside areas of a higher one;
- what is not enough at the coarsest resolution stays an area there and is marked so.

Taking one sibling along costs detail in one place; joining the whole parent, as quadtrees do, would cost it in seven
because of one empty cell. A village in the steppe is the exception: its rest never is enough, and step by step the
village would be dissolved in it. With ``takes_siblings=False`` a rest that is not enough waits for the rests of its
parent's siblings instead, up to the coarsest resolution, where it stands alone and is marked; then limits do not nest.

References
----------
Lagonigro, Oller & Martori (2017), SORT 41, 139-158 (adaptive grids from quadtrees).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from geodata import hexgrid
from models.errors import MismatchedSupport

LEAST_EXPECTED = 5.0
"""Expected incidents in three years that an area needs; about so many are told from none and from twice as many."""
COARSEST_RESOLUTION = 6
"""Some 36 km²: the steppe around a village. Larger areas would say nothing of a place."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AdaptiveAreas:
    """Areas by ascending number of their H3 cell, and which one each cell of the support belongs to.

    Attributes
    ----------
    area_of_cell : int array of shape (n_cells,)
        Position of each cell's area in the other arrays.
    cells : uint64 array of shape (n_areas,)
        The cell itself, or the parent whose quiet children the area is.
    resolution, n_cells : int arrays of shape (n_areas,)
        Resolution of ``cells``; how many cells of the support belong to the area.
    expected : array of shape (n_areas,)
    is_enough : bool array of shape (n_areas,)
        Whether the area reached the limit; False only at the coarsest resolution.
    """

    area_of_cell: NDArray[np.int64]
    cells: hexgrid.Cells
    resolution: NDArray[np.int64]
    n_cells: NDArray[np.int64]
    expected: NDArray[np.float64]
    is_enough: NDArray[np.bool_]


def adaptive_areas(
    cells: hexgrid.Cells,
    expected: NDArray[np.float64],
    *,
    least_expected: float = LEAST_EXPECTED,
    coarsest_resolution: int = COARSEST_RESOLUTION,
    takes_siblings: bool = True,
) -> AdaptiveAreas:
    """Areas of about ``least_expected`` incidents or more; the order of the cells makes no difference to them.

    Parameters
    ----------
    cells : array of shape (n_cells,), each once, all of one resolution
    expected : array of shape (n_cells,)
        Incidents of three years, expected or counted; not negative. What is expected changes less from month to month.
    coarsest_resolution : at which joining ends
    takes_siblings : whether a rest that is not enough takes its quietest busy sibling along, or waits

    Returns
    -------
    AdaptiveAreas

    Raises
    ------
    MismatchedSupport
        If the arrays do not fit each other, a cell stands twice, or a number is negative or none.
    MixedResolution
        If cells have several resolutions.
    ValueError
        If the limit is not above 0, or the coarsest resolution is finer than the cells.
    """
    _require_support(cells, expected)
    finest = hexgrid.resolution_of(cells)
    if not (np.isfinite(least_expected) and least_expected > 0.0):
        raise ValueError(f"least_expected={least_expected}; expected a number above 0, such as {LEAST_EXPECTED}.")
    if not 0 <= coarsest_resolution <= finest:
        raise ValueError(f"coarsest_resolution={coarsest_resolution}; cells have {finest}, so expected 0 to {finest}.")

    # Sums run over cells in one order, so that no rounding depends on the order they were given in.
    order = np.argsort(cells)
    label = cells[order]
    amount = expected[order].astype(np.float64)
    join = _join_siblings if takes_siblings else _join_rests
    label = join(label, amount, range(finest - 1, coarsest_resolution - 1, -1), least_expected=least_expected)

    area_cells, area_of_sorted, n_cells = np.unique(label, return_inverse=True, return_counts=True)
    area_of_cell = np.empty(cells.size, dtype=np.int64)
    area_of_cell[order] = area_of_sorted
    sums = np.bincount(area_of_sorted, weights=amount, minlength=area_cells.size).astype(np.float64)
    return AdaptiveAreas(
        area_of_cell=area_of_cell,
        cells=area_cells,
        resolution=hexgrid.resolutions(area_cells),
        n_cells=n_cells.astype(np.int64),
        expected=sums,
        is_enough=sums >= least_expected,
    )


def spread(
    area_expected: NDArray[np.float64], area_of_cell: NDArray[np.int64], *, weight: NDArray[np.float64] | None = None
) -> NDArray[np.float64]:
    """Expected incidents of each cell: those of its area, in proportion to a weight.

    Parameters
    ----------
    area_expected : array of shape (n_areas,)
    area_of_cell : int array of shape (n_cells,), as in `AdaptiveAreas`
    weight : array of shape (n_cells,), such as residents or addresses; not negative
        Alike for all cells where it is not given, and in areas where it is 0 everywhere.

    Returns
    -------
    array of shape (n_cells,)
        Sums to ``area_expected`` in every area.

    Raises
    ------
    MismatchedSupport
        If the arrays do not fit each other, an area has no cell, or a weight is negative or none.
    """
    n_areas = area_expected.size
    if area_of_cell.size and not 0 <= area_of_cell.min() <= area_of_cell.max() < n_areas:
        raise MismatchedSupport(
            f"Cells name areas {area_of_cell.min()} to {area_of_cell.max()}; expected 0 to {n_areas - 1}."
        )
    n_cells = np.bincount(area_of_cell, minlength=n_areas)
    if (n_cells == 0).any():
        raise MismatchedSupport(
            f"Area {int(np.argmin(n_cells))} has no cell to spread over; give areas of the support."
        )
    even = np.ones(area_of_cell.size)
    parts = even if weight is None else weight.astype(np.float64)
    if parts.shape != area_of_cell.shape or not np.isfinite(parts).all() or (parts < 0.0).any():
        raise MismatchedSupport(
            f"The weight has shape {parts.shape}; expected {area_of_cell.shape} finite numbers, none below 0. "
            "Fill what is unknown before spreading."
        )
    sums = np.bincount(area_of_cell, weights=parts, minlength=n_areas)
    has_weight = (sums > 0.0)[area_of_cell]
    parts = np.where(has_weight, parts, even)
    sums = np.where(sums > 0.0, sums, n_cells)
    # The share comes first: a tiny weight divided by a tiny sum is exact where their product would vanish.
    return np.asarray(area_expected[area_of_cell] * (parts / sums[area_of_cell]), dtype=np.float64)


def _join_siblings(
    cells: hexgrid.Cells, amount: NDArray[np.float64], upwards: range, *, least_expected: float
) -> hexgrid.Cells:
    """Area of each cell where a rest takes a sibling along."""
    label, nodes, total, node_of_cell = cells.copy(), cells, amount, np.arange(cells.size)
    for resolution in upwards:
        parents, parent_of_node = np.unique(hexgrid.to_parent(nodes, resolution), return_inverse=True)
        is_joined = _joined(total, parent_of_node, parents.size, least_expected=least_expected)[node_of_cell]
        node_of_cell = parent_of_node[node_of_cell]
        label[is_joined] = parents[node_of_cell[is_joined]]
        total = np.bincount(parent_of_node, weights=total, minlength=parents.size).astype(np.float64)
        nodes = parents
    return label


def _join_rests(
    cells: hexgrid.Cells, amount: NDArray[np.float64], upwards: range, *, least_expected: float
) -> hexgrid.Cells:
    """Area of each cell where a rest waits for others."""
    label, waiting = cells.copy(), np.flatnonzero(amount < least_expected)
    for resolution in upwards:
        parents, parent = np.unique(hexgrid.to_parent(cells[waiting], resolution), return_inverse=True)
        label[waiting] = parents[parent]
        rest = np.bincount(parent, weights=amount[waiting], minlength=parents.size)
        waiting = waiting[rest[parent] < least_expected]
    return label


def _joined(
    total: NDArray[np.float64], parent_of_node: NDArray[np.int64], n_parents: int, *, least_expected: float
) -> NDArray[np.bool_]:
    """Which nodes become part of their parent's area: those not enough alone, and the sibling they need."""
    is_open = total < least_expected
    open_sum = np.bincount(parent_of_node, weights=np.where(is_open, total, 0.0), minlength=n_parents)
    has_open = np.bincount(parent_of_node[is_open], minlength=n_parents) > 0
    needs_one = has_open & (open_sum < least_expected)
    standing = np.flatnonzero(~is_open & needs_one[parent_of_node])
    # Nodes ascend, so of equally quiet ones the first in number is taken.
    ranked = standing[np.lexsort((standing, total[standing], parent_of_node[standing]))]
    _, first = np.unique(parent_of_node[ranked], return_index=True)
    joined = is_open.copy()
    joined[ranked[first]] = True
    return joined


def _require_support(cells: hexgrid.Cells, expected: NDArray[np.float64]) -> None:
    if expected.shape != cells.shape or cells.ndim != 1:
        raise MismatchedSupport(
            f"Cells have shape {cells.shape}, expected incidents {expected.shape}; one number a cell is needed."
        )
    if np.unique(cells).size != cells.size:
        raise MismatchedSupport(
            f"Of {cells.size} cells {cells.size - np.unique(cells).size} stand twice; give each once."
        )
    if not np.isfinite(expected).all() or (expected < 0.0).any():
        raise MismatchedSupport("Expected incidents hold a negative number or none at all; give counts from 0 up.")
