"""Rows of one layer of points: of a GeoPackage, or of a shapefile in a ZIP archive."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import polars as pl
import pyarrow as pa
import pyogrio
import shapely
from pyogrio.errors import DataLayerError, DataSourceError

from geodata.archives import Stamp, require_unchanged, stamp
from geodata.column_names import GEOMETRY, printable
from geodata.errors import UnreadableFile
from geodata.parquet_rows import as_frame, is_plain
from geodata.rows import handed_out, known_system

_CHUNK_BYTES = 1 << 20
_OVERLAP_BYTES = 4_096
_COMPUTED = re.compile(
    rb"CREATE\s+(?:TEMP\w*\s+)?VIEW\b|CREATE\s+TABLE\b[^\x00-\x08]{0,2000}?\bGENERATED\s+ALWAYS\b|"
    rb"CREATE\s+TABLE\b[^\x00-\x08]{0,2000}?\bAS\s*\(",
    re.IGNORECASE,
)
"""Statements by which a database computes what it hands out, for as long and as large as it likes."""

_POINTS = (None, "Unknown", "Point", "Point Z", "Point M", "Point ZM", "2.5D Point")


@dataclass(frozen=True, slots=True, kw_only=True)
class LayerRows:
    """An opened layer; ``target`` is what GDAL opens."""

    path: Path
    target: str
    part: str
    names: tuple[str, ...]
    has_geometry: bool
    coordinate_system: str | None
    kind: str = "layer"
    stamp: Stamp | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return handed_out(self.names, with_geometry=self.has_geometry)

    def frames(self, rows: int, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
        renamed = dict(zip(self.names, self.columns, strict=False))
        wanted = [name for name in self.names if renamed[name] in columns]
        is_placed = self.has_geometry and any(name in columns for name in GEOMETRY)
        first = 1
        with _as_unreadable(self.path):
            source = pyogrio.raw.open_arrow(
                self.target,
                layer=self.part,
                columns=wanted,
                read_geometry=is_placed,
                batch_size=rows,
                use_pyarrow=True,
            )
            with source as (meta, reader):
                geometry = meta["geometry_name"] or "wkb_geometry"
                for batch in reader:
                    own = [(name, batch.column(name)) for name in wanted]
                    points = _points(batch.column(geometry)) if is_placed else []
                    named = [*((renamed[name], column) for name, column in own), *points]
                    kept = [(name, column) for name, column in named if name in columns]
                    table = pa.RecordBatch.from_arrays([column for _, column in kept], names=[name for name, _ in kept])
                    yield as_frame(table, table.schema.names, first_line=first)
                    first += batch.num_rows
        require_unchanged(self.path, self.stamp)


def open_geopackage(path: Path) -> list[LayerRows]:
    """The layers of points of a GeoPackage.

    Raises
    ------
    UnreadableFile
        If it is damaged, has no such layer, or has views or computed columns.
    """
    _refuse_computed(path)
    return _layers(path, str(path.resolve()))


def _refuse_computed(path: Path) -> None:
    """Refuse views and computed columns: one that never ends cannot be stopped once it is read."""
    held = b""
    with _as_unreadable(path), path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            # A text of two bytes a sign is found without its zeros.
            held = held[-_OVERLAP_BYTES:] + chunk
            if _COMPUTED.search(held) or _COMPUTED.search(held.replace(b"\0", b"")):
                raise UnreadableFile(
                    f"{path.name} has a view or a computed column; expected tables. Export the layer of incidents "
                    "into a GeoPackage of its own."
                )


def open_shapefiles(path: Path, members: Sequence[str]) -> list[LayerRows]:
    """The shapefiles of points in a ZIP archive; other files in it are left aside.

    Parameters
    ----------
    members : names of the files inside, as `archives.checked_members` says

    Raises
    ------
    UnreadableFile
        If it holds no shapefile of points.
    """
    shapes = [name for name in members if name.lower().endswith(".shp") and not name.startswith("__MACOSX/")]
    if not shapes:
        held = ", ".join(printable(name, most=40) for name in members[:10])
        raise UnreadableFile(
            f"{path.name} is a ZIP archive without a shapefile; it holds {held or 'nothing'}. Unpack it and deliver "
            "the file of incidents."
        )
    for name in shapes:
        stem = str(PurePosixPath(name).with_suffix("")).casefold()
        lacking = [end for end in (".dbf", ".shx") if f"{stem}{end}" not in {other.casefold() for other in members}]
        if lacking:
            raise UnreadableFile(
                f"{path.name}: {printable(name, most=60)} stands without its {' and '.join(lacking)}; a shapefile "
                "needs all three. Pack it again."
            )
    return [layer for name in shapes for layer in _layers(path, f"/vsizip/{{{path.resolve()}}}/{name}")]


def _layers(path: Path, target: str) -> list[LayerRows]:
    found, others = [], []
    before = stamp(path)
    with _as_unreadable(path):
        for name, kind in pyogrio.list_layers(target):
            if kind not in _POINTS:
                others.append(f"{printable(str(name), most=40)} ({kind})")
                continue
            with pyogrio.raw.open_arrow(target, layer=name, batch_size=1, use_pyarrow=True) as (meta, reader):
                plain = {field.name for field in reader.schema if is_plain(field.type)}
            found.append(
                LayerRows(
                    path=path,
                    target=target,
                    part=str(name),
                    names=tuple(field for field in meta["fields"] if field in plain),
                    has_geometry=kind is not None,
                    coordinate_system=known_system(path, meta["crs"]),
                    stamp=before,
                )
            )
    if not found:
        raise UnreadableFile(
            f"{path.name} has no layer of points; found {', '.join(others) or 'none'}. Expected one point for each "
            "incident."
        )
    return found


def _points(geometry: pa.Array) -> list[tuple[str, pa.Array]]:
    shapes = shapely.from_wkb(geometry.to_numpy(zero_copy_only=False), on_invalid="ignore")
    # An empty point has no coordinates to ask for.
    shapes[shapely.is_empty(shapes)] = None
    return [
        (name, pa.array(values, type=pa.float64(), from_pandas=True))
        for name, values in zip(GEOMETRY, (shapely.get_x(shapes), shapely.get_y(shapes)), strict=True)
    ]


@contextmanager
def _as_unreadable(path: Path) -> Iterator[None]:
    try:
        yield
    except (DataSourceError, DataLayerError, pa.ArrowException, pl.exceptions.PolarsError, OSError) as trouble:
        raise UnreadableFile(
            f"{path.name} is a damaged GeoPackage or shapefile ({printable(str(trouble), most=120)}). Copy or export "
            "it again."
        ) from None
