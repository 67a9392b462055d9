import json
from dataclasses import replace
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import polars as pl
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from geodata import hexgrid, regions
from geodata.errors import InvalidRegions
from geodata.territory import Names, Territory

WEST, EAST = shapely.box(70.0, 46.0, 70.5, 46.5), shapely.box(70.5, 46.0, 71.0, 46.5)


def a_frame(**shapes: shapely.Geometry) -> gpd.GeoDataFrame:
    """Regions named after their code."""
    codes = list(shapes)
    return gpd.GeoDataFrame(
        {
            "region_id": codes,
            "name_kk": [f"{code} ауданы" for code in codes],
            "name_ru": [f"район {code}" for code in codes],
            "name_en": [f"{code} district" for code in codes],
            "zone": "Asia/Almaty",
            "residents": pd.array([1_000] * len(codes), dtype="Int64"),
            "official_count": pd.array([None] * len(codes), dtype="Int64"),
        },
        geometry=list(shapes.values()),
        crs=4326,
    )


def a_territory(frame: gpd.GeoDataFrame, **given: object) -> Territory:
    names = Names(kk="Сынақ", ru="Проба", en="Trial")
    return replace(
        Territory(name="trial", names=names, zone="Asia/Almaty", regions=frame, origin=names),
        **given,
    )


def a_file(folder: Path, *features: tuple[dict[str, object], object], **members: object) -> Path:
    path = folder / "regions.geojson"
    drawn = [
        {
            "type": "Feature",
            "properties": properties,
            "geometry": shapely.geometry.mapping(shape) if isinstance(shape, shapely.Geometry) else shape,
        }
        for properties, shape in features
    ]
    path.write_text(json.dumps({"type": "FeatureCollection", "features": drawn, **members}), encoding="utf-8")
    return path


def test_a_geojson_file_is_read_with_codes_as_text_and_leading_digits_kept(tmp_path):
    path = a_file(tmp_path, ({"KATO": "0520", "name_ru": "Восток"}, EAST), ({"KATO": "0510"}, WEST))

    read = regions.read_regions(path, default_zone="Asia/Oral")

    assert read["region_id"].to_list() == ["0510", "0520"]
    assert read["name_ru"].to_list()[1] == "Восток"
    assert read["name_ru"].isna().to_list() == [True, False]
    assert set(read["zone"]) == {"Asia/Oral"}
    assert read.crs.to_epsg() == 4326


def test_numeric_codes_become_text_without_a_decimal_point(tmp_path):
    path = a_file(tmp_path, ({"code": 110000000.0}, WEST), ({"code": 150000000}, EAST))

    read = regions.read_regions(path, default_zone="Asia/Almaty")

    assert read["region_id"].to_list() == ["110000000", "150000000"]


def test_residents_are_read_and_totals_are_not(tmp_path):
    path = a_file(tmp_path, ({"code": "a", "population": 12.0, "official_count": 99}, WEST), ({"code": "b"}, EAST))

    read = regions.read_regions(path, default_zone="Asia/Almaty")

    assert read["residents"].to_list() == [12, pd.NA]
    assert read["official_count"].isna().all()


def test_a_geopackage_in_metres_comes_out_in_degrees(tmp_path):
    path = tmp_path / "regions.gpkg"
    a_frame(a=WEST, b=EAST).to_crs(32642).to_file(path, layer="regions")

    read = regions.read_regions(path, default_zone="Asia/Almaty")

    assert read.total_bounds == pytest.approx([70.0, 46.0, 71.0, 46.5], abs=1e-6)
    assert read["name_kk"].to_list() == ["a ауданы", "b ауданы"]


def test_a_geojson_file_that_names_its_coordinate_system_is_moved_to_degrees(tmp_path):
    metres = gpd.GeoSeries([WEST], crs=4326).to_crs(32642).iloc[0]
    path = a_file(tmp_path, ({"code": "a"}, metres), crs={"type": "name", "properties": {"name": "EPSG:32642"}})

    read = regions.read_regions(path, default_zone="Asia/Almaty")

    assert read.total_bounds == pytest.approx([70.0, 46.0, 70.5, 46.5], abs=1e-6)


def test_an_outline_that_crosses_itself_is_repaired(tmp_path):
    bow_tie = shapely.Polygon([(70, 46), (71, 47), (71, 46), (70, 47)])
    path = a_file(tmp_path, ({"code": "a"}, bow_tie))

    read = regions.read_regions(path, default_zone="Asia/Almaty")

    assert read.geometry.is_valid.all()
    assert read.geometry.iloc[0].geom_type == "MultiPolygon"


METRES = shapely.box(400_000, 5_100_000, 410_000, 5_110_000)


