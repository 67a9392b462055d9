"""Hostile and broken files of features and layers: GeoJSON, GeoPackage, zipped shapefile."""

import random
import shutil
import sqlite3
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import geopandas as gpd
import shapely

from tests.hostile_case import (
    COLUMNS,
    EITHER,
    REPORTED,
    UNREADABLE,
    Case,
    Make,
    cut_off,
    later,
    of_bytes,
    of_text,
    one_of_each,
    spoilt,
)

POINT = '{"type": "Point", "coordinates": [76.9, 43.25]}'
PROPERTIES = '{"occurred_at": "2026-03-02 14:30", "category": "theft"}'
FEATURE = f'{{"type": "Feature", "geometry": {POINT}, "properties": {PROPERTIES}}}'


def cases() -> list[Case]:
    """All cases of features and layers."""
    return [*_features(), *_geopackages(), *_shapefiles()]


def _features() -> list[Case]:
    def collection(*features: str, rest: str = "") -> Make:
        return of_text(
            f'{{"type": "FeatureCollection", {rest} "features": [{", ".join((FEATURE, *features))}]}}', "a.geojson"
        )

    def placed(geometry: str) -> str:
        return FEATURE.replace(POINT, geometry)

    def at(coordinates: str) -> str:
        return placed(f'{{"type": "Point", "coordinates": {coordinates}}}')

    def told(properties: str) -> str:
        return FEATURE.replace(PROPERTIES, properties)

    wrong = (
        "null",
        "[]",
        "[76.9]",
        '"76.9,43.25"',
        "[[76.9, 43.25]]",
        "{}",
        "[null, null]",
        "[true, false]",
        '["76,9", "43,25"]',
    )
    huge = ("[1e999, 43.25]", f"[{'9' * 5_000}, 43.25]", f"[76.{'9' * 5_000}, 43.25]", "[-0, -0.0]", "[1e-999, 1e-999]")
    others = ("LineString", "Polygon", "MultiPoint", "Nothing", "")
    kinds = [placed(f'{{"type": "{kind}", "coordinates": [[76.9, 43.25], [76.9, 43.26]]}}') for kind in others]
    gathered = placed(f'{{"type": "GeometryCollection", "geometries": [{POINT}, {POINT}]}}')
    named = tuple(f'"p{n}": 1' for n in range(100_000))
    nested = "[" * 300 + "]" * 300
    return one_of_each(
        "features",
        {
            "a hundred thousand lists in one another": (
                later(lambda: collection(told(f'{{"a": {"[" * 100_000}{"]" * 100_000}}}'))),
                UNREADABLE,
            ),
            "a thousand objects in one another": (collection(told('{"a": ' * 1_000 + "1" + "}" * 1_000)), UNREADABLE),
            "lists in one another to the last that can be read": (
                later(lambda: collection(*(told(f'{{"a": {"[" * n}{"]" * n}}}') for n in range(200, 990, 5)))),
                EITHER,
            ),
            "three hundred lists in one another": (collection(told(f'{{"a": {nested}}}')), UNREADABLE),
            "NaN and infinite": (collection(at("[NaN, Infinity]"), at("[-Infinity, NaN]")), REPORTED),
            "huge and tiny numbers": (collection(*map(at, huge)), REPORTED),
            "coordinates of wrong types": (collection(*map(at, wrong)), REPORTED),
            "three and more dimensions": (collection(at("[76.9, 43.25, 800]"), at("[76.9, 43.25, 1, 2, 3]")), REPORTED),
            "other kinds of geometry": (collection(*kinds), REPORTED),
            "gathered geometry": (collection(gathered), REPORTED),
            "without geometry": (collection(told(PROPERTIES).replace(f'"geometry": {POINT}, ', "")), REPORTED),
            "geometry of wrong types": (
                collection(*(placed(one) for one in ("null", "1", '"POINT(76 43)"', "[]", "true"))),
                REPORTED,
            ),
            "properties of wrong types": (
                collection(*(told(one) for one in ("null", "1", '"text"', "[1, 2]", "false"))),
                REPORTED,
            ),
            "features of wrong types": (collection("null", "1", '"text"', "[]", "true", "{}"), REPORTED),
            "doubled keys": (
                collection(told('{"occurred_at": "2026-03-02", "occurred_at": "2026-03-03", "a": 1, "a": 2}')),
                REPORTED,
            ),
            "two lists of features": (
                of_text(f'{{"features": [{FEATURE}], "type": "FeatureCollection", "features": [{FEATURE}]}}', "a.json"),
                REPORTED,
            ),
            "a hundred thousand properties": (
                later(lambda: collection(told("{" + ", ".join(named) + "}"))),
                UNREADABLE,
            ),
            "a property for each row": (
                later(lambda: collection(*(told(f'{{"p{n}": 1}}') for n in range(5_000)))),
                UNREADABLE,
            ),
            "properties that are ours": (
                collection(told('{"geometry x": 1, "line": 2, "ragged": "x", "repeat": 4}')),
                REPORTED,
            ),
            "one feature of 50 MB": (later(lambda: collection(told(f'{{"a": "{"x" * 50_000_000}"}}'))), UNREADABLE),
            "one list of 30 MB of small numbers": (
                later(lambda: of_text(f'{{"features": [{FEATURE}], "a": [{"11," * 10_000_000}1]}}', "a.geojson")),
                UNREADABLE,
            ),
            "not a list": (of_text('{"type": "FeatureCollection", "features": {"a": 1}}', "a.geojson"), UNREADABLE),
            "an empty list": (of_text('{"type": "FeatureCollection", "features": []}', "a.geojson"), UNREADABLE),
            "an error of a service": (
                of_text('{"error": {"code": 400, "message": "Invalid URL"}}', "a.json"),
                UNREADABLE,
            ),
            "cut off": (
                of_text(f'{{"type": "FeatureCollection", "features": [{FEATURE}, {FEATURE[:60]}', "a.geojson"),
                UNREADABLE,
            ),
            "text after the end": (
                of_text(f'{{"type": "FeatureCollection", "features": [{FEATURE}]}} and more', "a.geojson"),
                REPORTED,
            ),
            "commas left out": (
                of_text(f'{{"type": "FeatureCollection" "features": [{FEATURE} {FEATURE}]}}', "a.geojson"),
                REPORTED,
            ),
            "in UTF-16": (of_bytes(f'{{"features": [{FEATURE}]}}'.encode("utf-16"), "a.geojson"), EITHER),
            "bytes that are no text": (
                of_bytes(f'{{"features": [{FEATURE}]}}'.encode().replace(b"theft", b"\xff\xfe"), "a.geojson"),
                UNREADABLE,
            ),
            "surrogates": (
                collection(told(r'{"occurred_at": "2026-03-02", "category": "\ud800", "\udfff": 1}')),
                REPORTED,
            ),
            "a zero in a name": (collection(told(r'{"occurred_at": "2026-03-02", "a\u0000b": "\u0000"}')), REPORTED),
            "a coordinate system of its own": (
                collection(rest='"crs": {"properties": {"name": "the town"}},'),
                UNREADABLE,
            ),
            "a coordinate system of wrong type": (collection(rest='"crs": [1, 2],'), EITHER),
            "a coordinate system that is none": (
                collection(rest='"crs": {"properties": {"name": "EPSG:999999"}},'),
                UNREADABLE,
            ),
            "a coordinate system of the Moon": (
                collection(rest='"crs": {"properties": {"name": "EPSG:30175"}},'),
                EITHER,
            ),
            "an Esri number of 300 digits": (
                of_text(f'{{"spatialReference": {{"wkid": {"9" * 300}}}, "features": [{FEATURE}]}}', "a.json"),
                UNREADABLE,
            ),
        },
    )


