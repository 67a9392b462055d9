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


ONE_AREA = np.zeros(CELLS.size, dtype=np.int64)


def classes_of(counts, *, area_of_cell=ONE_AREA, is_total_told=False):
    incidents = pl.DataFrame({"cell": np.repeat(CELLS, counts)})
    return class_layers.classes(
        GRID, incidents, YEAR, NEIGHBOURS, area_of_cell=area_of_cell, is_total_told=is_total_told
    )


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


def test_few_cells_of_an_area_share_its_total_so_no_division_of_it_moves_a_class():
    rng = np.random.default_rng(4)
    counts = simulated_counts(rng)
    triples = np.arange(CELLS.size) // 3
    divided = counts.copy()
    for area in np.unique(triples):
        own = np.flatnonzero(triples == area)
        divided[own] = rng.multinomial(counts[own].sum(), np.full(own.size, 1 / own.size))

    usual, others = (classes_of(one, area_of_cell=triples) for one in (counts, divided))

    assert not np.array_equal(divided, counts)
    assert np.array_equal(usual, others)


def test_beside_a_told_total_bands_that_use_it_up_are_shared_too():
    counts = np.zeros(CELLS.size, dtype=np.int64)
    counts[:40] = 40
    lone = counts.copy()
    lone[60] = 1
    moved = counts.copy()
    moved[3] += 1

    usual, elsewhere = (classes_of(one, is_total_told=True) for one in (lone, moved))

    assert np.array_equal(usual, elsewhere)
    assert not np.array_equal(usual, classes_of(lone))
