"""Residents and addresses of cells: sums that are exact, and unknown that is not nought."""

import gzip
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import polars as pl
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geodata import exposure, hexgrid, population_grid
from geodata.columns import PLACES
from geodata.errors import InvalidPopulation, UnexpectedColumns, UnreadableFile
from geodata.population_grid import GridKind
from geodata.regions import read_regions
from geodata.territory import Names, Territory
from tests import made_up_town
from tests.made_up_town import EDGES, LAT, LNG

MIDDLE = hexgrid.assign_cells(np.array([LAT]), np.array([LNG]), resolution=8)
COARSE = np.sort(np.unique(hexgrid.disk(MIDDLE, 3)[1]))
"""37 cells of resolution 8 around the middle of the town: they lie in all three districts."""
FINE = hexgrid.children(COARSE, 9)[1]


def a_territory(*residents: int | None, places: pl.DataFrame | None = None) -> Territory:
    """The town with the residents of its three districts, and no covered cells unless given."""
    town = made_up_town.a_territory()
    totals = pd.array(list(residents or (None, None, None)), dtype="Int64")
    return replace(
        town, regions=town.regions.assign(residents=totals), places=PLACES.empty() if places is None else places
    )


def covered(cells: np.ndarray, **known) -> pl.DataFrame:
    lng = hexgrid.centres(cells)[1]
    frame = pl.DataFrame({"cell": cells}, schema={"cell": pl.UInt64}).with_columns(
        region_id=pl.Series([f"d{1 + np.searchsorted(EDGES[1:3], x)}" for x in lng], dtype=pl.String),
        kind=pl.lit("unknown"),
        residents=pl.lit(known.get("residents"), pl.Int64),
        addresses=pl.lit(known.get("addresses"), pl.Int64),
    )
    return PLACES.checked(frame)


def a_grid(people, cells=COARSE):
    return population_grid.of_cells(cells, pl.Series(people, dtype=pl.Float64))


def by_region(cells: pl.DataFrame) -> dict[str, int]:
    return dict(cells.group_by("region_id").agg(pl.col("residents").sum()).sort("region_id").iter_rows())


def a_csv(folder, frame: pl.DataFrame, name="grid.csv"):
    frame.write_csv(folder / name)
    return folder / name


def hexagons(people=10.0) -> pl.DataFrame:
    return pl.DataFrame({"h3": hexgrid.cell_ids(COARSE), "population": [people] * COARSE.size})


people_of_cells = st.lists(st.floats(min_value=1, max_value=5_000), min_size=COARSE.size, max_size=COARSE.size)
totals_of_regions = st.tuples(*[st.integers(0, 10_000_000)] * 3)


@given(people_of_cells, totals_of_regions)
def test_cells_sum_exactly_to_the_total_of_their_region(people, totals):
    spread = exposure.spread_residents(a_grid(people), a_territory(*totals), is_relative=True)

    assert by_region(spread.cells) == dict(zip(("d1", "d2", "d3"), totals, strict=True))
    assert spread.cells["residents"].min() >= 0


@given(people_of_cells, st.randoms(use_true_random=False))
def test_the_order_of_the_grid_changes_nothing(people, rng):
    order = list(range(COARSE.size))
    rng.shuffle(order)
    territory = a_territory(5_000, None, 7_777)

    straight = exposure.spread_residents(a_grid(people), territory, is_relative=True)
    shuffled = exposure.spread_residents(a_grid([people[i] for i in order], COARSE[order]), territory, is_relative=True)

    assert straight.cells.equals(shuffled.cells)


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 900)), min_size=1, max_size=60), st.randoms())
def test_points_in_any_order_give_the_same_residents(points, rng):
    rows = [(LAT + n / 5_000, LNG + (n * 7 % 40) / 5_000, people) for n, people in points]
    shuffled = rng.sample(rows, len(rows))
    columns = ["lat", "lng", "population"]
    territory = a_territory()

    first, second = (
        exposure.spread_residents(
            population_grid.of_points(pl.DataFrame(given, schema=columns, orient="row")), territory
        )
        for given in (rows, shuffled)
    )

    assert first.cells.equals(second.cells)


