"""The SQL catalogue: units of work and the repositories they carry."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, ExitStack
from types import TracebackType
from typing import Any, Self

import sqlalchemy as sa

from riskmap.lake_ports import LakeFile, MarkState, QuarantineMark, Strike, StrikeReason
from riskmap.ports import Delivery, DeliveryStatus, ScoreRun
from riskmap.store.comment_store import SqlComments
from riskmap.store.council_store import SqlRequests
from riskmap.store.database import reading, writing
from riskmap.store.identity_store import SqlAccounts, SqlAudit, SqlSessions
from riskmap.store.meeting_store import SqlMeetings
from riskmap.store.photo_store import SqlPhotos, SqlScans
from riskmap.store.provider_store import SqlIdentities, SqlPendingSignIns
from riskmap.store.review_store import SqlPlaceReviews
from riskmap.store.second_factor_store import SqlSecondFactors
from riskmap.store.signal_store import SqlSignals
from riskmap.store.tables import delivery, lake_file, quarantine_mark, score_run, strike


class SqlDeliveries:
    """Deliveries in SQL."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, delivery_id: str) -> Delivery | None:
        found = self._select(delivery.c.delivery_id == delivery_id)
        return found[0] if found else None

    def adopted(self, territory: str) -> list[Delivery]:
        return self._select(delivery.c.territory == territory, delivery.c.status == DeliveryStatus.ADOPTED)

    def all(self, territory: str) -> list[Delivery]:
        return self._select(delivery.c.territory == territory)

    def adopted_reading(self, territory: str, sha256: str) -> Delivery | None:
        found = self._select(
            delivery.c.territory == territory,
            delivery.c.sha256 == sha256,
            delivery.c.status == DeliveryStatus.ADOPTED,
        )
        return found[0] if found else None

    def save(self, saved: Delivery) -> None:
        values = {column.name: getattr(saved, column.name) for column in delivery.columns}
        values |= {name: dict(values[name]) for name in ("faults", "unknown_categories", "settled")}
        is_known = self.find(saved.delivery_id) is not None
        statement: sa.Update | sa.Insert = (
            sa.update(delivery).where(delivery.c.delivery_id == saved.delivery_id) if is_known else sa.insert(delivery)
        )
        self._connection.execute(statement.values(values))

    def supersede(self, delivery_id: str) -> None:
        self._connection.execute(
            sa.update(delivery).where(delivery.c.delivery_id == delivery_id).values(status=DeliveryStatus.SUPERSEDED)
        )

    def _select(self, *conditions: sa.ColumnElement[bool]) -> list[Delivery]:
        query = sa.select(delivery).where(*conditions).order_by(delivery.c.received_at, delivery.c.delivery_id)
        rows = self._connection.execute(query).mappings()
        return [Delivery(**{**row, "status": DeliveryStatus(row["status"])}) for row in rows]


class SqlLakeFiles:
    """Entries of the incident lake in SQL."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def of_territory(self, territory: str) -> list[LakeFile]:
        return self._select(lake_file.c.territory == territory)

    def of_delivery(self, delivery_id: str) -> list[LakeFile]:
        return self._select(lake_file.c.delivery_id == delivery_id)

    def add(self, files: Sequence[LakeFile]) -> None:
        rows = [{column.name: getattr(file, column.name) for column in lake_file.columns} for file in files]
        if rows:
            self._connection.execute(sa.insert(lake_file), rows)

    def remove(self, delivery_id: str) -> None:
        self._connection.execute(sa.delete(lake_file).where(lake_file.c.delivery_id == delivery_id))

    def _select(self, condition: sa.ColumnElement[bool]) -> list[LakeFile]:
        rows = self._connection.execute(sa.select(lake_file).where(condition).order_by(lake_file.c.path)).mappings()
        return [LakeFile(**row) for row in rows]


class SqlStrikes:
    """Rows of the lake that later deliveries took out, in SQL."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def of_territory(self, territory: str) -> list[Strike]:
        return self._select(strike.c.territory == territory)

    def of_delivery(self, delivery_id: str) -> list[Strike]:
        return self._select(strike.c.delivery_id == delivery_id)

    def by_delivery(self, delivery_id: str) -> list[Strike]:
        return self._select(strike.c.by_delivery_id == delivery_id)

    def add(self, strikes: Sequence[Strike]) -> None:
        if strikes:
            rows = [{column.name: getattr(one, column.name) for column in strike.columns} for one in strikes]
            self._connection.execute(sa.insert(strike), rows)

    def remove(self, delivery_id: str) -> None:
        is_its_own = (strike.c.delivery_id == delivery_id) | (strike.c.by_delivery_id == delivery_id)
        self._connection.execute(sa.delete(strike).where(is_its_own))

    def _select(self, condition: sa.ColumnElement[bool]) -> list[Strike]:
        query = sa.select(strike).where(condition).order_by(strike.c.incident_id, strike.c.delivery_id)
        rows = self._connection.execute(query).mappings()
        return [Strike(**{**row, "reason": StrikeReason(row["reason"])}) for row in rows]