@pytest.mark.parametrize(
    ("features", "told"),
    [
        ([], "no features"),
        ([({"title": "x"}, WEST)], "no codes among its properties"),
        ([({"code": "a"}, WEST), ({"code": None}, EAST)], "features 2 have no code"),
        ([({"code": "a"}, WEST), ({"code": "a"}, EAST)], "codes a stand at several features"),
        ([({"code": "a"}, shapely.Point(70, 46))], "drawn as Point"),
        ([({"code": "a"}, shapely.Polygon([(70, 46), (71, 46), (72, 46)]))], "expected a polygon with an area"),
        ([({"code": "a"}, None)], "no usable outline"),
        ([({"code": "a"}, {"type": "Polygon", "coordinates": "north"})], "no usable outline"),
        ([({"code": "a"}, METRES)], "no degrees, and the file names no coordinate system"),
    ],
)
def test_a_file_that_cannot_serve_is_refused_with_what_was_found(tmp_path, features, told):
    path = a_file(tmp_path, *features)

    with pytest.raises(InvalidRegions, match=told):
        regions.read_regions(path, default_zone="Asia/Almaty")


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.geojson", b"\x00\xff\xfe", "not readable as GeoJSON"),
        ("a.geojson", b'{"type": "FeatureCollection", "features": [', "not readable as GeoJSON"),
        ("a.geojson", b"[1, 2]", "holds no features"),
        ("a.gpkg", b"PK\x03\x04", "not a GeoPackage"),
        ("a.gpkg", b"SQLite format 3\x00" + b"\x00" * 200, "not readable as GeoPackage"),
        ("a.shp", b"", "expected .geojson or .gpkg"),
    ],
)
def test_an_unreadable_file_is_refused_with_a_next_step(tmp_path, name, content, told):
    path = tmp_path / name
    path.write_bytes(content)

    with pytest.raises(InvalidRegions, match=told):
        regions.read_regions(path, default_zone="Asia/Almaty")


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(InvalidRegions, match="no such file"):
        regions.read_regions(tmp_path / "none.geojson", default_zone="Asia/Almaty")


def test_an_unknown_coordinate_system_is_told(tmp_path):
    path = a_file(tmp_path, ({"code": "a"}, WEST), crs={"type": "name", "properties": {"name": "EPSG:0"}})

    with pytest.raises(InvalidRegions, match="coordinate system 'EPSG:0' is unknown"):
        regions.read_regions(path, default_zone="Asia/Almaty")


def test_new_outlines_keep_names_and_totals_the_file_lacks(tmp_path):
    ours = a_frame(a=WEST, b=EAST)
    ours["official_count"] = pd.array([7, None], dtype="Int64")
    path = a_file(tmp_path, ({"code": "a", "name_en": "Anew"}, WEST.buffer(0.01)), ({"code": "b"}, EAST))

    changed = regions.replace_outlines(a_territory(ours), regions.read_regions(path, default_zone="Asia/Oral"))

    table = changed.region_table
    assert table["name_en"].to_list() == ["Anew", "b district"]
    assert table["name_kk"].to_list() == ["a ауданы", "b ауданы"]
    assert table["official_count"].to_list() == [7, None]
    assert table["residents"].to_list() == [1_000, 1_000]
    assert set(table["zone"]) == {"Asia/Almaty"}
    assert changed.outline.area > ours.geometry.union_all().area


def test_new_codes_of_a_territory_without_official_ones_are_named_after_what_is_there(tmp_path):
    path = a_file(tmp_path, ({"code": "x", "name_ru": "Север"}, WEST), ({"code": "y"}, EAST))

    read = regions.read_regions(path, default_zone="Asia/Oral")
    table = regions.replace_outlines(a_territory(a_frame(a=WEST)), read).region_table

    assert table["name_kk"].to_list() == ["Север", "y"]
    assert set(table["zone"]) == {"Asia/Oral"}
    assert table["residents"].to_list() == [None, None]


def test_codes_other_than_the_official_ones_are_refused():
    ours = a_frame(**{"110000000": WEST, "150000000": EAST})
    theirs = a_frame(**{"110000000": WEST, "999999999": EAST})

    with pytest.raises(InvalidRegions, match=r"Missing: 150000000\. Unknown: 999999999"):
        regions.replace_outlines(a_territory(ours), theirs)


def test_new_outlines_give_each_covered_cell_its_region_again():
    lat, lng = np.array([46.2, 46.2]), np.array([70.2, 70.8])
    cells = hexgrid.assign_cells(lat, lng, resolution=9)
    places = pl.DataFrame({"cell": cells, "region_id": ["a", "a"], "kind": "unknown", "residents": 1, "addresses": 1})

    changed = regions.replace_outlines(a_territory(a_frame(a=WEST), places=places), a_frame(a=WEST, b=EAST))

    assert changed.places["region_id"].to_list() == ["a", "b"]


