"""A stand-in for the official crime-point service: the documented layout over real HTTP on loopback, all simulated.

It answers ``where`` with SQL, and misbehaves on request: ``service.misbehave("html", page=2)`` spoils the next answer
that is asked from that page on. Records are made from a seed, and every field that has to stay at the door holds a
value that can be recognised anywhere.
"""

import json
import re
import sqlite3
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from random import Random
from urllib.parse import parse_qs, urlsplit

PATH = "/arcgis/rest/services/KPSSU/crime/FeatureServer/1"
STREET, FREE_TEXT = "УЛИЦА-ПРИМЕТНАЯ", "СЛОВА-О-ЧЕЛОВЕКЕ"
TYPES = {
    "objectid": "esriFieldTypeOID",
    **dict.fromkeys(("yr", "period", "time_period", "weekday", "discontinued"), "esriFieldTypeInteger"),
    **dict.fromkeys(("dat_sover", "dat_vozb"), "esriFieldTypeDate"),
}
NAMES = (
    *("objectid", "globalid", "yr", "period", "crime_code", "stat", "hard_code", "transgression", "time_period"),
    *("weekday", "dat_sover", "dat_sover_str", "dat_vozb", "dat_vozb_str", "ud", "tz1id", "organ", "org_code"),
    *("reg_code", "city_code", "fz1r18p5", "fz1r18p6", "fe1r29p1_id", "fe1r32p1", "discontinued"),
)
ARTICLES = (("1880", "ст.188 ч.3"), ("1910", "ст.191 ч.2"), ("2930", "ст.293 ч.1"), ("1900", "ст.190 ч.1"))
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(wall_time: str) -> int:
    """A wall time such as ``2024-03-02 20:30`` as the service writes it: as if it were UTC."""
    return int((datetime.fromisoformat(f"{wall_time}+00:00") - _EPOCH) / timedelta(milliseconds=1))


def a_record(number: int, *, at: str = "2024-05-01 20:30", registered: str | None = None, **given) -> dict[str, object]:
    """One record, simulated, of a case of its own; ``lng`` None is a record without geometry."""
    moment = datetime.fromisoformat(at)
    draw = Random(number)
    code, article = ARTICLES[number % len(ARTICLES)]
    return {
        "objectid": 1_000_000 + number,
        "globalid": f"{{{number:08X}-AAAA-BBBB-CCCC-{number:012X}}}",
        "yr": moment.year,
        "period": moment.month,
        "crime_code": code,
        "stat": article,
        "hard_code": "2",
        "transgression": "5",
        "time_period": 3,
        "weekday": 1,
        "dat_sover": milliseconds(at),
        "dat_sover_str": f"{moment:%d.%m.%Y %H:%M}",
        "dat_vozb": milliseconds(registered or at),
        "dat_vozb_str": f"{datetime.fromisoformat(registered or at):%d.%m.%Y}",
        "ud": case_number(number),
        "tz1id": f"77{number:021d}77",
        "organ": f"Отдел {FREE_TEXT}",
        "org_code": "19751101",
        "reg_code": "197511",
        "city_code": "1975",
        "fz1r18p5": f"{STREET}-{number}",
        "fz1r18p6": f"дом-{number:05d}-примета",
        "fe1r29p1_id": "039",
        "fe1r32p1": f"{FREE_TEXT}-{number}",
        "discontinued": 0,
        "lng": 76.88 + draw.random() * 0.06,
        "lat": 43.22 + draw.random() * 0.05,
    } | given


def case_number(number: int) -> str:
    """Fifteen digits that occur nowhere else."""
    return f"2475{number:07d}8642"


def records(count: int, *, seed: int = 7) -> list[dict[str, object]]:
    """Records of the first half of 2024 in one city, simulated from a seed, registered within ten days."""
    draw = Random(seed)
    made = []
    for number in range(count):
        at = datetime(2024, 1, 1) + timedelta(minutes=draw.randrange(180 * 24 * 60))  # noqa: DTZ001 (wall time)
        registered = at + timedelta(days=draw.randrange(10))
        made.append(a_record(number, at=f"{at:%Y-%m-%d %H:%M}", registered=f"{registered:%Y-%m-%d %H:%M}"))
    return made


@dataclass(slots=True, kw_only=True)
class _Mischief:
    kind: str
    page: int
    times: int
    given: dict[str, object] = field(default_factory=dict)


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_about: object) -> None:
        """Keep still where a client has hung up."""


