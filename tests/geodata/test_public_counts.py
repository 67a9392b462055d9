"""Every number the public may see, and what stays hidden beside it."""

from datetime import date

import numpy as np
import polars as pl
import pytest

from geodata import hexgrid, public_counts, public_partition
from geodata.public_counts import build, complete_quarters
from geodata.split import LEAST_COUNT, LEAST_SENSITIVE

MIDDLES = {"A": (43.25, 76.9), "B": (43.33, 76.9), "C": (43.25, 77.02)}
GROUPS = {"theft": 0.5, "assault": 0.25, "burglary": 0.2, "robbery": 0.05}
YEARS = (2023, 2024)


def a_city(seed=1, yearly=5_000, years=YEARS):
    """Working cells of three regions, and simulated incidents of some years, seeded: a cube and a grid."""
    rng = np.random.default_rng(seed)
    grids, cubes = [], []
    for region, (lat, lng) in MIDDLES.items():
        parent = hexgrid.assign_cells(np.array([lat]), np.array([lng]), resolution=6)
        _, cells = hexgrid.children(parent, 9)
        cells = np.sort(cells)
        weight = rng.gamma(0.3, 1.0, cells.size)
        n = yearly * len(years) // 3
        cubes.append(
            pl.DataFrame(
                {
                    "cell": rng.choice(cells, n, p=weight / weight.sum()),
                    "offence_group": rng.choice(list(GROUPS), n, p=list(GROUPS.values())),
                    "month": [date(years[0] + m // 12, m % 12 + 1, 1) for m in rng.integers(0, 12 * len(years), n)],
                    "part_of_day": rng.choice(public_counts.PARTS_OF_DAY, n, p=[0.2, 0.15, 0.25, 0.35, 0.05]),
                }
            )
        )
        grids.append(
            pl.DataFrame({"public_cell": cells}).with_columns(region_id=pl.lit(region), is_protected=pl.lit(False))
        )
    columns = ["cell", "offence_group", "month", "part_of_day"]
    cube = pl.concat(cubes).group_by(columns).agg(count=pl.len().cast(pl.Int64)).sort(columns)
    return cube, pl.concat(grids).unique("public_cell").sort("public_cell")


NO_SENSITIVE = pl.DataFrame(
    schema={"region_id": pl.String, "offence_group": pl.String, "month": pl.Date, "count": pl.Int64}
)


def published(cube, grid, *, sensitive=NO_SENSITIVE, start=date(2023, 1, 1), end=date(2025, 1, 1), **more):
    return build("town", cube, sensitive, grid, start=start, end=end, **more)


@pytest.fixture(scope="module")
def city():
    return a_city()


@pytest.fixture(scope="module")
def found(city):
    return published(*city)


def of(found, kind, **equal):
    rows = found.counts.filter(pl.col("kind") == kind)
    return rows.filter(*(pl.col(name) == value for name, value in equal.items()))


def children_of(found, parent, year=None):
    rows = found.places.filter(pl.col("parent_id") == parent)
    return rows.filter(pl.col("year") == year)["place_id"].to_list() if year else rows["place_id"].to_list()


def test_every_count_told_is_nought_or_at_least_five(found):
    told = found.counts.filter(pl.col("kind") != "band").drop_nulls("low")

    assert (told["low"] == told["high"]).all()
    assert ((told["low"] == 0) | (told["low"] >= LEAST_COUNT)).all()
    assert found.counts.filter(pl.col("low").is_null()).height > 50, "the test is not about nothing"


def test_what_is_told_is_the_truth(city, found):
    cube, _ = city
    partition = public_partition.read(found.places, 2024)
    area = np.array(partition.area_ids)[partition.area_of_cell[partition.position_of(cube["cell"].to_numpy())]]
    truth = cube.with_columns(place_id=area).filter(pl.col("month").dt.year() == 2024)
    truth = truth.group_by("place_id", "offence_group").agg(true=pl.col("count").sum())

    told = of(found, "year_group", period="2024").drop_nulls("low").join(truth, on=["place_id", "offence_group"])

    assert told.height > 30
    assert (told["low"] == told["true"]).all()


def test_all_incidents_lie_in_exact_totals_of_areas_where_every_quarter_is_told(city, found):
    cube, _ = city
    areas = found.places.filter(pl.col("level") == "area")["place_id"]

    quarters = of(found, "quarter").filter(pl.col("place_id").is_in(areas.implode()))

    assert quarters["low"].null_count() == 0
    assert quarters["low"].sum() == cube["count"].sum()


@pytest.mark.parametrize("parent", ["town", "A", "B", "C"])
def test_parts_sum_to_the_whole_where_all_are_told_and_never_leave_one_hidden(found, parent):
    for period in ("2023-Q1", "2024-Q3"):
        ids = children_of(found, parent, None if parent == "town" else int(period[:4]))
        parts = of(found, "quarter", period=period).filter(pl.col("place_id").is_in(ids))
        whole = of(found, "quarter", period=period, place_id=parent)["low"][0]

        assert parts.height == len(ids) > 1
        assert parts["low"].null_count() != 1
        assert parts["low"].null_count() or parts["low"].sum() == whole


@pytest.mark.parametrize("kind", ["year_group", "hours"])
def test_no_row_and_no_column_of_a_split_hides_one_entry_alone(found, kind):
    part = "offence_group" if kind == "year_group" else "part_of_day"
    rows = of(found, kind, period="2024").with_columns(is_hidden=pl.col("low").is_null())
    areas = found.places.filter(pl.col("level") == "area").select("place_id", "parent_id")

    by_row = rows.group_by("place_id").agg(pl.col("is_hidden").sum())["is_hidden"]
    by_column = rows.join(areas, on="place_id").group_by("parent_id", part).agg(pl.col("is_hidden").sum())["is_hidden"]

    assert by_row.sum() > 5
    assert not (by_row == 1).any()
    assert not (by_column == 1).any()


def test_what_a_place_hides_its_parts_hide_too(city):
    cube, grid = city
    of_a = pl.col("cell").is_in(grid.filter(pl.col("region_id") == "A")["public_cell"].implode())
    is_robbery = pl.col("offence_group") == "robbery"
    thinned = pl.concat([cube.filter(~is_robbery | of_a), cube.filter(is_robbery & ~of_a).head(3)])

    found = published(thinned, grid)

    places = found.places.filter(pl.col("level") == "area").select("place_id", "parent_id")
    rows = of(found, "year_group", offence_group="robbery")
    hidden = rows.filter(pl.col("place_id").is_in(list(MIDDLES)), pl.col("low").is_null())
    below = rows.join(places, on="place_id").join(
        hidden, left_on=["parent_id", "period"], right_on=["place_id", "period"]
    )
    assert below.height > 3
    assert below["low"].null_count() == below.height


def test_every_published_cell_has_one_band_a_year_and_nought_is_never_told_from_four(city, found):
    _, grid = city

    bands = of(found, "band", period="2024")

    assert bands.height == grid.height
    assert set(bands["place_id"]) == set(hexgrid.cell_ids(grid["public_cell"].to_numpy()))
    assert (bands["high"] - bands["low"] >= LEAST_COUNT - 1).all()
    assert (bands["low"] % LEAST_COUNT == 0).all()
    assert bands.filter(pl.col("low") == 0).height > grid.height / 4


def test_bands_leave_a_small_count_open_beside_the_total_of_their_area(found):
    partition = public_partition.read(found.places, 2024)
    bands = of(found, "band", period="2024").sort("place_id")
    area = partition.area_of_cell[np.argsort(hexgrid.cell_ids(partition.cells))]
    totals = of(found, "quarter").filter(pl.col("period").str.starts_with("2024"))
    totals = totals.group_by("place_id").agg(pl.col("low").sum())

    for number, area_id in enumerate(partition.area_ids):
        own = bands.filter(pl.Series(area == number))
        if own.height == 1 or own["low"].null_count() == own.height:
            continue
        total = totals.filter(pl.col("place_id") == area_id)["low"][0]
        assert own["low"].sum() + LEAST_COUNT - 1 <= total <= own["high"].sum() - LEAST_COUNT + 1


def test_a_protected_cell_has_no_band(city):
    cube, grid = city
    protected = grid["public_cell"][7]

    found = published(cube, grid.with_columns(is_protected=pl.col("public_cell") == protected))

    bands = of(found, "band", place_id=f"{protected:x}")
    assert bands["low"].to_list() == bands["high"].to_list() == [None, None]


def test_sensitive_offences_are_told_of_regions_and_years_alone_and_from_ten(city):
    rows = [("A", "sexual", 2024, 30), ("B", "sexual", 2024, 4), ("C", "sexual", 2024, 25), ("A", "homicide", 2024, 9)]
    sensitive = pl.DataFrame(
        [(region, group, date(year, 5, 1), count) for region, group, year, count in rows],
        schema=NO_SENSITIVE.schema,
        orient="row",
    )

    found = published(*city, sensitive=sensitive)

    told = of(found, "sensitive", period="2024")
    assert set(told["place_id"]) == {"town", *MIDDLES}
    assert ((told["low"] == 0) | (told["low"] >= LEAST_SENSITIVE) | told["low"].is_null()).all()
    sexual = {row["place_id"]: row["low"] for row in told.filter(pl.col("offence_group") == "sexual").to_dicts()}
    assert sexual["town"] == 59
    assert sexual["B"] is None
    assert [sexual["A"], sexual["C"]].count(None) == 1, "one more is hidden, so that B cannot be subtracted"
    assert told.filter(pl.col("offence_group") == "homicide", pl.col("place_id") == "town")["low"].to_list() == [None]
    assert of(found, "year_group").filter(pl.col("offence_group") == "sexual").height == 0


def test_a_rare_group_is_told_as_unspecified(city):
    cube, grid = city
    rare = cube.head(3).with_columns(offence_group=pl.lit("hooliganism"), count=pl.lit(1, dtype=pl.Int64))

    found = published(pl.concat([cube, rare]), grid)

    assert set(of(found, "year_group")["offence_group"]) == {*GROUPS, "unspecified"}


def test_only_complete_quarters_and_years_are_told(city):
    found = published(*city, start=date(2023, 2, 1), end=date(2024, 11, 5))

    assert set(of(found, "quarter")["period"]) == {"2023-Q2", "2023-Q3", "2023-Q4", "2024-Q1", "2024-Q2", "2024-Q3"}
    assert of(found, "year_group").height == of(found, "band").height == 0
    assert complete_quarters(date(2024, 1, 1), date(2025, 1, 1))[-1] == date(2024, 10, 1)


def test_what_was_published_stays_as_it_was_whatever_is_counted_later(city):
    cube, grid = city
    before = published(cube.filter(pl.col("month") < date(2024, 7, 1)), grid, end=date(2024, 7, 1))
    late = cube.with_columns(
        count=pl.when(pl.col("month") < date(2024, 4, 1)).then(pl.col("count") + 1).otherwise("count")
    )

    after = published(late, grid, previous=before)

    assert after.counts.head(before.counts.height).equals(before.counts)
    assert after.places.head(before.places.height).equals(before.places)
    assert of(after, "quarter", period="2024-Q4").height
    assert of(after, "band", period="2024").height == grid.height


def test_periods_published_one_by_one_are_those_published_at_once(city):
    cube, grid = city
    step = public_counts.NOTHING
    for end in (date(2024, 1, 1), date(2024, 4, 1), date(2024, 10, 1), date(2025, 1, 1)):
        step = published(cube.filter(pl.col("month") < end), grid, end=end, previous=step)

    at_once = published(cube, grid)

    assert step.counts.sort(public_counts.KEY).equals(at_once.counts.sort(public_counts.KEY))


def test_a_row_that_is_withheld_tells_nothing_and_its_siblings_make_no_way_round(city, found):
    area = children_of(found, "A", 2024)[0]
    told_before = of(found, "year_group", place_id=area, period="2024").drop_nulls("low").height

    coarser = published(*city, withheld={("year_group", area, "2024"), ("band", area, "2024")})

    assert told_before > 0
    assert of(coarser, "year_group", place_id=area, period="2024")["low"].null_count() == len(GROUPS)
    cells = found.places.filter(pl.col("place_id") == area)["cells"][0].split(";")
    bands = of(coarser, "band", period="2024").filter(pl.col("place_id").is_in(cells))
    assert bands.height == len(cells)
    assert bands["low"].null_count() == bands["high"].null_count() == bands.height


def test_areas_keep_their_cells_through_a_year_and_a_crosswalk_tells_where_they_go(found):
    crosswalk = public_partition.crosswalk(found.places)

    areas = found.places.filter(pl.col("level") == "area")
    cells = areas.filter(pl.col("year") == 2023)["cells"].str.split(";").list.len().sum()
    assert crosswalk.filter(pl.col("year") == 2023)["shared_cells"].sum() == cells
    assert crosswalk.filter(pl.col("year") == 2024).height == 0
