"""Population grids as they are published: hexagons of H3 (Kontur), or points of a raster (WorldPop).

The numbers are somebody's model of where people live. They are read as they stand, refused where no place can have
such a number, and never repaired.
"""

import gzip
import io
import warnings
import zlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import numpy as np
import polars as pl
import pyogrio
from pyogrio.errors import DataLayerError, DataSourceError
from scipy.spatial import cKDTree

from geodata import hexgrid
from geodata.column_names import PLACE_COLUMNS, plain, printable, shown
from geodata.coordinates import as_numbers
from geodata.errors import InvalidPopulation, UnreadableFile
from geodata.recognised import RecognisedTable, open_recognised
from geodata.territory import WORKING_RESOLUTION

MOST_IN_CELL = 1_000_000
"""No hexagon or raster cell of a city or finer holds more people."""
MOST_UNPACKED_BYTES = 2_000_000_000

NAMES: dict[str, tuple[str, ...]] = {
    "h3": ("h3", "h3 index", "h3 id", "h3 cell", "hex id", "hex"),
    "population": ("population", "pop", "residents", "population proxy", "z", "value", "население", "жители", "халық",
                   "тұрғындар"),
}  # fmt: skip
"""Names by which the columns of a grid are known; case, spaces, hyphens and underscores do not matter."""

_SHOWN = 5
_SAMPLE = 2_000
_GZIP, _SQLITE = b"\x1f\x8b", b"SQLite format 3\x00"


class GridKind(StrEnum):
    """What the rows of a grid are."""

    CELLS = "cells"
    POINTS = "points"


@dataclass(frozen=True, slots=True, kw_only=True)
class PopulationGrid:
    """A population grid, in an order that does not depend on the file's.

    ``frame`` holds ``population`` (people, at least 0) and ``cell`` for `GridKind.CELLS` (each once, one resolution),
    or ``lat`` and ``lng`` (degrees, each pair once) for `GridKind.POINTS`. ``spacing_m`` is the usual distance from a
    point to its nearest neighbour; missing for cells.
    """

    kind: GridKind
    frame: pl.DataFrame
    spacing_m: float | None = None

    @property
    def people(self) -> float:
        """Sum of the grid, in people."""
        return float(self.frame["population"].sum())


def read_population(path: Path) -> PopulationGrid:
    """Read a population grid.

    Parameters
    ----------
    path : GeoPackage (``.gz`` too), CSV, Parquet or GeoJSON with a column ``h3`` (hexadecimal) and one of
        `NAMES` for the population; or with points instead of ``h3``

    Raises
    ------
    InvalidPopulation
        If columns are missing, cells are invalid, doubled or of several resolutions, or numbers are missing, negative
        or beyond `MOST_IN_CELL`.
    UnreadableFile
        If the file as a whole cannot be read.
    """
    hexagons = _hexagons_of_geopackage(path)
    if hexagons is not None:
        return _of_cells(hexagons, path.name)
    table = open_recognised(path, NAMES)
    if "population" not in table.layout:
        raise _without(path.name, table.rows.columns, "of people")
    if "h3" in table.layout:
        frame = _collected(table, ["h3", "population"])
        return _of_cells(frame, path.name)
    if not table.has_place:
        raise _without(path.name, table.rows.columns, "h3 or coordinates")
    return _of_points(table)


def of_points(frame: pl.DataFrame) -> PopulationGrid:
    """A grid of points: ``lat``, ``lng`` in degrees and ``population``; points given several times are summed."""
    # Sorted by all three first: a sum of fractions then does not depend on the order of the file.
    points = (
        frame.sort("lat", "lng", "population")
        .group_by("lat", "lng", maintain_order=True)
        .agg(pl.col("population").sum())
    )
    return PopulationGrid(kind=GridKind.POINTS, frame=points, spacing_m=_spacing_m(points))


