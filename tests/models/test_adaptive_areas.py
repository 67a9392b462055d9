import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from geodata import hexgrid
from geodata.errors import MixedResolution
from models.adaptive_areas import AdaptiveAreas, adaptive_areas, spread
from models.errors import MismatchedSupport

TOWN = hexgrid.assign_cells(np.array([46.5]), np.array([66.7]), resolution=6)
"""One cell of resolution 6: 343 of resolution 9."""
CELLS = hexgrid.children(TOWN, 9)[1]
PAIR = hexgrid.children(np.sort(hexgrid.disk(TOWN, 1)[1])[:2], 9)[1]


def made(counts: np.ndarray, *, cells: np.ndarray = CELLS, least: float = 5.0) -> AdaptiveAreas:
    return adaptive_areas(cells, counts.astype(np.float64), least_expected=least)


def family() -> np.ndarray:
    """Positions of the seven cells of the first parent at resolution 8, by ascending cell."""
    parents = hexgrid.to_parent(CELLS, 8)
    here = np.flatnonzero(parents == parents.min())
    return here[np.argsort(CELLS[here])]


def of_family(*counts: float, elsewhere: float = 100.0) -> tuple[np.ndarray, np.ndarray]:
    """Counts in which the first family has these, every other cell plenty; and the family's positions."""
    found, here = np.full(CELLS.size, elsewhere), family()
    found[here] = counts
    return found, here


def test_busy_cells_stay_alone():
    areas = made(np.full(CELLS.size, 5.0))

    assert areas.cells.tolist() == sorted(CELLS.tolist())
    assert set(areas.resolution.tolist()) == {9}
    assert areas.is_enough.all()


def test_quiet_siblings_are_joined_and_a_busy_one_stays_alone():
    counts, here = of_family(50, 1, 1, 1, 1, 1, 1)

    areas = made(counts)

    own = areas.area_of_cell[here]
    assert areas.resolution[own].tolist() == [9, 8, 8, 8, 8, 8, 8]
    assert len(set(own.tolist())) == 2
    assert areas.cells[own[1]] == hexgrid.to_parent(CELLS[here[:1]], 8)[0]
    assert areas.expected[own[1]] == 6.0
    assert areas.n_cells[own[1]] == 6


def test_siblings_too_quiet_together_take_the_quietest_busy_one_along():
    counts, here = of_family(50, 9, 7, 8, 1, 1, 1)

    own = made(counts).area_of_cell[here]

    assert own[2] == own[4] == own[5] == own[6]
    assert len(set(own.tolist())) == 4


def test_of_equally_quiet_siblings_the_first_in_number_is_taken():
    counts, here = of_family(9, 7, 7, 9, 9, 9, 0)

    own = made(counts).area_of_cell[here]

    assert own[6] == own[1]
    assert own[6] != own[2]


def test_one_empty_cell_costs_no_more_than_one_sibling():
    counts, here = of_family(50, 60, 70, 80, 90, 95, 0)

    own = made(counts).area_of_cell[here]

    assert len(set(own.tolist())) == 6


def test_a_place_without_any_incident_is_one_marked_area():
    areas = made(np.zeros(CELLS.size))

    assert areas.cells.tolist() == TOWN.tolist()
    assert areas.is_enough.tolist() == [False]
    assert areas.n_cells.tolist() == [343]


def village() -> np.ndarray:
    """Three busy cells of one family in a steppe where hardly anything happens."""
    counts = np.full(CELLS.size, 0.01)
    counts[family()[:3]] = 40.0, 12.0, 9.0
    return counts


def test_a_steppe_that_takes_siblings_along_dissolves_its_village():
    areas = made(village())

    own = areas.area_of_cell[family()]
    assert areas.resolution[own[:3]].tolist() == [6, 6, 6]
    assert areas.is_enough.all()


def test_a_steppe_that_waits_leaves_the_village_as_it_is_and_is_marked():
    areas = adaptive_areas(CELLS, village(), takes_siblings=False)

    own = areas.area_of_cell[family()]
    assert areas.resolution[own[:3]].tolist() == [9, 9, 9]
    assert areas.cells.size == 4
    assert areas.is_enough[own].tolist() == [True, True, True, False, False, False, False]
    assert areas.n_cells[own[3]] == CELLS.size - 3


