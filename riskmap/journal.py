"""The journal of a territory, a small release: what the public sees of council requests, reviews of places and marks.

It holds states, days, published words and numbers of supporters; never a name, never the requester's own words. It is
written whole after each public change by `riskmap.council.journal_desk`; public pages read only this.
"""

import json
import re
import shutil
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from riskmap import disk, release
from riskmap.errors import DamagedRelease

FORMAT = 1
KIND = "journal"
REQUESTS, REVIEWS, MEETINGS, MARKS = "requests.json", "reviews.json", "meetings.json", "marks.json"
COMMENTS = "comments.json"
HEADS = "audit_heads.csv"
HEADS_HEADER = "day,lines,hash"
REVIEW_DAYS = ("asked_on", "due_on", "answered_on")
PHOTOS = ".photos"
"""Folder of public copies of photos, one for each territory in it; no territory is named so."""
KEPT = 5
"""Journals of a territory that stay on disk: the newest, and a few for readers who have just begun."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicStep:
    """One line of the public history: what was done on which day, with its published fields."""

    action: str
    state: str
    on: date
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicClock:
    """The date that counts for an open request: ``kind`` is legal, own or promised.

    ``body`` is None where the council itself has to act. ``is_extended`` and ``is_notice_late`` are of the law's term.
    """

    kind: str
    due_on: date
    body: str | None = None
    is_extended: bool = False
    is_notice_late: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicPhoto:
    """A photo that the secretary has checked; ``sha256`` names its file, ``caption`` is for those who cannot see it."""

    sha256: str
    caption: str
    width: int
    height: int
    sent_with: str
    sent_on: date


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicRequest:
    """What anyone may see of a request. ``wording`` is None until the secretary has published words for it."""

    number: int
    kind: str
    state: str
    is_open: bool
    cell_id: str
    area_id: str
    release_id: str
    risk_class: int
    submitted_on: date
    changed_on: date
    supporters: int
    wording: str | None
    merged_into: int | None
    is_simulated: bool
    steps: tuple[PublicStep, ...]
    clock: PublicClock | None = None
    photos: tuple[PublicPhoto, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicComment:
    """What anyone may read of a comment on a request: ``text``, or the ``reason`` for which it is hidden.

    ``role`` is that of its author: a role, never a person.
    """

    request: int
    number: int
    role: str
    on: date
    text: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicReview:
    """What anyone may see of a review of a place; the last four are None, or empty, until it is answered.

    ``reasons`` are the public ones by language, ``role`` is who answered: a role, never a person.
    """

    number: int
    place_id: str
    area_id: str
    asked_on: date
    due_on: date
    answered_on: date | None = None
    outcome: str | None = None
    reasons: Mapping[str, str] = field(default_factory=dict)
    role: str | None = None

    @property
    def is_open(self) -> bool:
        return self.answered_on is None


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicQuestion:
    """A request on an agenda with what its place there was reckoned from."""

    request: int
    supporters: int
    evidence: int
    days: int
    weight: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicDecision:
    """One version of a decision, of which only the newest is in force; ``votes`` are numbers by code, never names."""

    request: int
    verdict: str
    on: date
    votes: Mapping[str, int]
    fields: Mapping[str, str]
    is_in_force: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicMeeting:
    """What anyone may see of a meeting. ``present`` is None before it is opened; ``notices`` counts its notices."""

    number: int
    stage: str
    day: date
    time: str
    place: str
    members: int
    quorum: int
    present: int | None
    notices: int
    changed_on: date
    is_simulated: bool
    agenda: tuple[PublicQuestion, ...]
    decisions: tuple[PublicDecision, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class MarkedQuarter:
    """Marks of a quarter that is over (``2026-Q3``): area, category and count, where the count is not small."""

    quarter: str
    counts: tuple[tuple[str, str, int], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditHead:
    """How many lines the audit log had at the last change of a day, and the hash of the last of them."""

    day: date
    lines: int
    hash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """All public requests and reviews of a territory, by number, and marks by quarter.

    ``audit_head`` is the last audit line it was written after.
    """

    territory: str
    journal_id: str
    as_of: date
    is_simulated: bool
    audit_head: Mapping[str, Any]
    requests: tuple[PublicRequest, ...]
    reviews: tuple[PublicReview, ...] = ()
    meetings: tuple[PublicMeeting, ...] = ()
    marks: tuple[MarkedQuarter, ...] = ()
    comments: tuple[PublicComment, ...] = ()

    def find(self, number: int) -> PublicRequest | None:
        return next((request for request in self.requests if request.number == number), None)


def write(
    root: Path,
    territory: str,
    requests: tuple[PublicRequest, ...],
    reviews: tuple[PublicReview, ...] = (),
    *,
    meetings: tuple[PublicMeeting, ...] = (),
    marks: tuple[MarkedQuarter, ...] = (),
    comments: tuple[PublicComment, ...] = (),
    as_of: date,
    is_simulated: bool,
    audit_head: Mapping[str, Any],
) -> str:
    """Publish the journal of a territory; returns its id. The same content written again changes nothing.

    Raises
    ------
    CannotWrite
        If the folder cannot be written.
    """
    manifest = {
        "format": FORMAT,
        "kind": KIND,
        "territory": territory,
        "as_of": as_of.isoformat(),
        "is_simulated": is_simulated,
        "audit_head": dict(audit_head),
    }
    files = {REQUESTS: release.as_json({"requests": [_as_plain(request) for request in requests]})}
    if reviews:
        files[REVIEWS] = release.as_json({"reviews": [_review_as_plain(review) for review in reviews]})
    if meetings:
        files[MEETINGS] = release.as_json({"meetings": [_meeting_as_plain(meeting) for meeting in meetings]})
    if marks:
        files[MARKS] = release.as_json({"quarters": [asdict(quarter) for quarter in marks]})
    if comments:
        plain = [{**asdict(comment), "on": comment.on.isoformat()} for comment in comments]
        files[COMMENTS] = release.as_json({"comments": plain})
    journal_id, _ = release.write(root, manifest, files)
    _forget_old(root / territory, newest=journal_id)
    return journal_id


def read_heads(path: Path) -> tuple[AuditHead, ...]:
    """Heads of the audit log by day, from the file beside the journals or a copy of it; empty where there is none.

    Raises
    ------
    DamagedRelease
        If the file is not one of heads.
    """
    try:
        header, *lines = path.read_text(encoding="ascii").splitlines()
        found = tuple(
            AuditHead(day=date.fromisoformat(day), lines=int(count), hash=reached)
            for day, count, reached in (line.split(",") for line in lines)
        )
        is_whole = header == HEADS_HEADER and all(re.fullmatch("[0-9a-f]{64}", head.hash) for head in found)
    except FileNotFoundError:
        return ()
    except ValueError:
        is_whole = False
    if not is_whole:
        raise DamagedRelease(
            f"{path} is no list of heads of the audit log; expected lines of {HEADS_HEADER}. "
            "Restore the journals from a backup."
        )
    return found


def keep_head(root: Path, head: Mapping[str, Any], *, on: date, is_led_through: Callable[[AuditHead], bool]) -> None:
    """Put the head of the audit log into the file beside the journals, one line a day.

    Lines of earlier days never change. That of the day moves on only where the log leads through it
    (``is_led_through``); where not, it stays and the new one stands below it, so that `check-audit` finds the break.

    Raises
    ------
    DamagedRelease
        If the file is not one of heads.
    CannotWrite
        If it cannot be written.
    """
    with disk.held(root / f".{HEADS}.lock"):
        told = read_heads(root / HEADS)
        if not head["position"] or (told and head["position"] <= told[-1].lines):
            return
        day = max(on, told[-1].day) if told else on
        if told and told[-1].day == day and is_led_through(told[-1]):
            told = told[:-1]
        told = (*told, AuditHead(day=day, lines=head["position"], hash=head["hash"]))
        lines = [HEADS_HEADER, *(f"{one.day.isoformat()},{one.lines},{one.hash}" for one in told)]
        with disk.writing_to(root / HEADS):
            disk.replace_synced(root / HEADS, ("\n".join(lines) + "\n").encode())


def latest(root: Path, territory: str) -> Journal | None:
    """The newest journal of a territory, checked; None where there is none.

    Raises
    ------
    DamagedRelease
        If its files are missing or changed.
    """
    if territory not in release.territories(root):
        return None
    return _open(root, territory, release.latest_id(root, territory))


@lru_cache(maxsize=32)
def _open(root: Path, territory: str, journal_id: str) -> Journal:
    manifest, files = release.open_folder(root, territory, journal_id)
    if manifest.get("kind") != KIND or REQUESTS not in files:
        raise DamagedRelease(f"{journal_id} of {territory} is no journal. Publish it again: python -m riskmap journal.")
    return Journal(
        territory=territory,
        journal_id=journal_id,
        as_of=date.fromisoformat(manifest["as_of"]),
        is_simulated=bool(manifest["is_simulated"]),
        audit_head=manifest["audit_head"],
        requests=tuple(_from_plain(plain) for plain in json.loads(files[REQUESTS])["requests"]),
        reviews=tuple(_review(plain) for plain in json.loads(files.get(REVIEWS, b'{"reviews": []}'))["reviews"]),
        meetings=tuple(_meeting(plain) for plain in json.loads(files.get(MEETINGS, b'{"meetings": []}'))["meetings"]),
        marks=tuple(_quarter(plain) for plain in json.loads(files.get(MARKS, b'{"quarters": []}'))["quarters"]),
        comments=tuple(_comment(plain) for plain in json.loads(files.get(COMMENTS, b'{"comments": []}'))["comments"]),
    )


def _comment(plain: dict[str, Any]) -> PublicComment:
    return PublicComment(**{**plain, "on": date.fromisoformat(plain["on"])})


def photo_path(root: Path, territory: str, sha256: str) -> Path:
    """Where the public copy of a photo lies."""
    return root / PHOTOS / territory / f"{sha256}.jpg"


def _as_plain(request: PublicRequest) -> dict[str, Any]:
    plain = asdict(request)
    plain |= {name: plain[name].isoformat() for name in ("submitted_on", "changed_on")}
    plain["steps"] = [{**step, "on": step["on"].isoformat()} for step in plain["steps"]]
    if request.clock is None:
        del plain["clock"]
    else:
        plain["clock"]["due_on"] = request.clock.due_on.isoformat()
    if request.photos:
        plain["photos"] = [{**photo, "sent_on": photo["sent_on"].isoformat()} for photo in plain["photos"]]
    else:
        del plain["photos"]
    return plain


def _from_plain(plain: dict[str, Any]) -> PublicRequest:
    days = {name: date.fromisoformat(plain[name]) for name in ("submitted_on", "changed_on")}
    steps = tuple(PublicStep(**{**step, "on": date.fromisoformat(step["on"])}) for step in plain["steps"])
    told = plain.get("clock")
    clock = told and PublicClock(**{**told, "due_on": date.fromisoformat(told["due_on"])})
    photos = tuple(
        PublicPhoto(**{**photo, "sent_on": date.fromisoformat(photo["sent_on"])}) for photo in plain.get("photos", ())
    )
    return PublicRequest(**{**plain, **days, "steps": steps, "clock": clock, "photos": photos})


def _review_as_plain(review: PublicReview) -> dict[str, Any]:
    plain = asdict(review)
    return plain | {name: plain[name] and plain[name].isoformat() for name in REVIEW_DAYS}


def _review(plain: dict[str, Any]) -> PublicReview:
    days = {name: plain[name] and date.fromisoformat(plain[name]) for name in REVIEW_DAYS}
    return PublicReview(**{**plain, **days})


def _meeting_as_plain(meeting: PublicMeeting) -> dict[str, Any]:
    plain = asdict(meeting)
    plain |= {name: plain[name].isoformat() for name in ("day", "changed_on")}
    plain["decisions"] = [{**one, "on": one["on"].isoformat()} for one in plain["decisions"]]
    return plain


def _meeting(plain: dict[str, Any]) -> PublicMeeting:
    days = {name: date.fromisoformat(plain[name]) for name in ("day", "changed_on")}
    agenda = tuple(PublicQuestion(**one) for one in plain["agenda"])
    decisions = tuple(PublicDecision(**{**one, "on": date.fromisoformat(one["on"])}) for one in plain["decisions"])
    return PublicMeeting(**{**plain, **days, "agenda": agenda, "decisions": decisions})


def _quarter(plain: dict[str, Any]) -> MarkedQuarter:
    return MarkedQuarter(quarter=plain["quarter"], counts=tuple((a, c, int(n)) for a, c, n in plain["counts"]))


def _forget_old(folder: Path, *, newest: str) -> None:
    """Withdrawn words must not stay readable in yesterday's journal."""
    others = [path for path in folder.iterdir() if path.is_dir() and path.name != newest]
    others.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in others[KEPT - 1 :]:
        shutil.rmtree(path, ignore_errors=True)
