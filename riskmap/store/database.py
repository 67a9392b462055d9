"""Opening the SQL database, and saying its faults in words.

SQLite runs with a write-ahead log, so readers never wait for a writer; every unit that writes begins as a writer
(``BEGIN IMMEDIATE``), so two of them follow one another instead of losing updates; one that only reads cannot write
(``query_only``); ``synchronous=FULL`` lets a commit outlive a power cut.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

import sqlalchemy as sa
from sqlalchemy.pool import ConnectionPoolEntry, QueuePool, StaticPool

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
    """Engine with the house's manners; nothing is opened until it is used.

    ``sqlite://`` is a database in memory with a single connection, for one thread at a time; a file serves any number
    of threads.
    """
    arguments: dict[str, object] = {"timeout": busy_timeout_s, "check_same_thread": False}
    if database_url == IN_MEMORY:
        engine = sa.create_engine(database_url, poolclass=StaticPool, connect_args=arguments)
    else:
        # Who waits to write waits with a connection in hand; a limit on them would make readers wait as well.
        engine = sa.create_engine(database_url, poolclass=QueuePool, max_overflow=-1, connect_args=arguments)
    sa.event.listen(engine, "connect", _prepare)
    sa.event.listen(engine, "begin", _begin)
    sa.event.listen(engine, "handle_error", _refuse_writing)
    return engine


@contextmanager
def reading(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection that only reads: one consistent view, and no writer waits for it. Writing is a RuntimeError."""
    with faults_in_words(engine), engine.connect() as connection:
        yield connection.execution_options(**{_READ_ONLY: True})


@contextmanager
def writing(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection with a transaction that writes; what is not committed is undone.

    Raises
    ------
    StoreBusy
        If another one writes for longer than the engine is told to wait.
    """
    with faults_in_words(engine), engine.connect() as connection:
        # Begun here, not at the first statement: whoever holds the writer's place is met at the door.
        connection.begin()
        yield connection


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
    # Said at every beginning, so a connection that served a reader before can write again.
    connection.exec_driver_sql(f"PRAGMA query_only = {'ON' if is_reading else 'OFF'}")
    connection.exec_driver_sql("BEGIN" if is_reading else "BEGIN IMMEDIATE")


def _refuse_writing(context: sa.ExceptionContext) -> None:
    connection = context.connection
    is_reading = connection is not None and connection.get_execution_options().get(_READ_ONLY, False)
    # A file that cannot be written has one of the finer codes.
    if is_reading and getattr(context.original_exception, "sqlite_errorcode", 0) == sqlite3.SQLITE_READONLY:
        raise RuntimeError(
            "A unit that only reads was asked to write; expected a unit that writes. Write through Store.work()."
        ) from context.original_exception
