"""The ports of photos and scans: what is known of each, and the shelf of their files; see `riskmap.photos`."""

from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Protocol

from riskmap.photos.rules import Photo
from riskmap.photos.scan import Scan


class Photos(Protocol):
    """What the catalogue knows of photos."""

    def find(self, territory: str, number: int) -> Photo | None: ...

    def of_territory(self, territory: str) -> list[Photo]:
        """All photos of a territory, by number."""
        ...

    def of_mark(self, territory: str, mark_number: int) -> list[Photo]: ...

    def next_number(self, territory: str) -> int:
        """One more than the highest number so far; 1 for the first."""
        ...

    def add(self, photo: Photo) -> None: ...

    def save(self, photo: Photo) -> None:
        """Keep what was found of a photo, or the request it belongs to now."""
        ...

    def remove(self, territory: str, numbers: Collection[int]) -> None:
        """Forget photos; their files follow with `PhotoShelf.sweep`."""
        ...

    def names(self, territory: str) -> set[str]:
        """Hashes of all files that belong to a photo."""
        ...


class Scans(Protocol):
    """What the catalogue knows of scans of answers."""

    def find(self, territory: str, request_number: int, position: int) -> Scan | None: ...

    def of_territory(self, territory: str) -> list[Scan]:
        """All scans of a territory, by request and step."""
        ...

    def add(self, scan: Scan) -> None: ...

    def remove(self, territory: str, request_numbers: Collection[int]) -> None:
        """Forget the scans of requests; their files follow with `PhotoShelf.sweep`."""
        ...

    def names(self, territory: str) -> set[str]:
        """Hashes of all files that belong to a scan."""
        ...


class KeptFile(Protocol):
    """A file to be kept: its content, the SHA-256 of that, and the end of its name."""

    @property
    def content(self) -> bytes: ...

    @property
    def suffix(self) -> str: ...

    @property
    def sha256(self) -> str: ...


class PhotoShelf(Protocol):
    """Files of photos or scans, named by their SHA-256; nobody reads them but through the use cases."""

    def keeping(self, territory: str, file: KeptFile) -> AbstractContextManager[str]:
        """Put a file there and name it; if the block fails, a file that was not there before goes again."""
        ...

    def read(self, territory: str, sha256: str, suffix: str = "jpg") -> bytes:
        """The content of a file, checked.

        Raises
        ------
        DamagedStore
            If it is missing or changed.
        """
        ...

    def has(self, territory: str, sha256: str) -> bool:
        """Whether there is such a file."""
        ...

    def sweep(self, territory: str, named: Collection[str], *, is_meant: bool = True) -> int:
        """Remove every file whose SHA-256 is not ``named``; how many they are.

        Only while nobody else can keep one: in a unit that writes. Without ``is_meant`` they are only counted.
        """
        ...
