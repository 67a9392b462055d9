"""Territories on disk: a folder each, replaced in one step.

``territory.json`` names the files beside it by their content; it is written last, so a reader sees the old
territory or the new one. Coordinates are written in full, so that a territory read back equals the one saved.
"""

import hashlib
import io
import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import polars as pl
import shapely

from geodata import divisions
from geodata.columns import PLACES, REGIONS
from geodata.errors import InvalidTerritory
from geodata.territory import Names, Territory
from riskmap.disk import TERRITORY_NAME, replace_synced, safe_name, sync_folders, writing_to
from riskmap.errors import DamagedStore, UnknownTerritoryName

_HEAD = "territory.json"
_DIVISIONS = "divisions.geojson"
"""Only where a territory has some."""
_TRIES = 5


class FolderShelf:
    """Territories below one folder; see `riskmap.ports.TerritoryShelf`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, territory: Territory) -> None:
        """Add or replace a territory.

        Raises
        ------
        InvalidTerritory
            If its name cannot name a folder, or its outlines are not in WGS84.
        CannotWrite
            If the folder cannot be written.
        """
        safe_name(territory.name)
        contents = {
            "regions.geojson": _as_json(_outlines(territory, territory.regions, territory.region_table)),
            "places.parquet": _packed(PLACES.checked(territory.places)),
            "basemap.geojson": _as_json(territory.basemap),
        }
        if len(territory.divisions):
            table = divisions.as_table(territory.divisions).with_columns(
                pl.col("valid_from", "valid_to").cast(pl.String)
            )
            contents[_DIVISIONS] = _as_json(_outlines(territory, territory.divisions, table))
        named = {name: (_by_content(name, content), content) for name, content in contents.items()}
        head = {
            "name": territory.name,
            "names": asdict(territory.names),
            "zone": territory.zone,
            "is_simulated": territory.is_simulated,
            "origin": asdict(territory.origin),
            "official": territory.official,
            "files": {
                name: {"file": file, "sha256": hashlib.sha256(content).hexdigest()}
                for name, (file, content) in named.items()
            },
        }
        folder = self._folder / territory.name
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
            for file, content in named.values():
                replace_synced(folder / file, content)
            replace_synced(folder / _HEAD, _as_json(head))
            sync_folders([self._folder])
            kept = {_HEAD, *(file for file, _ in named.values())}
            for path in folder.iterdir():
                if path.name not in kept:
                    path.unlink(missing_ok=True)

    def load(self, name: str) -> Territory:
        """The territory of that name.

        Raises
        ------
        UnknownTerritoryName
            If there is none.
        DamagedStore
            If its files are missing or changed.
        """
        folder = self._folder / name
        if not TERRITORY_NAME.fullmatch(name) or not (folder / _HEAD).exists():
            raise UnknownTerritoryName(
                f"There is no territory {name[:60]!r}; known here: {', '.join(self.names()) or 'none'}. "
                "Make one: python -m riskmap territory new NAME --from-points FILE --timezone Area/City."
            )
        before: dict[str, Any] = {}
        for _ in range(_TRIES):
            head = _head(folder)
            try:
                contents = {key: _checked(folder / f["file"], f["sha256"]) for key, f in head["files"].items()}
            except FileNotFoundError as error:
                # The territory may have been replaced since its head was read.
                if head == before:
                    raise _damaged(Path(str(error.filename))) from error
                before = head
            else:
                return _territory(head, contents)
        raise _damaged(folder / _HEAD)

    def remove(self, name: str) -> None:
        """Take a territory off the shelf; its folder goes with it, the head first."""
        folder = self._folder / safe_name(name)
        with writing_to(folder):
            (folder / _HEAD).unlink(missing_ok=True)
            shutil.rmtree(folder, ignore_errors=True)

    def names(self) -> list[str]:
        """Names on the shelf, sorted."""
        return sorted(path.parent.name for path in self._folder.glob(f"*/{_HEAD}"))


def _outlines(territory: Territory, regions: gpd.GeoDataFrame, table: pl.DataFrame) -> dict[str, object]:
    if regions.crs is not None and regions.crs.to_epsg() != 4326:
        raise InvalidTerritory(
            f"The outlines of {territory.name} are in {regions.crs.to_string()}; expected WGS84 (EPSG:4326). "
            "Convert them first, for example with to_crs(4326)."
        )
    shapes = [shapely.geometry.mapping(shape) for shape in regions.geometry]
    rows = table.to_dicts()
    features = [
        {"type": "Feature", "properties": row, "geometry": shape} for row, shape in zip(rows, shapes, strict=True)
    ]
    return {"type": "FeatureCollection", "features": features}


def _territory(head: Mapping[str, Any], contents: Mapping[str, bytes]) -> Territory:
    features = json.loads(contents["regions.geojson"])["features"]
    rows = pd.DataFrame([feature["properties"] for feature in features], columns=REGIONS.schema.names())
    for column in REGIONS.columns:
        if column.dtype == pl.Int64:
            # Whole numbers stay whole beside missing ones.
            rows[column.name] = rows[column.name].astype("Int64")
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    return Territory(
        name=head["name"],
        names=Names(**head["names"]),
        zone=head["zone"],
        regions=gpd.GeoDataFrame(rows, geometry=shapes, crs=4326),
        places=PLACES.checked(pl.read_parquet(io.BytesIO(contents["places.parquet"]))),
        basemap=json.loads(contents["basemap.geojson"]),
        is_simulated=head["is_simulated"],
        origin=Names(**head["origin"]),
        official=head["official"],
        divisions=_divisions(contents),
    )


def _divisions(contents: Mapping[str, bytes]) -> gpd.GeoDataFrame:
    if _DIVISIONS not in contents:
        return divisions.empty()
    features = json.loads(contents[_DIVISIONS])["features"]
    shapes = [shapely.geometry.shape(feature["geometry"]) for feature in features]
    return divisions.from_rows([feature["properties"] for feature in features], shapes)


def _head(folder: Path) -> dict[str, Any]:
    try:
        head: dict[str, Any] = json.loads((folder / _HEAD).read_bytes())
    except ValueError as error:
        raise _damaged(folder / _HEAD) from error
    return head


def _checked(path: Path, sha256: str) -> bytes:
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != sha256:
        raise _damaged(path)
    return content


def _damaged(path: Path) -> DamagedStore:
    return DamagedStore(
        f"{path.name} of territory {path.parent.name} is missing or changed. "
        "Restore the data folder from a backup, or make the territory again."
    )


def _by_content(name: str, content: bytes) -> str:
    stem, suffix = name.split(".")
    return f"{stem}-{hashlib.sha256(content).hexdigest()[:12]}.{suffix}"


def _packed(frame: pl.DataFrame) -> bytes:
    packed = io.BytesIO()
    frame.write_parquet(packed, compression="zstd")
    return packed.getvalue()


def _as_json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()
