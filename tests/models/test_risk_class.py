import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models import risk_class
from models.errors import InvalidRule, MismatchedSupport, UndefinedMetric
from models.risk_class import ClassRule, RiskClass
from tests.models.simulated import town_kernels

KERNELS = town_kernels(rings=14)
NEIGHBOURS = {bandwidth_m: KERNELS.neighbours(bandwidth_m) for bandwidth_m in (200.0, 400.0, 800.0)}
N = KERNELS.n_cells


def classes_of(incident_count: np.ndarray, expected: np.ndarray) -> np.ndarray:
    return risk_class.classify(risk_class.relative_level(incident_count, expected, NEIGHBOURS))


def simulated_levels(rng: np.random.Generator) -> np.ndarray:
    """Relative levels of places: most ordinary, some doubled, some halved."""
    level = np.ones(N)
    level[rng.random(N) < 0.08] = 2.0
    level[rng.random(N) < 0.08] = 0.5
    return level


@pytest.mark.parametrize("usual_count", [6.0, 25.0, 100.0])
def test_clear_claims_are_rarely_wrong_and_most_doubled_places_are_found(usual_count):
    wrong = claimed = found = doubled = 0
    for seed in range(12):
        rng = np.random.default_rng(seed)
        level = simulated_levels(rng)
        exposure = usual_count * rng.gamma(2.0, 0.5, size=N)
        incident_count = rng.poisson(exposure * level)
        expected = risk_class.reference_expected(incident_count, exposure, np.zeros(N))

        classes = classes_of(incident_count, expected)

        true_level = level * exposure.sum() / (exposure * level).sum()
        higher, lower = classes == RiskClass.CLEARLY_HIGHER, classes == RiskClass.CLEARLY_LOWER
        wrong += np.count_nonzero(higher & (true_level <= 1.0)) + np.count_nonzero(lower & (true_level >= 1.0))
        claimed += np.count_nonzero(higher | lower)
        asked = (level == 2.0) & (exposure >= 20.0)
        doubled += np.count_nonzero(asked)
        found += np.count_nonzero(higher & asked)

    assert claimed > 50
    assert wrong / claimed <= 0.05
    assert found / max(doubled, 1) >= 0.8


def test_where_all_places_are_alike_next_to_none_is_called_different():
    rng = np.random.default_rng(1)
    expected = np.full(N, 30.0)

    classes = classes_of(rng.poisson(expected), expected)

    assert np.count_nonzero(np.isin(classes, [RiskClass.CLEARLY_LOWER, RiskClass.CLEARLY_HIGHER])) <= 0.005 * N


def test_smooth_differences_are_found_by_asking_the_neighbours():
    rng = np.random.default_rng(2)
    noise = KERNELS.smoothed(rng.normal(size=N), bandwidth_m=800.0)
    level = np.exp(0.5 * noise / noise.std())
    expected = np.full(N, 10.0)

    posterior = risk_class.relative_level(rng.poisson(expected * level), expected, NEIGHBOURS)

    assert np.abs(posterior.mean - level).mean() < 0.6 * np.abs(rng.poisson(expected * level) / expected - level).mean()
    assert posterior.prior_strength >= 16.0


@given(st.integers(0, 2**32 - 1))
def test_grey_depends_on_the_expectation_only_and_never_on_the_count(seed):
    rng = np.random.default_rng(seed)
    expected = rng.gamma(1.0, 4.0, size=N)

    classes = classes_of(rng.integers(0, 40, size=N), expected)

    assert np.array_equal(classes == RiskClass.TOO_LITTLE, expected < 3.0)
    assert set(np.unique(classes)) <= set(range(1, 7))


def test_the_rule_is_the_same_in_both_directions():
    level = risk_class.RelativeLevel(
        reference_expected=np.full(5, 50.0),
        shape=np.array([200.0, 130.0, 100.0, 76.0, 50.0]),
        rate=np.full(5, 100.0),
        prior_strength=50.0,
        bandwidth_m=400.0,
    )

    assert risk_class.classify(level).tolist() == [5, 5, 3, 1, 1]
    assert risk_class.classify(level, ClassRule(margin=0.18)).tolist() == [5, 4, 3, 2, 1]


def test_a_cell_is_judged_by_a_neighbourhood_it_is_not_part_of():
    expected = np.full(N, 10.0)
    quiet = np.full(N, 10)
    one = quiet.copy()
    one[N // 2] = 60

    before = risk_class.relative_level(quiet, expected, NEIGHBOURS)
    after = risk_class.relative_level(one, expected, {before.bandwidth_m: NEIGHBOURS[before.bandwidth_m]})

    prior = after.shape - one
    assert prior[N // 2] == pytest.approx(after.prior_strength)


def test_similar_places_share_one_rate_and_their_expectations_sum_to_their_incidents():
    incident_count = np.array([8, 0, 2, 5, 0])
    exposure = np.array([100.0, 300.0, 0.0, 1.0, 1.0])
    stratum = np.array(["centre", "centre", "centre", "park", "park"])

    expected = risk_class.reference_expected(incident_count, exposure, stratum)

    assert expected.tolist() == pytest.approx([2.5, 7.5, 0.0, 2.5, 2.5])


def test_incidents_without_any_exposure_are_refused_by_the_name_of_their_place():
    with pytest.raises(UndefinedMetric, match="park"):
        risk_class.reference_expected(np.array([1, 1]), np.array([1.0, 0.0]), np.array(["centre", "park"]))


def test_negative_exposure_is_refused():
    with pytest.raises(UndefinedMetric, match="never negative"):
        risk_class.reference_expected(np.array([1]), np.array([-1.0]), np.array([0]))


def test_places_with_no_incidents_at_all_are_too_little_to_speak_about():
    nothing = np.zeros(N, dtype=np.int64)

    expected = risk_class.reference_expected(nothing, np.ones(N), np.zeros(N))

    assert (classes_of(nothing, expected) == RiskClass.TOO_LITTLE).all()


def test_weights_of_another_support_are_refused():
    with pytest.raises(MismatchedSupport, match="Weights of 200"):
        risk_class.relative_level(np.ones(3, dtype=np.int64), np.ones(3), NEIGHBOURS)
    with pytest.raises(MismatchedSupport, match="must agree"):
        risk_class.relative_level(np.ones(3, dtype=np.int64), np.ones(2), NEIGHBOURS)


@pytest.mark.parametrize("wrong", [{"sure": 0.7}, {"likely": 0.4}, {"margin": -0.1}, {"least_expected": 0.0}])
def test_a_rule_that_contradicts_itself_is_refused(wrong):
    with pytest.raises(InvalidRule, match="do not make a rule"):
        ClassRule(**wrong)


def test_codes_are_those_of_released_files():
    assert [(c.value, c.name) for c in RiskClass] == [
        (1, "CLEARLY_LOWER"),
        (2, "MAYBE_LOWER"),
        (3, "NO_CLEAR_DIFFERENCE"),
        (4, "MAYBE_HIGHER"),
        (5, "CLEARLY_HIGHER"),
        (6, "TOO_LITTLE"),
        (7, "PROTECTED"),
    ]
