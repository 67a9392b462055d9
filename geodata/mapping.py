"""How files of one kind are to be read, as a TOML file says: a mapping, and with a name and marks a layout.

A mapping says what the names in a file do not tell. A layout is a mapping that is recognised by itself: it has a name
and the columns by which files of one publisher are known. Both have the same vocabulary, and a mapping may complete
the layout its file was recognised by.
"""

import hashlib
import json
import re
import tomllib
from collections.abc import Mapping as Mapping_
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pyproj import CRS
from pyproj.exceptions import CRSError

from geodata.column_names import CANONICAL, PLACE_COLUMNS, TIME_COLUMNS, printable
from geodata.errors import InvalidMapping
from geodata.offences import CODES

_ENCODINGS = ("utf-8", "utf-16", "cp1251", "kz1048", "cp866", "koi8-r", "cp1252", "latin-1")
_SEPARATORS = (",", ";", "\t", "|")
_DATE_ORDERS = ("day first", "month first")
_EPOCHS = ("epoch ms", "epoch s")
_DIRECTIVES = frozenset("dmyYHIMSpbBjzf%")
_CHOICES = {
    "decimal": (".", ","),
    "clock": ("local", "utc", "local written as utc"),
    "precision": ("minute", "hour", "day", "month"),
    "midnight": ("time", "day"),
}
MOST_TEXT = 1_000_000
"""Signs in one mapping file."""

MOST_DOTS = 200
"""Dots in one line: the parser takes the square of them for a name of many parts."""

