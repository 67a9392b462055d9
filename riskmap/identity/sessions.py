"""Signing in and out, and who is behind a request of a browser.

The browser holds a random token, the store only its SHA-256. Roles are read anew each time, so one taken back is gone
with the next click.
"""

import hashlib
import hmac
import secrets
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import NoReturn

from riskmap.errors import CodeNeeded, SessionEnded, SignInRefused, StoreBusy
from riskmap.identity import accounts, audit, second_factor
from riskmap.identity.access import Actor, Role
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

COUNTED = frozenset({"wrong_password", "wrong_code"})
"""Reasons that bring an account nearer to its rest."""

_TOKEN_BYTES = 32
_REFUSED_CODE = (
    "This code does not open the account now; expected the newest one of the app, or a recovery code not used before. "
    "Wait for the next code, and after several attempts a quarter of an hour."
)
_REFUSED = (
    "This login and this password do not open an account now; expected those you were given. "
    "Check both, and after several attempts wait a quarter of an hour."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignedIn:
    """Who is behind a request, in which language they read, and what their forms have to carry.

    ``is_password_given`` says that somebody else knows their password, ``lacks_codes`` that a role of theirs sleeps
    until they switch codes on.
    """

    actor: Actor
    language: str
    token: str = field(repr=False)
    form_token: str = field(repr=False)
    is_password_given: bool = False
    lacks_codes: bool = False


def sign_in(store: Store, login: str, password: str, *, language: str, at: datetime) -> str:
    """Start a session; returns its token, which is known to nobody else.

    Five wrong passwords in a row make the account rest for `REST`, in which the right one is refused too.

    Raises
    ------
    SignInRefused
        If login and password do not open an account now. Every case reads the same and costs the same work.
    CodeNeeded
        If they do, and a code is asked for beside them: `sign_in_with_code` goes on with what the error holds.
    """
    with store.look() as look:
        account = accounts.by_login(look, login)
    checked = account.password_hash if account else None
    # Slow by intention, hence before the transaction: nobody else has to wait for it.
    is_right = accounts.verify(checked, password)
    renewed = accounts.hash_password(password) if is_right and checked and accounts.is_outdated(checked) else checked
    token = waiting = None
    with store.work() as work:
        found = accounts.by_login(work, login)
        # The password may have been set anew while the old one was being compared.
        is_stale = (found.password_hash if found else None) != checked
        if not is_stale:
            reason = reason_against(found, is_right=is_right, at=at)
            if found and renewed and reason is None:
                found = replace(found, password_hash=renewed)
                if second_factor.is_on(work.second_factors.find(found.account_id)):
                    # Wrong codes are forgotten with a right code alone, else they could be tried without end.
                    work.accounts.save(found)
                    waiting = second_factor.wait_for_code(work, found.account_id, at=at)
                else:
                    token = _admit(work, found, language, at=at)
            else:
                turn_away(work, found, reason, at=at)
            work.commit()
    if is_stale:
        return sign_in(store, login, password, language=language, at=at)
    if waiting is not None:
        raise CodeNeeded(waiting)
    if token is None:
        raise SignInRefused(_REFUSED)
    return token


def sign_in_with_code(store: Store, key: bytes, waiting: str, code: str, *, language: str, at: datetime) -> str:
    """Start the session of a sign-in that waits for its code; wrong codes count like wrong passwords.

    Raises
    ------
    SessionEnded
        If no sign-in waits under this token, or not any more.
    SignInRefused
        If the code does not fit, was used before, or the account is closed or rests.
    """
    token = None
    with store.work() as work:
        pending = second_factor.waiting(work, waiting, at=at)
        account = work.accounts.find(pending.account_id) if pending else None
        if pending is None or account is None:
            _end()
        reason = reason_against(account, is_right=True, at=at)
        factor = work.second_factors.find(account.account_id)
        if reason is None and not second_factor.take(work, key, factor, code, at=at):
            reason = "wrong_code"
        if reason is None:
            work.second_factors.remove_pending(pending.token_sha256)
            token = _admit(work, account, language, at=at)
        else:
            turn_away(work, account, reason, at=at)
        work.commit()
    if token is None:
        raise SignInRefused(_REFUSED_CODE)
    return token


def current(store: Store, token: str | None, *, at: datetime, code_roles: Collection[Role] = frozenset()) -> SignedIn:
    """Who holds the token, with the roles of this moment.

    ``code_roles`` are those that sleep in an account with a password until codes are asked for beside it.

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
        factor = look.second_factors.find(session.account_id) if session and code_roles else None
    if session is None or account is None or account.disabled_at is not None or not _is_alive(session, at):
        _end()
    if at - session.seen_at >= TOUCH_EVERY:
        _touch(store, session.token_sha256, at=at)
    has_no_codes = account.password_hash != accounts.NO_PASSWORD and not second_factor.is_on(factor)
    asleep = {grant for grant in grants if grant.role in code_roles} if has_no_codes else set()
    awake = tuple(grant for grant in grants if grant not in asleep)
    return SignedIn(
        actor=Actor(account_id=account.account_id, login=account.login, grants=awake),
        language=session.language,
        token=token,
        form_token=form_token(token),
        is_password_given=account.is_password_given,
        lacks_codes=bool(asleep),
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


def reason_against(account: Account | None, *, is_right: bool, at: datetime) -> str | None:
    """Why an account is not opened now, as the audit log says it; None where nothing speaks against it."""
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


def turn_away(work: UnitOfWork, account: Account | None, reason: str | None, *, at: datetime) -> None:
    """Note a refusal, and let the account rest after too many wrong passwords or codes."""
    # Of an unknown login nothing is kept: people type passwords there.
    subject = accounts.subject_of(account) if account else "unknown"
    details = {"reason": reason}
    audit.record(work, account_id=audit.NOBODY, action="sign_in_refused", subject=subject, details=details, at=at)
    if account is None or reason not in COUNTED:
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
