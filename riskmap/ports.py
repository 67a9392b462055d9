"""What the use cases ask of storage. Implementations stand in ``store/`` and are picked in ``assembly``."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum
from types import TracebackType
from typing import Any, Protocol, Self

import polars as pl

from geodata.territory import Territory
from riskmap.audit_port import AuditLog
from riskmap.comment_port import Comments
from riskmap.council.meeting import Meeting
from riskmap.council.request import CouncilRequest, State
from riskmap.identity.access import Grant
from riskmap.lake_ports import IncidentLake, LakeFiles, QuarantineMarks, Strikes
from riskmap.model_port import ModelShelf
from riskmap.photo_port import Photos, PhotoShelf, Scans
from riskmap.place_review.rules import PlaceReview
from riskmap.provider_port import Identities, PendingSignIns
from riskmap.second_factor_port import SecondFactors
from riskmap.signal_port import Signals
from riskmap.surroundings_port import SurroundingsShelf
from riskmap.tables_port import SurveyShelf, TotalsShelf


class DeliveryStatus(StrEnum):
    """Whether the rows of a delivery count."""

    ADOPTED = "adopted"
    SUPERSEDED = "superseded"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One file as received and read.

    ``reading`` is the fingerprint of how it was read (mapping, zone, outline); ``first_day`` and ``last_day`` are the
    local days of its first and last accepted incident. ``rows_read`` is ``accepted + duplicates + withdrawn +
    quarantined``; ``corrected`` of the accepted rows took the place of an earlier version, and ``withdrawn`` rows said
    that the publisher struck a record off. ``settled`` is the complete reading (`geodata.mapping.Mapping.settled`) and
    ``zone`` its clock, with which corrected rows are read again; ``replay_of`` the delivery whose quarantined rows
    these are. ``quarantine_removed_at`` says when retention took the rows set aside.
    """

    delivery_id: str
    territory: str
    sha256: str
    reading: str
    file_name: str
    received_at: datetime
    status: DeliveryStatus = DeliveryStatus.ADOPTED
    rows_read: int
    accepted: int
    without_place: int
    duplicates: int
    quarantined: int
    withdrawn: int = 0
    corrected: int = 0
    faults: Mapping[str, int] = field(default_factory=dict)
    unknown_categories: Mapping[str, int] = field(default_factory=dict)
    first_day: date | None = None
    last_day: date | None = None
    zone: str = ""
    settled: Mapping[str, Any] = field(default_factory=dict)
    replay_of: str | None = None
    quarantine_removed_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreRun:
    """One scoring of a territory: model, version, as-of date and the deliveries it knew.

    ``details`` holds what the gate found: ``parameters`` and ``served`` by offence group, and the ``scorecard``.
    ``path`` (relative to the data folder) and ``sha256`` are filled in by the score shelf.
    """

    run_id: str
    territory: str
    as_of: date
    model: str
    version: str
    deliveries: tuple[str, ...]
    created_at: datetime
    details: Mapping[str, Any] = field(default_factory=dict)
    path: str = ""
    sha256: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """Somebody who can sign in. There is no name: a login and what it may do.

    ``login`` is lower case. ``failures`` counts wrong passwords since the last right one; until ``rests_until`` no
    password opens the account. ``is_password_given`` says that somebody else gave the password, and so knows it.
    """

    account_id: str
    login: str
    password_hash: str
    language: str
    created_at: datetime
    is_simulated: bool = False
    disabled_at: datetime | None = None
    failures: int = 0
    rests_until: datetime | None = None
    is_password_given: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One sign-in of one browser. The token itself is known to the browser alone."""

    token_sha256: str
    account_id: str
    language: str
    created_at: datetime
    seen_at: datetime
    ended_at: datetime | None = None


class Deliveries(Protocol):
    """Catalogue of deliveries."""

    def find(self, delivery_id: str) -> Delivery | None: ...

    def adopted(self, territory: str) -> list[Delivery]:
        """Deliveries whose rows count, in the order received."""
        ...

    def all(self, territory: str) -> list[Delivery]:
        """Every delivery on record, superseded ones too, in the order received."""
        ...

    def adopted_reading(self, territory: str, sha256: str) -> Delivery | None:
        """The one delivery of this content whose rows count, however it was read."""
        ...

    def save(self, delivery: Delivery) -> None:
        """Add the delivery, or replace the one of the same id."""
        ...

    def supersede(self, delivery_id: str) -> None:
        """Keep the delivery on record; its rows no longer count."""
        ...


class ScoreRuns(Protocol):
    """Catalogue of score runs."""

    def save(self, run: ScoreRun) -> None:
        """Add the run, or replace the one of the same id."""
        ...

    def find(self, run_id: str) -> ScoreRun | None: ...

    def latest(self, territory: str) -> ScoreRun | None:
        """The run created last."""
        ...

    def of_territory(self, territory: str) -> list[ScoreRun]:
        """Every run, in the order created."""
        ...

    def remove(self, run_id: str) -> None:
        """Strike a run out; its file is removed later."""
        ...


class Accounts(Protocol):
    """Accounts and the roles they hold."""

    def find(self, account_id: str) -> Account | None: ...

    def by_login(self, login: str) -> Account | None: ...

    def all(self) -> list[Account]:
        """Every account, by login."""
        ...

    def save(self, account: Account) -> None:
        """Add the account, or replace the one of the same id."""
        ...

    def grants_of(self, account_id: str) -> tuple[Grant, ...]:
        """Roles the account holds now, by region and role."""
        ...

    def granted(self, account_id: str) -> list[tuple[Grant, datetime]]:
        """Roles the account holds now and since when, in the same order."""
        ...

    def grant(self, account_id: str, grant: Grant, *, at: datetime) -> None:
        """Give a role; one already held stays as it is."""
        ...

    def take_back(self, account_id: str, grant: Grant) -> None:
        """Take a role back; nothing happens where it is not held."""
        ...


class Sessions(Protocol):
    """Sessions by the SHA-256 of their token."""

    def find(self, token_sha256: str) -> Session | None: ...

    def save(self, session: Session) -> None:
        """Add the session, or replace the one of the same token."""
        ...

    def end_all(self, account_id: str, *, at: datetime) -> None:
        """End every session of an account that has not ended yet."""
        ...

    def remove(self, *, ended: datetime, seen: datetime, created: datetime) -> int:
        """Remove sessions that ended, were last seen or were created at these moments or before; returns how many."""
        ...


class Requests(Protocol):
    """Council requests with their steps and supports."""

    def find(self, territory: str, number: int) -> CouncilRequest | None: ...

    def by_key(self, account_id: str, key: str) -> CouncilRequest | None:
        """The request that this account filed, or moved, with this idempotency key."""
        ...

    def of_territory(self, territory: str, *, states: Collection[State] = frozenset(State)) -> list[CouncilRequest]:
        """Requests of a territory that are in one of the states, by number."""
        ...

    def next_number(self, territory: str) -> int:
        """One more than the highest number so far; 1 for the first."""
        ...

    def add(self, request: CouncilRequest) -> None: ...

    def save(self, request: CouncilRequest) -> None:
        """Keep a request that is one step further than the stored one.

        Raises
        ------
        ChangedMeanwhile
            If the stored request is not exactly one step behind.
        """
        ...

    def support(self, territory: str, number: int, account_id: str, *, at: datetime, is_counted: bool = True) -> bool:
        """Add one person's support; False where they support it already. One that does not count is kept too."""
        ...

    def supports(self, territory: str, *, is_counted: bool | None = None) -> list[tuple[int, str]]:
        """Number of a request and account of a supporter, in order; all, or those that do (not) count."""
        ...

    def forget_words(self, territory: str, closed_before: datetime) -> int:
        """Empty what was never published of requests closed before a moment, and count those requests."""
        ...


