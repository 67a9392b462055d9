"""The corpus of hostile and broken deliveries: more than 200 files in more than 20 families, the same in every run.

A file that cannot be read as incidents is to be refused in one sentence that names it; of any other, every row is to be
accounted for.
"""

import os
import random
import socket
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from tests import hostile_packed, hostile_parquet, hostile_places, hostile_tables
from tests.form_builder import write_workbook
from tests.hostile_case import (
    EITHER,
    HEADER,
    LAYOUT,
    REPORTED,
    UNREADABLE,
    Case,
    Make,
    of_bytes,
    of_text,
    one_of_each,
    sound_rows,
    table,
)

SOUND = table(sound=20)
TOLD = '[columns]\noccurred_at = "occurred_at"\n'

SAMPLED = {
    ("lines", "one of 50 MB after sound rows"),
    ("quotes", "opened anew in each of 60 000 lines"),
    ("bytes", "a program named .csv"),
    ("encodings", "UTF-8, then Windows Cyrillic"),
    ("columns", "a hundred thousand"),
    ("numbers", "latitude and longitude odd"),
    ("dates", "every odd moment"),
    ("fields", "every hostile text as a category"),
    ("gzip", "cut off"),
    ("ZIP bombs", "members that overlap"),
    ("names in a ZIP archive", "leading up"),
    ("damaged ZIP archives", "a wrong check sum"),
    ("workbooks too large", "a billion laughs"),
    ("odd workbooks", "titles above the header"),
    ("damaged workbooks", "a sheet outside of it"),
    ("features", "coordinates of wrong types"),
    ("GeoPackages", "a view without end"),
    ("shapefiles", "two billion rows in .dbf"),
    ("damaged Parquet", "cut off at 40 %"),
    ("odd Parquet", "bytes for a date"),
    ("no files of rows", "a pipe nobody writes to"),
    ("no files of rows", "a device without end"),
    ("names of files", "refused: 'two\\nlines.csv'"),
    ("changed while read", "text, shorter"),
    ("layouts", "lists without end"),
}


@cache
def corpus() -> tuple[Case, ...]:
    """All cases, family by family."""
    own = [*_not_files(), *_names(), *_changing(), *_layouts()]
    return (*hostile_tables.cases(), *hostile_packed.cases(), *hostile_places.cases(), *hostile_parquet.cases(), *own)


def sample() -> tuple[Case, ...]:
    """The telling part of the corpus that every check runs: one case of each family, and some more."""
    found = tuple(case for case in corpus() if (case.family, case.name) in SAMPLED)
    assert len(found) == len(SAMPLED), SAMPLED - {(case.family, case.name) for case in found}
    return found


def _not_files() -> list[Case]:
    def link(to: str) -> Make:
        def make(folder: Path, _: random.Random) -> Path:
            (folder / "delivery.csv").symlink_to(to)
            return folder / "delivery.csv"

        return make

    def folder_of(name: str) -> Make:
        def make(folder: Path, _: random.Random) -> Path:
            (folder / name).mkdir()
            return folder / name

        return make

    def pipe(folder: Path, _: random.Random) -> Path:
        os.mkfifo(folder / "delivery.csv")
        return folder / "delivery.csv"

    def listening(folder: Path, _: random.Random) -> Path:
        with socket.socket(socket.AF_UNIX) as made:
            # The path of a socket may be only about a hundred bytes long.
            inside = os.open(folder, os.O_RDONLY)
            made.bind(f"/proc/self/fd/{inside}/delivery.csv")
            os.close(inside)
        return folder / "delivery.csv"

    def forbidden(folder: Path, _: random.Random) -> Path:
        path = of_text(SOUND)(folder, random.Random(0))
        path.chmod(0)
        return path

    def below_a_file(folder: Path, _: random.Random) -> Path:
        return of_text(SOUND)(folder, random.Random(0)) / "delivery.csv"

    short = {
        f"of {len(content)} bytes: {content!r}": (of_bytes(content), UNREADABLE)
        for content in (b"", b"\n", b"\x1f\x8b")
    }
    single = {
        f"of one byte: {content!r}": (of_bytes(content), EITHER) for content in (b"a", b"{", b'"', b"\xff", b",", b" ")
    }
    return one_of_each(
        "no files of rows",
        {
            "a folder": (folder_of("delivery.csv"), UNREADABLE),
            "a pipe nobody writes to": (pipe, UNREADABLE),
            "a socket": (listening, UNREADABLE),
            "a device without end": (link("/dev/zero"), UNREADABLE),
            "a device of chance": (link("/dev/urandom"), UNREADABLE),
            "a device of nothing": (link("/dev/null"), UNREADABLE),
            "a link to itself": (link("delivery.csv"), UNREADABLE),
            "a link to nothing": (link("absent"), UNREADABLE),
            "the memory of the process": (link("/proc/self/mem"), UNREADABLE),
            "a file that is not there": (lambda folder, _: folder / "absent.csv", UNREADABLE),
            "a file below a file": (below_a_file, UNREADABLE),
            "a file nobody may read": (forbidden, EITHER),
            **short,
            **single,
        },
    )


