"""Bands beside the exact total of their area, for a reader who knows every rule: no small count comes back."""

from collections import defaultdict
from itertools import product

import numpy as np
import pytest

from geodata.public_counts import SLACK, band_width, leave_enough_open


def vectors(n_cells, total):
    """Every way to share a total among cells."""
    for first in product(range(total + 1), repeat=n_cells - 1):
        if sum(first) <= total:
            yield (*first, total - sum(first))


def published(counts):
    """What is told of the cells of an area: their lower ends, or nothing."""
    n_cells, width = np.array([len(counts)]), band_width(np.array([len(counts)]))
    lower = tuple(int(count // width[0] * width[0]) for count in counts)
    is_open = leave_enough_open(np.array([sum(counts)]), np.array([sum(lower)]), n_cells, width)[0]
    return lower if is_open else None


@pytest.mark.parametrize(
    ("n_cells", "totals"),
    [(2, range(5, 130)), (3, (*range(5, 40), 60, 61)), (4, (5, 6, 8, 11, 14, 17, 23))],
)
def test_whoever_tries_every_possibility_learns_no_small_count_within_one(n_cells, totals):
    n_tried = 0
    for total in totals:
        possible = defaultdict(lambda: [set() for _ in range(n_cells)])
        for counts in vectors(n_cells, total):
            for values, count in zip(possible[published(counts)], counts, strict=True):
                values.add(count)
        for told, of_cells in possible.items():
            for values in of_cells:
                for count in values & {1, 2, 3, 4}:
                    n_tried += 1
                    assert max(values) >= count + 2 or min(values) <= count - 2, (total, told, sorted(values))

    assert n_tried > 20


@pytest.mark.parametrize("n_cells", range(1, 40))
def test_every_cell_can_be_anything_in_its_lowest_band(n_cells):
    width = int(band_width(np.array([n_cells]))[0])
    for open_sum in range(n_cells * (width - 1) + 1):
        is_open = leave_enough_open(np.array([open_sum]), np.array([0]), np.array([n_cells]), np.array([width]))[0]
        least, most = max(0, open_sum - (n_cells - 1) * (width - 1)), min(width - 1, open_sum)
        if is_open and n_cells > 1:
            assert most - least >= SLACK or least > SLACK


def test_the_width_follows_from_the_number_of_cells_alone():
    assert band_width(np.array([1, 2, 3, 4, 5, 6, 300])).tolist() == [5, 50, 20, 10, 10, 5, 5]
