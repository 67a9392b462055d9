"""What a ZIP archive holds, once it is safe to unpack: a workbook is one, and so is a zipped shapefile."""

import stat
import zlib
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, LargeZipFile, ZipFile, ZipInfo

from geodata.column_names import printable
from geodata.errors import UnreadableFile

MOST_MEMBERS = 1_000
MOST_UNPACKED_BYTES = 1_000_000_000
_CHUNK_BYTES = 1 << 20


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
    except (BadZipFile, LargeZipFile, zlib.error, OSError, EOFError, NotImplementedError, RuntimeError) as trouble:
        raise UnreadableFile(
            f"{path.name} is a ZIP archive or an Excel workbook, but damaged or unusual "
            f"({printable(str(trouble), most=120)}). Copy or pack it again."
        ) from None
    return tuple(member.filename for member in members)


def _refuse_strange(path: Path, members: list[ZipInfo]) -> None:
    def refuse(what: str) -> UnreadableFile:
        return UnreadableFile(f"{path.name}: {what}. Unpack it yourself and deliver the file of incidents.")

    if len(members) > MOST_MEMBERS:
        raise refuse(f"the archive has {len(members)} files; expected at most {MOST_MEMBERS}")
    unpacked = sum(member.file_size for member in members)
    if unpacked > MOST_UNPACKED_BYTES:
        raise refuse(f"unpacked it would be {unpacked:,} bytes; expected at most {MOST_UNPACKED_BYTES:,}")
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
