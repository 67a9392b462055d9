"""Draws records from the official crime-point service, page by page, and lets in only what may be kept.

What is asked: the records of one city (``city_code``), by the day of the offence (``dat_sover``), in the order of their
object ids. A refresh asks besides for what was registered (``dat_vozb``) since a given day, or has been struck off
(``discontinued``); the layer has no field that says when a record was last changed.

Streets, house numbers, internal ids and free text are not even asked for; the rest goes through
`riskmap.pipeline.crime_point_door` before anything is written.

Each page is written to its own file as soon as it is complete, and a fetch that was stopped goes on after the last one.
Every page but the first begins with the last record of the page before: where that one is missing, records have been
removed meanwhile, the others have moved up, and the fetch starts over. It also does where the schema has changed.
"""

import hashlib
import json
import re
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

from riskmap.disk import replace_synced, writing_to
from riskmap.errors import InvalidFetch, ServiceUnreachable, UnfitService
from riskmap.pipeline.crime_point_door import COLUMNS, through_the_door
from riskmap.pipeline.feature_service import FeatureService, Layer

STATE = "state.json"
NEEDED = ("city_code", "crime_code", "dat_sover", "dat_sover_str", "dat_vozb", "stat", "ud")
"""Fields without which the layer is not the one that is meant; besides its object id."""

WELCOME = ("discontinued", "fe1r29p1_id", "globalid", "hard_code", "reg_code", "transgression")
"""Fields that are asked for where the layer has them."""

LEFT_OUT = (
    *("entrydate", "dat_vozb_str", "fe1r32p1", "fz1r18p5", "fz1r18p6", "id", "organ", "organ_en", "organ_kz"),
    *("org_code", "period", "shape", "status", "time_period", "tz1id", "weekday", "yr"),
)
"""Fields that are known and never asked for: exact addresses, internal ids, free text, and what nobody needs."""

_MOST_PAGES = 100_000
_MOST_IDLE_PAGES = 3
_MOST_STARTS = 3
_PAGE_ROWS = 5_000
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is asked: offences in a city from ``since`` to ``until`` (days, both included; None: without a limit).

    ``registered_from`` narrows it to records registered from that day on, not known when, or struck off.

    Raises
    ------
    InvalidFetch
        If the code of the city is not four digits, or the days run backwards.
    """

    city: str
    since: date | None = None
    until: date | None = None
    registered_from: date | None = None

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9]{4}", self.city):
            raise InvalidFetch(
                f"The code of the city is {self.city[:20]!r}; expected four digits such as 1975 (Almaty) or 1971 "
                "(Astana)."
            )
        if self.since and self.until and self.since > self.until:
            raise InvalidFetch(f"The period runs from {self.since} to {self.until}; expected the earlier day first.")

    def where(self, layer: Layer) -> str:
        """The condition, in the words of the layer."""
        name = layer.fields
        parts = [f"{name['city_code']}='{self.city}'"]
        if self.since:
            parts.append(f"{name['dat_sover']}>=TIMESTAMP '{self.since.isoformat()} 00:00:00'")
        if self.until:
            parts.append(f"{name['dat_sover']}<=TIMESTAMP '{self.until.isoformat()} 23:59:59'")
        if self.registered_from:
            registered = name["dat_vozb"]
            changed = [f"{registered}>=TIMESTAMP '{self.registered_from.isoformat()} 00:00:00'"]
            changed.append(f"{registered} IS NULL")
            if "discontinued" in name:
                changed.append(f"{name['discontinued']}<>0")
            parts.append(f"({' OR '.join(changed)})")
        return " AND ".join(parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """A complete fetch: ``rows`` hold `COLUMNS`, one for each record of the service.

    ``repeated`` records came more than once, ``resumed`` pages stood from before, ``started_over`` names why a fetch
    began anew (``schema`` or ``moved``), ``unfit`` counts values that did not pass the door, ``unknown_fields`` are of
    the layer and not in its documents.
    """

    fetch_id: str
    folder: Path
    rows: pl.DataFrame
    pages: int
    resumed: int
    repeated: int
    started_over: tuple[str, ...]
    unfit: Mapping[str, int]
    unknown_fields: tuple[str, ...]


@dataclass(slots=True, kw_only=True)
class _State:
    """How far a fetch is; ``position`` counts the records passed in the service's order."""

    address: str
    request: dict[str, str | None]
    schema: list[str]
    expected: int | None
    pages: list[dict[str, str]] = field(default_factory=list)
    position: int = 0
    last_id: int | None = None
    is_complete: bool = False
    unfit: dict[str, int] = field(default_factory=dict)