def of_cells(cells: hexgrid.Cells, population: pl.Series, *, name: str = "the grid") -> PopulationGrid:
    """A grid of hexagons; ``name`` is for messages.

    Raises
    ------
    InvalidPopulation
        If a cell stands twice, resolutions are mixed or finer than 15 allows, or there is no cell.
    """
    if cells.size == 0:
        raise InvalidPopulation(f"{name} holds no cell; expected one row for each inhabited hexagon.")
    found = np.unique(hexgrid.resolutions(cells))
    if found.size > 1:
        raise InvalidPopulation(
            f"{name}: cells have resolutions {', '.join(map(str, found))}; expected one. Give a grid of one resolution."
        )
    frame = pl.DataFrame({"cell": cells, "population": population.cast(pl.Float64)}).sort("cell")
    doubled = frame.height - frame["cell"].n_unique()
    if doubled:
        raise InvalidPopulation(
            f"{name}: {doubled} rows repeat a cell that stands above; expected each cell once. Remove the repetitions."
        )
    return PopulationGrid(kind=GridKind.CELLS, frame=frame)


def _of_cells(frame: pl.DataFrame, name: str) -> PopulationGrid:
    people = _people(frame, name)
    texts = frame["h3"].cast(pl.String)
    cells, is_valid = hexgrid.parse_cells(texts)
    if not is_valid.all():
        wrong = [printable(str(text), most=20) for text in texts.filter(pl.Series(~is_valid)).head(_SHOWN)]
        raise InvalidPopulation(
            f"{name}: {int((~is_valid).sum())} of {cells.size} values of h3 are no H3 cells (such as "
            f"{', '.join(wrong)}); expected 15 hexadecimal digits such as 8821a6a4c3fffff."
        )
    return of_cells(cells, people, name=name)


def _of_points(table: RecognisedTable) -> PopulationGrid:
    frame = _collected(table, ["population", *(name for name in PLACE_COLUMNS if name in table.layout)])
    people = _people(frame, table.path.name)
    at = table.places(frame, None)
    lost = at.filter(pl.col("lat").is_null() | pl.col("lng").is_null() | pl.col("fault").is_not_null()).height
    if lost:
        raise InvalidPopulation(
            f"{table.path.name}: {lost} of {frame.height} points have no usable coordinates; expected degrees of "
            "latitude and longitude (WGS84) in every row. Correct or remove these rows."
        )
    return of_points(at.select("lat", "lng").with_columns(people.alias("population")))


def _people(frame: pl.DataFrame, name: str) -> pl.Series:
    people = as_numbers(frame["population"])
    is_wrong = people.is_null() | ~people.is_finite().fill_null(value=False) | (people < 0) | (people > MOST_IN_CELL)
    if (wrong := int(is_wrong.fill_null(value=True).sum())) > 0:
        rows = frame.filter(is_wrong.fill_null(value=True)).head(_SHOWN)
        shown_rows = ", ".join(
            f"{printable(str(value), most=20)} in row {line}"
            for value, line in zip(rows["population"], rows["line"], strict=True)
        )
        raise InvalidPopulation(
            f"{name}: {wrong} of {frame.height} population numbers cannot be people ({shown_rows}); expected 0 to "
            f"{MOST_IN_CELL} in every row. Rows without data, such as −99999 of a raster, are to be left out."
        )
    if frame.height == 0:
        raise InvalidPopulation(f"{name} holds no rows; expected one for each place.")
    return people.alias("population")


def _collected(table: RecognisedTable, columns: list[str]) -> pl.DataFrame:
    frames = []
    for frame in table.frames():
        if ragged := frame["ragged"].is_not_null().sum():
            first = frame.filter(pl.col("ragged").is_not_null())["line"][0]
            raise InvalidPopulation(
                f"{table.path.name}: {ragged} rows do not fit the header, the first in line {first}; a grid is taken "
                "whole or not at all. Export it again."
            )
        frames.append(frame.select(*columns, "line"))
    return pl.concat(frames)