@given(
    st.lists(st.tuples(st.floats(0.0, 1e6), st.integers(0, 4)), min_size=1, max_size=80),
    st.lists(st.integers(0, 10**9), min_size=5, max_size=5),
)
def test_shares_sum_to_the_total_and_are_less_than_one_away_from_the_exact_share(weighted, totals):
    weight, group = (np.array(column) for column in zip(*sorted(weighted, key=lambda one: one[1]), strict=True))
    sums = np.bincount(group, weights=weight, minlength=5)
    wanted = np.where(sums > 0, totals, 0)

    shares = exposure.apportion(weight, group, wanted)

    assert np.bincount(group, weights=shares, minlength=5).tolist() == wanted.tolist()
    exact = np.divide(weight, sums[group], out=np.zeros(weight.size), where=sums[group] > 0) * wanted[group]
    assert (np.abs(shares - exact) < 1 + 1e-6).all()


def test_of_equal_remainders_the_earlier_cell_gets_the_person():
    shares = exposure.apportion(np.ones(3), np.zeros(3, dtype=np.int64), np.array([4]))

    assert shares.tolist() == [2, 1, 1]


def test_a_region_without_a_total_keeps_the_numbers_of_the_grid_and_says_so():
    spread = exposure.spread_residents(a_grid([10.0] * COARSE.size), a_territory())

    assert [share.has_total for share in spread.regions] == [False] * 3
    assert sum(by_region(spread.cells).values()) == 10 * COARSE.size
    own = spread.cells.group_by(pl.Series(hexgrid.to_parent(spread.cells["cell"].to_numpy(), 8)))
    inside = own.agg(pl.col("residents").sum(), pl.col("region_id").n_unique()).filter(region_id=1)
    assert inside.height > 20
    assert set(inside["residents"]) == {10}


def test_a_coarse_cell_is_spread_evenly_where_no_address_is_known():
    spread = exposure.spread_residents(a_grid([70.0], MIDDLE), a_territory())

    assert spread.cells["residents"].to_list() == [10] * 7


def test_a_coarse_cell_is_spread_by_addresses_where_they_are_known():
    children = hexgrid.children(MIDDLE, 9)[1]
    addresses = pl.DataFrame(
        {"cell": children[:2], "addresses": [1, 3]}, schema={"cell": pl.UInt64, "addresses": pl.Int64}
    )

    spread = exposure.spread_residents(a_grid([80.0], MIDDLE), a_territory(), addresses=addresses)

    known = dict(spread.cells.select("cell", "residents").iter_rows())
    assert [known[int(cell)] for cell in children] == [20, 60, 0, 0, 0, 0, 0]


def test_points_of_a_coarse_raster_leave_no_gap_between_them():
    step = 0.009  # about 1 km
    rows = [(LAT + i * step, LNG + j * step / 0.87, 700.0) for i in range(-4, 5) for j in range(-4, 5)]
    grid = population_grid.of_points(pl.DataFrame(rows, schema=["lat", "lng", "population"], orient="row"))

    spread = exposure.spread_residents(grid, a_territory())

    assert grid.spacing_m == pytest.approx(1_000, rel=0.01)
    town = spread.cells.filter(pl.col("cell").is_in(made_up_town.town_cells()))
    assert town.height == made_up_town.town_cells().size
    assert town["residents"].min() > 0
    assert spread.cells["residents"].sum() == pytest.approx(81 * 700, abs=3)  # each region is rounded by itself


def test_a_region_that_the_grid_only_touches_is_left_unknown_and_named():
    west = COARSE[hexgrid.centres(COARSE)[1] < EDGES[1] - 0.004]
    few_more = COARSE[hexgrid.centres(COARSE)[1] > EDGES[2]][:1]
    cells = np.sort(np.concatenate([west, few_more]))

    spread = exposure.spread_residents(a_grid([100.0] * cells.size, cells), a_territory(1_500, 90_000, 90_000))

    shares = {share.region_id: share.is_spread for share in spread.regions}
    assert shares["d1"]
    assert not shares["d3"]
    assert "d3" not in by_region(spread.cells)


