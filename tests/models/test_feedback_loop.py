"""Does the forecast feed on what patrols find? The loop of the design notes, with a control that must run away."""

from functools import partial

import numpy as np
import pytest
from polars.testing import assert_frame_equal

from models import feedback_loop, training
from models.errors import UnknownModel
from models.feedback_loop import LARGEST_AMPLIFICATION, LEAST_OF_CONTROL, SCENARIOS, Loop, TunedBaseLayer
from models.shrinkage import EmpiricalBayes

FEW, MANY = 3, 40


def base_layer(kernels, **settings):
    return EmpiricalBayes(kernels=kernels, **settings)


def tuned_base_layer(kernels):
    return TunedBaseLayer(kernels=kernels)


@pytest.fixture(scope="module")
def outcomes():
    """What came of each scenario with the base layer at its default settings."""
    return {name: feedback_loop.repeated(name, base_layer, seeds=FEW) for name in SCENARIOS}


def test_an_old_excess_fades_from_the_products_forecast(outcomes):
    kept_out = outcomes["found_thrice_kept_out"]

    assert kept_out["start"].min() > 1.1, "the half was recorded too much, so there is something to amplify"
    assert kept_out["amplification"].max() <= LARGEST_AMPLIFICATION
    assert kept_out["amplification"].mean() == pytest.approx(0.88, abs=0.03)


def test_a_model_that_learns_from_finds_runs_away_or_this_simulation_would_show_nothing(outcomes):
    control = outcomes["found_thrice_unguarded"]

    assert control["amplification"].mean() >= LEAST_OF_CONTROL
    assert control["always_visited"].mean() >= 0.95
    assert control["visits"].mean() > outcomes["found_thrice_kept_out"]["visits"].mean() + 0.05


def test_finds_that_are_as_frequent_as_reports_keep_an_old_excess_alive(outcomes):
    once = outcomes["found_once_unguarded"]["amplification"].mean()

    assert outcomes["reported_only"]["amplification"].mean() + 0.05 < once
    assert once < outcomes["found_thrice_unguarded"]["amplification"].mean()


def test_behind_the_guard_a_city_full_of_finds_is_forecast_as_one_without_any(outcomes):
    assert_frame_equal(outcomes["found_thrice_kept_out"], outcomes["reported_only"])


def test_it_is_the_guard_that_holds_the_product_row(outcomes, monkeypatch):
    monkeypatch.setattr(training, "reason_of_group", lambda _group: None)

    unheld = feedback_loop.repeated("found_thrice_kept_out", base_layer, seeds=FEW)

    assert_frame_equal(unheld, outcomes["found_thrice_unguarded"])


def test_no_guard_cures_what_people_do_not_report(outcomes):
    silent = outcomes["half_reporting"]

    assert silent["end"].max() < 0.8, "the half's share stays far below the truth"
    assert silent["visits"].max() < 0.1


def test_the_same_seed_gives_the_same_city():
    loop, door = SCENARIOS["found_once_unguarded"]

    first, again, other = (
        feedback_loop.run(loop, base_layer, door=door, rng=np.random.default_rng(seed)) for seed in (5, 5, 6)
    )

    assert first == again
    assert first != other


def test_the_city_has_as_many_areas_as_it_should_and_each_once():
    cells = feedback_loop.city_of(Loop(areas=60)).cells

    assert cells.size == np.unique(cells).size == 60


def test_an_unknown_scenario_is_refused_with_the_names_of_the_others():
    with pytest.raises(UnknownModel, match="reported_only, found_once_unguarded"):
        feedback_loop.repeated("patrols_rest", base_layer, seeds=1)


@pytest.mark.deep
@pytest.mark.parametrize(
    "model_of",
    [base_layer, partial(base_layer, half_life_days=180.0), tuned_base_layer],
    ids=["defaults", "half a year", "tuned"],
)
def test_forty_cities_stay_within_the_published_bounds(model_of):
    found = {
        name: feedback_loop.repeated(name, model_of, seeds=MANY)["amplification"]
        for name in ("found_thrice_kept_out", "found_thrice_unguarded")
    }

    assert found["found_thrice_kept_out"].max() <= LARGEST_AMPLIFICATION
    assert found["found_thrice_unguarded"].mean() >= LEAST_OF_CONTROL
