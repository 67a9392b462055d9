"""Which column of a delivery is which: by name, or as a mapping or layout says (`geodata.mapping`)."""

from collections.abc import Sequence

from geodata.column_names import (
    CANONICAL,
    DATE_PARTS,
    GEOMETRY,
    NAMES,
    PLACE_COLUMNS,
    PLAIN_NAMES,
    is_month_name,
    plain,
    printable,
    shown,
)
from geodata.draft_layout import draft_of
from geodata.errors import UnexpectedColumns
from geodata.mapping import Mapping, check_zone

__all__ = [
    "NAMES",
    "Layout",
    "Mapping",
    "check_zone",
    "find_columns",
    "has_place",
    "is_month_name",
    "printable",
    "shown",
]

Layout = dict[str, str]
"""Canonical name → column in the file."""

_PROJECTED = {"x", "y", "xcoord", "ycoord", "xcoordinate", "ycoordinate", "easting", "northing"}


def find_columns(names: Sequence[str], mapping: Mapping | None, *, file_name: str) -> Layout:
    """Say which of a file's columns stands for which canonical one.

    Raises
    ------
    UnexpectedColumns
        If a needed column is missing or doubled: the message names what was found and what would be understood.
    """
    _refuse_doubled(names, mapping, file_name)
    given = mapping.columns if mapping else {}
    is_complete = mapping is not None and mapping.name is not None
    layout = {}
    for canonical in CANONICAL:
        if canonical in given:
            found = _as_mapped(names, canonical, given[canonical], file_name)
        elif is_complete:
            # A layout says everything; a column that only sounds right is none of its own.
            found = None
        else:
            found = _by_name(names, canonical, file_name)
        if found is not None:
            layout[canonical] = found
    layout = _with_one_place(layout, given, names)
    layout = _with_one_time(layout, given, names)
    _refuse_incomplete(layout, mapping, names, file_name)
    return layout


def has_place(layout: Layout) -> bool:
    """Whether a file tells where anything happened."""
    return "lat" in layout or "x" in layout


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
    close = [name for name in names if plain(name) == plain(wanted)]
    if len(close) == 1:
        return close[0]
    raise UnexpectedColumns(
        f"{file_name}: the mapping names column {printable(wanted, most=40)!r} for {canonical}, which is not in the "
        f"file. Found: {shown(names)}. Correct the mapping file."
    )


def _by_name(names: Sequence[str], canonical: str, file_name: str) -> str | None:
    for tier in PLAIN_NAMES[canonical]:
        answering = [name for name in names if plain(name) in tier]
        exact = [name for name in answering if plain(name) == plain(canonical)]
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


def _with_one_place(layout: Layout, given: dict[str, str], names: Sequence[str]) -> Layout:
    """Settle what says the place: what is given, else geometry, else latitude and longitude."""
    is_given = any(name in given for name in PLACE_COLUMNS)
    if not is_given and set(GEOMETRY) <= set(names):
        rest = {name: column for name, column in layout.items() if name not in ("lat", "lng")}
        return {**rest, "x": GEOMETRY[0], "y": GEOMETRY[1]}
    if "x" in layout and "y" in layout:
        return {name: column for name, column in layout.items() if name not in ("lat", "lng")}
    return layout


def _with_one_time(layout: Layout, given: dict[str, str], names: Sequence[str]) -> Layout:
    """Settle what says the time."""
    if "year" in layout:
        return {name: column for name, column in layout.items() if name not in ("occurred_at", "date", "time")}
    layout = {name: column for name, column in layout.items() if name not in DATE_PARTS}
    has_year = any(plain(name) in ("year", "год", "жыл") for name in names)
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
    return layout


def _refuse_incomplete(layout: Layout, mapping: Mapping | None, names: Sequence[str], file_name: str) -> None:
    given = mapping.columns if mapping else {}
    missing = []
    if not {"occurred_at", "date", "occurred_from", "year"} & layout.keys():
        missing.append("occurred_at (or date, or occurred_from, or year)")
    says_no_place = any(given.get(name) == "" for name in PLACE_COLUMNS) and not set(PLACE_COLUMNS) & layout.keys()
    if not says_no_place and "x" not in layout:
        missing += [name for name in ("lat", "lng") if name not in layout]
    elif "x" in layout and "y" not in layout:
        missing.append("y")
    if not missing:
        return
    is_projected = any(plain(name) in _PROJECTED for name in names) and "lat" in missing
    hint = " x and y in metres or feet are read where a layout says their coordinate_system." if is_projected else ""
    raise UnexpectedColumns(
        f"{file_name}: no column found for {', '.join(missing)}. Found: {shown(names) or 'none'}. Expected names "
        f"such as occurred_at, category, lat, lng (дата, категория, широта, долгота).{hint} Complete this draft and "
        f"give it with --mapping FILE, or put it into the folder layouts of the installation:\n"
        f"{draft_of(names, layout, mapping=mapping, most=8)}"
    )
