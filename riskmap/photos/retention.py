"""Which photos and scans are over their term, and the files that nothing names."""

from dataclasses import dataclass
from datetime import datetime

from riskmap.council.request import civil_day
from riskmap.photos import rules
from riskmap.photos.rules import State
from riskmap.ports import Store, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Swept:
    """How many entries went, and whether one of them was public."""

    entries: int
    is_public: bool


def take(
    store: Store,
    work: UnitOfWork,
    territory: str,
    before: datetime | None,
    marked_before: datetime | None,
    *,
    is_meant: bool,
) -> Swept:
    """Forget photos and scans that are over their term, and photos whose file is missing."""
    assert before is not None  # noqa: S101 (both always have a term)
    assert marked_before is not None  # noqa: S101
    requests = work.requests.of_territory(territory)
    still_open = {one.number for one in requests if one.is_open}
    days = {"before": civil_day(before), "marked_before": civil_day(marked_before)}
    over, is_public = [], False
    for photo in work.photos.of_territory(territory):
        is_lost = photo.sha256 is not None and not store.photo_files.has(territory, photo.sha256)
        if is_lost or rules.is_over(photo, open_requests=still_open, **days):
            over.append(photo.number)
            is_public = is_public or photo.state is State.SHOWN
    long_closed = {one.number for one in requests if not one.is_open and one.changed_at < before}
    scans = [one for one in work.scans.of_territory(territory) if one.request_number in long_closed]
    if is_meant:
        work.photos.remove(territory, over)
        work.scans.remove(territory, {one.request_number for one in scans})
    return Swept(entries=len(over) + len(scans), is_public=is_public)


def sweep(store: Store, territory: str) -> int:
    """Remove files that nothing names, once what named them is forgotten; returns how many."""
    with store.work() as work:
        photos = store.photo_files.sweep(territory, work.photos.names(territory))
        return photos + store.scan_files.sweep(territory, work.scans.names(territory))
