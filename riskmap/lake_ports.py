"""What the use cases ask of the incident lake: rows of deliveries, what later ones took out, and what is set aside."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

import polars as pl


@dataclass(frozen=True, slots=True, kw_only=True)
class LakeFile:
    """One file of the incident lake: a delivery's incidents of one ISO week (``2026-W03``) of local days.

    ``path`` is relative to the lake's folder, with forward slashes.
    """

    path: str
    territory: str
    week: str
    delivery_id: str
    rows: int
    sha256: str


class StrikeReason(StrEnum):
    """Why a row of the lake no longer counts."""

    CORRECTED = "corrected"
    WITHDRAWN = "withdrawn"


@dataclass(frozen=True, slots=True, kw_only=True)
class Strike:
    """One row of the lake that a later delivery took out: both versions stay where they are and can be followed."""

    territory: str
    incident_id: str
    delivery_id: str
    week: str
    by_delivery_id: str
    reason: StrikeReason


class MarkState(StrEnum):
    """What became of a quarantined row."""

    REPLAYED = "replayed"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuarantineMark:
    """A quarantined row somebody dealt with: read again in the delivery ``replay_id``, or given up."""

    delivery_id: str
    line: int
    state: MarkState
    at: datetime
    replay_id: str | None = None
    account_id: str | None = None


class LakeFiles(Protocol):
    """Catalogue of the incident lake: a file exists for readers only if it stands here."""

    def of_territory(self, territory: str) -> list[LakeFile]:
        """Files of a territory, by path."""
        ...

    def of_delivery(self, delivery_id: str) -> list[LakeFile]: ...

    def add(self, files: Sequence[LakeFile]) -> None: ...

    def remove(self, delivery_id: str) -> None:
        """Strike a delivery's files out; the files themselves are swept later."""
        ...


class Strikes(Protocol):
    """Rows of the lake that later deliveries took out."""

    def of_territory(self, territory: str) -> list[Strike]:
        """By id and delivery."""
        ...

    def of_delivery(self, delivery_id: str) -> list[Strike]:
        """Those that took out rows of this delivery."""
        ...

    def by_delivery(self, delivery_id: str) -> list[Strike]:
        """Those that this delivery made."""
        ...

    def add(self, strikes: Sequence[Strike]) -> None: ...

    def remove(self, delivery_id: str) -> None:
        """Forget those by this delivery and those of its rows."""
        ...


class QuarantineMarks(Protocol):
    """What became of quarantined rows."""

    def of_delivery(self, delivery_id: str) -> dict[int, QuarantineMark]:
        """The mark of each line that has one."""
        ...

    def add(self, marks: Sequence[QuarantineMark]) -> None:
        """Add marks; a later one of the same line takes the place of the earlier."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What a delivery puts into the lake: entries for the catalogue, and the account of their rows."""

    files: tuple[LakeFile, ...] = ()
    rows: int = 0
    without_place: int = 0
    first_day: date | None = None
    last_day: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """Incidents that a delivery and the lake both speak of.

    ``staged`` are the delivery's rows (as `Staging.equals`); ``held`` the lake's rows that count, as declared in
    `geodata.columns.INCIDENTS`, with ``delivery_id`` and ``week``.
    """

    staged: pl.DataFrame
    held: pl.DataFrame


class Staging(Protocol):
    """A delivery's files before they count. Leaving the block removes whatever was not moved into place."""

    def set_aside(self, quarantined: pl.DataFrame) -> None:
        """Append rows of `geodata.columns.QUARANTINE`."""
        ...

    def add(self, incidents: pl.DataFrame, is_keyed: pl.Series) -> None:
        """Append accepted rows of `geodata.columns.INCIDENTS`, with those that have an id of their source's own."""
        ...

    def equals(self) -> pl.DataFrame:
        """Rows added that may share an incident with another one added, in order.

        As `geodata.columns.INCIDENTS` with ``row`` (position among all added) and ``is_keyed``.
        """
        ...

    def of(self, ids: pl.Series) -> pl.DataFrame:
        """Rows added that have one of the ids, as `equals`."""
        ...

    def known(self, struck: pl.Series, *, without: Sequence[str] = ()) -> Known:
        """What the lake holds of the incidents added, or of those whose ids are given.

        Deliveries named in ``without`` are passed over.
        """
        ...

    def keep(self, *, without: Sequence[int] = ()) -> Kept:
        """Write the rows added, the given positions apart, as one file per ISO week."""
        ...

    def move_into_place(self) -> None:
        """Move the files to where the catalogue will name them; call it just before its entries are committed."""
        ...


class IncidentLake(Protocol):
    """Accepted incidents as Parquet by week, and the rows set aside. Only files in the catalogue are seen."""

    def read(self, territory: str) -> pl.DataFrame:
        """All adopted incidents of a territory as `geodata.columns.INCIDENTS`, by time and id."""
        ...

    def key(self) -> bytes:
        """The secret with which ids are made; made itself when it is first asked for."""
        ...

    def quarantined(self, territory: str, delivery_id: str) -> pl.DataFrame:
        """Rows an adopted delivery set aside, as `geodata.columns.QUARANTINE`."""
        ...

    def hold(self, territory: str) -> AbstractContextManager[None]:
        """Keep other deliveries to this territory waiting; released when the process ends, however it ends."""
        ...

    def staging(self, territory: str, delivery_id: str) -> AbstractContextManager[Staging]: ...

    def is_whole(self, delivery_id: str) -> bool:
        """Whether every file the catalogue names for the delivery is there."""
        ...

    def sweep(self, territory: str) -> int:
        """Remove files that no adopted delivery owns; call it while holding the territory. Returns how many."""
        ...
