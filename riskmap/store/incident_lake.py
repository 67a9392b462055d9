"""The incident lake: accepted incidents as Parquet by ISO week, and the rows set aside.

Files are written to a staging folder and moved into place just before the SQL catalogue names them; until then, and
after the catalogue strikes them out, no reader sees them. What a killed delivery leaves is swept by the next one.
The layout below the data folder::

    lake/<territory>/<yyyy-Www>/<delivery_id>.parquet
    quarantine/<territory>/<delivery_id>.parquet
    staging/<territory>.<token>/
    locks/<territory>.lock
"""

import fcntl
import hashlib
import io
import logging
import secrets
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

import polars as pl
import pyarrow.parquet
import sqlalchemy as sa

from geodata.columns import INCIDENTS, QUARANTINE
from riskmap.disk import safe_name, sha256_of, sync_folders, write_synced, writing_to
from riskmap.errors import DamagedStore, StoreBusy
from riskmap.ports import DeliveryStatus, LakeFile
from riskmap.store.database import reading
from riskmap.store.sql_store import SqlDeliveries, SqlLakeFiles

WAIT_S = 30.0
"""How long a delivery waits for another one to the same territory before it is told."""

_LOOK_EVERY_S = 0.05
_TRIES = 20
_Read = TypeVar("_Read")
_log = logging.getLogger(__name__)


class ParquetStaging:
    """A delivery's files before they count; see `riskmap.ports.Staging`."""

    def __init__(self, data: Path, folder: Path, territory: str, delivery_id: str) -> None:
        self._data = data
        self._folder = folder
        self._territory = territory
        self._delivery_id = delivery_id
        self._moves: dict[Path, Path] = {}
        self._aside: pyarrow.parquet.ParquetWriter | None = None

    def set_aside(self, quarantined: pl.DataFrame) -> None:
        rows = QUARANTINE.checked(quarantined)
        if rows.is_empty():
            return
        with writing_to(self._folder):
            table = rows.to_arrow(compat_level=pl.CompatLevel.oldest())
            if self._aside is None:
                staged = self._folder / "quarantine.parquet"
                self._aside = pyarrow.parquet.ParquetWriter(staged, table.schema, compression="zstd")
                self._moves[staged] = _quarantine_path(self._data, self._territory, self._delivery_id)
            self._aside.write_table(table)

    def keep(self, incidents: pl.DataFrame) -> list[LakeFile]:
        week = pl.col("occurred_on").dt.strftime("%G-W%V").alias("week")
        by_week = (
            INCIDENTS.checked(incidents)
            .with_columns(week)
            .sort("week", "occurred_from", "incident_id")
            .partition_by("week", as_dict=True, include_key=False, maintain_order=True)
        )
        with writing_to(self._folder):
            return [self._keep_week(str(name), rows) for (name,), rows in by_week.items()]

    def move_into_place(self) -> None:
        self.close()
        with writing_to(self._data):
            for staged, place in self._moves.items():
                place.parent.mkdir(parents=True, exist_ok=True)
                staged.replace(place)
            folders = {place.parent for place in self._moves.values()}
            # A new week's folder is a name in its territory's folder, and so on up.
            sync_folders(sorted(folders | {folder.parent for folder in folders}))

    def close(self) -> None:
        if self._aside is not None:
            with writing_to(self._folder):
                self._aside.close()
            self._aside = None

    def _keep_week(self, week: str, rows: pl.DataFrame) -> LakeFile:
        packed = io.BytesIO()
        rows.write_parquet(packed, compression="zstd")
        content = packed.getvalue()
        staged = self._folder / f"{week}.parquet"
        write_synced(staged, content)
        path = f"{self._territory}/{week}/{self._delivery_id}.parquet"
        self._moves[staged] = self._data / "lake" / path
        return LakeFile(
            path=path,
            territory=self._territory,
            week=week,
            delivery_id=self._delivery_id,
            rows=rows.height,
            sha256=hashlib.sha256(content).hexdigest(),
        )


