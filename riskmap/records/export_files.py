"""Photos that are shown and scans of answers in a council's export: two tables, and the files beside them."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from riskmap.errors import DamagedStore
from riskmap.photos.rules import Photo, State
from riskmap.photos.scan import Scan
from riskmap.ports import Store, UnitOfWork
from riskmap.records.export_tables import Shelf

logger = logging.getLogger(__name__)


def of_territory(store: Store, look: UnitOfWork, territory: str) -> dict[str, bytes]:
    """Contents by their way in the export; one that is missing or changed is left out, and logged."""
    wanted = {
        _photo_file(one): (store.photo_files, one.sha256 or "", "jpg")
        for one in look.photos.of_territory(territory)
        if one.state is State.SHOWN
    }
    wanted |= {
        _scan_file(one): (store.scan_files, one.sha256, one.suffix) for one in look.scans.of_territory(territory)
    }
    found = {}
    for name, (shelf, sha256, suffix) in wanted.items():
        try:
            found[f"{Shelf.RESTRICTED}/{name}"] = shelf.read(territory, sha256, suffix)
        except DamagedStore:
            logger.exception("%s is left out of the export of %s", name, territory)
    return found


def photos(look: UnitOfWork, territory: str) -> Iterator[Mapping[str, Any]]:
    """Rows of the table of photos."""
    for one in look.photos.of_territory(territory):
        check = one.check
        yield {
            "photo": one.number,
            "sent_with": one.of,
            "request": one.request_number,
            "sent_on": one.sent_on,
            "state": one.state,
            "checked_on": check.on if check else None,
            "account": check.account_id if check else None,
            "role": check.role if check else None,
            "caption": check.caption if check else "",
            "reason": check.reason if check else None,
            "file": _photo_file(one) if one.state is State.SHOWN else None,
        }


def scans(look: UnitOfWork, territory: str) -> Iterator[Mapping[str, Any]]:
    """Rows of the table of scans."""
    for one in look.scans.of_territory(territory):
        yield {
            "request": one.request_number,
            "position": one.position,
            "kept_on": one.kept_on,
            "size_bytes": one.size_bytes,
            "file": _scan_file(one),
        }


def _photo_file(one: Photo) -> str:
    return f"photos/{one.number}.jpg"


def _scan_file(one: Scan) -> str:
    return f"scans/{one.request_number}-{one.position}.{one.suffix}"
