"""Deliver a file into a territory: all of it, once, or nothing.

The file is fingerprinted, read in batches, examined row by row, compared with what the lake holds already, and adopted
together with its quarantine in one transaction. The same file read the same way again is answered with the earlier
result; read another way (mapping, zone, outline) it supersedes its earlier reading, and corrected rows of its
quarantine, which were read that way too, are withdrawn with it: they have to be corrected again. What becomes of
several records of one incident is said in `riskmap.pipeline.versions`.
"""

import hashlib
import json
import logging
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypedDict, Unpack
from zoneinfo import ZoneInfo

import polars as pl
import shapely

from geodata import layout, offences
from geodata.errors import UnreadableFile
from geodata.faults import Fault
from geodata.intake import EMPTY_CATEGORY, Numbering, Rules, examine
from geodata.offences import UNCLASSIFIED
from geodata.region_index import RegionIndex
from geodata.sources import Source, open_source
from geodata.territory import WORKING_RESOLUTION, Territory
from riskmap.errors import CannotWrite, RowsDoNotAddUp, TerritoryDoesNotFit, UnknownCategories
from riskmap.lake_ports import Kept, LakeFile, Staging, Strike
from riskmap.pipeline import versions
from riskmap.pipeline.versions import Settled
from riskmap.ports import Delivery, DeliveryStatus, Store

READING = 2
"""Raised when intake comes to read the same bytes differently, so that files delivered earlier can be read anew.

The table of categories needs no raise: its content is part of a reading's fingerprint.
"""

MOST_OUTSIDE = 0.5
"""A delivery with a larger share of its placed rows outside the territory belongs somewhere else."""

BATCH_ROWS = 500_000
SHOWN_CATEGORIES = 5
_log = logging.getLogger(__name__)
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class DeliveryReport:
    """What became of a delivery's rows: ``rows_read`` is ``accepted + duplicates + withdrawn + quarantined``.

    ``without_place`` counts accepted rows that have no coordinates, ``corrected`` those that took the place of an
    earlier version; ``unknown_categories`` the rows of each category nobody has mapped; ``is_repeat`` says that this
    file had been delivered before and nothing changed. ``to_correct_again`` counts rows that had been corrected under
    the file's earlier reading and were withdrawn with it.
    """

    delivery_id: str
    file_name: str
    territory: str
    sha256: str
    rows_read: int
    accepted: int
    without_place: int
    corrected: int
    duplicates: int
    withdrawn: int
    quarantined: int
    faults: dict[str, int]
    unknown_categories: dict[str, int]
    first_day: date | None
    last_day: date | None
    is_repeat: bool
    to_correct_again: int = 0


class _Identity(TypedDict):
    delivery_id: str
    territory: str
    sha256: str
    reading: str
    file_name: str
    received_at: datetime
    zone: str
    settled: dict[str, Any]
    replay_of: str | None


@dataclass(slots=True, kw_only=True)
class _Tally:
    """What has been counted while the batches pass."""

    rows_read: int = 0
    placed: int = 0
    classified: int = 0
    withdrawn: int = 0
    quarantined: int = 0
    faults: Counter[str] = field(default_factory=Counter)
    unknown_categories: Counter[str] = field(default_factory=Counter)
    struck: list[pl.Series] = field(default_factory=list)


