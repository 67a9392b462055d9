"""What data about people is processed for, by whom and how long: the table behind the list of purposes.

Texts are ``purpose.*`` (what for), ``purpose.data.*`` (which data) and ``purpose.basis.*`` (on what ground).
"""

from dataclasses import dataclass
from enum import StrEnum

from riskmap.identity.access import RULES, Permission, Role
from riskmap.kept_kinds import Kind


class Basis(StrEnum):
    """On what ground data is processed."""

    CONSENT = "consent"
    SECURITY = "security"
    NOT_PERSONAL = "not_personal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Purpose:
    """One purpose; whoever holds one of ``permissions`` reads the data. ``kind`` says how long it is kept."""

    code: str
    kind: Kind
    basis: Basis
    permissions: tuple[Permission, ...]

    @property
    def roles(self) -> tuple[Role, ...]:
        """Roles that read the data, in the order of `Role`."""
        may = frozenset().union(*(RULES[permission] for permission in self.permissions))
        return tuple(role for role in Role if role in may)


PURPOSES: tuple[Purpose, ...] = (
    Purpose(code="requests", kind=Kind.REQUESTS, basis=Basis.CONSENT, permissions=(Permission.READ_CASEWORK,)),
    Purpose(code="meetings", kind=Kind.MEETINGS, basis=Basis.CONSENT, permissions=(Permission.READ_CASEWORK,)),
    Purpose(code="accounts", kind=Kind.ACCOUNTS, basis=Basis.CONSENT, permissions=(Permission.MANAGE_ACCOUNTS,)),
    Purpose(code="sessions", kind=Kind.SESSIONS, basis=Basis.SECURITY, permissions=(Permission.MANAGE_ACCOUNTS,)),
    Purpose(code="audit", kind=Kind.AUDIT, basis=Basis.SECURITY, permissions=(Permission.MANAGE_ACCOUNTS,)),
    Purpose(code="marks", kind=Kind.MARKS, basis=Basis.NOT_PERSONAL, permissions=(Permission.READ_SIGNALS,)),
    Purpose(
        code="photos",
        kind=Kind.PHOTOS,
        basis=Basis.CONSENT,
        permissions=(Permission.CHECK_PHOTOS, Permission.READ_CASEWORK),
    ),
    Purpose(code="reviews", kind=Kind.REVIEWS, basis=Basis.NOT_PERSONAL, permissions=(Permission.ANSWER_REVIEWS,)),
    Purpose(
        code="incidents",
        kind=Kind.INCIDENTS,
        basis=Basis.NOT_PERSONAL,
        permissions=(Permission.CORRECT_ROWS, Permission.REVIEW_HOTSPOTS),
    ),
)