_SYSTEM = re.compile(r"(?:EPSG|ESRI):[0-9]{4,6}")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,59}")
_EXAMPLE = '[columns]\noccurred_at = "name of your date column"\nlat = "name of your latitude column"'


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What a layout is recognised by.

    ``columns`` are all in the file, ``without`` are not; ``bounds`` (west, south, east, north in the file's own
    coordinates) hold the middle of its first places, where the columns alone would fit other publishers too.
    """

    columns: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    bounds: tuple[float, float, float, float] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mapping:
    """How one source's files are to be read, from a TOML file.

    ``columns`` maps a canonical name to the column in the file (an empty text: there is none, whatever its name);
    ``categories`` maps categories as delivered to offence groups; ``offence_group`` is the group of every row where the
    file has no category column. ``date_format`` is ``day first``, ``month first``, ``epoch ms``, ``epoch s``
    or a strptime pattern such as ``%d/%m/%Y %H:%M``. ``drop`` names columns that never leave the reader.
    """

    name: str | None = None
    title: str | None = None
    recognised_by: Marks | None = None
    columns: dict[str, str] = field(default_factory=dict)
    key: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()
    categories: dict[str, str] = field(default_factory=dict)
    offence_group: str | None = None
    time_zone: str | None = None
    date_format: str | None = None
    clock: str | None = None
    precision: str | None = None
    midnight: str | None = None
    coordinate_system: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    separator: str | None = None
    sheet: str | None = None

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and check a mapping or layout file.

        Raises
        ------
        InvalidMapping
            If it cannot be read, or a key, a canonical column, a group, a zone or a date format is unknown.
        """
        try:
            if path.exists() and not path.is_file():
                # A pipe would wait without end.
                raise InvalidMapping(f"{path.name} is no file; expected a TOML file such as:\n{_EXAMPLE}")
            text = path.read_text(encoding="utf-8-sig")
        except OSError as trouble:
            raise InvalidMapping(
                f"{path.name} cannot be read: {trouble.strerror}. Give the path of a mapping file."
            ) from None
        except UnicodeDecodeError as trouble:
            raise InvalidMapping(
                f"{path.name} is not a TOML file in UTF-8: {trouble}. It should look like:\n{_EXAMPLE}"
            ) from None
        return cls.parse(text, where=path.name)

    @classmethod
    def parse(cls, text: str, *, where: str) -> Self:
        """The mapping that a TOML text says; ``where`` names it in messages.

        Raises
        ------
        InvalidMapping
            As `read`.
        """
        if len(text) > MOST_TEXT or any(line.count(".") > MOST_DOTS for line in text.splitlines()):
            raise InvalidMapping(
                f"{where} has more than {MOST_TEXT:,} signs, or a line with more than {MOST_DOTS} dots; expected a "
                f"short TOML file such as:\n{_EXAMPLE}"
            )
        try:
            found = tomllib.loads(text)
        except (ValueError, RecursionError) as trouble:
            raise InvalidMapping(
                f"{where} is not a TOML file in UTF-8: {trouble}. It should look like:\n{_EXAMPLE}"
            ) from None
        _check(found, where)
        marks = found.pop("recognised_by", None)
        key, drop = (tuple(found.pop(entry, ())) for entry in ("key", "drop"))
        return cls(**found, key=key, drop=drop, recognised_by=_marks(marks) if marks else None)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of what the mapping says, whatever its layout on the page."""
        return hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode()).hexdigest()

    @classmethod
    def from_settled(cls, settled: Mapping_[str, Any]) -> Self:
        """The mapping with which a text file of the same columns is read as its delivery was; see `Source.settled`."""
        given = {entry: value for entry, value in dict(settled).items() if entry in cls.__dataclass_fields__}
        key, drop = (tuple(given.pop(entry, ())) for entry in ("key", "drop"))
        return cls(**given, key=key, drop=drop)

    def over(self, under: "Mapping | None") -> "Mapping":
        """What this mapping says, completed by another.

        Where this one names a column of time (or place), all that the other says of time (or place) is left aside:
        the two would speak of different columns.
        """
        if under is None:
            return self
        kept, given = dict(under.columns), set(self.columns)
        silent: set[str] = set()
        for group, entries in (
            (TIME_COLUMNS, {"date_format", "clock", "precision", "midnight"}),
            (PLACE_COLUMNS, {"coordinate_system", "decimal"}),
        ):
            if given & set(group):
                kept = {name: column for name, column in kept.items() if name not in group}
                silent |= entries
        own: dict[str, Any] = {
            entry: value for entry in self.__dataclass_fields__ if (value := getattr(self, entry)) not in (None, (), {})
        }
        blank: dict[str, Any] = dict.fromkeys(silent)
        joined = {
            "columns": {**kept, **self.columns},
            "categories": {**under.categories, **self.categories},
            "drop": tuple(dict.fromkeys([*under.drop, *self.drop])),
        }
        return replace(under, **{**blank, **own, **joined})


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


def _marks(found: dict[str, Any]) -> Marks:
    bounds = found.get("bounds")
    return Marks(
        columns=tuple(found.get("columns", ())),
        without=tuple(found.get("without", ())),
        bounds=tuple(float(edge) for edge in bounds) if bounds else None,  # type: ignore[arg-type]
    )


def _check(found: dict[str, Any], where: str) -> None:
    known = Mapping.__dataclass_fields__
    for key, value in found.items():
        if key not in known:
            raise InvalidMapping(f"{where}: unknown entry {printable(key, most=40)!r}; expected {', '.join(known)}.")
        if key in ("columns", "categories"):
            if not isinstance(value, dict) or not all(isinstance(entry, str) for entry in value.values()):
                raise InvalidMapping(f'{where}: [{key}] should hold lines such as "as delivered" = "ours", in quotes.')
        elif key in ("key", "drop"):
            _check_names(value, f"{where}: {key}")
        elif key == "recognised_by":
            _check_marks(value, where)
        elif not isinstance(value, str):
            raise InvalidMapping(f"{where}: {key} is {value!r}; expected a text in quotes.")
    _check_columns(found, where)
    _check_groups(found, where)
    _check_readings(found, where)
    _check_identity(found, where)


def _check_columns(found: dict[str, Any], where: str) -> None:
    for canonical in found.get("columns", {}):
        if canonical not in CANONICAL:
            raise InvalidMapping(
                f"{where}: [columns] names {printable(canonical, most=40)!r}; on the left expected one of "
                f"{', '.join(CANONICAL)}, on the right the column in the file."
            )


def _check_groups(found: dict[str, Any], where: str) -> None:
    groups = {
        f"category {printable(category, most=60)!r}": group for category, group in found.get("categories", {}).items()
    }
    if "offence_group" in found:
        groups["offence_group"] = found["offence_group"]
    for entry, group in groups.items():
        if group not in CODES:
            raise InvalidMapping(
                f"{where}: {entry} goes to {printable(group, most=40)!r}, "
                f"which is not an offence group; expected one of {', '.join(sorted(CODES))}."
            )


def _check_readings(found: dict[str, str], where: str) -> None:
    def refuse(entry: str, expected: str) -> InvalidMapping:
        return InvalidMapping(f"{where}: {entry} is {printable(found[entry], most=60)!r}; expected {expected}.")

    if "time_zone" in found:
        check_zone(found["time_zone"], where=where)
    date_format = found.get("date_format", "day first")
    if date_format not in (*_DATE_ORDERS, *_EPOCHS):
        directives = set(re.findall(r"%(.)", date_format))
        if ("Y" not in directives and "y" not in directives) or directives - _DIRECTIVES:
            raise refuse(
                "date_format",
                "'day first', 'month first' or a pattern such as '%d/%m/%Y %H:%M' (or 'epoch ms', 'epoch s')",
            )
    for entry, choices in _CHOICES.items():
        if entry in found and found[entry] not in choices:
            raise refuse(entry, f"one of {', '.join(map(repr, choices))}")
    if found.get("encoding", "utf-8").lower() not in _ENCODINGS:
        raise refuse("encoding", f"one of {', '.join(_ENCODINGS)}")
    if found.get("separator", ",") not in _SEPARATORS:
        raise refuse("separator", '",", ";", "|" or "\\t" (tab)')
    if "coordinate_system" in found and not _is_system(found["coordinate_system"]):
        raise refuse("coordinate_system", "a known code such as EPSG:32643 or ESRI:102696")


def _is_system(code: str) -> bool:
    if not _SYSTEM.fullmatch(code):
        return False
    try:
        return bool(CRS.from_user_input(code).axis_info)
    except CRSError:
        return False


def _check_identity(found: dict[str, Any], where: str) -> None:
    name = found.get("name")
    if name is not None and not _NAME.fullmatch(name):
        raise InvalidMapping(
            f"{where}: name is {printable(name, most=60)!r}; expected small letters, digits, _ and -, at most 60."
        )
    if "recognised_by" in found and name is None:
        raise InvalidMapping(f'{where}: [recognised_by] makes it a layout, and a layout needs a name = "...".')


def _check_marks(value: object, where: str) -> None:
    known = Marks.__dataclass_fields__
    if not isinstance(value, dict) or set(value) - set(known) or not value.get("columns"):
        raise InvalidMapping(
            f"{where}: [recognised_by] should hold columns = [names], and may hold without = [names] and "
            "bounds = [west, south, east, north]."
        )
    for entry in ("columns", "without"):
        _check_names(value.get(entry, []), f"{where}: [recognised_by] {entry}")
    bounds = value.get("bounds")
    is_box = isinstance(bounds, list) and len(bounds) == 4 and all(type(edge) in (int, float) for edge in bounds)
    if bounds is not None and not is_box:
        raise InvalidMapping(
            f"{where}: [recognised_by] bounds is {printable(str(bounds), most=60)}; expected four numbers "
            "[west, south, east, north]."
        )


def _check_names(value: object, what: str) -> None:
    if not isinstance(value, list) or not all(isinstance(name, str) and name for name in value):
        raise InvalidMapping(f'{what} is {printable(str(value), most=60)}; expected a list such as ["name", "name"].')
