"""Signing in and out, and who is behind a request of a browser.

The browser holds a random token, the store only its SHA-256. Roles are read anew each time, so one taken back is gone
with the next click.
"""

import hashlib
import hmac
import secrets
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NoReturn

from riskmap.errors import SessionEnded, SignInRefused, StoreBusy
from riskmap.identity import accounts, audit
from riskmap.identity.access import Actor
from riskmap.ports import Account, Session, Store, UnitOfWork
from riskmap.wording import language_or_default

IDLE = timedelta(minutes=30)
"""A session not used for this long is over, counted from its last use on record."""
ABSOLUTE = timedelta(hours=8)
"""A session of this age is over, used or not."""
MOST_FAILURES = 5
"""After as many wrong passwords in a row the account rests."""
REST = timedelta(minutes=15)
TOUCH_EVERY = timedelta(minutes=1)
"""Use of a session is written down at most this often."""

_TOKEN_BYTES = 32
_REFUSED = (
    "This login and this password do not open an account now; expected those you were given. "
    "Check both, and after several attempts wait a quarter of an hour."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who is behind a request, in which language they read, and what their forms have to carry."""

    actor: Actor
    language: str
    token: str = field(repr=False)
    form_token: str = field(repr=False)


def sign_in(store: Store, login: str, password: str, *, language: str, at: datetime) -> str:
    """Start a session; returns its token, which is known to nobody else.

    Five wrong passwords in a row make the account rest for `REST`, in which the right one is refused too.

    Raises
    ------
    SignInRefused
        If login and password do not open an account now. Every case reads the same and costs the same work.
    """
    with store.look() as look:
        account = accounts.by_login(look, login)
    checked = account.password_hash if account else None
    # Slow by intention, hence before the transaction: nobody else has to wait for it.
    is_right = accounts.verify(checked, password)
    renewed = accounts.hash_password(password) if is_right and checked and accounts.is_outdated(checked) else checked
    token = None
    with store.work() as work:
        found = accounts.by_login(work, login)
        # The password may have been set anew while the old one was being compared.
        is_stale = (found.password_hash if found else None) != checked
        if not is_stale:
            reason = _reason_against(found, is_right=is_right, at=at)
            if found and renewed and reason is None:
                token = _admit(work, replace(found, password_hash=renewed), language, at=at)
            else:
                _turn_away(work, found, reason, at=at)
            work.commit()
    if is_stale:
        return sign_in(store, login, password, language=language, at=at)
    if token is None:
        raise SignInRefused(_REFUSED)
    return token


def current(store: Store, token: str | None, *, at: datetime) -> SignedIn:
    """Who holds the token, with the roles of this moment.

    Raises
    ------
    SessionEnded
        If there is no such session, it was ended, is idle or too old, or its account is closed.
    """
    if not token:
        _end()
    with store.look() as look:
        session = look.sessions.find(_sha256(token))
        account = look.accounts.find(session.account_id) if session else None
        grants = look.accounts.grants_of(session.account_id) if session else ()
    if session is None or account is None or account.disabled_at is not None or not _is_alive(session, at):
        _end()
    if at - session.seen_at >= TOUCH_EVERY:
        _touch(store, session.token_sha256, at=at)
    return SignedIn(
        actor=Actor(account_id=account.account_id, login=account.login, grants=grants),
        language=session.language,
        token=token,
        form_token=form_token(token),
    )


def sign_out(store: Store, token: str | None, *, at: datetime) -> None:
    """End a session; one that has ended, or never was, changes nothing."""
    if not token:
        return
    with store.work() as work:
        session = work.sessions.find(_sha256(token))
        if session is not None and session.ended_at is None:
            work.sessions.save(replace(session, ended_at=at))
            audit.record(
                work,
                account_id=session.account_id,
                action="signed_out",
                subject=f"account {session.account_id}",
                details={},
                at=at,
            )
            work.commit()


def keep_language(store: Store, token: str | None, language: str) -> None:
    """Remember the language of a session until it ends; nothing happens where there is none."""
    if not token:
        return
    with store.work() as work:
        session = work.sessions.find(_sha256(token))
        chosen = language_or_default(language)
        if session is not None and session.ended_at is None and session.language != chosen:
            work.sessions.save(replace(session, language=chosen))
            work.commit()


def form_token(token: str) -> str:
    """What a form of this session carries, so that another site cannot post in its name."""
    return hashlib.sha256(f"form:{token}".encode("utf-8", errors="replace")).hexdigest()


def is_form_token(token: str, given: str | None) -> bool:
    """Whether a posted form came from a page of this session; takes the same time whatever was given."""
    return hmac.compare_digest(form_token(token).encode(), (given or "").encode("utf-8", errors="replace"))


def _reason_against(account: Account | None, *, is_right: bool, at: datetime) -> str | None:
    if account is None:
        return "unknown_login"
    if account.disabled_at is not None:
        return "disabled"
    if account.rests_until is not None and at < account.rests_until:
        return "resting"
    return None if is_right else "wrong_password"


def admit(work: UnitOfWork, account: Account, language: str, *, at: datetime, by: str | None = None) -> str:
    """Start a session of an account in a unit of work; ``by`` says who vouches for them, if not their password.

    Wrong passwords so far are neither asked about nor forgotten here.
    """
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    work.sessions.save(
        Session(
            token_sha256=_sha256(token),
            account_id=account.account_id,
            language=language_or_default(language),
            created_at=at,
            seen_at=at,
        )
    )
    subject, details = accounts.subject_of(account), {"by": by} if by else {}
    audit.record(work, account_id=account.account_id, action="signed_in", subject=subject, details=details, at=at)
    return token


def _admit(work: UnitOfWork, account: Account, language: str, *, at: datetime) -> str:
    work.accounts.save(replace(account, failures=0, rests_until=None))
    return admit(work, account, language, at=at)


def _turn_away(work: UnitOfWork, account: Account | None, reason: str | None, *, at: datetime) -> None:
    # Of an unknown login nothing is kept: people type passwords there.
    subject = accounts.subject_of(account) if account else "unknown"
    details = {"reason": reason}
    audit.record(work, account_id=audit.NOBODY, action="sign_in_refused", subject=subject, details=details, at=at)
    if account is None or reason != "wrong_password":
        return
    failed = replace(account, failures=account.failures + 1)
    if failed.failures % MOST_FAILURES == 0:
        failed = replace(failed, rests_until=at + REST)
        counted = {"failures": failed.failures}
        audit.record(work, account_id=audit.NOBODY, action="account_rests", subject=subject, details=counted, at=at)
    work.accounts.save(failed)


def _touch(store: Store, token_sha256: str, *, at: datetime) -> None:
    # A page is shown even while a long write keeps everybody waiting; the next use is noted instead.
    with suppress(StoreBusy), store.work() as work:
        session = work.sessions.find(token_sha256)
        if session is None or session.ended_at is not None:
            _end()
        if at - session.seen_at >= TOUCH_EVERY:
            work.sessions.save(replace(session, seen_at=at))
            work.commit()


def _is_alive(session: Session, at: datetime) -> bool:
    return session.ended_at is None and at - session.seen_at < IDLE and at - session.created_at < ABSOLUTE


def _end() -> NoReturn:
    raise SessionEnded("There is no session, or it has ended; expected somebody signed in. Sign in again.")


def _sha256(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", errors="replace")).hexdigest()
