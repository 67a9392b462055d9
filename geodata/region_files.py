"""Files of region outlines as they come: opened, put into degrees, their shapes made valid.

What cannot be used is listed, so that a check can tell all of it at once; `RegionFile.required` refuses it.
"""

import json
import warnings
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely

from geodata.errors import InvalidRegions

WGS84 = "EPSG:4326"
STATED = ("level", "valid_from", "valid_to")
"""What a file may say of a division, taken as it stands there."""
TEXT_COLUMNS = ("name_kk", "name_ru", "name_en")
PROPERTY_NAMES: dict[str, tuple[str, ...]] = {
    "region_id": ("region_id", "kato", "kato_code", "code", "district_id", "te", "id"),
    "name_kk": ("name_kk", "name_kz", "name_kaz", "kk", "kaz_name"),
    "name_ru": ("name_ru", "name_rus", "ru", "rus_name"),
    "name_en": ("name_en", "name_eng", "en", "name"),
    "zone": ("zone", "time_zone", "timezone", "tz"),
    "residents": ("residents", "population"),
    "level": ("level", "admin_level", "region_level"),
    "valid_from": ("valid_from", "date_from"),
    "valid_to": ("valid_to", "date_to"),
}
"""Recognised property names, best first; upper and lower case are equal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RegionFile:
    """The usable features of a file, and what is the matter with the others.

    ``rows`` has the columns of `REGIONS`, ``level``, ``valid_from`` and ``valid_to`` as the file has them, and a
    geometry in WGS84; codes may be doubled. ``repaired`` and ``refused`` hold a code and the reason.
    """

    name: str
    rows: gpd.GeoDataFrame
    repaired: tuple[tuple[str, str], ...]
    refused: tuple[tuple[str, str], ...]
    uncoded: tuple[int, ...]
    """Numbers of the features without a code, from 1."""

    def required(self) -> gpd.GeoDataFrame:
        """The rows, once every feature of the file has a code and a usable shape.

        Raises
        ------
        InvalidRegions
            Naming the features that have not.
        """
        if self.uncoded:
            raise InvalidRegions(
                f"{self.name}: features {listed(map(str, self.uncoded))} have no code; every region needs one."
            )
        for code, found in self.refused:
            raise InvalidRegions(f"{self.name}: region {code} is drawn as {found}; expected a polygon with an area.")
        return self.rows


def read_file(path: Path, *, default_zone: str) -> RegionFile:
    """Features of an operator's GeoJSON or GeoPackage file, in order of their codes.

    Parameters
    ----------
    path : a ``.geojson``, ``.json`` or ``.gpkg`` file with one layer of polygons
    default_zone : IANA zone of regions whose file does not name one

    Raises
    ------
    InvalidRegions
        For an unreadable file, one without codes, and coordinates that are outside degrees while the file names no
        coordinate system.
    """
    raw = _in_degrees(_opened(path), path.name)
    codes = _codes(raw, path.name)
    shapes: list[shapely.Geometry | None] = []
    repaired, refused = [], []
    for code, shape in zip(codes, raw.geometry, strict=True):
        usable = _polygon(shape)
        shapes.append(usable)
        if usable is None:
            refused.append((code, "nothing" if shape is None or shape.is_empty else str(shape.geom_type)))
        elif not shape.is_valid:
            repaired.append((code, str(shapely.is_valid_reason(shape)).split("[")[0]))
    frame = gpd.GeoDataFrame(
        {
            "region_id": codes,
            **{name: _texts(raw, name) for name in TEXT_COLUMNS},
            "zone": [zone or default_zone for zone in _texts(raw, "zone")],
            "residents": _whole_numbers(raw, "residents"),
            "official_count": missing_numbers(len(raw)),
            **{name: _values(raw, name) for name in STATED},
        },
        geometry=shapes,
        crs=WGS84,
    )
    is_usable = np.array([bool(code) and shape is not None for code, shape in zip(codes, shapes, strict=True)])
    return RegionFile(
        name=path.name,
        rows=frame[is_usable].sort_values("region_id", kind="stable", ignore_index=True),
        repaired=tuple(repaired),
        refused=tuple((code, found) for code, found in refused if code),
        uncoded=tuple(number for number, code in enumerate(codes, start=1) if not code),
    )


def as_numbers(values: Iterable[object]) -> Any:
    """Whole numbers of 0 or more, all else missing."""
    return pd.array([_as_number(value) for value in values], dtype="Int64")


def missing_numbers(length: int) -> Any:
    """A column of whole numbers without any."""
    return pd.array([None] * length, dtype="Int64")


def listed(values: Iterable[str], *, most: int = 8) -> str:
    """The first values in order, each once, and how many more there are."""
    words = sorted(set(values))
    return ", ".join(words[:most]) + (f" and {len(words) - most} more" if len(words) > most else "") or "none"


def _opened(path: Path) -> gpd.GeoDataFrame:
    if not path.is_file():
        raise InvalidRegions(f"{path.name}: no such file. Give a GeoJSON or GeoPackage file of region outlines.")
    suffix = path.suffix.lower()
    if suffix in {".geojson", ".json"}:
        return _opened_geojson(path)
    if suffix == ".gpkg":
        return _opened_geopackage(path)
    raise InvalidRegions(
        f"{path.name}: files named {suffix or 'without ending'} are not read; expected .geojson or .gpkg."
    )


def _opened_geojson(path: Path) -> gpd.GeoDataFrame:
    try:
        content = json.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError, RecursionError) as trouble:
        raise InvalidRegions(
            f"{path.name} is not readable as GeoJSON ({trouble}); export it again as GeoJSON, UTF-8."
        ) from trouble
    features = content.get("features") if isinstance(content, dict) else None
    if not isinstance(features, list) or not features:
        raise InvalidRegions(f"{path.name} holds no features; expected a FeatureCollection with one feature a region.")
    try:
        shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    except (ValueError, TypeError, KeyError, AttributeError, IndexError, shapely.GEOSException) as trouble:
        raise InvalidRegions(
            f"{path.name}: a feature has no usable outline ({trouble}); expected polygons."
        ) from trouble
    properties = [feature.get("properties") or {} for feature in features]
    columns = dict.fromkeys(key for row in properties for key in row)
    named = content.get("crs") or {}
    crs = named.get("properties", {}).get("name") if isinstance(named, dict) else None
    try:
        return gpd.GeoDataFrame(
            {name: [row.get(name) for row in properties] for name in columns},
            geometry=shapes,
            crs=pyproj.CRS.from_user_input(crs) if crs else None,
        )
    except pyproj.exceptions.CRSError as trouble:
        raise InvalidRegions(
            f"{path.name}: coordinate system {crs!r} is unknown; export in WGS84 (EPSG:4326)."
        ) from trouble


def _opened_geopackage(path: Path) -> gpd.GeoDataFrame:
    with path.open("rb") as file:
        if file.read(15) != b"SQLite format 3":
            raise InvalidRegions(f"{path.name} is not a GeoPackage (its first bytes are others); export it again.")
    try:
        # What GDAL only warns about either does no harm or ends in an error here.
        with warnings.catch_warnings(action="ignore"):
            found = gpd.list_layers(path)
            kinds = zip(found["name"], found["geometry_type"], strict=True)
            layers = [name for name, kind in kinds if "Polygon" in str(kind)]
            opened = {name: gpd.read_file(path, layer=name) for name in layers}
    except (OSError, RuntimeError, ValueError) as trouble:
        raise InvalidRegions(f"{path.name} is not readable as GeoPackage ({trouble}); export it again.") from trouble
    if len(layers) != 1:
        raise InvalidRegions(
            f"{path.name} has {len(layers)} layers of polygons ({listed(layers)}); expected one. "
            "Export the regions alone."
        )
    return opened[layers[0]]


def _in_degrees(raw: gpd.GeoDataFrame, name: str) -> gpd.GeoDataFrame:
    moved = raw if raw.crs is None else raw.to_crs(WGS84)
    bounds = shapely.bounds(moved.geometry.to_numpy())
    found = np.abs(bounds[np.isfinite(bounds).all(axis=1)])
    if found.size == 0 or (found[:, [0, 2]].max() <= 180 and found[:, [1, 3]].max() <= 90):
        return moved
    raise InvalidRegions(
        f"{name}: coordinates reach {found.max():.0f}, which are no degrees"
        f"{'' if raw.crs is not None else ', and the file names no coordinate system'}. "
        "Export in WGS84 (EPSG:4326), or keep the coordinate system in the file."
    )


def _codes(raw: gpd.GeoDataFrame, name: str) -> list[str]:
    column = _column(raw, "region_id")
    if column is None:
        raise InvalidRegions(
            f"{name} has no codes among its properties ({listed(map(str, raw.columns.drop(raw.geometry.name)))}); "
            f"expected one of {', '.join(PROPERTY_NAMES['region_id'])}."
        )
    return [_as_code(value) for value in raw[column]]


def _as_code(value: object) -> str:
    if value is None or (isinstance(value, float) and not np.isfinite(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip()


def _polygon(shape: shapely.Geometry | None) -> shapely.Geometry | None:
    valid = None if shape is None else shapely.make_valid(shapely.force_2d(shape))
    parts = [] if valid is None else [p for p in _flattened(valid) if p.geom_type == "Polygon" and p.area > 0]
    return None if not parts else parts[0] if len(parts) == 1 else shapely.union_all(parts)


def _flattened(shape: shapely.Geometry) -> Iterator[shapely.Geometry]:
    for part in shapely.get_parts(shape):
        if part.geom_type in {"GeometryCollection", "MultiPolygon"}:
            yield from _flattened(part)
        else:
            yield part


def _column(raw: gpd.GeoDataFrame, wanted: str) -> str | None:
    by_name = {str(column).strip().casefold(): str(column) for column in raw.columns if column != raw.geometry.name}
    return next((by_name[name] for name in PROPERTY_NAMES[wanted] if name in by_name), None)


def _texts(raw: gpd.GeoDataFrame, wanted: str) -> list[str | None]:
    column = _column(raw, wanted)
    if column is None:
        return [None] * len(raw)
    return [text if isinstance(text, str) and text.strip() else None for text in raw[column]]


def _values(raw: gpd.GeoDataFrame, wanted: str) -> Any:
    column = _column(raw, wanted)
    values = [None] * len(raw) if column is None else [None if pd.isna(value) else value for value in raw[column]]
    return pd.Series(values, dtype=object, index=raw.index)


def _whole_numbers(raw: gpd.GeoDataFrame, wanted: str) -> Any:
    column = _column(raw, wanted)
    return missing_numbers(len(raw)) if column is None else as_numbers(raw[column])


def _as_number(value: object) -> int | None:
    if isinstance(value, int | float | np.number) and np.isfinite(value) and value >= 0:
        return round(float(value))
    return None
