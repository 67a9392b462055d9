import numpy as np
import polars as pl
import pytest

from geodata.columns import PLACES
from riskmap.pipeline import cell_features

CELLS = np.array([1, 2, 3], dtype=np.uint64)


def places(**columns):
    told = {
        "cell": CELLS,
        "region_id": ["a"] * 3,
        "kind": ["unknown"] * 3,
        "residents": [None] * 3,
        "addresses": [None] * 3,
    }
    return pl.DataFrame({**told, **columns}, schema=PLACES.schema)


def test_a_territory_that_says_nothing_of_its_places_has_no_features():
    assert cell_features.features_of(places(), CELLS) is None


def test_counts_act_by_their_logarithm_and_kinds_by_yes_or_no():
    found = cell_features.features_of(places(residents=[0, 9, None], kind=["park", "market", "residential"]), CELLS)

    assert found.names == ("residents", "kind: market", "kind: park")
    assert found.values[:, 0] == pytest.approx([0.0, np.log(10), np.nan], nan_ok=True)
    assert found.values[:, 1:].tolist() == [[0, 1], [1, 0], [0, 0]]


def test_a_cell_the_territory_does_not_cover_knows_nothing():
    found = cell_features.features_of(places(residents=[1, 2, 3]), np.array([2, 7], dtype=np.uint64))

    assert found.values[0, 0] == pytest.approx(np.log(3))
    assert np.isnan(found.values[1]).all()


def test_the_model_of_places_never_learns_what_people_are():
    allowed = {"residents", "addresses", "centre", "market", "park", "industry"}

    assert {*cell_features.COUNTS, *cell_features.KINDS} == allowed
