import numpy as np
import pytest

from models import risk_class
from models.errors import MismatchedSupport, UndefinedMetric
from models.level_mixture import mixed_level
from models.risk_class import RiskClass
from tests.models.simulated import town_kernels

KERNELS = town_kernels(rings=10)
NEIGHBOURS = {bandwidth_m: KERNELS.neighbours(bandwidth_m) for bandwidth_m in (200.0, 400.0, 800.0)}
N = KERNELS.n_cells


def test_probabilities_of_both_sides_sum_to_one_and_the_mean_lies_between_the_extremes():
    rng = np.random.default_rng(1)
    expected = rng.gamma(2.0, 5.0, size=N)

    level = mixed_level(rng.poisson(expected * rng.gamma(2.0, 0.5, size=N)), expected, NEIGHBOURS)

    assert level.probability_above(1.3) + level.probability_below(1.3) == pytest.approx(np.ones(N))
    assert level.weights.sum(axis=0) == pytest.approx(np.ones(N))
    assert level.mean == pytest.approx((level.weights * level.shapes / level.rates).sum(axis=0))
    assert level.prior_strength > 0.0
    assert level.bandwidth_m in NEIGHBOURS


def test_ordinary_neighbours_of_a_hotspot_are_not_called_higher():
    rng = np.random.default_rng(2)
    level = np.where(rng.random(N) < 0.02, 10.0, 1.0)
    expected = np.full(N, 12.0)
    count = rng.poisson(expected * level)

    codes = risk_class.classify(mixed_level(count, expected, NEIGHBOURS))

    assert (codes[level == 10.0] == RiskClass.CLEARLY_HIGHER).all()
    assert not np.isin(codes[level == 1.0], [RiskClass.MAYBE_HIGHER, RiskClass.CLEARLY_HIGHER]).any()


def test_a_cell_of_which_nothing_is_known_has_the_prior_of_the_others():
    expected = np.full(N, 20.0)
    expected[0] = 0.0
    count = np.random.default_rng(3).poisson(expected)

    level = mixed_level(count, expected, NEIGHBOURS)

    assert level.mean[0] == pytest.approx(1.0, abs=0.1)
    assert np.isfinite(level.probability_above(1.1)).all()


def test_a_place_without_any_incident_at_all_gets_an_answer():
    level = mixed_level(np.zeros(N, dtype=np.int64), np.zeros(N), NEIGHBOURS)

    assert (risk_class.classify(level) == RiskClass.TOO_LITTLE).all()


def test_wrong_shapes_and_missing_neighbourhoods_are_refused():
    count, expected = np.ones(3, dtype=np.int64), np.ones(3)

    with pytest.raises(MismatchedSupport, match="Weights of 200"):
        mixed_level(count, expected, NEIGHBOURS)
    with pytest.raises(MismatchedSupport, match="must agree"):
        mixed_level(count, np.ones(2), NEIGHBOURS)
    with pytest.raises(UndefinedMetric, match="at least one bandwidth"):
        mixed_level(count, expected, {})
