"""Accounts and the roles they hold: each change is one transaction that also writes the audit log.

Whoever changes an account must be allowed to in every region it holds a role in: otherwise the administrator of one
town could give a new password to the chair of another.
"""

import re
import secrets
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from threading import BoundedSemaphore
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from riskmap.errors import NotAllowed, UnfitAccount, UnknownAccount
from riskmap.identity import access, audit
from riskmap.identity.access import OPERATOR, Actor, Grant, Permission
from riskmap.ports import Account, Store, UnitOfWork
from riskmap.provider_port import Identity, is_subject
from riskmap.wording import LANGUAGES

LOGIN = re.compile(r"[\w.-]{3,40}")
REGION_ID = re.compile(r"[a-z0-9_-]{1,40}(/[\w.() -]{1,39})?")
LEAST_PASSWORD, MOST_PASSWORD = 12, 200
NO_PASSWORD = ""
"""In the place of a hash: no password opens the account."""

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
"""Without l, i, o, 0 and 1, which are read as one another."""

_HASHER = PasswordHasher()
# Each hash takes 64 MiB for a moment; a crowd at the door must not take all there is.
_AT_ONCE = BoundedSemaphore(4)


def add(
    store: Store,
    actor: Actor,
    *,
    login: str,
    password: str | None,
    grants: Sequence[Grant],
    language: str,
    at: datetime,
    is_simulated: bool = False,
) -> Account:
    """Open an account with its first roles. One without any can only be opened by the operator.

    Without a password nobody signs in with one: the account waits to be linked to somebody at a provider.

    Raises
    ------
    NotAllowed
        If the actor does not manage accounts in each of the regions.
    UnfitAccount
        If login, password, language or a region does not fit, or the login is taken.
    """
    folded = _fit_login(login)
    if password is not None:
        _require_fit_password(password, folded)
    if language not in LANGUAGES:
        raise UnfitAccount(f"The language is {language[:20]!r}; expected one of {', '.join(LANGUAGES)}. Choose one.")
    for given in grants:
        require_region_id(given.region_id)
    account = Account(
        account_id=f"a-{secrets.token_hex(8)}",
        login=folded,
        password_hash=NO_PASSWORD if password is None else hash_password(password),
        language=language,
        created_at=at,
        is_simulated=is_simulated,
        is_password_given=password is not None and not is_simulated,
    )
    with _changing(store, actor, at=at) as work:
        _require(actor, grants)
        if work.accounts.by_login(folded) is not None:
            raise UnfitAccount(f"The login {folded} is taken; expected one that nobody has. Choose another.")
        work.accounts.save(account)
        _record(work, actor, "account_added", account, {"is_simulated": is_simulated}, at=at)
        for given in dict.fromkeys(grants):
            work.accounts.grant(account.account_id, given, at=at)
            _record(work, actor, "role_granted", account, _of(given), at=at)
    return account


def grant(store: Store, actor: Actor, login: str, grant: Grant, *, at: datetime) -> None:
    """Give a role in a region; one already held stays as it is.

    Raises
    ------
    NotAllowed
        If the actor does not manage accounts in that region.
    UnfitAccount
        If the region is not written ``territory`` or ``territory/area``.
    UnknownAccount
        If nobody has the login.
    """
    require_region_id(grant.region_id)
    with _changing(store, actor, at=at) as work:
        _require(actor, [grant])
        account = _found(work, login)
        if grant not in work.accounts.grants_of(account.account_id):
            work.accounts.grant(account.account_id, grant, at=at)
            _record(work, actor, "role_granted", account, _of(grant), at=at)


def take_back(store: Store, actor: Actor, login: str, grant: Grant, *, at: datetime) -> None:
    """Take a role back; whoever is signed in loses it with the next click.

    Raises
    ------
    NotAllowed
        If the actor does not manage accounts in that region.
    UnfitAccount
        If the account does not hold this role in this very region.
    UnknownAccount
        If nobody has the login.
    """
    with _changing(store, actor, at=at) as work:
        _require(actor, [grant])
        account = _found(work, login)
        held = work.accounts.grants_of(account.account_id)
        if grant not in held:
            known = ", ".join(f"{one.role} in {one.region_id}" for one in held) or "none"
            raise UnfitAccount(
                f"{account.login} is not {grant.role} in {grant.region_id[:80]}; roles held: {known}. "
                "Name the role and the region as they were given."
            )
        work.accounts.take_back(account.account_id, grant)
        _record(work, actor, "role_taken_back", account, _of(grant), at=at)


