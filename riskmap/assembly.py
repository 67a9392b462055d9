"""The only place that picks an implementation of a port."""

from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from riskmap import installation_key
from riskmap.lake_ports import IncidentLake
from riskmap.model_port import ModelShelf
from riskmap.photo_port import PhotoShelf
from riskmap.ports import CountedShelf, ScoreShelf, Store, TerritoryShelf, UnitOfWork
from riskmap.settings import Settings
from riskmap.store import schema
from riskmap.store.counted_shelf import FolderCounted
from riskmap.store.database import BUSY_TIMEOUT_S, IN_MEMORY, open_engine
from riskmap.store.incident_lake import WAIT_S, ParquetLake
from riskmap.store.model_shelf import FolderModels
from riskmap.store.photo_shelf import FolderPhotos
from riskmap.store.score_shelf import ParquetScores
from riskmap.store.sql_store import SqlLook, SqlUnitOfWork
from riskmap.store.surroundings_shelf import FolderSurroundings
from riskmap.store.survey_shelf import ParquetSurveys
from riskmap.store.territory_shelf import FolderShelf
from riskmap.store.totals_shelf import ParquetTotals
from riskmap.surroundings_port import SurroundingsShelf
from riskmap.tables_port import SurveyShelf, TotalsShelf


@dataclass(frozen=True, slots=True, kw_only=True)
class SqlStore:
    """The embedded default: catalogues in SQL, frames in Parquet below one folder."""

    engine: sa.Engine
    lake: IncidentLake
    territories: TerritoryShelf
    scores: ScoreShelf
    totals: TotalsShelf
    survey: SurveyShelf
    counted: CountedShelf
    models: ModelShelf
    surroundings: SurroundingsShelf
    photo_files: PhotoShelf
    scan_files: PhotoShelf

    def work(self) -> UnitOfWork:
        return SqlUnitOfWork(self.engine)

    def look(self) -> UnitOfWork:
        return SqlLook(self.engine)

    def close(self) -> None:
        self.engine.dispose()


def migrate(settings: Settings) -> None:
    """Make the data folder and the key, and bring the database to this program's tables; repeating changes nothing."""
    schema.migrate(settings.database_url)
    installation_key.load(settings.data)


def schema_version() -> str:
    """Revision of the database this program works with."""
    return schema.newest_revision()


def is_set_up(settings: Settings) -> bool:
    """Whether the database exists at all, of whatever version."""
    return schema.exists(settings.database_url)


def open_store(settings: Settings, *, wait_s: float = WAIT_S) -> Store:
    """The store of an installation. ``wait_s`` is how long to wait for another process that writes.

    Raises
    ------
    WrongSchema
        If the database is missing, older or newer than this program.
    """
    engine = open_engine(settings.database_url, busy_timeout_s=min(wait_s, BUSY_TIMEOUT_S))
    schema.require_newest(engine)
    return _store(engine, settings.data, wait_s)


def in_memory_store(folder: Path, *, wait_s: float = WAIT_S) -> Store:
    """A store whose catalogues vanish with it; its files lie below ``folder``. For tests, one thread at a time."""
    engine = open_engine(IN_MEMORY)
    schema.migrate_engine(engine)
    return _store(engine, folder, wait_s)


def territory_shelf(settings: Settings) -> TerritoryShelf:
    """The territories of an installation, which need no database; nothing is made by looking."""
    return FolderShelf(settings.data / "territories")


def surroundings_shelf(settings: Settings) -> SurroundingsShelf:
    """Features of the places of an installation's territories; made with the first delivery."""
    return FolderSurroundings(settings.data / "surroundings")


def _store(engine: sa.Engine, data: Path, wait_s: float) -> Store:
    return SqlStore(
        engine=engine,
        lake=ParquetLake(data, engine, wait_s=wait_s),
        territories=FolderShelf(data / "territories"),
        scores=ParquetScores(data, engine),
        totals=ParquetTotals(data / "totals"),
        survey=ParquetSurveys(data / "survey"),
        counted=FolderCounted(data / "counted"),
        models=FolderModels(data / "models"),
        surroundings=FolderSurroundings(data / "surroundings"),
        photo_files=FolderPhotos(data / "photos"),
        scan_files=FolderPhotos(data / "scans"),
    )
