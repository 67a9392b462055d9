"""``objects.geojson`` of a release: public objects whose owner said that everybody may see them.

Cameras, lights, signs and police posts stand at their rounded places, without number or day. A road accident with
casualties has a victim, so it is never a place: hexagons of a neighbourhood tell in bands how many there were in the
last complete calendar year, and hexagons with fewer than five are left out. Years do not overlap and no total is told,
so nothing can be subtracted.
"""

from collections.abc import Sequence
from datetime import date
from typing import Any

import numpy as np
import polars as pl

from geodata import hexgrid
from geodata.public_objects import ObjectKind
from riskmap import release
from riskmap.surroundings_port import ShownObjects

OBJECTS_FILE = "objects.geojson"
DECIMALS = 4
"""Of degrees: about ten metres, the corner a camera stands at and not the door beside it."""
ACCIDENT_RESOLUTION = 8
"""Hexagons of about 0.7 square kilometres."""
ACCIDENT_BANDS: tuple[tuple[int, int | None], ...] = ((5, 9), (10, 19), (20, None))


def file_of(shown: Sequence[ShownObjects], *, as_of: date, is_simulated: bool) -> dict[str, bytes]:
    """The file, or nothing where nobody said that objects may be shown."""
    features = [*_places(shown), *_accidents(shown, as_of)]
    if not features:
        return {}
    whole = {"type": "FeatureCollection", "is_simulated": is_simulated, "features": features}
    return {OBJECTS_FILE: release.as_geojson(whole)}


def told_of(shown: Sequence[ShownObjects], *, as_of: date) -> list[dict[str, Any]]:
    """For the manifest: each kind and owner, how many are shown, whose state of which day, and whose word it is.

    Of accidents ``count`` is that of hexagons, since their number would be a total to subtract from.
    """
    entries = []
    for one in shown:
        for kind in sorted(one.objects["kind"].unique()):
            is_accident = kind == ObjectKind.ACCIDENT
            own = one.objects.filter(pl.col("kind") == kind)
            count = len(_counted(own, as_of)) if is_accident else own.height
            if not count:
                continue
            entries.append(
                {
                    "kind": kind,
                    "count": count,
                    "year": as_of.year - 1 if is_accident else None,
                    "owner": one.consent.owner,
                    "said_on": one.consent.said_on.isoformat(),
                    "dated": one.dated.isoformat(),
                    "licence": one.consent.licence,
                }
            )
    return sorted(entries, key=lambda entry: (str(entry["kind"]), str(entry["owner"])))


def _places(shown: Sequence[ShownObjects]) -> list[dict[str, Any]]:
    """One feature for each kind and region: a city may have tens of thousands of lights."""
    frames = [one.objects.filter(pl.col("kind") != ObjectKind.ACCIDENT.value) for one in shown]
    if not frames:
        return []
    rounded = pl.concat(frames).select(
        "kind", pl.col("region_id"), pl.col("lng").round(DECIMALS), pl.col("lat").round(DECIMALS)
    )
    ordered = rounded.sort("kind", "region_id", "lng", "lat", nulls_last=True)
    return [
        {
            "type": "Feature",
            "properties": {"kind": kind, "region_id": region, "count": own.height},
            "geometry": {"type": "MultiPoint", "coordinates": [list(row) for row in own.select("lng", "lat").rows()]},
        }
        for (kind, region), own in ordered.group_by("kind", "region_id", maintain_order=True)
    ]


def _accidents(shown: Sequence[ShownObjects], as_of: date) -> list[dict[str, Any]]:
    most: dict[int, int] = {}
    for one in shown:
        # Two owners may tell of the same accidents, so their counts are not added.
        for cell, count in _counted(one.objects, as_of).items():
            most[cell] = max(most.get(cell, 0), count)
    cells = np.array(sorted(most), dtype=np.uint64)
    features = []
    for number, text in zip(cells.tolist(), hexgrid.cell_ids(cells), strict=True):
        low, high = _band(most[number])
        corners = [[round(lng, 5), round(lat, 5)] for lat, lng in hexgrid.boundary(text)]
        features.append(
            {
                "type": "Feature",
                "properties": {
                    "kind": ObjectKind.ACCIDENT.value,
                    "cell": text,
                    "year": as_of.year - 1,
                    "low": low,
                    "high": high,
                },
                "geometry": {"type": "Polygon", "coordinates": [[*corners, corners[0]]]},
            }
        )
    return features


def _counted(objects: pl.DataFrame, as_of: date) -> dict[int, int]:
    """Accidents of the last complete calendar year by hexagon, where there are enough to be told."""
    year = objects.filter(
        pl.col("kind") == ObjectKind.ACCIDENT.value, pl.col("occurred_on").dt.year() == as_of.year - 1
    )
    if year.is_empty():
        return {}
    above = hexgrid.to_parent(year["cell"].to_numpy(), ACCIDENT_RESOLUTION)
    cells, counts = np.unique(above, return_counts=True)
    least = ACCIDENT_BANDS[0][0]
    return {int(cell): int(count) for cell, count in zip(cells, counts, strict=True) if count >= least}


def _band(count: int) -> tuple[int, int | None]:
    return next((low, high) for low, high in reversed(ACCIDENT_BANDS) if count >= low)
