"""A photo that comes with a mark, a request or a dispute: kept with it in one transaction, or not at all."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date

from riskmap.photos.picture import Picture
from riskmap.photos.rules import Check, Of, Photo, Reason, State
from riskmap.ports import Store, UnitOfWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """What a photo was sent with."""

    of: Of
    territory: str
    region_id: str
    area_id: str
    is_simulated: bool
    mark_number: int | None = None
    request_number: int | None = None


@contextmanager
def along(store: Store, work: UnitOfWork, picture: Picture | None, sent: Sent, *, on: date) -> Iterator[None]:
    """Keep a photo while the block commits what it came with; where that fails, its file goes again."""
    if picture is None:
        yield
        return
    with store.photo_files.keeping(sent.territory, picture) as sha256:
        kept = Photo(
            territory=sent.territory,
            number=work.photos.next_number(sent.territory),
            region_id=sent.region_id,
            area_id=sent.area_id,
            of=sent.of,
            mark_number=sent.mark_number,
            request_number=sent.request_number,
            sha256=sha256,
            width=picture.width,
            height=picture.height,
            sent_on=on,
            is_simulated=sent.is_simulated,
        )
        work.photos.add(kept)
        yield


def follow_marks(work: UnitOfWork, territory: str, marks: Iterable[int], *, request_number: int) -> None:
    """Photos of marks go with them into a request."""
    for number in marks:
        for one in work.photos.of_mark(territory, number):
            work.photos.save(replace(one, request_number=request_number))


def refuse_marks(
    work: UnitOfWork, territory: str, marks: Iterable[int], *, account_id: str, role: str, on: date
) -> list[str]:
    """Photos of refused marks are rejected with them; the hashes of files to let go of once that is committed."""
    gone = []
    check = Check(state=State.REJECTED, on=on, account_id=account_id, role=role, reason=Reason.MARK_REFUSED)
    for number in marks:
        for one in work.photos.of_mark(territory, number):
            if one.sha256 is not None:
                gone.append(one.sha256)
                work.photos.save(replace(one, sha256=None, check=check))
    return gone


def let_go(store: Store, territory: str, hashes: Iterable[str]) -> None:
    """Remove files that no photo names any more; whoever sends the same picture now waits, and keeps it."""
    wanted = set(hashes)
    if wanted:
        with store.work() as work:
            for sha256 in sorted(wanted - work.photos.names(territory)):
                store.photo_files.remove(territory, sha256)
