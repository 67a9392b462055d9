"""Files that come with a step of a request: a photo of what is amiss, or the scan of a body's answer."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime

from riskmap.council.request import Action, CouncilRequest, civil_day
from riskmap.errors import FieldFault, UnfitFields
from riskmap.photos import scan, sending
from riskmap.photos.picture import Picture
from riskmap.photos.rules import Of
from riskmap.photos.scan import Scan, ScanFile
from riskmap.photos.sending import Sent
from riskmap.ports import Store, UnitOfWork

PHOTOS = {Action.SUBMIT: Of.REQUEST, Action.DISPUTE: Of.DISPUTE}
"""Steps that a photo may come with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attached:
    """What a form brought along, checked and ready to be kept."""

    pictures: tuple[Picture, ...] = ()
    scan: ScanFile | None = None


def takes(action: Action) -> bool:
    """Whether a step takes a file along."""
    return action in PHOTOS or action in scan.STEPS


def checked(action: Action, files: Sequence[bytes]) -> Attached:
    """The files of a step; a step that takes none leaves them out.

    Raises
    ------
    UnfitFields
    """
    if not files or not takes(action):
        return Attached()
    if action in PHOTOS:
        return Attached(pictures=sending.cleaned(files, PHOTOS[action]))
    if len(files) > 1:
        raise UnfitFields((FieldFault(field=scan.FIELD, fault="photo_many", limit=1, found=len(files)),))
    return Attached(scan=scan.checked(files[0]))


@contextmanager
def along(
    store: Store, work: UnitOfWork, attached: Attached, request: CouncilRequest, action: Action, *, at: datetime
) -> Iterator[None]:
    """Keep them while the block commits the step; where that fails, their files go again."""
    on = civil_day(at)
    with ExitStack() as kept:
        if attached.pictures:
            sent = _sent(request, PHOTOS[action])
            kept.enter_context(sending.along(store, work, attached.pictures, sent, on=on))
        if attached.scan is not None:
            sha256 = kept.enter_context(store.scan_files.keeping(request.territory, attached.scan))
            work.scans.add(
                Scan(
                    territory=request.territory,
                    request_number=request.number,
                    position=request.version,
                    sha256=sha256,
                    suffix=attached.scan.suffix,
                    size_bytes=len(attached.scan.content),
                    kept_on=on,
                )
            )
        yield


def _sent(request: CouncilRequest, of: Of) -> Sent:
    return Sent(
        of=of,
        territory=request.territory,
        region_id=request.region_id,
        area_id=request.place.area_id,
        is_simulated=request.is_simulated,
        request_number=request.number,
    )
