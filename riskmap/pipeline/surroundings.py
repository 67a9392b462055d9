"""Exposure and surroundings of a territory: takes in population grids, addresses, extracts and public objects.

A file delivered again changes nothing; a newer one takes the place of the earlier one of the same source.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

import numpy as np
import polars as pl
import shapely

from geodata import exposure, gazetteer, osm_extract, population_grid, public_objects, surroundings
from geodata.column_names import printable
from geodata.errors import InvalidSurroundings
from geodata.exposure import AddressCount, Completed, Spread
from geodata.osm_extract import Extract
from geodata.public_objects import ObjectKind, ReadObjects
from geodata.surroundings import Known, Measure, SurroundingSource
from geodata.territory import Names, Territory
from riskmap.disk import sha256_of
from riskmap.ports import TerritoryShelf
from riskmap.surroundings_port import Consent, FeaturePart, SurroundingsDelivery, SurroundingsShelf

RESIDENTS, ADDRESSES = "residents", "addresses"
OSM = "OpenStreetMap"
VERSION = "2"
"""Part of every fingerprint: raised when the same file would give other values."""

LONGEST_SOURCE = 200
_TOLD = {
    "kk": ("Ұяшықтардағы тұрғындар", "Ұяшықтардағы мекенжайлар"),
    "ru": ("Жители по ячейкам", "Адреса по ячейкам"),
    "en": ("Residents of cells", "Addresses of cells"),
}
_DATED = r": .*? \(\d{4}-\d{2}-\d{2}\)\."


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """Who says so, in the operator's words, the day whose state it is, and the licence."""

    source: str
    dated: date
    licence: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnersWord:
    """Who said, and on which day, that the objects of a delivery may be shown to everybody."""

    owner: str
    said_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureReport:
    """What `load_exposure` did; ``spread`` and ``addresses`` are missing where no such file was given."""

    territory: Territory
    completed: Completed
    spread: Spread | None
    addresses: AddressCount | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SurroundingsReport:
    """What a load did: the sources as they stand now for this delivery.

    ``is_unchanged`` where the same file was held already. ``extract`` or ``read`` is what the file held; ``missing``
    the features nobody mapped in an extract, which stay unknown.
    """

    territory: Territory
    sources: pl.DataFrame
    is_unchanged: bool
    extract: Extract | None = None
    read: ReadObjects | None = None
    missing: tuple[str, ...] = ()


def load_exposure(
    territories: TerritoryShelf,
    shelf: SurroundingsShelf,
    *,
    territory_name: str,
    population: Path | None,
    addresses: Path | None,
    provenance: Provenance,
    now: datetime,
    is_relative: bool = False,
    is_complete: bool = False,
    covers_inhabited: bool = False,
) -> ExposureReport:
    """Complete a territory's places with residents by a population grid, with addresses by a file of points, or both.

    Raises
    ------
    InvalidSurroundings
        If neither file is given, or the provenance cannot be used.
    InvalidPopulation, UnreadableFile, UnexpectedColumns
        If a file cannot be used.
    """
    _refuse_unfit(provenance, now)
    if population is None and addresses is None:
        raise InvalidSurroundings("No file was given; expected --population FILE, --addresses FILE, or both.")
    territory = territories.load(territory_name)
    counted = exposure.count_addresses(addresses, territory) if addresses else None
    spread = None
    if population:
        grid = population_grid.read_population(population)
        known = counted.cells if counted else None
        spread = exposure.spread_residents(grid, territory, addresses=known, is_relative=is_relative)
    completed = exposure.completed(
        territory, spread=spread, addresses=counted, is_complete=is_complete, covers_inhabited=covers_inhabited
    )
    given = [name for name, one in ((RESIDENTS, spread), (ADDRESSES, counted)) if one is not None]
    changed = replace(territory, places=completed.places, origin=_told(territory.origin, given, provenance))
    territories.save(changed)
    for name in given:
        source = _source(name, provenance, coverage="regions" if name == RESIDENTS else "listed")
        values = completed.places.drop_nulls(name)
        row = surroundings.source_row(
            source,
            feature=name,
            measure=Measure.COUNT,
            unit="people" if name == RESIDENTS else "addresses",
            objects=int(counted.cells["addresses"].sum()) if counted and name == ADDRESSES else None,
            cells=values.height,
        )
        delivery = SurroundingsDelivery(
            # One of each kind: the territory itself holds the numbers, and only one of each.
            source_id=_source_id(name, ""),
            dated=provenance.dated,
            fingerprint=sha256_of(population if name == RESIDENTS and population else addresses or Path()),
            received_at=now,
        )
        row = row.with_columns(source_id=pl.lit(delivery.source_id))
        shelf.put(territory.name, delivery, [FeaturePart(values=surroundings.SURROUNDINGS.empty(), sources=row)])
    return ExposureReport(territory=changed, completed=completed, spread=spread, addresses=counted)


