"""Areas that public counts speak of."""

import numpy as np
import pytest

from geodata import hexgrid, public_areas
from geodata.errors import UnexpectedColumns
from geodata.public_areas import LEAST_PER_YEAR

TOWN = hexgrid.assign_cells(np.array([43.25]), np.array([76.9]), resolution=6)


def a_town():
    """Cells of resolution 9 in one parent of resolution 6, and simulated counts of a year, seeded."""
    _, cells = hexgrid.children(TOWN, 9)
    cells = np.sort(cells)
    lat, lng = hexgrid.centres(cells)
    middle = np.exp(-((lat - 43.25) ** 2 + (lng - 76.9) ** 2) / 0.01**2)
    return cells, np.random.default_rng(5).poisson(0.3 + 20 * middle).astype(np.float64)


def totals(areas, counts):
    return np.bincount(areas, weights=counts)


def test_every_area_has_enough_incidents_and_every_cell_one_area():
    cells, counts = a_town()

    areas = public_areas.form(cells, np.zeros(cells.size, dtype=np.int64), counts)

    assert areas.shape == cells.shape
    assert np.unique(areas).tolist() == list(range(areas.max() + 1))
    assert areas.max() >= 4
    assert totals(areas, counts).min() >= LEAST_PER_YEAR


def test_busy_places_make_small_areas_and_quiet_ones_large():
    cells, counts = a_town()

    areas = public_areas.form(cells, np.zeros(cells.size, dtype=np.int64), counts)

    sizes = np.bincount(areas)
    assert sizes.min() <= 7
    assert sizes.max() >= 49


def test_no_area_lies_in_two_regions():
    cells, counts = a_town()
    region = (np.arange(cells.size) % 3).astype(np.int64)

    areas = public_areas.form(cells, region, counts)

    assert all(np.unique(region[areas == area]).size == 1 for area in range(areas.max() + 1))
    assert (np.diff([region[areas == area][0] for area in range(areas.max() + 1)]) >= 0).all()


def test_a_region_too_quiet_for_one_area_is_one():
    cells, _ = a_town()

    areas = public_areas.form(cells, np.zeros(cells.size, dtype=np.int64), np.zeros(cells.size))

    assert areas.max() == 0


def test_what_is_left_far_from_any_town_is_an_area_of_its_own():
    _, far = hexgrid.children(hexgrid.assign_cells(np.array([45.0]), np.array([70.0]), resolution=6), 9)
    near, counts = a_town()
    cells = np.concatenate([near, far])
    order = np.argsort(cells)
    busy = np.concatenate([counts, np.full(far.size, 0.25)])[order]

    areas = public_areas.form(cells[order], np.zeros(cells.size, dtype=np.int64), busy)

    of_far = np.unique(areas[np.isin(cells[order], far)])
    assert of_far.size == 1
    assert not np.isin(areas[np.isin(cells[order], near)], of_far).any()


def test_cells_already_published_as_their_parents_stand_beside_finer_ones():
    cells, counts = a_town()
    parent = hexgrid.to_parent(cells, 8)
    mixed, first = np.unique(np.where(parent == parent[0], parent, cells), return_index=True)

    areas = public_areas.form(mixed, np.zeros(mixed.size, dtype=np.int64), counts[first])

    assert areas.shape == mixed.shape
    assert totals(areas, counts[first]).min() >= LEAST_PER_YEAR


def test_a_rerun_forms_the_same_areas():
    cells, counts = a_town()
    region = np.zeros(cells.size, dtype=np.int64)

    assert (public_areas.form(cells, region, counts) == public_areas.form(cells, region, counts)).all()


def test_arrays_that_do_not_fit_are_refused():
    cells, counts = a_town()

    with pytest.raises(UnexpectedColumns, match="shapes"):
        public_areas.form(cells, np.zeros(3, dtype=np.int64), counts)
