"""A draft layout for a file that no layout fits: what is known filled in, what a person has to say left to complete."""

import re
from collections.abc import Mapping as Dictionary
from collections.abc import Sequence

from geodata.column_names import DATE_PARTS, GEOMETRY, PLACE_COLUMNS, TIME_COLUMNS, plain, printable
from geodata.mapping import Mapping

_TO_COMPLETE = "…"
_PARTS = {"year": "year", "month": "month", "day": "day", "hour": "hour", "minute": "minute"}
_PROJECTED = {
    "x": ("x", "xcoord", "xcoordinate", "easting"),
    "y": ("y", "ycoord", "ycoordinate", "northing"),
}
_CODE = re.compile(r"[A-Z]+:[0-9]+")
_READINGS = ("time_zone", "date_format", "coordinate_system", "encoding", "separator", "sheet")


def draft_of(
    names: Sequence[str],
    columns: Dictionary[str, str],
    *,
    mapping: Mapping | None = None,
    readings: Dictionary[str, str] | None = None,
    name: str = "my_publisher",
    most: int = 60,
) -> str:
    """A TOML text to complete.

    Parameters
    ----------
    names : columns of the file
    columns : canonical name → column, as far as they were found
    readings : entries such as ``encoding`` or ``separator`` as they were found; a ``coordinate_system`` that is no
        code is one the file describes itself, which no layout has to repeat
    most : how many columns are listed; the rest is counted
    """
    known = {**columns, **_guessed(names, columns)}
    lines = [f'name = "{name}"']
    told = {**(readings or {}), **{key: value for key in _READINGS if mapping and (value := getattr(mapping, key))}}
    system = told.pop("coordinate_system", None)
    lines += [f"{key} = {quoted(value)}" for key, value in told.items()]
    lines += _system_line(known, system, is_file_known=readings is not None)
    lines += ["", "[recognised_by]", f"columns = {_listed(names, most)}", "", "[columns]"]
    lines += [f"{canonical} = {quoted(column)}" for canonical, column in known.items()]
    lines += [f'{canonical} = "{_TO_COMPLETE}"  # {hint}' for canonical, hint in _wanted(known)]
    used = set(known.values())
    spare = [column for column in names if column not in used]
    if spare:
        shown = ", ".join(printable(column, most=40) for column in spare[:most])
        lines.append(f"# not used: {shown}" + (f" and {len(spare) - most} more" if len(spare) > most else ""))
    return "\n".join(lines)


def quoted(text: str) -> str:
    """A text as a TOML string on one line, at most 100 characters."""
    signs = {'"': '\\"', "\\": "\\\\", "\t": "\\t"}
    return '"' + "".join(signs.get(sign, sign) for sign in (text if text == "\t" else printable(text, most=100))) + '"'


def _system_line(known: Dictionary[str, str], system: str | None, *, is_file_known: bool) -> list[str]:
    if system is not None and _CODE.fullmatch(system):
        return [f"coordinate_system = {quoted(system)}"]
    if system is not None:
        return ["# coordinate_system: the file describes it"]
    if "x" not in known:
        return []
    # A file of shapes mostly names its own; where nothing is known of it, nobody should be made to guess.
    is_own = known["x"] == GEOMETRY[0] and not is_file_known
    return [f'{"# " if is_own else ""}coordinate_system = "{_TO_COMPLETE}"  # such as EPSG:32643']


def _listed(names: Sequence[str], most: int) -> str:
    return "[" + ", ".join(quoted(name) for name in names[:most]) + "]"


def _guessed(names: Sequence[str], columns: Dictionary[str, str]) -> dict[str, str]:
    """Columns that would be too bold to read by themselves, but make a good draft."""
    by_plain = {plain(name): name for name in names}
    guessed = {}
    if not set(TIME_COLUMNS) & columns.keys() and "year" in by_plain and "month" in by_plain:
        guessed = {part: by_plain[word] for part, word in _PARTS.items() if word in by_plain}
    if not set(PLACE_COLUMNS) & columns.keys():
        for canonical, words in _PROJECTED.items():
            found = next((by_plain[word] for word in words if word in by_plain), None)
            if found is not None:
                guessed[canonical] = found
    return guessed


def _wanted(known: Dictionary[str, str]) -> list[tuple[str, str]]:
    wanted = []
    if not set(TIME_COLUMNS) & (known.keys() - set(DATE_PARTS[1:])):
        wanted.append(("occurred_at", "the column of dates, or of dates and times"))
    if not set(PLACE_COLUMNS) & known.keys():
        wanted += [("lat", 'latitude; "" where the file has no coordinates'), ("lng", "longitude")]
    else:
        pairs = {"lat": "lng", "lng": "lat", "x": "y", "y": "x"}
        wanted += [
            (pairs[name], "the other coordinate") for name in pairs if name in known and pairs[name] not in known
        ]
    if "category" not in known:
        wanted.append(("category", "the kind of offence; leave this line out where there is none"))
    return wanted
