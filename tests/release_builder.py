"""Small releases for tests, with sensible defaults. All numbers in them are made up."""

from typing import Any

import numpy as np

from geodata import hexgrid
from riskmap import release


def fine_and_coarse_cells() -> hexgrid.Cells:
    """Two neighbouring cells of resolution 9 and a cell of resolution 8 some kilometres away, ascending."""
    fine = hexgrid.with_ring(hexgrid.assign_cells(np.array([48.0]), np.array([67.0]), resolution=9))[:2]
    coarse = hexgrid.assign_cells(np.array([48.1]), np.array([67.1]), resolution=8)
    return np.sort(np.concatenate([fine, coarse]))


def an_area(area_id: str, kind: str = "district", **values: Any) -> dict[str, Any]:
    names = {"kk": f"{area_id} ауданы", "ru": f"район {area_id}", "en": f"District {area_id}"}
    empty = dict.fromkeys(
        (
            "residents",
            "total",
            "by_group",
            "rate_low",
            "rate_high",
            "change",
            "comparison",
            "official_count",
            "official_rate",
        )
    )
    return {"area_id": area_id, "kind": kind, "names": names, **empty, **values}


def a_release(
    *,
    territory: str = "toy",
    period: tuple[str, str] = ("2025-10-01", "2026-10-01"),
    classes: dict[str, list[int]] | None = None,
    **changes: Any,
) -> tuple[dict[str, Any], dict[str, bytes]]:
    """Manifest and files of a release of three cells in two districts, for `riskmap.release.write`."""
    classes = classes or {"all": [5, 3, 7], "theft": [6, 2, 7]}
    areas = [
        an_area(territory, "territory", residents=90_000, total=812, change="down", rate_low=85.1, rate_high=95.5),
        an_area("d1", residents=50_000, total=500, rate_low=92.8, rate_high=107.6, comparison="maybe_higher"),
        an_area("d2", residents=40_000),
    ]
    cells = fine_and_coarse_cells()
    manifest = {
        "format": release.FORMAT,
        "territory": territory,
        "names": {"kk": "Ойыншық", "ru": "Игрушка", "en": "Toy"},
        "as_of": "2026-11-01",
        "is_simulated": True,
        "origin": {"kk": "ойдан құрастырылған", "ru": "вымышлено", "en": "made up"},
        "official": {},
        "official_steps": [],
        "working_resolution": 9,
        "period": {"from": period[0], "to": period[1]},
        "groups": list(classes),
        "has_rates": True,
        "public_resolutions": [8, 9],
        "served": {group: {"level": "smoothed", "from": period[0], "to": period[1]} for group in classes},
        "class_rule": {"sure": 0.95, "likely": 0.8, "margin": 0.1, "least_expected": 3.0},
        "disclosure": {"least_count": 5, "least_residents": 20, "least_addresses": 8},
        "bounds": [47.9, 66.9, 48.2, 67.2],
        "outline_bounds": [47.8, 66.8, 48.3, 67.3],
        "centre": [48.0, 67.0],
    }
    files = {
        "cells.bin": release.encode_cells(cells),
        "areas.bin": np.array([1, 1, 2], dtype="<u2").tobytes(),
        "areas.json": release.as_json({"is_simulated": True, "areas": areas}),
        "areas.geojson": release.as_json({"type": "FeatureCollection", "features": []}),
        "scorecard.json": release.as_json({"is_simulated": True, "models": []}),
        **{f"classes-{group}.bin": np.array(codes, np.uint8).tobytes() for group, codes in classes.items()},
    }
    return manifest | changes, files