def _names() -> list[Case]:
    readable = (
        "with spaces, 'quotes' and \"more\".csv", "кеңес-қылмыс-ұрлық.csv",
        "\U0001f469\u200d\U0001f692 \U0001f1f0\U0001f1ff.csv",
        "n" * 251 + ".csv", "; rm -rf ~ && $(reboot) `id`.csv", "%s %d {0} {name} {words.text}.csv",
        "<script>alert(1)<∕script>.csv",
        "..csv", "CON.csv", "a.csv.exe", "=HYPERLINK(1).csv", "no\u00a0break.csv", "a" + "\u0301" * 100 + ".csv",
        "name", "delivery.parquet.csv",
    )  # fmt: skip
    refused = (
        "two\nlines.csv",
        "tab\tand return\r.csv",
        "\x1b[31mred\x07.csv",
        "marks \u202evsc.exe\u202c.csv",
        "line\u2028end.csv",
        b"\xff\xfe\xe9.csv",
    )

    def up_and_down(folder: Path, chance: random.Random) -> Path:
        return folder / ".." / folder.name / of_text(SOUND)(folder, chance).name

    def named(name: str | bytes) -> Make:
        return of_text(SOUND, os.fsdecode(name))

    return one_of_each(
        "names of files",
        {
            **{f"taken as it is: {name[:40]!a}": (named(name), REPORTED) for name in readable},
            **{f"refused: {name!a}": (named(name), UNREADABLE) for name in refused},
            "of 256 bytes": (lambda folder, _: folder / ("n" * 256), UNREADABLE),
            "a path up and down": (up_and_down, REPORTED),
            "a picture's name": (of_text(SOUND, "photo.png"), REPORTED),
            "of Parquet and none": (of_text(SOUND, "photo.parquet"), UNREADABLE),
        },
    )  # fmt: skip


def _changing() -> list[Case]:
    long = 60_000

    def text(folder: Path, chance: random.Random) -> Path:
        return of_text("\n".join([HEADER, *sound_rows(long)]))(folder, chance)

    def parquet(folder: Path, _: random.Random) -> Path:
        rows = [row.split(",") for row in sound_rows(long)]
        columns = {
            name: pa.array(column) for name, column in zip(HEADER.split(","), zip(*rows, strict=True), strict=True)
        }
        pq.write_table(pa.table(columns), folder / "delivery.parquet", row_group_size=2_000)
        return folder / "delivery.parquet"

    def book(folder: Path, _: random.Random) -> Path:
        return write_workbook(
            folder / "book.xlsx", {"One": [HEADER.split(","), *(row.split(",") for row in sound_rows(9_000))]}
        )

    def features(folder: Path, chance: random.Random) -> Path:
        entries = (
            f'{{"properties": {{"date": "{row[:16]}"}}, "geometry": {{"type": "Point", "coordinates": [76.9, 43.2]}}}}'
            for row in sound_rows(long)
        )
        return of_text(f'{{"type": "FeatureCollection", "features": [{",".join(entries)}]}}', "a.geojson")(
            folder, chance
        )

    changes: dict[str, Callable[[Path], None]] = {
        "shorter": _shorten,
        "longer": _lengthen,
        "replaced": _replace,
        "removed": _remove,
    }
    kinds: dict[str, Make] = {"text": text, "Parquet": parquet, "workbook": book, "features": features}
    return [
        Case(family="changed while read", name=f"{kind}, {name}", make=make, outcome=EITHER, meanwhile=change)
        for kind, make in kinds.items()
        for name, change in changes.items()
    ]


