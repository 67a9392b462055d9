import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata import hexgrid
from geodata.errors import InvalidCell, MixedResolution

SOMEWHERE = hexgrid.assign_cells(np.array([48.0]), np.array([67.0]), resolution=9)

points_in_kazakhstan = st.lists(st.tuples(st.floats(40.5, 55.5), st.floats(46.5, 87.5)), min_size=1, max_size=60)


@given(points_in_kazakhstan)
@settings(max_examples=50, deadline=None)
def test_a_cell_survives_the_way_to_text_and_back(points):
    lat, lng = np.array(points).T
    cells = hexgrid.assign_cells(lat, lng, resolution=9)

    ids = hexgrid.cell_ids(cells)

    assert [hexgrid.parse_cell(cell_id) for cell_id in ids] == cells.tolist()
    assert hexgrid.cell_at(lat[0], lng[0], resolution=9) == ids[0]


@given(points_in_kazakhstan, st.floats(150, 1500))
@settings(max_examples=25, deadline=None)
def test_kernel_weights_are_symmetric_and_fall_with_distance(points, bandwidth_m):
    lat, lng = np.array(points).T
    cells = hexgrid.with_ring(hexgrid.assign_cells(lat, lng, resolution=9))

    weights = hexgrid.kernel_matrix(cells, bandwidth_m=bandwidth_m).toarray()

    assert np.allclose(weights, weights.T)
    assert np.allclose(np.diag(weights), 1.0)
    assert (weights[~np.eye(cells.size, dtype=bool)] < 1.0).all()


def test_a_kernel_weighs_a_neighbour_by_its_distance_on_the_ground():
    pair = np.array([SOMEWHERE[0], hexgrid.with_ring(SOMEWHERE)[0]])
    assert pair[0] != pair[1]
    (lat0, lat1), (lng0, lng1) = (np.radians(side) for side in hexgrid.centres(pair))
    haversine = np.sin((lat1 - lat0) / 2) ** 2 + np.cos(lat0) * np.cos(lat1) * np.sin((lng1 - lng0) / 2) ** 2
    metres = 2 * hexgrid.EARTH_RADIUS_M * np.arcsin(np.sqrt(haversine))

    weights = hexgrid.kernel_matrix(pair, bandwidth_m=500, include_self=False)

    assert weights[0, 1] == pytest.approx(np.exp(-0.5 * (metres / 500) ** 2), rel=1e-6)
    assert weights[0, 0] == 0


def test_support_drops_strays_and_closes_the_rest_by_one_ring():
    ring = hexgrid.with_ring(SOMEWHERE)
    stray = hexgrid.assign_cells(np.array([49.5]), np.array([67.0]), resolution=9)
    incidents = np.concatenate([np.repeat(ring[:2], 2), np.repeat(SOMEWHERE, 2), np.repeat(stray, 5)])

    support = hexgrid.support(incidents)

    assert SOMEWHERE[0] in support
    assert stray[0] not in support
    assert set(hexgrid.with_ring(np.unique(np.concatenate([ring[:2], SOMEWHERE])))) == set(support)


def test_support_of_no_incident_is_empty():
    assert hexgrid.support(np.empty(0, np.uint64)).size == 0


def test_cells_of_several_resolutions_are_refused_where_one_is_needed():
    mixed = np.concatenate([SOMEWHERE, hexgrid.to_parent(SOMEWHERE, 8)])

    with pytest.raises(MixedResolution, match="8, 9"):
        hexgrid.resolution_of(mixed)


@pytest.mark.parametrize("text", ["", "nonsense", "8921a6a4c2ffffff", "0", "../../etc", "8" * 400])
def test_a_text_that_is_no_cell_is_refused(text):
    with pytest.raises(InvalidCell, match="expected 15 hexadecimal digits"):
        hexgrid.parse_cell(text)


def test_the_outline_of_cells_holds_exactly_these_cells():
    cells = hexgrid.with_ring(hexgrid.with_ring(SOMEWHERE))

    found = hexgrid.cells_within(hexgrid.outline(cells), 9)

    assert set(found) == set(cells)