def _hexagons_of_geopackage(path: Path) -> pl.DataFrame | None:
    """``h3``, ``population`` and ``line`` of a GeoPackage of hexagons; None for any other file.

    The outlines are not read: a hexagon is known by its number.
    """
    source = _geopackage(path)
    if source is None:
        return None
    try:
        # What GDAL only warns about (a file without its usual ending) does no harm here.
        with warnings.catch_warnings(action="ignore"):
            layers = [str(name) for name, _ in pyogrio.list_layers(source)]
            fields = {layer: pyogrio.read_info(source, layer=layer)["fields"] for layer in layers}
            found = {layer: _named([str(name) for name in fields[layer]]) for layer in layers}
            usable = [layer for layer in layers if {"h3", "population"} <= set(found[layer])]
            if not usable:
                return None
            layout = found[usable[0]]
            wanted = list(layout.values())
            _, table = pyogrio.raw.read_arrow(source, layer=usable[0], columns=wanted, read_geometry=False)
    except (DataSourceError, DataLayerError, OSError, ValueError) as trouble:
        raise UnreadableFile(
            f"{path.name} is a damaged GeoPackage ({printable(str(trouble), most=120)}). Copy or export it again."
        ) from None
    frame = pl.DataFrame(pl.from_arrow(table))
    return frame.select(
        pl.col(layout["h3"]).alias("h3"), pl.col(layout["population"]).alias("population")
    ).with_columns(pl.int_range(1, pl.len() + 1).alias("line"))


def _geopackage(path: Path) -> Path | bytes | None:
    try:
        with path.open("rb") as file:
            head = file.read(len(_SQLITE))
        if not head.startswith(_GZIP):
            return path if head == _SQLITE else None
        with gzip.open(path) as packed:
            if packed.read(len(_SQLITE)) != _SQLITE:
                return None
            unpacked = io.BytesIO(_SQLITE)
            unpacked.seek(0, io.SEEK_END)
            while chunk := packed.read(1 << 24):
                unpacked.write(chunk)
                if unpacked.tell() > MOST_UNPACKED_BYTES:
                    raise UnreadableFile(
                        f"{path.name} unpacks to more than {MOST_UNPACKED_BYTES:,} bytes; expected one country. "
                        "Cut it to the territory."
                    )
            return unpacked.getvalue()
    except FileNotFoundError:
        return None
    except (OSError, EOFError, zlib.error) as trouble:
        raise UnreadableFile(
            f"{path.name} cannot be read ({printable(str(trouble), most=120)}). Copy it again."
        ) from None


def _named(columns: list[str]) -> dict[str, str]:
    by_name = {plain(column): column for column in reversed(columns)}
    return {
        name: next(by_name[plain(one)] for one in known if plain(one) in by_name)
        for name, known in NAMES.items()
        if any(plain(one) in by_name for one in known)
    }


def _without(name: str, columns: tuple[str, ...], lacking: str) -> InvalidPopulation:
    return InvalidPopulation(
        f"{name} has no column {lacking}; found {shown(columns)}. Expected h3 and population, or lat, lng and "
        "population (also X, Y, Z). Name the columns so."
    )


def _spacing_m(points: pl.DataFrame) -> float:
    """Median distance from a point to its nearest neighbour, of a sample spread over the grid; 0 for one point."""
    if points.height < 2:
        return 0.0
    space = hexgrid.in_space(points["lat"].to_numpy(), points["lng"].to_numpy())
    step = max(1, points.height // _SAMPLE)
    distance, _ = cKDTree(space).query(space[::step], k=2)
    return float(np.median(np.asarray(distance)[:, 1]))


def is_fine(grid: PopulationGrid) -> bool:
    """Whether each row of the grid lies within one cell of the working resolution."""
    if grid.kind is GridKind.CELLS:
        return int(hexgrid.resolutions(grid.frame["cell"].to_numpy()[:1])[0]) >= WORKING_RESOLUTION
    return (grid.spacing_m or 0.0) <= FINE_SPACING_M


FINE_SPACING_M = 250.0
"""Points further apart would leave cells of the working resolution (350 m from middle to middle) without any."""