def _shorten(path: Path) -> None:
    size = path.stat().st_size
    os.truncate(path, size * 9 // 10)


def _lengthen(path: Path) -> None:
    with path.open("ab") as file:
        file.write(b"2026-03-02 14:30,theft,43.25,76.9\n" * 99)


def _replace(path: Path) -> None:
    path.with_name("next").write_text(SOUND, encoding="utf-8")
    path.with_name("next").replace(path)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


def _layouts() -> list[Case]:
    def toml(text: str) -> Make:
        return of_text(text, "layout.toml")

    def pipe(folder: Path, _: random.Random) -> Path:
        os.mkfifo(folder / "layout.toml")
        return folder / "layout.toml"

    refused = {
        "no TOML": "[columns",
        "a zero byte": TOLD + "\0",
        "lists without end": "a = " + "[" * 50_000,
        "tables without end": "a = " + "{a = " * 2_000,
        "a dotted name of 50 000 parts": ".".join("a" * 50_000) + " = 1",
        "a number of 100 000 digits": f"a = {'9' * 100_000}",
        "an unknown entry": 'run = "rm -rf /"',
        "an unknown entry of 100 000 letters": f"{'a' * 100_000} = 1",
        "columns as a list": 'columns = ["lat"]',
        "columns of numbers": "[columns]\nlat = 1",
        "an unknown column": '[columns]\n"\\u202elat" = "lat"',
        "a column that is not there": '[columns]\nlat = "absent"',
        "a zone that leads out": 'time_zone = "../../../etc/passwd"',
        "a zone of 100 000 letters": f'time_zone = "{"Asia/" * 20_000}"',
        "a date pattern that is none": 'date_format = "%n%n%n%x"',
        "a coordinate system by address": 'coordinate_system = "http://127.0.0.1:9/crs"',
        "a coordinate system that is none": 'coordinate_system = "EPSG:999999"',
        "an encoding of code": 'encoding = "unicode_escape"',
        "a separator of two signs": 'separator = "::"',
        "bounds without end": 'name = "a"\n[recognised_by]\ncolumns = ["lat"]\nbounds = [nan, inf, -inf]',
        "a name that leads out": 'name = "../../a"',
        "key that is no list": 'key = "lat"',
        "a sheet that is not there": 'sheet = "absent"',
    }
    taken = {
        "nothing said": "",
        "a mark at its start": "\ufeff" + TOLD,
        "everything dropped": 'drop = ["*"]',
        "one column for everything": '[columns]\nlat = "lat"\nlng = "lat"',
        "ten thousand categories": "[categories]\n" + "".join(f'"c{n}" = "theft"\n' for n in range(10_000)),
        "a date pattern of many parts": f'date_format = "%Y-%m-%d {"%H" * 40}"',
        "its name in full": 'name = "own"\n[recognised_by]\ncolumns = ["lat"]',
    }
    found = {name: (toml(text), EITHER if "not there" in name else LAYOUT) for name, text in refused.items()}
    found |= {name: (toml(text), EITHER) for name, text in taken.items()}
    found |= {
        "bytes that are no text": (of_bytes(b"\xff\xfe\x00", "layout.toml"), LAYOUT),
        "not there": (lambda folder, _: folder / "layout.toml", LAYOUT),
        "a folder": (lambda folder, _: folder, LAYOUT),
        "a pipe nobody writes to": (pipe, LAYOUT),
    }
    return [
        Case(family="layouts", name=name, make=make, outcome=outcome, is_layout=True)
        for name, (make, outcome) in found.items()
    ]
