"""Files of places other than incidents: only the columns asked for are ever read, known by their names.

What is not asked for (a name, a house number, a plate) is left in the file: it never becomes a value here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import shapely
from pyproj.exceptions import CRSError

from geodata import readers
from geodata.column_names import GEOMETRY, PLACE_COLUMNS, plain, printable, shown
from geodata.column_names import NAMES as INCIDENT_NAMES
from geodata.coordinates import WGS84, read_places
from geodata.errors import UnexpectedColumns, UnreadableFile
from geodata.rows import LINE, RAGGED, Rows

Names = Mapping[str, tuple[str, ...]]
"""Canonical name → names it has in the world, best first."""

LAT = (*INCIDENT_NAMES["lat"][0], "y")
LNG = (*INCIDENT_NAMES["lng"][0], "x")
BATCH_ROWS = 200_000


@dataclass(frozen=True, slots=True, kw_only=True)
class RecognisedTable:
    """One table of a file, and which of its columns is which."""

    path: Path
    rows: Rows
    layout: dict[str, str]

    @property
    def has_place(self) -> bool:
        return {"lat", "lng"} <= set(self.layout) or {"x", "y"} <= set(self.layout)

    def frames(self) -> Iterator[pl.DataFrame]:
        """The rows in order, in batches: recognised columns under their canonical names, `LINE` and `RAGGED`."""
        wanted = list(dict.fromkeys(self.layout.values()))
        for frame in self.rows.frames(BATCH_ROWS, wanted):
            yield frame.select(*(pl.col(own).alias(name) for name, own in self.layout.items()), LINE, RAGGED)

    def places(self, frame: pl.DataFrame, outline: shapely.Geometry | None) -> pl.DataFrame:
        """Place of each row of a batch, as `geodata.coordinates.read_places`.

        Raises
        ------
        UnreadableFile
            If the file names a coordinate system that is not known.
        """
        layout: dict[str, str] = {name: name for name in PLACE_COLUMNS if name in self.layout}
        try:
            return read_places(frame, layout, outline, coordinate_system=self.rows.coordinate_system or WGS84)
        except CRSError:
            raise UnreadableFile(
                f"{self.path.name}: its coordinate system {printable(str(self.rows.coordinate_system), most=60)!r} is "
                "not known. Export it in WGS84 (EPSG:4326)."
            ) from None


def open_recognised(path: Path, names: Names) -> RecognisedTable:
    """The one table of a file, with those of ``names`` and the place that it has.

    A file with geometry has its place there; else columns of latitude and longitude in degrees, or ``X`` and ``Y``,
    are looked for.

    Raises
    ------
    UnreadableFile
        If the file as a whole cannot be read, or has several tables.
    UnexpectedColumns
        If two columns bear the same name.
    """
    tables = readers.open_tables(path)
    if len(tables) != 1:
        parts = shown([str(table.part) for table in tables], most=8)
        raise UnreadableFile(f"{path.name} has {len(tables)} tables ({parts}); expected one. Export it alone.")
    table = tables[0]
    layout = {name: own for name, known in names.items() if (own := _column(table.columns, known, path))}
    if set(GEOMETRY) <= set(table.columns):
        layout |= {"x": GEOMETRY[0], "y": GEOMETRY[1]}
    else:
        place = {"lat": _column(table.columns, LAT, path), "lng": _column(table.columns, LNG, path)}
        layout |= {name: own for name, own in place.items() if own}
    return RecognisedTable(path=path, rows=table, layout=layout)


def refuse_without_place(table: RecognisedTable, what: str) -> None:
    """Raise `UnexpectedColumns` where a table does not say where its rows are; ``what`` they are is for the message."""
    if not table.has_place:
        raise UnexpectedColumns(
            f"{table.path.name} has no place for its {what}; found columns {shown(table.rows.columns)}. Expected lat "
            "and lng in degrees, or points. Name them so, or export points."
        )


def _column(columns: tuple[str, ...], known: tuple[str, ...], path: Path) -> str | None:
    for name in known:
        fitting = [own for own in columns if own not in GEOMETRY and plain(own) == plain(name)]
        if len(fitting) > 1:
            raise UnexpectedColumns(
                f"{path.name} has {len(fitting)} columns named {printable(fitting[0], most=40)!r}; expected one. "
                "Remove or rename the others."
            )
        if fitting:
            return fitting[0]
    return None
