"""Everything a council owns as a folder of open formats: tables as CSV and JSON, a dictionary, checksums.

In CSV a text that a spreadsheet would calculate begins with an apostrophe; JSON holds every text unchanged.
"""

import csv
import hashlib
import io
import json
import re
import secrets
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from riskmap import disk
from riskmap.comment_port import CommentState
from riskmap.council import journal_desk
from riskmap.council.meeting import DECISION, Deed, Meeting, Stage, count
from riskmap.council.request import NEEDS, CouncilRequest, State
from riskmap.errors import CannotWrite, InvalidOptions
from riskmap.identity import access, audit
from riskmap.identity.access import Actor, Permission
from riskmap.ports import Store, UnitOfWork
from riskmap.public.council_export import BYTE_ORDER_MARK, harmless
from riskmap.records import export_files
from riskmap.records.export_tables import TABLES, ExportTable, Shelf
from riskmap.signals import rules as signal_rules

FORMAT = 1
ABOUT, DICTIONARY, SUMS = "export.json", "dictionary.csv", "SHA256SUMS"
DICTIONARY_COLUMNS = ("file", "column", "type", "access", "meaning")
NUMBERED = frozenset({"request", "meeting", "review", "photo"})
"""Nouns of the audit log that stand before ``TERRITORY-NUMBER``."""
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Exported:
    """What was written: rows of each table, and the head of the audit log as it stood."""

    folder: Path
    rows: Mapping[str, int]
    audit_head: Mapping[str, Any]


def write(store: Store, actor: Actor, territory: str, folder: Path, *, at: datetime) -> Exported:
    """Write everything of a territory's council into a new folder; the audit log keeps that it was taken.

    Raises
    ------
    NotAllowed
    InvalidOptions
        If the folder is there already.
    CannotWrite
        If it cannot be made; nothing of it is left then.
    """
    role = access.require(actor, Permission.EXPORT_COUNCIL, region_id=territory)
    if folder.exists():
        raise InvalidOptions(f"{folder} is there already; expected a new folder. Choose another --out name.")
    subject = f"territory {territory}"
    details = {"role": str(role), "tables": len(TABLES)}
    audit.note(store, account_id=actor.account_id, action="council_export", subject=subject, details=details, at=at)
    with store.look() as look:
        tables = {name: list(rows) for name, rows in _rows(look, territory).items()}
        head = audit.head(look)
        files = _files(territory, tables, head, at=at, along=export_files.of_territory(store, look, territory))
    beside = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}")
    try:
        for name, content in files.items():
            (beside / name).parent.mkdir(parents=True, exist_ok=True)
            disk.write_synced(beside / name, content)
        beside.rename(folder)
    except OSError as error:
        raise CannotWrite(
            f"{folder} cannot be written: {error.strerror or error}. Choose a folder that exists and that this user "
            "may write to."
        ) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return Exported(folder=folder, rows={name: len(rows) for name, rows in tables.items()}, audit_head=head)


def _files(
    territory: str,
    tables: Mapping[str, list[Row]],
    head: Mapping[str, Any],
    *,
    at: datetime,
    along: Mapping[str, bytes],
) -> dict[str, bytes]:
    files = dict(along)
    for table in TABLES:
        way = f"{table.shelf}/{table.name}"
        files[f"{way}.csv"] = _csv(table, tables[table.name])
        files[f"{way}.json"] = _json({table.name: tables[table.name]})
    files[DICTIONARY] = _dictionary()
    files[ABOUT] = _json(
        {
            "format": FORMAT,
            "territory": territory,
            "made_at": at.isoformat(timespec="seconds"),
            "audit_head": dict(head),
            "restricted": f"Folder {Shelf.RESTRICTED}: for the council alone, never to be published.",
            "tables": {table.name: {"access": table.shelf, "rows": len(tables[table.name])} for table in TABLES},
        }
    )
    sums = [f"{hashlib.sha256(content).hexdigest()}  {name}" for name, content in sorted(files.items())]
    return {**files, SUMS: ("\n".join(sums) + "\n").encode()}