class StandIn:
    """The service; use it in a ``with`` block. ``asked`` holds the parameters of every query for records."""

    def __init__(self, held: list[dict[str, object]], *, page_size: int = 50, names: tuple[str, ...] = NAMES) -> None:
        self.records = {record["objectid"]: dict(record) for record in held}
        self.page_size, self.names = page_size, list(names)
        self.has_offset, self.counts = True, True
        self.asked: list[dict[str, str]] = []
        self.calls = 0
        self.hangs, self.goes_on = threading.Event(), threading.Event()
        self._mischief: list[_Mischief] = []
        self._lock = threading.Lock()

    def __enter__(self) -> "StandIn":
        self._server = _Server(("127.0.0.1", 0), _handler(self))
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        return self

    def __exit__(self, *_trouble: object) -> None:
        self.goes_on.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}{PATH}"

    @property
    def offsets(self) -> list[int]:
        """Where each query for records began."""
        return [int(asked.get("resultOffset", 0)) for asked in self.asked]

    def misbehave(self, kind: str, *, page: int = 1, times: int = 1, **given: object) -> None:
        """Spoil the next ``times`` answers to queries that begin on that page (from 1) or later; page 0: any call."""
        self._mischief.append(_Mischief(kind=kind, page=page, times=times, given=given))

    def change(self, number: int, **given: object) -> None:
        """Change a record, as its publisher does from one day to the next."""
        self.records[1_000_000 + number].update(given)

    def add(self, *made: dict[str, object]) -> None:
        self.records.update({record["objectid"]: record for record in made})

    def remove(self, number: int) -> None:
        del self.records[1_000_000 + number]

    # What it answers

    def description(self) -> dict[str, object]:
        return {
            "currentVersion": 11.2,
            "id": 1,
            "name": "crime",
            "type": "Feature Layer",
            "geometryType": "esriGeometryPoint",
            "objectIdField": "objectid",
            "maxRecordCount": self.page_size,
            "advancedQueryCapabilities": {"supportsPagination": self.has_offset},
            "extent": {"spatialReference": {"wkid": 102100, "latestWkid": 3857}},
            "fields": [{"name": name, "type": TYPES.get(name.lower(), "esriFieldTypeString")} for name in self.names],
        }

    def matching(self, where: str) -> list[dict[str, object]]:
        """The records that answer a condition, in the order of their ids."""
        moments = re.sub(r"TIMESTAMP '([^']+)'", lambda found: str(milliseconds(found.group(1))), where)
        base = sqlite3.connect(":memory:")
        base.execute(f"CREATE TABLE held ({', '.join(NAMES)})")
        rows = [tuple(record[name] for name in NAMES) for record in self.records.values()]
        base.executemany(f"INSERT INTO held VALUES ({', '.join('?' * len(NAMES))})", rows)  # noqa: S608 (a test's)
        found = base.execute(f"SELECT objectid FROM held WHERE {moments} ORDER BY objectid").fetchall()  # noqa: S608
        base.close()
        return [self.records[number] for (number,) in found]

    def answer(self, asked: dict[str, str]) -> dict[str, object]:
        found = self.matching(asked["where"])
        if "returnCountOnly" in asked:
            return {"count": len(found)} if self.counts else {"error": {"code": 400, "message": "not supported"}}
        offset = int(asked.get("resultOffset", 0)) if self.has_offset else 0
        size = min(self.page_size, int(asked.get("resultRecordCount", self.page_size)))
        wanted = set(asked["outFields"].split(","))
        named = [name for name in self.names if "*" in wanted or name in wanted]
        return {
            "objectIdFieldName": "objectid",
            "geometryType": "esriGeometryPoint",
            "spatialReference": {"wkid": 4326, "latestWkid": 4326},
            "features": [_feature(record, named) for record in found[offset : offset + size]],
            **({"exceededTransferLimit": True} if len(found) > offset + size else {}),
        }

    def mischief_for(self, asked: dict[str, str] | None) -> _Mischief | None:
        with self._lock:
            self.calls += 1
            page = 0
            if asked is not None and "returnCountOnly" not in asked:
                self.asked.append(asked)
                page = 1 + -(-int(asked.get("resultOffset", 0)) // self.page_size)
            for one in self._mischief:
                if one.times and (one.page <= page if one.page else True) and (page or not one.page):
                    one.times -= 1
                    return one
        return None


def _feature(record: dict[str, object], names: list[str]) -> dict[str, object]:
    point = None if record["lng"] is None else {"x": record["lng"], "y": record["lat"]}
    return {"attributes": {name: record.get(name.lower()) for name in names}, "geometry": point}


def _handler(service: StandIn) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            asked = {name: values[0] for name, values in parse_qs(parts.query).items()}
            is_query = parts.path == f"{PATH}/query"
            mischief = service.mischief_for(asked if is_query else None)
            if mischief is not None and mischief.kind in SPOILT:
                SPOILT[mischief.kind](self, service, mischief.given)
                return
            told = service.answer(asked) if is_query else service.description()
            if mischief is not None:
                CHANGED[mischief.kind](told, service, mischief.given)
            self.send(200, json.dumps(told, ensure_ascii=False).encode())

        def send(self, status: int, body: bytes, *, kind: str = "application/json", **headers: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", headers.pop("length", str(len(body))))
            for name, value in headers.items():
                self.send_header(name.replace("_", "-"), value)
            self.end_headers()
            try:
                self.wfile.write(body)
            except OSError:
                self.close_connection = True

        def log_message(self, *_said: object) -> None:
            """Keep still: the tests read what the client says."""

    return Handler


# How it misbehaves. What is spoilt is another answer; what is changed is its own answer, made wrong.


def _error_inside(handler, _service, given):
    error = {"code": given.get("code", 500), "message": given.get("message", "Failed to execute query.")}
    handler.send(200, json.dumps({"error": error}).encode())


def _status(handler, _service, given):
    headers = {"Retry_After": str(given["retry_after"])} if "retry_after" in given else {}
    handler.send(int(given.get("status", 500)), b"Internal error", **headers)


def _redirect(handler, service, given):
    handler.send(302, b"", Location=str(given["to"]).format(path=handler.path, port=service._server.server_port))


def _html(handler, _service, _given):
    handler.send(200, b"<html><body>Login</body></html>", kind="text/html")


def _truncated(handler, service, given):
    body = json.dumps(service.answer({"where": "1=1", "outFields": "*"})).encode()
    length = {"length": str(len(body))} if given.get("is_told") else {}
    handler.send(200, body[: len(body) // 2], **length)
    handler.close_connection = True


def _slow(handler, service, _given):
    """A byte now and then, until the test is over."""
    handler.send(200, b"{", length="1000000")
    while not service.goes_on.wait(0.02):
        try:
            handler.wfile.write(b" ")
        except OSError:
            break
    handler.close_connection = True


def _hang(handler, service, _given):
    """Says nothing at all, and lets the test know that it has been asked."""
    service.hangs.set()
    service.goes_on.wait()
    handler.close_connection = True


def _huge(handler, _service, given):
    handler.send(200, b'{"features": [' + b" " * int(given["size"]) + b"]}")


def _array(handler, _service, _given):
    handler.send(200, b"[]")


SPOILT = {
    "error inside": _error_inside,
    "status": _status,
    "redirect": _redirect,
    "html": _html,
    "truncated": _truncated,
    "slow": _slow,
    "hang": _hang,
    "huge": _huge,
    "array": _array,
}


def _empty(told, _service, _given):
    told["features"] = []


def _overlap(told, service, given):
    """Begins some records too early, as where records were added meanwhile."""
    first = told["features"][0]["attributes"]["objectid"]
    before = [record for number, record in sorted(service.records.items()) if number < first]
    named = list(told["features"][0]["attributes"])
    told["features"] = [_feature(record, named) for record in before[-int(given["by"]) :]] + told["features"]


def _doubled(told, _service, _given):
    told["features"] = [feature for feature in told["features"] for _ in range(2)]


def _renamed(told, service, given):
    """From now on the layer has other fields."""
    old, new = str(given["old"]), str(given["new"])
    service.names[service.names.index(old)] = new
    for feature in told["features"]:
        feature["attributes"] = {(new if name == old else name): value for name, value in feature["attributes"].items()}


def _endless(told, service, _given):
    """The first page for ever."""
    records_ = sorted(service.records.items())[: service.page_size]
    named = list(told["features"][0]["attributes"])
    told["features"] = [_feature(record, named) for _, record in records_]
    told["exceededTransferLimit"] = True


def _other_system(told, _service, _given):
    told["spatialReference"] = {"wkid": 102100, "latestWkid": 3857}


def _everything(told, service, _given):
    """All fields, asked for or not."""
    told["features"] = [
        _feature(service.records[feature["attributes"]["objectid"]], list(NAMES)) for feature in told["features"]
    ]


def _removal(_told, service, given):
    """A record goes right after this answer."""
    service.remove(int(given["number"]))


CHANGED = {
    "empty": _empty,
    "overlap": _overlap,
    "doubled": _doubled,
    "renamed": _renamed,
    "endless": _endless,
    "other system": _other_system,
    "everything": _everything,
    "removal": _removal,
}
