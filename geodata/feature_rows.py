"""Rows of a GeoJSON file or of an Esri service's answer (JSON with ``features``), read one feature after another.

Values stay text as written, so that nothing is guessed on the way; a point becomes two columns.
"""

import io
import json
import re
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import Any, BinaryIO, cast

import polars as pl

from geodata.archives import Place, Stamp, Unpacked, require_unchanged, stamp
from geodata.column_names import GEOMETRY, printable
from geodata.csv_text import MAX_COLUMNS
from geodata.errors import UnreadableFile
from geodata.rows import LINE, RAGGED, handed_out, known_system, refuse_empty

WGS84 = "EPSG:4326"
MOST_CHARACTERS = 4_000_000
"""Characters in one feature; a longer one is no incident."""

MOST_NESTED = 100
"""Lists and objects in one another inside one value."""

_CHUNK = 1 << 20
_CODE = re.compile(r"EPSG:+(?:[0-9.]+:)?([0-9]{4,6})$", re.IGNORECASE)
_SPACE = re.compile(r"[ \t\r\n]*")
_TOLD = ("type", "crs", "spatialReference")
_SHOWN_ENTRIES = 10
_ESRI_FROM = 100_000
_CODE_DIGITS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureRows:
    """An opened file of features; ``kind`` is ``features`` (GeoJSON) or ``esri_features``."""

    path: Place
    names: tuple[str, ...]
    is_compressed: bool
    coordinate_system: str | None
    kind: str = "features"
    part: str | None = None
    stamp: Stamp | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return handed_out(self.names, with_geometry=True)

    def frames(self, rows: int, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        own = dict(zip(self.columns, (*self.names, *GEOMETRY), strict=True))
        features = enumerate(_features(self.path, self.is_compressed, {}), start=1)
        while batch := list(islice(features, rows)):
            table = [_flat(feature) for _, feature in batch]
            yield pl.DataFrame(
                [
                    *(
                        pl.Series(name, [row.get(own[name]) for row in table], dtype=pl.String)
                        for name in self.columns
                        if name in columns
                    ),
                    pl.Series(LINE, [number for number, _ in batch], dtype=pl.Int64),
                    pl.Series(
                        RAGGED,
                        [None if isinstance(feature, dict) else _text(feature) for _, feature in batch],
                        dtype=pl.String,
                    ),
                ]
            )
        require_unchanged(self.path, self.stamp)


def open_features(path: Place, *, is_compressed: bool, part: str | None = None) -> FeatureRows:
    """Open a file of features; it is read through once for the names of all its properties.

    ``part`` is its name in an archive.

    Raises
    ------
    UnreadableFile
        If it is not JSON in UTF-8, breaks off, has no features, or names a coordinate system that is not understood.
    """
    before = stamp(path)
    rest: dict[str, Any] = {}
    names: dict[str, None] = {}
    height, kind = 0, "features"
    for feature in _features(path, is_compressed, rest):
        height += 1
        if height == 1 and isinstance(feature, dict) and "attributes" in feature:
            kind = "esri_features"
        if _is_nested(feature, MOST_NESTED):
            raise UnreadableFile(
                f"{path.name}: feature {height} has lists or objects more than {MOST_NESTED} deep in one another; "
                "expected one incident with its properties."
            )
        names.update(dict.fromkeys(name for name in _flat(feature) if name not in GEOMETRY))
        if len(names) > MAX_COLUMNS:
            raise UnreadableFile(
                f"{path.name} has more than {MAX_COLUMNS} different properties; expected one table of incidents."
            )
    refuse_empty(path, height)
    return FeatureRows(
        path=path,
        names=tuple(names),
        is_compressed=is_compressed,
        coordinate_system=known_system(path, _system(rest, path.name)),
        kind=kind,
        part=part,
        stamp=before,
    )


def _flat(feature: object) -> dict[str, str | None]:
    """Properties of a feature and its point."""
    if not isinstance(feature, dict):
        return {}
    properties = feature.get("properties", feature.get("attributes"))
    found = {_sound(name): _text(value) for name, value in properties.items()} if isinstance(properties, dict) else {}
    for name in GEOMETRY:
        found.pop(name, None)
    geometry = feature.get("geometry")
    if isinstance(geometry, dict):
        at = geometry.get("coordinates") if geometry.get("type") == "Point" else None
        x, y = (at[0], at[1]) if isinstance(at, list) and len(at) >= 2 else (geometry.get("x"), geometry.get("y"))
        found |= {GEOMETRY[0]: _text(x), GEOMETRY[1]: _text(y)}
    return found


def _text(value: object) -> str | None:
    if value is None:
        return None
    return _sound(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def _sound(text: str) -> str:
    """The text with a question mark for each half of a sign, which JSON can say and no file can hold."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _is_nested(value: object, most: int) -> bool:
    """Whether a value has lists or objects in one another to more than so many levels."""
    level = [value]
    for _ in range(most + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer if isinstance(outer, list) else ())
            if isinstance(inner, dict | list)
        ]
        if not level:
            return False
    return True


def _system(rest: dict[str, Any], file_name: str) -> str | None:
    crs, esri = rest.get("crs"), rest.get("spatialReference")
    if isinstance(esri, dict):
        number = str(esri.get("latestWkid") or esri.get("wkid") or "")
        if not (number.isascii() and number.isdecimal()):
            return None
        if len(number) > _CODE_DIGITS:
            raise UnreadableFile(
                f"{file_name}: its coordinate system has a number of {len(number)} digits; expected a code such as "
                "4326. Export it in WGS84."
            )
        return f"ESRI:{number}" if int(number) >= _ESRI_FROM else f"EPSG:{number}"
    if crs is None:
        return WGS84 if rest.get("type") == "FeatureCollection" else None
    properties = crs.get("properties") if isinstance(crs, dict) else None
    name = str(properties.get("name", "")) if isinstance(properties, dict) else ""
    code = _CODE.search(name)
    if not code and "CRS84" not in name:
        raise UnreadableFile(
            f"{file_name}: its coordinate system {printable(name, most=60)!r} is not understood; expected a code such "
            "as urn:ogc:def:crs:EPSG::4326. Export it in WGS84."
        )
    return f"EPSG:{code.group(1)}" if code else WGS84


def _features(path: Place, is_compressed: bool, rest: dict[str, Any]) -> Iterator[Any]:
    """Each entry of ``features``; the other entries of the file are put into ``rest``."""
    with _opened(path, is_compressed) as stream:
        text = _Text(stream)
        text.expect("{")
        has_features = False
        while not text.passes("}"):
            key = text.value()
            text.expect(":")
            if key == "features" and text.passes("["):
                has_features = True
                while not text.passes("]"):
                    yield text.value()
                    text.passes(",")
            else:
                value = text.value()
                if key in _TOLD or len(rest) < _SHOWN_ENTRIES:
                    rest[str(key)] = value if key in _TOLD else None
            text.passes(",")
        if not has_features:
            raise UnreadableFile(
                f"{path.name} is JSON without a list of features; expected GeoJSON, or the answer of a map service to "
                "a query. Found: " + (", ".join(printable(key, most=40) for key in list(rest)[:10]) or "nothing") + "."
            )


class _Text:
    """Reads JSON values from a stream; only the value being read is held."""

    def __init__(self, stream: io.TextIOBase) -> None:
        self._stream = stream
        self._held = ""
        self._at = 0
        # Numbers stay as they are written: long ones would lose digits, or be refused.
        self._decoder = json.JSONDecoder(parse_int=str, parse_float=str, parse_constant=str)

    def passes(self, sign: str) -> bool:
        """Whether the next sign is this one; it is then passed."""
        self._skip_space()
        is_next = self._held[self._at] == sign
        self._at += is_next
        return is_next

    def expect(self, sign: str) -> None:
        """Pass a sign that has to come."""
        if not self.passes(sign):
            raise json.JSONDecodeError(f"expected {sign}", self._held[self._at : self._at + 20], 0)

    def value(self) -> Any:
        """The next value."""
        self._skip_space()
        while True:
            try:
                found, end = self._decoder.raw_decode(self._held, self._at)
            except json.JSONDecodeError:
                if not self._more():
                    raise
            else:
                # At the end of what is held, a number may go on.
                if end < len(self._held) or not self._more():
                    self._at = end
                    return found

    def _skip_space(self) -> None:
        while True:
            space = _SPACE.match(self._held, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._held):
                return
            if not self._more():
                raise EOFError("it breaks off")

    def _more(self) -> bool:
        rest = self._held[self._at :]
        if len(rest) > MOST_CHARACTERS:
            raise json.JSONDecodeError(f"one feature is longer than {MOST_CHARACTERS:,} signs", "", 0)
        chunk = self._stream.read(max(_CHUNK, len(rest)))
        self._held, self._at = rest + chunk, 0
        return bool(chunk)


@contextmanager
def _opened(path: Place, is_compressed: bool) -> Iterator[io.TextIOBase]:
    try:
        with path.open("rb") as plain:
            stream = cast(BinaryIO, Unpacked(plain, path.name) if is_compressed else plain)
            yield io.TextIOWrapper(stream, encoding="utf-8-sig")
    except (ValueError, RecursionError, EOFError, zlib.error, OSError) as trouble:
        if isinstance(trouble, UnreadableFile):
            raise
        raise UnreadableFile(
            f"{path.name} is no complete GeoJSON in UTF-8 ({printable(str(trouble), most=120)}). Copy or export it "
            "again."
        ) from None
