"""What the five classes claim, against the truth of simulated cities."""

import numpy as np
import polars as pl
import pytest

from models import class_error
from models.class_error import LEVEL_LAWS, simulate, with_shares
from models.errors import MismatchedSupport, UndefinedMetric
from models.level_mixture import mixed_level
from models.risk_class import ClassRule, RiskClass
from tests.models.simulated import town_kernels

KERNELS = town_kernels(rings=14)
NEIGHBOURS = {bandwidth_m: KERNELS.neighbours(bandwidth_m) for bandwidth_m in (200.0, 400.0, 800.0)}
CLEARLY = ["clearly_higher", "clearly_lower"]


def claims(laws: list[str], **options: object) -> dict[str, dict[str, float]]:
    """Claims and their shares by class, over all laws and usual counts of 3, 10 and 40."""
    frames = [
        simulate(NEIGHBOURS, np.random.default_rng(1), law=law, usual_expected=usual, n_cities=4, **options)
        for law in laws
        for usual in (3.0, 10.0, 40.0)
    ]
    rows = with_shares(pl.concat(frames), over=("class",)).rows(named=True)
    return {row["class"]: row for row in rows}


GRADUAL = ["smooth", "patchwork", "skewed", "smooth_and_patchwork"]


def test_where_places_differ_gradually_the_rule_keeps_both_promises():
    found = claims(GRADUAL)

    for name in CLEARLY:
        assert found[name]["n_claims"] > 1000
        assert found[name]["false_share"] <= 0.05
        assert found[name]["wrong_side_share"] <= 0.02
    for name in ("maybe_higher", "maybe_lower"):
        assert found[name]["n_claims"] > 500
        assert found[name]["false_share"] <= 0.20
        assert found[name]["wrong_side_share"] <= 0.12


def test_a_rule_that_is_too_easily_sure_is_found_out():
    found = claims(GRADUAL, rule=ClassRule(sure=0.6, likely=0.55))

    assert all(found[name]["false_share"] > 0.08 for name in CLEARLY)


def test_a_mixture_of_priors_keeps_the_promise_where_a_few_hotspots_stand_out_and_one_prior_does_not():
    one, mixed = claims(["hotspots"]), claims(["hotspots"], posterior=mixed_level)

    assert one["clearly_higher"]["false_share"] > 0.03
    assert one["maybe_higher"]["false_share"] > 0.9
    assert mixed["clearly_higher"]["false_share"] <= 0.01
    assert mixed["maybe_higher"]["n_claims"] < 0.05 * one["maybe_higher"]["n_claims"]
    assert mixed["clearly_higher"]["found_share"] >= one["clearly_higher"]["found_share"] - 0.01


def test_a_mixture_of_priors_keeps_the_promise_under_all_laws_together():
    found = claims([law for law in LEVEL_LAWS if law != "alike"], posterior=mixed_level)

    assert all(found[name]["false_share"] <= 0.03 for name in CLEARLY)
    assert all(found[name]["false_share"] <= 0.20 for name in ("maybe_higher", "maybe_lower"))


@pytest.mark.parametrize("posterior", [class_error.relative_level, mixed_level])
def test_where_nothing_differs_next_to_nothing_is_claimed(posterior):
    found = claims(["alike"], posterior=posterior)

    n_cells = found["clearly_higher"]["n_cells"]
    assert n_cells == 12 * KERNELS.n_cells
    assert sum(found[name]["n_claims"] for name in CLEARLY) <= 0.0005 * n_cells
    assert sum(row["n_claims"] for row in found.values()) <= 0.01 * n_cells


def test_below_three_expected_a_place_could_be_called_higher_but_hardly_ever_lower():
    frames = [
        simulate(
            NEIGHBOURS,
            np.random.default_rng(2),
            law=law,
            usual_expected=3.0,
            n_cities=8,
            rule=ClassRule(least_expected=1e-9),
        )
        for law in ("patchwork", "skewed", "smooth_and_patchwork")
    ]
    found = with_shares(pl.concat(frames), over=("class", "least_expected"))

    def share(name: str, least_expected: float) -> float:
        row = found.row(by_predicate=(pl.col("class") == name) & (pl.col("least_expected") == least_expected))
        return float(row[found.columns.index("found_share")])

    assert share("clearly_higher", 1.0) > 3.0 * share("clearly_lower", 1.0)
    assert share("clearly_lower", 3.0) > 4.0 * share("clearly_lower", 1.0)
    assert share("clearly_lower", 3.0) > 0.5 * share("clearly_higher", 3.0)


def test_claims_are_counted_beside_the_truth_they_speak_of():
    level = np.array([2.0, 1.05, 0.9, 0.4, 1.2])
    expected = np.array([4.0, 4.0, 4.0, 60.0, 4.0])
    codes = np.array([5, 5, 5, 1, 3], dtype=np.uint8)

    found = class_error.claims_against_truth(level, expected, codes)

    higher = found.row(
        by_predicate=(pl.col("class") == "clearly_higher") & (pl.col("least_expected") == 3.0), named=True
    )
    lower = found.row(
        by_predicate=(pl.col("class") == "clearly_lower") & (pl.col("least_expected") == 50.0), named=True
    )
    assert [higher[name] for name in class_error.COUNTS] == [4, 2, 3, 2, 1]
    assert [lower[name] for name in class_error.COUNTS] == [1, 1, 1, 0, 0]


def test_a_share_of_no_claims_is_missing_and_not_nought():
    nothing = class_error.claims_against_truth(np.ones(3), np.ones(3), np.full(3, RiskClass.TOO_LITTLE, dtype=np.uint8))

    assert with_shares(nothing)["false_share"].is_null().all()
    assert with_shares(nothing)["found_share"].is_null().all()


def test_the_same_seed_draws_the_same_cities():
    first, second = (
        simulate(NEIGHBOURS, np.random.default_rng(3), law="skewed", usual_expected=5.0, n_cities=2) for _ in range(2)
    )

    assert first.equals(second)
    assert set(first["law"]) == {"skewed"}


def test_unknown_laws_no_cities_and_arrays_that_do_not_agree_are_refused():
    with pytest.raises(UndefinedMetric, match="alike"):
        simulate(NEIGHBOURS, np.random.default_rng(1), law="none", usual_expected=5.0)
    with pytest.raises(UndefinedMetric, match="n_cities=0"):
        simulate(NEIGHBOURS, np.random.default_rng(1), law="alike", usual_expected=5.0, n_cities=0)
    with pytest.raises(MismatchedSupport, match="must agree"):
        class_error.claims_against_truth(np.ones(2), np.ones(3), np.ones(3, dtype=np.uint8))