class SqlQuarantineMarks:
    """What became of quarantined rows, in SQL."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def of_delivery(self, delivery_id: str) -> dict[int, QuarantineMark]:
        query = sa.select(quarantine_mark).where(quarantine_mark.c.delivery_id == delivery_id)
        rows = self._connection.execute(query.order_by(quarantine_mark.c.line)).mappings()
        return {row["line"]: QuarantineMark(**{**row, "state": MarkState(row["state"])}) for row in rows}

    def add(self, marks: Sequence[QuarantineMark]) -> None:
        for mark in marks:
            is_same = (quarantine_mark.c.delivery_id == mark.delivery_id) & (quarantine_mark.c.line == mark.line)
            self._connection.execute(sa.delete(quarantine_mark).where(is_same))
        if marks:
            rows = [{column.name: getattr(mark, column.name) for column in quarantine_mark.columns} for mark in marks]
            self._connection.execute(sa.insert(quarantine_mark), rows)


class SqlScoreRuns:
    """Score runs in SQL."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def save(self, run: ScoreRun) -> None:
        values = {column.name: getattr(run, column.name) for column in score_run.columns}
        self._connection.execute(sa.delete(score_run).where(score_run.c.run_id == run.run_id))
        self._connection.execute(
            sa.insert(score_run).values({**values, "deliveries": list(run.deliveries), "details": dict(run.details)})
        )

    def find(self, run_id: str) -> ScoreRun | None:
        return self._first(sa.select(score_run).where(score_run.c.run_id == run_id))

    def latest(self, territory: str) -> ScoreRun | None:
        newest_first = (score_run.c.created_at.desc(), score_run.c.run_id.desc())
        return self._first(sa.select(score_run).where(score_run.c.territory == territory).order_by(*newest_first))

    def of_territory(self, territory: str) -> list[ScoreRun]:
        in_order = sa.select(score_run).order_by(score_run.c.created_at, score_run.c.run_id)
        rows = self._connection.execute(in_order.where(score_run.c.territory == territory)).mappings()
        return [ScoreRun(**{**row, "deliveries": tuple(row["deliveries"])}) for row in rows]

    def remove(self, run_id: str) -> None:
        self._connection.execute(sa.delete(score_run).where(score_run.c.run_id == run_id))

    def _first(self, query: sa.Select[Any]) -> ScoreRun | None:
        row = self._connection.execute(query.limit(1)).mappings().first()
        return None if row is None else ScoreRun(**{**row, "deliveries": tuple(row["deliveries"])})


class SqlUnitOfWork:
    """One writing transaction; see `riskmap.ports.UnitOfWork`."""

    deliveries: SqlDeliveries
    lake_files: SqlLakeFiles
    strikes: SqlStrikes
    quarantine_marks: SqlQuarantineMarks
    score_runs: SqlScoreRuns
    accounts: SqlAccounts
    sessions: SqlSessions
    identities: SqlIdentities
    pending_sign_ins: SqlPendingSignIns
    second_factors: SqlSecondFactors
    comments: SqlComments
    requests: SqlRequests
    meetings: SqlMeetings
    reviews: SqlPlaceReviews
    signals: SqlSignals
    photos: SqlPhotos
    scans: SqlScans
    audit: SqlAudit

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._opened = ExitStack()

    def __enter__(self) -> Self:
        self._connection = self._opened.enter_context(self._transaction())
        self.deliveries = SqlDeliveries(self._connection)
        self.lake_files = SqlLakeFiles(self._connection)
        self.strikes = SqlStrikes(self._connection)
        self.quarantine_marks = SqlQuarantineMarks(self._connection)
        self.score_runs = SqlScoreRuns(self._connection)
        self.accounts = SqlAccounts(self._connection)
        self.sessions = SqlSessions(self._connection)
        self.identities = SqlIdentities(self._connection)
        self.pending_sign_ins = SqlPendingSignIns(self._connection)
        self.second_factors = SqlSecondFactors(self._connection)
        self.comments = SqlComments(self._connection)
        self.requests = SqlRequests(self._connection)
        self.meetings = SqlMeetings(self._connection)
        self.reviews = SqlPlaceReviews(self._connection)
        self.signals = SqlSignals(self._connection)
        self.photos = SqlPhotos(self._connection)
        self.scans = SqlScans(self._connection)
        self.audit = SqlAudit(self._connection)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Closing the connection undoes what was not committed.
        self._opened.__exit__(kind, error, trace)

    def commit(self) -> None:
        self._connection.commit()

    def _transaction(self) -> AbstractContextManager[sa.Connection]:
        return writing(self._engine)


class SqlLook(SqlUnitOfWork):
    """One reading transaction: whatever would write, a commit included, is a RuntimeError."""

    def commit(self) -> None:
        raise RuntimeError("A unit that only reads has nothing to commit. Write and commit through Store.work().")

    def _transaction(self) -> AbstractContextManager[sa.Connection]:
        return reading(self._engine)
