import csv
import gzip
import json
from datetime import date
from pathlib import Path

import geopandas as gpd
import pytest
import shapely
from hypothesis import given
from hypothesis import strategies as st

from geodata import divisions, region_files
from geodata.divisions import DIVISIONS, Level
from geodata.errors import InvalidRegions
from geodata.territory import Names, Territory

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "kz"
BOX = shapely.box(70.0, 46.0, 70.5, 46.5)
CHANGE = date(2022, 6, 8)
DAY_BEFORE = date(2022, 6, 7)


def a_file(folder: Path, *rows: dict[str, object]) -> region_files.RegionFile:
    features = [
        {"type": "Feature", "properties": row, "geometry": shapely.geometry.mapping(row.pop("shape", BOX))}
        for row in map(dict, rows)
    ]
    path = folder / "division.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    return region_files.read_file(path, default_zone="Asia/Almaty")


def told(folder: Path, *rows: dict[str, object]) -> gpd.GeoDataFrame:
    return divisions.classified(a_file(folder, *rows)).divisions


def periods(frame: gpd.GeoDataFrame) -> list[tuple[str, date | None, date | None]]:
    return list(zip(frame["region_id"], frame["valid_from"], frame["valid_to"], strict=True))


@pytest.mark.parametrize(
    ("code", "level", "parent"),
    [
        ("100000000", Level.REGION, None),
        ("750000000", Level.REGION, None),
        ("103200000", Level.DISTRICT, "100000000"),
        ("351000000", Level.DISTRICT, "350000000"),
        ("751710000", Level.CITY_DISTRICT, "750000000"),
        ("791110000", Level.CITY_DISTRICT, "790000000"),
        ("351011100", Level.CITY_DISTRICT, "351000000"),
    ],
)
def test_level_and_parent_follow_from_the_code(code, level, parent):
    assert divisions.level_of_code(code) is level
    assert divisions.parent_of_code(code, level) == parent


@pytest.mark.parametrize("code", ["101010000", "631000200", "751", "ulg-01", "", "7517100000", "٧٥٠٠٠٠٠٠٠"])
def test_settlements_and_codes_of_another_kind_have_no_level(code):
    assert divisions.level_of_code(code) is None