def _rows(look: UnitOfWork, territory: str) -> dict[str, Iterator[Row]]:
    requests = look.requests.of_territory(territory)
    meetings = look.meetings.of_territory(territory)
    return {
        "requests": _requests(look, territory, requests),
        "steps": _steps(requests, is_public=True),
        "comments": _comments(look, territory),
        "meetings": _meetings(meetings),
        "decisions": _decisions(meetings),
        "reviews": _reviews(look, territory),
        "request_words": _request_words(look, territory, requests),
        "step_words": _steps(requests, is_public=False),
        "comment_words": _comment_words(look, territory),
        "meeting_entries": _entries(meetings),
        "mark_heaps": _heaps(look, territory),
        "review_voices": _voices(look, territory),
        "photos": export_files.photos(look, territory),
        "answer_scans": export_files.scans(look, territory),
        "audit": _audit(look, territory),
    }


def _requests(look: UnitOfWork, territory: str, requests: list[CouncilRequest]) -> Iterator[Row]:
    supporters = journal_desk.count_supporters(requests, look.requests.supports(territory, is_counted=True))
    for one in requests:
        yield {
            "request": one.number,
            "kind": one.kind,
            "state": one.state,
            "area_id": one.place.area_id,
            "cell_id": one.place.cell_id,
            "release_id": one.place.release_id,
            "risk_class": one.place.risk_class,
            "submitted_at": one.submitted_at,
            "changed_at": one.changed_at,
            "supporters": supporters[one.number],
            "wording": one.wording,
            "merged_into": one.merged_into if one.state is State.MERGED else None,
            "is_simulated": one.is_simulated,
        }


def _steps(requests: list[CouncilRequest], *, is_public: bool) -> Iterator[Row]:
    for one in requests:
        for position, step in enumerate(one.steps, start=1):
            public = {needed.name for needed in NEEDS[step.action] if needed.is_public}
            fields = {name: text for name, text in step.fields.items() if (name in public) is is_public}
            told = {"request": one.number, "position": position, "fields": fields}
            if is_public:
                told |= {"action": step.action, "state_before": step.before, "state_after": step.after, "at": step.at}
            else:
                told |= {"account": step.account_id, "role": step.role}
            yield told


def _comments(look: UnitOfWork, territory: str) -> Iterator[Row]:
    for one in look.comments.of_territory(territory):
        if one.state in (CommentState.SHOWN, CommentState.HIDDEN):
            yield {
                "request": one.request,
                "comment": one.number,
                "role": one.role,
                "at": one.said_at,
                "state": one.state,
                "reason": one.reason,
                "text": one.text if one.state is CommentState.SHOWN else None,
            }


def _comment_words(look: UnitOfWork, territory: str) -> Iterator[Row]:
    for one in look.comments.of_territory(territory):
        yield {
            "request": one.request,
            "comment": one.number,
            "account": one.account_id,
            "state": one.state,
            "text": one.text,
        }


def _meetings(meetings: list[Meeting]) -> Iterator[Row]:
    for one in meetings:
        yield {
            "meeting": one.number,
            "stage": one.stage,
            **{name: one.notice[name] for name in ("day", "time", "place", "members", "agenda")},
            "quorum": one.quorum,
            "present": None if one.stage is Stage.CALLED else len(one.present),
            "is_simulated": one.is_simulated,
        }


def _decisions(meetings: list[Meeting]) -> Iterator[Row]:
    for one in meetings:
        decided = [(at, entry) for at, entry in enumerate(one.entries, start=1) if entry.deed is Deed.DECIDE]
        newest = {entry.fields["request"]: at for at, entry in decided}
        for at, entry in decided:
            yield {
                "meeting": one.number,
                "position": at,
                "request": entry.fields["request"],
                "verdict": entry.fields["verdict"],
                "at": entry.at,
                **count(entry.fields["votes"]),
                "fields": {name: entry.fields[name] for name in DECISION if name in entry.fields},
                "is_in_force": newest[entry.fields["request"]] == at,
            }