def load_extract(
    territories: TerritoryShelf,
    shelf: SurroundingsShelf,
    path: Path,
    *,
    territory_name: str,
    dated: date,
    coverage: Path | None,
    now: datetime,
) -> SurroundingsReport:
    """Take in an OpenStreetMap extract. ``coverage`` is a GeoJSON of the area it was cut to, where its box is larger.

    Raises
    ------
    InvalidSurroundings
        If the territory has no cells, the extract does not reach it, or a newer one is held.
    UnreadableFile
        If the extract or the area cannot be read.
    """
    provenance = Provenance(source=OSM, dated=dated, licence=f"{osm_extract.LICENCE}, {osm_extract.ATTRIBUTION}")
    _refuse_unfit(provenance, now)
    territory = _with_cells(territories.load(territory_name))
    source = _source(OSM, provenance, coverage="outline" if coverage else "box")
    delivery = _delivery(territory, source, now, path, *([coverage] if coverage else []))
    if _is_held(shelf, territory.name, delivery):
        return _report(shelf, territory, delivery, is_unchanged=True)
    _refuse_older(shelf, territory.name, delivery)
    extract = osm_extract.read_extract(path)
    area = surroundings.read_area(coverage) if coverage else extract.box
    known = Known.within(territory.places["cell"].to_numpy(), area)
    names = gazetteer.of_named(extract.named, inside=territory.places["cell"].to_numpy())
    shelf.put(territory.name, delivery, _parts_of_extract(extract, known, source), names=names)
    named = (*osm_extract.PLACE_TAGS, *osm_extract.ROAD_CLASSES)
    missing = tuple(name for name in named if name not in extract.places and name not in extract.roads)
    return replace(_report(shelf, territory, delivery), extract=extract, missing=missing)


def load_objects(
    territories: TerritoryShelf,
    shelf: SurroundingsShelf,
    path: Path,
    *,
    territory_name: str,
    kind: ObjectKind | None,
    provenance: Provenance,
    key: bytes,
    now: datetime,
    word: OwnersWord | None = None,
    is_shown_only: bool = False,
) -> SurroundingsReport:
    """Take in public objects or road accidents; each region that has one of a kind counts as covered for that kind.

    Without the owner's ``word`` they serve the models alone; with it the next release shows them, see
    `riskmap.pipeline.shown_objects`. A delivery taken in again without it is shown no longer. No model learns from
    objects that are ``is_shown_only``.

    Raises
    ------
    InvalidSurroundings
        If the territory has no cells, no row can be used, or a newer delivery of the source is held.
    UnreadableFile, UnexpectedColumns
        If the file cannot be used.
    """
    _refuse_unfit(provenance, now)
    territory = _with_cells(territories.load(territory_name))
    source = _source(f"objects:{kind or 'column'}", provenance, coverage="regions")
    delivery = _delivery(territory, source, now, path, consent=_consent(word, provenance, now))
    if _is_held(shelf, territory.name, delivery):
        return _report(shelf, territory, delivery, is_unchanged=True)
    read = public_objects.read_objects(path, territory, kind=kind, dated=provenance.dated, today=now.date(), key=key)
    held = shelf.objects(territory.name, delivery.source_id)
    _refuse_older_objects(held, read.objects, delivery)
    objects = public_objects.merged(held, read.objects)
    parts = [] if is_shown_only else list(_parts_of_objects(objects, territory, source))
    shelf.put(territory.name, delivery, parts, objects)
    return replace(_report(shelf, territory, delivery), read=read)