@pytest.mark.parametrize("is_complete", [False, True])
def test_a_region_that_the_grid_does_not_fit_keeps_what_was_known(is_complete):
    territory = a_territory(10, None, 1_000_000, places=covered(np.sort(FINE), residents=4))
    spread = exposure.spread_residents(a_grid([70.0] * COARSE.size), territory)

    places = exposure.completed(territory, spread=spread, is_complete=is_complete).places

    assert [share.region_id for share in spread.regions if share.is_spread] == ["d2"]
    assert set(places.filter(pl.col("region_id") != "d2")["residents"]) == {4}


def test_a_region_that_the_grid_does_not_reach_is_named():
    west = COARSE[hexgrid.centres(COARSE)[1] < EDGES[1] - 0.01]

    spread = exposure.spread_residents(a_grid([100.0] * west.size, west), a_territory(500, None, 90_000))

    assert spread.unreached == ("d3",)


def test_cells_outside_the_territory_are_counted_with_their_people():
    far = hexgrid.assign_cells(np.array([LAT + 3]), np.array([LNG]), resolution=8)
    cells = np.sort(np.concatenate([COARSE, far]))

    spread = exposure.spread_residents(a_grid([10.0] * cells.size, cells), a_territory())

    assert (spread.cells_outside, round(spread.people_outside, 6)) == (7, 10.0)


def test_a_grid_of_another_place_is_refused():
    far = hexgrid.assign_cells(np.array([LAT + 3]), np.array([LNG]), resolution=8)

    with pytest.raises(InvalidPopulation, match="None of the 1 places of the grid lies in smalltown"):
        exposure.spread_residents(a_grid([10.0], far), a_territory())


def test_a_covered_cell_that_the_grid_leaves_out_is_unknown_not_nought():
    territory = a_territory(places=covered(np.sort(FINE)))
    spread = exposure.spread_residents(a_grid([70.0], MIDDLE), territory)

    places = exposure.completed(territory, spread=spread).places

    reached = places.filter(pl.col("cell").is_in(hexgrid.children(MIDDLE, 9)[1]))
    others = places.filter(~pl.col("cell").is_in(reached["cell"]))
    assert reached["residents"].to_list() == [10] * 7
    assert others["residents"].null_count() == others.height > 0


def test_a_grid_that_lists_every_inhabited_place_makes_the_others_nought_where_it_reaches():
    territory = a_territory(places=covered(np.sort(FINE)))
    spread = exposure.spread_residents(a_grid([70.0], MIDDLE), territory)
    reached = [share.region_id for share in spread.regions]

    places = exposure.completed(territory, spread=spread, is_complete=True).places

    inside = pl.col("region_id").is_in(reached)
    assert places.filter(inside)["residents"].null_count() == 0
    assert places.filter(inside)["residents"].sum() == 70
    beyond = places.filter(~inside)
    assert beyond["residents"].null_count() == beyond.height > 0


def test_regions_that_a_new_grid_does_not_reach_keep_what_was_known():
    territory = a_territory(places=covered(np.sort(FINE), residents=4))
    west = COARSE[hexgrid.centres(COARSE)[1] < EDGES[1] - 0.01]

    spread = exposure.spread_residents(a_grid([70.0] * west.size, west), territory)
    places = exposure.completed(territory, spread=spread).places

    assert set(places.filter(pl.col("region_id") != "d1")["residents"]) == {4}
    assert 4 not in set(places.filter(region_id="d1")["residents"])


def test_without_covered_cells_the_inhabited_ones_become_covered():
    territory = a_territory()
    spread = exposure.spread_residents(a_grid([10.0] * COARSE.size), territory)

    completed = exposure.completed(territory, spread=spread)

    assert completed.places["cell"].to_list() == np.sort(FINE).tolist()
    assert completed.places["addresses"].null_count() == FINE.size
    assert (completed.cells_added, completed.cells_uncovered) == (FINE.size, 0)


def test_residents_of_cells_that_are_not_covered_are_told_and_not_added():
    town = np.sort(FINE)[:20]
    territory = a_territory(places=covered(town))
    spread = exposure.spread_residents(a_grid([10.0] * COARSE.size), territory)

    completed = exposure.completed(territory, spread=spread)

    assert completed.places["cell"].to_list() == town.tolist()
    assert completed.cells_uncovered == FINE.size - 20
    assert completed.residents_uncovered + completed.places["residents"].sum() == 10 * COARSE.size


