"""Opens a delivery as one or several tables: what a file is, is told by its content, not by its name."""

import gzip
import zlib
from collections.abc import Sequence
from pathlib import Path

from geodata import archives, feature_rows, layer_rows, parquet_rows, text_rows, workbook_rows
from geodata.errors import UnreadableFile
from geodata.mapping import Mapping
from geodata.rows import Rows

EXPECTED = "CSV, Parquet, XLSX, GeoJSON, GeoPackage or a zipped shapefile"

_GZIP = b"\x1f\x8b"
_ZIP = b"PK\x03\x04"
_SQLITE = b"SQLite format 3\x00"
_APPLICATION_ID = slice(68, 72)
_GEOPACKAGE = (b"GPKG", b"GP10", b"GP11")
_HEAD_BYTES = 128
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
    """The tables of a delivery; one, unless it is a workbook, a GeoPackage or a zipped shapefile.

    Parameters
    ----------
    path : CSV, Parquet or GeoJSON (these also gzip-compressed), XLSX, GeoPackage or zipped shapefile
    mapping : encoding and separator of a text, where they are not to be guessed

    Raises
    ------
    UnreadableFile
        If the file as a whole cannot be read: absent, empty, binary, damaged, of another format, without rows.
    """
    head = _head(path)
    if head.startswith(_ZIP):
        return _in_archive(path)
    if head.startswith(_SQLITE) and head[_APPLICATION_ID] in _GEOPACKAGE:
        return layer_rows.open_geopackage(path)
    is_compressed = head.startswith(_GZIP)
    if is_compressed:
        head = _unpacked_head(path)
    if head.startswith(b"PAR1"):
        return [parquet_rows.open_parquet(path, is_compressed=is_compressed)]
    _refuse_foreign(path, head)
    if head.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"{":
        return [feature_rows.open_features(path, is_compressed=is_compressed)]
    return [text_rows.open_text(path, mapping, is_compressed=is_compressed)]


def _in_archive(path: Path) -> Sequence[Rows]:
    members = archives.checked_members(path)
    if "xl/workbook.xml" in members:
        return workbook_rows.open_sheets(path)
    return layer_rows.open_shapefiles(path, members)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            head = stream.read(_HEAD_BYTES)
    except OSError as trouble:
        raise UnreadableFile(
            f"{path.name} cannot be opened: {trouble.strerror}. Check the path and the right to read it."
        ) from None
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


def _refuse_foreign(path: Path, head: bytes) -> None:
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
