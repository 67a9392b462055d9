"""What is packed, once it is safe to unpack: ZIP archives (workbooks, shapefiles, tables) and gzip data."""

import gzip
import io
import stat
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO
from zipfile import BadZipFile, LargeZipFile, ZipFile, ZipInfo

from geodata.column_names import printable
from geodata.errors import UnreadableFile

MOST_MEMBERS = 1_000
MOST_UNPACKED_BYTES = 1_000_000_000
MOST_TIMES = 200
"""A file that unpacks into more than this many times its size is made to do harm; tables reach some fifty times."""

ALWAYS_BYTES = 50_000_000
"""So much may come out of a file however small it is."""

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Member:
    """A file inside a ZIP archive; it is opened like a path, and named after its archive in messages."""

    path: Path
    member: str

    @property
    def name(self) -> str:
        """Name of the archive and of the file in it."""
        return f"{self.path.name} ({printable(self.member, most=60)})"

    @property
    def suffix(self) -> str:
        """End of the file's name, with its dot."""
        return PurePosixPath(self.member).suffix

    def open(self, mode: str = "rb") -> IO[bytes]:
        """The unpacked bytes, to be read once from first to last."""
        assert mode == "rb"  # noqa: S101 (nothing is ever written into a delivery)
        try:
            # The archive stays open until what it hands out is closed.
            with ZipFile(self.path) as archive:
                return archive.open(self.member)
        except (BadZipFile, KeyError, NotImplementedError, RuntimeError) as trouble:
            raise _damaged(self.path, trouble) from None


Place = Path | Member
"""Where the bytes of a table stand."""


class Unpacked(gzip.GzipFile):
    """Gzip data being unpacked; more than a table can pack is refused while it is read.

    Raises
    ------
    UnreadableFile
        On reading, see `MOST_TIMES`.
    """

    def __init__(self, packed: IO[bytes], name: str) -> None:
        super().__init__(fileobj=packed)
        self._packed, self._told, self._most_seen = packed, name, 0

    def read(self, size: int | None = -1) -> bytes:
        """Bytes, as `gzip.GzipFile.read`."""
        return self._counted(super().read(size))

    def read1(self, size: int = -1) -> bytes:
        """Bytes, as `gzip.GzipFile.read1`."""
        return self._counted(super().read1(size))

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move, as `gzip.GzipFile.seek`."""
        if whence == io.SEEK_END:
            while self.read(_CHUNK_BYTES):
                pass
        return super().seek(offset, whence)

    def _counted(self, found: bytes) -> bytes:
        unpacked = self.tell()
        if unpacked > ALWAYS_BYTES and unpacked > MOST_TIMES * self._packed.tell():
            raise UnreadableFile(
                f"{self._told} unpacks into more than {MOST_TIMES} times its size; expected a table of incidents. "
                "Unpack it yourself and deliver the file of incidents."
            )
        return found


def require_file(path: Path) -> None:
    """Refuse what is no file before it is opened: a pipe would wait without end, a device has no end.

    Raises
    ------
    UnreadableFile
        If it is a folder, a pipe, a socket, a device, or not there.
    """
    try:
        mode = path.stat().st_mode
    except OSError as trouble:
        raise cannot_open(path, trouble) from None
    if not stat.S_ISREG(mode):
        found = "a folder" if stat.S_ISDIR(mode) else "a pipe, a socket or a device"
        raise UnreadableFile(f"{path.name} is {found}; expected a file. Give the path of the file itself.")


def cannot_open(place: Place, trouble: OSError) -> UnreadableFile:
    """The refusal of a file that cannot be opened."""
    return UnreadableFile(
        f"{place.name} cannot be opened: {trouble.strerror or trouble}. Check the path and the right to read it."
    )


Stamp = tuple[int, int, int]
"""By what a changed file is known: which one it is, its size, and when it was last written."""


def stamp(place: Place) -> Stamp:
    """The stamp of a file as it stands now.

    Raises
    ------
    UnreadableFile
        If it is gone.
    """
    try:
        found = (place.path if isinstance(place, Member) else place).stat()
    except OSError as trouble:
        raise cannot_open(place, trouble) from None
    return found.st_ino, found.st_size, found.st_mtime_ns


def require_unchanged(place: Place, before: Stamp | None) -> None:
    """Refuse a file that is another than before: what was read of it belongs to no one state of it.

    Raises
    ------
    UnreadableFile
        If it is changed or gone.
    """
    if before is not None and stamp(place) != before:
        raise UnreadableFile(
            f"{place.name} was changed while it was read. Wait until it is written, and deliver it again."
        )


def checked_members(path: Path) -> tuple[str, ...]:
    """Names of the files in an archive, after all of it was unpacked once to nowhere.

    Unpacking it shows what the archive's own table may lie about: sizes, checksums, damage.

    Raises
    ------
    UnreadableFile
        If it is damaged or encrypted, has too many or too large members, doubled names, links, or names that lead
        out of it.
    """
    try:
        with ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _refuse_strange(path, members)
            for member in members:
                with archive.open(member) as stream:
                    while stream.read(_CHUNK_BYTES):
                        pass
    except (
        BadZipFile, LargeZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError, ValueError
    ) as trouble:  # fmt: skip
        if isinstance(trouble, UnreadableFile):
            raise
        raise _damaged(path, trouble) from None
    return tuple(member.filename for member in members)


def _damaged(path: Path, trouble: Exception) -> UnreadableFile:
    return UnreadableFile(
        f"{path.name} is a ZIP archive or an Excel workbook, but damaged or unusual "
        f"({printable(str(trouble), most=120)}). Copy or pack it again."
    )


def _refuse_strange(path: Path, members: list[ZipInfo]) -> None:
    def refuse(what: str) -> UnreadableFile:
        return UnreadableFile(f"{path.name}: {what}. Unpack it yourself and deliver the file of incidents.")

    if len(members) > MOST_MEMBERS:
        raise refuse(f"the archive has {len(members)} files; expected at most {MOST_MEMBERS}")
    unpacked = sum(member.file_size for member in members)
    if unpacked > MOST_UNPACKED_BYTES:
        raise refuse(f"unpacked it would be {unpacked:,} bytes; expected at most {MOST_UNPACKED_BYTES:,}")
    packed = path.stat().st_size
    if unpacked > max(ALWAYS_BYTES, MOST_TIMES * packed):
        raise refuse(f"unpacked it would be {unpacked:,} bytes, more than {MOST_TIMES} times its size")
    names = [member.filename for member in members]
    if len({name.casefold() for name in names}) < len(names):
        raise refuse("two files of the archive have the same name")
    for member in members:
        name = printable(member.filename, most=60)
        if member.flag_bits & 0x1:
            raise refuse(f"{name} in the archive is encrypted")
        if stat.S_ISLNK(member.external_attr >> 16):
            raise refuse(f"{name} in the archive is a link")
        if _leads_out(member):
            raise refuse(f"{name} in the archive leads out of it")


def _leads_out(member: ZipInfo) -> bool:
    # ZipInfo mends names; the name as packed is the one other readers see.
    names = (member.filename, member.orig_filename)
    return any(
        "\\" in name or "\0" in name or ":" in name or name.startswith("/") or ".." in PurePosixPath(name).parts
        for name in names
    )
