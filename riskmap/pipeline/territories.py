"""Make, choose and change the territories of an installation."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import geopandas as gpd
import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray
from timezonefinder import TimezoneFinder

from geodata import hexgrid, kazakhstan, regions
from geodata.columns import PLACES
from geodata.errors import InvalidTerritory
from geodata.layout import Mapping
from geodata.sources import Source, open_source
from geodata.territory import WORKING_RESOLUTION, Names, Territory
from riskmap.pipeline.deliveries import DeliveryReport, deliver
from riskmap.pipeline.scoring import Progress
from riskmap.ports import Store

AUTO = "auto"

MARGIN_M = 2_000
"""A territory made from points reaches this far beyond its cells; later deliveries may fall there."""

LEAST_SHARE = 0.01
"""A separate part that holds a smaller share of the points (a default geocode far away) is left out."""


def ensure_kazakhstan(store: Store) -> None:
    """Put the built-in territory on the shelf once; an operator's later outlines stay."""
    if kazakhstan.NAME not in store.territories.names():
        store.territories.save(kazakhstan.territory())


def new_from_points(store: Store, name: str, source: Source, *, zone: str | None) -> Territory:
    """Make a territory from the points of a delivery and keep it.

    It covers the cells where incidents recur, closed by one ring. Nothing is known about residents or addresses, so
    its releases compare incidents per cell and publish hexagons one level coarser.

    Raises
    ------
    InvalidTerritory
        If the name is taken or the points recur nowhere.
    """
    if name in store.territories.names():
        raise InvalidTerritory(
            f"A territory named {name!r} exists already. Choose another name, or deliver into it: "
            f"python -m riskmap deliver FILE --territory {name}."
        )
    lat, lng = source.points()
    if lat.size == 0:
        raise InvalidTerritory(
            f"{source.path.name} has no row with a usable place, so no territory can be made from it. Deliver it into "
            "an existing one: --territory NAME."
        )
    territory = _from_points(name, lat, lng, zone=zone or zone_of_points(lat, lng))
    store.territories.save(territory)
    return territory


def choose(store: Store, lat: NDArray[np.float64], lng: NDArray[np.float64]) -> Territory | None:
    """The smallest territory that holds most of the points; None where none does."""
    fitting = []
    for name in store.territories.names():
        territory = store.territories.load(name)
        outline = territory.outline
        shapely.prepare(outline)
        if lat.size and shapely.contains_xy(outline, lng, lat).mean() > 0.5:
            fitting.append((outline.area, name, territory))
    return min(fitting, key=lambda fit: fit[:2])[2] if fitting else None


def deliver_file(
    store: Store,
    path: Path,
    *,
    territory_name: str,
    mapping: Mapping | None,
    layouts: Sequence[Mapping] | None = None,
    zone: str | None,
    now: datetime,
    progress: Progress,
) -> DeliveryReport:
    """Deliver a file into a named territory, or with ``auto`` into the one that holds most of its points.

    Where no territory does, one is made from the points; it is taken back if the delivery then fails.
    """
    is_made = False
    if territory_name == AUTO:
        source = open_source(path, mapping, layouts=layouts)
        lat, lng = source.points()
        chosen = choose(store, lat, lng)
        is_made = chosen is None
        known_zone = zone or source.time_zone
        territory = chosen or new_from_points(store, _free_name(store, path), source, zone=known_zone)
    else:
        territory = store.territories.load(territory_name)
    try:
        return deliver(
            store,
            path,
            territory=territory,
            mapping=mapping,
            layouts=layouts,
            zone=zone,
            now=now,
            progress=lambda done, total: progress("cli.progress.deliver", done, total),
        )
    except BaseException:
        if is_made:
            store.territories.remove(territory.name)
        raise


def load_regions(store: Store, name: str, path: Path) -> Territory:
    """Replace a territory's outlines by those of a file, and say again which region holds each covered cell."""
    territory = store.territories.load(name)
    changed = regions.replace_outlines(territory, regions.read_regions(path, default_zone=territory.zone))
    store.territories.save(changed)
    return changed


def zone_of_points(lat: NDArray[np.float64], lng: NDArray[np.float64]) -> str:
    """IANA zone at the middle of the points.

    Raises
    ------
    InvalidTerritory
        If there is no point, or no zone there.
    """
    zone = TimezoneFinder().timezone_at(lat=float(np.median(lat)), lng=float(np.median(lng))) if lat.size else None
    if zone is None:
        raise InvalidTerritory(
            f"The time zone cannot be told from the file's {lat.size} points. Give it: --timezone Area/City."
        )
    return zone


def _free_name(store: Store, path: Path) -> str:
    taken, wanted = set(store.territories.names()), name_from(path)
    numbered = (f"{wanted[:36]}_{number}" for number in range(2, 1000))
    return wanted if wanted not in taken else next(name for name in numbered if name not in taken)


def name_from(path: Path) -> str:
    """A territory name made from a file's name: small letters, digits, hyphens and underscores."""
    stem = path.name.split(".")[0].lower()
    kept = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in stem).strip("_")
    return kept[:40] or "territory"


def _from_points(name: str, lat: NDArray[np.float64], lng: NDArray[np.float64], *, zone: str) -> Territory:
    covered = hexgrid.support(hexgrid.assign_cells(lat, lng, resolution=WORKING_RESOLUTION))
    if covered.size == 0:
        raise InvalidTerritory(
            f"No territory can be made from {lat.size} points: no two neighbouring hexagons hold two each. "
            "Give a file with more incidents, or deliver into an existing territory: --territory NAME."
        )
    plain = gpd.GeoSeries([hexgrid.outline(covered)], crs=4326)
    metres = plain.estimate_utm_crs()
    grown = plain.to_crs(metres).buffer(MARGIN_M).simplify(MARGIN_M / 20).to_crs(4326).explode()
    holds = np.array([shapely.contains_xy(part, lng, lat).mean() for part in grown])
    outline = shapely.MultiPolygon(list(grown[holds >= LEAST_SHARE]))
    at_lat, at_lng = hexgrid.centres(covered)
    covered = covered[shapely.contains_xy(outline, at_lng, at_lat)]

    label = name.replace("_", " ").replace("-", " ").strip().capitalize()
    row = {
        "region_id": name,
        "name_kk": label,
        "name_ru": label,
        "name_en": label,
        "zone": zone,
        "residents": None,
        "official_count": None,
    }
    places = pl.DataFrame({"cell": covered}).select(
        "cell",
        region_id=pl.lit(name),
        kind=pl.lit("unknown"),
        residents=pl.lit(None, dtype=pl.Int64),
        addresses=pl.lit(None, dtype=pl.Int64),
    )
    return Territory(
        name=name,
        names=Names(kk=label, ru=label, en=label),
        zone=zone,
        regions=gpd.GeoDataFrame([row], geometry=[outline], crs=4326),
        places=PLACES.checked(places),
        origin=Names(kk=label, ru=label, en=label),
    )
