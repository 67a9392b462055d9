"""Opening the SQL database, and saying its faults in words.

SQLite runs with a write-ahead log, so readers never wait for a writer; every unit of work begins as a writer
(``BEGIN IMMEDIATE``), so two of them follow one another instead of losing updates; ``synchronous=FULL`` lets a commit
outlive a power cut.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from riskmap.errors import CannotWrite, DamagedStore, RiskMapError, StoreBusy

BUSY_TIMEOUT_S = 30.0
IN_MEMORY = "sqlite://"
_READ_ONLY = "riskmap_reads_only"

_KINDS: dict[int, tuple[type[RiskMapError], str]] = {
    sqlite3.SQLITE_BUSY: (StoreBusy, "Another command is writing to it; wait for it to end, then repeat this one."),
    sqlite3.SQLITE_LOCKED: (StoreBusy, "A unit of work is open already; end it, then repeat the command."),
    sqlite3.SQLITE_READONLY: (CannotWrite, "Let this user write to the file and its folder, or set RISKMAP_DATA."),
    sqlite3.SQLITE_CANTOPEN: (CannotWrite, "Its folder must exist and let this user write; or set RISKMAP_DATA."),
    sqlite3.SQLITE_PERM: (CannotWrite, "Let this user write to the file and its folder, or set RISKMAP_DATA."),
    sqlite3.SQLITE_FULL: (CannotWrite, "The disk is full; free space, then repeat the command."),
    sqlite3.SQLITE_IOERR: (CannotWrite, "The disk reports an error; check it, then repeat the command."),
    sqlite3.SQLITE_CORRUPT: (DamagedStore, "The file is damaged; restore it from a backup."),
    sqlite3.SQLITE_NOTADB: (DamagedStore, "Restore it from a backup, or set RISKMAP_DATABASE_URL to another file."),
}


def open_engine(database_url: str, *, busy_timeout_s: float = BUSY_TIMEOUT_S) -> sa.Engine:
    """Engine with the house's manners; nothing is opened until it is used. ``sqlite://`` is a database in memory."""
    arguments: dict[str, object] = {"timeout": busy_timeout_s}
    if database_url == IN_MEMORY:
        engine = sa.create_engine(
            database_url, poolclass=StaticPool, connect_args={**arguments, "check_same_thread": False}
        )
    else:
        engine = sa.create_engine(database_url, connect_args=arguments)
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection that only reads: one consistent view, and no writer waits for it."""
    with faults_in_words(engine), engine.connect() as connection:
        yield connection.execution_options(**{_READ_ONLY: True})


@contextmanager
def faults_in_words(engine: sa.Engine) -> Iterator[None]:
    """Turn what the driver reports about locks, disk and permissions into the service's errors."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        # The low byte is the kind of fault; the rest are details of it.
        kind = _KINDS.get(getattr(error.orig, "sqlite_errorcode", 0) & 0xFF)
        if kind is None:
            raise
        leaf, next_step = kind
        raise leaf(f"The database {engine.url.database or 'in memory'} says: {error.orig}. {next_step}") from error


def _prepare(connection: sqlite3.Connection, entry: ConnectionPoolEntry) -> None:
    # The driver would otherwise begin transactions on its own, and not as writers.
    connection.isolation_level = None
    for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
        connection.execute(f"PRAGMA {pragma}")


def _begin(connection: sa.Connection) -> None:
    is_reading = connection.get_execution_options().get(_READ_ONLY, False)
    connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")
