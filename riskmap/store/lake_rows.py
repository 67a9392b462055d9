"""Incidents as the lake's files hold them: as `geodata.columns.INCIDENTS`, with ids as 16 bytes instead of text."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from geodata.columns import INCIDENTS
from riskmap.store.lake_index import WEEK_BITS

_SCHEMA = {**INCIDENTS.schema, "incident_id": pl.Binary()}


def packed(incidents: pl.DataFrame) -> pl.DataFrame:
    """Incidents with their ids as bytes; half as long, and no shorter for being compressed."""
    return incidents.with_columns(pl.col("incident_id").str.decode("hex"))


def unpacked(rows: pl.DataFrame) -> pl.DataFrame:
    """Incidents with their ids as text again."""
    return rows.with_columns(pl.col("incident_id").bin.encode("hex"))


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
