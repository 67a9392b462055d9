"""Two-way tables with known totals: how far can an entry that is not told move?

An entry is proved safe by an exchange: together with three others of its rows and columns, or with totals nobody was
told, it can be larger or smaller by enough while everything that is told stays. Where no exchange proves it, linear
programmes (HiGHS) give its true bounds.

References
----------
Dobra & Fienberg (2000), PNAS 97, 11885-11892 (bounds of entries given marginals).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import linprog

from riskmap.errors import ContradictoryCounts

ROUNDING = 1e-6
SOLVED, UNBOUNDED = 0, 3
"""How `linprog` says that a programme ended."""
FREE = np.int64(1 << 40)
"""How far an entry may move that no known total holds."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Table:
    """A table as it is published.

    Attributes
    ----------
    told : int array of shape (n_rows, n_parts), -1 where an entry is not told
    row_total, part_total : int arrays of shape (n_rows,) and (n_parts,), -1 where nobody was told
    rows_may_be_silent : whether the rules may keep a whole row, zeros too
    """

    told: NDArray[np.int64]
    row_total: NDArray[np.int64]
    part_total: NDArray[np.int64]
    rows_may_be_silent: bool = True

    @property
    def hidden(self) -> NDArray[np.bool_]:
        return self.told < 0

    @property
    def least(self) -> NDArray[np.int64]:
        """Least an entry may be: nought is told, unless the whole row or the whole part tells nothing.

        The parts of a table that splits one total alone are never kept as a whole.
        """
        is_told = self.told >= 0
        rows = is_told.any(axis=1) if self.rows_may_be_silent else np.ones(is_told.shape[0], dtype=bool)
        is_one_total = is_told.shape[0] == 1 and bool((self.part_total < 0).all())
        parts = np.ones(is_told.shape[1], dtype=bool) if is_one_total else is_told.any(axis=0)
        return np.where(self.hidden, np.outer(rows, parts).astype(np.int64), self.told)


def room(table: Table, truth: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How much smaller and larger each entry that is not told can be: two int arrays of the table's shape, 0 elsewhere.

    ``truth`` is one point that fits what is told; every exchange starts from it, so the bounds are never too wide.
    """
    n_rows, n_parts = table.told.shape
    spare = np.where(table.hidden, np.maximum(truth - table.least, 0), 0)
    # A row or a column without a known total exchanges with a world outside the table.
    spare = np.pad(spare, ((0, 1), (0, 1)))
    is_open = np.pad(table.hidden, ((0, 1), (0, 1)))
    spare[-1, :-1] = is_open[-1, :-1] = np.where(table.part_total < 0, FREE, 0)
    spare[:-1, -1] = is_open[:-1, -1] = np.where(table.row_total < 0, FREE, 0)
    spare[-1, -1], is_open[-1, -1] = FREE, True
    lower, upper = np.zeros((n_rows, n_parts), np.int64), np.zeros((n_rows, n_parts), np.int64)
    for row, part in zip(*np.nonzero(table.hidden), strict=True):
        along, across = spare[row].copy(), spare[:, part].copy()
        along[part] = across[row] = 0
        corners = is_open.copy()
        corners[row, :] = corners[:, part] = False
        upper[row, part] = np.where(corners, np.minimum.outer(across, along), 0).max()
        others = np.where(is_open[row][None, :] & is_open[:, part][:, None] & corners, spare, 0)
        lower[row, part] = min(int(spare[row, part]), int(others.max()))
    return lower, upper


def bounds(table: Table, entries: NDArray[np.int64]) -> NDArray[np.int64]:
    """True bounds of entries by linear programmes: int array of shape (n_entries, 2).

    Parameters
    ----------
    entries : int array of shape (n_entries, 2), rows and parts of entries that are not told
    """
    number = np.full(table.told.shape, -1)
    number[table.hidden] = np.arange(int(table.hidden.sum()))
    left_of_rows = table.row_total - np.where(table.hidden, 0, table.told).sum(axis=1)
    left_of_parts = table.part_total - np.where(table.hidden, 0, table.told).sum(axis=0)
    rows, sums = [], []
    for total, left, lines in (
        (table.row_total, left_of_rows, number),
        (table.part_total, left_of_parts, number.T),
    ):
        for line in np.flatnonzero((total >= 0) & (lines >= 0).any(axis=1)):
            rows.append(lines[line][lines[line] >= 0])
            sums.append(float(left[line]))
    indices = np.concatenate(rows) if rows else np.empty(0, dtype=np.int64)
    starts = np.concatenate([[0], np.cumsum([own.size for own in rows])])
    shape = (len(rows), int(number.max()) + 1)
    matrix = sparse.csr_array((np.ones(indices.size), indices, starts), shape=shape).toarray()
    totals = np.array(sums, dtype=np.float64)
    limits = [(float(least), np.inf) for least in table.least[table.hidden]]
    found = []
    for row, part in entries:
        goal = np.zeros(len(limits))
        goal[number[row, part]] = 1.0
        ends = [linprog(sign * goal, A_eq=matrix, b_eq=totals, bounds=limits, method="highs") for sign in (1.0, -1.0)]
        if any(one.status not in (SOLVED, UNBOUNDED) for one in ends):
            raise ContradictoryCounts(f"No counts fit a table of {table.told.shape[0]} rows as it is told.")
        least, most = (None if one.fun is None else float(one.fun) for one in ends)
        low = 0 if least is None else int(np.ceil(least - ROUNDING))
        found.append((low, int(FREE) if most is None else int(np.floor(ROUNDING - most))))
    return np.array(found, dtype=np.int64).reshape(-1, 2)