def test_inhabited_cells_are_covered_when_that_is_asked_for():
    territory = a_territory(places=covered(np.sort(FINE)[:20]))
    spread = exposure.spread_residents(a_grid([10.0] * COARSE.size), territory)

    completed = exposure.completed(territory, spread=spread, covers_inhabited=True)

    assert completed.places["cell"].to_list() == np.sort(FINE).tolist()
    assert completed.cells_added == FINE.size - 20


def test_addresses_are_counted_in_their_cells(tmp_path):
    rows = pl.DataFrame(
        {
            "lat": [LAT, LAT, LAT + 0.01, None, LAT + 9],
            "lng": [LNG, LNG, LNG, LNG, LNG],
            "house": ["1", "2", "3", "4", "5"],
        }
    )

    counted = exposure.count_addresses(a_csv(tmp_path, rows), made_up_town.a_territory())

    assert sorted(counted.cells["addresses"]) == [1, 2]
    assert counted.cells.columns == ["cell", "addresses"]
    assert (counted.rows_read, counted.without_place, counted.outside) == (5, 1, 1)


@pytest.mark.parametrize("is_complete", [False, True])
def test_a_cell_without_an_address_is_unknown_unless_the_list_is_complete(tmp_path, is_complete):
    territory = made_up_town.a_territory(addresses=None)
    rows = pl.DataFrame({"lat": [LAT], "lng": [LNG]})
    counted = exposure.count_addresses(a_csv(tmp_path, rows), territory)

    places = exposure.completed(territory, addresses=counted, is_complete=is_complete).places

    (region,) = places.filter(addresses=1)["region_id"]
    others = places.filter((pl.col("region_id") == region) & (pl.col("addresses") != 1).fill_null(value=True))
    assert set(others["addresses"]) == ({0} if is_complete else {None})
    beyond = places.filter(pl.col("region_id") != region)
    assert beyond["addresses"].null_count() == beyond.height


def test_addresses_of_another_place_are_refused(tmp_path):
    path = a_csv(tmp_path, pl.DataFrame({"lat": [LAT + 9], "lng": [LNG]}))

    with pytest.raises(InvalidPopulation, match="none of 1 addresses lies in smalltown"):
        exposure.count_addresses(path, made_up_town.a_territory())


def test_addresses_without_coordinates_are_refused(tmp_path):
    path = a_csv(tmp_path, pl.DataFrame({"street": ["Made Up Street"], "house": ["1"]}))

    with pytest.raises(UnexpectedColumns, match="no place for its addresses"):
        exposure.count_addresses(path, made_up_town.a_territory())


def a_geopackage(folder):
    """As Kontur publishes: hexagons of resolution 8 in EPSG:3857 with h3 and population."""
    shapes = [shapely.Polygon([(lng, lat) for lat, lng in hexgrid.boundary(cell)]) for cell in hexgrid.cell_ids(COARSE)]
    frame = gpd.GeoDataFrame(hexagons().to_dict(as_series=False), geometry=shapes, crs=4326).to_crs(3857)
    frame.to_file(folder / "grid.gpkg", layer="population", driver="GPKG")
    return folder / "grid.gpkg"


def test_a_geopackage_of_hexagons_is_read_packed_or_not(tmp_path):
    path = a_geopackage(tmp_path)
    packed = tmp_path / "grid.gpkg.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))

    plain, unpacked = population_grid.read_population(path), population_grid.read_population(packed)

    assert plain.kind is GridKind.CELLS
    assert plain.frame.equals(a_grid([10.0] * COARSE.size).frame)
    assert unpacked.frame.equals(plain.frame)


@pytest.mark.parametrize(
    "names", [("X", "Y", "Z"), ("lon", "lat", "population"), ("Longitude", "Latitude", "Население")]
)
def test_points_are_read_by_the_names_they_are_published_with(tmp_path, names):
    rows = pl.DataFrame([(LNG, LAT, 12.5), (LNG + 0.001, LAT, 7.0)], schema=list(names), orient="row")

    grid = population_grid.read_population(a_csv(tmp_path, rows))

    assert grid.kind is GridKind.POINTS
    assert grid.frame.rows() == [(LAT, LNG, 12.5), (LAT, LNG + 0.001, 7.0)]


