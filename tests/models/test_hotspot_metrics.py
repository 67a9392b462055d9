import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from models.errors import MismatchedSupport, UndefinedMetric
from models.hotspot_metrics import (
    hit_rate,
    poisson_deviance,
    prediction_accuracy_index,
    prediction_efficiency_index,
    with_flat_share,
)

risks = arrays(np.float64, 20, elements=st.sampled_from([0.0, 0.1, 0.2, 0.5, 3.0]))
counts = arrays(np.int64, 20, elements=st.integers(0, 9)).filter(lambda a: a.sum() > 0)


@given(risks, counts)
def test_pai_is_one_at_full_coverage(risk, incidents):
    assert prediction_accuracy_index(risk, incidents, coverage=1.0) == pytest.approx(1.0)


@given(risks, counts)
def test_equal_forecasts_are_no_better_than_chance(risk, incidents):
    flat = np.full_like(risk, 0.3)

    assert prediction_accuracy_index(flat, incidents, coverage=0.25) == pytest.approx(1.0)


@given(risks, counts, st.randoms(use_true_random=False))
def test_ties_give_the_same_whatever_the_order_of_cells(risk, incidents, random):
    order = list(range(risk.size))
    random.shuffle(order)

    assert hit_rate(risk[order], incidents[order], coverage=0.2) == pytest.approx(
        hit_rate(risk, incidents, coverage=0.2)
    )


@given(risks, counts)
def test_nobody_beats_hindsight(risk, incidents):
    assert 0.0 <= prediction_efficiency_index(risk, incidents, coverage=0.2) <= 1.0
    assert prediction_efficiency_index(incidents.astype(np.float64), incidents, coverage=0.2) == pytest.approx(1.0)


def test_a_tie_at_the_threshold_gives_its_mean():
    risk = np.array([2.0, 1.0, 1.0, 0.0])
    incidents = np.array([3, 4, 0, 3])

    assert hit_rate(risk, incidents, coverage=0.5) == pytest.approx((3 + 4 / 2) / 10)


def test_a_cell_that_would_overshoot_the_coverage_is_left_out():
    risk = np.array([3.0, 2.0, 1.0])
    incidents = np.array([1, 1, 1])

    assert hit_rate(risk, incidents, coverage=0.6) == pytest.approx(1 / 3)
    assert prediction_accuracy_index(risk, incidents, coverage=0.6) == pytest.approx(1.0)


def test_incidents_off_the_support_count_as_misses():
    risk = np.array([3.0, 2.0, 1.0, 0.5])
    incidents = np.array([4, 0, 0, 0])

    assert hit_rate(risk, incidents, coverage=0.25, off_support=4) == pytest.approx(0.5)
    assert prediction_accuracy_index(risk, incidents, coverage=0.25, off_support=4) == pytest.approx(2.0)


def test_a_window_without_incidents_has_no_hit_rate():
    with pytest.raises(UndefinedMetric, match="at least one"):
        hit_rate(np.ones(50), np.zeros(50, dtype=np.int64))


def test_a_coverage_below_one_cell_is_refused_with_the_way_out():
    with pytest.raises(UndefinedMetric, match=r"0\.01 of 20 cells is less than one cell; raise it"):
        prediction_accuracy_index(np.ones(20), np.ones(20, dtype=np.int64), coverage=0.01)


def test_forecast_and_incidents_of_other_supports_are_refused():
    with pytest.raises(MismatchedSupport, match=r"\(3,\).*\(2,\)"):
        hit_rate(np.ones(3), np.ones(2, dtype=np.int64), coverage=1.0)


def test_deviance_is_lower_for_the_better_forecast_and_finite_where_nothing_was_expected():
    incidents = np.array([4, 0, 1, 0])

    good = poisson_deviance(np.array([4.0, 0.1, 0.9, 0.1]), incidents)
    bad = poisson_deviance(np.array([0.1, 4.0, 0.0, 0.9]), incidents)

    assert good < bad < np.inf


def test_deviance_counts_cells_without_incidents_too():
    assert poisson_deviance(np.array([1.0, 1.0]), np.array([1, 0])) == pytest.approx(1.0)


@given(arrays(np.float64, 10, elements=st.floats(0, 50)).filter(lambda a: a.sum() > 0))
def test_a_flat_share_keeps_the_total_and_holds_no_cell_impossible(expected):
    mixed = with_flat_share(expected)

    assert mixed.sum() == pytest.approx(expected.sum())
    assert mixed.min() > 0.0


def test_a_forecast_of_nothing_counts_as_half_an_incident():
    assert with_flat_share(np.zeros(4)).tolist() == [0.125] * 4
