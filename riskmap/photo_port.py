"""The ports of photos: what is known of each, and the shelf of their files; see `riskmap.photos`."""

from contextlib import AbstractContextManager
from datetime import date
from typing import Protocol

from riskmap.photos.picture import Picture
from riskmap.photos.rules import Photo


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

    def remove(self, territory: str, *, sent_before: date, marked_before: date) -> list[str]:
        """Remove photos sent before a day, those of marks in no request before another; the hashes of their files."""
        ...

    def names(self, territory: str) -> set[str]:
        """Hashes of all files that belong to a photo."""
        ...


class PhotoShelf(Protocol):
    """Files of photos, named by their SHA-256; nobody reads them but through the use cases."""

    def keeping(self, territory: str, picture: Picture) -> AbstractContextManager[str]:
        """Put a file there and name it; if the block fails, a file that was not there before goes again."""
        ...

    def read(self, territory: str, sha256: str) -> bytes:
        """The content of a file, checked.

        Raises
        ------
        DamagedStore
            If it is missing or changed.
        """
        ...

    def remove(self, territory: str, sha256: str) -> None:
        """Remove a file; one that is not there is no error."""
        ...
