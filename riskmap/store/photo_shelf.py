"""Files of photos below one folder, each under its SHA-256."""

import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from riskmap import disk
from riskmap.errors import DamagedStore
from riskmap.photos.picture import Picture

_SHA256 = re.compile(r"[0-9a-f]{64}")


class FolderPhotos:
    """Files of photos in ``TERRITORY/SHA256.jpg``; see `riskmap.photo_port.PhotoShelf`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def keeping(self, territory: str, picture: Picture) -> Iterator[str]:
        path = self._path(territory, picture.sha256)
        was_there = path.exists()
        try:
            if not was_there:
                with disk.writing_to(path):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    disk.replace_synced(path, picture.content)
            yield picture.sha256
        except BaseException:
            if not was_there:
                path.unlink(missing_ok=True)
            raise

    def read(self, territory: str, sha256: str) -> bytes:
        path = self._path(territory, sha256)
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DamagedStore(f"{path} cannot be read; restore it from a backup, or reject the photo.") from error
        if hashlib.sha256(content).hexdigest() != sha256:
            raise DamagedStore(f"{path} has changed; restore it from a backup, or reject the photo.")
        return content

    def remove(self, territory: str, sha256: str) -> None:
        path = self._path(territory, sha256)
        with disk.writing_to(path):
            path.unlink(missing_ok=True)

    def _path(self, territory: str, sha256: str) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise ValueError(f"{sha256[:80]!r} names no photo; expected a SHA-256.")
        return self._root / disk.safe_name(territory) / f"{sha256}.jpg"