def test_hexagons_and_points_are_read_from_parquet_too(tmp_path):
    hexagons().write_parquet(tmp_path / "cells.parquet")
    pl.DataFrame({"lat": [LAT], "lon": [LNG], "population": [3]}).write_parquet(tmp_path / "points.parquet")

    cells = population_grid.read_population(tmp_path / "cells.parquet")
    points = population_grid.read_population(tmp_path / "points.parquet")

    assert cells.people == 10 * COARSE.size
    assert points.frame.rows() == [(LAT, LNG, 3.0)]


@pytest.mark.parametrize("wrong", ["-1", "NaN", "inf", "1000001", "", "many", "-99999"])
def test_a_number_that_cannot_be_people_is_refused_with_its_row(tmp_path, wrong):
    frame = hexagons().with_columns(pl.col("population").cast(pl.String))
    frame[3, "population"] = wrong

    with pytest.raises(InvalidPopulation, match=r"1 of 37 population numbers cannot be people .*row 5.*expected 0 to"):
        population_grid.read_population(a_csv(tmp_path, frame))


@pytest.mark.parametrize("wrong", ["8921a6", "zz", "", "ffffffffffffffff"])
def test_a_text_that_is_no_cell_is_refused(tmp_path, wrong):
    frame = hexagons()
    frame[3, "h3"] = wrong

    with pytest.raises(InvalidPopulation, match="1 of 37 values of h3 are no H3 cells"):
        population_grid.read_population(a_csv(tmp_path, frame))


def test_a_cell_given_twice_is_refused(tmp_path):
    frame = pl.concat([hexagons(), hexagons().head(2)])

    with pytest.raises(InvalidPopulation, match="2 rows repeat a cell"):
        population_grid.read_population(a_csv(tmp_path, frame))


def test_cells_of_two_resolutions_are_refused():
    mixed = np.concatenate([COARSE, FINE])

    with pytest.raises(InvalidPopulation, match="resolutions 8, 9"):
        a_grid([1.0] * mixed.size, mixed)


@pytest.mark.parametrize("columns", [("h3", "people there"), ("name", "population")])
def test_a_grid_without_a_needed_column_is_refused_with_what_was_found(tmp_path, columns):
    frame = hexagons().rename(dict(zip(("h3", "population"), columns, strict=True)))

    with pytest.raises(InvalidPopulation, match=f"found {columns[0]}, {columns[1]}"):
        population_grid.read_population(a_csv(tmp_path, frame))


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\x00 and then nothing", b"\x1f\x8bbroken", b"\x89PNG"])
def test_a_file_that_is_no_grid_is_refused(tmp_path, content):
    path = tmp_path / "grid.gpkg"
    path.write_bytes(content)

    with pytest.raises(UnreadableFile):
        population_grid.read_population(path)


def test_the_real_districts_of_astana_get_exactly_their_residents(shared_data, tmp_path):
    source = shared_data / "kz"
    known = pl.read_csv(source / "population_city_districts.csv", infer_schema=False)
    totals = {row["kato"]: int(row["official_population"]) for row in known.iter_rows(named=True)}
    read = read_regions(source / "city_districts_almaty_astana.geojson", default_zone="Asia/Almaty")
    districts = read[read["region_id"].isin(list(totals))]
    residents = pd.array([totals[code] for code in districts["region_id"]], dtype="Int64")
    districts = districts.assign(residents=residents, name_en=districts["region_id"])
    names = Names(kk="Қалалар", ru="Города", en="Cities")
    cities = Territory(name="cities", names=names, zone="Asia/Almaty", regions=districts, origin=names)
    proxy = pl.read_parquet(source / "population_proxy_grid_500m.parquet").filter(pl.col("city") != "Shymkent")
    proxy.select("lat", "lon", population="population_proxy").write_parquet(tmp_path / "grid.parquet")

    grid = population_grid.read_population(tmp_path / "grid.parquet")
    spread = exposure.spread_residents(grid, cities, is_relative=True)

    assert grid.spacing_m == pytest.approx(500, rel=0.25)
    assert by_region(spread.cells) == {code: totals[code] for code in sorted(districts["region_id"])}
    assert exposure.completed(cities, spread=spread).places["cell"].n_unique() == spread.cells.height
