"""Make, choose and change the territories of an installation."""

from collections.abc import Mapping as Dictionary
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from typing import Protocol

import geopandas as gpd
import numpy as np
import polars as pl
import shapely
from numpy.typing import NDArray
from timezonefinder import TimezoneFinder

from geodata import divisions, hexgrid, kazakhstan, regions
from geodata.columns import PLACES
from geodata.division_checks import Findings, check
from geodata.divisions import Level
from geodata.errors import InvalidRegions, InvalidTerritory
from geodata.layout import Mapping
from geodata.region_files import RegionFile, listed, read_file
from geodata.sources import Source, open_source
from geodata.territory import WORKING_RESOLUTION, Names, Territory
from riskmap.pipeline.deliveries import DeliveryReport, deliver
from riskmap.pipeline.scoring import Progress
from riskmap.ports import Store

AUTO = "auto"
"""Stands for the territory of a file's points; none may be named so."""

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
    if name == AUTO:
        raise InvalidTerritory(
            f"{AUTO!r} stands for a territory to be found, so none can have this name. Choose another."
        )
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


class AtHand(Protocol):
    """Territories to choose from."""

    def names(self) -> list[str]: ...

    def load(self, name: str) -> Territory: ...


def choose(shelf: AtHand, lat: NDArray[np.float64], lng: NDArray[np.float64]) -> Territory | None:
    """The smallest territory that holds most of the points; None where none does."""
    fitting = []
    for name in shelf.names():
        territory = shelf.load(name)
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

    Where no territory does, one is made from the points; it is taken back if the delivery then fails. Until it is clear
    whether it stays, others that would choose wait: they shall find it, and not make it twice.

    Raises
    ------
    InvalidTerritory
        If there is no such territory and none can be made.
    StoreBusy
        If another delivery makes a territory and does not end in time.
    geodata.errors.GeodataError, riskmap.errors.RiskMapError
        As `deliveries.deliver`.
    """

    def into(territory: Territory) -> DeliveryReport:
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

    if territory_name != AUTO:
        return into(store.territories.load(territory_name))
    source = open_source(path, mapping, layouts=layouts)
    lat, lng = source.points()
    with store.lake.hold(AUTO):
        chosen = choose(store.territories, lat, lng)
        if chosen is None:
            made = new_from_points(store, _free_name(store, path), source, zone=zone or source.time_zone)
            try:
                return into(made)
            except BaseException:
                store.territories.remove(made.name)
                raise
    return into(chosen)


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedRegions:
    """A file of outlines and what is the matter with it.

    ``levels`` counts its features by level; none where the codes are the territory's own. ``unlevelled`` are codes
    without a level among others that have one, ``doubled`` stand for two features on one day.
    """

    file: RegionFile
    levels: Dictionary[str, int]
    unlevelled: tuple[str, ...]
    doubled: tuple[str, ...]
    findings: Findings

    @property
    def is_usable(self) -> bool:
        """Whether `load_regions` would take the file."""
        return not (self.file.refused or self.file.uncoded or self.unlevelled or self.doubled)


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadedRegions:
    """A territory with new outlines. ``has_new_regions`` is false where the file told only of other levels or days."""

    territory: Territory
    checked: CheckedRegions
    has_new_regions: bool


def check_regions(path: Path, *, territory: Territory, on: date) -> CheckedRegions:
    """What is the matter with a file of outlines, and with the division it shows on a day; nothing is stored.

    Raises
    ------
    InvalidRegions
        If the file is not readable as outlines with codes.
    """
    file = read_file(path, default_zone=territory.zone)
    told = divisions.classified(file)
    has_levels = len(told.divisions) > 0
    shown = told.divisions if has_levels else divisions.unclassified(file)
    doubled = divisions.doubled(shown)
    current = divisions.valid_on(shown, on)
    return CheckedRegions(
        file=file,
        levels={level: int(n) for level in divisions.Level if (n := (told.divisions["level"] == level).sum())},
        unlevelled=told.unlevelled if has_levels else (),
        doubled=doubled,
        findings=check(current.drop_duplicates("region_id"), known=territory.regions),
    )


def load_regions(store: Store, name: str, path: Path, *, on: date) -> LoadedRegions:
    """Take a file's outlines into a territory: its regions as they are on a day, and the division on every level.

    Regions are replaced by the file's rows of their level; then each covered cell is given its region anew. A file
    that tells only of other levels, or of other days, leaves them. What is known of other codes and days stays.

    Raises
    ------
    InvalidRegions
        If the file is unreadable, or has features that cannot be used.
    """
    territory = store.territories.load(name)
    checked = check_regions(path, territory=territory, on=on)
    file = checked.file
    file.required()
    if checked.unlevelled:
        raise InvalidRegions(
            f"{file.name}: the level of {listed(checked.unlevelled)} is not known; expected KATO codes of regions, "
            "districts or city districts, or a property level with one of these words."
        )
    if not checked.levels:
        changed = regions.replace_outlines(territory, regions.as_regions(file))
        store.territories.save(changed)
        return LoadedRegions(territory=changed, checked=checked, has_new_regions=True)
    news = divisions.classified(file).divisions
    divisions.require_single(news, file.name)
    level = _level_of_regions(territory, divisions.valid_on(news, on))
    changed = territory
    if level is not None:
        changed = regions.replace_outlines(territory, divisions.regions_of(file, level, on))
    changed = replace(changed, divisions=divisions.overlaid(territory.divisions, news))
    store.territories.save(changed)
    return LoadedRegions(territory=changed, checked=checked, has_new_regions=level is not None)


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
    taken, wanted = {AUTO, *store.territories.names()}, name_from(path)
    numbered = (f"{wanted[:36]}_{number}" for number in range(2, 1000))
    return wanted if wanted not in taken else next(name for name in numbered if name not in taken)


def name_from(path: Path) -> str:
    """A territory name made from a file's name: small letters, digits, hyphens and underscores."""
    stem = path.name.split(".")[0].lower()
    kept = "".join(sign if sign.isascii() and sign.isalnum() else "_" for sign in stem).strip("_")
    return kept[:40] or "territory"


def _level_of_regions(territory: Territory, current: gpd.GeoDataFrame) -> Level | None:
    """Level of a file's rows that replace the territory's regions; None where it has no such rows."""
    counts = {level: int((current["level"] == level).sum()) for level in Level}
    present = [level for level in Level if counts[level]]
    own = {divisions.level_of_code(code) for code in territory.regions["region_id"]} - {None}
    if regions.has_official_codes(territory) and own:
        return next((level for level in present if level in own), None)
    return next((level for level in present if counts[level] > 1), present[0] if present else None)


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
