"""What every reader of deliveries offers: named columns, their rows in batches, and two columns of ours beside them."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import polars as pl
from pyproj import CRS, Transformer
from pyproj.exceptions import ProjError

from geodata.archives import Place
from geodata.column_names import GEOMETRY, printable
from geodata.errors import UnreadableFile

LINE = "line"
"""Line on which the row starts (CSV, the header's included; a workbook's row) or number of the row, from 1."""
RAGGED = "ragged"
"""Raw text of a row that does not fit the header; missing for all others, whose fields are then filled."""

_OURS = (LINE, RAGGED)


class Rows(Protocol):
    """One table of a delivery: a text, a Parquet file, a sheet, a layer, a list of features."""

    @property
    def kind(self) -> str:
        """``csv``, ``parquet``, ``workbook``, ``features`` or ``layer``."""
        ...

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns as handed out, in order."""
        ...

    @property
    def part(self) -> str | None:
        """Name of the sheet or layer, where the file has such."""
        ...

    @property
    def coordinate_system(self) -> str | None:
        """Coordinate system of the geometry, where the file says one."""
        ...

    def frames(self, rows: int, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        """The rows in order, in batches: the columns asked for, `LINE` and `RAGGED`."""
        ...


def handed_out(names: Sequence[str], *, with_geometry: bool = False) -> tuple[str, ...]:
    """Names of a file's columns with those set apart that are ours; geometry stands last as two columns of points."""
    taken = (*_OURS, *GEOMETRY) if with_geometry else _OURS
    own = tuple(f"{name} (delivered)" if name in taken else name for name in names)
    return (*own, *GEOMETRY) if with_geometry else own


def known_system(path: Place, system: str | None) -> str | None:
    """A coordinate system that a file names, once it is sure that its coordinates can be turned into degrees.

    Raises
    ------
    UnreadableFile
        If it is none, or one of another planet.
    """
    if system is not None:
        try:
            Transformer.from_crs(CRS.from_user_input(system), 4326, always_xy=True)
        except ProjError:
            raise UnreadableFile(
                f"{path.name}: its coordinate system {printable(system, most=60)!r} is not understood; expected a code "
                "such as urn:ogc:def:crs:EPSG::4326. Export it in WGS84."
            ) from None
    return system


def refuse_empty(path: Place, height: int) -> None:
    """Raise `UnreadableFile` where a table has columns but no rows."""
    if height == 0:
        raise UnreadableFile(f"{path.name} holds no rows; expected one row for each incident. Export it again.")
