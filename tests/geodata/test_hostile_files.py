"""Whatever is done to the bytes of a delivery, its reader hands out rows or raises an error of the package."""

import gzip
import json
import os
import zipfile
from contextlib import suppress
from functools import cache
from io import BytesIO
from pathlib import Path

import geopandas as gpd
import polars as pl
import pytest
import shapely
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from geodata import archives, csv_text, feature_rows, parquet_rows, readers, workbook
from geodata.errors import GeodataError, UnreadableFile
from geodata.intake import examine
from geodata.mapping import Mapping
from geodata.official_totals import read_form
from geodata.sources import LINE, open_source
from tests.builders import some_rules
from tests.form_builder import write_workbook
from tests.hostile_case import HEADER, sound_rows, table

HEAD = tuple(HEADER.split(","))
SOUND = table(sound=30)
WITHOUT_MARKS = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
NAMES = {
    "text": "delivery.csv",
    "UTF-16": "delivery.csv",
    "gzip": "delivery.csv.gz",
    "ZIP": "delivery.zip",
    "workbook": "delivery.xlsx",
    "features": "delivery.geojson",
    "GeoPackage": "delivery.gpkg",
    "shapefile": "delivery.zip",
    "Parquet": "delivery.parquet",
}
READERS = tuple(NAMES)

changes = st.lists(
    st.tuples(
        st.sampled_from(["put", "insert", "cut out", "cut off", "repeat"]),
        st.floats(min_value=0, max_value=1, exclude_max=True),
        st.binary(min_size=1, max_size=12),
    ),
    min_size=1,
    max_size=6,
)
openings = st.sampled_from(
    [
        b"",
        b"PAR1",
        b"PK\x03\x04",
        b"\x1f\x8b\x08",
        b"\xff\xfe",
        b'{"features": [',
        b"SQLite format 3\x00",
        HEADER.encode(),
    ]
)
values = st.one_of(
    st.sampled_from(["", "theft", "2026-03-02 14:30", "31.02.2026", "43.2", "76,9", "-1e400", "nan", "\ud800", "\x00"]),
    st.text(max_size=12),
    st.integers(),
    st.floats(),
    st.booleans(),
    st.none(),
)
json_values = st.recursive(
    values,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
)


def account_for(path: Path) -> None:
    """Only errors of the package may come out, and every row is sorted."""
    with suppress(GeodataError):
        source = open_source(path, Mapping(clock="utc") if path.suffix == ".gpkg" else None)
        for batch in source.batches(rows=11):
            examined = examine(batch, source, some_rules())
            assert sorted([*examined.accepted[LINE], *examined.quarantined[LINE]]) == batch[LINE].to_list()


@cache
def a_sound(kind: str, folder: Path) -> bytes:
    """A delivery of this kind that nothing is wrong with."""
    rows = [row.split(",") for row in sound_rows(30)]
    frame = pl.DataFrame(dict(zip(HEAD, zip(*rows, strict=True), strict=True)))
    points = gpd.GeoDataFrame(
        {"occurred_at": frame["occurred_at"], "category": frame["category"]},
        geometry=[shapely.Point(float(row[3]), float(row[2])) for row in rows],
        crs=4326,
    )
    if kind == "shapefile":
        points.rename(columns={"occurred_at": "date"}).to_file(folder / "a.shp", engine="pyogrio")
        return _packed({path.name: path.read_bytes() for path in sorted(folder.glob("a.*"))})
    if kind == "GeoPackage":
        points.to_file(folder / "a.gpkg", engine="pyogrio")
        return (folder / "a.gpkg").read_bytes()
    if kind == "workbook":
        return write_workbook(folder / "a.xlsx", {"One": [("A title",), HEAD, *rows]}).read_bytes()
    if kind == "Parquet":
        frame.with_columns(pl.col("lat", "lng").cast(pl.Float64)).write_parquet(folder / "a.parquet")
        return (folder / "a.parquet").read_bytes()
    if kind == "ZIP":
        return _packed({"a.csv": SOUND.encode()})
    made = {
        "text": SOUND.encode(),
        "UTF-16": SOUND.encode("utf-16"),
        "gzip": gzip.compress(SOUND.encode(), mtime=0),
        "features": points.to_json().encode(),
    }
    return made[kind]


def _packed(parts: dict[str, bytes]) -> bytes:
    packed = BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for name, content in parts.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return packed.getvalue()


