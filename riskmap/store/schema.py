"""Bringing a database to this program's tables, and refusing one of another version.

Migrations are the numbered files in ``migrations/versions``; they are configured here, so there is no alembic.ini.
"""

import logging
from pathlib import Path

import sqlalchemy as sa
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, RevisionStep
from alembic.script import ScriptDirectory

from riskmap.errors import CannotWrite, WrongSchema
from riskmap.store.database import faults_in_words, open_engine, reading
from riskmap.store.tables import metadata

MIGRATIONS = Path(__file__).parent / "migrations"
_NEWEST = "head"
_NOTHING = "base"
_log = logging.getLogger(__name__)


def migrate(database_url: str) -> None:
    """Bring the database to the newest tables, creating it where there is none. Repeating it changes nothing.

    Raises
    ------
    CannotWrite, StoreBusy, DamagedStore
        If the file cannot be written, is held by another process, or is no database.
    WrongSchema
        If the database was made by a newer program.
    """
    engine = open_engine(database_url)
    try:
        _make_folder(engine)
        migrate_engine(engine)
    finally:
        engine.dispose()


def exists(database_url: str) -> bool:
    """Whether the database file is there."""
    path = _file(sa.make_url(database_url))
    return path is None or path.exists()


def newest_revision() -> str:
    """Revision of this program's tables."""
    return str(ScriptDirectory.from_config(_config()).get_current_head())


def migrate_engine(engine: sa.Engine, target: str = _NEWEST) -> None:
    """Bring an open database to a revision: up to the newest one, or down to an earlier one or ``base``."""
    config = _config()
    script = ScriptDirectory.from_config(config)
    with faults_in_words(engine), engine.begin() as connection:
        found = _revision(connection)
        _require_known(found, script, engine)

        def steps(revision: object, context: MigrationContext) -> list[RevisionStep]:
            is_upgrade = target == _NEWEST or _number(target) > _number(found)
            # Alembic's own commands find their steps by these two functions.
            chosen = script._upgrade_revs if is_upgrade else script._downgrade_revs
            return list(chosen(target, revision))  # type: ignore[arg-type]

        with EnvironmentContext(config, script, fn=steps, destination_rev=target) as environment:
            environment.configure(
                connection=connection, target_metadata=metadata, render_as_batch=True, transactional_ddl=True
            )
            environment.run_migrations()
        if _revision(connection) != found:
            _log.info("Database %s: revision %s is now %s.", engine.url.database, found, _revision(connection))


def require_newest(engine: sa.Engine) -> None:
    """Pass only a database at this program's revision.

    Raises
    ------
    WrongSchema
        If it is missing, older or newer, with what to do.
    """
    script = ScriptDirectory.from_config(_config())
    path = _file(engine.url)
    if path is not None and not path.exists():
        raise WrongSchema(f"There is no database at {path}. Make it: python -m riskmap migrate.")
    with reading(engine) as connection:
        found = _revision(connection)
    _require_known(found, script, engine)
    newest = script.get_current_head()
    if found != newest:
        raise WrongSchema(
            f"The database {engine.url.database} has revision {found or 'none'}; this program needs {newest}. "
            "Back it up, then run: python -m riskmap migrate."
        )


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config


def _revision(connection: sa.Connection) -> str | None:
    return MigrationContext.configure(connection).get_current_revision()


def _require_known(found: str | None, script: ScriptDirectory, engine: sa.Engine) -> None:
    known = {revision.revision for revision in script.walk_revisions()}
    if found is not None and found not in known:
        raise WrongSchema(
            f"The database {engine.url.database} has revision {found}; this program knows none newer than "
            f"{script.get_current_head()}. Install the newer program, or restore the backup made before it."
        )


def _number(revision: str | None) -> int:
    return 0 if revision in (None, _NOTHING) else int(str(revision))


def _file(url: sa.URL) -> Path | None:
    name = url.database
    return None if not name or name == ":memory:" else Path(name)


def _make_folder(engine: sa.Engine) -> None:
    path = _file(engine.url)
    if path is None:
        return
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise CannotWrite(
            f"The folder {path.parent} cannot be made: {error.strerror or error}. "
            "Let this user write there, or set RISKMAP_DATA to another folder."
        ) from error
