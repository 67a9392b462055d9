"""Calibration by area: what is right stays in the band, what is wrong leaves it, what is few is not judged."""

import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from models.area_calibration import LEAST_EXPECTED, area_calibration
from models.errors import MismatchedSupport

N_WINDOWS, N_CELLS = 12, 60


def simulated(factor: float, *, mean: float = 2.0, seed: int = 5) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """A simulated forecast and incidents ``factor`` times as many, drawn as Poisson counts."""
    rng = np.random.default_rng(seed)
    expected = np.tile(rng.gamma(1.5, mean / 1.5, N_CELLS) + 0.01, (N_WINDOWS, 1))
    return expected, rng.poisson(factor * expected)


@pytest.mark.parametrize(("factor", "is_within"), [(1.0, True), (1.6, False), (0.6, False)])
def test_an_area_stays_in_the_band_only_where_its_level_is_right(factor: float, is_within: bool) -> None:
    expected, observed = simulated(factor)

    found = area_calibration(pl.Series(["north"] * N_CELLS), expected, observed).row(0, named=True)

    assert found["is_within_band"] is is_within
    assert found["low"] < found["observed_over_expected"] < found["high"]
    assert found["low"] < factor < found["high"]


def test_two_wrong_districts_do_not_make_up_for_each_other() -> None:
    expected, low = simulated(0.6)
    _, high = simulated(1.4)
    area = pl.Series(["north"] * (N_CELLS // 2) + ["south"] * (N_CELLS // 2))
    observed = np.hstack([low[:, : N_CELLS // 2], high[:, N_CELLS // 2 :]])

    found = area_calibration(area, expected, observed)

    assert found["is_within_band"].to_list() == [False, False]
    assert found["incidents"].sum() == observed.sum()


def test_an_area_of_few_incidents_is_told_but_not_judged() -> None:
    expected, observed = simulated(3.0, mean=0.05)
    assert expected.sum() < LEAST_EXPECTED

    found = area_calibration(pl.Series(["village"] * N_CELLS), expected, observed).row(0, named=True)

    assert not found["is_judged"]
    assert found["is_within_band"] is None
    assert found["slope"] is None
    assert found["observed_over_expected"] > 1.0


def test_the_slope_of_a_forecast_that_overstates_differences_lies_below_one_with_its_interval() -> None:
    expected, _ = simulated(1.0)
    flatter = np.sqrt(expected) * expected.sum() / np.sqrt(expected).sum()
    observed = np.random.default_rng(6).poisson(flatter)

    found = area_calibration(pl.Series(["north"] * N_CELLS), expected, observed).row(0, named=True)

    assert found["slope_low"] < 0.5 < found["slope_high"] < 1.0


def test_an_area_without_any_incident_has_no_number_made_up() -> None:
    nothing = np.zeros((N_WINDOWS, 2))

    found = area_calibration(pl.Series(["steppe", None]), nothing, nothing.astype(np.int64)).row(0, named=True)

    assert found["observed_over_expected"] is None
    assert found["high"] is None
    assert found["n_cells"] == 1


@pytest.mark.parametrize("expected", [np.ones((3, 4)), np.ones(5), np.full((3, 5), np.nan), np.full((3, 5), -1.0)])
def test_a_forecast_that_does_not_fit_its_cells_is_refused(expected: NDArray[np.float64]) -> None:
    with pytest.raises(MismatchedSupport, match="forecast"):
        area_calibration(pl.Series(["a"] * 5), expected, np.zeros((3, 5), dtype=np.int64))
