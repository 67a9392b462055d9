"""Use cases of scans: those who read the council's work see that there is one, and take it; the look is audited."""

from datetime import datetime

from riskmap.council.casework import Office
from riskmap.council.request import CouncilRequest
from riskmap.errors import UnknownPhoto, UnknownRequest
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Permission
from riskmap.photos.scan import Scan


def of_request(office: Office, actor: Actor, request: CouncilRequest) -> list[Scan]:
    """Scans of answers to a request; none for whoever may not read the council's work there."""
    if access.allowed_role(actor, Permission.READ_CASEWORK, region_id=request.region_id) is None:
        return []
    with office.store.look() as look:
        return [one for one in look.scans.of_territory(request.territory) if one.request_number == request.number]


def take(
    office: Office, actor: Actor, territory: str, number: int, position: int, *, at: datetime
) -> tuple[Scan, bytes]:
    """A scan and its content; ``scan_taken`` is kept in the audit log.

    Raises
    ------
    NotAllowed
    UnknownRequest, UnknownPhoto
        If there is no such request, or no scan with its step.
    DamagedStore
        If the file is missing or changed.
    """
    with office.store.work() as work:
        request = work.requests.find(territory, number)
        if request is None:
            raise UnknownRequest(f"There is no request {territory}-{number}. Look it up in the list of requests.")
        role = access.require(actor, Permission.READ_CASEWORK, region_id=request.region_id)
        found = work.scans.find(territory, number, position)
        if found is None:
            raise UnknownPhoto(f"Step {position} of request {territory}-{number} has no scan. Open the request.")
        content = office.store.scan_files.read(territory, found.sha256, found.suffix)
        audit.record(
            work,
            account_id=actor.account_id,
            action="scan_taken",
            subject=f"request {territory}-{number}",
            details={"role": str(role), "position": position},
            at=at,
        )
        work.commit()
    return found, content
