from datetime import date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import geopandas as gpd
import numpy as np
import polars as pl
import pytest
import shapely

from geodata import kazakhstan, regions
from geodata.columns import REGIONS
from geodata.errors import InvalidRegions

SHARED = Path(__file__).parents[3] / "shared" / "data" / "kz"
NATIONAL_RESIDENTS = 19_765_004
"""stat.gov.kz, 1 January 2023, the republic as a whole."""

A_PLACE_IN_EACH_REGION = {
    "100000000": (50.411, 80.227),  # Semey
    "110000000": (53.283, 69.397),  # Kokshetau
    "150000000": (50.284, 57.167),  # Aktobe
    "190000000": (43.866, 77.063),  # Konayev
    "230000000": (47.107, 51.914),  # Atyrau
    "270000000": (51.228, 51.387),  # Oral
    "310000000": (42.900, 71.378),  # Taraz
    "330000000": (45.018, 78.382),  # Taldykorgan
    "350000000": (49.802, 73.088),  # Karaganda
    "390000000": (53.214, 63.632),  # Kostanay
    "430000000": (44.848, 65.482),  # Kyzylorda
    "470000000": (43.641, 51.198),  # Aktau
    "550000000": (52.287, 76.967),  # Pavlodar
    "590000000": (54.867, 69.143),  # Petropavl
    "610000000": (43.297, 68.251),  # Turkistan
    "620000000": (47.783, 67.714),  # Zhezkazgan
    "630000000": (49.948, 82.628),  # Oskemen
    "710000000": (51.128, 71.430),  # Astana
    "750000000": (43.238, 76.945),  # Almaty
    "790000000": (42.317, 69.596),  # Shymkent
}


@pytest.fixture(scope="module")
def territory():
    return kazakhstan.territory()


def test_there_are_twenty_regions_with_codes_of_their_own(territory):
    codes = territory.region_table["region_id"]

    assert codes.n_unique() == codes.len() == 20
    assert codes.dtype == pl.String
    assert all(len(code) == 9 and code.isdigit() and code.endswith("0000000") for code in codes)


def test_every_region_is_named_in_three_languages(territory):
    names = territory.region_table.select("name_kk", "name_ru", "name_en")

    for column in names:
        assert column.n_unique() == 20
        assert column.str.len_chars().min() >= 5


def test_no_region_bears_the_code_of_a_neighbour_with_a_like_name(territory):
    table = territory.region_table

    named = dict(zip(table["region_id"], table["name_ru"], strict=True))

    assert named["190000000"] == "Алматинская область"
    assert named["750000000"] == "город Алматы"
    assert named["710000000"] == "город Астана"


def test_residents_add_up_to_the_republic():
    assert kazakhstan.region_facts()["residents"].sum() == NATIONAL_RESIDENTS


def test_west_kazakhstan_has_no_total_because_the_collection_repeats_zhetisu():
    totals = dict(kazakhstan.region_facts().select("region_id", "official_count").iter_rows())

    assert totals["330000000"] == 2_306
    assert [code for code, total in totals.items() if total is None] == ["270000000"]


def test_each_correction_is_told_with_its_reason():
    told = kazakhstan.source_table().filter(pl.col("source").str.starts_with("correction"))

    assert told.height == 2
    assert told["remark"].str.len_chars().min() > 40


def test_each_column_of_the_regions_has_a_source_and_a_date():
    sources = kazakhstan.source_table()

    assert set(sources["column"]) >= set(REGIONS.schema)
    assert sources.null_count().sum_horizontal().item() == 0


def test_each_region_holds_a_town_known_to_lie_in_it(territory):
    lat, lng = np.array(list(A_PLACE_IN_EACH_REGION.values())).T

    found = regions.region_of_points(lat, lng, territory.regions)

    assert found.to_list() == list(A_PLACE_IN_EACH_REGION)


def test_the_outlines_share_their_borders_without_overlap_or_gap(territory):
    report = regions.coverage_report(territory.regions)

    assert report.overlap_km2 < 1e-3
    assert report.gap_km2 < 1e-3
    assert territory.regions.geometry.is_valid.all()


def test_cleaning_moves_less_than_the_known_overlaps(territory):
    as_published = kazakhstan._outlines()
    names = kazakhstan._facts()["outline_name"]
    published = gpd.GeoSeries([as_published[name] for name in names], crs=4326).to_crs(6933).area.sum() / 1e6
    cleaned = territory.regions.to_crs(6933).area.sum() / 1e6

    assert published - cleaned == pytest.approx(15, abs=1)


def test_a_simplified_country_is_light_and_still_has_no_gaps(territory):
    light = regions.simplified(territory.regions, tolerance_deg=0.02)

    assert shapely.get_num_coordinates(light.geometry).sum() < 12_000
    assert regions.coverage_report(light).gap_km2 < 1e-3
    assert light.geometry.is_valid.all()


@pytest.mark.parametrize("day", [date(2018, 6, 1), date(2024, 2, 29), date(2024, 3, 1), date(2026, 10, 31)])
def test_the_zone_history_agrees_with_the_time_zone_database(day):
    history = kazakhstan.zone_history()

    for zone in history["zone"].unique():
        since = history.filter((pl.col("zone") == zone) & (pl.col("first_day") <= day)).sort("first_day")
        noon = datetime.combine(day, time(12), tzinfo=ZoneInfo(zone))

        assert noon.utcoffset() == timedelta(minutes=since["utc_offset_minutes"][-1]), zone


def test_only_almaty_and_qostanay_time_changed_on_the_first_of_march_2024():
    changed = kazakhstan.zone_history().filter(first_day=date(2024, 3, 1))

    assert set(changed["zone"]) == {"Asia/Almaty", "Asia/Qostanay"}
    assert set(changed["utc_offset_minutes"]) == {300}


def test_every_zone_of_a_region_has_a_history():
    assert set(kazakhstan.region_facts()["zone"]) == set(kazakhstan.zone_history()["zone"])


def test_the_official_total_says_what_it_counts(territory):
    assert territory.official["year"] == 2023
    assert territory.official["measure"] == "offences in proceedings"
    assert set(territory.official) == {"year", "measure", "source", "dated"}
    assert not territory.is_simulated


def test_without_the_package_of_outlines_the_next_step_is_named(monkeypatch):
    monkeypatch.setattr(kazakhstan, "OUTLINE_PACKAGE", "no_such_package_of_outlines")

    with pytest.raises(InvalidRegions, match="pip install"):
        kazakhstan.territory()


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/kz is not on this machine")
def test_the_three_cities_agree_with_their_own_official_form():
    form = pl.read_csv(SHARED / "form_1m_2023_almaty_astana_shymkent.csv", infer_schema=False)
    whole = dict(form.filter(row_code="1").select("city", pl.col("in_proceedings").cast(pl.Int64)).iter_rows())

    totals = dict(kazakhstan.region_facts().select("name_en", "official_count").iter_rows())

    assert {city: totals[f"{city} city"] for city in whole} == whole


@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data/kz is not on this machine")
def test_our_totals_differ_from_the_collection_only_where_a_correction_says_so():
    collected = pl.read_csv(SHARED / "crime_totals_regions_2023.csv", infer_schema=False)
    published = sorted(collected["offences_in_proceedings"].cast(pl.Int64))

    ours = kazakhstan.region_facts()["official_count"]

    assert published.count(2_306) == 2
    assert sorted([*ours.drop_nulls(), 2_306]) == published
