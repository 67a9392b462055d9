"""Files that are no delimited text: workbooks, features, layers, archives; sound ones and hostile ones."""

import gzip
import json
import zipfile
from datetime import date, datetime

import geopandas as gpd
import pandas as pd
import polars as pl
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from geodata import archives, feature_rows
from geodata.errors import GeodataError, UnexpectedColumns, UnreadableFile
from geodata.intake import examine
from geodata.mapping import Mapping
from geodata.readers import open_tables
from geodata.sources import LINE, RAGGED, open_source
from tests.builders import FILES, some_rules

LAYOUTS = FILES / "layouts"
HEAD = ["occurred_at", "category", "lat", "lng"]


def rows_of(source) -> pl.DataFrame:
    return pl.concat(source.batches(rows=2))


def a_workbook(tmp_path, **sheets):
    book = Workbook()
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    path = tmp_path / "book.xlsx"
    book.save(path)
    return path


def a_feature(**given):
    feature = {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": [76.889709, 43.238949]},
        "properties": {"occurred_at": "2026-03-02 14:30", "category": "theft"},
    }
    return feature | given


def a_collection(tmp_path, *features, name="delivery.geojson", **rest):
    path = tmp_path / name
    text = json.dumps({"type": "FeatureCollection", **rest, "features": list(features)}, ensure_ascii=False)
    path.write_text(text, encoding="utf-8")
    return path


def a_frame(**given):
    defaults = {
        "occurred_at": ["2026-03-02 14:30", "2026-03-03 14:30"],
        "category": ["theft", "robbery"],
        "geometry": [shapely.Point(76.889709, 43.238949), None],
    }
    return gpd.GeoDataFrame(defaults | given, crs=4326)


# Workbooks


def test_a_sheet_is_read_with_the_row_numbers_of_the_workbook(tmp_path):
    moment = datetime.fromisoformat("2026-03-02 14:30")
    path = a_workbook(tmp_path, One=[[], HEAD, [moment, "theft", 43.2, 76.9], [], ["03.03.2026", "fraud", None, None]])

    found = rows_of(open_source(path))

    assert found[LINE].to_list() == [3, 5]
    assert found["occurred_at"].to_list() == ["2026-03-02 14:30:00", "03.03.2026"]
    assert found["lat"].to_list() == ["43.2", None]


def test_a_row_of_a_sheet_that_is_longer_than_its_header_is_ragged(tmp_path):
    path = a_workbook(tmp_path, One=[HEAD, ["2026-03-02", "theft", 43.2, 76.9, "more"], ["2026-03-02", "theft"]])

    found = rows_of(open_source(path))

    assert found[RAGGED].to_list() == ["2026-03-02;theft;43.2;76.9;more", None]
    assert found["lng"].to_list() == [None, None]


def test_of_several_sheets_the_one_that_holds_incidents_is_read(tmp_path):
    path = a_workbook(tmp_path, Notes=[["about"], ["a text"]], Rows=[HEAD, ["2026-03-02", "theft", 43.2, 76.9]])

    assert open_source(path).table.part == "Rows"


def test_where_several_sheets_hold_incidents_one_has_to_be_named(tmp_path):
    rows = [HEAD, ["2026-03-02", "theft", 43.2, 76.9]]
    path = a_workbook(tmp_path, North=rows, South=rows)

    with pytest.raises(UnexpectedColumns, match=r"several of its sheets, .* Found: North, South\. .*sheet = "):
        open_source(path)
    assert open_source(path, Mapping(sheet="South")).table.part == "South"
    with pytest.raises(UnexpectedColumns, match=r"no sheet or layer with rows is named 'West'\. Found: North, South"):
        open_source(path, Mapping(sheet="West"))


def test_a_workbook_without_a_table_is_refused(tmp_path):
    with pytest.raises(UnreadableFile, match="is a workbook without a table"):
        open_source(a_workbook(tmp_path, One=[HEAD]))


# Features


def test_points_of_features_are_places_and_their_properties_columns(tmp_path):
    path = a_collection(tmp_path, a_feature(), a_feature(geometry=None), "no feature")

    source = open_source(path)
    found = rows_of(source)
    lat, lng = source.points()

    assert source.kind == "features"
    assert found[LINE].to_list() == [1, 2, 3]
    assert found[RAGGED].to_list() == [None, None, "no feature"]
    assert (lat.tolist(), lng.tolist()) == ([43.238949], [76.889709])


def test_features_are_read_whatever_the_order_and_size_of_the_rest(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_rows, "_CHUNK", 7)
    path = a_collection(tmp_path, *[a_feature(id=n) for n in range(5)], number=12345.5, crs=None, list=[1, [2]])

    assert rows_of(open_source(path))[LINE].to_list() == [1, 2, 3, 4, 5]


