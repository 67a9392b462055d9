"""Incidents as the lake's files hold them: as `geodata.columns.INCIDENTS`, with ids as 16 bytes instead of text."""

import io
from collections.abc import Sequence
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet

from geodata.columns import INCIDENTS
from riskmap.store.lake_index import WEEK_BITS

_REPEATED = ["time_zone", "time_precision", "offence_group", "offence_code", "region_id"]
_ROW_GROUP = 262_144
_SCHEMA = {**INCIDENTS.schema, "incident_id": pl.Binary()}


def packed(incidents: pl.DataFrame) -> pl.DataFrame:
    """Incidents with their ids as bytes; half as long, and no shorter for being compressed."""
    return incidents.with_columns(pl.col("incident_id").str.decode("hex"))


def unpacked(rows: pl.DataFrame) -> pl.DataFrame:
    """Incidents with their ids as text again."""
    return rows.with_columns(pl.col("incident_id").bin.encode("hex"))


def as_parquet(rows: pa.Table) -> bytes:
    """A file of incidents whose ids are bytes already and whose texts may be dictionaries.

    Ids are random and grow no shorter; all else is compressed.
    """
    packed = [name for name in rows.column_names if name != "incident_id"]
    content = io.BytesIO()
    pyarrow.parquet.write_table(
        rows,
        content,
        row_group_size=_ROW_GROUP,
        use_dictionary=_REPEATED,
        compression={"incident_id": "NONE", **dict.fromkeys(packed, "ZSTD")},
        compression_level=dict.fromkeys(packed, 1),
        write_statistics=packed,
        store_schema=False,
    )
    return content.getvalue()


def read(paths: Sequence[Path]) -> pl.DataFrame:
    """All rows of some files of the lake, each of `INCIDENTS`.

    Files of version 0.2 hold ids as text and no region.
    """
    if not paths:
        return INCIDENTS.empty()
    try:
        return unpacked(pl.read_parquet(list(paths), schema=_SCHEMA, glob=False))
    except (pl.exceptions.SchemaError, pl.exceptions.ColumnNotFoundError):
        return pl.concat([INCIDENTS.empty(), *map(_read_one, paths)])


def find(paths: Sequence[Path], heads: pl.Series) -> pl.DataFrame:
    """Rows whose id begins like one of the heads (see `lake_index.heads_of`), with their file's ``path``."""
    texts = [str(path) for path in paths]
    try:
        rows = pl.scan_parquet(texts, schema=_SCHEMA, glob=False, include_file_paths="path")
        return unpacked(rows.filter(_head().is_in(heads.implode())).collect())
    except (pl.exceptions.SchemaError, pl.exceptions.ColumnNotFoundError):
        every = pl.concat([read([path]).with_columns(path=pl.lit(str(path))) for path in paths])
        return unpacked(packed(every).filter(_head().is_in(heads.implode())))


def _head() -> pl.Expr:
    first = pl.col("incident_id").bin.slice(0, 8).bin.reinterpret(dtype=pl.UInt64, endianness="big")
    return first // (1 << int(WEEK_BITS))


def _read_one(path: Path) -> pl.DataFrame:
    rows = pl.read_parquet(path, glob=False)
    if rows.schema["incident_id"] == pl.Binary():
        rows = unpacked(rows)
    if "region_id" not in rows.columns:
        rows = rows.with_columns(region_id=pl.lit(None, dtype=pl.String))
    return INCIDENTS.checked(rows)
