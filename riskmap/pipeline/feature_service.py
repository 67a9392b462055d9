"""Asks a layer of a map service (Esri REST) over HTTP, patiently: one call at a time, with rests and repeats.

A call is repeated, after a wait that doubles and is blurred by chance, when the network fails, the answer is 5xx or 429
(whose ``Retry-After`` is kept to), an error inside HTTP 200, no JSON, or breaks off. What waiting does not mend is told
at once: a refusal, a redirect to another host, an answer larger than agreed, no layer where one was named. No answer is
ever written to a log, and an address that holds a password or parameters is not taken.
"""

import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urljoin, urlsplit

import numpy as np
import urllib3
from urllib3.exceptions import HTTPError

from geodata.column_names import printable
from riskmap.errors import InvalidServiceAddress, ServiceUnreachable, UnfitService

_PORTS = {"http": 80, "https": 443}
_REDIRECTS = (301, 302, 303, 307, 308)
_MOST_REDIRECTS = 3
_NEEDS_A_TOKEN = (401, 403, 498, 499)
"""Codes inside an answer that no repetition mends."""
_NO_LAYER = (400, 404)
"""Codes inside an answer that say, when a layer is asked about itself, that there is none."""
_CHUNK = 1 << 16
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How a service is treated: seconds between calls and for one call, calls for one answer, bytes of one answer.

    Between repeats it waits ``first_wait_s``, then twice that and so on, up to ``longest_wait_s``; a longer
    ``Retry-After`` ends the fetch, to be resumed later.
    """

    pause_s: float = 1.0
    timeout_s: float = 40.0
    attempts: int = 5
    first_wait_s: float = 2.0
    longest_wait_s: float = 120.0
    most_bytes: int = 64_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Layer:
    """What a layer says of itself.

    ``fields`` maps the name of each field, in small letters, to the name as the layer writes it; ``schema`` changes
    whenever a field comes, goes or changes its type; ``page_size`` is the most records of one answer.
    """

    fields: Mapping[str, str]
    object_id: str
    page_size: int
    has_offset: bool
    schema: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """One answer: its features as delivered, and whether more are to come (None: the service does not say)."""

    features: tuple[Mapping[str, Any], ...]
    has_more: bool | None


class _Passing(Exception):
    """A trouble that may pass; ``wait_s`` is what the service asked for."""

    def __init__(self, message: str, *, wait_s: float | None = None) -> None:
        super().__init__(message)
        self.wait_s = wait_s


def layer_address(text: str) -> str:
    """The address of a layer, once it is fit to be asked and to stand in a message.

    Raises
    ------
    InvalidServiceAddress
        If it is no http or https address of a layer, or holds a password or parameters.
    """
    expected = "expected http or https, a host, and a path that ends in the number of a layer, such as /FeatureServer/1"
    try:
        parts = urlsplit(text.strip())
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
        parts = urlsplit("")
    if parts.username is not None or parts.password is not None or parts.query or parts.fragment or "?" in text:
        raise InvalidServiceAddress(
            f"The address of the service holds a name, a password or parameters; {expected}. Leave these out."
        )
    path = parts.path.rstrip("/").removesuffix("/query")
    if parts.scheme not in _PORTS or not host or not path.rpartition("/")[2].isdecimal() or not text.isprintable():
        raise InvalidServiceAddress(
            f"{printable(text, most=80)!r} is no address of a layer; {expected}. Give the address that the publisher "
            "allows you to use."
        )
    at = f"[{host}]" if ":" in host else host
    return f"{parts.scheme}://{at}{f':{port}' if port else ''}{path}"


@dataclass(slots=True, kw_only=True)
class FeatureService:
    """A layer to be asked. ``rng`` blurs waits; ``sleep`` and ``clock`` (seconds) are replaced in tests."""

    address: str
    patience: Patience = field(default_factory=Patience)
    rng: np.random.Generator = field(default_factory=lambda: np.random.default_rng(0))
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _pool: urllib3.PoolManager = field(default_factory=urllib3.PoolManager, repr=False)
    _has_asked: bool = False

    def close(self) -> None:
        """Close the connections."""
        self._pool.clear()

    def describe(self) -> Layer:
        """What the layer says of itself.

        Raises
        ------
        ServiceUnreachable, UnfitService
            If it does not answer, or is no layer of points that can be asked.
        """
        told = self._ask("", {}, is_about_layer=True)
        found = told.get("fields")
        fields = [one for one in found if isinstance(one, dict) and isinstance(one.get("name"), str)] if found else []
        if not fields or told.get("geometryType", "esriGeometryPoint") != "esriGeometryPoint":
            raise UnfitService(
                f"{self.address} is no layer of points: it lists {len(fields)} fields and its geometry is "
                f"{printable(str(told.get('geometryType')), most=40)!r}. Give the address of the layer itself."
            )
        by_type = [one["name"] for one in fields if one.get("type") == "esriFieldTypeOID"]
        object_id = told.get("objectIdField") or told.get("objectIdFieldName") or (by_type or ["objectid"])[0]
        abilities = told.get("advancedQueryCapabilities")
        has_offset = abilities.get("supportsPagination") if isinstance(abilities, dict) else None
        size = told.get("maxRecordCount")
        return Layer(
            fields={one["name"].lower(): one["name"] for one in fields},
            object_id=str(object_id),
            page_size=size if isinstance(size, int) and size > 0 else 1000,
            has_offset=bool(told.get("supportsPagination", True) if has_offset is None else has_offset),
            schema=tuple(sorted(f"{one['name']}: {one.get('type')}" for one in fields)),
        )

    def count(self, where: str) -> int | None:
        """How many records answer a condition; None where the service does not tell."""
        try:
            told = self._ask("/query", {"where": where, "returnCountOnly": "true"}, attempts=2).get("count")
        except (ServiceUnreachable, UnfitService):
            return None
        return told if isinstance(told, int) and not isinstance(told, bool) and told >= 0 else None

    def page(self, where: str, *, fields: tuple[str, ...], order_by: str, offset: int | None, rows: int) -> Page:
        """The records that answer a condition, in order, in WGS84; ``offset`` None where the layer knows none.

        Raises
        ------
        ServiceUnreachable, UnfitService
            If it does not answer, or with something else than points in WGS84.
        """
        asked = {
            "where": where,
            "outFields": ",".join(fields),
            "returnGeometry": "true",
            "outSR": "4326",
            "orderByFields": order_by,
            "resultRecordCount": str(rows),
            **({} if offset is None else {"resultOffset": str(offset)}),
        }
        told = self._ask("/query", asked, needs="features")
        features = told["features"]
        system = told.get("spatialReference")
        codes = {system.get("wkid"), system.get("latestWkid")} if isinstance(system, dict) else {4326}
        if features and 4326 not in codes:
            raise UnfitService(
                f"{self.address} answers in the coordinate system {printable(str(sorted(map(str, codes))), most=60)}; "
                "asked for and expected was 4326 (WGS84). Nothing was kept of the answer."
            )
        more = told.get("exceededTransferLimit")
        return Page(features=tuple(features), has_more=more if isinstance(more, bool) else None)

    def _ask(
        self,
        path: str,
        asked: dict[str, str],
        *,
        needs: str | None = None,
        attempts: int | None = None,
        is_about_layer: bool = False,
    ) -> dict[str, Any]:
        wait_s, most = self.patience.first_wait_s, attempts or self.patience.attempts
        for attempt in range(1, most + 1):
            if self._has_asked:
                self.sleep(self.patience.pause_s)
            self._has_asked = True
            try:
                return self._answer(
                    f"{self.address}{path}", {**asked, "f": "json"}, needs, is_about_layer=is_about_layer
                )
            except _Passing as trouble:
                pause = wait_s * (0.5 + self.rng.random()) if trouble.wait_s is None else trouble.wait_s
                if attempt == most or pause > 2 * self.patience.longest_wait_s:
                    raise ServiceUnreachable(
                        f"{self.address}: {trouble} (calls made for this answer: {attempt}). Run the same command "
                        "again later: it goes on where it stopped."
                    ) from None
                _log.info("Call %d for one answer failed: %s. Waiting %.0f s.", attempt, trouble, pause)
                # A connection that carried a broken answer may be closed at the other end.
                self._pool.clear()
                self.sleep(pause)
                wait_s = min(2 * wait_s, self.patience.longest_wait_s)
        raise AssertionError("the last attempt returns or raises")

    def _answer(self, url: str, asked: dict[str, str], needs: str | None, *, is_about_layer: bool) -> dict[str, Any]:
        def refused(found: str) -> Exception:
            """A whole answer of another kind is no outage where a layer is asked what it is."""
            if not is_about_layer:
                return _Passing(found)
            return UnfitService(
                f"{self.address} is no layer of points: {found}. Expected is JSON that lists fields. Check the address "
                "and the number of the layer; where the same address has answered before, run the same command again "
                "later."
            )

        body = self._body(url, asked)
        try:
            told = json.loads(body)
        except (ValueError, RecursionError):
            if body.lstrip()[:1] == b"<":
                raise refused(f"the answer is HTML or XML ({len(body)} bytes)") from None
            raise _Passing(f"the answer is no complete JSON ({len(body)} bytes)") from None
        if not isinstance(told, dict):
            raise refused("the answer is JSON, but no object")
        error = told.get("error")
        if error is not None:
            code = error.get("code") if isinstance(error, dict) else None
            said = printable(str(error.get("message") if isinstance(error, dict) else error), most=100)
            if code in _NEEDS_A_TOKEN:
                raise UnfitService(f"{self.address} lets nobody in without a key ({code}: {said}). Ask its publisher.")
            found = f"the service answers with an error inside HTTP 200 ({code}: {said})"
            raise refused(found) if code in _NO_LAYER else _Passing(found)
        if needs is not None and not (
            isinstance(told.get(needs), list) and all(isinstance(one, dict) for one in told[needs])
        ):
            raise _Passing(f"the answer holds no list of {needs}")
        return told

    def _body(self, url: str, asked: dict[str, str]) -> bytes:
        fields: dict[str, str] | None = asked
        for _ in range(_MOST_REDIRECTS + 1):
            try:
                found = self._one_call(url, fields)
            except HTTPError as trouble:
                # The text of a network error may repeat the whole address called.
                raise _Passing(f"the network failed ({type(trouble).__name__})") from None
            if isinstance(found, bytes):
                return found
            url, fields = self._same_host(url, found), None
        raise UnfitService(f"{self.address} redirects in a circle. Give the address where the layer really is.")

    def _one_call(self, url: str, fields: dict[str, str] | None) -> bytes | str:
        """The body of an answer, or where it redirects to."""
        end = self.clock() + self.patience.timeout_s
        response = self._pool.request(
            "GET",
            url,
            fields=fields,
            headers={"User-Agent": "riskmap", "Accept": "application/json"},
            timeout=urllib3.Timeout(total=self.patience.timeout_s),
            retries=False,
            redirect=False,
            preload_content=False,
            decode_content=False,
        )
        is_read = False
        try:
            if response.status in _REDIRECTS:
                return str(response.headers.get("Location", ""))
            if response.status == 429 or response.status >= 500:
                wait_s = _asked_wait(response.headers.get("Retry-After"))
                raise _Passing(f"the service answers HTTP {response.status}", wait_s=wait_s)
            if response.status != 200:
                raise UnfitService(
                    f"{self.address} answers HTTP {response.status}; expected 200. Check the address, and whether its "
                    "publisher lets this computer in."
                )
            body = self._within_limits(response, end)
            is_read = True
            return body
        finally:
            if is_read:
                response.release_conn()
            else:
                response.close()

    def _within_limits(self, response: urllib3.BaseHTTPResponse, end: float) -> bytes:
        body = bytearray()
        while chunk := response.read1(_CHUNK):
            body += chunk
            if len(body) > self.patience.most_bytes:
                raise UnfitService(
                    f"{self.address} answers with more than {self.patience.most_bytes:,} bytes at once; expected at "
                    "most so many. Nothing was kept of the answer."
                )
            if self.clock() > end:
                raise _Passing(f"the answer took longer than {self.patience.timeout_s:g} s")
        return bytes(body)

    def _same_host(self, url: str, target: str) -> str:
        to, own = urlsplit(urljoin(url, target)), urlsplit(url)
        if not target or (to.scheme, to.hostname, _port(to.scheme, to.port)) != (
            own.scheme,
            own.hostname,
            _port(own.scheme, own.port),
        ):
            raise UnfitService(
                f"{self.address} redirects to another host ({printable(to.hostname or 'none named', most=80)}), which "
                "nobody has allowed. If the layer has moved, give its new address."
            )
        return to.geturl()


def _port(scheme: str, port: int | None) -> int | None:
    return port or _PORTS.get(scheme)


def _asked_wait(text: str | None) -> float | None:
    """Seconds that a ``Retry-After`` asks for, as a number or a date."""
    if text is None:
        return None
    if text.strip().isdecimal():
        return float(text.strip()[:9])
    try:
        until = parsedate_to_datetime(text)
    except ValueError:
        return None
    until = until if until.tzinfo else until.replace(tzinfo=UTC)
    return max(0.0, (until - datetime.now(UTC)).total_seconds())
