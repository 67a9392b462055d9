"""What would be made of a delivery, and why: its layout, columns, dates, zone, coordinates and first faults."""

from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Mapping as Dictionary
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path

import polars as pl

from geodata.column_names import GEOMETRY, PLACE_COLUMNS, PLAIN_NAMES, is_month_name, plain
from geodata.draft_layout import draft_of
from geodata.errors import UnexpectedColumns
from geodata.intake import Rules, examine
from geodata.layout import has_place
from geodata.mapping import Mapping
from geodata.readers import open_tables
from geodata.region_index import RegionIndex
from geodata.rows import Rows
from geodata.sources import Source, open_source
from geodata.territory import Territory
from geodata.text_rows import TextRows
from geodata.timestamps import DAY_FIRST, MONTH_FIRST, has_year_last

LOOKED_AT = 20_000
"""Rows whose faults are counted."""
SHOWN_FAULTS = 5

_DEFAULT_ZONE = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """How a file is read, or why it cannot be.

    ``problem`` is the refusal of a file that cannot be taken in as it is. ``zone_from`` is ``command``, ``layout`` or
    ``territory`` (whose zone is not known where ``territory``, its name, is None). ``date_format`` is None where the
    dates can be read one way only. ``offence_group`` is that of every row where the layout says one.
    ``first_faults`` hold line, fault and what was found; ``has_more_rows`` says that further rows were not looked at.
    """

    file_name: str
    kind: str
    part: str | None = None
    other_parts: tuple[str, ...] = ()
    encoding: str | None = None
    separator: str | None = None
    layout: str | None = None
    title: str | None = None
    known_by: tuple[str, ...] = ()
    columns: Dictionary[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    date_format: str | None = None
    clock: str | None = None
    at_best: str | None = None
    offence_group: str | None = None
    territory: str | None = None
    zone: str | None = None
    zone_from: str = "territory"
    has_place: bool = True
    coordinate_system: str | None = None
    rows_looked_at: int = 0
    has_more_rows: bool = False
    faults: Dictionary[str, int] = field(default_factory=dict)
    first_faults: tuple[tuple[int, str, str], ...] = ()
    unknown_categories: Dictionary[str, int] = field(default_factory=dict)
    without_place: int = 0
    problem: str | None = None
    draft: str = ""


def explain(
    path: Path,
    mapping: Mapping | None = None,
    *,
    layouts: Sequence[Mapping] | None = None,
    zone: str | None = None,
    territory_of: Callable[[Source], Territory | None] | None = None,
    latest_day: date,
) -> Explanation:
    """Say how a file would be read; nothing is kept.

    Parameters
    ----------
    mapping, layouts : as in `sources.open_source`
    zone : IANA zone of the file's times, where the operator says one
    territory_of : the territory that the opened file would be delivered into; None where none is known
    latest_day : the last day that may occur

    Raises
    ------
    UnreadableFile
        If it is no table at all.
    InvalidMapping
        If the mapping itself cannot be used.
    """
    try:
        source = open_source(path, mapping, layouts=layouts)
    except UnexpectedColumns as refusal:
        return _refused(path, mapping, str(refusal))
    territory = territory_of(source) if territory_of else None
    return _understood(source, open_tables(path, source.said), zone, territory, latest_day)


def _refused(path: Path, mapping: Mapping | None, problem: str) -> Explanation:
    tables = open_tables(path, mapping)
    table = next((one for one in tables if mapping and one.part == mapping.sheet), tables[0])
    found = _by_name(table)
    sentence = problem.partition(" Complete this draft")[0].partition(", or complete this draft")[0]
    return Explanation(
        file_name=path.name,
        kind=table.kind,
        part=table.part,
        other_parts=tuple(one.part or "" for one in tables if one is not table),
        encoding=_writing(table).get("encoding"),
        separator=_writing(table).get("separator"),
        columns=found,
        unused=tuple(name for name in table.columns if name not in found.values()),
        coordinate_system=table.coordinate_system,
        problem=sentence,
        draft=draft_of(table.columns, found, mapping=mapping, readings=_readings(table, has_parts=len(tables) > 1)),
    )


def _understood(
    source: Source, tables: Sequence[Rows], zone: str | None, territory: Territory | None, latest_day: date
) -> Explanation:
    table = source.table
    assert table is not None  # noqa: S101 (an opened file has one)
    told_zone = zone or source.time_zone
    read_zone = told_zone or (territory.zone if territory else None)
    rules = Rules(
        zone=read_zone or _DEFAULT_ZONE,
        latest_day=latest_day,
        mapping=source.said,
        outline=cache(lambda: territory.outline) if territory else None,
        regions=RegionIndex.of(territory.regions) if territory else None,
    )
    batches = source.batches(LOOKED_AT)
    batch = next(batches)
    examined = examine(batch, source, rules)
    used = {*source.layout.values(), *source.key}
    said = source.said
    readings = {
        "time_zone": told_zone or "",
        "date_format": _date_format(source, batch) or "",
        **_readings(table, has_parts=len(tables) > 1),
        "coordinate_system": (source.coordinate_system if "x" in source.layout else said.coordinate_system) or "",
    }
    return Explanation(
        file_name=source.path.name,
        kind=source.kind,
        part=table.part,
        other_parts=tuple(one.part or "" for one in tables if one.part != table.part),
        encoding=_writing(table).get("encoding"),
        separator=_writing(table).get("separator"),
        layout=said.name,
        title=said.title,
        known_by=source.known_by,
        columns=dict(source.layout),
        dropped=tuple(name for name in table.columns if name not in source.columns or name in source.hidden),
        unused=tuple(name for name in source.columns if name not in used),
        date_format=_date_format(source, batch),
        clock=said.clock,
        at_best=source.at_best,
        offence_group=None if source.has_category else said.offence_group,
        territory=territory.name if territory else None,
        zone=read_zone,
        zone_from="command" if zone else "layout" if source.time_zone else "territory",
        has_place=has_place(source.layout),
        coordinate_system=source.coordinate_system if "x" in source.layout else None,
        rows_looked_at=batch.height,
        has_more_rows=next(batches, None) is not None,
        faults=dict(sorted(Counter(examined.quarantined["fault"].to_list()).items())),
        first_faults=tuple(examined.quarantined.head(SHOWN_FAULTS).select("line", "fault", "found").iter_rows()),
        unknown_categories=examined.unknown_categories,
        without_place=examined.accepted.select(pl.col("lat").is_null().sum()).item(),
        draft=draft_of(
            table.columns,
            source.layout,
            readings={entry: value for entry, value in readings.items() if value},
        ),
    )


def _date_format(source: Source, batch: pl.DataFrame) -> str | None:
    """The format of the dates; None for an order that nobody said and no date shows."""
    is_said = source.said.date_format is not None or source.date_format not in (DAY_FIRST, MONTH_FIRST)
    columns = (source.layout.get(name) for name in ("occurred_at", "occurred_from", "occurred_to", "date"))
    is_shown = any(has_year_last(batch[column]) for column in columns if column)
    return source.date_format if is_said or is_shown else None


def _by_name(table: Rows) -> dict[str, str]:
    """Columns found by their names, as far as only one answers."""
    found = {}
    for canonical, tiers in PLAIN_NAMES.items():
        for tier in tiers:
            answering = [name for name in table.columns if plain(name) in tier]
            if len(answering) == 1:
                found[canonical] = answering[0]
                break
    has_year = any(plain(name) == "year" for name in table.columns)
    if "date" in found and has_year and is_month_name(found["date"]):
        # A month beside a year is a number from 1 to 12, not a date.
        del found["date"]
    if "date" in found and "time" not in found:
        found.setdefault("occurred_at", found.pop("date"))
        found.pop("date", None)
    if set(GEOMETRY) <= set(table.columns):
        found = {name: column for name, column in found.items() if name not in PLACE_COLUMNS}
        found |= dict(zip("xy", GEOMETRY, strict=True))
    return found


def _writing(table: Rows) -> dict[str, str]:
    if not isinstance(table, TextRows):
        return {}
    return {"encoding": table.dialect.encoding, "separator": table.dialect.separator}


def _readings(table: Rows, *, has_parts: bool) -> dict[str, str]:
    found = {entry: value for entry, value in _writing(table).items() if (entry, value) != ("encoding", "utf-8")}
    if found.get("encoding") == "utf-8-sig":
        del found["encoding"]
    if found.get("separator") == ",":
        del found["separator"]
    if table.coordinate_system and set(GEOMETRY) <= set(table.columns):
        found["coordinate_system"] = table.coordinate_system
    if has_parts and table.part:
        found["sheet"] = table.part
    return found
