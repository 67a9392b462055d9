"""Levels of regions in a score run: cells sum to regions, regions to the territory, and the future moves none of it."""

import numpy as np
import polars as pl
import pytest

from geodata import hexgrid
from models.history import History
from models.level import AtLevel, fit_level
from models.shrinkage import EmpiricalBayes
from riskmap.pipeline.expected import HORIZONS_DAYS, expected_frames
from riskmap.pipeline.level_areas import COARSE_RESOLUTION, level_areas
from tests.models.simulated import simulated_town, town_kernels

TOWN = simulated_town(seed=3, days=800)
CELLS = TOWN.kernels.cells


def some_places(cells=CELLS):
    """Simulated: every third cell in the second region, the rest in the first."""
    region = np.where(np.arange(cells.size) % 3 == 0, "750002", "750001")
    return pl.DataFrame({"cell": cells, "region_id": region})


def test_cells_of_a_region_share_an_area_and_cells_beyond_all_regions_have_one():
    areas = level_areas(CELLS, some_places().slice(2))

    assert areas[:2].tolist() == [0, 0]
    assert sorted(set(areas[2:].tolist())) == [1, 2]
    assert len(set(areas[3::3].tolist())) == 1


def test_without_regions_the_areas_are_coarser_cells():
    areas = level_areas(CELLS, None)

    parents = hexgrid.to_parent(CELLS, COARSE_RESOLUTION)
    assert np.unique(areas).size == np.unique(parents).size
    assert all(np.unique(parents[areas == area]).size == 1 for area in np.unique(areas))


def test_cells_no_finer_than_the_areas_have_one_level():
    cells = town_kernels(rings=2, resolution=6).cells

    assert not level_areas(cells, None).any()


def test_no_cells_have_no_areas():
    assert level_areas(np.array([], dtype=np.uint64), None).size == 0


def frames(history):
    places = some_places()
    model = AtLevel(place=EmpiricalBayes(kernels=TOWN.kernels), area_of_cell=level_areas(CELLS, places), name="eb")
    return pl.concat(expected_frames(model, history, places, "town", "theft", as_of=TOWN.end))


@pytest.mark.parametrize("horizon_days", HORIZONS_DAYS)
def test_cells_sum_to_regions_and_regions_to_the_level_of_the_territory(horizon_days):
    history = TOWN.history()

    found = frames(history).filter(pl.col("horizon_days") == horizon_days)

    cells, regions, whole = (
        found.filter(pl.col("area_kind") == kind)["expected_incidents"].to_numpy()
        for kind in ("cell", "region", "territory")
    )
    is_second = (some_places()["region_id"] == "750002").to_numpy()
    assert np.allclose([cells[~is_second].sum(), cells[is_second].sum()], regions, rtol=1e-12)
    assert regions.sum() == pytest.approx(whole[0], rel=1e-12)
    assert whole[0] == pytest.approx(fit_level(history, as_of=TOWN.end).expected_total(horizon_days), rel=1e-12)


def test_nothing_from_the_day_on_moves_a_number_of_a_run():
    late = np.full(500, np.datetime64(TOWN.end, "D") + 3)
    busier = History.from_incidents(
        np.r_[TOWN.cell, np.repeat(CELLS[:1], late.size)],
        np.r_[TOWN.occurred_on, late],
        cells=CELLS,
        start=TOWN.start,
        end=(late[0] + 1).item(),
    )

    assert frames(busier).equals(frames(TOWN.history()))
