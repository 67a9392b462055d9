"""Photos that come with a mark, a request or a dispute: kept with it in one transaction, or not at all."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import date

from riskmap.errors import FieldFault, UnfitFields
from riskmap.photos import picture
from riskmap.photos.picture import Picture
from riskmap.photos.rules import MOST, Check, Of, Photo, Reason, State
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


def cleaned(files: Sequence[bytes], of: Of) -> tuple[Picture, ...]:
    """The pictures of the files of one form; one that came twice counts once.

    Raises
    ------
    UnfitFields
        If there are too many, or one is no photo that fits.
    """
    if len(files) > MOST[of]:
        fault = FieldFault(field=picture.FIELD, fault="photo_many", limit=MOST[of], found=len(files))
        raise UnfitFields((fault,))
    found = [picture.cleaned(one) for one in files]
    return tuple({one.sha256: one for one in found}.values())


@contextmanager
def along(store: Store, work: UnitOfWork, pictures: Iterable[Picture], sent: Sent, *, on: date) -> Iterator[None]:
    """Keep photos while the block commits what they came with; where that fails, their files go again."""
    with ExitStack() as files:
        for one in pictures:
            sha256 = files.enter_context(store.photo_files.keeping(sent.territory, one))
            kept = Photo(
                territory=sent.territory,
                number=work.photos.next_number(sent.territory),
                region_id=sent.region_id,
                area_id=sent.area_id,
                of=sent.of,
                mark_number=sent.mark_number,
                request_number=sent.request_number,
                sha256=sha256,
                width=one.width,
                height=one.height,
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
) -> None:
    """Photos of refused marks are rejected with them; once that is committed, `sweep` removes their files."""
    check = Check(state=State.REJECTED, on=on, account_id=account_id, role=role, reason=Reason.MARK_REFUSED)
    for number in marks:
        for one in work.photos.of_mark(territory, number):
            if one.sha256 is not None:
                work.photos.save(replace(one, sha256=None, check=check))


def sweep(store: Store, territory: str) -> int:
    """Remove files that no photo names: of those just rejected, and what a killed process left; returns how many.

    Whoever sends a photo waits meanwhile, so none that is just being kept goes.
    """
    with store.work() as work:
        return store.photo_files.sweep(territory, work.photos.names(territory))
