"""What each release was counted from, on disk: one Parquet file each, never replaced by another content."""

import io
from pathlib import Path

import polars as pl

from geodata.columns import COUNTED
from geodata.errors import UnexpectedColumns
from riskmap.disk import replace_synced, safe_name, writing_to
from riskmap.errors import DamagedStore


class FolderCounted:
    """Counts below one folder; see `riskmap.ports.CountedShelf`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def save(self, territory: str, release_id: str, counted: pl.DataFrame) -> None:
        """Keep what a release was counted from.

        Raises
        ------
        CannotWrite
            If the folder cannot be written.
        """
        path = self._path(territory, release_id)
        packed = io.BytesIO()
        COUNTED.checked(counted).write_parquet(packed, compression="zstd")
        with writing_to(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_synced(path, packed.getvalue())

    def load(self, territory: str, release_id: str) -> pl.DataFrame | None:
        """What a release was counted from; None where it is not kept.

        Raises
        ------
        DamagedStore
            If the file is not as it was written.
        """
        path = self._path(territory, release_id)
        try:
            return COUNTED.checked(pl.read_parquet(io.BytesIO(path.read_bytes())))
        except FileNotFoundError:
            return None
        except (pl.exceptions.PolarsError, UnexpectedColumns) as error:
            raise DamagedStore(
                f"What release {release_id} of {territory} was counted from cannot be read ({path.name}). Restore the "
                "data folder from a backup: without it no further release of the territory may be made."
            ) from error

    def _path(self, territory: str, release_id: str) -> Path:
        return self._folder / safe_name(territory) / f"{safe_name(release_id)}.parquet"