def test_the_official_classifier_gets_the_levels_it_states():
    if not (SHARED / "kato_2025.csv.gz").is_file():
        pytest.skip("shared data are not here")
    with gzip.open(SHARED / "kato_2025.csv.gz", "rt", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    stated = {"oblast": Level.REGION, "district": Level.DISTRICT}
    codes = {row["kato"] for row in rows}

    wrong = [
        row["kato"]
        for row in rows
        if row["level"] in stated and divisions.level_of_code(row["kato"]) is not stated[row["level"]]
    ]
    city_districts = [row for row in rows if divisions.level_of_code(row["kato"]) is Level.CITY_DISTRICT]

    assert wrong == []
    assert len(city_districts) == 19 + 6
    assert all("район" in row["name_ru"] for row in city_districts)
    assert all(divisions.parent_of_code(row["kato"], Level.CITY_DISTRICT) in codes for row in city_districts)


def test_city_districts_are_told_apart_from_the_files_own_words(tmp_path):
    frame = told(
        tmp_path,
        {"kato": "101010000", "level": "Район города"},
        {"kato": "a", "level": 1},
        {"kato": "b", "level": 2.0},
        {"kato": "c", "level": "аудан"},
    )

    assert dict(zip(frame["region_id"], frame["level"], strict=True)) == {
        "101010000": "city_district",
        "a": "region",
        "b": "district",
        "c": "district",
    }


def test_a_word_that_is_no_level_is_refused(tmp_path):
    with pytest.raises(InvalidRegions, match=r"750000000 has the level 'village'; expected region, district"):
        told(tmp_path, {"kato": "750000000", "level": "village"})


def test_codes_without_a_level_are_told_and_left_out(tmp_path):
    found = divisions.classified(a_file(tmp_path, {"kato": "750000000"}, {"kato": "631000200"}))

    assert found.unlevelled == ("631000200",)
    assert found.divisions["region_id"].to_list() == ["750000000"]


@pytest.mark.parametrize("code", ["100000000", "330000000", "620000000", "190000000", "350000000", "630000000"])
def test_regions_made_or_cut_anew_in_2022_are_valid_from_the_eighth_of_june(tmp_path, code):
    frame = told(tmp_path, {"kato": code})

    assert periods(frame) == [(code, CHANGE, None)]
    assert len(divisions.valid_on(frame, DAY_BEFORE)) == 0
    assert len(divisions.valid_on(frame, CHANGE)) == 1


def test_districts_of_the_new_regions_are_new_too_but_not_those_of_the_regions_cut(tmp_path):
    frame = told(tmp_path, {"kato": "103200000"}, {"kato": "351000000"}, {"kato": "110000000"})

    assert periods(frame) == [("103200000", CHANGE, None), ("110000000", None, None), ("351000000", None, None)]


def test_days_of_the_file_win_over_ours(tmp_path):
    frame = told(
        tmp_path,
        {"kato": "630000000", "valid_to": "2022-06-07"},
        {"kato": "100000000", "valid_from": "2022-07-01T00:00:00"},
    )

    assert periods(frame) == [("100000000", date(2022, 7, 1), None), ("630000000", None, DAY_BEFORE)]


@pytest.mark.parametrize(
    ("days", "message"),
    [
        ({"valid_from": "08.06.2022"}, "expected a day such as 2022-06-08"),
        ({"valid_from": "2022-06-08", "valid_to": "2022-06-07"}, "swap the days"),
    ],
)
def test_days_that_are_none_are_refused(tmp_path, days, message):
    with pytest.raises(InvalidRegions, match=message):
        told(tmp_path, {"kato": "630000000", **days})


def test_both_outlines_of_a_region_stand_side_by_side_each_on_its_days(tmp_path):
    former, newer = shapely.box(80, 47, 84, 51), shapely.box(82, 47, 84, 51)
    rows = [{"kato": "630000000", "valid_to": "2022-06-07", "shape": former}, {"kato": "630000000", "shape": newer}]

    frame = told(tmp_path, *rows)

    assert divisions.doubled(frame) == ()
    assert divisions.valid_on(frame, DAY_BEFORE).geometry[0].equals(former)
    assert divisions.valid_on(frame, CHANGE).geometry[0].equals(newer)


def test_one_code_on_one_day_twice_is_doubled(tmp_path):
    rows = [{"kato": "630000000", "valid_from": "2022-06-08"}, {"kato": "630000000", "valid_to": "2022-06-08"}]

    frame = told(tmp_path, *rows)

    assert divisions.doubled(frame) == ("630000000",)
    with pytest.raises(InvalidRegions, match=r"x\.gpkg: codes 630000000 stand at several features"):
        divisions.require_single(frame, "x.gpkg")


def test_a_later_file_goes_before_on_its_own_days_and_leaves_the_others(tmp_path):
    known = told(tmp_path, {"kato": "110000000"}, {"kato": "150000000"})
    news = told(tmp_path, {"kato": "110000000", "valid_from": "2018-01-01", "valid_to": "2018-12-31"})

    merged = divisions.overlaid(known, news)

    assert periods(merged) == [
        ("110000000", None, date(2017, 12, 31)),
        ("110000000", date(2018, 1, 1), date(2018, 12, 31)),
        ("110000000", date(2019, 1, 1), None),
        ("150000000", None, None),
    ]


DAYS = st.none() | st.dates(date(2020, 1, 1), date(2020, 2, 10))


@given(
    st.lists(st.tuples(DAYS, DAYS), max_size=4), st.tuples(DAYS, DAYS), st.dates(date(2019, 12, 30), date(2020, 2, 12))
)
def test_on_every_day_the_news_holds_or_else_what_was_known(stored, news, day):
    def row(name, first, last):
        first, last = (last, first) if first and last and last < first else (first, last)
        plain = {"region_id": "a", "level": "region", "parent_id": None, "name_kk": name, "name_ru": None}
        return {**plain, "name_en": None, "valid_from": first, "valid_to": last, "geometry": BOX}

    def frame(*rows):
        return gpd.GeoDataFrame(list(rows), geometry="geometry", crs=4326).astype({"name_kk": object})

    known = divisions.empty()
    for number, period in enumerate(stored):
        known = divisions.overlaid(known, frame(row(f"old {number}", *period)))
    latest = frame(row("new", *news))
    merged = divisions.overlaid(known, latest)

    expected = (
        divisions.valid_on(latest, day) if len(divisions.valid_on(latest, day)) else divisions.valid_on(known, day)
    )

    assert divisions.valid_on(merged, day)["name_kk"].to_list() == expected["name_kk"].to_list()
    assert divisions.doubled(merged) == ()


def test_a_territory_without_divisions_has_none_on_any_day():
    names = Names(kk="Сынақ", ru="Проба", en="Trial")
    regions = gpd.GeoDataFrame({"region_id": ["a"]}, geometry=[BOX], crs=4326)

    territory = Territory(name="trial", names=names, zone="Asia/Almaty", regions=regions, origin=names)

    assert len(territory.divisions_on(CHANGE)) == 0
    assert DIVISIONS.checked(divisions.as_table(territory.divisions)).height == 0


def test_the_real_outlines_give_the_division_of_a_day():
    path = SHARED / "kz_oblasts.geojson"
    if not path.is_file():
        pytest.skip("shared data are not here")

    frame = divisions.classified(region_files.read_file(path, default_zone="Asia/Almaty")).divisions

    assert len(divisions.valid_on(frame, CHANGE)) == 20
    assert {"100000000", "330000000", "620000000"}.isdisjoint(divisions.valid_on(frame, DAY_BEFORE)["region_id"])
    assert divisions.as_table(frame)["level"].unique().to_list() == ["region"]
