"""The incident lake: accepted incidents as Parquet by ISO week, and the rows set aside.

Files are written to a staging folder and moved into place just before the SQL catalogue names them; until then, and
after the catalogue strikes them out, no reader sees them. What a killed delivery leaves is swept by the next one.
The layout below the data folder::

    lake/<territory>/<yyyy-Www>/<delivery_id>.parquet
    ids/<territory>/<delivery_id>.npy
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
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import TypeVar, cast

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet
import sqlalchemy as sa

from geodata.columns import INCIDENTS, QUARANTINE
from riskmap import installation_key
from riskmap.disk import replace_synced, safe_name, sha256_of, sync_folders, write_synced, writing_to
from riskmap.errors import DamagedStore, StoreBusy
from riskmap.lake_ports import Kept, Known, LakeFile
from riskmap.ports import Delivery, DeliveryStatus
from riskmap.store import lake_index, lake_rows
from riskmap.store.database import reading
from riskmap.store.sql_store import SqlDeliveries, SqlLakeFiles, SqlStrikes
from riskmap.store.staged_rows import StagedRows, flags

WAIT_S = 30.0
"""How long a delivery waits for another one to the same territory before it is told."""

_LOOK_EVERY_S = 0.05
_TRIES = 20
_Read = TypeVar("_Read")
_log = logging.getLogger(__name__)


class ParquetStaging:
    """A delivery's files before they count; see `riskmap.ports.Staging`."""

    def __init__(self, lake: "ParquetLake", folder: Path, territory: str, delivery_id: str) -> None:
        self._lake = lake
        self._data = lake.data
        self._folder = folder
        self.territory = territory
        self._delivery_id = delivery_id
        self.rows = StagedRows(folder)
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
                self._moves[staged] = _quarantine_path(self._data, self.territory, self._delivery_id)
            self._aside.write_table(table)

    def add(self, incidents: pl.DataFrame, is_keyed: pl.Series) -> None:
        with writing_to(self._folder):
            self.rows.add(incidents, is_keyed)

    def equals(self) -> pl.DataFrame:
        return self.rows.gather(lake_index.repeated(lake_index.heads(self.rows.numbers)))

    def of(self, ids: pl.Series) -> pl.DataFrame:
        return self.rows.of(ids)

    def known(self, struck: pl.Series, *, without: Sequence[str] = ()) -> Known:
        """What the lake holds of the incidents added, or whose ids are given; only their weeks are read."""
        columns = {**INCIDENTS.schema, "delivery_id": pl.String(), "week": pl.String()}
        nothing = pl.DataFrame(schema=columns)

        def read_held(files: list[LakeFile]) -> pl.DataFrame:
            parts = [nothing]
            of_delivery: dict[str, dict[str, LakeFile]] = {}
            for file in files:
                if file.delivery_id not in without:
                    of_delivery.setdefault(file.delivery_id, {})[file.week] = file
            if not of_delivery:
                return nothing
            named_here = [lake_index.heads(self.rows.numbers), lake_index.heads_of(lake_index.as_bytes(struck))]
            wanted = np.sort(np.concatenate(named_here))
            for delivery_id, weeks in of_delivery.items():
                found = lake_index.matching(self._lake.index(self.territory, delivery_id, weeks.values()), wanted)
                named = {
                    self._lake.folder / weeks[week].path: week for week in lake_index.week_names(found) if week in weeks
                }
                if named:
                    rows = lake_rows.find(list(named), pl.Series(np.unique(lake_index.heads(found))))
                    week_of = {str(path): week for path, week in named.items()}
                    week = rows["path"].replace_strict(week_of, return_dtype=pl.String)
                    parts.append(rows.drop("path").with_columns(delivery_id=pl.lit(delivery_id), week=week))
            return pl.concat(parts)

        held = self._lake.reading(self.territory, read_held, nothing)
        with reading(self._lake.engine) as connection:
            strikes = SqlStrikes(connection).of_territory(self.territory)
        is_struck = pl.DataFrame(
            {"incident_id": [one.incident_id for one in strikes], "delivery_id": [one.delivery_id for one in strikes]},
            schema={"incident_id": pl.String, "delivery_id": pl.String},
        )
        held = held.join(is_struck, on=["incident_id", "delivery_id"], how="anti")
        staged = self.rows.of(held["incident_id"])
        # Two ids may begin alike.
        named = pl.concat([staged.select("incident_id"), pl.DataFrame({"incident_id": struck.cast(pl.String)})])
        return Known(staged=staged, held=held.join(named, on="incident_id", how="semi"))

    def keep(self, *, without: Sequence[int] = ()) -> Kept:
        left_out = flags(self.rows.height, without)
        with writing_to(self._folder):
            staged = self._folder / "ids.npy"
            np.save(staged, np.sort(self.rows.numbers[~left_out]))
            self._moves[staged] = lake_index.path_of(self._data, self.territory, self._delivery_id)
            kept = Kept()
            for week, rows in self.rows.by_week(left_out):
                kept = _joined(kept, rows, self._keep_week(week, rows))
            return kept

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

    def _keep_week(self, week: str, rows: pa.Table) -> LakeFile:
        content = lake_rows.as_parquet(rows)
        staged = self._folder / f"{week}.parquet"
        write_synced(staged, content)
        path = f"{self.territory}/{week}/{self._delivery_id}.parquet"
        self._moves[staged] = self._data / "lake" / path
        return LakeFile(
            path=path,
            territory=self.territory,
            week=week,
            delivery_id=self._delivery_id,
            rows=rows.num_rows,
            sha256=hashlib.sha256(content).hexdigest(),
        )