def _geopackages() -> list[Case]:
    def changed(*statements: str) -> Make:
        def make(folder: Path, _: random.Random) -> Path:
            path = _geopackage(folder)
            with sqlite3.connect(path) as base:
                for name in ("ST_IsEmpty", "ST_MinX", "ST_MaxX", "ST_MinY", "ST_MaxY"):
                    base.create_function(name, 1, lambda _: 0)
                for statement in statements:
                    base.execute(statement)
            base.close()
            return path

        return make

    def endless(name: str) -> tuple[str, ...]:
        rows = "WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c)"
        return (
            f"CREATE VIEW {name} AS {rows} SELECT n AS fid, NULL AS geom, '2026-03-02' AS occurred_at FROM c",  # noqa: S608
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, srs_id) "  # noqa: S608
            f"VALUES ('{name}', 'attributes', '{name}', 4326)",
        )

    def bytes_of(change: Callable[[bytes, random.Random], bytes]) -> Make:
        def make(folder: Path, chance: random.Random) -> Path:
            path = _geopackage(folder)
            path.write_bytes(change(path.read_bytes(), chance))
            return path

        return make

    return one_of_each(
        "GeoPackages",
        {
            **{f"cut off at {share} %": (bytes_of(cut_off(share)), UNREADABLE) for share in (1, 20, 50, 90)},
            **{f"bytes changed by chance, {n}": (bytes_of(spoilt), EITHER) for n in range(4)},
            "another application's mark": (bytes_of(lambda whole, _: whole[:68] + b"ABCD" + whole[72:]), UNREADABLE),
            "SQLite and nothing more": (bytes_of(lambda whole, _: whole[:100]), UNREADABLE),
            "a page size that is none": (bytes_of(lambda whole, _: whole[:16] + b"\0\7" + whole[18:]), UNREADABLE),
            "triggers that delete": (
                changed("CREATE TRIGGER t AFTER INSERT ON a BEGIN DELETE FROM a; SELECT load_extension('/tmp/x'); END"),
                REPORTED,
            ),
            "a view without end": (changed(*endless("v")), UNREADABLE),
            "a view without end for its table of contents": (
                changed(
                    "ALTER TABLE gpkg_contents RENAME TO old",
                    "CREATE VIEW gpkg_contents AS WITH RECURSIVE c(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c) "
                    "SELECT old.* FROM old, c",
                ),
                UNREADABLE,
            ),
            "a column computed to 1 GB": (
                changed(
                    "CREATE TABLE b (fid INTEGER PRIMARY KEY, occurred_at TEXT, lat TEXT, "
                    "lng TEXT GENERATED ALWAYS AS (hex(zeroblob(400000000))))",
                    "INSERT INTO b (occurred_at, lat) VALUES ('2026-03-02', '43.25')",
                    "INSERT INTO gpkg_contents (table_name, data_type, identifier) VALUES ('b', 'attributes', 'b')",
                    "DELETE FROM gpkg_contents WHERE table_name = 'a'",
                ),
                UNREADABLE,
            ),
            "an empty table of contents": (changed("DELETE FROM gpkg_contents"), EITHER),
            "a name that would close a quotation": (
                changed(
                    'ALTER TABLE a RENAME TO "x""; DROP TABLE a; --"',
                    "UPDATE gpkg_contents SET table_name = 'x\"; DROP TABLE a; --'",
                    "UPDATE gpkg_geometry_columns SET table_name = 'x\"; DROP TABLE a; --'",
                ),
                EITHER,
            ),
            "broken geometry": (changed("UPDATE a SET geom = x'4750000148'"), EITHER),
            "no rows": (changed("DELETE FROM a"), UNREADABLE),
        },
    )


