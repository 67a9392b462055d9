"""Which entries of a table of counts may be told, when its totals are told too.

A table splits known totals into parts: a region's quarter into areas, areas into offence groups. An entry of 1 to
``least - 1`` is hidden; hiding it alone would not help, since the total less its siblings gives it away. So, in every
row and column whose total is told, what is hidden must be able to be anything: beside the small entries stand larger
ones, absorbed by an order that looks at no count, until

    hidden sum ≥ small entries × (least - 1) + absorbed entries × least,    at least one absorbed, at least two hidden.

Then each small entry may be as large as a hidden one can be, and as small, whatever the others are. A row that cannot
reach this tells no entry at all. Zeros of a row that tells others stay told: that nothing happened points at nobody.

An order by size would be read backwards (the smallest that was absorbed is larger than the next one told); this one is
a hash of names.

References
----------
Fischetti & Salazar (2000), Journal of the American Statistical Association 95, 916-928 (complementary suppression).
"""

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LEAST_COUNT = 5
LEAST_SENSITIVE = 10

Mask = NDArray[np.bool_]


def order_of(rows: Sequence[str], parts: Sequence[str]) -> NDArray[np.int64]:
    """In which order entries are absorbed: ranks of a hash of their names, array of shape (n_rows, n_parts)."""
    digests = [hashlib.sha256(f"{row}\n{part}".encode()).digest()[:8] for row in rows for part in parts]
    ranks = np.argsort(np.argsort(np.array(digests, dtype="S8"), kind="stable"), kind="stable")
    return ranks.reshape(len(rows), len(parts))


def hidden_entries(
    counts: NDArray[np.int64],
    *,
    order: NDArray[np.int64],
    row_total_is_told: Mask,
    part_total_is_told: Mask,
    may_tell: Mask | None = None,
    least: int = LEAST_COUNT,
) -> Mask:
    """Entries of a table that may not be told.

    Parameters
    ----------
    counts : array of shape (n_rows, n_parts)
    order : array of shape (n_rows, n_parts), from `order_of`
    row_total_is_told, part_total_is_told : arrays of shape (n_rows,) and (n_parts,)
        Whether a reader knows what a row, or a column, sums to.
    may_tell : array of shape (n_rows, n_parts)
        False where an entry is hidden for another reason: its row or its part is hidden one level up.
    least : smallest count above 0 that may be told

    Returns
    -------
    bool array of shape (n_rows, n_parts)
    """
    hidden = (counts > 0) & (counts < least)
    if may_tell is not None:
        hidden |= ~may_tell
    changed = True
    while changed:
        changed = False
        for told, axis in ((row_total_is_told, 0), (part_total_is_told, 1)):
            for line in np.flatnonzero(told):
                at = (line, slice(None)) if axis == 0 else (slice(None), line)
                changed |= _close(counts[at], hidden[at], order[at], least)
    return hidden


def is_closed(counts: NDArray[np.int64], hidden: Mask, least: int = LEAST_COUNT) -> bool:
    """Whether what is hidden in a row or column of known total can be anything."""
    if not hidden.any():
        return True
    large = int((hidden & (counts >= least)).sum())
    small = int(hidden.sum()) - large
    needed = max(small, 1) * (least - 1) + large * least
    return large > 0 and small + large > 1 and int(counts[hidden].sum()) >= needed


def _close(counts: NDArray[np.int64], hidden: Mask, order: NDArray[np.int64], least: int) -> bool:
    """Absorb entries of one row or column, in place, until it is closed; whether anything was absorbed."""
    if is_closed(counts, hidden, least):
        return False
    changed = False
    eligible = np.flatnonzero(~hidden & (counts >= least))
    for entry in eligible[np.argsort(order[eligible], kind="stable")]:
        hidden[entry] = changed = True
        if is_closed(counts, hidden, least):
            return True
    changed |= not bool(hidden.all())
    hidden[:] = True
    return changed
