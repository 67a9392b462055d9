"""Use case of the council: read which areas are clearly higher and asked for nothing; nobody else sees the list."""

from datetime import datetime

from riskmap.council.casework import Office
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Permission


def may_read(actor: Actor, territory: str) -> bool:
    """Whether the actor may read the list."""
    return access.allowed_role(actor, Permission.READ_SILENT, region_id=territory) is not None


def read(office: Office, actor: Actor, territory: str, *, at: datetime) -> None:
    """Ask for the list and leave a line in the audit log.

    Raises
    ------
    NotAllowed
    """
    role = access.require(actor, Permission.READ_SILENT, region_id=territory)
    with office.store.work() as work:
        audit.record(
            work,
            account_id=actor.account_id,
            action="read_silent",
            subject=f"territory {territory}",
            details={"role": str(role)},
            at=at,
        )
        work.commit()
