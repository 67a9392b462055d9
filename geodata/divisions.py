"""The administrative division on three levels: regions, districts, city districts, each with the days it is valid.

A KATO code has nine digits, and level and parent follow from them: `AA0000000` is a region or a city that ranks as one,
`AABB00000` a district or a city of the region, `AABBCC000` below one of the three cities a city district. The six
districts of Aktobe, Karaganda and Taraz have codes like 151011100. Whatever has another code needs a level of its own.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum
from functools import cache
from importlib.resources import files
from itertools import pairwise
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import polars as pl

from geodata.columns import REGIONS, Column, Table
from geodata.errors import InvalidRegions
from geodata.region_files import TEXT_COLUMNS, WGS84, RegionFile, listed

CITIES_THAT_RANK_AS_REGIONS = ("71", "75", "79")
KATO_CODE = re.compile(r"\d{9}")
CITY_DISTRICT_CODE = re.compile(r"\d{4}1[1-9]100")


class Level(StrEnum):
    """Level of a division, from the whole to the part."""

    REGION = "region"
    DISTRICT = "district"
    CITY_DISTRICT = "city_district"


LEVEL_WORDS: dict[Level, tuple[str, ...]] = {
    Level.REGION: ("region", "oblast", "область", "облыс", "1", "4"),
    Level.DISTRICT: ("district", "rayon", "raion", "район", "аудан", "2", "6"),
    Level.CITY_DISTRICT: ("city_district", "city district", "район города", "қаладағы аудан", "3", "8"),
}
"""How files name the levels: in words, counted from one, or as OpenStreetMap counts them."""

DIVISIONS = Table(
    name="divisions",
    meaning="Regions, districts and city districts as an operator loaded them; outlines stand beside them as GeoJSON.",
    columns=(
        Column(name="region_id", dtype=pl.String(), meaning="KATO code; the same code may have several periods"),
        Column(name="level", dtype=pl.String(), meaning="region, district or city_district"),
        Column(name="parent_id", dtype=pl.String(), meaning="code of what it is part of", is_nullable=True),
        Column(name="name_kk", dtype=pl.String(), meaning="name in Kazakh", is_nullable=True),
        Column(name="name_ru", dtype=pl.String(), meaning="name in Russian", is_nullable=True),
        Column(name="name_en", dtype=pl.String(), meaning="name in English", is_nullable=True),
        Column(name="valid_from", dtype=pl.Date(), meaning="first day; missing: since ever", is_nullable=True),
        Column(name="valid_to", dtype=pl.Date(), meaning="last day; missing: until further notice", is_nullable=True),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What a file says about the division: its rows on their levels, and the codes whose level nobody can tell."""

    divisions: gpd.GeoDataFrame
    unlevelled: tuple[str, ...]


def empty() -> gpd.GeoDataFrame:
    """No division at all, with the columns of `DIVISIONS`."""
    return gpd.GeoDataFrame({name: [] for name in DIVISIONS.schema.names()}, geometry=[], crs=WGS84)


def level_of_code(code: str) -> Level | None:
    """Level that a KATO code says; None where it is no such code, or one of a settlement."""
    if not KATO_CODE.fullmatch(code):
        return None
    if code[2:] == "0000000":
        return Level.REGION
    if code[:2] in CITIES_THAT_RANK_AS_REGIONS:
        return Level.CITY_DISTRICT if code[6:] == "000" else None
    if code[4:] == "00000":
        return Level.DISTRICT
    return Level.CITY_DISTRICT if CITY_DISTRICT_CODE.fullmatch(code) else None


def parent_of_code(code: str, level: Level) -> str | None:
    """Code of what a KATO code's bearer is part of; None for a region and for codes of another kind."""
    if level is Level.REGION or not KATO_CODE.fullmatch(code):
        return None
    is_below_region = level is Level.DISTRICT or code[:2] in CITIES_THAT_RANK_AS_REGIONS
    return code[:2] + "0000000" if is_below_region else code[:4] + "00000"


