"""Classes of published cells tell of a count at most the band of five it lies in."""

from datetime import date

import numpy as np
import polars as pl

from geodata import hexgrid
from geodata.aggregate import Period
from models.kernels import Kernels
from models.risk_class import RiskClass
from riskmap.pipeline import class_layers

YEAR = Period(start=date(2025, 1, 1), end=date(2026, 1, 1))
MIDDLE = hexgrid.assign_cells(np.array([46.5]), np.array([66.7]), resolution=9)
CELLS = np.unique(hexgrid.disk(MIDDLE, 9)[1])
GRID = pl.DataFrame(
    {
        "public_cell": CELLS,
        "similar": np.where(np.arange(CELLS.size) % 3 == 0, "a", "b"),
        "exposure": np.ones(CELLS.size),
        "is_protected": np.zeros(CELLS.size, dtype=bool),
    }
)
NEIGHBOURS = {metres: Kernels(CELLS).neighbours(metres) for metres in (500.0, 1000.0)}


def classes_of(counts):
    incidents = pl.DataFrame({"cell": np.repeat(CELLS, counts)})
    return class_layers.classes(GRID, incidents, YEAR, NEIGHBOURS)


def simulated_counts(rng):
    return rng.poisson(9.0 * rng.gamma(1.5, 1 / 1.5, size=CELLS.size))


def test_no_count_within_its_band_moves_any_class():
    rng = np.random.default_rng(1)
    counts = simulated_counts(rng)
    usual = classes_of(counts)

    for _ in range(5):
        others = counts // 5 * 5 + rng.integers(0, 5, size=counts.size)
        assert np.array_equal(classes_of(others), usual)
    assert {RiskClass.CLEARLY_LOWER, RiskClass.CLEARLY_HIGHER} <= set(usual.tolist())


def test_a_lone_incident_in_an_empty_place_is_not_told_from_none():
    counts = simulated_counts(np.random.default_rng(2))
    empty = np.where(np.arange(CELLS.size) < 20, 0, counts)
    lone = empty.copy()
    lone[7] = 1

    assert np.array_equal(classes_of(lone), classes_of(empty))


def test_what_changes_a_band_can_change_a_class():
    counts = simulated_counts(np.random.default_rng(3))
    more = counts.copy()
    more[:30] += 25

    assert not np.array_equal(classes_of(more), classes_of(counts))
