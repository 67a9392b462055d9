"""Programmes over all counts of a year find what is known to be bad, and nothing in what is built."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from geodata import hexgrid
from riskmap.attack.programme import attack_by_programme, sampled
from riskmap.errors import ContradictoryCounts
from tests.geodata.test_public_counts import published
from tests.riskmap.test_attack import _truth, as_published, counted, with_entries

REGIONS = {"A": (43.25, 76.9), "B": (43.33, 76.9)}
GROUPS = ("assault", "burglary", "theft")


@pytest.fixture(scope="module")
def town():
    """49 public cells in each of two regions, and simulated incidents of 2024, seeded."""
    rng = np.random.default_rng(5)
    grids, cubes = [], []
    for region, (lat, lng) in REGIONS.items():
        _, cells = hexgrid.children(hexgrid.assign_cells(np.array([lat]), np.array([lng]), resolution=7), 9)
        cells = np.sort(cells)
        n = 420
        weight = rng.gamma(0.3, 1.0, cells.size)
        cubes.append(
            pl.DataFrame(
                {
                    "cell": rng.choice(cells, n, p=weight / weight.sum()),
                    "offence_group": rng.choice(GROUPS, n, p=[0.06, 0.14, 0.8]),
                    "month": [date(2024, 1 + month, 1) for month in rng.integers(0, 12, n)],
                    "part_of_day": rng.choice(["night", "day", "evening"], n, p=[0.1, 0.5, 0.4]),
                }
            )
        )
        grids.append(
            pl.DataFrame({"public_cell": cells}).with_columns(region_id=pl.lit(region), is_protected=pl.lit(False))
        )
    columns = ["cell", "offence_group", "month", "part_of_day"]
    cube = pl.concat(cubes).group_by(columns).agg(count=pl.len().cast(pl.Int64)).sort(columns)
    return cube, pl.concat(grids).sort("public_cell")


@pytest.fixture(scope="module")
def public(town):
    return published(*town, start=date(2024, 1, 1))


def tried(public, cube, *, counts=None, most, table=None):
    told = as_published(public) if counts is None else as_published(public, told=lambda _: counts)
    rng = np.random.default_rng(1)
    return attack_by_programme(told, counted(cube), year=2024, region="B", most=most, rng=rng, table=table)


def test_what_is_built_gives_nothing_away(town, public):
    verdict = tried(public, town[0], most=40)

    assert verdict.targets == verdict.solved == 40
    assert verdict.is_safe


def test_entries_hidden_because_they_are_small_alone_are_found(town, public):
    cube, _ = town
    naive = with_entries(public, _truth(public, cube), hide=pl.col("true").is_between(1, 4))

    verdict = tried(public, cube, counts=naive, most=1_000, table="area")
    built = tried(public, cube, most=1_000, table="area")

    assert [(leak.row, leak.period, leak.part) for leak in verdict.leaks if leak.is_exact] == [
        ("B-2024-02", "2024", "assault")
    ]
    assert built.is_safe
    assert built.targets == verdict.targets


def test_counts_that_were_not_told_so_are_refused(town, public):
    cube, _ = town
    other = cube.with_columns(count=pl.col("count") + (pl.col("offence_group") == "theft"))

    with pytest.raises(ContradictoryCounts, match="not what was counted"):
        tried(public, other, most=1)


def test_a_year_is_tried_in_one_drawn_region(town, public):
    told = as_published(public)

    verdict = sampled(told, counted(town[0]), from_year=None, most=3, rng=np.random.default_rng(2))
    later = sampled(told, counted(town[0]), from_year=2025, most=3, rng=np.random.default_rng(2))

    assert (verdict.targets, later.targets) == (3, 0)
    assert verdict.is_safe