def deliver(
    store: Store,
    path: Path,
    *,
    territory: Territory,
    mapping: layout.Mapping | None = None,
    layouts: Sequence[layout.Mapping] | None = None,
    zone: str | None = None,
    now: datetime,
    replay_of: str | None = None,
    progress: Progress | None = None,
) -> DeliveryReport:
    """Read a file, keep its incidents and set its faulty rows aside.

    Parameters
    ----------
    layouts : those a file may be recognised by; None for the shipped ones
    zone : IANA zone of the file's times; else the one the file or its mapping says, else the territory's
    now : moment of the delivery, with a time zone; later days are faults
    replay_of : the delivery whose quarantined rows the file holds, corrected
    progress : called with rows done and rows in all (0 where that is not known)

    Raises
    ------
    geodata.errors.UnreadableFile, geodata.errors.UnexpectedColumns
        If the file cannot be read as incidents.
    TerritoryDoesNotFit, UnknownCategories
        If it was meant for another place, or needs a mapping. Nothing is stored.
    CannotWrite, StoreBusy, DamagedStore
        If the data folder cannot be used now. Nothing is stored.
    """
    source = open_source(path, mapping, layouts=layouts)
    sha256 = _fingerprint(path)
    read_zone = zone or source.time_zone or territory.zone
    layout.check_zone(read_zone, where=path.name)
    reading = _reading(source.said, read_zone, territory)
    delivery_id = hashlib.sha256(f"{sha256} {territory.name} {reading}".encode()).hexdigest()[:16]
    earlier = _adopted(store, delivery_id)
    if earlier is not None:
        return _report(earlier, is_repeat=True)
    with store.lake.hold(territory.name):
        # Another process may have delivered the same file while this one waited.
        earlier = _adopted(store, delivery_id)
        if earlier is not None:
            return _report(earlier, is_repeat=True)
        store.lake.sweep(territory.name)
        with store.lake.staging(territory.name, delivery_id) as staging:
            rules = Rules(
                zone=read_zone,
                latest_day=now.astimezone(ZoneInfo(read_zone)).date(),
                outline=cache(lambda: territory.outline),
                regions=RegionIndex.of(territory.regions),
                mapping=source.said,
                key=store.lake.key(),
            )
            tally = _read(source, rules, staging, progress)
            if replay_of is None:
                # A few corrected rows say nothing about a publisher's file as a whole.
                _require_fit(tally, territory.name, path.name)
                _require_known_categories(tally, path.name)
            superseded = _adopted_reading(store, territory.name, sha256)
            replays = _replays(store, territory.name, superseded)
            without = tuple(one.delivery_id for one in replays)
            struck = pl.concat([pl.Series("incident_id", [], dtype=pl.String), *tally.struck])
            settled = versions.settle(
                store,
                staging,
                struck,
                territory=territory.name,
                delivery_id=delivery_id,
                replaced=superseded,
                replays=without,
            )
            kept = staging.keep(without=settled.duplicates)
            delivery = _counted(
                tally,
                settled,
                kept,
                delivery_id=delivery_id,
                territory=territory.name,
                sha256=sha256,
                reading=reading,
                file_name=path.name,
                received_at=now,
                zone=read_zone,
                settled=source.settled,
                replay_of=replay_of,
            )
            _adopt(
                store,
                staging,
                delivery,
                kept.files,
                settled.strikes,
                superseded=(*without, *([superseded] if superseded else [])),
            )
        if superseded is not None:
            # What cannot be removed now is swept by the next delivery; readers no longer see it.
            with suppress(CannotWrite):
                store.lake.sweep(territory.name)
    _log.info("%s: %d of %d rows accepted into %s.", path.name, delivery.accepted, delivery.rows_read, territory.name)
    again = sum(one.accepted + one.duplicates + one.withdrawn for one in replays)
    return _report(delivery, is_repeat=False, to_correct_again=again)


