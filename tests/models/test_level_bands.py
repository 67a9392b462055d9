"""Classes may see the band of five a count lies in, and nothing else."""

import numpy as np
import polars as pl
import pytest
from scipy import stats

from models import class_error, level_bands
from models.errors import InvalidRule, MismatchedSupport, UndefinedMetric
from models.level_mixture import mixed_level
from tests.models.simulated import town_kernels

KERNELS = town_kernels(rings=10)
NEIGHBOURS = {bandwidth_m: KERNELS.neighbours(bandwidth_m) for bandwidth_m in (200.0, 400.0)}
N = KERNELS.n_cells
KINDS = np.where(np.arange(N) % 2 == 0, "a", "b")


def simulated_counts(rng, rate=8.0):
    return rng.poisson(rate * rng.gamma(2.0, 0.5, size=N))


def test_a_count_becomes_the_lowest_of_its_band():
    counts = np.arange(26)

    low = level_bands.lowest_of_band(counts)

    assert np.array_equal(low, 5 * (counts // 5))
    assert np.array_equal(level_bands.lowest_of_band(counts, width=1), counts)


def test_the_likelihood_of_a_band_is_the_sum_over_its_counts():
    low, mean = np.array([0, 5, 20]), np.array([[0.5, 7.0, 31.0], [3.0, 2.0, 18.0]])

    likelihood, seen = level_bands.poisson_band(low, mean, width=5)

    chance = np.array([stats.poisson.pmf(low + at, mean) for at in range(5)])
    expected = chance.sum(axis=0)
    assert likelihood[0] / likelihood[1] == pytest.approx(expected[0] / expected[1])
    assert seen == pytest.approx(((low + np.arange(5)[:, None, None]) * chance).sum(axis=0) / expected)


def test_the_rate_of_similar_places_is_learnt_from_bands_to_a_tenth():
    rng = np.random.default_rng(4)
    exposure = rng.gamma(4.0, 0.25, size=N)
    truth = np.where(KINDS == "a", 12.0, 30.0)
    counts = rng.poisson(truth * exposure * rng.gamma(3.0, 1 / 3, size=N))

    expected = level_bands.expected_from_bands(level_bands.lowest_of_band(counts), exposure, KINDS)

    for kind in ("a", "b"):
        own = kind == KINDS
        assert expected[own].sum() == pytest.approx(counts[own].sum(), rel=0.1)


def test_a_kind_of_which_bands_tell_too_little_expects_nothing():
    rng = np.random.default_rng(5)
    counts = np.where(KINDS == "a", rng.poisson(0.4, size=N), rng.poisson(20.0, size=N))

    expected = level_bands.expected_from_bands(level_bands.lowest_of_band(counts), np.ones(N), KINDS)

    assert not expected[KINDS == "a"].any()
    assert expected[KINDS == "b"].sum() == pytest.approx(counts[KINDS == "b"].sum(), rel=0.1)


def test_what_may_be_asked_of_a_level_from_bands_lies_between_what_its_counts_would_say():
    rng = np.random.default_rng(6)
    counts = simulated_counts(rng, rate=20.0)
    low, expected = level_bands.lowest_of_band(counts), np.full(N, 20.0)

    level = mixed_level(low, expected, NEIGHBOURS, width=5)

    above = level.probability_above(1.1)
    assert level.weights.sum(axis=0) == pytest.approx(np.ones(N))
    assert above + level.probability_below(1.1) == pytest.approx(np.ones(N))
    mean = (level.weights * level.shapes / level.rates).sum(axis=0)
    assert level.mean == pytest.approx(mean)
    assert np.corrcoef(level.mean, mixed_level(counts, expected, NEIGHBOURS).mean)[0, 1] > 0.98
    assert above[low >= 40].min() > 0.95
    assert above[low == 5].max() < 0.05


def test_a_width_of_one_knows_the_counts_themselves():
    rng = np.random.default_rng(7)
    counts = simulated_counts(rng)
    expected = np.full(N, 8.0)

    one, plain = mixed_level(counts, expected, NEIGHBOURS, width=1), mixed_level(counts, expected, NEIGHBOURS)

    assert np.array_equal(one.probability_above(1.2), plain.probability_above(1.2))


def test_classes_from_bands_keep_the_promise_of_those_from_counts():
    frames = [
        class_error.simulate(
            NEIGHBOURS,
            np.random.default_rng(1),
            law=law,
            usual_expected=usual,
            n_cities=4,
            posterior=class_error.level_from_bands,
            reference=class_error.reference_from_bands,
        )
        for law in class_error.LEVEL_LAWS
        for usual in (3.0, 10.0, 40.0)
    ]

    rows = class_error.with_shares(pl.concat(frames), over=("class",))

    found = {row["class"]: row for row in rows.rows(named=True)}
    for name in ("clearly_higher", "clearly_lower"):
        assert found[name]["n_claims"] > 500
        assert found[name]["false_share"] <= 0.03
        assert found[name]["wrong_side_share"] <= 0.01


def test_what_is_no_band_and_what_does_not_agree_is_refused():
    with pytest.raises(InvalidRule, match="width 0"):
        level_bands.lowest_of_band(np.array([1]), width=0)
    with pytest.raises(InvalidRule, match="lowest_of_band"):
        mixed_level(np.full(N, 3), np.full(N, 3.0), NEIGHBOURS, width=5)
    with pytest.raises(MismatchedSupport, match="must agree"):
        level_bands.expected_from_bands(np.zeros(3, dtype=np.int64), np.ones(2), np.zeros(3))
    with pytest.raises(UndefinedMetric, match="never negative"):
        level_bands.expected_from_bands(np.zeros(1, dtype=np.int64), np.array([-1.0]), np.zeros(1))
    with pytest.raises(UndefinedMetric, match="no exposure"):
        level_bands.expected_from_bands(np.array([5]), np.zeros(1), np.zeros(1))
