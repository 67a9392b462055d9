"""Reasons of a score run: every served model says why, in parts that add up, and the future moves none of them."""

from datetime import timedelta

import numpy as np
import pytest

from geodata import hexgrid
from geodata.columns import CELL_REASONS
from models.baselines import BASELINES
from models.level import AtLevel
from models.shrinkage import EmpiricalBayes
from models.stacked import stack
from models.surfaces import Surfaces
from riskmap.pipeline import cell_reasons
from tests.models.simulated import simulated_town

TOWN = simulated_town(seed=3, days=800)
IDS = hexgrid.cell_ids(TOWN.kernels.cells)


def told(model, history, as_of=TOWN.end):
    return cell_reasons.of_group(model, history, IDS, "theft", as_of=as_of)


def test_every_cell_of_the_base_layer_has_its_reasons_and_the_busiest_is_told_for_its_record():
    history = TOWN.history()
    model = EmpiricalBayes(kernels=TOWN.kernels)
    highest = int(model.fit(history, as_of=TOWN.end).expected_incidents(30).argmax())

    found = told(model, history)

    assert found["area_id"].to_list() == IDS
    assert found["reasons"].list.len().max() <= 3
    first = found["reasons"][highest][0]
    assert (first["presence"], first["factor"] > 1.0) == ("more", True)


@pytest.mark.parametrize("is_lifted", [True, False])
def test_a_stacked_model_says_why_with_and_without_a_level(is_lifted):
    history = TOWN.history()
    surfaces = Surfaces(kernels=TOWN.kernels, histories={"theft": history, "robbery": TOWN.history()})
    place = stack(EmpiricalBayes(kernels=TOWN.kernels), history, kind="theft", surfaces=surfaces, as_of=TOWN.end)

    found = told(AtLevel(place=place) if is_lifted else place, history)

    assert found["reasons"].list.len().max() >= 1
    assert "level" not in {one["theme"] for row in found["reasons"] for one in row}


def test_a_model_that_cannot_say_why_leaves_no_rows():
    baseline = next(iter(BASELINES.values()))

    found = told(baseline(TOWN.history(), as_of=TOWN.end, horizon_days=30, kernels=TOWN.kernels), TOWN.history())

    assert found.equals(CELL_REASONS.empty())


def test_nothing_after_the_day_moves_a_reason_of_a_run():
    model, earlier = EmpiricalBayes(kernels=TOWN.kernels), TOWN.end - timedelta(days=90)

    seeing, blind = told(model, TOWN.history(), earlier), told(model, TOWN.history().before(earlier), earlier)

    assert seeing.equals(blind)


def test_a_region_is_told_codes_of_its_reasons_and_no_number():
    history = TOWN.history()
    model = AtLevel(place=EmpiricalBayes(kernels=TOWN.kernels))
    expected = model.fit(history, as_of=TOWN.end).expected_incidents(30)
    region = ["busy" if one > np.median(expected) else "calm" for one in expected]

    found = cell_reasons.of_regions(model, history, region, as_of=TOWN.end)

    assert sorted(found) == ["busy", "calm"]
    assert found["busy"][0] == {"theme": "surroundings_record", "presence": "more", "effect": "higher"}
    assert all(set(one) == {"theme", "presence", "effect"} for told in found.values() for one in told)
    assert cell_reasons.of_regions(model, history, ["one"] * len(region), as_of=TOWN.end) == {}
