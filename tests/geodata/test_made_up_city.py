import json
from collections import Counter
from datetime import date

import numpy as np
import polars as pl
import pytest
import shapely

from geodata import hexgrid, kazakhstan, made_up_city, made_up_incidents, made_up_places, regions
from geodata.columns import PLACES
from geodata.intake import Rules
from geodata.offences import OFFENCE_GROUPS
from geodata.sources import open_source
from tests.builders import all_examined, first_of_each

REAL_TOWNS = {
    "Zhezkazgan": (47.80, 67.71),
    "Karazhal": (48.00, 70.80),
    "Balkhash": (46.84, 74.98),
    "Priozersk": (46.03, 73.70),
    "Saryshagan": (46.12, 73.62),
    "Ulanbel": (44.80, 71.13),
    "Moyynkum": (44.29, 72.95),
    "Sozak": (44.14, 68.47),
    "Kyzemshek": (45.27, 67.85),
    "Zhanatas": (43.57, 69.74),
}
"""Towns and larger villages around the steppe of Betpak-Dala, degrees."""


@pytest.fixture(scope="module")
def city():
    return made_up_city.build(seed=7)


@pytest.fixture(scope="module")
def clean(city):
    """Rows as drawn: dirty rows are told by what is wrong with them, repeats by their number."""
    return city.incidents.unique("incident_id", keep="first", maintain_order=True).filter(
        pl.col("occurred_at").dt.date().is_between(made_up_incidents.FIRST_DAY, made_up_incidents.LAST_DAY)
        & (pl.col("lat").is_null() | (pl.col("lat").is_between(46, 47) & pl.col("lon").is_between(70, 71)))
    )


@pytest.fixture(scope="module")
def placed(clean):
    with_place = clean.drop_nulls("lat")
    cells = hexgrid.assign_cells(with_place["lat"].to_numpy(), with_place["lon"].to_numpy(), resolution=9)
    return with_place.with_columns(cell=pl.Series(cells))


def test_the_same_seed_gives_the_same_city(city):
    again = made_up_city.build(seed=7)

    assert again.incidents.equals(city.incidents)
    assert again.intensities.equals(city.intensities)
    assert again.territory.places.equals(city.territory.places)
    assert again.lights.equals(city.lights)
    assert json.dumps(again.territory.basemap) == json.dumps(city.territory.basemap)
    assert again.territory.regions.geometry.geom_equals(city.territory.regions.geometry).all()


def test_another_seed_gives_another_city(city):
    other = made_up_city.build(seed=8)

    assert not other.incidents.equals(city.incidents)
    assert not other.territory.places.equals(city.territory.places)


def test_the_city_is_labelled_simulated_in_every_language(city):
    territory = city.territory

    assert territory.is_simulated
    assert "ойдан" in territory.origin.kk
    assert "вымышленн" in territory.origin.ru.lower()
    assert "simulated" in territory.origin.en.lower()
    assert all(feature["properties"]["is_simulated"] for feature in territory.basemap["features"])
    assert territory.official == {}


def test_no_real_town_lies_within_sixty_kilometres(city):
    west, south, east, north = city.territory.outline.bounds

    for town, (lat, lng) in REAL_TOWNS.items():
        away_km = np.hypot(
            (np.clip(lat, south, north) - lat) * 111.2,
            (np.clip(lng, west, east) - lng) * 111.2 * np.cos(np.radians(46.3)),
        )
        assert away_km > 60, town


def test_the_city_lies_in_one_region_of_kazakhstan_and_keeps_its_time(city):
    country = kazakhstan.territory().regions
    west, south, east, north = city.territory.outline.bounds

    corners = regions.region_of_points(
        np.array([south, south, north, north]), np.array([west, east, west, east]), country
    )

    assert corners.n_unique() == 1
    assert country.set_index("region_id").loc[corners[0], "zone"] == city.territory.zone


@pytest.mark.parametrize("seed", [1, 7, made_up_city.SEED])
def test_the_districts_divide_the_city_without_overlap_or_gap(seed):
    districts = made_up_city.build(seed=seed).territory.regions

    report = regions.coverage_report(districts)

    assert len(districts) == 7
    assert districts.geometry.is_valid.all()
    assert set(districts.geom_type) == {"Polygon"}
    assert report.overlap_km2 < 1e-6
    assert report.gap_km2 < 1e-6
    assert shapely.get_type_id(districts.geometry.union_all()) == shapely.GeometryType.POLYGON


