"""Which column of a delivery is which: by name, or as a mapping file says.

Names are compared without case, spaces, hyphens, underscores and dots. Each canonical column has names in tiers; a
later tier is asked only when the earlier ones are absent, so ``Type`` is no rival of ``Offence``.
"""

import hashlib
import json
import re
import tomllib
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from geodata.errors import InvalidMapping, UnexpectedColumns
from geodata.offences import CODES

Layout = dict[str, str]
"""Canonical name → column in the file."""

NAMES: dict[str, tuple[tuple[str, ...], ...]] = {
    "occurred_at": (
        ("occurred at", "occurred", "datetime", "date time", "timestamp", "occurrence datetime", "дата и время",
         "дата и время совершения", "время совершения", "дата время", "dat sover str", "күні мен уақыты",
         "күні мен уақыты жасалған", "fecha hecho"),
        ("дата совершения", "dat sover"),
    ),
    "occurred_from": (
        ("occurred from", "date start", "start date", "datetime start", "date from", "from date", "start datetime",
         "cmplnt fr dt", "дата начала", "начало", "период с", "басталған күні"),
    ),
    "occurred_to": (
        ("occurred to", "date end", "end date", "datetime end", "date to", "to date", "end datetime",
         "cmplnt to dt", "дата окончания", "окончание", "период по", "аяқталған күні"),
    ),
    "date": (
        ("date", "occurrence date", "occurred on", "date occurred", "date of occurrence", "date occ", "offence date",
         "incident date", "crime date", "дата", "дата правонарушения", "дата происшествия", "күні"),
        ("month", "year month", "месяц", "ай"),
    ),
    "time": (
        ("time", "occurrence time", "occurrence hour", "time occurred", "time occ", "incident time", "время",
         "время правонарушения", "время происшествия", "уақыты"),
        ("hour", "час", "сағат"),
    ),
    "time_precision": (("time precision", "precision", "точность времени", "точность"),),
    "category": (
        ("category", "offence", "offense", "offence type", "offense type", "offence category", "crime type",
         "crime category", "primary type", "mci", "mci category", "offence group", "категория", "вид правонарушения",
         "вид преступления", "правонарушение", "преступление", "санат", "санаты", "құқық бұзушылық түрі",
         "қылмыс түрі"),
        ("type", "crime", "тип", "вид", "түрі"),
        ("статья", "stat", "article", "бап"),
    ),
    "incident_id": (
        ("incident id", "crime id", "offence id", "record id", "event unique id", "номер происшествия",
         "id происшествия", "идентификатор"),
        ("id", "globalid"),
    ),
    "lat": (("lat", "latitude", "широта", "ендік", "latitud"),),
    "lng": (("lng", "lon", "long", "longitude", "долгота", "бойлық", "longitud"),),
    "is_domestic": (("is domestic", "domestic", "domestic violence"),),
}  # fmt: skip
"""What each canonical column may be called in English, Russian, Kazakh and in well-known publications."""

CANONICAL = tuple(NAMES)

_PROJECTED = {"x", "y", "xcoord", "ycoord", "xcoordinate", "ycoordinate", "easting", "northing"}
_ENCODINGS = ("utf-8", "utf-16", "cp1251", "kz1048", "cp866", "koi8-r", "cp1252", "latin-1")
_DATE_ORDERS = ("day first", "month first")
_DIRECTIVES = frozenset("dmyYHIMSpbBjzf%")
_EXAMPLE = '[columns]\noccurred_at = "name of your date column"\nlat = "name of your latitude column"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """How one source's files are to be read, from a TOML file.

    ``columns`` maps a canonical name to the column in the file (an empty text: there is none, whatever its name);
    ``categories`` maps categories as delivered to offence groups; ``offence_group`` is the group of every row where the
    file has no category column. ``date_format`` is ``day first``, ``month first``
    or a strptime pattern such as ``%d/%m/%Y %H:%M``.
    """

    columns: dict[str, str] = field(default_factory=dict)
    categories: dict[str, str] = field(default_factory=dict)
    offence_group: str | None = None
    time_zone: str | None = None
    date_format: str | None = None
    encoding: str | None = None
    separator: str | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check a mapping file.

        Raises
        ------
        InvalidMapping
            If it cannot be read, or a key, a canonical column, a group, a zone or a date format is unknown.
        """
        try:
            found = tomllib.loads(path.read_text(encoding="utf-8-sig"))
        except OSError as trouble:
            raise InvalidMapping(
                f"{path.name} cannot be read: {trouble.strerror}. Give the path of a mapping file."
            ) from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as trouble:
            raise InvalidMapping(
                f"{path.name} is not a TOML file in UTF-8: {trouble}. It should look like:\n{_EXAMPLE}"
            ) from None
        _check_mapping(found, path.name)
        return cls(**found)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what the mapping says, whatever its layout on the page."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()