class ParquetLake:
    """The lake below one data folder; see `riskmap.ports.IncidentLake`."""

    def __init__(self, data: Path, engine: sa.Engine, *, wait_s: float = WAIT_S) -> None:
        self.data = data
        self.folder = data / "lake"
        self.engine = engine
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
                if sha256_of(self.folder / file.path) != file.sha256:
                    raise DamagedStore(f"The lake's file {file.path} is changed. {_HOW_TO_HEAL}")
            frames = [INCIDENTS.checked(frame) for frame in self._standing(territory, files)]
            return pl.concat(frames).sort("occurred_from", "incident_id")

        return self.reading(territory, read_files, INCIDENTS.empty())

    def key(self) -> bytes:
        """The installation's secret; see `riskmap.installation_key`."""
        return installation_key.load(self.data)

    def index(self, territory: str, delivery_id: str, files: Iterable[LakeFile]) -> lake_index.Numbers:
        path = lake_index.path_of(self.data, territory, delivery_id)
        if not path.exists():
            paths = [self.folder / file.path for file in files]
            rows = lake_rows.read(paths)
            days = rows["occurred_on"].to_physical().to_numpy()
            made = np.sort(lake_index.numbers(lake_index.as_bytes(rows["incident_id"]), days))
            packed = io.BytesIO()
            np.save(packed, made)
            with writing_to(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                replace_synced(path, packed.getvalue())
        try:
            return cast("lake_index.Numbers", np.load(path, mmap_mode="r", allow_pickle=False))
        except (ValueError, EOFError) as error:
            raise DamagedStore(
                f"The index {path.relative_to(self.data)} is damaged. Remove it; it is made anew from the lake."
            ) from error

    def quarantined(self, territory: str, delivery_id: str) -> pl.DataFrame:
        """Rows an adopted delivery set aside; none if it did not, or no longer counts.

        Raises
        ------
        DamagedStore
            If the file is missing.
        """
        with reading(self.engine) as connection:
            found = SqlDeliveries(connection).find(delivery_id)
        if found is None or found.status is not DeliveryStatus.ADOPTED or not _has_aside(found):
            return QUARANTINE.empty()
        path = _quarantine_path(self.data, territory, delivery_id)
        if not path.exists():
            raise DamagedStore(f"The quarantine of delivery {delivery_id} is missing. {_HOW_TO_HEAL}")
        return QUARANTINE.checked(pl.read_parquet(path, glob=False))

    def _standing(self, territory: str, files: list[LakeFile]) -> Iterator[pl.DataFrame]:
        """The files' rows that no later delivery took out."""
        with reading(self.engine) as connection:
            strikes = SqlStrikes(connection).of_territory(territory)
        struck: dict[tuple[str, str], list[str]] = {}
        for one in strikes:
            struck.setdefault((one.delivery_id, one.week), []).append(one.incident_id)
        whole = [self.folder / file.path for file in files if (file.delivery_id, file.week) not in struck]
        if whole:
            yield lake_rows.read(whole)
        for file in files:
            ids = struck.get((file.delivery_id, file.week))
            if ids:
                frame = lake_rows.read([self.folder / file.path])
                yield frame.filter(~pl.col("incident_id").is_in(ids))

    @contextmanager
    def hold(self, territory: str) -> Iterator[None]:
        """Keep other deliveries to this territory waiting while the block runs.

        Raises
        ------
        StoreBusy
            If another process holds it for longer than the lake is told to wait.
        """
        path = self.data / "locks" / f"{safe_name(territory)}.lock"
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
        with reading(self.engine) as connection:
            files = SqlLakeFiles(connection).of_delivery(delivery_id)
            found = SqlDeliveries(connection).find(delivery_id)
        if found is not None and _has_aside(found):
            is_aside = _quarantine_path(self.data, found.territory, delivery_id).exists()
        else:
            is_aside = True
        paths = [(self.folder / file.path, file.sha256) for file in files]
        return is_aside and all(path.exists() and sha256_of(path) == sha256 for path, sha256 in paths)

    def sweep(self, territory: str) -> int:
        """Remove what killed or superseded deliveries left. Call it while holding the territory."""
        safe_name(territory)
        with reading(self.engine) as connection:
            named = {self.folder / file.path for file in SqlLakeFiles(connection).of_territory(territory)}
            adopted = SqlDeliveries(connection).adopted(territory)
        named |= {_quarantine_path(self.data, territory, one.delivery_id) for one in adopted if _has_aside(one)}
        staged = list((self.data / "staging").glob(f"{territory}.*"))
        named |= {lake_index.path_of(self.data, territory, delivery.delivery_id) for delivery in adopted}
        asides = [path for name in ("quarantine", "ids") for path in (self.data / name).glob(f"{territory}/*")]
        kept = [*self.folder.glob(f"{territory}/*/*"), *asides]
        left = [path for path in kept if path not in named]
        with writing_to(self.data):
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
        folder = self.data / "staging" / f"{territory}.{secrets.token_hex(8)}"
        with writing_to(folder):
            folder.mkdir(parents=True)
        staging = ParquetStaging(self, folder, territory, delivery_id)
        try:
            yield staging
        finally:
            with suppress(OSError):
                staging.close()
            shutil.rmtree(folder, ignore_errors=True)

    def reading(self, territory: str, read: Callable[[list[LakeFile]], _Read], nothing: _Read) -> _Read:
        before: list[LakeFile] | None = None
        for _ in range(_TRIES):
            with reading(self.engine) as connection:
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


def _joined(kept: Kept, rows: pa.Table, file: LakeFile) -> Kept:
    days = pyarrow.compute.min_max(rows["occurred_on"]).as_py()
    first, last = days["min"], days["max"]
    return Kept(
        files=(*kept.files, file),
        rows=kept.rows + rows.num_rows,
        without_place=kept.without_place + rows["cell"].null_count,
        first_day=min(first, kept.first_day or first),
        last_day=max(last, kept.last_day or last),
    )


def _has_aside(found: Delivery) -> bool:
    return found.quarantined > 0 and found.quarantine_removed_at is None


def _quarantine_path(data: Path, territory: str, delivery_id: str) -> Path:
    return data / "quarantine" / territory / f"{delivery_id}.parquet"


def _is_locked_by_us(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
