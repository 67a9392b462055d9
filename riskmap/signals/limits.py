"""How often a mark or a council's form may be sent: keyed hashes of addresses and accounts, in memory, for one day.

The key is random, is never written down and is dropped with everything it was used for when the day changes, or when
the process ends. Nothing here reaches the store, a log or a page: of a mark and a support only whether it counts is
kept.
"""

import hashlib
import ipaddress
import secrets
from collections import deque
from datetime import date, datetime, timedelta
from enum import StrEnum
from threading import Lock

from riskmap.council.request import civil_day
from riskmap.errors import TooManyAsks

HOUR = timedelta(hours=1)
PER_ADDRESS_HOUR, PER_ADDRESS_DAY = 5, 20
PER_TERRITORY_HOUR = 600
LOOK_UPS_HOUR = 30
"""Receipts tried from one address."""
PICTURES_HOUR = 30
"""Pictures decoded for one address or account, also those that do not fit."""
MOST_HASHES = 200_000
"""Hashes held at once, about 60 MB; the oldest give way."""
NETWORK_V4, NETWORK_V6, HOME_V6 = 24, 48, 64
"""Bits of a neighbourhood of the net, and of what one household has of IPv6."""
_UNKNOWN = "unknown"
SUPPORTS_OF_NEIGHBOURHOOD = 3
"""Supports of one request that count from one neighbourhood of the net on one day."""


class Press(StrEnum):
    """What somebody signed in may send only so often."""

    FILE = "file"
    SUPPORT = "support"
    DISPUTE = "dispute"
    COMMENT = "comment"


PRESSES_HOUR = {Press.FILE: (10, 30), Press.SUPPORT: (30, 90), Press.DISPUTE: (5, 15), Press.COMMENT: (5, 15)}
"""From one account, and from one address, in an hour."""