class Meetings(Protocol):
    """Meetings of councils with every entry made about them."""

    def find(self, territory: str, number: int) -> Meeting | None: ...

    def of_territory(self, territory: str) -> list[Meeting]:
        """Every meeting of a territory, by number."""
        ...

    def next_number(self, territory: str) -> int:
        """One more than the highest number so far; 1 for the first."""
        ...

    def add(self, meeting: Meeting) -> None: ...

    def save(self, meeting: Meeting) -> None:
        """Keep a meeting that has one entry more than the stored one.

        Raises
        ------
        ChangedMeanwhile
            If the stored meeting is not exactly that one before.
        """
        ...


class PlaceReviews(Protocol):
    """Reviews of places with everybody who asked for them."""

    def find(self, territory: str, number: int) -> PlaceReview | None: ...

    def open_at(self, territory: str, place_id: str) -> PlaceReview | None:
        """The one review of a place that waits for its answer."""
        ...

    def by_receipt(self, receipt_hash: str) -> PlaceReview | None: ...

    def of_territory(self, territory: str) -> list[PlaceReview]:
        """Every review of a territory, by number."""
        ...

    def next_number(self, territory: str) -> int:
        """One more than the highest number so far; 1 for the first."""
        ...

    def voices_since(self, territory: str, since: datetime, *, place_id: str | None = None) -> int:
        """How often somebody asked after a moment, about a place or about any."""
        ...

    def add(self, review: PlaceReview) -> None: ...

    def save(self, review: PlaceReview) -> None:
        """Keep a review with one voice more than the stored one, or with its answer.

        Raises
        ------
        ChangedMeanwhile
            If the stored review is not exactly that one before, or is answered.
        """
        ...

    def forget_texts(self, territory: str, answered_before: datetime) -> int:
        """Empty what was written for reviews answered before a moment, and count the texts that were."""
        ...


