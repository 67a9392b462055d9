"""Survey answers on disk: one Parquet file for each territory, replaced in one step."""

import io
from pathlib import Path

import polars as pl

from geodata.errors import UnexpectedColumns
from geodata.survey_answers import KEY, SURVEY_ANSWERS
from riskmap.disk import held, replace_synced, safe_name, writing_to
from riskmap.errors import DamagedStore

_DELIVERY = ("source", "year")


class ParquetSurveys:
    """Survey answers below one folder; see `riskmap.tables_port.SurveyShelf`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, territory: str, answers: pl.DataFrame) -> int:
        """Keep answers; earlier ones of the same source and year give way. Returns how many rows those had.

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
        given = SURVEY_ANSWERS.checked(answers)
        with held(self._folder / f"{territory}.lock"):
            kept = self.load(territory)
            others = kept.join(given.select(_DELIVERY).unique(), on=_DELIVERY, how="anti")
            packed = io.BytesIO()
            pl.concat([others, given]).sort(*KEY, "source").write_parquet(packed, compression="zstd")
            with writing_to(path):
                replace_synced(path, packed.getvalue())
        return kept.height - others.height

    def load(self, territory: str) -> pl.DataFrame:
        """All answers of a territory by region, sex, year, question and source; no rows where nothing was loaded.

        Raises
        ------
        DamagedStore
            If the file is not as it was written.
        """
        path = self._path(territory)
        try:
            return SURVEY_ANSWERS.checked(pl.read_parquet(io.BytesIO(path.read_bytes())))
        except FileNotFoundError:
            return SURVEY_ANSWERS.empty()
        except (pl.exceptions.PolarsError, UnexpectedColumns) as error:
            raise DamagedStore(
                f"The survey answers of {territory} in {path.name} cannot be read. Remove that file and load the "
                "answers again, or restore the data folder from a backup."
            ) from error

    def _path(self, territory: str) -> Path:
        return self._folder / f"{safe_name(territory)}.parquet"
