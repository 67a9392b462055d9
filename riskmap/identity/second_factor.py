"""Codes asked for beside a password: time-based ones (RFC 6238) and recovery codes. Each opens an account once.

The secret lies sealed under the installation's key: whoever copies the database alone cannot make codes. A sign-in
whose password was right waits for its code under a token of its own, which is no session.
"""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pyotp
from cryptography.fernet import Fernet, InvalidToken

from riskmap.ports import UnitOfWork
from riskmap.second_factor_port import PendingCode, SecondFactor

ISSUER = "riskmap"
DIGITS, STEP_SECONDS = 6, 30
CODE = re.compile(rf"\d{{{DIGITS}}}", re.ASCII)
EARLIER_AND_LATER = (0, -1, 1)
"""Steps whose codes are taken: clocks differ, and a person types."""
WAIT = timedelta(minutes=5)
"""A right password waits for its code this long."""
RECOVERY_CODES = 10

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_SIGNS, _GROUP = 16, 4
"""Of a recovery code: 79 bits."""
_TOKEN_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Enrolment:
    """What a person's app has to be told: the secret as text, and as the address that a picture of it holds."""

    secret: str = field(repr=False)
    address: str = field(repr=False)


def begin(work: UnitOfWork, key: bytes, account_id: str, *, at: datetime) -> None:
    """Make a new secret that counts once a code of it was right; one begun before is forgotten."""
    sealed = _box(key).encrypt(pyotp.random_base32().encode()).decode()
    work.second_factors.save(SecondFactor(account_id=account_id, sealed=sealed, begun_at=at))


def enrolment(factor: SecondFactor, key: bytes, login: str) -> Enrolment | None:
    """What to tell the app; None where the secret cannot be read with this key."""
    secret = _secret_of(factor, key)
    if secret is None:
        return None
    return Enrolment(secret=secret, address=pyotp.TOTP(secret).provisioning_uri(name=login, issuer_name=ISSUER))


def is_on(factor: SecondFactor | None) -> bool:
    return factor is not None and factor.confirmed_at is not None


def take(work: UnitOfWork, key: bytes, factor: SecondFactor | None, typed: str, *, at: datetime) -> bool:
    """Whether a code fits now; one that fits is used up."""
    if factor is None:
        return False
    code = "".join(typed.split()).replace("-", "").lower()
    if not CODE.fullmatch(code):
        return is_on(factor) and work.second_factors.use_recovery_code(factor.account_id, recovery_hash(code))
    step = _step_of(factor, key, code, at=at)
    if step is None:
        return False
    work.second_factors.save(replace(factor, last_step=step, confirmed_at=factor.confirmed_at or at))
    return True


def renew_recovery_codes(work: UnitOfWork, account_id: str) -> tuple[str, ...]:
    """New recovery codes, to be shown once; those from before are void."""
    codes = tuple("".join(secrets.choice(_ALPHABET) for _ in range(_SIGNS)) for _ in range(RECOVERY_CODES))
    work.second_factors.renew_recovery_codes(account_id, [recovery_hash(one) for one in codes])
    return tuple("-".join(one[at : at + _GROUP] for at in range(0, _SIGNS, _GROUP)) for one in codes)


def recovery_hash(code: str) -> str:
    """What is kept of a recovery code, written without dashes: it is random and long, so a plain hash is enough."""
    return hashlib.sha256(code.encode("utf-8", errors="replace")).hexdigest()


def wait_for_code(work: UnitOfWork, account_id: str, *, at: datetime) -> str:
    """Let a sign-in wait for its code; returns the token that brings it back."""
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    work.second_factors.add_pending(PendingCode(token_sha256=token_hash(token), account_id=account_id, created_at=at))
    return token


def waiting(work: UnitOfWork, token: str, *, at: datetime) -> PendingCode | None:
    """The sign-in that waits under a token; None where none does, or not any more."""
    found = work.second_factors.find_pending(token_hash(token))
    return found if found is not None and at - found.created_at < WAIT else None


def token_hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", errors="replace")).hexdigest()


def _step_of(factor: SecondFactor, key: bytes, code: str, *, at: datetime) -> int | None:
    """The step whose code this is, unless that code or a later one was taken before."""
    secret = _secret_of(factor, key)
    if secret is None:
        return None
    codes, now = pyotp.TOTP(secret, digits=DIGITS, interval=STEP_SECONDS), int(at.timestamp()) // STEP_SECONDS
    fits = [now + by for by in EARLIER_AND_LATER if hmac.compare_digest(codes.generate_otp(now + by), code)]
    return next((step for step in fits if step > factor.last_step), None)


def _secret_of(factor: SecondFactor, key: bytes) -> str | None:
    try:
        return _box(key).decrypt(factor.sealed.encode()).decode()
    except InvalidToken:
        return None


def _box(key: bytes) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(hmac.new(key, b"second factor", hashlib.sha256).digest()))