def test_replaced_outlines_are_told_once_in_the_origin():
    once = regions.replace_outlines(a_territory(a_frame(a=WEST)), a_frame(a=EAST))
    twice = regions.replace_outlines(once, a_frame(a=WEST))

    assert once.origin.en.endswith("Outlines replaced by the operator's file.")
    assert twice.origin == once.origin


def test_a_point_on_a_shared_border_belongs_to_the_lowest_code():
    frame = a_frame(b=WEST, a=EAST)

    found = regions.region_of_points(np.array([46.2]), np.array([70.5]), frame)

    assert found.to_list() == ["a"]


def test_a_point_where_outlines_overlap_belongs_to_the_lowest_code():
    frame = a_frame(b=WEST, a=shapely.box(70.4, 46.0, 71.0, 46.5))

    found = regions.region_of_points(np.array([46.2, 46.2]), np.array([70.45, 70.1]), frame)

    assert found.to_list() == ["a", "b"]


def test_a_point_outside_or_without_place_has_no_region():
    found = regions.region_of_points(
        np.array([50.0, np.nan, 46.2]), np.array([70.2, 70.2, np.nan]), a_frame(a=WEST, b=EAST)
    )

    assert found.to_list() == [None, None, None]


@settings(deadline=None)  # the first example builds the trees
@given(
    st.lists(
        st.tuples(st.floats(45.9, 46.6, allow_nan=False), st.floats(69.9, 71.1, allow_nan=False)),
        min_size=1,
        max_size=50,
    )
)
def test_every_point_has_the_region_plain_comparison_gives(points):
    lat, lng = np.array(points).T

    found = regions.region_of_points(lat, lng, a_frame(a=WEST, b=EAST))

    inside = (lat >= 46.0) & (lat <= 46.5) & (lng >= 70.0) & (lng <= 71.0)
    expected = [None if not here else "a" if x <= 70.5 else "b" for here, x in zip(inside, lng, strict=True)]
    assert found.to_list() == expected


def test_a_cell_just_outside_belongs_to_the_nearest_region_and_one_far_away_to_none():
    metres_north = np.array([-200.0, 300.0, 900.0])
    cells = hexgrid.assign_cells(46.5 + metres_north / 111_195, np.full(3, 70.2), resolution=12)

    found = regions.region_of_cells(cells, a_frame(a=WEST, b=EAST), nearest_within_m=500)

    assert found.to_list() == ["a", "a", None]


def test_distance_to_a_region_is_measured_in_metres_in_both_directions():
    metres_west = np.array([300.0, 700.0])
    lng = 70.0 - metres_west / (111_195 * np.cos(np.radians(46.2)))
    cells = hexgrid.assign_cells(np.full(2, 46.2), lng, resolution=12)

    found = regions.region_of_cells(cells, a_frame(a=WEST, b=EAST), nearest_within_m=500)

    assert found.to_list() == ["a", None]


def test_overlaps_and_gaps_are_measured():
    frame = a_frame(
        a=shapely.box(70.0, 46.0, 70.5, 46.5).difference(shapely.box(70.1, 46.1, 70.11, 46.11)),
        b=shapely.box(70.49, 46.0, 71.0, 46.5),
    )

    report = regions.coverage_report(frame)

    assert [pair[:2] for pair in report.overlaps] == [("a", "b")]
    assert report.overlap_km2 == pytest.approx(0.01 * 0.5 * 111.2**2 * np.cos(np.radians(46.25)), rel=0.02)
    assert report.gap_km2 == pytest.approx(0.01**2 * 111.2**2 * np.cos(np.radians(46.1)), rel=0.02)


def test_an_overlap_goes_to_the_lowest_code_and_a_small_gap_to_a_neighbour():
    gap = shapely.box(70.1, 46.1, 70.11, 46.11)
    frame = a_frame(b=WEST.difference(gap), a=shapely.box(70.49, 46.0, 71.0, 46.5))

    cleaned = regions.as_coverage(frame)

    report = regions.coverage_report(cleaned)
    a, b = cleaned.geometry
    assert report.overlap_km2 == 0
    assert report.gap_km2 == 0
    assert a.area == pytest.approx(0.51 * 0.5)
    assert b.area == pytest.approx(0.49 * 0.5)


def test_a_large_hole_stays_a_hole():
    lake = shapely.box(70.1, 46.1, 70.3, 46.3)

    cleaned = regions.as_coverage(a_frame(a=WEST.difference(lake), b=EAST))

    assert regions.coverage_report(cleaned).gap_km2 > 300