class UnitOfWork(Protocol):
    """One transaction: what is not committed when the block ends is undone. Units are not nested."""

    @property
    def deliveries(self) -> Deliveries: ...

    @property
    def lake_files(self) -> LakeFiles: ...

    @property
    def strikes(self) -> Strikes: ...

    @property
    def quarantine_marks(self) -> QuarantineMarks: ...

    @property
    def score_runs(self) -> ScoreRuns: ...

    @property
    def accounts(self) -> Accounts: ...

    @property
    def sessions(self) -> Sessions: ...

    @property
    def identities(self) -> Identities: ...

    @property
    def pending_sign_ins(self) -> PendingSignIns: ...

    @property
    def comments(self) -> Comments: ...

    @property
    def second_factors(self) -> SecondFactors: ...

    @property
    def requests(self) -> Requests: ...

    @property
    def meetings(self) -> Meetings: ...

    @property
    def reviews(self) -> PlaceReviews: ...

    @property
    def signals(self) -> Signals: ...

    @property
    def photos(self) -> Photos: ...

    @property
    def scans(self) -> Scans: ...

    @property
    def audit(self) -> AuditLog: ...

    def commit(self) -> None: ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


class TerritoryShelf(Protocol):
    """Territories of the installation."""

    def save(self, territory: Territory) -> None:
        """Add or replace a territory; readers see the old or the new one, never a mixture."""
        ...

    def load(self, name: str) -> Territory: ...

    def remove(self, name: str) -> None:
        """Take a territory off the shelf; nothing happens where there is none."""
        ...

    def names(self) -> list[str]:
        """Names on the shelf, sorted."""
        ...


class ScoreShelf(Protocol):
    """Score runs with their expected incidents."""

    def save(
        self,
        run: ScoreRun,
        expected: pl.DataFrame,
        marks: pl.DataFrame | None = None,
        reasons: pl.DataFrame | None = None,
    ) -> ScoreRun:
        """Keep a run and its frame of `geodata.columns.EXPECTED_INCIDENTS`; the same id replaces the earlier run.

        ``marks`` is a frame of `geodata.columns.HOTSPOT_MARKS`, ``reasons`` one of `geodata.columns.CELL_REASONS`;
        those of cells the run does not know are left out.
        """
        ...

    def latest(self, territory: str) -> tuple[ScoreRun, pl.DataFrame] | None:
        """The run created last and its frame; None where nothing has been scored."""
        ...

    def latest_marked(self, territory: str) -> tuple[ScoreRun, pl.DataFrame, pl.DataFrame | None] | None:
        """The same with its hotspot marks, which are None for a run that was saved without them."""
        ...

    def reasons(self, run: ScoreRun, group: str) -> pl.DataFrame | None:
        """Reasons of a run's cells for one offence group; None for a run that was saved without any."""
        ...


class CountedShelf(Protocol):
    """What each release was counted from, as declared in `geodata.columns.COUNTED`."""

    def save(self, territory: str, release_id: str, counted: pl.DataFrame) -> None:
        """Keep it; it is written before the release is."""
        ...

    def load(self, territory: str, release_id: str) -> pl.DataFrame | None:
        """What a release was counted from; None where it is not kept."""
        ...


class Store(Protocol):
    """Everything an installation owns, releases apart."""

    def work(self) -> UnitOfWork:
        """A unit that writes; others that want to write wait for it."""
        ...

    def look(self) -> UnitOfWork:
        """A unit that only reads: one consistent view, and nobody waits for it."""
        ...

    def close(self) -> None:
        """Give back the database's connections."""
        ...

    @property
    def lake(self) -> IncidentLake: ...

    @property
    def territories(self) -> TerritoryShelf: ...

    @property
    def scores(self) -> ScoreShelf: ...

    @property
    def totals(self) -> TotalsShelf: ...

    @property
    def survey(self) -> SurveyShelf: ...

    @property
    def counted(self) -> CountedShelf: ...

    @property
    def models(self) -> ModelShelf: ...

    @property
    def surroundings(self) -> SurroundingsShelf: ...

    @property
    def photo_files(self) -> PhotoShelf: ...

    @property
    def scan_files(self) -> PhotoShelf: ...