def test_a_gzip_compressed_collection_is_read_like_a_plain_one(tmp_path):
    plain = a_collection(tmp_path, a_feature())
    packed = tmp_path / "delivery.geojson.gz"
    packed.write_bytes(gzip.compress(plain.read_bytes()))

    assert rows_of(open_source(packed)).equals(rows_of(open_source(plain)))


@pytest.mark.parametrize("name", ["urn:ogc:def:crs:EPSG::32643", "EPSG:32643", "urn:ogc:def:crs:EPSG:9.8:32643"])
def test_a_coordinate_system_the_file_names_is_used(tmp_path, name):
    at = {"type": "Point", "coordinates": [653_400, 4_789_000]}
    path = a_collection(tmp_path, a_feature(geometry=at), crs={"type": "name", "properties": {"name": name}})

    lat, lng = open_source(path).points()

    assert (lat[0], lng[0]) == (pytest.approx(43.24, abs=0.01), pytest.approx(76.89, abs=0.01))


def test_a_coordinate_system_nobody_understands_is_refused(tmp_path):
    path = a_collection(tmp_path, a_feature(), crs={"properties": {"name": "the town's own"}})

    with pytest.raises(UnreadableFile, match='its coordinate system "the town\'s own" is not understood'):
        open_source(path)


def test_an_answer_of_a_service_without_its_coordinate_system_needs_one(tmp_path):
    feature = {"attributes": {"occurred_at": "2026-03-02"}, "geometry": {"x": 653_400, "y": 4_789_000}}
    path = tmp_path / "answer.json"
    path.write_text(json.dumps({"features": [feature]}))

    with pytest.raises(UnexpectedColumns, match='coordinate_system = "EPSG:32643"'):
        open_source(path)
    assert open_source(path, Mapping(coordinate_system="EPSG:32643")).points()[0][0] == pytest.approx(43.24, abs=0.01)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"error": {"code": 400}}', "without a list of features; .* Found: error"),
        (b'{"type": "FeatureCollection", "features": []}', "holds no rows"),
        (b'{"features": [{"properties": {}}', "no complete GeoJSON"),
        (b'{"features": [{"properties": {"a": 1}}, {"pro', "no complete GeoJSON"),
        (b'{"features": [' + b"[" * 100_000, "no complete GeoJSON"),
        (b'{"features": [{"a": "\xff"}]}', "no complete GeoJSON"),
        (b'{"a": ' + b"9" * 5_000 + b"}", "without a list of features"),
        (b"[1, 2]", "is JSON, but no GeoJSON"),
    ],
)
def test_features_that_break_off_or_are_none_are_refused(tmp_path, content, message):
    path = tmp_path / "odd.geojson"
    path.write_bytes(content)

    with pytest.raises(UnreadableFile, match=f"^odd.geojson.*{message}"):
        open_source(path)


def test_one_endless_feature_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(feature_rows, "MOST_CHARACTERS", 1_000)
    monkeypatch.setattr(feature_rows, "_CHUNK", 100)
    path = a_collection(tmp_path, a_feature(properties={"text": "x" * 5_000}))

    with pytest.raises(UnreadableFile, match="one feature is longer than 1,000 signs"):
        open_source(path)


# Layers


def test_a_geopackage_of_points_is_read_in_its_own_coordinate_system(tmp_path):
    path = tmp_path / "points.gpkg"
    a_frame().to_crs(32643).to_file(path, layer="incidents", engine="pyogrio")

    source = open_source(path)
    lat, lng = source.points()

    assert (source.kind, source.table.part) == ("layer", "incidents")
    assert rows_of(source)["category"].to_list() == ["theft", "robbery"]
    assert (lat.tolist(), lng.tolist()) == ([pytest.approx(43.238949)], [pytest.approx(76.889709)])


@pytest.mark.parametrize(("clock", "hour"), [("utc", 14), ("local written as utc", 9)])
def test_whether_moments_of_a_geopackage_are_utc_has_to_be_said(tmp_path, clock, hour):
    path = tmp_path / "points.gpkg"
    moments = pd.to_datetime(["2026-03-02 14:30", "2026-03-03 14:30"])
    a_frame(occurred_at=moments).to_file(path, engine="pyogrio")

    source = open_source(path, Mapping(clock=clock))
    accepted = examine(next(source.batches()), source, some_rules()).accepted

    assert accepted["occurred_from"].dt.hour().to_list() == [hour, hour]
    with pytest.raises(UnexpectedColumns, match="may be UTC or local wall time"):
        open_source(path)


def test_a_geopackage_of_areas_is_refused(tmp_path):
    path = tmp_path / "areas.gpkg"
    a_frame(geometry=[shapely.box(76, 43, 77, 44)] * 2).to_file(path, engine="pyogrio")

    with pytest.raises(UnreadableFile, match=r"has no layer of points; found areas \(Polygon\)"):
        open_source(path)


def test_an_sqlite_file_that_is_no_geopackage_is_refused(tmp_path):
    path = tmp_path / "notes.db"
    path.write_bytes(b"SQLite format 3\x00" + bytes(200))

    with pytest.raises(UnreadableFile, match="an SQLite database, but no GeoPackage"):
        open_source(path)


