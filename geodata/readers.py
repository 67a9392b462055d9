"""Opens a delivery as one or several tables: what a file is, is told by its content, not by its name."""

import gzip
import unicodedata
import zlib
from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from geodata import archives, feature_rows, layer_rows, parquet_rows, text_rows, workbook_rows
from geodata.archives import Place
from geodata.column_names import printable
from geodata.errors import UnreadableFile
from geodata.mapping import Mapping
from geodata.rows import Rows

EXPECTED = "CSV, Parquet, XLSX, GeoJSON, GeoPackage or a zipped shapefile"

MOST_TABLES = 24
"""Tables in one ZIP archive."""

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_SQLITE = b"SQLite format 3\x00"
_APPLICATION_ID = slice(68, 72)
_GEOPACKAGE = (b"GPKG", b"GP10", b"GP11")
_HEAD_BYTES = 128
_TEXTS = (".csv", ".txt", ".tsv", ".tab", ".json", ".geojson")
_NO_NAME_SIGNS = ("Cc", "Cs", "Zl", "Zp")
_TURNING = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_FOREIGN = (
    (b"\x89PNG", "a PNG picture"),
    (b"\xff\xd8\xff", "a JPEG picture"),
    (b"GIF8", "a GIF picture"),
    (b"%PDF", "a PDF document"),
    (_ZIP, "a ZIP archive inside gzip"),
    (b"PK\x05\x06", "an empty ZIP archive"),
    (b"\xd0\xcf\x11\xe0", "an old Excel or Word file"),
    (b"SQLite format 3", "an SQLite database, but no GeoPackage"),
    (b"7z\xbc\xaf", "a 7z archive"),
    (b"Rar!", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive"),
    (b"\xfd7zXZ", "an xz archive"),
    (b"ARROW1", "an Arrow file"),
    (_GZIP, "gzip data inside gzip"),
)


def open_tables(path: Path, mapping: Mapping | None = None) -> Sequence[Rows]:
    """The tables of a delivery; one, unless it is a workbook, a GeoPackage or a ZIP archive.

    Parameters
    ----------
    path : CSV, Parquet or GeoJSON (these also gzip-compressed), XLSX, GeoPackage, zipped shapefile, or a ZIP archive
        of CSV or GeoJSON
    mapping : encoding and separator of a text, where they are not to be guessed

    Raises
    ------
    UnreadableFile
        If the file as a whole cannot be read: absent, empty, binary, damaged, of another format, without rows; or is
        no file but a folder, a pipe or a device; or has control characters in its name.
    """
    _refuse_name(path)
    archives.require_file(path)
    head = _head(path)
    if head.startswith(_ZIP):
        return _in_archive(path, mapping)
    if head.startswith(_SQLITE) and head[_APPLICATION_ID] in _GEOPACKAGE:
        return layer_rows.open_geopackage(path)
    is_compressed = head.startswith(_GZIP)
    if is_compressed:
        head = _unpacked_head(path)
    if head.startswith(b"PAR1"):
        return [parquet_rows.open_parquet(path, is_compressed=is_compressed)]
    return [_open_text(path, head, mapping, is_compressed=is_compressed)]


def _open_text(
    place: Place, head: bytes, mapping: Mapping | None, *, is_compressed: bool = False, part: str | None = None
) -> Rows:
    _refuse_foreign(place, head)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        return feature_rows.open_features(place, is_compressed=is_compressed, part=part)
    return text_rows.open_text(place, mapping, is_compressed=is_compressed, part=part)


def _in_archive(path: Path, mapping: Mapping | None) -> Sequence[Rows]:
    members = archives.checked_members(path)
    if "xl/workbook.xml" in members:
        return workbook_rows.open_sheets(path)
    texts = [name for name in members if name.lower().endswith(_TEXTS) and not _is_leftover(name)]
    if not texts or any(name.lower().endswith(".shp") for name in members):
        return layer_rows.open_shapefiles(path, members)
    if len(texts) > MOST_TABLES:
        raise UnreadableFile(
            f"{path.name} holds {len(texts)} tables; expected at most {MOST_TABLES}. Unpack it and deliver "
            "them as files."
        )
    found: list[Rows] = []
    refused: list[UnreadableFile] = []
    for place in (archives.Member(path, name) for name in texts):
        try:
            found.append(_open_text(place, _head(place), mapping, part=place.member))
        except UnreadableFile as trouble:
            refused.append(trouble)
    if not found:
        raise refused[0]
    return found


def _is_leftover(name: str) -> bool:
    return name.startswith("__MACOSX/") or PurePosixPath(name).name.startswith(".")


def _refuse_name(path: Path) -> None:
    # Such a name would forge lines of a log or of an account, or show another name than it has.
    odd = [sign for sign in path.name if unicodedata.category(sign) in _NO_NAME_SIGNS or sign in _TURNING]
    if odd:
        raise UnreadableFile(
            f"{printable(path.name, most=100)} has signs in its name that are no letters (U+{ord(odd[0]):04X}). Rename "
            "the file and deliver it again."
        )


def _head(path: Place) -> bytes:
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as trouble:
        raise archives.cannot_open(path, trouble) from None
    if not head:
        raise UnreadableFile(f"{path.name} is empty; expected {EXPECTED} with one row for each incident.")
    return head


def _unpacked_head(path: Path) -> bytes:
    try:
        with gzip.open(path) as stream:
            return stream.read(_HEAD_BYTES)
    except (OSError, EOFError, zlib.error) as trouble:
        raise UnreadableFile(
            f"{path.name} is damaged or incomplete gzip data ({trouble}). Copy or compress the file again."
        ) from None


def _refuse_foreign(path: Place, head: bytes) -> None:
    found = next((kind for magic, kind in _FOREIGN if head.startswith(magic)), None)
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if found is None and text[:1] == b"[":
        found = "JSON, but no GeoJSON"
    if found is None and text[:1] == b"<":
        found = "HTML or XML"
    if found is None and path.suffix.lower() in (".parquet", ".pq"):
        found = "no Parquet (it does not begin with PAR1)"
    if found:
        raise UnreadableFile(
            f"{path.name} is {found}; expected {EXPECTED}. Export the table of incidents in one of these formats "
            "and deliver that file."
        )
