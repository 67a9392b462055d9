"""How often a mark may be made, without knowing by whom: keyed hashes of addresses, in memory and for one day.

The key is random, is never written down and is dropped with everything it was used for when the day changes, or when
the process ends. Nothing here reaches the store, a log or a page: of a mark only whether it counts is kept.
"""

import hashlib
import ipaddress
import secrets
from collections import deque
from datetime import date, datetime, timedelta
from threading import Lock

from riskmap.council.request import civil_day
from riskmap.errors import TooManyAsks

HOUR = timedelta(hours=1)
PER_ADDRESS_HOUR, PER_ADDRESS_DAY = 5, 20
PER_TERRITORY_HOUR = 600
LOOK_UPS_HOUR = 30
"""Receipts tried from one address."""
MOST_HASHES = 200_000
"""Hashes held at once, about 60 MB; the oldest give way."""
NETWORK_V4, NETWORK_V6, HOME_V6 = 24, 48, 64
"""Bits of a neighbourhood of the net, and of what one household has of IPv6."""
_UNKNOWN = "unknown"


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
            self._counted[self._hash(_about(address, about))] = None
            while len(self._counted) > MOST_HASHES:
                self._counted.pop(next(iter(self._counted)))

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

    def _turn(self, at: datetime) -> None:
        day = civil_day(at)
        if day != self._day:
            self._begin(day)

    def _begin(self, day: date | None) -> None:
        self._day = day
        self._key = secrets.token_bytes(32)
        self._moments: dict[bytes, deque[datetime]] = {}
        self._counted: dict[bytes, None] = {}

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
