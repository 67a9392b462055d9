"""The map under the map, where an operator gives one: a .pmtiles file of vector tiles, or an address of pictures.

The file is checked when a program starts. One that cannot be used is told to the operator and left out: the map is
readable with the territory's own layers alone.
"""

import gzip
import json
import re
import struct
from dataclasses import dataclass
from functools import lru_cache
from html import unescape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from riskmap.errors import UnusableBaseMap
from riskmap.public import static_files

ASSETS = Path(__file__).parents[1] / "assets"
ADDRESS = "/basemap.pmtiles"
SCRIPT = "/assets/vendor/protomaps-leaflet/protomaps-leaflet.js"
MAGIC = b"PMTiles"
HEADER = struct.Struct("<7sB8Q3Q4BBB4iB2i")
"""Version 3: magic and version; offset and length of four parts; three counts; flags, compressions and kind of the
tiles; zooms; bounds and centre. https://github.com/protomaps/PMTiles/blob/main/spec/v3/spec.md"""
VECTOR = 1
GZIP, PLAIN = 2, 1
LARGEST_METADATA = 4_000_000
LONGEST_ATTRIBUTION = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseFile:
    """A file of vector tiles as the browser asks for it, with its bounds (south, west, north, east) in degrees.

    ``script`` is the address of the library that draws it.
    """

    url: str
    script: str
    min_zoom: int
    max_zoom: int
    bounds: tuple[float, float, float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseMap:
    """What an operator gives to lie under the map: an address of pictures, a file, and whose work they are."""

    tile_url: str | None = None
    file: BaseFile | None = None
    attribution: str = ""


def of(tile_url: str | None, path: Path | None, attribution: str | None) -> BaseMap:
    """The base map of an installation; a file that cannot be used is left out."""
    try:
        return opened(tile_url, path, attribution)
    except UnusableBaseMap:
        return BaseMap(tile_url=tile_url, attribution=attribution or "")


def opened(tile_url: str | None, path: Path | None, attribution: str | None) -> BaseMap:
    """The base map of an installation. What a file says of its makers stands where no ``attribution`` was given.

    Raises
    ------
    UnusableBaseMap
        If the file is missing, damaged, or holds no vector tiles.
    """
    if path is None:
        return BaseMap(tile_url=tile_url, attribution=attribution or "")
    try:
        stat = path.stat()
        file, told = _read(path, stat.st_mtime_ns, stat.st_size)
    except OSError as error:
        raise UnusableBaseMap(
            f"RISKMAP_BASEMAP_FILE is {path}, which cannot be read: {error.strerror}. Expected a .pmtiles file; "
            "correct the path or its rights, or leave the setting out. The map is shown without it."
        ) from error
    return BaseMap(tile_url=tile_url, file=file, attribution=attribution or told)


def routes(path: Path | None) -> list[Route]:
    """The route of the file, which browsers read by parts; none where no file was given."""
    if path is None:
        return []

    def answer(_request: Request) -> Response:
        if not path.is_file():
            return Response(
                "Not found", status_code=404, media_type="text/plain", headers={"cache-control": "no-store"}
            )
        # Said to be encoded, it is packed by nobody on its way: a part of a packed file is no part of the file.
        headers = {"cache-control": static_files.FOR_AN_HOUR, "content-encoding": "identity"}
        return FileResponse(path, media_type="application/vnd.pmtiles", headers=headers)

    return [Route(ADDRESS, answer, methods=["GET", "HEAD"])]


@lru_cache(maxsize=4)
def _read(path: Path, mtime_ns: int, size: int) -> tuple[BaseFile, str]:
    """The file's head, and what it says of its makers as plain text."""
    with path.open("rb") as source:
        head = source.read(HEADER.size)
        if len(head) < HEADER.size or head[:7] != MAGIC or head[7] != 3:
            raise UnusableBaseMap(
                f"RISKMAP_BASEMAP_FILE is {path}, which is no PMTiles file of version 3. Expected one with vector "
                "tiles; make it anew, or leave the setting out. The map is shown without it."
            )
        part = HEADER.unpack(head)
        root_at, root_length, metadata_at, metadata_length, leaves_at, leaves_length, tiles_at, tiles_length = part[
            2:10
        ]
        packing, kind, min_zoom, max_zoom = part[14], part[16], part[17], part[18]
        ends = (
            root_at + root_length,
            metadata_at + metadata_length,
            leaves_at + leaves_length,
            tiles_at + tiles_length,
        )
        if max(ends) > size or not root_length:
            raise UnusableBaseMap(
                f"RISKMAP_BASEMAP_FILE is {path}, which has {size} bytes and should have {max(ends)}: its end is "
                "missing. Copy it anew, or leave the setting out. The map is shown without it."
            )
        if kind != VECTOR:
            raise UnusableBaseMap(
                f"RISKMAP_BASEMAP_FILE is {path}, whose tiles are pictures. Expected vector tiles (MVT); for pictures "
                "give an address: RISKMAP_TILE_URL. The map is shown without it."
            )
        source.seek(metadata_at)
        told = _attribution(source.read(min(metadata_length, LARGEST_METADATA)), packing)
    west, south, east, north = (degrees / 1e7 for degrees in part[19:23])
    script = static_files.versioned(SCRIPT, root=ASSETS)
    url = f"{ADDRESS}?v={mtime_ns:x}-{size:x}"
    bounds = (south, west, north, east)
    return BaseFile(url=url, script=script, min_zoom=min_zoom, max_zoom=max_zoom, bounds=bounds), told


def _attribution(metadata: bytes, packing: int) -> str:
    """The makers' names of a file's metadata without markup; nothing where it cannot be read."""
    try:
        text = gzip.decompress(metadata) if packing == GZIP else metadata if packing == PLAIN else b"{}"
        said = json.loads(text).get("attribution", "")
    except (OSError, EOFError, ValueError, AttributeError):
        return ""
    plain = unescape(re.sub(r"<[^<>]*>", "", str(said or "")))
    return " ".join(plain.split())[:LONGEST_ATTRIBUTION]