def changed(content: bytes, steps: list[tuple[str, float, bytes]]) -> bytes:
    """The bytes after some changes; places are shares of the length."""
    for kind, share, new in steps:
        at = int(share * len(content))
        content = {
            "put": content[:at] + new + content[at + len(new) :],
            "insert": content[:at] + new + content[at:],
            "cut out": content[:at] + content[at + 7 * len(new) :],
            "cut off": content[: at or 1],
            "repeat": content[:at] + content[max(0, at - 40) :],
        }[kind]
    return content


# Whatever comes


@pytest.mark.parametrize("kind", READERS)
def test_a_sound_file_of_each_kind_is_read_in_full(kind, tmp_path):
    path = tmp_path / NAMES[kind]
    path.write_bytes(a_sound(kind, tmp_path))

    source = open_source(path)

    assert sum(batch.height for batch in source.batches()) == 30


def _no_change_gets_past(kind, tmp_path_factory, steps):
    folder = tmp_path_factory.getbasetemp()
    path = folder / f"{kind}-{NAMES[kind]}"
    path.write_bytes(changed(a_sound(kind, folder), steps))

    account_for(path)


@pytest.mark.parametrize("kind", READERS)
@settings(WITHOUT_MARKS, max_examples=200)
@given(steps=changes)
def test_no_change_of_a_sound_file_gets_past_the_errors_of_the_package(kind, tmp_path_factory, steps):
    _no_change_gets_past(kind, tmp_path_factory, steps)


@pytest.mark.deep
@pytest.mark.parametrize("kind", READERS)
@settings(WITHOUT_MARKS, max_examples=10_000)
@given(steps=changes)
def test_no_change_of_a_sound_file_gets_past_the_errors_in_many_trials(kind, tmp_path_factory, steps):
    _no_change_gets_past(kind, tmp_path_factory, steps)


def _no_bytes_get_past(tmp_path_factory, opening, content):
    path = tmp_path_factory.getbasetemp() / "whatever.csv"
    path.write_bytes(opening + content)

    account_for(path)


@settings(WITHOUT_MARKS, max_examples=200)
@given(opening=openings, content=st.binary(max_size=600))
def test_no_bytes_get_past_the_errors_of_the_package(tmp_path_factory, opening, content):
    _no_bytes_get_past(tmp_path_factory, opening, content)


@pytest.mark.deep
@settings(WITHOUT_MARKS, max_examples=10_000)
@given(opening=openings, content=st.binary(max_size=600))
def test_no_bytes_get_past_the_errors_in_many_trials(tmp_path_factory, opening, content):
    _no_bytes_get_past(tmp_path_factory, opening, content)


def _no_features_get_past(tmp_path_factory, features):
    path = tmp_path_factory.getbasetemp() / "whatever.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")

    account_for(path)


a_feature = st.one_of(
    json_values,
    st.fixed_dictionaries(
        {},
        optional={
            "geometry": st.one_of(
                json_values, st.fixed_dictionaries({"type": st.just("Point"), "coordinates": json_values})
            ),
            "properties": st.dictionaries(
                st.sampled_from(["occurred_at", "category", "lat", "line", "\ud800"]), json_values
            ),
            "attributes": json_values,
        },
    ),
)


@settings(WITHOUT_MARKS, max_examples=200)
@given(features=st.lists(a_feature, max_size=5))
def test_no_features_get_past_the_errors_of_the_package(tmp_path_factory, features):
    _no_features_get_past(tmp_path_factory, features)


@pytest.mark.deep
@settings(WITHOUT_MARKS, max_examples=10_000)
@given(features=st.lists(a_feature, max_size=5))
def test_no_features_get_past_the_errors_in_many_trials(tmp_path_factory, features):
    _no_features_get_past(tmp_path_factory, features)


# What is read


def test_a_table_in_a_zip_archive_is_read_and_named_after_its_archive(tmp_path):
    path = tmp_path / "delivery.zip"
    path.write_bytes(_packed({"readme.txt": b"", "in/points.csv": SOUND.encode("utf-16"), "__MACOSX/a.csv": b"x"}))

    source = open_source(path)

    assert source.table.part == "in/points.csv"
    assert source.table.path.name == "delivery.zip (in/points.csv)"
    assert sum(batch.height for batch in source.batches()) == 30


def test_of_several_tables_in_a_zip_archive_one_is_told_by_its_name(tmp_path):
    path = tmp_path / "delivery.zip"
    path.write_bytes(_packed({"a.csv": SOUND.encode(), "b.csv": table(sound=3).encode()}))

    with pytest.raises(GeodataError, match="several of its sheets, layers or tables"):
        open_source(path)
    assert sum(batch.height for batch in open_source(path, Mapping(sheet="b.csv")).batches()) == 3