def classified(file: RegionFile) -> Told:
    """The usable rows of a file with level, parent and period.

    A level or period the file states wins over the code's. A region made or cut anew by a change we know is valid from
    the day of the change (``tables/kz_division_changes.csv``).

    Raises
    ------
    InvalidRegions
        For a word that is no level, a day that is none, and a period that ends before it begins.
    """
    rows, unlevelled = [], []
    for row, (level, first, last) in _placed(file):
        if level is None:
            unlevelled.append(row.region_id)
        else:
            rows.append(_row(row, level.value, parent_of_code(row.region_id, level), first, last))
    return Told(divisions=_framed(rows), unlevelled=tuple(unlevelled))


def unclassified(file: RegionFile) -> gpd.GeoDataFrame:
    """The usable rows of a file with codes of a territory's own: of one level, parts of nothing, valid for ever."""
    return _framed([_row(row, Level.REGION.value, None, None, None) for row, _ in _placed(file)])


def regions_of(file: RegionFile, level: Level, day: date) -> gpd.GeoDataFrame:
    """The rows of a file on one level that are valid on a day, with the columns of `REGIONS`."""
    is_wanted = [
        found is level and (first is None or first <= day) and (last is None or day <= last)
        for _, (found, first, last) in _placed(file)
    ]
    return file.rows.loc[is_wanted, [*REGIONS.schema.names(), "geometry"]].reset_index(drop=True)


def valid_on(divisions: gpd.GeoDataFrame, day: date) -> gpd.GeoDataFrame:
    """The rows valid on a day, first and last day included."""
    is_valid = np.array(
        [
            (first is None or first <= day) and (last is None or day <= last)
            for first, last in zip(divisions["valid_from"], divisions["valid_to"], strict=True)
        ],
        dtype=np.bool_,
    )
    return divisions[is_valid].reset_index(drop=True)