def test_every_cell_belongs_to_a_district(city):
    places = PLACES.checked(city.territory.places)

    assert places["cell"].n_unique() == places.height
    assert set(places["region_id"]) == set(city.territory.regions["region_id"])
    assert 1_300 <= places.height <= 1_800


def test_about_six_hundred_thousand_people_live_in_it(city):
    residents = city.territory.places["residents"].sum()

    assert residents == pytest.approx(600_000, rel=0.02)
    assert city.territory.region_table["residents"].sum() == residents


def test_nobody_lives_on_the_market_and_where_nobody_lives_there_is_no_address(city):
    places = city.territory.places

    by_kind = places.group_by("kind").agg(pl.col("residents").sum(), pl.len())
    kinds = {kind: (residents, cells) for kind, residents, cells in by_kind.iter_rows()}

    assert kinds["market"][0] == kinds["industry"][0] == 0
    assert set(kinds) == {"residential", "centre", "market", "park", "industry"}
    assert min(cells for _, cells in kinds.values()) >= 2
    assert ((places["residents"] == 0) == (places["addresses"] == 0)).all()
    assert kinds["park"][1] > 20


def test_cells_with_few_people_lie_at_the_edge_of_the_city(city):
    places = city.territory.places
    few = places.filter(pl.col("addresses").is_between(1, 7) | pl.col("residents").is_between(1, 19))

    lat, lng = hexgrid.centres(few["cell"].to_numpy())
    away_km = np.hypot((lat - 46.3) * 111.2, (lng - 70.2) * 111.2 * np.cos(np.radians(46.3)))

    assert few.height >= 60
    assert away_km.min() > 4.5


def test_the_background_map_is_light_and_names_its_kinds(city):
    text = json.dumps(city.territory.basemap, separators=(",", ":"), ensure_ascii=False)
    kinds = Counter(feature["properties"]["kind"] for feature in city.territory.basemap["features"])

    assert len(text.encode()) < 400_000
    assert set(kinds) == {
        "park", "river", "lake", "market", "station", "industry", "lane", "street", "avenue", "railway",
    }  # fmt: skip


def test_lamps_and_stops_stand_inside_the_city(city):
    outline = city.territory.outline.buffer(0.001)

    for frame in (city.lights, city.stops):
        assert shapely.contains_xy(outline, frame["lng"].to_numpy(), frame["lat"].to_numpy()).all()
    assert 100 < city.stops.height < 1_000
    assert 0.02 < 1 - city.lights["is_lit"].mean() < 0.25


def test_about_sixty_thousand_incidents_fall_into_the_three_years(city, clean):
    days = clean["occurred_at"].dt.date()

    assert city.incidents.height == pytest.approx(60_000, rel=0.03)
    assert days.min() == date(2023, 11, 1)
    assert days.max() == date(2026, 10, 31)
    assert (clean["occurred_at"].dt.year() == 2025).sum() > 15_000


def test_every_row_is_accounted_for(city, clean):
    counts = city.row_counts
    drawn = counts["from_intensities"] + counts["near_repeats"] + counts["without_place"]
    faults = sum(counts[fault] for fault in made_up_incidents.DIRT if fault != "duplicates")

    assert city.incidents.height == drawn + counts["duplicates"]
    assert city.incidents["incident_id"].n_unique() == drawn
    assert clean.height == drawn - faults
    assert city.incidents["lat"].null_count() == counts["without_place"]


def test_each_fault_is_found_as_often_as_it_is_counted(city):
    rows, counts = city.incidents, city.row_counts
    when, lat, lon = rows["occurred_at"].dt.date(), rows["lat"], rows["lon"]

    assert when.null_count() == counts["missing_date"]
    assert (when > made_up_incidents.LAST_DAY).sum() == counts["future_date"]
    assert (when < made_up_incidents.FIRST_DAY).sum() == counts["date_too_early"]
    assert ((lat > 60) & (lon < 50)).sum() == counts["swapped_coordinates"]
    assert (lat.is_between(56, 57) & lon.is_between(60, 61)).sum() == counts["outside_territory"]


