"""The tables of a council's export with every column's type and meaning: what docs/data_format.md lists, and its files.

``public`` tables hold what everybody may read; ``restricted`` ones what only the council may, apart from the others.
"""

from dataclasses import dataclass
from enum import StrEnum


class Shelf(StrEnum):
    """Folder of a table: who may read it."""

    PUBLIC = "public"
    RESTRICTED = "restricted"


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. ``type`` is text, number, day, moment (UTC), boolean or table (JSON)."""

    name: str
    type: str
    meaning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportTable:
    """One table: ``SHELF/NAME.csv`` and ``SHELF/NAME.json``."""

    name: str
    shelf: Shelf
    columns: tuple[Column, ...]

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns)


def _table(name: str, shelf: Shelf, *columns: str) -> ExportTable:
    """A table of columns written as ``name: type: meaning``."""
    split = [tuple(part.strip() for part in column.split(":", 2)) for column in columns]
    return ExportTable(
        name=name,
        shelf=shelf,
        columns=tuple(Column(name=one, type=kind, meaning=meaning) for one, kind, meaning in split),
    )


_REQUEST = "request: number: number of the request"
_MEETING = "meeting: number: number of the meeting"
_POSITION = "position: number: place in the history, from 1"

TABLES: tuple[ExportTable, ...] = (
    _table(
        "requests",
        Shelf.PUBLIC,
        _REQUEST,
        "kind: text: what is asked for",
        "state: text: where it stands",
        "area_id: text: area of the release",
        "cell_id: text: H3 cell",
        "release_id: text: release it was filed against",
        "risk_class: number: class of the cell in that release",
        "submitted_at: moment: when it was filed",
        "changed_at: moment: when its last step was taken",
        "supporters: number: people whose support counts",
        "wording: text: published words; empty before there are any",
        "merged_into: number: the earlier request it became part of",
        "is_simulated: boolean: whether it is made up",
    ),
    _table(
        "steps",
        Shelf.PUBLIC,
        _REQUEST,
        _POSITION,
        "action: text: what was done",
        "state_before: text: where the request stood",
        "state_after: text: where it stood then",
        "at: moment: when",
        "fields: table: published fields of the step",
    ),
    _table(
        "comments",
        Shelf.PUBLIC,
        _REQUEST,
        "comment: number: number of the comment on the request",
        "role: text: by which role somebody said it",
        "at: moment: when",
        "state: text: shown or hidden",
        "reason: text: why it is hidden",
        "text: text: what was said; empty where it is hidden",
    ),
    _table(
        "meetings",
        Shelf.PUBLIC,
        _MEETING,
        "stage: text: called, open or closed",
        "day: day: day of the meeting",
        "time: text: time of the meeting",
        "place: text: where it is held",
        "members: number: members of the council",
        "quorum: number: how many have to be present",
        "present: number: how many were; empty before it is opened",
        "agenda: table: requests with what their order was reckoned from",
        "is_simulated: boolean: whether it is made up",
    ),
    _table(
        "decisions",
        Shelf.PUBLIC,
        _MEETING,
        _POSITION,
        _REQUEST,
        "verdict: text: what was decided",
        "at: moment: when it was entered",
        "for: number: votes for",
        "against: number: votes against",
        "abstained: number: votes withheld",
        "conflict: number: members with an interest of their own",
        "fields: table: what the decision says",
        "is_in_force: boolean: whether no later version stands",
    ),
    _table(
        "reviews",
        Shelf.PUBLIC,
        "review: number: number of the review",
        "place_id: text: cell or area it is about",
        "area_id: text: area that holds the place",
        "asked_at: moment: when it was first asked for",
        "due_on: day: by when it is answered",
        "outcome: text: what was answered; empty before",
        "reason_kk: text: published reason in Kazakh",
        "reason_ru: text: published reason in Russian",
        "answered_at: moment: when it was answered",
    ),
    _table(
        "request_words",
        Shelf.RESTRICTED,
        _REQUEST,
        "requester: text: account of whoever asked; empty for somebody without one",
        "entered_by: text: account that wrote it down",
        "grounds: text: the requester's own words",
        "landmark: text: where exactly",
        "marks: number: marks it was made of or that were added",
        "supports_not_counted: number: supports that do not count",
    ),
    _table(
        "step_words",
        Shelf.RESTRICTED,
        _REQUEST,
        _POSITION,
        "account: text: who took the step",
        "role: text: by which role",
        "fields: table: fields that are not published",
    ),
    _table(
        "comment_words",
        Shelf.RESTRICTED,
        _REQUEST,
        "comment: number: number of the comment on the request",
        "account: text: whose it is",
        "state: text: waiting, shown, hidden or withdrawn",
        "text: text: what was said",
    ),
    _table(
        "meeting_entries",
        Shelf.RESTRICTED,
        _MEETING,
        _POSITION,
        "deed: text: what was entered",
        "account: text: who entered it",
        "role: text: by which role",
        "at: moment: when",
        "fields: table: all it says, with accounts present and votes by account",
    ),
    _table(
        "mark_heaps",
        Shelf.RESTRICTED,
        "place_id: text: cell or area",
        "area_id: text: area that holds the place",
        "category: text: what was marked",
        "marks: number: waiting marks",
        "counted: number: what they weigh",
        "first_on: day: day of the first",
        "last_on: day: day of the last",
    ),
    _table(
        "review_voices",
        Shelf.RESTRICTED,
        "review: number: number of the review",
        _POSITION,
        "doubt: text: what is doubted",
        "text: text: what was written",
        "at: moment: when",
    ),
    _table(
        "photos",
        Shelf.RESTRICTED,
        "photo: number: number of the photo",
        "sent_with: text: mark, request or dispute",
        "request: number: request it belongs to; empty for one of a mark in no request",
        "sent_on: day: when it was sent",
        "state: text: waiting, shown or rejected",
        "checked_on: day: when the secretary looked",
        "account: text: who looked",
        "role: text: by which role",
        "caption: text: published words of one that is shown",
        "reason: text: why it was rejected",
        "file: text: its file beside this table; only of one that is shown",
    ),
    _table(
        "answer_scans",
        Shelf.RESTRICTED,
        _REQUEST,
        _POSITION,
        "kept_on: day: when it was entered",
        "size_bytes: number: size of the file",
        "file: text: its file beside this table",
    ),
    _table(
        "audit",
        Shelf.RESTRICTED,
        "position: number: line of the audit log; lines of others are left out",
        "at: moment: when",
        "account: text: who",
        "action: text: what was done or looked at",
        "subject: text: at what",
        "details: table: codes and numbers",
        "previous_hash: text: hash of the line before",
        "entry_hash: text: hash of the line",
    ),
)