def _parts_of_extract(extract: Extract, known: Known, source: SurroundingSource) -> Iterator[FeaturePart]:
    """Made one after another, so that only one feature of a country is held at a time."""
    for feature, (lat, lng) in extract.places.items():
        values = surroundings.of_places(known, lat, lng, feature=feature, source_id=source.source_id)
        yield FeaturePart(values=values, sources=surroundings.sources_of(values, source, {feature: lat.size}))
    for feature, lines in extract.roads.items():
        values = surroundings.of_roads(known, lines, feature=feature, source_id=source.source_id)
        yield FeaturePart(values=values, sources=surroundings.sources_of(values, source, {feature: lines.size}))


def _parts_of_objects(objects: pl.DataFrame, territory: Territory, source: SurroundingSource) -> Iterator[FeaturePart]:
    for kind in sorted(objects["kind"].unique()):
        own = objects.filter(pl.col("kind") == kind)
        regions = territory.regions[territory.regions["region_id"].isin(own["region_id"].drop_nulls().to_list())]
        area = territory.outline if regions.empty else regions.geometry.union_all()
        known = Known.within(territory.places["cell"].to_numpy(), area)
        lat, lng = own["lat"].to_numpy(), own["lng"].to_numpy()
        if kind == ObjectKind.ACCIDENT:
            harm = own["casualties"].to_numpy()
            values = surroundings.of_accidents(known, lat, lng, harm, feature=kind, source_id=source.source_id)
        else:
            values = surroundings.of_places(known, lat, lng, feature=kind, source_id=source.source_id)
        yield FeaturePart(values=values, sources=surroundings.sources_of(values, source, {kind: own.height}))


def _with_cells(territory: Territory) -> Territory:
    if territory.places.height == 0:
        raise InvalidSurroundings(
            f"{territory.name} has no covered cells, so nothing can be said of their surroundings. Load a population "
            f"grid first: python -m riskmap exposure load --territory {territory.name} --population FILE."
        )
    return territory


def _source(kind: str, provenance: Provenance, *, coverage: str) -> SurroundingSource:
    return SurroundingSource(
        source_id=_source_id(kind, provenance.source),
        source=provenance.source,
        dated=provenance.dated,
        licence=provenance.licence,
        coverage=coverage,
    )


def _source_id(kind: str, source: str) -> str:
    return hashlib.sha256(f"{kind}\x1f{source.strip().casefold()}".encode()).hexdigest()[:12]


def _delivery(
    territory: Territory, source: SurroundingSource, now: datetime, *files: Path, consent: Consent | None = None
) -> SurroundingsDelivery:
    reading = {
        "version": VERSION,
        "files": [sha256_of(path) if path.is_file() else None for path in files],
        "dated": source.dated.isoformat(),
        "licence": source.licence,
        "coverage": source.coverage,
        "cells": hashlib.sha256(np.sort(territory.places["cell"].to_numpy()).tobytes()).hexdigest(),
        "outline": hashlib.sha256(shapely.to_wkb(territory.outline)).hexdigest(),
        **({"consent": [consent.owner, consent.said_on.isoformat()]} if consent else {}),
    }
    return SurroundingsDelivery(
        source_id=source.source_id,
        dated=source.dated,
        fingerprint=hashlib.sha256(json.dumps(reading, sort_keys=True).encode()).hexdigest(),
        received_at=now,
        consent=consent,
    )


