import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.errors import MismatchedSupport, UndefinedMetric
from models.rank_interval import rank_interval


def ranges(shape: np.ndarray, rate: np.ndarray | None = None, *, seed: int = 1, **options: float) -> np.ndarray:
    """Highest and lowest place of each area, one row each."""
    exposure = np.ones(shape.size) if rate is None else rate
    found = rank_interval(shape, exposure, rng=np.random.default_rng(seed), **options)
    return np.stack([found.highest, found.lowest], axis=1)


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 40), st.floats(1.0, 500.0), st.integers(0, 2**32 - 1))
def test_areas_exactly_alike_may_each_hold_any_place(n_areas, shape, seed):
    found = ranges(np.full(n_areas, shape), seed=seed)

    assert (found == [1, n_areas]).all()


@settings(max_examples=20, deadline=None)
@given(st.integers(2, 40), st.integers(0, 2**32 - 1))
def test_one_far_outlier_is_sure_of_its_place_and_leaves_the_others_the_rest(n_areas, seed):
    shape = np.full(n_areas, 30.0)
    shape[-1] = 900.0

    found = ranges(shape, seed=seed)

    assert found[-1].tolist() == [1, 1]
    assert (found[:-1] == [2, n_areas]).all()


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(0.5, 300.0), min_size=1, max_size=15), st.integers(0, 2**32 - 1))
def test_every_place_is_in_reach_of_some_area_and_ranges_lie_within_the_list(shapes, seed):
    found = ranges(np.array(shapes), seed=seed)

    places = np.arange(1, len(shapes) + 1)
    assert ((found[:, :1] <= places) & (places <= found[:, 1:])).any(axis=0).all()
    assert (found[:, 0] >= 1).all()
    assert (found[:, 1] <= len(shapes)).all()


def test_a_list_with_hundred_times_the_incidents_has_narrower_ranges():
    few = np.array([3.0, 5.0, 8.0, 12.0, 20.0])

    def total_width(found: np.ndarray) -> int:
        return int((found[:, 1] - found[:, 0]).sum())

    assert total_width(ranges(100.0 * few, np.full(5, 100.0))) == 0
    assert total_width(ranges(few)) > 8


def test_the_true_ranks_lie_in_all_ranges_at_once_as_often_as_promised():
    rng = np.random.default_rng(3)
    held = []
    for _ in range(150):
        true_rate = rng.gamma(4.0, 0.25, size=12)
        count = rng.poisson(30.0 * true_rate)
        found = ranges(4.0 + count, np.full(12, 34.0), seed=int(rng.integers(2**32)), n_draws=1000)
        place = np.argsort(np.argsort(-true_rate)) + 1
        held.append(bool(((found[:, 0] <= place) & (place <= found[:, 1])).all()))

    assert 0.86 <= np.mean(held) <= 0.99


def test_a_lower_level_gives_ranges_inside_those_of_a_higher_one():
    shape = np.arange(10.0, 60.0, 3.0)

    sure, easy = ranges(shape, level=0.99), ranges(shape, level=0.5)

    assert (sure[:, 0] <= easy[:, 0]).all()
    assert (easy[:, 1] <= sure[:, 1]).all()
    assert not np.array_equal(sure, easy)


def test_the_same_seed_gives_the_same_ranges_and_an_empty_list_gives_none():
    shape = np.array([3.0, 9.0, 4.0])

    assert np.array_equal(ranges(shape, seed=5), ranges(shape, seed=5))
    assert ranges(np.zeros(0)).size == 0


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan, np.inf])
def test_an_area_without_a_proper_posterior_is_refused(wrong):
    with pytest.raises(UndefinedMetric, match="unknown exposure"):
        ranges(np.array([1.0, 2.0]), np.array([1.0, wrong]))


def test_arrays_that_do_not_agree_and_impossible_levels_are_refused():
    with pytest.raises(MismatchedSupport, match="one number per area"):
        ranges(np.ones(3), np.ones(2))
    with pytest.raises(UndefinedMetric, match="outside 0 to 1"):
        ranges(np.ones(3), level=1.0)
