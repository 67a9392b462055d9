"""Layouts of publishers: those that come with the program, those of an operator's folder, and which one a file has."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path

import polars as pl

from geodata.column_names import GEOMETRY, plain, printable
from geodata.coordinates import as_numbers
from geodata.errors import InvalidMapping, UnexpectedColumns
from geodata.mapping import Mapping
from geodata.rows import Rows

_LOOKED_AT = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognised:
    """The layout of a file, the table in it that has that layout, and the columns it was known by."""

    layout: Mapping
    table: Rows
    by_columns: tuple[str, ...]


@cache
def shipped() -> tuple[Mapping, ...]:
    """The layouts that come with the program, by name."""
    folder = files("geodata").joinpath("layouts")
    found = [
        Mapping.parse(entry.read_text(encoding="utf-8"), where=entry.name)
        for entry in folder.iterdir()
        if entry.name.endswith(".toml")
    ]
    return tuple(sorted(found, key=lambda layout: layout.name or ""))


def with_those_of(folder: Path) -> tuple[Mapping, ...]:
    """The layouts of an operator's folder, then the shipped ones; a name of the operator's replaces a shipped one.

    Raises
    ------
    InvalidMapping
        If a file there is no layout, or two have the same name.
    """
    own: dict[str, Mapping] = {}
    for path in sorted(folder.glob("*.toml")) if folder.is_dir() else []:
        layout = Mapping.read(path)
        if layout.name is None or layout.recognised_by is None:
            raise InvalidMapping(
                f"{path.name} in the folder layouts has no name or no [recognised_by]; a layout needs both. Complete "
                "it, or keep it elsewhere and give it with --mapping FILE."
            )
        if layout.name in own:
            raise InvalidMapping(f"{path.name}: another file of the folder layouts is named {layout.name!r} already.")
        own[layout.name] = layout
    return (*own.values(), *(layout for layout in shipped() if layout.name not in own))


def chosen(wanted: str, layouts: Sequence[Mapping]) -> Mapping:
    """The layout of a name, or of a file.

    Raises
    ------
    InvalidMapping
        If there is neither, or the file is no layout.
    """
    by_name = {layout.name: layout for layout in layouts}
    if wanted in by_name:
        return by_name[wanted]
    if not wanted.endswith(".toml"):
        known = ", ".join(sorted(name for name in by_name if name))
        raise InvalidMapping(
            f"No layout is named {printable(wanted, most=60)!r}; expected one of {known}, or the path of a .toml file."
        )
    return Mapping.read(Path(wanted))


def recognise(tables: Sequence[Rows], layouts: Sequence[Mapping], *, file_name: str) -> Recognised | None:
    """The layout that fits one of a file's tables; None where none does.

    Of several that fit, the one known by the most columns is taken; of equals, the earlier one.

    Raises
    ------
    UnexpectedColumns
        If a layout fits several tables of the file and does not say which it means.
    """
    fitting = []
    for layout in layouts:
        marks = layout.recognised_by
        if marks is None:
            continue
        answering = [table for table in tables if _fits(table, layout)]
        if len(answering) > 1:
            raise UnexpectedColumns(
                f"{file_name}: {len(answering)} of its tables have the layout {layout.name}: "
                f"{', '.join(printable(table.part or '', most=40) for table in answering[:10])}; expected one. Say "
                'which with --mapping FILE, a file with the line sheet = "name".'
            )
        fitting += [Recognised(layout=layout, table=table, by_columns=marks.columns) for table in answering]
    return max(fitting, key=lambda found: len(found.by_columns), default=None)


def _fits(table: Rows, layout: Mapping) -> bool:
    marks = layout.recognised_by
    assert marks is not None  # noqa: S101 (tells the type checker)
    if layout.sheet is not None and layout.sheet != table.part:
        return False
    names = {plain(name) for name in table.columns}
    if not {plain(name) for name in marks.columns} <= names or {plain(name) for name in marks.without} & names:
        return False
    return marks.bounds is None or _is_inside(table, layout, marks.bounds)


def _is_inside(table: Rows, layout: Mapping, bounds: tuple[float, float, float, float]) -> bool:
    """Whether the middle of the first places lies within bounds; a file without places cannot say."""
    by_plain = {plain(name): name for name in table.columns}
    named = [layout.columns.get("x") or layout.columns.get("lng"), layout.columns.get("y") or layout.columns.get("lat")]
    columns = [by_plain.get(plain(name)) if name else own for name, own in zip(named, GEOMETRY, strict=True)]
    if None in columns or not set(columns) <= set(table.columns):
        return False
    first = next(table.frames(_LOOKED_AT, [name for name in columns if name]), None)
    if first is None:
        return False
    places = pl.DataFrame(
        {axis: as_numbers(first[name], layout.decimal) for axis, name in zip("xy", columns, strict=True) if name}
    )
    placed = places.filter(pl.all_horizontal(pl.col("x", "y").is_finite() & (pl.col("x", "y") != 0)))
    if placed.is_empty():
        return False
    x, y = placed["x"].median(), placed["y"].median()
    west, south, east, north = bounds
    return bool(west <= float(x) <= east and south <= float(y) <= north)  # type: ignore[arg-type]
