"""What is known of photos and scans, in SQL; their files lie beside the database."""

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import sqlalchemy as sa

from riskmap.photos.rules import Check, Of, Photo, Reason, State
from riskmap.photos.scan import Scan
from riskmap.store.tables import answer_scan, photo


class SqlPhotos:
    """Photos in SQL; see `riskmap.photo_port.Photos`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, territory: str, number: int) -> Photo | None:
        found = self._select(photo.c.territory == territory, photo.c.number == number)
        return found[0] if found else None

    def of_territory(self, territory: str) -> list[Photo]:
        return self._select(photo.c.territory == territory)

    def of_mark(self, territory: str, mark_number: int) -> list[Photo]:
        return self._select(photo.c.territory == territory, photo.c.mark_number == mark_number)

    def next_number(self, territory: str) -> int:
        highest = sa.select(sa.func.max(photo.c.number)).where(photo.c.territory == territory)
        return (self._connection.execute(highest).scalar() or 0) + 1

    def add(self, photo_: Photo) -> None:
        self._connection.execute(
            sa.insert(photo).values(
                territory=photo_.territory,
                number=photo_.number,
                region_id=photo_.region_id,
                area_id=photo_.area_id,
                sent_with=photo_.of,
                mark_number=photo_.mark_number,
                width=photo_.width,
                height=photo_.height,
                sent_on=photo_.sent_on,
                is_simulated=photo_.is_simulated,
                **_changing(photo_),
            )
        )

    def save(self, photo_: Photo) -> None:
        where = (photo.c.territory == photo_.territory) & (photo.c.number == photo_.number)
        self._connection.execute(sa.update(photo).where(where).values(_changing(photo_)))

    def remove(self, territory: str, numbers: Collection[int]) -> None:
        for number in numbers:
            where = (photo.c.territory == territory) & (photo.c.number == number)
            self._connection.execute(sa.delete(photo).where(where))

    def names(self, territory: str) -> set[str]:
        rows = sa.select(photo.c.sha256).where(photo.c.territory == territory, photo.c.sha256.is_not(None))
        return {row.sha256 for row in self._connection.execute(rows)}

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Photo]:
        query = sa.select(photo).where(*conditions).order_by(photo.c.territory, photo.c.number)
        return [_photo(row) for row in self._connection.execute(query)]


class SqlScans:
    """Scans of answers in SQL; see `riskmap.photo_port.Scans`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, territory: str, request_number: int, position: int) -> Scan | None:
        of = (answer_scan.c.request_number == request_number) & (answer_scan.c.position == position)
        found = self._select(answer_scan.c.territory == territory, of)
        return found[0] if found else None

    def of_territory(self, territory: str) -> list[Scan]:
        return self._select(answer_scan.c.territory == territory)

    def add(self, scan: Scan) -> None:
        self._connection.execute(sa.insert(answer_scan).values(asdict(scan)))

    def remove(self, territory: str, request_numbers: Collection[int]) -> None:
        for number in request_numbers:
            where = (answer_scan.c.territory == territory) & (answer_scan.c.request_number == number)
            self._connection.execute(sa.delete(answer_scan).where(where))

    def names(self, territory: str) -> set[str]:
        rows = sa.select(answer_scan.c.sha256).where(answer_scan.c.territory == territory)
        return {row.sha256 for row in self._connection.execute(rows)}

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Scan]:
        order = (answer_scan.c.territory, answer_scan.c.request_number, answer_scan.c.position)
        query = sa.select(answer_scan).where(*conditions).order_by(*order)
        return [Scan(**row._mapping) for row in self._connection.execute(query)]


def _changing(photo_: Photo) -> dict[str, object]:
    check = photo_.check
    return {
        "request_number": photo_.request_number,
        "sha256": photo_.sha256,
        "state": photo_.state,
        "checked_on": check and check.on,
        "account_id": check and check.account_id,
        "role": check and check.role,
        "caption": check.caption if check else "",
        "reason": check and check.reason,
    }


def _photo(row: sa.Row[Any]) -> Photo:
    check = None
    if row.checked_on is not None:
        check = Check(
            state=State(row.state),
            on=row.checked_on,
            account_id=row.account_id,
            role=row.role,
            caption=row.caption,
            reason=Reason(row.reason) if row.reason else None,
        )
    return Photo(
        territory=row.territory,
        number=row.number,
        region_id=row.region_id,
        area_id=row.area_id,
        of=Of(row.sent_with),
        mark_number=row.mark_number,
        request_number=row.request_number,
        sha256=row.sha256,
        width=row.width,
        height=row.height,
        sent_on=row.sent_on,
        is_simulated=row.is_simulated,
        check=check,
    )
