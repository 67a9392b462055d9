"""Late records of a published year: told where no difference is a small count, and waiting elsewhere."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from geodata import corrections, public_partition
from geodata.columns import COUNTED
from geodata.split import LEAST_COUNT
from tests.geodata.test_public_counts import a_city, published

YEAR = 2024
KEY = corrections.KEY


@pytest.fixture(scope="module")
def city():
    return a_city(yearly=3_000)


@pytest.fixture(scope="module")
def told(city):
    return published(*city)


@pytest.fixture(scope="module")
def was(city):
    cube, _ = city
    return counted(cube).filter(pl.col("month").dt.year() == YEAR)


def counted(cube):
    return COUNTED.checked(cube.with_columns(region_id=pl.lit(None, pl.String)).select(COUNTED.schema.names()))


def more(was, rows):
    """The counts with more records: rows of cell, offence group, month, part of the day and how many."""
    late = pl.DataFrame(
        [(cell, None, group, month, part, count) for cell, group, month, part, count in rows],
        schema=COUNTED.schema,
        orient="row",
    )
    return pl.concat([was, late]).group_by(pl.exclude("count")).agg(pl.col("count").sum()).select(was.columns)


def changed(told, found):
    rows = told.counts.filter(pl.col("period").str.starts_with(str(YEAR)))
    both = rows.join(found.counts, on=KEY, suffix="_now", nulls_equal=True, maintain_order="left")
    assert both.height == rows.height == found.counts.height
    return both.filter(pl.col("low").fill_null(-1) != pl.col("low_now").fill_null(-1)), both


def an_area(told, was, at=0):
    """An area, the cell of most incidents in it, and the groups, parts of the day and months told of it."""
    partition = public_partition.read(told.places, YEAR)
    area = partition.area_ids[at]
    own = told.counts.filter(pl.col("place_id") == area, pl.col("period") == str(YEAR), pl.col("low") > 0)
    cells = partition.cells[partition.area_of_cell == at]
    busiest = was.filter(pl.col("cell").is_in(cells.tolist())).group_by("cell").agg(pl.col("count").sum())
    cell = busiest.sort("count", "cell")["cell"][-1]
    return area, cell, own["offence_group"].drop_nulls().to_list(), own["part_of_day"].drop_nulls().to_list()


def test_a_register_that_did_not_change_corrects_nothing(told, was):
    found = corrections.correct(told, YEAR, was=was, now=was)

    rows, _ = changed(told, found)
    assert rows.height == found.changed == found.waiting == 0
    assert found.counted.equals(was)


def test_a_few_late_records_wait(told, was):
    _, cell, groups, parts = an_area(told, was)
    now = more(was, [(cell, groups[0], date(YEAR, 2, 1), parts[0], 4)])

    found = corrections.correct(told, YEAR, was=was, now=now)

    rows, _ = changed(told, found)
    assert (rows.height, found.changed, found.waiting) == (0, 0, 1)
    assert found.counted.sort(pl.all()).equals(was.sort(pl.all()))


def test_many_late_records_are_told_wherever_they_belong(told, was):
    area, cell, groups, parts = an_area(told, was)
    group = next(name for name in groups if name != "all")
    now = more(was, [(cell, group, date(YEAR, 2, 1), parts[0], 40)])

    found = corrections.correct(told, YEAR, was=was, now=now)

    rows, _ = changed(told, found)
    exact = rows.filter(pl.col("kind") != "band")
    region = told.places.filter(pl.col("place_id") == area)["parent_id"][0]
    assert (found.changed, found.waiting) == (1, 0)
    assert set((exact["low_now"] - exact["low"]).to_list()) == {40}
    assert {"town", region, area} >= set(exact["place_id"]) >= {area}
    assert {f"{YEAR}-Q1"} <= set(exact["period"]) <= {f"{YEAR}-Q1", f"{YEAR}-02", str(YEAR)}
    assert rows.filter(pl.col("kind") == "band")["place_id"].to_list() == [f"{cell:x}"]


@pytest.mark.parametrize("seed", range(20))
def test_no_difference_that_a_reader_can_form_is_a_small_count(told, was, seed):
    rng = np.random.default_rng(seed)
    late = was.sample(fraction=float(rng.choice([0.01, 0.1, 0.5])), seed=seed)
    counts = rng.integers(-1 if seed % 4 == 0 else 1, int(rng.choice([4, 60])), size=late.height)
    late = late.with_columns(count=pl.Series(counts))
    now = pl.concat([was, late.select(was.columns)]).group_by(pl.exclude("count")).agg(pl.col("count").sum())
    now = now.with_columns(pl.col("count").clip(0)).select(was.columns)

    found = corrections.correct(told, YEAR, was=was, now=now)

    _, both = changed(told, found)
    both = both.filter(pl.col("kind") != "band").with_columns(move=pl.col("low_now") - pl.col("low"))
    moves = both.drop_nulls("move")
    assert ((moves["move"] == 0) | (moves["move"].abs() >= LEAST_COUNT)).all()
    assert ((moves["low_now"] == 0) | (moves["low_now"] >= LEAST_COUNT)).all()
    assert (both["low"].is_null() == both["low_now"].is_null()).all()
    quarters = moves.filter(pl.col("kind") == "quarter").group_by("place_id").agg(whole=pl.col("move").sum())
    parts = moves.filter(pl.col("kind").is_in(["year_group", "hours"]))
    left = parts.group_by("kind", "place_id").agg(pl.col("move").sum()).join(quarters, on="place_id")
    left = left.with_columns(rest=pl.col("whole") - pl.col("move"))["rest"]
    assert ((left == 0) | (left.abs() >= LEAST_COUNT)).all()


def test_of_many_changes_some_are_told_and_others_wait(told, was):
    rng = np.random.default_rng(5)
    busy = was.sample(fraction=0.02, seed=5)
    now = pl.concat([was, busy.with_columns(count=pl.Series(rng.integers(1, 60, size=busy.height)))])
    now = now.group_by(pl.exclude("count")).agg(pl.col("count").sum()).select(was.columns)

    found = corrections.correct(told, YEAR, was=was, now=now)

    assert found.changed > 0
    assert found.waiting > 0


def test_the_corrected_counts_are_those_that_its_own_records_give(told, was):
    _, cell, groups, parts = an_area(told, was, at=3)
    group = next(name for name in groups if name != "all")
    now = more(was, [(cell, group, date(YEAR, month, 1), parts[0], 12) for month in range(1, 13)])

    found = corrections.correct(told, YEAR, was=was, now=now)

    own = found.counted.filter(pl.col("cell") == cell, pl.col("offence_group") == group)["count"].sum()
    before = was.filter(pl.col("cell") == cell, pl.col("offence_group") == group)["count"].sum()
    whole = found.counts.filter(pl.col("kind") == "quarter", pl.col("place_id") == "town")["low"].sum()
    assert found.changed == 1
    assert own - before == 144
    assert whole == found.counted["count"].sum()
