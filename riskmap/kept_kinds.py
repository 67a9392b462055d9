"""Every kind of data the installation keeps, with its term: the one table of retention, of its command and of /privacy.

Whoever adds a kind of data adds a row here, a step to `riskmap.pipeline.retention` and its texts
(``cli.retention.kind.*``, ``retention.basis.*``); tests/riskmap/test_kept_kinds.py asks for all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from riskmap.settings import KeptFor

LEFT_OVER_DAYS = 1
"""A file that nothing names may be one that is just being written; a day later it is not."""


class Kind(StrEnum):
    """A kind of data."""

    QUARANTINE = "quarantine"
    SESSIONS = "sessions"
    FEEDS = "feeds"
    SCORES = "scores"
    SUPERSEDED = "superseded"
    REVIEWS = "reviews"
    MARKS = "marks"
    PHOTOS = "photos"
    INCIDENTS = "incidents"
    REQUESTS = "requests"
    MEETINGS = "meetings"
    ACCOUNTS = "accounts"
    AUDIT = "audit"
    LEFT_OVER = "left_over"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeptKind:
    """A kind with its term: ``days`` or ``years``, or neither where it is kept without one."""

    kind: Kind
    days: int | None = None
    years: int | None = None


FIELDS: Mapping[Kind, str | None] = {
    Kind.QUARANTINE: "quarantine_days",
    Kind.SESSIONS: "sessions_days",
    Kind.FEEDS: "feeds_days",
    Kind.SCORES: "scores_days",
    Kind.SUPERSEDED: "superseded_days",
    Kind.REVIEWS: "reviews_days",
    Kind.MARKS: "marks_days",
    Kind.PHOTOS: "photos_days",
    Kind.INCIDENTS: "incidents_years",
    Kind.REQUESTS: "requests_days",
    Kind.MEETINGS: None,
    Kind.ACCOUNTS: None,
    Kind.AUDIT: "audit_days",
    Kind.LEFT_OVER: None,
}
"""Fields of `KeptFor` by kind; None where an installation cannot choose."""


def table(kept: KeptFor) -> tuple[KeptKind, ...]:
    """Every kind with the term of an installation, in the order of `Kind`."""
    return tuple(_of(kind, kept) for kind in Kind)


def rows(kept: KeptFor) -> list[tuple[str, int | None, int | None]]:
    """The table as public pages take it: kind, days, years."""
    return [(one.kind.value, one.days, one.years) for one in table(kept)]


def _of(kind: Kind, kept: KeptFor) -> KeptKind:
    field = FIELDS[kind]
    if field is None:
        return KeptKind(kind=kind, days=LEFT_OVER_DAYS if kind is Kind.LEFT_OVER else None)
    term = getattr(kept, field)
    return KeptKind(kind=kind, years=term) if field.endswith("_years") else KeptKind(kind=kind, days=term)
