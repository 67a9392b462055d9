"""The port of signing in with a provider; see `riskmap.identity.provider_sign_in`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

LONGEST_SUBJECT = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """Who an account is at a provider: a subject has one account at most, an account one subject of each issuer."""

    issuer: str
    subject: str
    account_id: str
    linked_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class PendingSignIn:
    """A browser that was sent to the provider and is not back yet. Its secrets are known to the browser alone."""

    state_sha256: str
    browser_sha256: str
    wanted: str
    created_at: datetime


class Identities(Protocol):
    """Links between accounts and subjects of providers."""

    def find(self, issuer: str, subject: str) -> Identity | None: ...

    def of_account(self, account_id: str) -> list[Identity]:
        """Links of an account, by issuer."""
        ...

    def add(self, identity: Identity) -> None: ...

    def remove(self, account_id: str) -> int:
        """Remove the links of an account, and count them."""
        ...


class PendingSignIns(Protocol):
    """Browsers on their way to the provider and back."""

    def find(self, state_sha256: str) -> PendingSignIn | None: ...

    def add(self, pending: PendingSignIn) -> None: ...

    def remove(self, state_sha256: str) -> None: ...

    def remove_before(self, moment: datetime) -> int:
        """Remove those begun at a moment or before it, and count them."""
        ...


def is_subject(text: object) -> bool:
    """Whether this can be a subject: 1 to `LONGEST_SUBJECT` signs that are printed, no space at either end."""
    return isinstance(text, str) and 0 < len(text) <= LONGEST_SUBJECT and text.isprintable() and text == text.strip()
