"""Keeps the records of a city current: what was asked, what is held, and what of it is new.

The first fetch of a city asks for a period. A later one without a period asks only for what may have changed in the
period held: records registered since the last complete fetch (less an overlap, as records are entered late), without a
day of registration, or struck off. What it brings is compared with what is held, record by record, and only new and
changed records make a delivery. The layer does not say when a record was last changed, so one that was re-qualified,
moved or removed after the overlap is only noticed (removed: not even then) when its period is asked for again.

A delivery holds, besides the new and changed records:

- every other live record of their cases at the same time, so that the gravest of them still stands for the incident;
- where case or time of a record changed, its earlier version as struck off, so that it does not count twice.

What is held is written last, in one step, after the delivery: a fetch that is killed anywhere is completed by the next
one, and delivers the same bytes.
"""

import io
import json
import shutil
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import polars as pl

from geodata import publisher_layouts
from geodata.layout import Mapping
from riskmap.disk import held, replace_synced, writing_to
from riskmap.errors import InvalidFetch
from riskmap.pipeline import crime_point_service, territories
from riskmap.pipeline.crime_point_door import COLUMNS
from riskmap.pipeline.crime_point_service import STATE, Fetched, Request
from riskmap.pipeline.deliveries import DeliveryReport
from riskmap.pipeline.feature_service import FeatureService
from riskmap.ports import Store

