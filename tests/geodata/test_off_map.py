"""What no map of places holds: counts of whole years and regions, which no subtraction makes smaller than ten."""

from datetime import date

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata import off_map
from geodata.split import LEAST_SENSITIVE, is_closed

REGIONS = ["east", "north", "west"]


def incidents(*, year=2025, group="fraud", has_place=False, **by_region):
    rows = [(group, region, date(year, 3, 1)) for region, n in by_region.items() for _ in range(n)]
    frame = pl.DataFrame(
        rows, schema={"offence_group": pl.String, "region_id": pl.String, "occurred_on": pl.Date}, orient="row"
    )
    region = pl.when(pl.col("region_id") == "nowhere").then(None).otherwise("region_id")
    return frame.with_columns(region, pl.lit(7 if has_place else None, pl.UInt64).alias("cell"))


def told(found, group="fraud", year=2025):
    rows = found.filter(pl.col("offence_group") == group, pl.col("year") == year)
    return dict(rows.select("place_id", "count").iter_rows())


def test_regions_and_the_unknown_one_add_up_to_the_whole():
    found = off_map.count("town", incidents(east=40, north=12, nowhere=60), REGIONS, [2025])

    assert told(found) == {"town": 112, "east": 40, "north": 12, "west": 0, "unknown": 60}


def test_a_small_count_is_not_told_and_a_larger_one_goes_with_it():
    found = told(off_map.count("town", incidents(east=40, north=3, west=25), REGIONS, [2025]))

    assert found["town"] == 68
    assert found["north"] is None
    assert sum(count is None for count in found.values()) == 2


def test_a_year_once_told_stays_and_only_complete_years_are_told():
    first = off_map.count("town", incidents(east=40), REGIONS, [2025])

    later = off_map.count("town", incidents(east=41), REGIONS, [2025, 2026], previous=first)

    assert told(later)["east"] == 40
    assert told(later, year=2026)["town"] == 0


def test_offences_of_the_map_count_only_where_they_came_without_a_place():
    with_place = incidents(group="theft", has_place=True, east=50)
    without = incidents(group="theft", east=20)

    found = off_map.count("town", pl.concat([with_place, without]), REGIONS, [2025])

    assert told(found, "no_place") == {"town": 20}
    assert "theft" not in found["offence_group"].to_list()


@settings(max_examples=60)
@given(counts=st.lists(st.integers(min_value=0, max_value=40), min_size=4, max_size=4))
def test_whatever_is_not_told_of_a_region_can_be_anything(counts):
    found = told(
        off_map.count("town", incidents(**dict(zip([*REGIONS, "nowhere"], counts, strict=True))), REGIONS, [2025])
    )

    shown = [found[place] for place in (*REGIONS, "unknown")]
    assert all(count is None or count == 0 or count >= LEAST_SENSITIVE for count in found.values())
    if found["town"] is not None:
        table = pl.Series(counts).to_numpy()
        hidden = pl.Series([count is None for count in shown]).to_numpy()
        assert is_closed(table, hidden, LEAST_SENSITIVE) or hidden.all()
    else:
        assert set(shown) <= {None, 0}


@pytest.mark.parametrize("group", ["drugs", "weapons", "public_order_found"])
def test_what_the_police_find_themselves_is_counted_here(group):
    assert told(off_map.count("town", incidents(group=group, east=30), REGIONS, [2025]), group)["town"] == 30
