"""The append-only audit log: each line carries the hash of the line before it, so none can be changed unseen.

Whoever may write the database file could still rewrite the whole chain. Therefore every published journal carries the
head of that moment, and a file beside the journals one head a day: a chain that does not lead through all published
heads is another one. Retention removes lines only from the beginning, and leaves an anchor: a line of the chain itself
that names the position and hash of the last line that went.
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from riskmap.audit_port import AuditEntry
from riskmap.errors import BrokenAudit, RiskMapError
from riskmap.ports import Store, UnitOfWork

NO_HASH = "0" * 64
NOBODY = "nobody"
"""Account id of lines about somebody who has not signed in."""

SHORTENED = "audit_shortened"
"""Action of an anchor."""
LONGEST_DETAIL = 200
_NEXT_STEP = "Restore the database from a backup, and keep the changed one for whoever looks into it."


def record(
    work: UnitOfWork,
    *,
    account_id: str,
    action: str,
    subject: str,
    details: Mapping[str, Any],
    at: datetime,
) -> AuditEntry:
    """Append the next line; it is kept or undone with everything else of the unit of work.

    ``details`` are codes and numbers: nothing that a person wrote.

    Raises
    ------
    ValueError
        If a detail is longer than `LONGEST_DETAIL` signs or cannot be written as JSON, or ``at`` has no zone.
    """
    if at.tzinfo is None:
        raise ValueError(f"An audit line of {at.isoformat()} has no time zone; give the moment in UTC.")
    last = work.audit.last()
    draft = AuditEntry(
        position=last.position + 1 if last else 1,
        at=at.astimezone(UTC),
        account_id=account_id,
        action=action,
        subject=subject,
        details=_as_stored(details),
        previous_hash=last.entry_hash if last else NO_HASH,
        entry_hash="",
    )
    entry = replace(draft, entry_hash=_hash(draft))
    work.audit.append(entry)
    return entry


def note(
    store: Store, *, account_id: str, action: str, subject: str, details: Mapping[str, Any], at: datetime
) -> AuditEntry:
    """`record` a line by itself: of a look, which changes nothing else."""
    with store.work() as work:
        entry = record(work, account_id=account_id, action=action, subject=subject, details=details, at=at)
        work.commit()
    return entry


def shorten(work: UnitOfWork, before: datetime, *, account_id: str, at: datetime) -> int:
    """Remove the lines at the beginning that are older than a moment, behind an anchor; returns how many."""
    last = work.audit.last_before(before)
    if last is None:
        return 0
    anchor = {"until": last.position, "hash": last.entry_hash}
    record(work, account_id=account_id, action=SHORTENED, subject="audit", details=anchor, at=at)
    return work.audit.remove_until(last.position)


def leads_through(work: UnitOfWork, told: Mapping[str, Any]) -> bool:
    """Whether the log, as it stands, holds the line that a head names."""
    line = work.audit.at(told["position"])
    return line is not None and line.entry_hash == told["hash"]


def head(work: UnitOfWork) -> dict[str, Any]:
    """Position and hash of the last line; position 0 where there is none."""
    last = work.audit.last()
    return {"position": last.position, "hash": last.entry_hash} if last else {"position": 0, "hash": NO_HASH}


def check_whole(work: UnitOfWork, published_heads: Iterable[Mapping[str, Any]] = ()) -> Mapping[str, Any]:
    """`check` the log of a store from where its newest anchor says that it begins; returns its head."""
    anchor = None
    for entry in _readable(work.audit.entries()):
        anchor = entry.details if entry.action == SHORTENED else anchor
    return check(work.audit.entries(), published_heads, anchor=anchor)


def check(
    entries: Iterable[AuditEntry],
    published_heads: Iterable[Mapping[str, Any]] = (),
    *,
    anchor: Mapping[str, Any] | None = None,
) -> Mapping[str, Any]:
    """Go through the whole log and return its head.

    ``published_heads`` are heads that were made public earlier, in any order; the log has to lead through each, except
    those of lines that ``anchor`` says retention removed. The anchor has to stand in the log itself.

    Raises
    ------
    BrokenAudit
        At the first line that was changed, removed, added or moved, or if the log is shorter than, or different from,
        a published head.
    """
    position, previous_hash = _beginning(anchor)
    published = {at: told for at, told in _by_position(published_heads).items() if at >= position}
    _require_published(position, previous_hash, published)
    newest_anchor = None
    for entry in _readable(entries):
        position += 1
        _require_next(entry, position, previous_hash)
        previous_hash = entry.entry_hash
        _require_published(position, previous_hash, published)
        newest_anchor = entry.details if entry.action == SHORTENED else newest_anchor
    if newest_anchor != anchor:
        raise BrokenAudit(f"The audit log does not hold the anchor that it is said to begin after. {_NEXT_STEP}")
    if published:
        raise BrokenAudit(
            f"The audit log ends at line {position}; a published journal was written after line {max(published)}. "
            f"Lines were cut off at its end. {_NEXT_STEP}"
        )
    return {"position": position, "hash": previous_hash}


def _beginning(anchor: Mapping[str, Any] | None) -> tuple[int, str]:
    if anchor is None:
        return 0, NO_HASH
    until, reached = anchor.get("until"), anchor.get("hash")
    if type(until) is not int or until < 1 or not isinstance(reached, str):
        raise BrokenAudit(f"An anchor of the audit log names no line; expected a position and a hash. {_NEXT_STEP}")
    return until, reached


def _require_next(entry: AuditEntry, position: int, previous_hash: str) -> None:
    if entry.position != position:
        raise BrokenAudit(
            f"Line {position} of the audit log is missing: line {entry.position} stands in its place. {_NEXT_STEP}"
        )
    if entry.previous_hash != previous_hash:
        raise BrokenAudit(
            f"Line {position} of the audit log does not follow the line before it: one of them was changed, added, "
            f"removed or moved. {_NEXT_STEP}"
        )
    try:
        expected = _hash(entry)
    except (AttributeError, TypeError, ValueError):
        # Something stands there that the program could not have written.
        expected = ""
    if entry.entry_hash != expected:
        raise BrokenAudit(f"Line {position} of the audit log was changed: its hash does not fit. {_NEXT_STEP}")


def _require_published(position: int, reached: str, published: dict[int, set[str]]) -> None:
    if published.pop(position, {reached}) != {reached}:
        raise BrokenAudit(
            f"Line {position} of the audit log is not the one that a published journal was written after: "
            f"the log was rewritten. {_NEXT_STEP}"
        )


def _by_position(published_heads: Iterable[Mapping[str, Any]]) -> dict[int, set[str]]:
    published: dict[int, set[str]] = {}
    for published_head in published_heads:
        position, reached = published_head.get("position"), published_head.get("hash")
        if type(position) is not int or position < 0 or not isinstance(reached, str):
            raise BrokenAudit(
                f"A published head of the audit log is {str(dict(published_head))[:120]}; expected a position and a "
                "hash. Restore the journals from a backup."
            )
        published.setdefault(position, set()).add(reached)
    return published


def _readable(entries: Iterable[AuditEntry]) -> Iterator[AuditEntry]:
    """The lines as they come; one that the store cannot make sense of breaks the log too."""
    position = 0
    try:
        for entry in entries:
            position = entry.position
            yield entry
    except RiskMapError:
        raise
    except (KeyError, TypeError, ValueError) as error:
        raise BrokenAudit(f"A line of the audit log after line {position} cannot be read. {_NEXT_STEP}") from error


def _hash(entry: AuditEntry) -> str:
    """SHA-256 over everything else in a line, its moment as ISO text in UTC."""
    hashed = {
        "position": entry.position,
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "account_id": entry.account_id,
        "action": entry.action,
        "subject": entry.subject,
        "details": entry.details,
        "previous_hash": entry.previous_hash,
    }
    return hashlib.sha256(_canonical(hashed)).hexdigest()


def _as_stored(details: Mapping[str, Any]) -> dict[str, Any]:
    """The details as they will be read back, so that the hash is over the same."""
    stored: dict[str, Any] = json.loads(_canonical(details))
    if too_long := [name for name, value in stored.items() if len(str(value)) > LONGEST_DETAIL]:
        raise ValueError(
            f"Audit details {', '.join(too_long)[:80]} are longer than {LONGEST_DETAIL} signs; "
            "expected codes and numbers. Leave out what a person wrote."
        )
    return stored


def _canonical(value: object) -> bytes:
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return text.encode("utf-8")
