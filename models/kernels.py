"""Kernel matrices of one support, each computed once and shared by models, windows and offence groups."""

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from geodata import hexgrid
from geodata.hexgrid import Cells


class Kernels:
    """Neighbour weights between the cells of a support, kept by bandwidth.

    Edges: a smoothed value is a weighted *mean* over those cells of the support that lie in reach, so a cell at the
    edge borrows from fewer cells and nothing leaks out of the support.
    """

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self._kept: dict[tuple[float, bool], sparse.csr_array] = {}

    @property
    def n_cells(self) -> int:
        return int(self.cells.size)

    def means(self, bandwidth_m: float) -> sparse.csr_array:
        """Rows that sum to one, the cell itself included: times counts, the mean count around each cell."""
        key = (bandwidth_m, True)
        if key not in self._kept:
            weights = hexgrid.kernel_matrix(self.cells, bandwidth_m=bandwidth_m)
            row_sums = weights @ np.ones(self.n_cells)
            self._kept[key] = sparse.csr_array(sparse.diags_array(1.0 / row_sums) @ weights)
        return self._kept[key]

    def neighbours(self, bandwidth_m: float) -> sparse.csr_array:
        """Weights of the other cells in reach, without the cell itself and not normalised."""
        key = (bandwidth_m, False)
        if key not in self._kept:
            self._kept[key] = hexgrid.kernel_matrix(self.cells, bandwidth_m=bandwidth_m, include_self=False)
        return self._kept[key]

    def smoothed(self, counts: NDArray[np.float64], *, bandwidth_m: float) -> NDArray[np.float64]:
        """Mean of ``counts`` around each cell, as an array of shape (n_cells,)."""
        return np.asarray(self.means(bandwidth_m) @ counts, dtype=np.float64)

    def inverse_distance(self, reach_m: float, *, unit_m: float) -> sparse.csr_array:
        """Weights 1 / (1 + distance / ``unit_m``) of cells within ``reach_m``, the cell itself included."""
        bandwidth_m = reach_m / hexgrid.KERNEL_REACH
        weights = hexgrid.kernel_matrix(self.cells, bandwidth_m=bandwidth_m)
        # A Gaussian weight tells its distance, which spares a second walk over the grid.
        distance_m = bandwidth_m * np.sqrt(-2.0 * np.log(weights.data))
        return sparse.csr_array(
            (1.0 / (1.0 + distance_m / unit_m), weights.indices, weights.indptr), shape=weights.shape
        )
