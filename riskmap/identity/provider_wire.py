"""Asking the provider of sign-in over HTTP: a few seconds, a few at once, one small JSON object as the answer.

No address, field or answer is written to a log: codes and tokens travel in them.
"""

import json
import time
from collections.abc import Mapping
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any

import urllib3
from urllib3.exceptions import HTTPError

from riskmap.errors import ProviderUnavailable

CONNECT_S, READ_S, WHOLE_S = 3.0, 4.0, 6.0
MOST_BYTES = 256 * 1024
AT_ONCE = 8
"""A provider that is slow must not hold every thread of the site."""
WAIT_S = 1.0
_CHUNK = 16 * 1024
_NEXT_STEP = "Look into the provider, or sign in with login and password meanwhile."


class Wire:
    """The way to one provider. ``ca_file`` holds the authorities that alone are trusted; None those of the machine."""

    def __init__(self, ca_file: Path | None = None) -> None:
        # A certificate that nobody vouches for, or of another host, is refused by itself.
        self._pool = urllib3.PoolManager(maxsize=AT_ONCE, ca_certs=str(ca_file) if ca_file else None)
        self._places = BoundedSemaphore(AT_ONCE)

    def get(self, address: str) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object at an address.

        Raises
        ------
        ProviderUnavailable
            If there is no such answer in time.
        """
        return self._ask("GET", address, {}, None)

    def post(self, address: str, headers: Mapping[str, str], body: str) -> tuple[int, Mapping[str, Any]]:
        """Status and JSON object that a form is answered with; errors as in `get`."""
        return self._ask("POST", address, headers, body)

    def _ask(
        self, method: str, address: str, headers: Mapping[str, str], body: str | None
    ) -> tuple[int, Mapping[str, Any]]:
        if not self._places.acquire(timeout=WAIT_S):
            raise ProviderUnavailable(f"{AT_ONCE} questions to the provider are open already. {_NEXT_STEP}")
        try:
            return self._asked(method, address, headers, body)
        except ProviderUnavailable:
            raise
        except (HTTPError, OSError) as error:
            raise ProviderUnavailable(f"The provider does not answer: {type(error).__name__}. {_NEXT_STEP}") from error
        finally:
            self._places.release()

    def _asked(
        self, method: str, address: str, headers: Mapping[str, str], body: str | None
    ) -> tuple[int, Mapping[str, Any]]:
        until = time.monotonic() + WHOLE_S
        response = self._pool.request(
            method,
            address,
            headers={"accept": "application/json", **headers},
            body=body,
            timeout=urllib3.Timeout(connect=CONNECT_S, read=READ_S),
            retries=False,
            redirect=False,
            preload_content=False,
        )
        try:
            kept = bytearray()
            while chunk := response.read1(_CHUNK):
                kept += chunk
                if len(kept) > MOST_BYTES or time.monotonic() > until:
                    raise ProviderUnavailable(f"The provider's answer is too long or too slow. {_NEXT_STEP}")
            return response.status, _object(bytes(kept), response.status)
        finally:
            response.close()


def _object(content: bytes, status: int) -> Mapping[str, Any]:
    try:
        told = json.loads(content)
    except (RecursionError, ValueError):
        told = None
    if not isinstance(told, dict):
        raise ProviderUnavailable(f"The provider answers {status} and no JSON object. {_NEXT_STEP}")
    return told