class Gate:
    """The memory of one process; safe to be asked from several threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._day: date | None = None
        self._begin(None)

    def weigh(self, territory: str, address: str | None, about: str, *, at: datetime) -> bool:
        """Whether a mark about something (a category and place) counts: the first of its neighbourhood today does.

        Whoever has no known address belongs to one neighbourhood with all others of whom none is known.

        Raises
        ------
        TooManyAsks
            If the address, or everybody in the territory together, has marked too often.
        """
        with self._lock:
            self._turn(at)
            if self._within_hour(f"territory {territory}", at) >= PER_TERRITORY_HOUR:
                raise TooManyAsks(f"{territory} got more than {PER_TERRITORY_HOUR} marks in an hour. Mark it later.")
            if address is not None:
                home = f"home {_home(address)}"
                if self._within_hour(home, at) >= PER_ADDRESS_HOUR or len(self._times(home)) >= PER_ADDRESS_DAY:
                    raise TooManyAsks("One address has marked too often. Mark it in an hour, or tomorrow.")
            return self._hash(_about(address, about)) not in self._counted

    def note(self, territory: str, address: str | None, about: str, *, at: datetime) -> None:
        """Remember a mark that was kept."""
        with self._lock:
            self._turn(at)
            self._add(f"territory {territory}", at)
            if address is not None:
                self._add(f"home {_home(address)}", at)
            _remember(self._counted, self._hash(_about(address, about)))

    def press(self, what: Press, account_id: str, address: str | None, about: str, *, at: datetime) -> None:
        """Remember that somebody signed in sends a form; one sent again, by its key or number, counts once.

        Raises
        ------
        TooManyAsks
            If the account, or its address, has sent too many of the kind.
        """
        of_account, of_address = PRESSES_HOUR[what]
        senders = [(f"{what} account {account_id}", of_account)]
        if address is not None:
            senders.append((f"{what} home {_home(address)}", of_address))
        with self._lock:
            self._turn(at)
            again = self._hash(f"{what} account {account_id} {about}")
            if again in self._pressed:
                return
            for who, most in senders:
                if self._within_hour(who, at) >= most:
                    raise TooManyAsks(f"More than {most} forms of the kind {what} in an hour. Send it later.")
            for who, _ in senders:
                self._add(who, at)
            _remember(self._pressed, again)

    def weigh_support(self, address: str | None, about: str, *, at: datetime) -> bool:
        """Whether a support counts, which takes a place: only so many of a neighbourhood do a day.

        One without a known address counts. A support that was not kept gives its place back by `give_back`.
        """
        if address is None:
            return True
        with self._lock:
            self._turn(at)
            who = f"support {_about(address, about)}"
            if len(self._times(who)) >= SUPPORTS_OF_NEIGHBOURHOOD:
                return False
            self._add(who, at)
            return True

    def give_back(self, address: str | None, about: str) -> None:
        """Free the place that a support took which was not kept."""
        if address is not None:
            with self._lock:
                times = self._times(f"support {_about(address, about)}")
                if times:
                    times.pop()

    def look_up(self, address: str | None, *, at: datetime) -> None:
        """Remember that a receipt is tried.

        Raises
        ------
        TooManyAsks
            If the address, or everybody without a known one, has tried too many.
        """
        with self._lock:
            self._turn(at)
            who = f"look-up {_UNKNOWN if address is None else _home(address)}"
            most = PER_TERRITORY_HOUR if address is None else LOOK_UPS_HOUR
            if self._within_hour(who, at) >= most:
                raise TooManyAsks(f"More than {most} receipts were tried in an hour. Try again later.")
            self._add(who, at)

    def unpack(self, address: str | None, *, at: datetime, account_id: str | None = None) -> None:
        """Remember that a picture is to be decoded, which takes memory, whatever then comes of it.

        Raises
        ------
        TooManyAsks
            If the account, the address, or everybody without either, has sent too many.
        """
        with self._lock:
            self._turn(at)
            who = account_id or (_UNKNOWN if address is None else _home(address))
            most = PER_TERRITORY_HOUR if who == _UNKNOWN else PICTURES_HOUR
            if self._within_hour(f"picture {who}", at) >= most:
                raise TooManyAsks(f"More than {most} pictures were sent in an hour. Send it without one, or later.")
            self._add(f"picture {who}", at)

    def _turn(self, at: datetime) -> None:
        day = civil_day(at)
        if day != self._day:
            self._begin(day)

    def _begin(self, day: date | None) -> None:
        self._day = day
        self._key = secrets.token_bytes(32)
        self._moments: dict[bytes, deque[datetime]] = {}
        self._counted: dict[bytes, None] = {}
        self._pressed: dict[bytes, None] = {}

    def _hash(self, text: str) -> bytes:
        return hashlib.blake2b(text.encode(), key=self._key, digest_size=16).digest()

    def _times(self, who: str) -> deque[datetime]:
        return self._moments.get(self._hash(who), deque())

    def _within_hour(self, who: str, at: datetime) -> int:
        return sum(moment > at - HOUR for moment in self._times(who))

    def _add(self, who: str, at: datetime) -> None:
        self._moments.setdefault(self._hash(who), deque(maxlen=PER_TERRITORY_HOUR)).append(at)
        while len(self._moments) > MOST_HASHES:
            self._moments.pop(next(iter(self._moments)))


def _remember(hashes: dict[bytes, None], one: bytes) -> None:
    hashes[one] = None
    while len(hashes) > MOST_HASHES:
        hashes.pop(next(iter(hashes)))


def readable(text: str | None) -> str | None:
    """An address as the limits know it; None for none, for this machine itself and for what is no address.

    Examples
    --------
    >>> readable("::ffff:203.0.113.7"), readable("127.0.0.1"), readable("testclient")
    ('203.0.113.7', None, None)
    """
    try:
        address = ipaddress.ip_address((text or "").strip())
    except ValueError:
        return None
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        address = address.ipv4_mapped
    return None if address.is_loopback or address.is_unspecified else str(address)


def _home(address: str) -> str:
    return address if ":" not in address else str(ipaddress.ip_network(f"{address}/{HOME_V6}", strict=False))


def _about(address: str | None, about: str) -> str:
    if address is None:
        return f"{_UNKNOWN} {about}"
    bits = NETWORK_V6 if ":" in address else NETWORK_V4
    return f"{ipaddress.ip_network(f'{address}/{bits}', strict=False)} {about}"
