"""Score runs on disk: one Parquet file each, which the SQL catalogue names by its content.

Hotspot marks and reasons are further columns of the same file, so that a run is whole or not there at all. Files
written before there were any lack these columns.
"""

import hashlib
import io
import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import sqlalchemy as sa

from geodata.columns import CELL_REASONS, EXPECTED_INCIDENTS, HOTSPOT_MARKS, Table
from riskmap.disk import replace_synced, safe_name, writing_to
from riskmap.errors import DamagedStore
from riskmap.ports import ScoreRun
from riskmap.store.database import reading
from riskmap.store.sql_store import SqlScoreRuns, SqlUnitOfWork

_RUN_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_TRIES = 5
_MARK_KEYS = ("area_id", "offence_group")
_MARKS = [name for name in HOTSPOT_MARKS.schema if name not in _MARK_KEYS]
_REASONS = "reasons"


class ParquetScores:
    """Score runs below one data folder; see `riskmap.ports.ScoreShelf`."""

    def __init__(self, data: Path, engine: sa.Engine) -> None:
        self._data = data
        self._engine = engine

    def save(
        self,
        run: ScoreRun,
        expected: pl.DataFrame,
        marks: pl.DataFrame | None = None,
        reasons: pl.DataFrame | None = None,
    ) -> ScoreRun:
        """Keep a run and its frames; returns the run with its file. The same id replaces the earlier run.

        Raises
        ------
        ValueError
            If the id cannot name a file.
        CannotWrite
            If the file cannot be written.
        """
        if not _RUN_ID.fullmatch(run.run_id):
            raise ValueError(f"{run.run_id[:80]!r} cannot identify a score run; use 1 to 64 of A-Z a-z 0-9 _ -.")
        packed = io.BytesIO()
        whole = _beside(_beside(EXPECTED_INCIDENTS.checked(expected), HOTSPOT_MARKS, marks), CELL_REASONS, reasons)
        whole.write_parquet(packed, compression="zstd")
        content = packed.getvalue()
        sha256 = hashlib.sha256(content).hexdigest()
        kept = replace(run, path=f"scores/{safe_name(run.territory)}/{run.run_id}.{sha256[:12]}.parquet", sha256=sha256)
        path = self._data / kept.path
        with writing_to(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_synced(path, content)
        with SqlUnitOfWork(self._engine) as work:
            work.score_runs.save(kept)
            work.commit()
        with writing_to(path):
            for earlier in path.parent.glob(f"{run.run_id}.*.parquet"):
                if earlier != path:
                    earlier.unlink(missing_ok=True)
        return kept

    def latest(self, territory: str) -> tuple[ScoreRun, pl.DataFrame] | None:
        """The run created last and its frame; None where nothing has been scored.

        Raises
        ------
        DamagedStore
            If its file is missing or changed.
        """
        found = self._read_latest(territory)
        return (found[0], EXPECTED_INCIDENTS.checked(found[1])) if found else None

    def latest_marked(self, territory: str) -> tuple[ScoreRun, pl.DataFrame, pl.DataFrame | None] | None:
        """The same with its hotspot marks, by group and cell; None in their place where the run has none.

        Raises
        ------
        DamagedStore
            If its file is missing or changed.
        """
        found = self._read_latest(territory)
        return (found[0], EXPECTED_INCIDENTS.checked(found[1]), _marks_of(found[1])) if found else None

    def reasons(self, run: ScoreRun, group: str) -> pl.DataFrame | None:
        """Reasons of a run's cells for one offence group, as `CELL_REASONS`; None where the run has none.

        None also where a newer file has taken the place of the run's since it was read.
        """
        path = self._data / run.path
        content = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(content).hexdigest() != run.sha256:
            return None
        if _REASONS not in pl.read_parquet_schema(io.BytesIO(content)):
            return None
        told = pl.read_parquet(io.BytesIO(content), columns=[*_MARK_KEYS, _REASONS])
        own = told.filter(pl.col("offence_group") == group, pl.col(_REASONS).is_not_null())
        return CELL_REASONS.checked(own.unique(_MARK_KEYS, keep="first", maintain_order=True))

    def _read_latest(self, territory: str) -> tuple[ScoreRun, pl.DataFrame] | None:
        run = self._newest(territory)
        for _ in range(_TRIES):
            if run is None:
                return None
            path = self._data / run.path
            content = path.read_bytes() if path.exists() else b""
            if hashlib.sha256(content).hexdigest() == run.sha256:
                return run, pl.read_parquet(io.BytesIO(content))
            # A newer file under the same id may have taken its place since the catalogue was asked.
            before, run = run, self._newest(territory)
            if run == before:
                break
        raise DamagedStore(f"The score file of {territory} is missing or changed. Score it again.")

    def _newest(self, territory: str) -> ScoreRun | None:
        with reading(self._engine) as connection:
            return SqlScoreRuns(connection).latest(territory)


def _beside(expected: pl.DataFrame, table: Table, told: pl.DataFrame | None) -> pl.DataFrame:
    """One frame for the file: marks, and reasons, stand beside the cells they speak of."""
    if told is None:
        return expected
    beside = table.checked(told).with_columns(pl.lit("cell").alias("area_kind"))
    return expected.join(beside, on=["area_kind", *_MARK_KEYS], how="left", validate="m:1", maintain_order="left")


def _marks_of(packed: pl.DataFrame) -> pl.DataFrame | None:
    if not set(_MARKS) <= set(packed.columns):
        return None
    # A cell has a line for each horizon; its marks are the same in all of them.
    told = packed.filter(pl.col("is_repeat_place").is_not_null()).unique(_MARK_KEYS, keep="first", maintain_order=True)
    return HOTSPOT_MARKS.checked(told)