@pytest.mark.parametrize("share", [0.3, 0.9])
def test_a_damaged_geopackage_is_refused_or_read_as_far_as_it_is_whole(tmp_path, share):
    path = tmp_path / "points.gpkg"
    a_frame().to_file(path, engine="pyogrio")
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])

    with pytest.raises(GeodataError):
        rows_of(open_source(path))


def test_other_files_beside_a_shapefile_are_left_aside():
    source = open_source(LAYOUTS / "portland_nij.zip")

    assert source.table.part == "made_up"
    assert any(name.endswith(".xlsx") for name in archives.checked_members(LAYOUTS / "portland_nij.zip"))


# Archives


def an_archive(tmp_path, *members, name="delivery.zip"):
    path = tmp_path / name
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, content in members:
            archive.writestr(member, content)
    return path


def a_link(name):
    info = zipfile.ZipInfo(name)
    info.external_attr = 0o120777 << 16
    return info


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ([("../points.shp", b"")], "leads out of it"),
        ([("/etc/points.shp", b"")], "leads out of it"),
        ([("a\\..\\points.shp", b"")], "leads out of it"),
        ([("C:/points.shp", b"")], "leads out of it"),
        ([(a_link("points.shp"), b"/etc/passwd")], "is a link"),
        ([("A.shp", b""), ("a.SHP", b"")], "two files of the archive have the same name"),
        ([("points.shp", b"")], "stands without its .dbf and .shx"),
        ([("points.pdf", b""), ("b.doc", b"")], "without a shapefile; it holds points.pdf, b.doc"),
        ([("points.shp", b"x"), ("points.dbf", b"x"), ("points.shx", b"x")], "is a damaged GeoPackage or shapefile"),
        ([("xl/workbook.xml", b"<x/>")], "cannot be read as a workbook"),
    ],
)
def test_an_archive_with_a_trick_or_without_incidents_is_refused(tmp_path, members, message):
    with pytest.raises(UnreadableFile, match=f"^delivery.zip.*{message}"):
        open_source(an_archive(tmp_path, *members))


def test_an_archive_of_too_many_or_too_large_files_is_refused(tmp_path, monkeypatch):
    path = an_archive(tmp_path, ("a.shp", b"0" * 2_000), ("b.shp", b""))

    monkeypatch.setattr(archives, "MOST_UNPACKED_BYTES", 1_999)
    with pytest.raises(UnreadableFile, match="unpacked it would be 2,000 bytes; expected at most 1,999"):
        open_source(path)
    monkeypatch.setattr(archives, "MOST_MEMBERS", 1)
    with pytest.raises(UnreadableFile, match="the archive has 2 files; expected at most 1"):
        open_source(path)


def test_an_archive_that_lies_about_a_size_is_refused(tmp_path):
    path = an_archive(tmp_path, ("a.shp", b"0" * 2_000), ("a.dbf", b""), ("a.shx", b""))
    content = path.read_bytes()
    path.write_bytes(content.replace((2_000).to_bytes(4, "little"), (10).to_bytes(4, "little")))

    with pytest.raises(UnreadableFile, match="a ZIP archive or an Excel workbook, but damaged or unusual"):
        open_source(path)


def test_an_encrypted_archive_is_refused(tmp_path):
    path = an_archive(tmp_path, ("a.shp", b"0"))
    content = bytearray(path.read_bytes())
    content[content.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(bytes(content))

    with pytest.raises(UnreadableFile, match=r"a\.shp in the archive is encrypted"):
        open_source(path)


def test_a_parquet_file_inside_gzip_is_read(tmp_path):
    plain, packed = tmp_path / "delivery.parquet", tmp_path / "delivery.parquet.gz"
    frame = pl.DataFrame({"date": [date(2026, 3, 2)] * 3, "lat": [43.2] * 3, "lon": [76.9] * 3})
    frame.write_parquet(plain)
    packed.write_bytes(gzip.compress(plain.read_bytes()))

    assert rows_of(open_source(packed)).equals(rows_of(open_source(plain)))


# Whatever comes


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["austin_aggravated_assault.xlsx", "portland_nij.zip", "kgp_crime_points_numbers.json"]),
    at=st.floats(min_value=0, max_value=0.999),
    bytes_=st.binary(min_size=1, max_size=8),
)
def test_no_change_of_a_sound_file_gets_past_the_errors_of_the_package(tmp_path, name, at, bytes_):
    content = bytearray((LAYOUTS / name).read_bytes())
    start = int(at * len(content))
    content[start : start + len(bytes_)] = bytes_
    path = tmp_path / name
    path.write_bytes(bytes(content))

    try:
        tables = open_tables(path)
        heights = [sum(frame.height for frame in table.frames(7, table.columns)) for table in tables]
    except GeodataError:
        return
    assert all(height > 0 for height in heights)