def test_the_city_goes_through_the_same_door_as_any_file(city, tmp_path):
    path = tmp_path / "ulgiqala.parquet"
    city.incidents.write_parquet(path)
    source = open_source(path)
    rules = Rules(zone=city.territory.zone, latest_day=date(2026, 11, 1), outline=city.territory.outline)

    examined = all_examined(source, rules)

    accepted = pl.concat([part.accepted for part in examined])
    faults = dict(pl.concat([part.quarantined for part in examined])["fault"].value_counts().iter_rows())
    _, duplicates = first_of_each(accepted)
    assert faults | {"duplicates": duplicates} == made_up_incidents.DIRT
    assert not any(part.unknown_categories for part in examined)


def test_only_fraud_is_mostly_without_a_place(clean):
    shares = clean.group_by("category").agg(pl.col("lat").is_null().mean(), pl.len())

    for category, share, rows in shares.iter_rows():
        expected = made_up_incidents.FRAUD_WITHOUT_PLACE if category == "fraud" else made_up_incidents.WITHOUT_PLACE
        assert share == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / rows)), category


def test_categories_are_offence_groups_and_theft_is_the_largest_on_the_map(clean):
    groups = {group.code: group for group in OFFENCE_GROUPS}
    counts = dict(clean["category"].value_counts().iter_rows())

    mappable = {code: n for code, n in counts.items() if groups[code].is_mappable}
    sensitive = sum(n for code, n in counts.items() if groups[code].is_sensitive)

    assert set(counts) <= set(groups)
    assert max(mappable, key=mappable.__getitem__) == "theft"
    assert counts["fraud"] / clean.height == pytest.approx(0.3, abs=0.02)
    assert sensitive / clean.height < 0.06


def test_incidents_follow_the_intensities_they_were_drawn_from(city, placed):
    expected = city.intensities.with_columns(expected=pl.col("yearly_expected") * made_up_incidents.YEARS)
    found = placed.group_by("cell", offence_group="category").len("found")
    both = expected.join(found, on=["cell", "offence_group"], how="left").fill_null(0).filter(pl.col("expected") > 1)
    # Near repeats come on top in three groups; the others are draws of the intensities alone.
    both = both.filter(~pl.col("offence_group").is_in(made_up_incidents.BURST_GROUPS))

    chi_square_per_cell = ((both["found"] - both["expected"]) ** 2 / both["expected"]).mean()

    assert both.height > 4_000
    assert chi_square_per_cell == pytest.approx(1.0, abs=0.06)


def test_no_incident_falls_where_no_cell_is_covered(city, placed):
    background = placed.filter(~pl.col("cell").is_in(city.territory.places["cell"].implode()))

    assert background.height == 0


def test_the_market_is_a_hot_place_though_nobody_lives_there(city):
    of_theft = city.intensities.filter(offence_group="theft").join(city.territory.places, on="cell")

    market = of_theft.filter(kind="market")["yearly_expected"].mean()

    assert market > 10 * of_theft["yearly_expected"].mean()


def test_the_level_declines_gently(clean):
    by_year = [
        clean.filter(pl.col("occurred_at").dt.date().is_between(date(year, 11, 1), date(year + 1, 10, 31))).height
        for year in (2023, 2024, 2025)
    ]

    assert by_year[0] > by_year[1] > by_year[2] > 0.8 * by_year[0]


def test_hooliganism_happens_at_night_and_at_weekends(clean):
    rows = clean.filter(category="hooliganism", time_precision="minute")["occurred_at"]

    night = rows.dt.hour().is_in([21, 22, 23, 0, 1, 2]).mean()
    weekend = rows.dt.weekday().is_in([5, 6, 7]).mean()

    assert night > 0.6
    assert weekend > 3 / 7 + 0.08


def test_near_repeats_bring_more_close_pairs_than_chance(placed):
    burglaries = placed.filter(category="burglary", time_precision="minute")
    metres = made_up_places.to_metres(burglaries.select("lon", "lat").to_numpy())
    days = burglaries["occurred_at"].to_numpy().astype("datetime64[m]").astype(np.int64) / 1_440

    def close_pairs(when):
        first, second = np.triu_indices(len(when), 1)
        soon = np.abs(when[first] - when[second]) < 7
        away = np.hypot(*(metres[first[soon]] - metres[second[soon]]).T)
        return int((away < 250).sum())

    by_chance = close_pairs(np.random.default_rng(1).permutation(days))

    assert close_pairs(days) > 1.3 * by_chance


def test_progress_reaches_its_end():
    seen = []

    made_up_city.build(seed=3, progress=lambda done, steps: seen.append((done, steps)))

    assert seen[-1][0] == seen[-1][1] == len(seen)
