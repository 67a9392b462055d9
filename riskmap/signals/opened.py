"""When a form was opened, sealed so that nobody can say otherwise: too fast is a machine, too old a copy."""

import hashlib
import hmac
from datetime import UTC, datetime, timedelta
from enum import StrEnum

LEAST, MOST = timedelta(seconds=3), timedelta(days=1)


class Pace(StrEnum):
    """How a form came back."""

    FITS = "fits"
    TOO_FAST = "too_fast"
    TOO_OLD = "too_old"


def seal(secret: bytes, key: str, *, at: datetime) -> str:
    """The moment as a form of this key carries it."""
    second = f"{at.timestamp():.0f}"
    return f"{second}.{_tag(secret, key, second)}"


def pace(secret: bytes, key: str, sealed: str, *, at: datetime) -> Pace:
    """Whether a form took a person's time; one without a seal of ours counts as too old, for it gets a new one."""
    second, _, tag = sealed.partition(".")
    is_ours = second.isascii() and second.isdecimal() and len(second) <= len("10000000000")
    if not is_ours or not hmac.compare_digest(tag.encode(), _tag(secret, key, second).encode()):
        return Pace.TOO_OLD
    age = at - datetime.fromtimestamp(int(second), UTC)
    if age < LEAST:
        return Pace.TOO_FAST
    return Pace.FITS if age <= MOST else Pace.TOO_OLD


def _tag(secret: bytes, key: str, second: str) -> str:
    return hmac.new(secret, f"mark form:{key}:{second}".encode(), hashlib.sha256).hexdigest()[:32]
