"""What every shelf of official totals does."""

from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from geodata.columns import OFFICIAL_TOTALS
from geodata.errors import InvalidTerritory, UnexpectedColumns
from riskmap.errors import DamagedStore
from riskmap.ports import Store
from tests.contracts.store_builders import a_territory


def totals(*lines: tuple[str, int, int, int]) -> pl.DataFrame:
    """Totals from region, year, line and registered offences."""
    rows = [
        {
            "region_id": region,
            "year": year,
            "line": line,
            "kind": "article",
            "article": "188",
            "in_proceedings": registered,
            "registered": registered,
            "victims_women": 0,
            "victims_minors": 0,
        }
        for region, year, line, registered in lines
    ]
    return pl.DataFrame(rows, schema=OFFICIAL_TOTALS.schema)


def test_nothing_loaded_is_an_empty_table(store: Store):
    assert_frame_equal(store.totals.load("town"), OFFICIAL_TOTALS.empty())


def test_totals_come_back_by_region_year_and_line(store: Store):
    store.totals.put("town", totals(("2", 2023, 1, 5), ("1", 2023, 2, 6), ("1", 2023, 1, 7)))

    expected = totals(("1", 2023, 1, 7), ("1", 2023, 2, 6), ("2", 2023, 1, 5))
    assert_frame_equal(store.totals.load("town"), expected)
    assert store.totals.load("other").is_empty()


def test_totals_of_the_same_region_and_year_give_way_and_others_stay(store: Store):
    store.totals.put("town", totals(("1", 2023, 1, 7), ("1", 2023, 2, 6), ("1", 2022, 1, 5), ("2", 2023, 1, 4)))

    replaced = store.totals.put("town", totals(("1", 2023, 1, 9)))

    assert replaced == 2
    assert_frame_equal(store.totals.load("town"), totals(("1", 2022, 1, 5), ("1", 2023, 1, 9), ("2", 2023, 1, 4)))


def test_totals_outlive_a_new_version_of_their_territory(store: Store):
    store.totals.put("town", totals(("1", 2023, 1, 7)))
    store.territories.save(a_territory())

    assert store.totals.load("town").height == 1


def test_a_table_of_another_shape_is_refused(store: Store):
    with pytest.raises(UnexpectedColumns):
        store.totals.put("town", totals(("1", 2023, 1, 7)).drop("kind"))


def test_a_name_that_leads_elsewhere_is_refused(store: Store):
    with pytest.raises(InvalidTerritory):
        store.totals.put("../town", totals(("1", 2023, 1, 7)))


def test_a_damaged_file_is_told(store: Store, tmp_path: Path):
    store.totals.put("town", totals(("1", 2023, 1, 7)))
    next(tmp_path.rglob("town.parquet")).write_bytes(b"PAR1 nothing PAR1")

    with pytest.raises(DamagedStore, match="load the forms again"):
        store.totals.load("town")