def disable(store: Store, actor: Actor, login: str, *, at: datetime) -> None:
    """Close an account and end its sessions; what it did stays on record.

    Raises
    ------
    NotAllowed
        If the actor does not manage accounts in each region of the account.
    UnknownAccount
        If nobody has the login.
    """
    with _changing(store, actor, at=at) as work:
        account = _managed(work, actor, login)
        work.sessions.end_all(account.account_id, at=at)
        if account.disabled_at is None:
            work.accounts.save(replace(account, disabled_at=at))
            _record(work, actor, "account_disabled", account, {}, at=at)


def enable(store: Store, actor: Actor, login: str, *, at: datetime) -> None:
    """Open a closed account again; errors as in `disable`."""
    with _changing(store, actor, at=at) as work:
        account = _managed(work, actor, login)
        if account.disabled_at is not None:
            work.accounts.save(replace(account, disabled_at=None))
            _record(work, actor, "account_enabled", account, {}, at=at)


def link(store: Store, actor: Actor, login: str, *, issuer: str, subject: str, at: datetime) -> bool:
    """Let whoever is ``subject`` at a provider open an account; false if they could before.

    Raises
    ------
    NotAllowed
        If the actor does not manage accounts in each region of the account.
    UnfitAccount
        If that is no subject, the account is linked to another one there, or the subject to another account.
    UnknownAccount
        If nobody has the login.
    """
    if not is_subject(subject):
        raise UnfitAccount(
            f"The subject has {len(subject)} signs; expected 1 to 255 that can be printed, as the provider writes it. "
            "Copy it from there."
        )
    with _changing(store, actor, at=at) as work:
        account = _managed(work, actor, login)
        known = work.identities.find(issuer, subject)
        if known is not None and known.account_id == account.account_id:
            return False
        if known is not None or any(one.issuer == issuer for one in work.identities.of_account(account.account_id)):
            raise UnfitAccount(
                f"This subject opens another account, or another subject {account.login}; expected neither. "
                "Unlink that account first: python -m riskmap account unlink LOGIN."
            )
        work.identities.add(Identity(issuer=issuer, subject=subject, account_id=account.account_id, linked_at=at))
        _record(work, actor, "identity_linked", account, {"issuer": issuer}, at=at)
    return True


def unlink(store: Store, actor: Actor, login: str, *, at: datetime) -> bool:
    """Let no provider open an account any more, and end its sessions; false if none could. Errors as in `disable`."""
    with _changing(store, actor, at=at) as work:
        account = _managed(work, actor, login)
        removed = work.identities.remove(account.account_id)
        if removed:
            work.sessions.end_all(account.account_id, at=at)
            _record(work, actor, "identity_unlinked", account, {"links": removed}, at=at)
    return removed > 0


def set_password(store: Store, actor: Actor, login: str, password: str, *, at: datetime) -> None:
    """Give a new password: sessions end, and wrong passwords so far are forgotten.

    Raises
    ------
    UnfitAccount
        If the password does not fit; the other errors are those of `disable`.
    """
    _require_fit_password(password, _folded(login))
    password_hash = hash_password(password)
    with _changing(store, actor, at=at) as work:
        account = _managed(work, actor, login)
        given = replace(account, password_hash=password_hash, failures=0, rests_until=None)
        work.accounts.save(replace(given, is_password_given=not account.is_simulated))
        work.sessions.end_all(account.account_id, at=at)
        _record(work, actor, "password_set", account, {}, at=at)


def reset_codes(store: Store, actor: Actor, login: str, *, at: datetime) -> bool:
    """Ask an account for codes no more, whose owner lost theirs, and end its sessions; false if it had none.

    Errors as in `disable`.
    """
    with _changing(store, actor, at=at) as work:
        account = _managed(work, actor, login)
        removed = work.second_factors.remove(account.account_id)
        if removed:
            work.sessions.end_all(account.account_id, at=at)
            _record(work, actor, "codes_reset", account, {}, at=at)
    return removed


def listing(store: Store, actor: Actor) -> list[tuple[Account, tuple[Grant, ...]]]:
    """Accounts by login with their roles: all for the operator, else those with a role in a region of the actor's.

    Raises
    ------
    NotAllowed
        If the actor manages accounts nowhere.
    """
    _require_somewhere(actor)
    with store.look() as look:
        everybody = [(account, look.accounts.grants_of(account.account_id)) for account in look.accounts.all()]
    return [
        (account, grants)
        for account, grants in everybody
        if actor.account_id == OPERATOR or any(_may(actor, given.region_id) for given in grants)
    ]


def length_of(password: str) -> int:
    """Signs of a password, however a keyboard sent them."""
    return len(unicodedata.normalize("NFC", password))


def is_login(password: str, login: str) -> bool:
    """Whether a password is the login itself."""
    return _folded(password) == login


