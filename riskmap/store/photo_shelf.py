"""Files of photos, or of scans, below one folder, each under its SHA-256."""

import hashlib
import re
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from riskmap import disk
from riskmap.errors import DamagedStore
from riskmap.photo_port import KeptFile

SUFFIXES = ("jpg", "pdf")
_SHA256 = re.compile(r"[0-9a-f]{64}")


class FolderPhotos:
    """Files in ``TERRITORY/SHA256.jpg`` or ``.pdf``; see `riskmap.photo_port.PhotoShelf`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def keeping(self, territory: str, file: KeptFile) -> Iterator[str]:
        path = self._path(territory, file.sha256, file.suffix)
        was_there = path.exists()
        try:
            if not was_there:
                with disk.writing_to(path):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    disk.replace_synced(path, file.content)
            yield file.sha256
        except BaseException:
            if not was_there:
                path.unlink(missing_ok=True)
            raise

    def read(self, territory: str, sha256: str, suffix: str = "jpg") -> bytes:
        path = self._path(territory, sha256, suffix)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DamagedStore(f"{path} cannot be read; restore it from a backup, or reject the photo.") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise DamagedStore(f"{path} has changed; restore it from a backup, or reject the photo.")
        return content

    def has(self, territory: str, sha256: str) -> bool:
        return any(self._path(territory, sha256, suffix).is_file() for suffix in SUFFIXES)

    def sweep(self, territory: str, named: Collection[str], *, is_meant: bool = True) -> int:
        folder = self._root / disk.safe_name(territory)
        unnamed = [path for path in sorted(folder.glob("*")) if path.stem not in named]
        for path in unnamed if is_meant else ():
            with disk.writing_to(path):
                path.unlink(missing_ok=True)
        return len(unnamed)

    def _path(self, territory: str, sha256: str, suffix: str) -> Path:
        if not _SHA256.fullmatch(sha256) or suffix not in SUFFIXES:
            raise ValueError(f"{sha256[:80]!r} and {suffix[:10]!r} name no file; expected a SHA-256, and jpg or pdf.")
        return self._root / disk.safe_name(territory) / f"{sha256}.{suffix}"