def overlaid(known: gpd.GeoDataFrame, news: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """What is known with the news over it: a code's older rows keep only the days of which the news says nothing."""
    told: dict[str, list[tuple[date, date]]] = {}
    for row in news.itertuples(index=False):
        told.setdefault(row.region_id, []).append((row.valid_from or date.min, row.valid_to or date.max))
    kept = [
        {**row, "valid_from": None if first == date.min else first, "valid_to": None if last == date.max else last}
        for row in known.to_dict("records")
        for first, last in _left(row, told.get(row["region_id"], []))
    ]
    return _framed(kept + news.to_dict("records"))


def doubled(divisions: gpd.GeoDataFrame) -> tuple[str, ...]:
    """Codes that stand for two rows on one day."""
    found = set()
    for code, rows in divisions.groupby("region_id"):
        periods = sorted((row.valid_from or date.min, row.valid_to or date.max) for row in rows.itertuples())
        if any(later[0] <= earlier[1] for earlier, later in pairwise(periods)):
            found.add(str(code))
    return tuple(sorted(found))


def require_single(divisions: gpd.GeoDataFrame, name: str) -> None:
    """Raise `InvalidRegions` where a code stands for two rows on one day; ``name`` is that of the file."""
    if found := doubled(divisions):
        raise InvalidRegions(
            f"{name}: codes {listed(found)} stand at several features; merge each region into one feature."
        )


def as_table(divisions: gpd.GeoDataFrame) -> pl.DataFrame:
    """The rows without outlines, as declared in `DIVISIONS`."""
    plain = divisions[DIVISIONS.schema.names()].astype(object)
    rows = plain.where(plain.notna(), None).to_dict("records")
    return DIVISIONS.checked(pl.DataFrame(rows, schema=DIVISIONS.schema))


def from_rows(rows: list[dict[str, Any]], shapes: list[Any]) -> gpd.GeoDataFrame:
    """A frame of rows whose days are text as in ISO 8601; each shape belongs to the row of its place."""
    return _framed(
        [
            {
                **row,
                **{name: date.fromisoformat(row[name]) if row[name] else None for name in ("valid_from", "valid_to")},
                "geometry": shape,
            }
            for row, shape in zip(rows, shapes, strict=True)
        ]
    )


def _placed(file: RegionFile) -> Iterator[tuple[Any, tuple[Level | None, date | None, date | None]]]:
    """Each row with its level, first and last day."""
    for row in file.rows.itertuples(index=False):
        level = _level(row.level, row.region_id, file.name)
        first, last = (_day(value, row.region_id, file.name) for value in (row.valid_from, row.valid_to))
        if first is None and level and (known := _changed_on(row.region_id, level)) and (last is None or last >= known):
            first = known
        if first and last and last < first:
            raise InvalidRegions(f"{file.name}: region {row.region_id} is valid from {first} to {last}; swap the days.")
        yield row, (level, first, last)


def _row(row: Any, level: str, parent_id: str | None, first: date | None, last: date | None) -> dict[str, Any]:
    return {
        "region_id": row.region_id,
        "level": level,
        "parent_id": parent_id,
        **{name: getattr(row, name) for name in TEXT_COLUMNS},
        "valid_from": first,
        "valid_to": last,
        "geometry": row.geometry,
    }


def _framed(rows: list[dict[str, Any]]) -> gpd.GeoDataFrame:
    if not rows:
        return empty()
    ordered = sorted(rows, key=lambda row: (row["region_id"], row["valid_from"] or date.min))
    # Of type object: pandas would make moments of days and a number of a missing text.
    columns = {
        name: pd.Series([_or_none(row[name]) for row in ordered], dtype=object) for name in DIVISIONS.schema.names()
    }
    return gpd.GeoDataFrame(columns, geometry=[row["geometry"] for row in ordered], crs=WGS84)


def _or_none(value: Any) -> Any:
    return None if isinstance(value, float) else value


def _left(row: Mapping[str, Any], told: list[tuple[date, date]]) -> Iterator[tuple[date, date]]:
    """Periods of a row outside those told; days are whole and both ends belong to a period."""
    first, last = row["valid_from"] or date.min, row["valid_to"] or date.max
    for start, end in sorted(told):
        if end < first or start > last:
            continue
        if start > first:
            yield first, start - timedelta(days=1)
        if end >= last:
            return
        first = end + timedelta(days=1)
    yield first, last


def _level(value: object, code: str, name: str) -> Level | None:
    if value is None:
        return level_of_code(code)
    is_whole = isinstance(value, float) and value.is_integer()
    word = (str(int(value)) if is_whole and isinstance(value, float) else str(value)).strip().casefold()
    for level, words in LEVEL_WORDS.items():
        if word in words:
            return level
    raise InvalidRegions(
        f"{name}: region {code} has the level {str(value)[:40]!r}; expected {', '.join(Level)}. Correct it, or leave "
        "the property out where codes are KATO."
    )


def _day(value: object, code: str, name: str) -> date | None:
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    if isinstance(value, datetime):
        return value.date()
    try:
        return value if isinstance(value, date) else date.fromisoformat(str(value).strip()[:10])
    except ValueError as trouble:
        raise InvalidRegions(
            f"{name}: region {code} is valid from or to {str(value)[:40]!r}; expected a day such as 2022-06-08."
        ) from trouble


def _changed_on(code: str, level: Level) -> date | None:
    if not KATO_CODE.fullmatch(code):
        return None
    change = changes().get(code[:2])
    return change[1] if change and (change[0] == "all" or level is Level.REGION) else None


@cache
def changes() -> dict[str, tuple[str, date]]:
    """Changes we know, by the first two digits: whether all below the region is new too, and the first day."""
    text = (files("geodata") / "tables" / "kz_division_changes.csv").read_text(encoding="utf-8")
    table = pl.read_csv(text.encode(), schema_overrides={"code": pl.String})
    return {row["code"]: (row["reaches"], date.fromisoformat(row["from_day"])) for row in table.iter_rows(named=True)}