def random_password() -> str:
    """Four groups of five signs that cannot be misread: 99 bits."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(5)) for _ in range(4))


def hash_password(password: str) -> str:
    """Argon2id hash with its own salt, at the library's present parameters."""
    with _AT_ONCE:
        return _HASHER.hash(_password_bytes(password))


def verify(password_hash: str | None, password: str) -> bool:
    """Whether the password is the right one.

    Where there is none, of a login nobody has or an account without a password, the work is done all the same.
    """
    given = _password_bytes(password)
    with _AT_ONCE:
        if password_hash is None or password_hash == NO_PASSWORD:
            _HASHER.hash(given)
            return False
        try:
            return _HASHER.verify(password_hash, given)
        except (VerificationError, InvalidHashError):
            return False


def is_outdated(password_hash: str) -> bool:
    """Whether the library would use other parameters today."""
    return _HASHER.check_needs_rehash(password_hash)


def by_login(work: UnitOfWork, login: str) -> Account | None:
    """The account of a login as somebody typed it."""
    return work.accounts.by_login(_folded(login))


def subject_of(account: Account) -> str:
    """How the audit log names an account."""
    return f"account {account.account_id}"


def require_region_id(region_id: str) -> None:
    """Check how a region is written, not that it exists.

    Raises
    ------
    UnfitAccount
        If it is neither ``territory`` nor ``territory/area``.
    """
    if not REGION_ID.fullmatch(region_id):
        raise UnfitAccount(
            f"The region is {region_id[:80]!r}; expected a territory or one of its areas, such as ulgiqala or "
            "ulgiqala/ulg-01. Correct it."
        )


@contextmanager
def _changing(store: Store, actor: Actor, *, at: datetime) -> Iterator[UnitOfWork]:
    """A transaction that is kept if the block ends well; an attempt that access refused is kept in the audit log."""
    try:
        with store.work() as work:
            yield work
            work.commit()
    except NotAllowed as error:
        with store.work() as work:
            audit.record(
                work,
                account_id=actor.account_id,
                action="refused",
                subject="accounts",
                details={"permission": str(error.permission), "is_own": error.is_own},
                at=at,
            )
            work.commit()
        raise


def _managed(work: UnitOfWork, actor: Actor, login: str) -> Account:
    # Asked first: which logins exist is nothing for those who manage none.
    _require_somewhere(actor)
    account = _found(work, login)
    _require(actor, work.accounts.grants_of(account.account_id))
    return account


def _found(work: UnitOfWork, login: str) -> Account:
    account = by_login(work, login)
    if account is None:
        raise UnknownAccount(
            f"There is no account {_folded(login)[:40]!r}. See those there are: python -m riskmap account list."
        )
    return account


def _require(actor: Actor, grants: Sequence[Grant]) -> None:
    for region_id in [given.region_id for given in grants] or [""]:
        access.require(actor, Permission.MANAGE_ACCOUNTS, region_id=region_id)


def _require_somewhere(actor: Actor) -> None:
    if not any(_may(actor, held.region_id) for held in actor.grants):
        access.require(actor, Permission.MANAGE_ACCOUNTS, region_id="")


def _may(actor: Actor, region_id: str) -> bool:
    return access.allowed_role(actor, Permission.MANAGE_ACCOUNTS, region_id=region_id) is not None


def _record(
    work: UnitOfWork, actor: Actor, action: str, account: Account, details: Mapping[str, Any], *, at: datetime
) -> None:
    audit.record(work, account_id=actor.account_id, action=action, subject=subject_of(account), details=details, at=at)


def _of(given: Grant) -> dict[str, str]:
    return {"role": str(given.role), "region_id": given.region_id}


def _folded(login: str) -> str:
    composed = unicodedata.normalize("NFC", login.strip()).casefold()
    return unicodedata.normalize("NFC", composed)


def _fit_login(login: str) -> str:
    folded = _folded(login)
    if not LOGIN.fullmatch(folded):
        raise UnfitAccount(
            f"The login is {folded[:60]!r} ({len(folded)} signs); expected 3 to 40 letters, digits, dots, dashes or "
            "underscores, without spaces. Choose such a login."
        )
    return folded


def _require_fit_password(password: str, login: str) -> None:
    length = length_of(password)
    if not LEAST_PASSWORD <= length <= MOST_PASSWORD:
        raise UnfitAccount(
            f"The password has {length} signs; expected {LEAST_PASSWORD} to {MOST_PASSWORD}. "
            "Choose another, for example four words."
        )
    if is_login(password, login):
        raise UnfitAccount("The password is the login; expected something that others cannot guess. Choose another.")


def _password_bytes(password: str) -> bytes:
    # A keyboard may send a letter in one piece or in two.
    return unicodedata.normalize("NFC", password).encode("utf-8", errors="surrogatepass")