def test_rests_that_are_enough_wait_no_longer():
    areas = adaptive_areas(CELLS, np.ones(CELLS.size), takes_siblings=False)

    assert set(areas.resolution.tolist()) == {8}
    assert set(areas.expected.tolist()) == {7.0}


counts_of_pair = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from([0.01, 0.1, 0.5, 2.0, 20.0]))


def drawn(seed_and_mean: tuple[int, float]) -> np.ndarray:
    """Simulated counts of the pair: uneven, many of them zero."""
    seed, mean = seed_and_mean
    rng = np.random.default_rng(seed)
    return rng.poisson(rng.gamma(0.3, mean / 0.3, size=PAIR.size)).astype(np.float64)


@given(counts_of_pair)
def test_every_cell_is_in_one_area_and_nothing_is_lost(drawing):
    counts = drawn(drawing)

    areas = made(counts, cells=PAIR)

    assert np.array_equal(np.bincount(areas.area_of_cell), areas.n_cells)
    assert areas.n_cells.sum() == PAIR.size
    assert np.array_equal(np.bincount(areas.area_of_cell, weights=counts), areas.expected)
    assert np.unique(areas.cells).size == areas.cells.size


@given(counts_of_pair)
def test_every_area_is_enough_or_a_whole_cell_of_the_coarsest_resolution(drawing):
    counts = drawn(drawing)

    areas = made(counts, cells=PAIR)

    quiet = ~areas.is_enough
    assert np.array_equal(areas.is_enough, areas.expected >= 5.0)
    assert (areas.resolution[quiet] == 6).all()
    assert (areas.n_cells[quiet] == 343).all()


@given(counts_of_pair)
def test_an_area_holds_only_cells_of_its_parent(drawing):
    areas = made(drawn(drawing), cells=PAIR)

    for resolution in (6, 7, 8, 9):
        here = areas.resolution[areas.area_of_cell] == resolution
        assert np.array_equal(
            hexgrid.to_parent(PAIR[here], resolution),
            areas.cells[areas.area_of_cell[here]],
        )


def slowly(positions: np.ndarray, resolution: int, counts: np.ndarray) -> set[frozenset[int]]:
    """The same areas from the rule in words: a parent's cells, from the top."""
    if counts[positions].sum() < 5.0 or resolution == 9:
        return {frozenset(positions.tolist())}
    child = hexgrid.to_parent(PAIR[positions], resolution + 1)
    children = {int(one): positions[child == one] for one in np.unique(child)}
    quiet = [one for one, here in children.items() if counts[here].sum() < 5.0]
    if quiet and sum(counts[children[one]].sum() for one in quiet) < 5.0:
        standing = [one for one in children if one not in quiet]
        quiet.append(min(standing, key=lambda one: (counts[children[one]].sum(), one)))
    joined = [frozenset(int(cell) for one in quiet for cell in children.pop(one))] if quiet else []
    return {*joined, *(area for here in children.values() for area in slowly(here, resolution + 1, counts))}


@given(counts_of_pair)
def test_areas_are_those_of_the_rule_in_words(drawing):
    counts = drawn(drawing)

    areas = made(counts, cells=PAIR)

    found = {frozenset(np.flatnonzero(areas.area_of_cell == one).tolist()) for one in range(areas.cells.size)}
    parents = hexgrid.to_parent(PAIR, 6)
    expected = [slowly(np.flatnonzero(parents == parent), 6, counts) for parent in np.unique(parents)]
    assert found == set().union(*expected)


@given(counts_of_pair)
def test_where_rests_wait_every_busy_cell_stays_alone_and_nothing_is_lost(drawing):
    counts = drawn(drawing)

    areas = adaptive_areas(PAIR, counts, takes_siblings=False)

    assert (areas.resolution[areas.area_of_cell[counts >= 5.0]] == 9).all()
    assert np.array_equal(np.bincount(areas.area_of_cell, weights=counts), areas.expected)
    assert (areas.resolution[~areas.is_enough] == 6).all()