def _fingerprint(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UnreadableFile(
            f"{path.name} cannot be read: {error.strerror or error}. Give the path of a CSV or Parquet file."
        ) from error


def _reading(said: layout.Mapping, zone: str, territory: Territory) -> str:
    regions = hashlib.sha256()
    for code, shape in zip(territory.regions["region_id"], territory.regions.geometry, strict=True):
        regions.update(f"{code}\x1f".encode() + shapely.to_wkb(shape))
    parts = [READING, said.fingerprint, zone, regions.hexdigest(), WORKING_RESOLUTION, offences.fingerprint()]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def _adopted(store: Store, delivery_id: str) -> Delivery | None:
    with store.work() as work:
        found = work.deliveries.find(delivery_id)
    is_standing = found is not None and found.status is DeliveryStatus.ADOPTED
    # Lost or changed files are healed by delivering the original again.
    return found if is_standing and store.lake.is_whole(delivery_id) else None


def _adopted_reading(store: Store, territory: str, sha256: str) -> str | None:
    with store.work() as work:
        found = work.deliveries.adopted_reading(territory, sha256)
    return found.delivery_id if found else None


def _replays(store: Store, territory: str, delivery_id: str | None) -> list[Delivery]:
    """Deliveries of rows that one set aside and somebody corrected."""
    if delivery_id is None:
        return []
    with store.work() as work:
        return [one for one in work.deliveries.adopted(territory) if one.replay_of == delivery_id]


def _read(source: Source, rules: Rules, staging: Staging, progress: Progress | None) -> _Tally:
    tally = _Tally()
    numbering = Numbering()
    total = source.height
    for batch in source.batches(BATCH_ROWS):
        examined = examine(batch, source, rules, numbering)
        accepted = examined.accepted
        tally.rows_read += batch.height
        tally.placed += accepted["cell"].count()
        tally.classified += int((accepted["offence_group"] != UNCLASSIFIED).sum())
        tally.withdrawn += examined.withdrawn
        tally.quarantined += examined.quarantined.height
        tally.faults.update(dict(examined.quarantined["fault"].value_counts().iter_rows()))
        tally.unknown_categories.update(examined.unknown_categories)
        tally.struck.append(examined.struck)
        staging.add(accepted, examined.is_keyed)
        staging.set_aside(examined.quarantined)
        if progress is not None:
            progress(tally.rows_read, total)
    return tally


def _require_fit(tally: _Tally, territory: str, file_name: str) -> None:
    swapped = tally.faults[Fault.SWAPPED_COORDINATES]
    outside = tally.faults[Fault.OUTSIDE_TERRITORY] + swapped
    placed = outside + tally.placed
    if outside <= MOST_OUTSIDE * placed:
        return
    next_step = (
        "Latitude and longitude look swapped: say which column is which with --mapping FILE."
        if swapped > MOST_OUTSIDE * outside
        else "Deliver it to the territory it belongs to (--territory NAME), or let that be found: --territory auto."
    )
    raise TerritoryDoesNotFit(
        f"{file_name}: {outside} of {placed} rows with a place lie outside {territory}; expected at most half. "
        f"{next_step} Nothing was stored."
    )


def _require_known_categories(tally: _Tally, file_name: str) -> None:
    named = [name for name, _ in tally.unknown_categories.most_common() if name != EMPTY_CATEGORY]
    if not named or tally.classified:
        return
    lines = "\n".join(f'"{name}" = "theft"' for name in named[:SHOWN_CATEGORIES])
    raise UnknownCategories(
        f"{file_name}: none of its {len(named)} categories is known; expected at least one. Nothing was stored. "
        f"Say what they are with --mapping FILE, a file with lines such as these:\n[categories]\n{lines}"
    )


def _counted(tally: _Tally, versions_of: Settled, kept: Kept, **identity: Unpack[_Identity]) -> Delivery:
    duplicates = len(versions_of.duplicates)
    if tally.rows_read != kept.rows + duplicates + tally.withdrawn + tally.quarantined:
        raise RowsDoNotAddUp(
            f"{identity['file_name']}: {tally.rows_read} rows were read, but {kept.rows} accepted, {duplicates} "
            f"duplicate, {tally.withdrawn} withdrawn and {tally.quarantined} quarantined. Nothing was stored; please "
            "report this."
        )
    return Delivery(
        **identity,
        rows_read=tally.rows_read,
        accepted=kept.rows,
        without_place=kept.without_place,
        corrected=versions_of.corrected,
        duplicates=duplicates,
        withdrawn=tally.withdrawn,
        quarantined=tally.quarantined,
        faults=dict(sorted(tally.faults.items())),
        unknown_categories=dict(sorted(tally.unknown_categories.items())),
        first_day=kept.first_day,
        last_day=kept.last_day,
    )


def _adopt(
    store: Store,
    staging: Staging,
    delivery: Delivery,
    files: Sequence[LakeFile],
    strikes: Sequence[Strike],
    *,
    superseded: Sequence[str],
) -> None:
    with store.work() as work:
        for name in superseded:
            work.strikes.remove(name)
            work.deliveries.supersede(name)
            work.lake_files.remove(name)
        work.deliveries.save(delivery)
        work.lake_files.add(files)
        work.strikes.add(strikes)
        staging.move_into_place()
        work.commit()


def _report(delivery: Delivery, *, is_repeat: bool, to_correct_again: int = 0) -> DeliveryReport:
    return DeliveryReport(
        delivery_id=delivery.delivery_id,
        file_name=delivery.file_name,
        territory=delivery.territory,
        sha256=delivery.sha256,
        rows_read=delivery.rows_read,
        accepted=delivery.accepted,
        without_place=delivery.without_place,
        corrected=delivery.corrected,
        duplicates=delivery.duplicates,
        withdrawn=delivery.withdrawn,
        quarantined=delivery.quarantined,
        faults=dict(delivery.faults),
        unknown_categories=dict(delivery.unknown_categories),
        first_day=delivery.first_day,
        last_day=delivery.last_day,
        is_repeat=is_repeat,
        to_correct_again=to_correct_again,
    )
