"""The newest releases, opened once and kept until a newer one is published."""

import logging
from datetime import date
from functools import lru_cache
from pathlib import Path

from riskmap import release
from riskmap.errors import DamagedRelease, NoRelease
from riskmap.release import Release

logger = logging.getLogger(__name__)

MOST_LINKS = 24
"""Releases looked through for earlier periods."""


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


def periods(root: Path, territory: str) -> tuple[tuple[date, date, str], ...]:
    """Periods the standing releases of a territory speak of, the newest first, each with its newest release.

    A period is its first day and the day after the last one. Releases that cannot be opened are left out.
    """
    return _periods(root, territory, release.latest_id(root, territory), len(release.withdrawn(root, territory)))


@lru_cache(maxsize=32)
def _periods(root: Path, territory: str, newest: str, withdrawn: int) -> tuple[tuple[date, date, str], ...]:
    found: dict[tuple[date, date], str] = {}
    try:
        links = release.chain(root, territory, most=MOST_LINKS)
    except (DamagedRelease, NoRelease):
        logger.exception("earlier releases of %s cannot be listed", territory)
        return ()
    for link in links:
        if link.withdrawn is None and (period := _open(root, territory, link.release_id).period) is not None:
            found.setdefault(period, link.release_id)
    return tuple((*period, found[period]) for period in sorted(found, reverse=True))


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