def _shapefiles() -> list[Case]:
    def parts(change: Callable[[dict[str, bytes]], dict[str, bytes]]) -> Make:
        def make(folder: Path, _: random.Random) -> Path:
            return _zipped(folder, change(_shapefile(folder)))

        return make

    def patched(part: str, at: int, new: bytes) -> Make:
        return parts(lambda held: held | {part: held[part][:at] + new + held[part][at + len(new) :]})

    def without(*names: str) -> Make:
        return parts(lambda held: {name: content for name, content in held.items() if name not in names})

    def cut(part: str, share: int) -> Make:
        return parts(lambda held: held | {part: held[part][: len(held[part]) * share // 100]})

    return one_of_each(
        "shapefiles",
        {
            "sound": (parts(lambda held: held), REPORTED),
            "without .dbf": (without("a.dbf"), UNREADABLE),
            "without .shx": (without("a.shx"), UNREADABLE),
            "without .prj": (without("a.prj"), COLUMNS),
            **{
                f"{part} cut off at {share} %": (cut(part, share), EITHER)
                for part in ("a.shp", "a.dbf", "a.shx")
                for share in (10, 60)
            },
            "a length of 8 GB in .shp": (patched("a.shp", 24, b"\x7f\xff\xff\xff"), EITHER),
            "a length of 8 GB in .shx": (patched("a.shx", 24, b"\x7f\xff\xff\xff"), EITHER),
            "two billion rows in .dbf": (patched("a.dbf", 4, b"\xff\xff\xff\x7f"), EITHER),
            "rows of 65 535 bytes in .dbf": (patched("a.dbf", 10, b"\xff\xff"), EITHER),
            "a header of no length in .dbf": (patched("a.dbf", 8, b"\0\0"), COLUMNS),
            "records out of the file": (patched("a.shx", 100, b"\x7f\xff\xff\xff\x7f\xff\xff\xff" * 3), EITHER),
            "records of negative length": (patched("a.shx", 100, b"\x80\0\0\0\x80\0\0\0" * 3), EITHER),
            "an unknown kind of shape": (patched("a.shp", 32, struct.pack("<i", 77)), EITHER),
            "coordinates that are no numbers": (
                patched("a.shp", 112, struct.pack("<dd", float("nan"), float("inf"))),
                EITHER,
            ),
            "a coordinate system of chance": (
                parts(lambda held: held | {"a.prj": random.Random(7).randbytes(4_000)}),
                EITHER,
            ),
            "a coordinate system of 5 MB": (
                later(lambda: parts(lambda held: held | {"a.prj": b"PROJCS[" * 700_000})),
                EITHER,
            ),
            "an encoding that is none": (parts(lambda held: held | {"a.cpg": b"../../etc/passwd\n" * 99}), EITHER),
            "names in another case": (
                parts(lambda held: {name.upper(): content for name, content in held.items()}),
                REPORTED,
            ),
            "a link to another file in .shp": (
                parts(lambda held: held | {"a.shp": b"/vsicurl/http://127.0.0.1:9/a"}),
                UNREADABLE,
            ),
        },
    )


def _geopackage(folder: Path) -> Path:
    path = folder / "delivery.gpkg"
    _frame().to_file(path, layer="a", engine="pyogrio")
    return path


def _shapefile(folder: Path) -> dict[str, bytes]:
    place = folder / "shape"
    place.mkdir()
    _frame().to_file(place / "a.shp", engine="pyogrio", encoding="utf-8")
    held = {path.name: path.read_bytes() for path in sorted(place.iterdir())}
    shutil.rmtree(place)
    return held


def _zipped(folder: Path, parts: dict[str, bytes]) -> Path:
    path = folder / "delivery.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in parts.items():
            archive.writestr(name, content)
    return path


def _frame() -> gpd.GeoDataFrame:
    rows = {"date": ["2026-03-02", "2026-03-03"] * 40, "category": ["theft", "robbery"] * 40}
    return gpd.GeoDataFrame(rows, geometry=[shapely.Point(76.9, 43.2 + n / 1_000) for n in range(80)], crs=4326)