def _is_held(shelf: SurroundingsShelf, territory: str, delivery: SurroundingsDelivery) -> bool:
    held = shelf.find(territory, delivery.source_id)
    return held is not None and held.fingerprint == delivery.fingerprint


def _refuse_older(shelf: SurroundingsShelf, territory: str, delivery: SurroundingsDelivery) -> None:
    held = shelf.find(territory, delivery.source_id)
    if held is not None and held.dated > delivery.dated:
        raise _older(held.dated, delivery.dated)


def _refuse_older_objects(held: pl.DataFrame, read: pl.DataFrame, delivery: SurroundingsDelivery) -> None:
    """Of accidents only those of the same days stand in the way: years may be delivered in any order."""
    is_accident = pl.col("kind") == ObjectKind.ACCIDENT.value
    days = read.filter(is_accident)["occurred_on"]
    in_the_way = held
    if days.len():
        in_the_way = held.filter(is_accident & pl.col("occurred_on").is_between(days.min(), days.max()))
    newest = in_the_way["dated"].max()
    if isinstance(newest, date) and newest > delivery.dated:
        raise _older(newest, delivery.dated)


def _older(held: date, given: date) -> InvalidSurroundings:
    return InvalidSurroundings(
        f"A delivery of this source dated {held} is held already; this one is dated {given}. Expected a newer one. "
        "Correct --dated, or give another --source."
    )


def _report(
    shelf: SurroundingsShelf, territory: Territory, delivery: SurroundingsDelivery, *, is_unchanged: bool = False
) -> SurroundingsReport:
    sources = shelf.sources(territory.name).filter(pl.col("source_id") == delivery.source_id)
    return SurroundingsReport(territory=territory, sources=sources, is_unchanged=is_unchanged)


def _consent(word: OwnersWord | None, provenance: Provenance, now: datetime) -> Consent | None:
    if word is None:
        return None
    _refuse_unfit_name(word.owner, what="owner", option="--public-by")
    if word.said_on > now.date():
        raise InvalidSurroundings(
            f"The owner's word is dated {word.said_on}, which is still to come; expected the day it was given: "
            "--public-on YYYY-MM-DD."
        )
    return Consent(owner=word.owner.strip(), said_on=word.said_on, licence=provenance.licence)


def _refuse_unfit_name(text: str, *, what: str, option: str) -> None:
    text = text.strip()
    if not text or len(text) > LONGEST_SOURCE or not text.isprintable():
        raise InvalidSurroundings(
            f"The {what} {printable(text, most=40)!r} has {len(text)} characters; expected one line of 1 to "
            f"{LONGEST_SOURCE}, such as the publisher's name: {option} TEXT."
        )


def _refuse_unfit(provenance: Provenance, now: datetime) -> None:
    _refuse_unfit_name(provenance.source, what="source", option="--source")
    if provenance.dated > now.date():
        raise InvalidSurroundings(
            f"The file is dated {provenance.dated}, which is still to come; expected the day whose state it is: "
            "--dated YYYY-MM-DD."
        )


def _told(origin: Names, given: list[str], provenance: Provenance) -> Names:
    """The territory's origin with a sentence for each number taken in; an earlier one of the same number is gone."""

    def said(text: str, language: str) -> str:
        for name in given:
            label = _TOLD[language][(RESIDENTS, ADDRESSES).index(name)]
            text = re.sub(rf" ?{re.escape(label)}{_DATED}", "", text)
            licence = f", {provenance.licence.strip()}" if provenance.licence else ""
            text = f"{text} {label}: {provenance.source.strip()}{licence} ({provenance.dated}).".strip()
        return text

    return Names(kk=said(origin.kk, "kk"), ru=said(origin.ru, "ru"), en=said(origin.en, "en"))
