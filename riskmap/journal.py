"""The journal of a territory: what the public sees of council requests and of reviews of places, as a small release.

It holds states, days, published words and numbers of supporters; never a name, never the requester's own words. It is
written whole after each public change by `riskmap.council.journal_desk`; public pages read only this.
"""

import json
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any

from riskmap import release
from riskmap.errors import DamagedRelease

FORMAT = 1
KIND = "journal"
REQUESTS, REVIEWS = "requests.json", "reviews.json"
REVIEW_DAYS = ("asked_on", "due_on", "answered_on")
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
class Journal:
    """All public requests and reviews of a territory, by number.

    ``audit_head`` is the last audit line it was written after.
    """

    territory: str
    journal_id: str
    as_of: date
    is_simulated: bool
    audit_head: Mapping[str, Any]
    requests: tuple[PublicRequest, ...]
    reviews: tuple[PublicReview, ...] = ()

    def find(self, number: int) -> PublicRequest | None:
        return next((request for request in self.requests if request.number == number), None)


def write(
    root: Path,
    territory: str,
    requests: tuple[PublicRequest, ...],
    reviews: tuple[PublicReview, ...] = (),
    *,
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
    journal_id, _ = release.write(root, manifest, files)
    _forget_old(root / territory, newest=journal_id)
    return journal_id


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
    )


def _as_plain(request: PublicRequest) -> dict[str, Any]:
    plain = asdict(request)
    plain |= {name: plain[name].isoformat() for name in ("submitted_on", "changed_on")}
    plain["steps"] = [{**step, "on": step["on"].isoformat()} for step in plain["steps"]]
    return plain


def _from_plain(plain: dict[str, Any]) -> PublicRequest:
    days = {name: date.fromisoformat(plain[name]) for name in ("submitted_on", "changed_on")}
    steps = tuple(PublicStep(**{**step, "on": date.fromisoformat(step["on"])}) for step in plain["steps"])
    return PublicRequest(**{**plain, **days, "steps": steps})


def _review_as_plain(review: PublicReview) -> dict[str, Any]:
    plain = asdict(review)
    return plain | {name: plain[name] and plain[name].isoformat() for name in REVIEW_DAYS}


def _review(plain: dict[str, Any]) -> PublicReview:
    days = {name: plain[name] and date.fromisoformat(plain[name]) for name in REVIEW_DAYS}
    return PublicReview(**{**plain, **days})


def _forget_old(folder: Path, *, newest: str) -> None:
    """Withdrawn words must not stay readable in yesterday's journal."""
    others = [path for path in folder.iterdir() if path.is_dir() and path.name != newest]
    others.sort(key=lambda path: path.stat().st_mtime_ns, reverse=True)
    for path in others[KEPT - 1 :]:
        shutil.rmtree(path, ignore_errors=True)