def find_columns(names: Sequence[str], mapping: Mapping | None, *, file_name: str) -> Layout:
    """Say which of a file's columns stands for which canonical one.

    Raises
    ------
    UnexpectedColumns
        If a needed column is missing or doubled: the message names what was found and what would be understood.
    """
    _refuse_doubled(names, mapping, file_name)
    given = mapping.columns if mapping else {}
    layout = {}
    for canonical in CANONICAL:
        if canonical in given:
            found = _as_mapped(names, canonical, given[canonical], file_name)
        else:
            found = _by_name(names, canonical, file_name)
        if found is not None:
            layout[canonical] = found
    return _with_one_time(layout, given, names, file_name)


def shown(names: Sequence[str], *, most: int = 25) -> str:
    """Column names for a message: printable, each at most 40 characters, the first ``most`` of them."""
    listed = ", ".join(printable(name, most=40) for name in names[:most])
    return f"{listed} and {len(names) - most} more" if len(names) > most else listed


def printable(text: str, *, most: int) -> str:
    """A text fit for a message: no control characters, cut after ``most`` signs."""
    head = text[: most + 1]
    shown_signs = (sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in head)
    cleaned = head if head.isprintable() else "".join(shown_signs)
    return cleaned if len(cleaned) <= most else cleaned[: most - 1] + "…"


def _check_mapping(found: dict[str, object], name: str) -> None:
    known = Mapping.__dataclass_fields__
    for key, value in found.items():
        if key not in known:
            raise InvalidMapping(f"{name}: unknown entry {printable(key, most=40)!r}; expected {', '.join(known)}.")
        if key in ("columns", "categories"):
            if not isinstance(value, dict) or not all(isinstance(entry, str) for entry in value.values()):
                raise InvalidMapping(f'{name}: [{key}] should hold lines such as "as delivered" = "ours", in quotes.')
        elif not isinstance(value, str):
            raise InvalidMapping(f"{name}: {key} is {value!r}; expected a text in quotes.")
    columns, categories = found.get("columns", {}), found.get("categories", {})
    assert isinstance(columns, dict)  # noqa: S101 (checked above; tells the type checker)
    assert isinstance(categories, dict)  # noqa: S101
    for canonical in columns:
        if canonical not in CANONICAL:
            raise InvalidMapping(
                f"{name}: [columns] names {printable(canonical, most=40)!r}; on the left expected one of "
                f"{', '.join(CANONICAL)}, on the right the column in the file."
            )
    groups = {f"category {printable(category, most=60)!r}": group for category, group in categories.items()}
    if "offence_group" in found:
        groups["offence_group"] = str(found["offence_group"])
    for entry, group in groups.items():
        if group not in CODES:
            raise InvalidMapping(
                f"{name}: {entry} goes to {printable(group, most=40)!r}, "
                f"which is not an offence group; expected one of {', '.join(sorted(CODES))}."
            )
    _check_readings(found, name)


def _check_readings(found: dict[str, object], name: str) -> None:
    zone, date_format = found.get("time_zone"), found.get("date_format")
    encoding, separator = found.get("encoding"), found.get("separator")
    if isinstance(zone, str):
        check_zone(zone, where=name)
    if isinstance(date_format, str) and date_format not in _DATE_ORDERS:
        directives = set(re.findall(r"%(.)", date_format))
        if ("Y" not in directives and "y" not in directives) or directives - _DIRECTIVES:
            raise InvalidMapping(
                f"{name}: date_format is {printable(date_format, most=60)!r}; expected 'day first', 'month first' or "
                "a pattern such as '%d/%m/%Y %H:%M'."
            )
    if isinstance(encoding, str) and encoding.lower() not in _ENCODINGS:
        raise InvalidMapping(
            f"{name}: encoding is {printable(encoding, most=40)!r}; expected one of {', '.join(_ENCODINGS)}."
        )
    if isinstance(separator, str) and separator not in (",", ";", "\t", "|"):
        raise InvalidMapping(
            f'{name}: separator is {printable(separator, most=20)!r}; expected ",", ";", "|" or "\\t" (tab).'
        )


