"""Disclosure control: what may be published so that arithmetic brings no small count back.

Three rules of the first releases (docs/privacy of a later one hardens them; docs/decisions.md gives reasons):

* Cells form one partition. A cell with 1–7 addresses or 1–19 residents is published only as part of its parent, with
  all of the parent's cells, so that no sibling can be subtracted; a parent still that small is grey. Where addresses
  are unknown, every cell is published as its parent.
* An area carries a total only where it is at least `SMALL_COUNT_THRESHOLD`. Districts carry totals only if each is
  0 or at least that, and areas are split by offence group only one way and only if every part is 0 or at least that.
* What is about to be published is attacked first (`attack`): of the tables allowed, the finest is taken from which no
  hidden part of one to four comes out exactly or within one.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.optimize import linprog

from geodata import hexgrid

SMALL_COUNT_THRESHOLD = 5
LEAST_RESIDENTS = 20
LEAST_ADDRESSES = 8


def public_cells(places: pl.DataFrame) -> pl.DataFrame:
    """For each covered cell, the cell it is published as, and whether that one is grey to protect people.

    Parameters
    ----------
    places : frame with the columns of `geodata.columns.PLACES`

    Returns
    -------
    DataFrame
        Columns ``cell``, ``public_cell`` (itself or its parent) and ``is_protected``, in the order of ``places``.
    """
    resolution = hexgrid.resolution_of(places["cell"].to_numpy())
    with_parent = places.with_columns(
        pl.Series("parent", hexgrid.to_parent(places["cell"].to_numpy(), resolution - 1)),
        (_is_small("addresses", LEAST_ADDRESSES) | _is_small("residents", LEAST_RESIDENTS)).alias("is_small"),
        pl.col("addresses").is_null().alias("is_unknown"),
    )
    return (
        with_parent.with_columns(
            (pl.col("is_small") | pl.col("is_unknown")).any().over("parent").alias("is_rolled_up"),
            pl.col("addresses", "residents").sum().over("parent").name.prefix("parent_"),
        )
        .with_columns(
            pl.when("is_rolled_up").then("parent").otherwise("cell").alias("public_cell"),
            (
                pl.col("is_rolled_up")
                & ~pl.col("is_unknown").any().over("parent")
                & (_is_small("parent_addresses", LEAST_ADDRESSES) | _is_small("parent_residents", LEAST_RESIDENTS))
            ).alias("is_protected"),
        )
        .select("cell", "public_cell", "is_protected")
    )


def _is_small(column: str, least: int) -> pl.Expr:
    return pl.col(column).is_between(1, least - 1).fill_null(value=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaCounts:
    """Numbers of areas that may be published: each is None, or absent, where it may not.

    ``by_area[i]`` is the total of district ``i``; ``by_group[j]`` the whole territory's count of group ``j``;
    ``by_area_and_group`` exists only as a whole.
    """

    total: int | None
    by_area: Mapping[str, int]
    by_group: Mapping[str, int]
    by_area_and_group: Mapping[str, Mapping[str, int]]


def publish_area_counts(counts: NDArray[np.int64], areas: list[str], groups: list[str]) -> AreaCounts:
    """The finest of the allowed tables that survives the attack.

    Parameters
    ----------
    counts : array of shape (n_areas, n_groups)
        True counts of the period; areas and groups both partition the territory's incidents.
    """
    is_whole_table = _all_safe(counts)
    candidates = (
        AreaCounts(
            total=_safe_total(counts),
            by_area=_named(areas, counts.sum(axis=1)) if with_areas and _all_safe(counts.sum(axis=1)) else {},
            by_group=_named(groups, counts.sum(axis=0)) if with_groups and _all_safe(counts.sum(axis=0)) else {},
            by_area_and_group=(
                {area: _named(groups, row) for area, row in zip(areas, counts, strict=True)}
                if with_groups and is_whole_table
                else {}
            ),
        )
        for with_areas, with_groups in ((True, True), (True, False), (False, False))
    )
    nothing = AreaCounts(total=None, by_area={}, by_group={}, by_area_and_group={})
    return next((table for table in candidates if attack(table, counts, areas, groups) == 0), nothing)


def attack(published: AreaCounts, counts: NDArray[np.int64], areas: list[str], groups: list[str]) -> int:
    """Hidden counts of one to four that the published numbers give away, exactly or within one.

    The attacker knows every published number, that areas and groups add up, and that counts are whole and not
    negative. Each hidden part is bounded by two linear programmes (HiGHS).
    """
    if published.by_area_and_group or published.total is None:
        return 0
    n_areas, n_groups = counts.shape
    rows, sums = [np.ones(n_areas * n_groups)], [float(published.total)]
    for known, names, axis in ((published.by_area, areas, 0), (published.by_group, groups, 1)):
        if not known:
            continue
        for position, name in enumerate(names):
            mask = np.zeros((n_areas, n_groups))
            mask[position if axis == 0 else slice(None), position if axis == 1 else slice(None)] = 1
            rows.append(mask.ravel())
            sums.append(float(known.get(name, 0)))
    targets = [np.eye(n_areas * n_groups)[i] for i in range(n_areas * n_groups)]
    targets += [row.ravel() for row in np.repeat(np.eye(n_areas)[:, :, None], n_groups, axis=2)]
    targets += [np.tile(column, (n_areas, 1)).ravel() for column in np.eye(n_groups)]
    return sum(_is_found(target, counts.ravel(), np.array(rows), np.array(sums)) for target in targets)


def _is_found(
    target: NDArray[np.float64], truth: NDArray[np.int64], rows: NDArray[np.float64], sums: NDArray[np.float64]
) -> bool:
    true_count = int(target @ truth)
    if not 1 <= true_count < SMALL_COUNT_THRESHOLD:
        return False
    low, high = np.ceil(_least(target, rows, sums) - 1e-6), np.floor(-_least(-target, rows, sums) + 1e-6)
    return not bool(high - low > 2 or true_count - low > 1 or high - true_count > 1)


def _least(objective: NDArray[np.float64], rows: NDArray[np.float64], sums: NDArray[np.float64]) -> float:
    solved = linprog(objective, A_eq=rows, b_eq=sums, bounds=(0, None), method="highs")
    # Without an answer nothing is known to be hidden, so the bound counts as met.
    return float(solved.fun) if solved.fun is not None else np.nan


def _all_safe(counts: NDArray[np.int64]) -> bool:
    return not bool(((counts > 0) & (counts < SMALL_COUNT_THRESHOLD)).any())


def _safe_total(counts: NDArray[np.int64]) -> int | None:
    total = int(counts.sum())
    return total if total >= SMALL_COUNT_THRESHOLD else None


def _named(names: list[str], counts: NDArray[np.int64]) -> dict[str, int]:
    return {name: int(count) for name, count in zip(names, counts, strict=True) if count >= SMALL_COUNT_THRESHOLD}
