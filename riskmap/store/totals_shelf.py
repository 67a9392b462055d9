"""Official totals on disk: one Parquet file for each territory, replaced in one step."""

import io
from pathlib import Path

import polars as pl

from geodata.columns import OFFICIAL_TOTALS
from geodata.errors import UnexpectedColumns
from riskmap.disk import held, replace_synced, safe_name, writing_to
from riskmap.errors import DamagedStore


class ParquetTotals:
    """Totals below one folder; see `riskmap.tables_port.TotalsShelf`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, territory: str, totals: pl.DataFrame) -> int:
        """Keep totals; earlier ones of the same region and year give way. Returns how many lines those had.

        Raises
        ------
        InvalidTerritory
            If the territory's name cannot name a file.
        CannotWrite
            If the folder cannot be written.
        DamagedStore
            If what is kept already cannot be read.
        """
        path = self._path(territory)
        given = OFFICIAL_TOTALS.checked(totals)
        with held(self._folder / f"{territory}.lock"):
            kept = self.load(territory)
            others = kept.join(given.select("region_id", "year").unique(), on=["region_id", "year"], how="anti")
            packed = io.BytesIO()
            pl.concat([others, given]).sort("region_id", "year", "line").write_parquet(packed, compression="zstd")
            with writing_to(path):
                replace_synced(path, packed.getvalue())
        return kept.height - others.height

    def load(self, territory: str) -> pl.DataFrame:
        """All totals of a territory by region, year and line; no rows where nothing was loaded.

        Raises
        ------
        DamagedStore
            If the file is not as it was written.
        """
        path = self._path(territory)
        try:
            return OFFICIAL_TOTALS.checked(pl.read_parquet(io.BytesIO(path.read_bytes())))
        except FileNotFoundError:
            return OFFICIAL_TOTALS.empty()
        except (pl.exceptions.PolarsError, UnexpectedColumns) as error:
            raise DamagedStore(
                f"The official totals of {territory} in {path.name} cannot be read. Remove that file and load the "
                "forms again, or restore the data folder from a backup."
            ) from error

    def _path(self, territory: str) -> Path:
        return self._folder / f"{safe_name(territory)}.parquet"
