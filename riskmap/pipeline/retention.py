"""Retention: what is older than its term is removed, kind by kind; see `riskmap.kept_kinds`.

The catalogue lets go first, in one transaction with the line of the audit log, and the files follow. A run that is
killed in between leaves files that nothing names; the next run removes them. Nothing is removed twice, so a repeated
run changes nothing. The audit log comes last: it is shortened behind an anchor, so that it can still be checked.
"""

import json
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from riskmap import kept_kinds
from riskmap.council import journal_desk
from riskmap.council.request import OPEN_STATES, State, civil_day
from riskmap.disk import writing_to
from riskmap.errors import DamagedRelease
from riskmap.identity import audit, sessions
from riskmap.identity.access import OPERATOR
from riskmap.kept_kinds import KeptKind, Kind
from riskmap.lake_ports import LakeFile
from riskmap.photos import retention as photo_retention
from riskmap.ports import Delivery, DeliveryStatus, ScoreRun, Store, UnitOfWork
from riskmap.settings import KeptFor, Settings

WORK_FOLDERS = "quarantine-*"
"""What a killed correction of rows leaves below ``staging``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """How much of one kind is over its term.

    ``entries`` are those of the catalogue, and rows where the kind is of rows. ``before`` is the moment up to which it
    goes; None where the kind is kept for ever.
    """

    kind: Kind
    before: datetime | None
    entries: int = 0
    files: int = 0


@dataclass(slots=True, kw_only=True)
class _Taken:
    """What one unit of work lets go of: entries by kind, and the files to remove after it is committed."""

    entries: dict[Kind, int] = field(default_factory=dict)
    files: dict[Kind, list[Path]] = field(default_factory=dict)

    def add(self, kind: Kind, entries: int, files: Iterable[Path] = ()) -> None:
        self.entries[kind] = self.entries.get(kind, 0) + entries
        self.files.setdefault(kind, []).extend(files)


def look(store: Store, settings: Settings, *, now: datetime) -> list[Due]:
    """What is over its term at this moment; nothing is removed.

    Raises
    ------
    DamagedRelease
        If a release does not say which score run it was made of.
    """
    return _go_through(store, settings, now=now, is_meant=False)


def carry_out(store: Store, settings: Settings, *, now: datetime) -> list[Due]:
    """Remove what is over its term, and say how much it was.

    Raises
    ------
    DamagedRelease
        If a release does not say which score run it was made of. Nothing is removed.
    CannotWrite, StoreBusy
        If the data folder cannot be used now. What was removed before stays removed; the rest goes with the next run.
    """
    return _go_through(store, settings, now=now, is_meant=True)


def _go_through(store: Store, settings: Settings, *, now: datetime, is_meant: bool) -> list[Due]:
    terms = _terms(settings.kept_for, now)
    used = _runs_of_releases(settings.releases)
    taken = [_of_sessions(store, terms, now=now, is_meant=is_meant)]
    for territory in store.territories.names():
        # Nobody may deliver meanwhile, for files that nothing names are swept.
        with store.lake.hold(territory) if is_meant else nullcontext():
            folders = settings.data, settings.journals
            taken.append(_of_territory(store, folders, territory, terms, used, now=now, is_meant=is_meant))
            if is_meant:
                store.lake.sweep(territory)
    taken.append(_of_folders(settings, terms, now=now, is_meant=is_meant))
    taken.append(_of_audit(store, terms[Kind.AUDIT], now=now, is_meant=is_meant))
    return [
        Due(
            kind=kind,
            before=terms[kind],
            entries=sum(one.entries.get(kind, 0) for one in taken),
            files=sum(len(one.files.get(kind, ())) for one in taken),
        )
        for kind in Kind
    ]


def _terms(kept: KeptFor, now: datetime) -> dict[Kind, datetime | None]:
    return {one.kind: _before(one, now) for one in kept_kinds.table(kept)}


def _before(one: KeptKind, now: datetime) -> datetime | None:
    if one.days is not None:
        return now - timedelta(days=one.days)
    return None if one.years is None else _years_before(now, one.years)


def _years_before(now: datetime, years: int) -> datetime:
    try:
        return now.replace(year=now.year - years)
    except ValueError:  # 29 February
        return now.replace(year=now.year - years, day=28)


def _of_sessions(store: Store, terms: dict[Kind, datetime | None], *, now: datetime, is_meant: bool) -> _Taken:
    before, taken = terms[Kind.SESSIONS], _Taken()
    assert before is not None  # noqa: S101 (only incidents have no term)
    with store.work() as work:
        # A session that nobody ended is over by itself.
        removed = work.sessions.remove(ended=before, seen=before - sessions.IDLE, created=before - sessions.ABSOLUTE)
        removed += work.pending_sign_ins.remove_before(before) + work.second_factors.remove_pending_before(before)
        taken.add(Kind.SESSIONS, removed)
        _finish(work, taken, "installation", now=now, is_meant=is_meant)
    return taken


def _of_territory(
    store: Store,
    folders: tuple[Path, Path],
    territory: str,
    terms: dict[Kind, datetime | None],
    used: frozenset[str],
    *,
    now: datetime,
    is_meant: bool,
) -> _Taken:
    taken, (data, journals) = _Taken(), folders
    with store.work() as work:
        for delivery in work.deliveries.all(territory):
            _take_delivery(work, delivery, terms, taken, data, now=now)
        _take_incidents(work, territory, terms[Kind.INCIDENTS], taken, data)
        if (answered_before := terms[Kind.REVIEWS]) is not None:
            taken.add(Kind.REVIEWS, work.reviews.forget_texts(territory, answered_before))
        if (marked_before := terms[Kind.MARKS]) is not None:
            taken.add(Kind.MARKS, work.signals.remove(territory, civil_day(marked_before)))
        if (closed_before := terms[Kind.REQUESTS]) is not None:
            taken.add(Kind.REQUESTS, work.requests.forget_words(territory, closed_before))
            closed = work.requests.of_territory(territory, states=frozenset(State) - OPEN_STATES)
            due = [one.number for one in closed if one.changed_at < closed_before]
            taken.add(Kind.REQUESTS, work.comments.forget_words(territory, due))
        swept = photo_retention.take(store, work, territory, terms[Kind.PHOTOS], terms[Kind.MARKS], is_meant=is_meant)
        taken.add(Kind.PHOTOS, swept.entries)
        for run in work.score_runs.of_territory(territory):
            if _is_before(run.created_at, terms[Kind.SCORES]) and run.run_id not in used:
                work.score_runs.remove(run.run_id)
                taken.add(Kind.SCORES, 1, _there(data / run.path))
        taken.add(Kind.LEFT_OVER, 0, _unnamed(work.score_runs.of_territory(territory), data, territory, terms, taken))
        _finish(work, taken, f"territory {territory}", now=now, is_meant=is_meant)
    if is_meant:
        _unlink(path for paths in taken.files.values() for path in paths)
        photo_retention.sweep(store, territory)
        if swept.is_public:
            journal_desk.publish(store, journals, territory, at=now)
    return taken


def _take_delivery(
    work: UnitOfWork,
    delivery: Delivery,
    terms: dict[Kind, datetime | None],
    taken: _Taken,
    data: Path,
    *,
    now: datetime,
) -> None:
    aside = data / "quarantine" / delivery.territory / f"{delivery.delivery_id}.parquet"
    is_adopted = delivery.status is DeliveryStatus.ADOPTED
    if is_adopted and delivery.quarantine_removed_at is not None:
        # The catalogue let go of it, and the run ended before the file went.
        taken.add(Kind.QUARANTINE, 0, _there(aside))
    elif is_adopted and delivery.quarantined and _is_before(delivery.received_at, terms[Kind.QUARANTINE]):
        work.deliveries.save(replace(delivery, quarantine_removed_at=now))
        taken.add(Kind.QUARANTINE, delivery.quarantined, _there(aside))
    elif not is_adopted and _has_detail(delivery) and _is_before(delivery.received_at, terms[Kind.SUPERSEDED]):
        work.deliveries.save(replace(delivery, file_name="", unknown_categories={}, settled={}))
        taken.add(Kind.SUPERSEDED, 1)


def _has_detail(delivery: Delivery) -> bool:
    """Whether the catalogue holds words of a delivery, not only counts."""
    return bool(delivery.file_name or delivery.unknown_categories or delivery.settled)


def _take_incidents(work: UnitOfWork, territory: str, before: datetime | None, taken: _Taken, data: Path) -> None:
    if before is None:
        return
    of_delivery: dict[str, list[LakeFile]] = {}
    for file in work.lake_files.of_territory(territory):
        of_delivery.setdefault(file.delivery_id, []).append(file)
    for delivery_id, files in of_delivery.items():
        over = [file for file in files if _last_day(file.week) < before.date()]
        if over:
            work.lake_files.remove(delivery_id)
            work.lake_files.add([file for file in files if file not in over])
            paths = [data / "lake" / file.path for file in over]
            # The lake makes the list of a delivery's ids anew from the files that are left.
            index = data / "ids" / territory / f"{delivery_id}.npy"
            taken.add(Kind.INCIDENTS, sum(file.rows for file in over), _there(*paths, index))


def _last_day(week: str) -> date:
    year, number = week.split("-W")
    return date.fromisocalendar(int(year), int(number), 7)


def _unnamed(
    runs: list[ScoreRun], data: Path, territory: str, terms: dict[Kind, datetime | None], taken: _Taken
) -> Iterator[Path]:
    """Score files that no run names, once they are old enough not to be just in the making."""
    named = {data / run.path for run in runs} | set(taken.files.get(Kind.SCORES, ()))
    for path in sorted((data / "scores" / territory).glob("*.parquet")):
        if path not in named and _is_before(_changed_at(path), terms[Kind.LEFT_OVER]):
            yield path


def _of_folders(settings: Settings, terms: dict[Kind, datetime | None], *, now: datetime, is_meant: bool) -> _Taken:
    """Files that no catalogue knows: pages of services, and what killed corrections leave."""
    taken = _Taken()
    # SERVICE/CITY/FETCH/: beside the fetches stands what is held of the city, and the next fetch begins from that.
    for fetch in sorted(path for path in settings.feeds.glob("*/*/*") if path.is_dir()):
        pages = [path for path in fetch.rglob("*") if path.is_file()]
        if all(_is_before(_changed_at(path), terms[Kind.FEEDS]) for path in (fetch, *pages)):
            taken.add(Kind.FEEDS, len(pages), [fetch])
    left = sorted((settings.data / "staging").glob(WORK_FOLDERS))
    taken.add(Kind.LEFT_OVER, 0, [path for path in left if _is_before(_changed_at(path), terms[Kind.LEFT_OVER])])
    if is_meant:
        _unlink(path for paths in taken.files.values() for path in paths)
    return taken


def _of_audit(store: Store, before: datetime | None, *, now: datetime, is_meant: bool) -> _Taken:
    """The oldest lines of the audit log; the anchor says how far, so no further line does."""
    taken = _Taken()
    if before is None:
        return taken
    with store.work() as work:
        removed = audit.shorten(work, before, account_id=OPERATOR, at=now)
        taken.add(Kind.AUDIT, removed)
        if removed and is_meant:
            work.commit()
    return taken


def _finish(work: UnitOfWork, taken: _Taken, subject: str, *, now: datetime, is_meant: bool) -> None:
    """Keep what the unit changed along with its audit line; without that, leaving the unit undoes everything."""
    if not is_meant:
        return
    counts: dict[str, Any] = {kind.value: number for kind, number in taken.entries.items() if number}
    if counts:
        audit.record(work, account_id=OPERATOR, action="retention", subject=subject, details=counts, at=now)
        work.commit()


def _runs_of_releases(releases: Path) -> frozenset[str]:
    """Ids of the score runs that releases were made of; one of official totals alone has no model, so no run."""
    found = set()
    for path in sorted(releases.glob("[!.]*/[!.]*/manifest.json")):
        try:
            manifest = json.loads(path.read_bytes())
            if "model" in manifest or manifest["period"] is not None:
                found.add(str(manifest["model"]["run_id"]))
        except FileNotFoundError:
            continue  # an old release, removed meanwhile
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedRelease(
                f"The manifest of release {path.parent.name} does not say which score run it was made of. "
                "Restore the releases from a backup, or remove that one; then repeat. Nothing was removed."
            ) from error
    return frozenset(found)


def _is_before(moment: datetime, term: datetime | None) -> bool:
    return term is not None and moment < term


def _changed_at(path: Path) -> datetime:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except FileNotFoundError:
        return datetime.max.replace(tzinfo=UTC)


def _there(*paths: Path) -> list[Path]:
    return [path for path in paths if path.exists()]


def _unlink(paths: Iterable[Path]) -> None:
    for path in paths:
        with writing_to(path):
            remove: Callable[[Path], None] = shutil.rmtree if path.is_dir() else Path.unlink
            with suppress(FileNotFoundError):
                remove(path)
