"""The newest releases, opened once and kept until a newer one is published."""

import logging
from functools import lru_cache
from pathlib import Path

from riskmap import release
from riskmap.errors import DamagedRelease, NoRelease
from riskmap.release import Release

logger = logging.getLogger(__name__)


@lru_cache(maxsize=32)
def _open(root: Path, territory: str, release_id: str) -> Release:
    return release.read(root, territory, release_id)


def latest(root: Path, territory: str) -> Release:
    """The newest release of a territory; the pointer is read each time, the folder only when it has moved."""
    return _open(root, territory, release.latest_id(root, territory))


def of_id(root: Path, territory: str, release_id: str) -> Release:
    """A release of a territory by its id; a published one never changes, but may be taken back."""
    release.require_standing(root, territory, release_id)
    return _open(root, territory, release_id)


def all_latest(root: Path) -> list[Release]:
    """The newest release of every territory, by name; a damaged one is logged and left out, the others stay."""
    found = []
    for name in release.territories(root):
        try:
            found.append(latest(root, name))
        except (DamagedRelease, NoRelease):
            logger.exception("release of %s cannot be shown", name)
    return found


def smallest_with(root: Path, cell_id: str) -> Release | None:
    """Of the releases that list the cell (or its parent), the one of the fewest cells."""
    holding = [found for found in all_latest(root) if found.find(cell_id)]
    return min(holding, key=lambda found: found.cells.size, default=None)