class ParquetLake:
    """The lake below one data folder; see `riskmap.ports.IncidentLake`."""

    def __init__(self, data: Path, engine: sa.Engine, *, wait_s: float = WAIT_S) -> None:
        self._data = data
        self._lake = data / "lake"
        self._engine = engine
        self._wait_s = wait_s

    def read(self, territory: str) -> pl.DataFrame:
        """All adopted incidents of a territory, by time and id.

        Raises
        ------
        DamagedStore
            If a file the catalogue names is missing or changed.
        """

        def read_files(files: list[LakeFile]) -> pl.DataFrame:
            for file in files:
                if sha256_of(self._lake / file.path) != file.sha256:
                    raise DamagedStore(f"The lake's file {file.path} is changed. {_HOW_TO_HEAL}")
            frame = pl.read_parquet([self._lake / file.path for file in files], glob=False)
            return INCIDENTS.checked(frame).sort("occurred_from", "incident_id")

        return self._reading(territory, read_files, INCIDENTS.empty())

    def known_ids(self, territory: str, *, without: Sequence[str] = ()) -> pl.Series:
        """Ids of the territory's adopted incidents; only their column is read."""
        nothing = INCIDENTS.empty()["incident_id"]

        def read_ids(files: list[LakeFile]) -> pl.Series:
            paths = [self._lake / file.path for file in files if file.delivery_id not in without]
            return pl.read_parquet(paths, columns=["incident_id"], glob=False)["incident_id"] if paths else nothing

        return self._reading(territory, read_ids, nothing)

    def quarantined(self, territory: str, delivery_id: str) -> pl.DataFrame:
        """Rows an adopted delivery set aside; none if it did not, or no longer counts.

        Raises
        ------
        DamagedStore
            If the file is missing.
        """
        with reading(self._engine) as connection:
            found = SqlDeliveries(connection).find(delivery_id)
        if found is None or found.status is not DeliveryStatus.ADOPTED or found.quarantined == 0:
            return QUARANTINE.empty()
        path = _quarantine_path(self._data, territory, delivery_id)
        if not path.exists():
            raise DamagedStore(f"The quarantine of delivery {delivery_id} is missing. {_HOW_TO_HEAL}")
        return QUARANTINE.checked(pl.read_parquet(path, glob=False))

    @contextmanager
    def hold(self, territory: str) -> Iterator[None]:
        """Keep other deliveries to this territory waiting while the block runs.

        Raises
        ------
        StoreBusy
            If another process holds it for longer than the lake is told to wait.
        """
        path = self._data / "locks" / f"{safe_name(territory)}.lock"
        with writing_to(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            lock = path.open("a")
        with lock:  # closing the file, which the end of a process does too, gives the lock back
            until = time.monotonic() + self._wait_s
            while not _is_locked_by_us(lock.fileno()):
                if time.monotonic() >= until:
                    raise StoreBusy(
                        f"Another delivery to {territory} is running and did not end within {self._wait_s:g} seconds. "
                        "Wait for it, then repeat the command."
                    )
                time.sleep(_LOOK_EVERY_S)
            yield

    def staging(self, territory: str, delivery_id: str) -> AbstractContextManager[ParquetStaging]:
        """A folder for a delivery's files until they are moved into place."""
        return self._staging(safe_name(territory), delivery_id)

    def is_whole(self, delivery_id: str) -> bool:
        """Whether every file of the delivery is there and unchanged."""
        with reading(self._engine) as connection:
            files = SqlLakeFiles(connection).of_delivery(delivery_id)
            found = SqlDeliveries(connection).find(delivery_id)
        if found is not None and found.quarantined:
            is_aside = _quarantine_path(self._data, found.territory, delivery_id).exists()
        else:
            is_aside = True
        paths = [(self._lake / file.path, file.sha256) for file in files]
        return is_aside and all(path.exists() and sha256_of(path) == sha256 for path, sha256 in paths)

    def sweep(self, territory: str) -> int:
        """Remove what killed or superseded deliveries left. Call it while holding the territory."""
        safe_name(territory)
        with reading(self._engine) as connection:
            named = {self._lake / file.path for file in SqlLakeFiles(connection).of_territory(territory)}
            adopted = SqlDeliveries(connection).adopted(territory)
        named |= {_quarantine_path(self._data, territory, delivery.delivery_id) for delivery in adopted}
        staged = list((self._data / "staging").glob(f"{territory}.*"))
        kept = [*self._lake.glob(f"{territory}/*/*"), *(self._data / "quarantine").glob(f"{territory}/*")]
        left = [path for path in kept if path not in named]
        with writing_to(self._data):
            for folder in staged:
                shutil.rmtree(folder)
            for path in left:
                path.unlink()
                with suppress(OSError):  # other deliveries may have files of that week
                    path.parent.rmdir()
        if staged or left:
            _log.info("Swept %d left-over files and folders of %s.", len(staged) + len(left), territory)
        return len(staged) + len(left)

    @contextmanager
    def _staging(self, territory: str, delivery_id: str) -> Iterator[ParquetStaging]:
        folder = self._data / "staging" / f"{territory}.{secrets.token_hex(8)}"
        with writing_to(folder):
            folder.mkdir(parents=True)
        staging = ParquetStaging(self._data, folder, territory, delivery_id)
        try:
            yield staging
        finally:
            with suppress(OSError):
                staging.close()
            shutil.rmtree(folder, ignore_errors=True)

    def _reading(self, territory: str, read: Callable[[list[LakeFile]], _Read], nothing: _Read) -> _Read:
        before: list[LakeFile] | None = None
        for _ in range(_TRIES):
            with reading(self._engine) as connection:
                files = SqlLakeFiles(connection).of_territory(territory)
            if not files:
                return nothing
            try:
                return read(files)
            except FileNotFoundError as error:
                # A delivery that superseded another may have swept its files since the catalogue was asked.
                if files == before:
                    raise DamagedStore(
                        f"The lake's file {error.filename or error} is missing. {_HOW_TO_HEAL}"
                    ) from error
                before = files
        raise StoreBusy(f"The incidents of {territory} keep changing; wait for deliveries to end, then repeat.")


_HOW_TO_HEAL = "Restore the data folder from a backup; where one delivery is lost, deliver the original file again."


def _quarantine_path(data: Path, territory: str, delivery_id: str) -> Path:
    return data / "quarantine" / territory / f"{delivery_id}.parquet"


def _is_locked_by_us(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
