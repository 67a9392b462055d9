"""The port of what people say about a request; see `riskmap.council.discussion`."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol


class CommentState(StrEnum):
    """Who may read a comment; the names people read are in the catalogues (``discussion.state.*``)."""

    WAITING = "waiting"
    SHOWN = "shown"
    HIDDEN = "hidden"
    WITHDRAWN = "withdrawn"


class HideReason(StrEnum):
    """Why a comment is hidden; everybody reads the reason (``discussion.reason.*``)."""

    PERSONAL = "personal"
    INSULT = "insult"
    ACCUSATION = "accusation"
    ADVERTISING = "advertising"
    OFF_TOPIC = "off_topic"
    REPEATED = "repeated"


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """What somebody said about a request. ``role`` is the one by which they spoke; ``reason`` belongs to a hidden one.

    ``number`` counts comments of the request from 1. ``text`` stays while the request's own words stay, whatever the
    state.
    """

    territory: str
    request: int
    number: int
    account_id: str
    role: str
    text: str
    said_at: datetime
    key: str
    state: CommentState
    reason: HideReason | None = None
    is_simulated: bool = False


class Comments(Protocol):
    """Comments by territory and request."""

    def find(self, territory: str, request: int, number: int) -> Comment | None: ...

    def by_key(self, account_id: str, key: str) -> Comment | None: ...

    def of_request(self, territory: str, request: int) -> list[Comment]:
        """Comments of a request, by number."""
        ...

    def of_territory(self, territory: str) -> list[Comment]:
        """Comments of a territory, by request and number."""
        ...

    def add(self, comment: Comment) -> None: ...

    def save(self, comment: Comment) -> None:
        """Keep the state and reason of a comment; what was said never changes."""
        ...

    def forget_words(self, territory: str, requests: list[int]) -> int:
        """Remove what was said about some requests, and count it."""
        ...