@given(counts_of_pair, st.floats(0.5, 30.0), st.floats(0.5, 30.0))
def test_areas_of_a_lower_limit_lie_inside_those_of_a_higher_one(drawing, one, other):
    counts = drawn(drawing)
    lower, higher = sorted((one, other))

    fine = made(counts, cells=PAIR, least=lower)
    coarse = made(counts, cells=PAIR, least=higher)

    pairs = np.unique(np.column_stack([fine.area_of_cell, coarse.area_of_cell]), axis=0)
    assert pairs.shape[0] == fine.cells.size
    assert coarse.cells.size <= fine.cells.size


@given(counts_of_pair, st.integers(0, 1000))
def test_the_order_of_the_cells_makes_no_difference(drawing, seed):
    counts = drawn(drawing) * 1.1
    shuffled = np.random.default_rng(seed).permutation(PAIR.size)

    plain, mixed = made(counts, cells=PAIR), made(counts[shuffled], cells=PAIR[shuffled])

    assert np.array_equal(plain.cells, mixed.cells)
    assert np.array_equal(plain.area_of_cell[shuffled], mixed.area_of_cell)
    assert np.array_equal(plain.expected, mixed.expected)


def test_cells_of_another_resolution_join_from_there():
    cells = hexgrid.children(TOWN, 8)[1]

    areas = made(np.ones(cells.size), cells=cells)

    assert set(areas.resolution.tolist()) == {7}
    assert areas.expected.tolist() == [7.0] * 7


def test_a_single_cell_and_no_cell_are_clear_cases():
    lone = made(np.array([1.0]), cells=CELLS[:1])

    assert (lone.cells.tolist(), lone.is_enough.tolist()) == (TOWN.tolist(), [False])
    with pytest.raises(MixedResolution, match="none"):
        made(np.empty(0), cells=CELLS[:0])


@pytest.mark.parametrize("counts", [[1.0, -1.0], [1.0, np.nan], [np.inf, 1.0], [1.0]], ids=str)
def test_numbers_that_are_no_expectation_are_refused(counts):
    with pytest.raises(MismatchedSupport):
        made(np.array(counts), cells=CELLS[:2])


def test_a_cell_given_twice_is_refused():
    with pytest.raises(MismatchedSupport, match="1 stand twice"):
        made(np.ones(2), cells=CELLS[[0, 0]])


@pytest.mark.parametrize("wrong", [{"least_expected": 0.0}, {"least_expected": np.nan}, {"coarsest_resolution": 10}])
def test_limits_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValueError, match="expected"):
        adaptive_areas(CELLS, np.ones(CELLS.size), **wrong)


@given(counts_of_pair, st.booleans(), st.integers(0, 1000))
def test_what_is_spread_sums_to_the_areas_again(drawing, is_weighted, seed):
    counts = drawn(drawing)
    areas = made(counts, cells=PAIR)
    rng = np.random.default_rng(seed)
    weight = np.where(rng.random(PAIR.size) < 0.5, 0.0, rng.gamma(1.0, size=PAIR.size)) if is_weighted else None

    cells = spread(areas.expected, areas.area_of_cell, weight=weight)

    assert np.allclose(np.bincount(areas.area_of_cell, weights=cells), areas.expected, rtol=1e-12)
    assert (cells >= 0.0).all()


def test_a_weight_decides_who_gets_how_much_and_none_at_all_means_alike():
    area_of_cell = np.array([0, 0, 1, 1])

    cells = spread(np.array([8.0, 3.0]), area_of_cell, weight=np.array([3.0, 1.0, 0.0, 0.0]))

    assert cells.tolist() == [6.0, 2.0, 1.5, 1.5]


@pytest.mark.parametrize("weight", [[1.0], [1.0, -1.0, 1.0], [1.0, np.nan, 1.0]], ids=str)
def test_a_weight_that_does_not_fit_is_refused(weight):
    with pytest.raises(MismatchedSupport, match="weight"):
        spread(np.array([1.0]), np.array([0, 0, 0]), weight=np.array(weight))


@pytest.mark.parametrize("area_of_cell", [[0, 2], [-1, 0], [0, 0]], ids=str)
def test_areas_that_do_not_fit_are_refused(area_of_cell):
    with pytest.raises(MismatchedSupport):
        spread(np.array([1.0, 2.0]), np.array(area_of_cell))