def is_month_name(column: str) -> bool:
    """Whether a column's name says that it holds months."""
    return _plain(column) in _PLAIN_NAMES["date"][1]


def check_zone(zone: str, *, where: str) -> None:
    """Refuse a time zone that the IANA tables do not know.

    Raises
    ------
    InvalidMapping
        Naming the zone and an example of a known one.
    """
    try:
        ZoneInfo(zone)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidMapping(
            f"{where}: time zone {printable(zone, most=60)!r} is not known; expected an IANA name such as Asia/Almaty."
        ) from None


def _plain(name: str) -> str:
    spelled = unicodedata.normalize("NFKC", name).casefold().replace("ё", "е")
    return "".join(sign for sign in spelled if sign.isalnum())


_PLAIN_NAMES = {canonical: tuple(frozenset(map(_plain, tier)) for tier in tiers) for canonical, tiers in NAMES.items()}


def _refuse_doubled(names: Sequence[str], mapping: Mapping | None, file_name: str) -> None:
    seen: dict[str, str] = {}
    for name in names:
        # A mapping tells columns apart by case; equal names nothing can tell apart.
        key = name if mapping else name.casefold()
        if name and key in seen:
            raise UnexpectedColumns(
                f"{file_name}: column {printable(name, most=40)!r} stands twice (first as "
                f"{printable(seen[key], most=40)!r}); expected each name once. Found: {shown(names)}. "
                "Rename or remove one of them in the file and deliver it again."
            )
        seen[key] = name


def _as_mapped(names: Sequence[str], canonical: str, wanted: str, file_name: str) -> str | None:
    if not wanted:
        return None
    if wanted in names:
        return wanted
    close = [name for name in names if _plain(name) == _plain(wanted)]
    if len(close) == 1:
        return close[0]
    raise UnexpectedColumns(
        f"{file_name}: the mapping names column {printable(wanted, most=40)!r} for {canonical}, which is not in the "
        f"file. Found: {shown(names)}. Correct the mapping file."
    )


def _by_name(names: Sequence[str], canonical: str, file_name: str) -> str | None:
    for tier in _PLAIN_NAMES[canonical]:
        answering = [name for name in names if _plain(name) in tier]
        exact = [name for name in answering if _plain(name) == _plain(canonical)]
        if len(exact) == 1:
            return exact[0]
        if len(answering) == 1:
            return answering[0]
        if answering:
            raise UnexpectedColumns(
                f"{file_name}: columns {shown(answering)} may each be {canonical}; expected one. Say which with "
                f'--mapping FILE, a file with these two lines:\n[columns]\n{canonical} = "{answering[0]}"'
            )
    return None


def _with_one_time(layout: Layout, given: dict[str, str], names: Sequence[str], file_name: str) -> Layout:
    """Settle what says the time, and refuse a layout without time or place."""
    has_year = any(_plain(name) in ("year", "год", "жыл") for name in names)
    if "date" in layout and "date" not in given and has_year and is_month_name(layout["date"]):
        # A month beside a year is a number from 1 to 12, not a date.
        del layout["date"]
    if "occurred_at" in layout and "date" not in given:
        layout.pop("date", None)
        layout.pop("time", None)
    elif "date" in layout and "time" not in layout:
        layout["occurred_at"] = layout.pop("date")
    elif "date" in layout:
        layout.pop("occurred_at", None)
    else:
        layout.pop("time", None)

    missing = [name for name in ("lat", "lng") if name not in layout]
    if not {"occurred_at", "date", "occurred_from"} & layout.keys():
        missing.insert(0, "occurred_at (or date, or occurred_from)")
    if missing:
        is_projected = any(_plain(name) in _PROJECTED for name in names)
        hint = " x and y in metres or feet are not read: convert them to latitude and longitude (WGS84) first."
        raise UnexpectedColumns(
            f"{file_name}: no column found for {', '.join(missing)}. Found: {shown(names) or 'none'}. Expected names "
            f"such as occurred_at, category, lat, lng (дата, категория, широта, долгота)."
            f"{hint if is_projected and 'lat' in missing else ''} Say which is which with --mapping FILE, for "
            f"example:\n{_EXAMPLE}"
        )
    return layout
