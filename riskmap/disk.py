"""Writing files so that a reader, or a power cut, never meets half of one."""

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from geodata.errors import InvalidTerritory
from riskmap.errors import CannotWrite

TERRITORY_NAME = re.compile(r"[a-z0-9_-]{1,40}")


def safe_name(territory: str) -> str:
    """The territory's name, once it is fit to name a folder.

    Raises
    ------
    InvalidTerritory
        If it holds anything but small Latin letters, digits, ``_`` and ``-``, or more than 40 of them.
    """
    if not TERRITORY_NAME.fullmatch(territory):
        raise InvalidTerritory(
            f"{territory[:60]!r} cannot name a territory; expected 1 to 40 small Latin letters, digits, _ or -. "
            "Choose such a name, for example almaty_2026."
        )
    return territory


@contextmanager
def writing_to(place: Path) -> Iterator[None]:
    """Say in words what keeps a place from being written.

    Raises
    ------
    CannotWrite
        Instead of any error of the operating system.
    """
    try:
        yield
    except CannotWrite:
        raise
    except OSError as error:
        raise CannotWrite(
            f"{error.filename or place} cannot be written: {error.strerror or error}. "
            "Free space there, let this user write, or set RISKMAP_DATA to another folder; then repeat the command."
        ) from error


@contextmanager
def held(path: Path) -> Iterator[None]:
    """Keep every other thread and process that holds the same lock file waiting while the block runs.

    Raises
    ------
    CannotWrite
        If the lock file cannot be made.
    """
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = path.open("a")
    with lock:  # closing the file, which the end of a process does too, gives the lock back
        fcntl.flock(lock.fileno(), fcntl.LOCK_EX)
        yield


def write_synced(path: Path, data: bytes) -> None:
    """Write a new file and wait until the disk has it."""
    with path.open("xb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def replace_synced(path: Path, data: bytes) -> None:
    """Give a file new content in one step: readers see the old one or the new one."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        write_synced(beside, data)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folders([path.parent])


def sync_folders(folders: Iterable[Path]) -> None:
    """Wait until the disk has the names of the files in the given folders."""
    for folder in folders:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's content, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