LAYOUT = "kgp_crime_points_fetched"
OVERLAP_DAYS = 14
_CATALOGUE = "feed.json"
_DELIVERED = tuple(name for name in COLUMNS if name != "record_hash")
_SCHEMA = dict.fromkeys(COLUMNS, pl.String)
_STAMP = "%Y%m%dT%H%M%SZ"
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Offences of these days (both included; None: without a limit), as registered by the day ``asked_on``."""

    since: date | None
    until: date | None
    asked_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Changes:
    """What a delivery is made of: ``rows`` with `COLUMNS`; counts of records new, changed, struck off, sent along."""

    rows: pl.DataFrame
    new: int
    changed: int
    struck_off: int
    along: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReport:
    """What became of a fetch: ``file`` is None where nothing was new, ``delivery`` also where none was wanted.

    ``is_refresh`` says that only changes were asked for, ``has_discarded`` that an unfinished fetch of something else
    was put away; ``held`` counts the records known of the city by now.
    """

    request: Request
    is_refresh: bool
    has_discarded: bool
    fetched: Fetched
    changes: Changes
    held: int
    file: Path | None
    delivery: DeliveryReport | None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Feed:
    """What is known of a city."""

    windows: tuple[Window, ...] = ()
    territory: str | None = None
    last_fetch: str | None = None
    rows: pl.DataFrame


def refresh_of(windows: Sequence[Window]) -> tuple[date | None, date]:
    """What keeps these windows current: the first day of offence, and the day of registration to ask from.

    An offence is not registered before it happened, so asking by registration from the first day that no window
    covers fills every gap.
    """
    reach, asked = date.min, [one.asked_on for one in windows]
    for one in sorted(windows, key=lambda window: window.since or date.min):
        since = one.since or date.min
        if reach != date.min and since > reach:
            break
        until = one.until or date.max
        reach = max(reach, until if until == date.max else until + timedelta(days=1))
    days = [one.since for one in windows]
    first = None if None in days else min(day for day in days if day)
    return first, min([*asked, reach])


def with_window(windows: Sequence[Window], asked: Window) -> tuple[Window, ...]:
    """The windows once one more was asked for; those it covers give way to it."""

    def is_covered(one: Window) -> bool:
        starts = asked.since is None or (one.since is not None and asked.since <= one.since)
        return starts and (asked.until is None or (one.until is not None and one.until <= asked.until))

    return (*(one for one in windows if not is_covered(one)), asked)


def changes_of(fresh: pl.DataFrame, known: pl.DataFrame) -> Changes:
    """Compare records with those delivered before; both with `COLUMNS` and one row for each ``record_hash``."""
    met = fresh.join(known.with_columns(is_known=pl.lit(value=True)), on="record_hash", how="left", suffix="_before")
    rest = [name for name in COLUMNS if name != "record_hash"]
    is_same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(f"{name}_before")) for name in rest)
    told = met.with_columns(is_known=pl.col("is_known").fill_null(value=False))
    other = told.filter(~(pl.col("is_known") & is_same))
    changed = other.select(COLUMNS)

    before = known.join(changed.select("record_hash"), on="record_hash", how="semi").filter(_is_live())
    now = changed.select("record_hash", _incident().alias("now"))
    has_moved = before.join(now, on="record_hash").filter(
        (_incident() != pl.col("now")) | pl.col("case_hash").is_null()
    )
    struck = has_moved.select(COLUMNS).with_columns(discontinued=pl.lit("1"))

    touched = pl.concat([changed, struck]).select(_incident().alias("touched")).unique()
    everything = pl.concat([fresh, known.join(fresh.select("record_hash"), on="record_hash", how="anti")])
    along = (
        everything.filter(_is_live())
        .join(changed.select("record_hash"), on="record_hash", how="anti")
        .filter(_incident().is_in(touched["touched"].to_list()))
    )
    return Changes(
        rows=pl.concat([changed, struck, along]).sort(COLUMNS, nulls_last=True),
        new=int((~other["is_known"]).sum()),
        changed=int(other["is_known"].sum()),
        struck_off=changed.filter(~_is_live()).height,
        along=struck.height + along.height,
    )


def _is_live() -> pl.Expr:
    return pl.col("discontinued").is_null() | (pl.col("discontinued") == "0")


def _incident() -> pl.Expr:
    """What records of one incident share: case and time, or without a case place and time."""
    place = pl.concat_str("lng", "lat", separator=" ", ignore_nulls=True)
    return pl.concat_str(
        pl.coalesce("case_hash", place), pl.col("dat_sover_str").fill_null(""), separator=" ", ignore_nulls=True
    )


def keep_current(
    store: Store,
    service: FeatureService,
    *,
    data: Path,
    city: str,
    since: date | None,
    until: date | None,
    territory_name: str | None,
    layouts: Sequence[Mapping],
    overlap_days: int = OVERLAP_DAYS,
    now: datetime,
    progress: Progress,
) -> FeedReport:
    """Fetch what a city's records lack, and deliver what is new.

    Parameters
    ----------
    data : folder of the installation
    city : four digits, as in ``city_code``
    since, until : days of the offences asked for; both None for what changed since the last complete fetch
    territory_name : where to deliver; ``auto`` where the last fetch went, else by the places; None not to deliver

    Raises
    ------
    riskmap.errors.ServiceUnreachable, riskmap.errors.UnfitService
        If the service does not answer as it should. Complete pages stay for the next run.
    riskmap.errors.InvalidFetch
        If the city or the period does not fit.
    riskmap.errors.UnknownTerritoryName
        If there is no such territory; nothing is asked then.
    """
    if overlap_days < 0:
        raise InvalidFetch(f"The overlap is {overlap_days} days; expected 0 or more.")
    Request(city=city, since=since, until=until)
    if territory_name not in (None, territories.AUTO):
        store.territories.load(str(territory_name))
    folder = data / "feeds" / "kgp" / city
    with held(data / "locks" / f"feed-kgp-{city}.lock"):
        feed = _read(folder)
        is_refresh = since is None and until is None and bool(feed.windows)
        request = Request(city=city, since=since, until=until)
        if is_refresh:
            first, mark = refresh_of(feed.windows)
            request = Request(city=city, since=first, registered_from=mark - timedelta(days=overlap_days))
        place, has_discarded = _folder_of(folder, feed, service.address, request, now, is_refresh=is_refresh)
        fetched = crime_point_service.fetch(
            service,
            request,
            place,
            key=store.lake.key(),
            progress=lambda done, total: progress("cli.progress.fetch", done, total),
        )
        everything = pl.concat(
            [fetched.rows, feed.rows.join(fetched.rows.select("record_hash"), on="record_hash", how="anti")]
        )
        target = feed.territory if territory_name == territories.AUTO and feed.territory else territory_name
        # Another territory has none of the records that were delivered before.
        is_known_there = target is None or target == feed.territory
        changes = changes_of(*((fetched.rows, feed.rows) if is_known_there else (everything, feed.rows.clear())))
        file = _write(place / f"kgp_{city}.csv", changes.rows) if changes.rows.height else None
        delivery = None
        if file is not None and target is not None:
            delivery = territories.deliver_file(
                store,
                file,
                territory_name=target,
                mapping=publisher_layouts.chosen(LAYOUT, layouts),
                zone=None,
                now=now,
                progress=progress,
            )
        asked = Window(since=request.since, until=request.until, asked_on=_started(place).date())
        _keep(
            folder,
            _Feed(
                windows=(asked,) if is_refresh else with_window(feed.windows, asked),
                # What was not delivered comes along with the next delivery, as part of everything.
                territory=delivery.territory if delivery else None if file else feed.territory,
                last_fetch=place.name,
                rows=everything,
            ),
        )
    return FeedReport(
        request=request,
        is_refresh=is_refresh,
        has_discarded=has_discarded,
        fetched=fetched,
        changes=changes,
        held=everything.height,
        file=file,
        delivery=delivery,
    )


def _folder_of(
    folder: Path, feed: _Feed, address: str, request: Request, now: datetime, *, is_refresh: bool
) -> tuple[Path, bool]:
    """The folder of the fetch: one that was stopped, else a new one; and whether another one was put away."""
    has_discarded = False
    for path in sorted(folder.glob("[0-9]*Z-*")):
        if feed.last_fetch is not None and path.name <= feed.last_fetch:
            continue
        # What was fetched on an earlier day and could not be delivered may be deliverable with what came since.
        is_stale = is_refresh and _started(path).date() < now.astimezone(UTC).date()
        if not is_stale and crime_point_service.is_resumable(path, address=address, request=request):
            return path, has_discarded
        has_discarded |= (path / STATE).exists()
        with writing_to(path):
            shutil.rmtree(path)
    moment = now.astimezone(UTC)
    while feed.last_fetch is not None and f"{moment:{_STAMP}}" <= feed.last_fetch[:16]:
        moment += timedelta(seconds=1)
    mark = sha256(f"{address} {request}".encode()).hexdigest()[:6]
    return folder / f"{moment:{_STAMP}}-{mark}", has_discarded


def _started(folder: Path) -> datetime:
    return datetime.strptime(folder.name[:16], _STAMP).replace(tzinfo=UTC)


def _write(path: Path, rows: pl.DataFrame) -> Path:
    with writing_to(path):
        replace_synced(path, rows.select(_DELIVERED).write_csv().encode())
    return path


def _read(folder: Path) -> _Feed:
    """What is known of a city; nothing where its files have been removed, so that all is asked for again."""
    try:
        told: dict[str, Any] = json.loads((folder / _CATALOGUE).read_text(encoding="utf-8"))
        return _Feed(
            windows=tuple(
                Window(since=_day(one["since"]), until=_day(one["until"]), asked_on=date.fromisoformat(one["asked_on"]))
                for one in told["windows"]
            ),
            territory=told["territory"],
            last_fetch=told["last_fetch"],
            rows=pl.read_parquet(folder / told["held"], columns=list(COLUMNS)),
        )
    except (OSError, ValueError, KeyError, TypeError, pl.exceptions.PolarsError):
        return _Feed(rows=pl.DataFrame(schema=_SCHEMA))


def _keep(folder: Path, feed: _Feed) -> None:
    """Let the new state count, in one step."""
    name = f"held-{feed.last_fetch}.parquet"
    packed = io.BytesIO()
    feed.rows.write_parquet(packed)
    told = {
        "windows": [asdict(one) for one in feed.windows],
        "territory": feed.territory,
        "last_fetch": feed.last_fetch,
        "held": name,
    }
    with writing_to(folder):
        replace_synced(folder / name, packed.getvalue())
        replace_synced(folder / _CATALOGUE, json.dumps(told, default=str, indent=1).encode())
        for earlier in folder.glob("held-*.parquet"):
            if earlier.name != name:
                earlier.unlink(missing_ok=True)


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
