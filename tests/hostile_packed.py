"""Hostile and broken packed files: gzip, ZIP archives, and workbooks, which are ZIP archives of XML."""

import gzip
import random
import struct
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from tests.form_builder import write_form, write_workbook
from tests.hostile_case import (
    COLUMNS,
    EITHER,
    HEADER,
    REPORTED,
    UNREADABLE,
    Case,
    Make,
    later,
    of_bytes,
    one_of_each,
    table,
)

SOUND = table(sound=40).encode()
HEAD = tuple(HEADER.split(","))
ROWS = (HEAD, *(("2026-03-02 14:30", "theft", 43.25 + n / 1e4, 76.9) for n in range(20)))
SHEET, TEXTS = "xl/worksheets/sheet1.xml", "xl/sharedStrings.xml"
KIND = "application/vnd.openxmlformats-officedocument.spreadsheetml"

Member = tuple[str | zipfile.ZipInfo, bytes]


def cases() -> list[Case]:
    """All cases of packed files."""
    return [
        *_gzip(),
        *_zip_bombs(),
        *_zip_names(),
        *_zip_damage(),
        *_books_too_large(),
        *_odd_books(),
        *_damaged_books(),
    ]


def _gzip() -> list[Case]:
    whole = gzip.compress(SOUND * 50)
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 0xFF
    return one_of_each(
        "gzip",
        {
            "2 GB of line ends": (
                later(lambda: of_bytes(_packed_often(b"\n" * 20_000_000, 100), "a.csv.gz")),
                UNREADABLE,
            ),
            "2 GB of spaces after sound rows": (
                later(lambda: of_bytes(_packed_often(b" " * 20_000_000, 100, SOUND), "a.csv.gz")),
                UNREADABLE,
            ),
            "2 GB of one row": (
                later(lambda: of_bytes(_packed_often(b"2026-03-02,theft,43.25,76.9\n" * 700_000, 100, SOUND))),
                UNREADABLE,
            ),
            "2 GB of zero bytes": (later(lambda: of_bytes(_packed_often(bytes(20_000_000), 100))), UNREADABLE),
            "1 GB of JSON brackets": (
                later(lambda: of_bytes(_packed_often(b"[" * 20_000_000, 50, b'{"features": '))),
                UNREADABLE,
            ),
            "1 GB of JSON spaces": (
                later(lambda: of_bytes(_packed_often(b" " * 20_000_000, 50, b'{"features": ['))),
                UNREADABLE,
            ),
            "1 GB said to be Parquet": (
                later(lambda: of_bytes(_packed_often(b"PAR1" * 5_000_000, 50, b"PAR1"))),
                UNREADABLE,
            ),
            "inside gzip inside gzip": (of_bytes(gzip.compress(whole)), UNREADABLE),
            "a ZIP archive inside": (of_bytes(gzip.compress(_zip_bytes([("a.csv", SOUND)]))), UNREADABLE),
            "cut off": (of_bytes(whole[: len(whole) // 2]), UNREADABLE),
            "changed in the middle": (of_bytes(bytes(flipped)), UNREADABLE),
            "a wrong check sum": (of_bytes(whole[:-8] + bytes(8)), UNREADABLE),
            "chance after the end": (of_bytes(lambda chance: whole + chance.randbytes(5_000)), UNREADABLE),
            "two members": (of_bytes(gzip.compress(SOUND) + gzip.compress(b"2026-03-02,theft,43.2,76.9\n")), REPORTED),
            "of nothing": (of_bytes(gzip.compress(b"")), UNREADABLE),
            "its first ten bytes": (of_bytes(whole[:10]), UNREADABLE),
        },
    )


def _zip_bombs() -> list[Case]:
    def nested() -> bytes:
        inner = _zip_bytes([("0.csv", bytes(50_000_000))])
        for _ in range(5):
            inner = _zip_bytes([(f"{n}.zip", inner) for n in range(10)])
        return inner

    return one_of_each(
        "ZIP bombs",
        {
            "500 MB of zero bytes": (later(lambda: _zip(("a.csv", bytes(500_000_000)))), UNREADABLE),
            "a table of 500 MB": (
                later(lambda: _zip(("a.csv", SOUND + b"2026-03-02,theft,43.25,76.9\n" * 17_000_000))),
                UNREADABLE,
            ),
            "20 tables of 60 MB": (
                later(lambda: _zip(*((f"{n}.csv", bytes(60_000_000)) for n in range(20)))),
                UNREADABLE,
            ),
            "archives in archives": (later(lambda: of_bytes(nested(), "a.zip")), UNREADABLE),
            "five thousand files": (later(lambda: _zip(*((f"{n}.csv", b"x") for n in range(5_000)))), UNREADABLE),
            "five hundred tables": (later(lambda: _zip(*((f"{n}.csv", SOUND) for n in range(500)))), UNREADABLE),
            "a shapefile of 500 MB": (
                later(lambda: _zip(("a.shp", bytes(500_000_000)), ("a.shx", b""), ("a.dbf", b""))),
                UNREADABLE,
            ),
            "a size that is a lie": (_lying_zip, UNREADABLE),
            "members that overlap": (_overlapping_zip, UNREADABLE),
        },
    )


def _zip_names() -> list[Case]:
    sound = ("points.csv", SOUND)
    link = zipfile.ZipInfo("points.csv")
    link.external_attr = 0o120777 << 16
    pipe = zipfile.ZipInfo("pipe.csv")
    pipe.external_attr = 0o010644 << 16
    return one_of_each(
        "names in a ZIP archive",
        {
            "leading up": (_zip(("../../points.csv", SOUND)), UNREADABLE),
            "leading up inside": (_zip(("a/../../points.csv", SOUND)), UNREADABLE),
            "from the root": (_zip(("/etc/points.csv", SOUND)), UNREADABLE),
            "of Windows, leading up": (_zip(("a\\..\\points.csv", SOUND)), UNREADABLE),
            "of a drive": (_zip(("C:/points.csv", SOUND)), UNREADABLE),
            "with a zero": (_zip_renamed(b"points.csv", b"poi\0ts.csv"), UNREADABLE),
            "a link": (_zip((link, b"/etc/passwd")), UNREADABLE),
            "a pipe": (_zip((pipe, SOUND)), REPORTED),
            "twice the same": (_zip(sound, ("POINTS.CSV", SOUND)), UNREADABLE),
            "only a folder": (_zip(("points.csv/", b"")), UNREADABLE),
            "of 60 000 letters": (later(lambda: _zip(("p" * 60_000 + ".csv", SOUND))), REPORTED),
            "with a line end and marks of direction": (_zip(("a\n\u202evsc.csv", SOUND)), REPORTED),
            "in no encoding": (_zip_renamed(b"points.csv", b"\xff\xfe\xfd\xfc\xfbx.csv"), REPORTED),
            "encrypted": (_encrypted_zip, UNREADABLE),
            "beside leftovers of a Macintosh": (
                _zip(sound, ("__MACOSX/._points.csv", b"\0\5\x16\7"), (".DS_Store", b"\0")),
                REPORTED,
            ),
            "of pictures only": (_zip(("a.png", b"\x89PNG"), ("b.txt.exe", b"MZ")), UNREADABLE),
        },
    )


def _zip_damage() -> list[Case]:
    whole = _zip_bytes([("points.csv", SOUND * 20), ("note.md", b"text")])
    central = whole.index(b"PK\x01\x02")
    found = {
        f"cut off at {share} %": (of_bytes(whole[: len(whole) * share // 100], "a.zip"), UNREADABLE)
        for share in (5, 30, 60, 95)
    }
    return one_of_each(
        "damaged ZIP archives",
        {
            **found,
            "of nothing": (of_bytes(_zip_bytes([]), "a.zip"), UNREADABLE),
            "without its table": (of_bytes(whole[:central] + whole[-22:], "a.zip"), UNREADABLE),
            "a wrong check sum": (_zip_renamed(b"robbery", b"robbers", stored=True), UNREADABLE),
            "packed in an unknown way": (of_bytes(_patched(whole, central + 10, b"\x63\0"), "a.zip"), UNREADABLE),
            "a table out of the file": (
                of_bytes(_patched(whole, len(whole) - 6, b"\xff\xff\xff\x7f"), "a.zip"),
                UNREADABLE,
            ),
            "chance before it": (
                of_bytes(lambda chance: b"PK\x03\x04" + chance.randbytes(9_000) + whole, "a.zip"),
                EITHER,
            ),
            "chance after it": (of_bytes(lambda chance: whole + chance.randbytes(3_000), "a.zip"), EITHER),
            "chance alone": (of_bytes(lambda chance: b"PK\x03\x04" + chance.randbytes(90_000), "a.zip"), UNREADABLE),
        },
    )


def _books_too_large() -> list[Case]:
    head, cell = "".join(f'<c t="inlineStr"><is><t>{name}</t></is></c>' for name in HEAD), "<c><v>43.25</v></c>"

    def far() -> str:
        return "".join(
            f'<row r="{n}"><c r="A{n}"><v>1</v></c><c r="XFD{n}"><v>1</v></c></row>' for n in range(2, 60_000)
        )

    def edge() -> str:
        return "".join(f'<row r="{n}"><c r="ALL{n}"><v>1</v></c></row>' for n in range(2, 400_000))

    def texts() -> str:
        return "".join(f"<si><t>{n:0200}</t></si>" for n in range(250_000))

    laughs = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 12))
    return one_of_each(
        "workbooks too large",
        {
            "16 384 columns": (
                later(lambda: _sheet(f"<row>{head * 4_096}</row><row>{cell * 16_384}</row>")),
                UNREADABLE,
            ),
            "a cell in column XFD of each row": (later(lambda: _sheet(f"<row>{head}</row>{far()}")), UNREADABLE),
            "a cell in column ALL of each row": (later(lambda: _sheet(f"<row>{head}</row>{edge()}")), UNREADABLE),
            "a million empty rows": (later(lambda: _sheet(f"<row>{head}</row>" + "<row/>" * 1_000_000)), UNREADABLE),
            "a row numbered 999999999999": (
                _sheet(f'<row r="1">{head}</row><row r="999999999999">{cell * 4}</row>'),
                UNREADABLE,
            ),
            "one row of 100 MB": (later(lambda: _sheet(f"<row>{head}</row><row>{cell * 5_000_000}</row>")), UNREADABLE),
            "one cell of 50 MB": (_sheet(f"<row>{head}</row><row><c><v>{'9' * 50_000_000}</v></c></row>"), UNREADABLE),
            "a sheet of 500 MB of spaces": (later(lambda: _sheet(" " * 500_000_000)), UNREADABLE),
            "300 000 elements in one another": (later(lambda: _sheet("<row>" * 300_000)), UNREADABLE),
            "a billion laughs": (
                _sheet("<row><c><v>&l11;</v></c></row>", f'<!DOCTYPE a [<!ENTITY l0 "ha">{laughs}]>'),
                UNREADABLE,
            ),
            "a billion laughs in its texts": (_part(TEXTS, _laughs("sst", laughs)), UNREADABLE),
            "a billion laughs in its styles": (_part("xl/styles.xml", _laughs("styleSheet", laughs)), UNREADABLE),
            "a billion laughs in its list of parts": (
                _part("[Content_Types].xml", _laughs("Types", laughs)),
                UNREADABLE,
            ),
            "an entity of another file": (
                _sheet("<row><c><v>&x;</v></c></row>", '<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'),
                UNREADABLE,
            ),
            "texts of 50 MB": (later(lambda: _part(TEXTS, f"<sst>{texts()}</sst>".encode())), UNREADABLE),
            "texts of 400 MB": (later(lambda: _part(TEXTS, b"<sst>" + b"<si><t/></si>" * 30_000_000)), UNREADABLE),
            "three hundred thousand short texts": (
                later(lambda: _part(TEXTS, b"<sst>" + b"<si><t>a</t></si>" * 300_000 + b"</sst>")),
                EITHER,
            ),
            "five hundred sheets": (later(lambda: _many_sheets), COLUMNS),
        },
    )


def _odd_books() -> list[Case]:
    titles = [("Управление полиции",), ("За март 2026 года", None, "№ 17"), (), *ROWS]
    return one_of_each(
        "odd workbooks",
        {
            "titles above the header": (_book(*titles), REPORTED),
            "titles and nothing else": (_book(*titles[:2]), COLUMNS),
            "forty lines above the header": (_book(*[("text",)] * 40, *ROWS), COLUMNS),
            "formulas without results": (
                _sheet_of('<c><f>NOW()</f></c><c><f>"a"</f></c><c><f>1+1</f></c><c><f>2</f></c>'),
                REPORTED,
            ),
            "formulas of other files": (_sheet_of('<c t="str"><f>[1]a!A1</f><v>2026-03-02</v></c>'), REPORTED),
            "errors for values": (
                _sheet_of('<c t="e"><v>#REF!</v></c><c t="e"><v>#N/A</v></c><c t="e"><v>#DIV/0!</v></c>'),
                REPORTED,
            ),
            "truth values": (_sheet_of('<c t="b"><v>1</v></c>' * 4), REPORTED),
            "numbers for dates": (
                _sheet_of('<c><v>46083.6</v></c><c t="str"><v>theft</v></c><c><v>43.25</v></c><c><v>76.9</v></c>'),
                REPORTED,
            ),
            "numbers beyond all": (
                _sheet_of("<c><v>1e999</v></c><c><v>-1e999</v></c><c><v>nan</v></c><c><v>1e-999</v></c>"),
                UNREADABLE,
            ),
            "texts that are not there": (_sheet_of('<c t="s"><v>99</v></c>' * 4), UNREADABLE),
            "a cell of an unknown kind": (_sheet_of('<c t="zz"><v>1</v></c>' * 4), EITHER),
            "a cell in no place": (_sheet_of('<c r="1A"><v>1</v></c>'), UNREADABLE),
            "dates counted from 1904": (_counted_from_1904, REPORTED),
            "a header and no rows": (_book(HEAD), UNREADABLE),
            "no rows": (_book(), UNREADABLE),
            "no sheets": (
                _part(
                    "xl/workbook.xml", b'<workbook xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"/>'
                ),
                UNREADABLE,
            ),
            "the official form 1-М": (lambda folder, _: write_form(folder / "form.xlsx"), UNREADABLE),
            "control characters": (_sheet_of('<c t="str"><v>a&#x1;b</v></c>'), UNREADABLE),
            "a header of numbers": (_book((1, 2, 3, 4), *ROWS[1:]), COLUMNS),
            "rows longer than the header": (_book(HEAD, *((*row, "more") for row in ROWS[1:])), REPORTED),
        },
    )


def _damaged_books() -> list[Case]:
    parts = (
        "xl/workbook.xml",
        "xl/_rels/workbook.xml.rels",
        "[Content_Types].xml",
        SHEET,
        "_rels/.rels",
        "xl/styles.xml",
    )
    broken = {f"{part} broken": (_part(part, b"<broken"), EITHER) for part in parts}
    empty = {f"{part} empty": (_part(part, b""), EITHER) for part in parts[:4]}
    package = "http://schemas.openxmlformats.org/package/2006/relationships"
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/worksheet"
    there = f'<Relationship Id="rId1" Type="{kind}" Target="media/sheet.xml"/>'
    leading_out = f'<Relationships xmlns="{package}">{there}</Relationships>'.encode()
    return one_of_each(
        "damaged workbooks",
        {
            **broken,
            **empty,
            "a sheet outside of it": (
                _part("xl/_rels/workbook.xml.rels", leading_out.replace(b"media/sheet.xml", b"/etc/passwd")),
                UNREADABLE,
            ),
            "a sheet where none is looked at": (
                _part("xl/_rels/workbook.xml.rels", leading_out, "xl/media/sheet.xml"),
                UNREADABLE,
            ),
            **{f"cut off at {share} %": (_cut_book(share), UNREADABLE) for share in (20, 70, 98)},
            **{f"bytes changed by chance, {n}": (_changed_book, EITHER) for n in range(3)},
        },
    )


def _zip_bytes(members: Sequence[Member], *, stored: bool = False) -> bytes:
    import io

    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED if stored else zipfile.ZIP_DEFLATED) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def _zip(*members: Member) -> Make:
    return of_bytes(lambda _: _zip_bytes(members), "delivery.zip")


def _zip_renamed(old: bytes, new: bytes, *, stored: bool = False) -> Make:
    return of_bytes(_zip_bytes([("points.csv", SOUND)], stored=stored).replace(old, new), "delivery.zip")


def _patched(content: bytes, at: int, new: bytes) -> bytes:
    return content[:at] + new + content[at + len(new) :]


def _packed_often(piece: bytes, times: int, head: bytes = b"") -> Callable[[random.Random], bytes]:
    """Gzip data of a head and a piece many times; the piece is packed once only."""
    return lambda _: gzip.compress(head) + gzip.compress(piece) * times


def _lying_zip(folder: Path, _: random.Random) -> Path:
    size = 30_000_000
    content = _zip_bytes([("points.csv", bytes(size))])
    path = folder / "delivery.zip"
    path.write_bytes(content.replace(size.to_bytes(4, "little"), (1_000).to_bytes(4, "little")))
    return path


def _encrypted_zip(folder: Path, _: random.Random) -> Path:
    content = _zip_bytes([("points.csv", SOUND)])
    path = folder / "delivery.zip"
    path.write_bytes(_patched(content, content.index(b"PK\x01\x02") + 8, b"\x01\x00"))
    return path


def _overlapping_zip(folder: Path, _: random.Random) -> Path:
    """Nine hundred names for one and the same packed file of 1 MB."""
    content, name = bytes(1_000_000), b"000.csv"
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    packed = deflate.compress(content) + deflate.flush()
    sizes = struct.pack("<III", zlib.crc32(content), len(packed), len(content))
    local = b"PK\x03\x04\x14\0\0\0\x08\0\0\0\0\0" + sizes + struct.pack("<HH", len(name), 0) + name + packed
    table = b"".join(
        b"PK\x01\x02\x14\0\x14\0\0\0\x08\0\0\0\0\0"
        + sizes
        + struct.pack("<HHHHHII", len(name), 0, 0, 0, 0, 0, 0)
        + b"%03d.csv" % n
        for n in range(900)
    )
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 900, 900, len(table), len(local), 0)
    path = folder / "delivery.zip"
    path.write_bytes(local + table + end)
    return path


def _book(*rows: Sequence[str | float | None]) -> Make:
    return lambda folder, _: write_workbook(folder / "book.xlsx", {"One": rows})


def _part(name: str, content: bytes, moved: str = SHEET) -> Make:
    """A sound workbook in which one part is another, and the sheet may stand elsewhere."""

    def make(folder: Path, _: random.Random) -> Path:
        path = write_workbook(folder / "book.xlsx", {"One": ROWS})
        with zipfile.ZipFile(path) as archive:
            parts = {member: archive.read(member) for member in archive.namelist()}
        parts[moved] = parts.pop(SHEET)
        also = f'<Override PartName="/{name}" ContentType="{KIND}.sharedStrings+xml"/></Types>'.encode()
        if name == TEXTS:
            parts["[Content_Types].xml"] = parts["[Content_Types].xml"].replace(b"</Types>", also)
        path.write_bytes(_zip_bytes(list((parts | {name: content}).items())))
        return path

    return make


def _sheet(rows: str, opening: str = "") -> Make:
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"

    def make(folder: Path, chance: random.Random) -> Path:
        text = f'<?xml version="1.0"?>{opening}<worksheet xmlns="{main}"><sheetData>{rows}</sheetData></worksheet>'
        return _part(SHEET, text.encode())(folder, chance)

    return make


def _sheet_of(cells: str) -> Make:
    """A sheet with our header, a sound row and a row of these cells."""

    def row(*values: str) -> str:
        return "<row>" + "".join(f'<c t="str"><v>{value}</v></c>' for value in values) + "</row>"

    return _sheet(row(*HEAD) + row("2026-03-02 14:30", "theft", "43.25", "76.9") + f"<row>{cells}</row>")


def _laughs(root: str, entities: str) -> bytes:
    return f'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY l0 "ha">{entities}]><{root}>&l11;</{root}>'.encode()


def _many_sheets(folder: Path, _: random.Random) -> Path:
    return write_workbook(folder / "book.xlsx", {f"Sheet {n}": ROWS for n in range(500)})


def _counted_from_1904(folder: Path, _: random.Random) -> Path:
    from datetime import datetime

    from openpyxl import Workbook
    from openpyxl.utils.datetime import CALENDAR_MAC_1904

    book = Workbook()
    book.epoch = CALENDAR_MAC_1904
    for row in (HEAD, (datetime(2026, 3, 2, 14, 30), "theft", 43.25, 76.9)):  # noqa: DTZ001
        book.active.append(row)
    book.save(folder / "book.xlsx")
    return folder / "book.xlsx"


def _cut_book(share: int) -> Make:
    def make(folder: Path, _: random.Random) -> Path:
        path = write_workbook(folder / "book.xlsx", {"One": ROWS})
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * share // 100])
        return path

    return make


def _changed_book(folder: Path, chance: random.Random) -> Path:
    path = write_workbook(folder / "book.xlsx", {"One": ROWS})
    content = bytearray(path.read_bytes())
    for _ in range(20):
        content[chance.randrange(len(content))] = chance.randrange(256)
    path.write_bytes(bytes(content))
    return path