def _reviews(look: UnitOfWork, territory: str) -> Iterator[Row]:
    for one in look.reviews.of_territory(territory):
        answer = one.answer
        yield {
            "review": one.number,
            "place_id": one.place.place_id,
            "area_id": one.place.area_id,
            "asked_at": one.voices[0].at,
            "due_on": one.due_on,
            "outcome": answer.outcome if answer else None,
            "reason_kk": answer.reason_kk if answer else None,
            "reason_ru": answer.reason_ru if answer else None,
            "answered_at": answer.at if answer else None,
        }


def _request_words(look: UnitOfWork, territory: str, requests: list[CouncilRequest]) -> Iterator[Row]:
    marks = look.signals.of_requests(territory)
    damped = [number for number, _ in look.requests.supports(territory, is_counted=False)]
    for one in requests:
        yield {
            "request": one.number,
            "requester": one.requester,
            "entered_by": one.entered_by,
            "grounds": one.grounds,
            "landmark": one.landmark,
            "marks": marks.get(one.number, 0),
            "supports_not_counted": damped.count(one.number),
        }


def _entries(meetings: list[Meeting]) -> Iterator[Row]:
    for one in meetings:
        for position, entry in enumerate(one.entries, start=1):
            yield {
                "meeting": one.number,
                "position": position,
                "deed": entry.deed,
                "account": entry.account_id,
                "role": entry.role,
                "at": entry.at,
                "fields": dict(entry.fields),
            }


def _heaps(look: UnitOfWork, territory: str) -> Iterator[Row]:
    for one in signal_rules.heaps(look.signals.waiting(territory)):
        yield {
            "place_id": one.place.place_id,
            "area_id": one.place.area_id,
            "category": one.category,
            "marks": one.heard,
            "counted": one.counted,
            "first_on": one.first_on,
            "last_on": one.last_on,
        }


def _voices(look: UnitOfWork, territory: str) -> Iterator[Row]:
    for one in look.reviews.of_territory(territory):
        for position, voice in enumerate(one.voices, start=1):
            yield {
                "review": one.number,
                "position": position,
                "doubt": voice.doubt,
                "text": voice.text,
                "at": voice.at,
            }


def _audit(look: UnitOfWork, territory: str) -> Iterator[Row]:
    for entry in look.audit.entries():
        if is_about(entry.subject, territory):
            yield {
                "position": entry.position,
                "at": entry.at,
                "account": entry.account_id,
                "action": entry.action,
                "subject": entry.subject,
                "details": dict(entry.details),
                "previous_hash": entry.previous_hash,
                "entry_hash": entry.entry_hash,
            }


def is_about(subject: str, territory: str) -> bool:
    """Whether a line of the audit log is about a territory or something of its council.

    Examples
    --------
    >>> [is_about(one, "toy") for one in ("request toy-7", "territory toy", "request toy-2-7", "marks toy lamp d1")]
    [True, True, False, True]
    """
    noun, _, rest = subject.partition(" ")
    named = rest.partition(" ")[0]
    if noun in NUMBERED:
        return named == territory or re.fullmatch(rf"{re.escape(territory)}-\d+", named) is not None
    return named == territory


def _csv(table: ExportTable, rows: list[Row]) -> bytes:
    out = io.StringIO(newline="")
    out.write(BYTE_ORDER_MARK)
    writer = csv.writer(out)
    writer.writerow(table.names)
    writer.writerows([harmless(_as_text(row[name])) for name in table.names] for row in rows)
    return out.getvalue().encode()


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (dict, list)):
        return json.dumps(value, ensure_ascii=False, sort_keys=True)
    return value.isoformat() if isinstance(value, (date, datetime)) else str(value)


def _json(content: Mapping[str, Any]) -> bytes:
    text = json.dumps(content, ensure_ascii=False, indent=1, default=lambda value: value.isoformat())
    return (text + "\n").encode()


def _dictionary() -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    writer.writerow(DICTIONARY_COLUMNS)
    for table in TABLES:
        for column in table.columns:
            way = f"{table.shelf}/{table.name}"
            writer.writerow([way, column.name, column.type, table.shelf, column.meaning])
    return out.getvalue().encode()
