"""Signing in with a provider: a browser is sent there, comes back once, and opens the account linked to its subject.

Nobody is let in by an e-mail address or a name: an administrator links an account to a subject (`accounts.link`). What
is kept between the two ways opens nothing: the store holds hashes, the secret they are of is in the browser's cookie,
and nonce and code verifier are derived from it.
"""

import base64
import hashlib
import hmac
import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from riskmap.errors import ProviderRefused
from riskmap.identity import accounts, audit, sessions
from riskmap.identity.provider import Answer, Provider
from riskmap.ports import Store, UnitOfWork
from riskmap.provider_port import PendingSignIn

PATIENCE = timedelta(minutes=10)
"""Whoever is longer on the way begins again."""
BEGIN_AGAIN = frozenset({"other_browser", "unknown_state", "too_late"})
"""Reasons that only say that this was not the way back of a sign-in begun here just now."""
BY = "provider"
_BYTES = 32
_HEARD = str.maketrans({"0": "O", "1": "I", "8": "B"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """Where to send the browser, and what its cookie holds meanwhile."""

    address: str = field(repr=False)
    secret: str = field(repr=False)


def begin(store: Store, provider: Provider, *, wanted: str, language: str, at: datetime) -> Begun:
    """Begin a sign-in that ends on the page ``wanted``.

    Raises
    ------
    ProviderUnavailable
        If the provider does not say where to send people.
    """
    state, secret = f"{language}-{secrets.token_urlsafe(_BYTES)}", secrets.token_urlsafe(_BYTES)
    nonce, verifier = _nonce(secret, state), _verifier(secret, state)
    address = provider.address(state=state, nonce=nonce, verifier=verifier, language=language, at=at)
    pending = PendingSignIn(state_sha256=_sha256(state), browser_sha256=_sha256(secret), wanted=wanted, created_at=at)
    with store.work() as work:
        work.pending_sign_ins.remove_before(at - PATIENCE)
        work.pending_sign_ins.add(pending)
        work.commit()
    return Begun(address=address, secret=secret)


def take(store: Store, *, state: str, secret: str, at: datetime) -> PendingSignIn:
    """The sign-in that a browser comes back from; it can be taken once.

    Raises
    ------
    ProviderRefused
        If there is none of this state, it was begun in another browser, or too long ago.
    """
    with store.work() as work:
        pending = work.pending_sign_ins.find(_sha256(state))
        reason = _reason_against(pending, secret, at=at)
        if pending is not None and reason != "other_browser":
            work.pending_sign_ins.remove(pending.state_sha256)
        if reason is not None:
            _turn_away(work, reason, at=at)
        work.commit()
    if pending is None or reason is not None:
        raise ProviderRefused(
            f"This is no way back of a sign-in begun here: {reason}. Begin again.", reason=reason or "unknown_state"
        )
    return pending


def finish(
    store: Store,
    provider: Provider,
    answer: Answer,
    *,
    state: str,
    secret: str,
    key: bytes,
    language: str,
    at: datetime,
) -> str:
    """Start a session of the account linked to whoever came back; returns its token. Call `take` before.

    ``key`` is the installation's, for the code that somebody without an account reads out.

    Raises
    ------
    ProviderRefused
        If the answer does not stand a check, nobody is linked to the subject, or the account is closed.
    ProviderUnavailable
        If the provider cannot be asked.
    """
    try:
        subject = provider.subject(answer, nonce=_nonce(secret, state), verifier=_verifier(secret, state), at=at)
    except ProviderRefused as refused:
        with store.work() as work:
            _turn_away(work, refused.reason, at=at, check=refused.check)
            work.commit()
        raise
    with store.work() as work:
        linked = work.identities.find(provider.issuer, subject)
        account = work.accounts.find(linked.account_id) if linked else None
        reason = "unknown_subject" if account is None else "disabled" if account.disabled_at else None
        token = None
        if account is not None and reason is None:
            token = sessions.admit(work, account, language, by=BY, at=at)
        else:
            about = accounts.subject_of(account) if account else "unknown"
            _turn_away(work, reason or "", about=about, at=at)
        work.commit()
    if token is None:
        code = read_out(key, provider.issuer, subject)
        raise ProviderRefused(
            f"Whoever came back from the provider is not let in: {reason}. Ask the administrator.",
            reason=reason or "",
            code=code,
        )
    return token


def read_out(key: bytes, issuer: str, subject: str) -> str:
    """Eight signs by which an administrator can tell that a subject is the one of the person on the telephone.

    Without the installation's key nobody can tell the subject from them, not even by trying all there are.
    """
    digest = hmac.new(key, f"subject:{issuer}\n{subject}".encode(), hashlib.sha256).digest()
    signs = base64.b32encode(digest).decode()
    return f"{signs[:4]}-{signs[4:8]}"


def is_same_code(heard: str, code: str) -> bool:
    """Whether a code as somebody heard and typed it is this one; it holds no 0, 1 or 8, which are heard as letters.

    Examples
    --------
    >>> is_same_code("er7q fr0w", "ER7Q-FROW")
    True
    """
    typed = "".join(sign for sign in heard.upper() if sign.isalnum())
    return hmac.compare_digest(_bytes(typed.translate(_HEARD)), _bytes(code.replace("-", "")))


def _reason_against(pending: PendingSignIn | None, secret: str, *, at: datetime) -> str | None:
    if pending is None:
        return "unknown_state"
    if not hmac.compare_digest(pending.browser_sha256, _sha256(secret)):
        return "other_browser"
    return None if at - pending.created_at < PATIENCE else "too_late"


def _turn_away(work: UnitOfWork, reason: str, *, at: datetime, about: str = "unknown", check: str = "") -> None:
    details = {"reason": reason, "by": BY, **({"check": check} if check else {})}
    audit.record(work, account_id=audit.NOBODY, action="sign_in_refused", subject=about, details=details, at=at)


def _nonce(secret: str, state: str) -> str:
    return _derived("nonce", secret, state)


def _verifier(secret: str, state: str) -> str:
    return _derived("verifier", secret, state)


def _derived(what: str, secret: str, state: str) -> str:
    digest = hmac.new(_bytes(secret), _bytes(f"{what}:{state}"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _sha256(text: str) -> str:
    return hashlib.sha256(_bytes(text)).hexdigest()


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", errors="replace")