def test_titles_above_the_header_of_a_sheet_are_passed_over(tmp_path):
    rows = [("Police of the town",), ("March 2026", None, 17), (), HEAD, *(row.split(",") for row in sound_rows(4))]
    path = write_workbook(tmp_path / "book.xlsx", {"One": rows})

    batch = next(open_source(path).batches())

    assert batch[LINE].to_list() == [5, 6, 7, 8]


# What is refused


@pytest.mark.parametrize("name", ["two\nlines.csv", "\x1b[31m.csv", "a\u202evsc.exe", "line\u2028end.csv"])
def test_a_name_that_could_forge_a_line_is_refused(tmp_path, name):
    path = tmp_path / name
    path.write_text(SOUND, encoding="utf-8")

    with pytest.raises(UnreadableFile, match=r"^[^\n\x1b\u202e\u2028]*signs in its name that are no letters \(U\+"):
        open_source(path)


@pytest.mark.parametrize("kind", READERS)
def test_a_file_that_is_changed_between_two_looks_at_it_is_refused(kind, tmp_path):
    path = tmp_path / NAMES[kind]
    path.write_bytes(a_sound(kind, tmp_path))
    source = open_source(path)

    path.write_bytes(path.read_bytes())
    os.utime(path, ns=(0, 0))

    with pytest.raises(UnreadableFile, match="was changed while it was read"):
        list(source.batches())


def test_what_is_no_file_is_refused_before_it_is_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")

    with pytest.raises(UnreadableFile, match=r"^pipe\.csv is a pipe, a socket or a device"):
        open_source(tmp_path / "pipe.csv")
    with pytest.raises(UnreadableFile, match="is a folder"):
        open_source(tmp_path)
    with pytest.raises(GeodataError, match=r"^pipe\.csv cannot be read as a workbook: it is no file"):
        read_form(tmp_path / "pipe.csv", region_id="1", year=2026)


def test_gzip_data_that_unpacks_into_too_much_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archives, "ALWAYS_BYTES", 100_000)
    path = tmp_path / "delivery.csv.gz"
    path.write_bytes(gzip.compress(SOUND.encode()) + gzip.compress(b" " * 10_000_000))

    with pytest.raises(UnreadableFile, match=r"^delivery\.csv\.gz unpacks into more than 200 times its size"):
        open_source(path)


def test_quotation_marks_that_are_opened_again_and_again_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_text, "MOST_READ_AGAIN", 1_000)
    path = tmp_path / "delivery.csv"
    path.write_text(SOUND + 'x"y,"z\n' * 2_000, encoding="utf-8")

    with pytest.raises(UnreadableFile, match="quotation marks that are opened and never closed, again and again"):
        open_source(path)


def test_values_nested_too_deep_are_refused(tmp_path):
    deep = "[" * (feature_rows.MOST_NESTED + 1) + "]" * (feature_rows.MOST_NESTED + 1)
    path = tmp_path / "delivery.geojson"
    path.write_text(f'{{"features": [{{"properties": {{"a": {deep}}}}}]}}')

    with pytest.raises(UnreadableFile, match="feature 1 has lists or objects more than 100 deep"):
        open_source(path)


def test_rows_of_a_sheet_that_reach_too_far_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook, "MOST_SPANNED", 50)
    path = write_workbook(tmp_path / "book.xlsx", {"One": [HEAD, *(row.split(",") for row in sound_rows(20))]})

    with pytest.raises(UnreadableFile, match="reach over more than 50 cells"):
        open_source(path)


def test_a_parquet_file_of_too_many_rows_for_its_bytes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(parquet_rows, "MANY_ROWS", 10_000)
    path = tmp_path / "delivery.parquet"
    pl.DataFrame({"date": ["2026-03-02"] * 100_000}).write_parquet(path)

    with pytest.raises(UnreadableFile, match=r"says 100,000 rows in [0-9,]+ bytes"):
        open_source(path)


@pytest.mark.parametrize("rows", [1, 7, 20_000, 100_000])
def test_batches_of_parquet_are_of_the_size_asked_for_and_in_order(tmp_path, rows):
    path = tmp_path / "delivery.parquet"
    pl.DataFrame({"n": range(50_000), "text": ["x"] * 50_000}).write_parquet(path, row_group_size=9_000)

    frames = list(readers.open_tables(path)[0].frames(rows, ["n"]) if rows > 7 else ())
    few = next(readers.open_tables(path)[0].frames(rows, ["n"]))

    assert few.height <= rows
    assert not frames or pl.concat(frames)["n"].to_list() == list(range(50_000))
    assert all(frame.height <= rows for frame in frames)