class _StartOver(Exception):
    """What was fetched so far does not fit what comes; ``reason`` ends a catalogue key."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def fetch(
    service: FeatureService, request: Request, folder: Path, *, key: bytes, progress: Progress | None = None
) -> Fetched:
    """Draw every record of a request into a folder, or the rest of what stands there.

    Parameters
    ----------
    folder : of this fetch alone
    key : the installation's secret
    progress : called with records fetched and records in all (0 where the service does not tell)

    Raises
    ------
    ServiceUnreachable
        If the service does not answer, or ends before all it has told of; complete pages stay.
    UnfitService
        If fields are missing, or the service repeats itself without end.
    CannotWrite
        If the folder cannot be written.
    """
    reasons: list[str] = []
    while True:
        layer = service.describe()
        unknown = _checked(layer, service.address)
        try:
            state, standing = _state(service, request, layer, folder)
            pages = _Pages(folder=folder, state=state)
            pages.save_state()
            _draw(service, request, layer, pages, key=key, progress=progress)
            break
        except _StartOver as trouble:
            reasons.append(trouble.reason)
            with writing_to(folder):
                shutil.rmtree(folder)
            if len(reasons) == _MOST_STARTS:
                raise ServiceUnreachable(
                    f"{service.address}: records or fields changed during the fetch {_MOST_STARTS} times in a row. Run "
                    "the same command again when the service is at rest."
                ) from None
    rows = pages.rows()
    kept = rows.unique("record_hash", keep="last", maintain_order=True)
    return Fetched(
        fetch_id=folder.name,
        folder=folder,
        rows=kept,
        pages=len(state.pages),
        resumed=standing,
        repeated=pages.repeated + rows.height - kept.height,
        started_over=tuple(reasons),
        unfit=dict(state.unfit),
        unknown_fields=unknown,
    )


def is_resumable(folder: Path, *, address: str, request: Request) -> bool:
    """Whether a folder holds a fetch of the same request of the same layer."""
    state = _read_state(folder)
    return state is not None and (state.address, state.request) == (address, _told(request))


def _checked(layer: Layer, address: str) -> tuple[str, ...]:
    """The fields that no document names.

    Raises
    ------
    UnfitService
        If a needed field is missing.
    """
    missing = [name for name in NEEDED if name not in layer.fields]
    if missing:
        found = ", ".join(name[:40] for name in list(layer.fields.values())[:40])
        raise UnfitService(
            f"{address}: the layer lacks the fields {', '.join(missing)}. Expected {', '.join(NEEDED)}; found {found}. "
            "Check that the address is of the layer of points; if its publisher has renamed them, the layout has to "
            "follow."
        )
    known = {*NEEDED, *WELCOME, *LEFT_OUT, layer.object_id.lower(), "objectid"}
    return tuple(name for small, name in layer.fields.items() if small not in known)


def _state(service: FeatureService, request: Request, layer: Layer, folder: Path) -> tuple[_State, int]:
    """The state of the fetch, new or as it stands, and how many pages stand."""
    state = _read_state(folder)
    if state is None:
        with writing_to(folder):
            folder.mkdir(parents=True, exist_ok=True)
        return _State(
            address=service.address,
            request=_told(request),
            schema=list(layer.schema),
            expected=service.count(request.where(layer)),
        ), 0
    if tuple(state.schema) != layer.schema:
        raise _StartOver("schema")
    return state, len(state.pages)


def _read_state(folder: Path) -> _State | None:
    try:
        return _State(**json.loads((folder / STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _told(request: Request) -> dict[str, str | None]:
    return {name: None if value is None else str(value) for name, value in asdict(request).items()}


class _Pages:
    """The pages of a fetch on disk, and the object ids in them."""

    def __init__(self, *, folder: Path, state: _State) -> None:
        self.folder, self.state = folder, state
        self.repeated = 0
        self.seen: set[int] = set()
        for page in state.pages:
            self.seen.update(json.loads(self._content(page))["ids"])

    def keep(self, ids: Sequence[int], rows: pl.DataFrame) -> None:
        """Write a page, then the state that names it; a page nobody names does not count."""
        content = json.dumps(
            {"ids": list(ids), "columns": COLUMNS, "rows": rows.rows()}, ensure_ascii=False, separators=(",", ":")
        ).encode()
        name = f"page-{len(self.state.pages) + 1:04d}.json"
        with writing_to(self.folder):
            replace_synced(self.folder / name, content)
        self.state.pages.append({"name": name, "sha256": hashlib.sha256(content).hexdigest()})
        self.seen.update(ids)

    def save_state(self) -> None:
        with writing_to(self.folder):
            replace_synced(self.folder / STATE, json.dumps(asdict(self.state), ensure_ascii=False, indent=1).encode())

    def rows(self) -> pl.DataFrame:
        """All records, in the order of their pages."""
        schema = dict.fromkeys(COLUMNS, pl.String)
        found = [json.loads(self._content(page))["rows"] for page in self.state.pages]
        return pl.concat([pl.DataFrame(schema=schema), *(pl.DataFrame(one, schema, orient="row") for one in found)])

    def _content(self, page: Mapping[str, str]) -> bytes:
        try:
            content = (self.folder / page["name"]).read_bytes()
        except OSError:
            content = b""
        if hashlib.sha256(content).hexdigest() != page["sha256"]:
            raise _StartOver("pages")
        return content


def _draw(
    service: FeatureService,
    request: Request,
    layer: Layer,
    pages: _Pages,
    *,
    key: bytes,
    progress: Progress | None,
) -> None:
    """Ask for the pages that are missing."""
    state, where = pages.state, request.where(layer)
    idle = 0
    while not state.is_complete:
        overlap = 1 if layer.has_offset and state.position else 0
        asked = tuple(layer.fields[name] for name in (*NEEDED, *WELCOME) if name in layer.fields)
        after = "" if layer.has_offset or state.last_id is None else f" AND {layer.object_id}>{state.last_id}"
        size = min(layer.page_size, _PAGE_ROWS)
        page = service.page(
            where + after,
            fields=(layer.object_id, *(name for name in asked if name != layer.object_id)),
            order_by=layer.object_id,
            offset=state.position - overlap if layer.has_offset else None,
            rows=max(size, 1 + overlap),
        )
        records = [_lowered(one, layer) for one in page.features]
        ids = [_object_id(record) for record in records]
        if overlap and ids and state.last_id not in ids and ids[0] not in pages.seen:
            raise _StartOver("moved")
        is_new = [number not in pages.seen and number not in ids[:at] for at, number in enumerate(ids)]
        fresh = [record for record, new in zip(records, is_new, strict=True) if new]
        pages.repeated += len(ids) - len(fresh) - (1 if overlap and state.last_id in ids else 0)
        has_more = len(ids) >= size if page.has_more is None else page.has_more
        if fresh:
            rows, unfit = through_the_door(fresh, key)
            pages.keep([number for number, new in zip(ids, is_new, strict=True) if new], rows)
            state.unfit = dict(Counter(state.unfit) + unfit)
        idle = 0 if fresh else idle + 1
        if ids:
            state.last_id = ids[-1]
            # Where records come again, those after them would be passed over by counting answers.
            state.position = len(pages.seen) if fresh else state.position + len(ids) - overlap
        if not ids or not has_more:
            _require_all(service, where, state, len(pages.seen))
            state.is_complete = True
        elif idle >= _MOST_IDLE_PAGES or len(state.pages) >= _MOST_PAGES or _is_endless(state, len(pages.seen), size):
            raise UnfitService(
                f"{service.address} has answered {len(pages.seen)} records and says without end that more are to come. "
                "Nothing was delivered; tell its publisher, or give a shorter period with --since and --until."
            )
        pages.save_state()
        if progress is not None:
            progress(len(pages.seen), state.expected or 0)


def _is_endless(state: _State, held: int, size: int) -> bool:
    return state.expected is not None and held > 2 * state.expected + 10 * size


def _require_all(service: FeatureService, where: str, state: _State, held: int) -> None:
    """Refuse an end that comes before all the service counts; a service that does not count is believed."""
    if state.expected is None or held >= state.expected:
        return
    now = service.count(where)
    if now is not None and held < now:
        raise ServiceUnreachable(
            f"{service.address} ended after {held} records and counts {now}. Nothing was delivered. Run the same "
            "command again later: it goes on where it stopped."
        )


def _lowered(feature: Mapping[str, Any], layer: Layer) -> dict[str, Any]:
    """Attributes by their names in small letters, and the point; only what is meant to be read.

    Raises
    ------
    _StartOver
        If a needed one is missing: the layer is no longer what it said it was.
    """
    attributes = feature.get("attributes", feature.get("properties"))
    found = {str(name).lower(): value for name, value in attributes.items()} if isinstance(attributes, dict) else {}
    if any(name not in found for name in (*NEEDED, layer.object_id.lower())):
        raise _StartOver("schema")
    record = {name: found.get(name) for name in (*NEEDED, *WELCOME)}
    geometry = feature.get("geometry")
    point = geometry if isinstance(geometry, dict) else {}
    return {**record, "object_id": found[layer.object_id.lower()], "x": point.get("x"), "y": point.get("y")}


def _object_id(record: Mapping[str, Any]) -> int:
    number = record["object_id"]
    if not isinstance(number, int) or isinstance(number, bool):
        raise _StartOver("schema")
    return number
