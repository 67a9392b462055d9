"""Public copies of photos: beside the journals, named by their content, and gone as soon as no journal names them."""

import logging
from collections.abc import Iterable, Mapping
from pathlib import Path

from riskmap import disk, journal
from riskmap.council.request import CouncilRequest
from riskmap.council.request import State as RequestState
from riskmap.errors import DamagedStore
from riskmap.journal import PublicPhoto
from riskmap.photos.rules import Photo, State
from riskmap.ports import Store

logger = logging.getLogger(__name__)


def by_request(photos: Iterable[Photo], requests: Iterable[CouncilRequest]) -> dict[int, list[Photo]]:
    """Photos to show with each request, oldest first.

    Those of a merged request go with the one it was merged into; those of a withdrawn one are not shown.
    """
    listed = {request.number: request for request in requests}
    found: dict[int, list[Photo]] = {}
    for photo in photos:
        number = photo.request_number
        # A request is merged into an earlier one, so this comes to an end.
        while number in listed and (into := listed[number].merged_into) is not None:
            number = into
        is_told = number in listed and listed[number].state is not RequestState.WITHDRAWN
        if number is not None and is_told and photo.state is State.SHOWN:
            found.setdefault(number, []).append(photo)
    return found


def copy(
    store: Store, journals: Path, territory: str, wanted: Mapping[int, list[Photo]]
) -> dict[int, list[PublicPhoto]]:
    """Put copies there before the journal that names them is written; a damaged photo is left out, and logged.

    Raises
    ------
    CannotWrite
        If the folder cannot be written.
    """
    told: dict[int, list[PublicPhoto]] = {}
    for number, photos in wanted.items():
        for photo in photos:
            if photo.sha256 is None or photo.check is None:
                continue
            path = journal.photo_path(journals, territory, photo.sha256)
            try:
                if not path.exists():
                    content = store.photo_files.read(territory, photo.sha256)
                    with disk.writing_to(path):
                        path.parent.mkdir(parents=True, exist_ok=True)
                        disk.replace_synced(path, content)
            except DamagedStore:
                logger.exception("Photo %s-%s cannot be published", territory, photo.number)
                continue
            told.setdefault(number, []).append(
                PublicPhoto(
                    sha256=photo.sha256,
                    caption=photo.check.caption,
                    width=photo.width,
                    height=photo.height,
                    sent_with=photo.of.value,
                    sent_on=photo.sent_on,
                )
            )
    return told


def sweep(journals: Path, territory: str, told: Mapping[int, list[PublicPhoto]]) -> None:
    """Remove copies that the journal just written does not name."""
    named = {photo.sha256 for photos in told.values() for photo in photos}
    folder = journal.photo_path(journals, territory, "x").parent
    for path in sorted(folder.glob("*")):
        if path.stem not in named:
            with disk.writing_to(path):
                path.unlink(missing_ok=True)
