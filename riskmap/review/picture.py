"""The files that the map of reviewers draws, laid out as in a release (docs/data_format.md) but never in one."""

import json

import polars as pl
import shapely

from geodata import hexgrid
from geodata.territory import LANGUAGES, Territory
from riskmap.release import encode_cells
from riskmap.review.hotspots import Board

Bounds = tuple[float, float, float, float]
"""South, west, north, east in degrees."""
MARGIN_DEG = 0.003
"""About the height of a cell of the working resolution."""


def cells(board: Board) -> bytes:
    """``cells.bin`` of the cells seen."""
    return encode_cells(board.picture()[0])


def steps(board: Board) -> bytes:
    """``classes-GROUP.bin``: the step of each of those cells, a byte each."""
    return board.picture()[1].tobytes()


def outlines(territory: Territory) -> bytes:
    """``areas.geojson``: the districts with their names."""
    table = territory.region_table
    features = [
        {
            "type": "Feature",
            "geometry": shapely.geometry.mapping(shape),
            "properties": {
                "area_id": row["region_id"],
                "names": {code: row[f"name_{code}"] for code in LANGUAGES},
            },
        }
        for row, shape in zip(table.iter_rows(named=True), territory.regions.geometry, strict=True)
    ]
    return json.dumps({"type": "FeatureCollection", "features": features}, ensure_ascii=False).encode()


def basemap(territory: Territory) -> bytes:
    """``basemap.geojson``: lines and areas below the hexagons."""
    return json.dumps(territory.basemap or {"type": "FeatureCollection", "features": []}, ensure_ascii=False).encode()


def bounds(board: Board) -> Bounds:
    """South, west, north, east of the cells seen, in degrees; of the territory where there are none."""
    around = _around(board.picture()[0])
    if around is None:
        west, south, east, north = board.territory.outline.bounds
        return south, west, north, east
    return around


def bounds_of_list(board: Board) -> Bounds | None:
    """The same of the hotspots alone; None where there are none."""
    return _around(hexgrid.parse_cells(pl.Series([one.cell_id for one in board.hotspots], dtype=pl.String))[0])


def _around(numbers: hexgrid.Cells) -> Bounds | None:
    if numbers.size == 0:
        return None
    lat, lng = hexgrid.centres(numbers)
    return (
        float(lat.min()) - MARGIN_DEG,
        float(lng.min()) - MARGIN_DEG,
        float(lat.max()) + MARGIN_DEG,
        float(lng.max()) + MARGIN_DEG,
    )
