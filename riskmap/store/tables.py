"""Tables of the SQL catalogue. Moments are kept in UTC; frames stay in Parquet files that the catalogue names.

A change here needs the next numbered migration; tests/riskmap/test_migrations.py compares the two.
"""

from collections.abc import Iterable
from datetime import UTC, datetime

import sqlalchemy as sa

from riskmap.comment_port import CommentState, HideReason
from riskmap.council.meeting import Deed
from riskmap.council.request import Action, RequestKind, State
from riskmap.identity.access import Role
from riskmap.lake_ports import MarkState, StrikeReason
from riskmap.photos import rules as photo_rules
from riskmap.place_review.rules import Doubt, Outcome
from riskmap.signals import rules as signal_rules


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware moment, stored without its zone as UTC."""

    impl = sa.DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone; moments are stored in UTC. Give an aware datetime.")
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else value.replace(tzinfo=UTC)


metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _one_of(column: str, values: Iterable[str]) -> sa.CheckConstraint:
    """Check that a column holds a word of a closed set; it is named after the column."""
    return sa.CheckConstraint(f"{column} IN ({', '.join(repr(str(value)) for value in values)})", name=column)


delivery = sa.Table(
    "delivery",
    metadata,
    sa.Column("delivery_id", sa.String(32), primary_key=True),
    sa.Column("territory", sa.String(40), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("reading", sa.String(64), nullable=False),
    sa.Column("file_name", sa.String(255), nullable=False),
    sa.Column("received_at", UtcDateTime(), nullable=False),
    sa.Column("status", sa.String(10), nullable=False),
    sa.Column("rows_read", sa.BigInteger(), nullable=False),
    sa.Column("accepted", sa.BigInteger(), nullable=False),
    sa.Column("without_place", sa.BigInteger(), nullable=False),
    sa.Column("duplicates", sa.BigInteger(), nullable=False),
    sa.Column("quarantined", sa.BigInteger(), nullable=False),
    sa.Column("faults", sa.JSON(), nullable=False),
    sa.Column("unknown_categories", sa.JSON(), nullable=False),
    sa.Column("first_day", sa.Date()),
    sa.Column("last_day", sa.Date()),
    sa.Column("withdrawn", sa.BigInteger(), nullable=False, server_default="0"),
    sa.Column("corrected", sa.BigInteger(), nullable=False, server_default="0"),
    sa.Column("zone", sa.String(64), nullable=False, server_default=""),
    sa.Column("settled", sa.JSON(), nullable=False, server_default="{}"),
    sa.Column("replay_of", sa.String(32)),
    sa.Column("quarantine_removed_at", UtcDateTime()),
    sa.CheckConstraint("status IN ('adopted', 'superseded')", name="status"),
    sa.CheckConstraint("rows_read = accepted + duplicates + withdrawn + quarantined", name="rows_add_up"),
    # Two readings of one file never count at once.
    sa.Index(
        None,
        "territory",
        "sha256",
        unique=True,
        sqlite_where=sa.text("status = 'adopted'"),
        postgresql_where=sa.text("status = 'adopted'"),
    ),
)

lake_file = sa.Table(
    "lake_file",
    metadata,
    sa.Column("path", sa.String(120), primary_key=True),
    sa.Column("territory", sa.String(40), nullable=False),
    sa.Column("week", sa.String(8), nullable=False),
    sa.Column("delivery_id", sa.ForeignKey("delivery.delivery_id"), nullable=False, index=True),
    sa.Column("rows", sa.BigInteger(), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Index(None, "territory", "week"),
)

strike = sa.Table(
    "strike",
    metadata,
    sa.Column("incident_id", sa.String(32), primary_key=True),
    sa.Column("delivery_id", sa.ForeignKey("delivery.delivery_id"), primary_key=True),
    sa.Column("territory", sa.String(40), nullable=False, index=True),
    sa.Column("week", sa.String(8), nullable=False),
    sa.Column("by_delivery_id", sa.ForeignKey("delivery.delivery_id"), nullable=False, index=True),
    sa.Column("reason", sa.String(10), nullable=False),
    _one_of("reason", StrikeReason),
    sa.Index(None, "delivery_id"),
)

quarantine_mark = sa.Table(
    "quarantine_mark",
    metadata,
    sa.Column("delivery_id", sa.ForeignKey("delivery.delivery_id"), primary_key=True),
    sa.Column("line", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("at", UtcDateTime(), nullable=False),
    sa.Column("replay_id", sa.String(32)),
    sa.Column("account_id", sa.String(32)),
    _one_of("state", MarkState),
)

score_run = sa.Table(
    "score_run",
    metadata,
    sa.Column("run_id", sa.String(64), primary_key=True),
    sa.Column("territory", sa.String(40), nullable=False),
    sa.Column("as_of", sa.Date(), nullable=False),
    sa.Column("model", sa.String(64), nullable=False),
    sa.Column("version", sa.String(64), nullable=False),
    sa.Column("deliveries", sa.JSON(), nullable=False),
    sa.Column("details", sa.JSON(), nullable=False),
    sa.Column("path", sa.String(160), nullable=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("created_at", UtcDateTime(), nullable=False),
    sa.Index(None, "territory", "created_at"),
)

account = sa.Table(
    "account",
    metadata,
    sa.Column("account_id", sa.String(32), primary_key=True),
    sa.Column("login", sa.String(64), nullable=False, unique=True),
    sa.Column("password_hash", sa.String(255), nullable=False),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("created_at", UtcDateTime(), nullable=False),
    sa.Column("is_simulated", sa.Boolean(), nullable=False),
    sa.Column("disabled_at", UtcDateTime()),
    sa.Column("failures", sa.Integer(), nullable=False),
    sa.Column("rests_until", UtcDateTime()),
    sa.Column("is_password_given", sa.Boolean(), nullable=False),
)

account_grant = sa.Table(
    "account_grant",
    metadata,
    sa.Column("account_id", sa.ForeignKey("account.account_id"), primary_key=True),
    sa.Column("role", sa.String(20), primary_key=True),
    sa.Column("region_id", sa.String(80), primary_key=True),
    sa.Column("granted_at", UtcDateTime(), nullable=False),
    _one_of("role", Role),
)

session = sa.Table(
    "session",
    metadata,
    sa.Column("token_sha256", sa.String(64), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("account.account_id"), nullable=False, index=True),
    sa.Column("language", sa.String(8), nullable=False),
    sa.Column("created_at", UtcDateTime(), nullable=False),
    sa.Column("seen_at", UtcDateTime(), nullable=False),
    sa.Column("ended_at", UtcDateTime()),
)

second_factor = sa.Table(
    "second_factor",
    metadata,
    sa.Column("account_id", sa.ForeignKey("account.account_id"), primary_key=True),
    sa.Column("sealed", sa.String(400), nullable=False),
    sa.Column("begun_at", UtcDateTime(), nullable=False),
    sa.Column("confirmed_at", UtcDateTime()),
    sa.Column("last_step", sa.Integer(), nullable=False),
)

recovery_code = sa.Table(
    "recovery_code",
    metadata,
    sa.Column("code_sha256", sa.String(64), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("account.account_id"), nullable=False, index=True),
)

pending_code = sa.Table(
    "pending_code",
    metadata,
    sa.Column("token_sha256", sa.String(64), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("account.account_id"), nullable=False),
    sa.Column("created_at", UtcDateTime(), nullable=False, index=True),
)

account_identity = sa.Table(
    "account_identity",
    metadata,
    sa.Column("issuer", sa.String(200), primary_key=True),
    sa.Column("subject", sa.String(255), primary_key=True),
    sa.Column("account_id", sa.ForeignKey("account.account_id"), nullable=False),
    sa.Column("linked_at", UtcDateTime(), nullable=False),
    sa.UniqueConstraint("account_id", "issuer"),
)

pending_sign_in = sa.Table(
    "pending_sign_in",
    metadata,
    sa.Column("state_sha256", sa.String(64), primary_key=True),
    sa.Column("browser_sha256", sa.String(64), nullable=False),
    sa.Column("wanted", sa.String(400), nullable=False),
    sa.Column("created_at", UtcDateTime(), nullable=False, index=True),
)

council_request = sa.Table(
    "council_request",
    metadata,
    sa.Column("territory", sa.String(40), primary_key=True),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("region_id", sa.String(80), nullable=False),
    sa.Column("area_id", sa.String(40), nullable=False),
    sa.Column("cell_id", sa.String(16), nullable=False),
    sa.Column("release_id", sa.String(80), nullable=False),
    sa.Column("risk_class", sa.Integer(), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("grounds", sa.Text(), nullable=False),
    sa.Column("landmark", sa.String(200), nullable=False),
    sa.Column("requester", sa.ForeignKey("account.account_id")),
    sa.Column("entered_by", sa.ForeignKey("account.account_id"), nullable=False),
    sa.Column("is_simulated", sa.Boolean(), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("version", sa.Integer(), nullable=False),
    _one_of("kind", RequestKind),
    _one_of("state", State),
    sa.CheckConstraint("number >= 1", name="number"),
    sa.CheckConstraint("version >= 1", name="version"),
    sa.CheckConstraint("risk_class BETWEEN 1 AND 7", name="risk_class"),
    sa.Index(None, "territory", "state"),
)

council_step = sa.Table(
    "council_step",
    metadata,
    sa.Column("territory", sa.String(40), primary_key=True),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("action", sa.String(20), nullable=False),
    sa.Column("state_before", sa.String(20), nullable=False),
    sa.Column("state_after", sa.String(20), nullable=False),
    sa.Column("account_id", sa.ForeignKey("account.account_id"), nullable=False),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("at", UtcDateTime(), nullable=False),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("fields", sa.JSON(), nullable=False),
    _one_of("action", Action),
    _one_of("state_before", State),
    _one_of("state_after", State),
    _one_of("role", Role),
    # A press that arrives twice counts once.
    sa.UniqueConstraint("account_id", "key"),
    sa.ForeignKeyConstraint(["territory", "number"], ["council_request.territory", "council_request.number"]),
)

council_comment = sa.Table(
    "council_comment",
    metadata,
    sa.Column("territory", sa.String(40), primary_key=True),
    sa.Column("request", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("account_id", sa.ForeignKey("account.account_id"), nullable=False),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("text", sa.Text(), nullable=False),
    sa.Column("said_at", UtcDateTime(), nullable=False),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("reason", sa.String(20)),
    sa.Column("is_simulated", sa.Boolean(), nullable=False),
    _one_of("state", CommentState),
    _one_of("reason", HideReason),
    _one_of("role", Role),
    sa.ForeignKeyConstraint(["territory", "request"], ["council_request.territory", "council_request.number"]),
    sa.UniqueConstraint("account_id", "key"),
)

council_support = sa.Table(
    "council_support",
    metadata,
    sa.Column("territory", sa.String(40), primary_key=True),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("account_id", sa.ForeignKey("account.account_id"), primary_key=True),
    sa.Column("supported_at", UtcDateTime(), nullable=False),
    sa.Column("is_counted", sa.Boolean(), nullable=False, server_default="1"),
    sa.ForeignKeyConstraint(["territory", "number"], ["council_request.territory", "council_request.number"]),
)

council_meeting = sa.Table(
    "council_meeting",
    metadata,
    sa.Column("territory", sa.String(40), primary_key=True),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("is_simulated", sa.Boolean(), nullable=False),
    sa.Column("version", sa.Integer(), nullable=False),
    sa.CheckConstraint("number >= 1", name="number"),
    sa.CheckConstraint("version >= 1", name="version"),
)

council_meeting_entry = sa.Table(
    "council_meeting_entry",
    metadata,
    sa.Column("territory", sa.String(40), primary_key=True),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("deed", sa.String(20), nullable=False),
    sa.Column("account_id", sa.ForeignKey("account.account_id"), nullable=False),
    sa.Column("role", sa.String(20), nullable=False),
    sa.Column("at", UtcDateTime(), nullable=False),
    sa.Column("key", sa.String(64), nullable=False),
    sa.Column("fields", sa.JSON(), nullable=False),
    _one_of("deed", Deed),
    _one_of("role", Role),
    sa.UniqueConstraint("account_id", "key"),
    sa.ForeignKeyConstraint(["territory", "number"], ["council_meeting.territory", "council_meeting.number"]),
)

place_review = sa.Table(
    "place_review",
    metadata,
    sa.Column("territory", sa.String(40), primary_key=True),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("region_id", sa.String(80), nullable=False),
    sa.Column("area_id", sa.String(40), nullable=False),
    sa.Column("place_id", sa.String(80), nullable=False),
    sa.Column("release_id", sa.String(80), nullable=False),
    sa.Column("is_simulated", sa.Boolean(), nullable=False),
    sa.Column("due_on", sa.Date(), nullable=False),
    sa.Column("version", sa.Integer(), nullable=False),
    sa.Column("outcome", sa.String(20)),
    sa.Column("reason_kk", sa.Text()),
    sa.Column("reason_ru", sa.Text()),
    sa.Column("role", sa.String(20)),
    sa.Column("account_id", sa.ForeignKey("account.account_id")),
    sa.Column("answered_at", UtcDateTime()),
    sa.Column("key", sa.String(64)),
    _one_of("outcome", Outcome),
    _one_of("role", Role),
    sa.CheckConstraint("number >= 1", name="number"),
    sa.CheckConstraint("version >= 1", name="version"),
    sa.CheckConstraint(
        "(outcome IS NULL) = (answered_at IS NULL) AND (outcome IS NULL) = (account_id IS NULL)", name="answer"
    ),
    sa.UniqueConstraint("account_id", "key"),
    # One review of a place is open at a time.
    sa.Index(
        None,
        "territory",
        "place_id",
        unique=True,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    ),
)

place_review_voice = sa.Table(
    "place_review_voice",
    metadata,
    sa.Column("territory", sa.String(40), primary_key=True),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("doubt", sa.String(10), nullable=False),
    sa.Column("text", sa.Text(), nullable=False),
    sa.Column("at", UtcDateTime(), nullable=False),
    sa.Column("receipt_hash", sa.String(64), nullable=False, unique=True),
    _one_of("doubt", Doubt),
    sa.ForeignKeyConstraint(["territory", "number"], ["place_review.territory", "place_review.number"]),
    sa.Index(None, "territory", "at"),
)

signal = sa.Table(
    "signal",
    metadata,
    sa.Column("territory", sa.String(40), primary_key=True),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("region_id", sa.String(80), nullable=False),
    sa.Column("area_id", sa.String(40), nullable=False),
    sa.Column("place_id", sa.String(80), nullable=False),
    sa.Column("category", sa.String(20), nullable=False),
    sa.Column("answers", sa.JSON(), nullable=False),
    sa.Column("marked_on", sa.Date(), nullable=False),
    sa.Column("is_counted", sa.Boolean(), nullable=False),
    sa.Column("receipt_hash", sa.String(64), nullable=False, unique=True),
    sa.Column("is_simulated", sa.Boolean(), nullable=False),
    sa.Column("state", sa.String(20), nullable=False),
    sa.Column("settled_on", sa.Date()),
    sa.Column("request_number", sa.Integer()),
    sa.Column("refusal", sa.String(20)),
    sa.Column("account_id", sa.ForeignKey("account.account_id")),
    sa.Column("role", sa.String(20)),
    _one_of("category", signal_rules.Category),
    _one_of("state", signal_rules.State),
    _one_of("refusal", signal_rules.Refusal),
    _one_of("role", Role),
    sa.CheckConstraint("number >= 1", name="number"),
    sa.CheckConstraint(
        "(state = 'waiting') = (settled_on IS NULL) AND (state = 'in_request') = (request_number IS NOT NULL) "
        "AND (state = 'refused') = (refusal IS NOT NULL)",
        name="settlement",
    ),
    sa.ForeignKeyConstraint(["territory", "request_number"], ["council_request.territory", "council_request.number"]),
    sa.Index(None, "territory", "state"),
)

photo = sa.Table(
    "photo",
    metadata,
    sa.Column("territory", sa.String(40), primary_key=True),
    sa.Column("number", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("region_id", sa.String(80), nullable=False),
    sa.Column("area_id", sa.String(40), nullable=False),
    sa.Column("sent_with", sa.String(10), nullable=False),
    # No foreign key: marks have a term of their own.
    sa.Column("mark_number", sa.Integer()),
    sa.Column("request_number", sa.Integer()),
    sa.Column("sha256", sa.String(64)),
    sa.Column("width", sa.Integer(), nullable=False),
    sa.Column("height", sa.Integer(), nullable=False),
    sa.Column("sent_on", sa.Date(), nullable=False),
    sa.Column("is_simulated", sa.Boolean(), nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("checked_on", sa.Date()),
    sa.Column("account_id", sa.ForeignKey("account.account_id")),
    sa.Column("role", sa.String(20)),
    sa.Column("caption", sa.String(200), nullable=False),
    sa.Column("reason", sa.String(20)),
    _one_of("sent_with", photo_rules.Of),
    _one_of("state", photo_rules.State),
    _one_of("reason", photo_rules.Reason),
    _one_of("role", Role),
    sa.CheckConstraint("number >= 1", name="number"),
    sa.CheckConstraint(
        "(state = 'waiting') = (checked_on IS NULL) AND (state = 'rejected') = (sha256 IS NULL) "
        "AND (state = 'rejected') = (reason IS NOT NULL)",
        name="looked_at",
    ),
    sa.ForeignKeyConstraint(["territory", "request_number"], ["council_request.territory", "council_request.number"]),
    sa.Index(None, "territory", "state"),
)

answer_scan = sa.Table(
    "answer_scan",
    metadata,
    sa.Column("territory", sa.String(40), primary_key=True),
    sa.Column("request_number", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("position", sa.Integer(), primary_key=True, autoincrement=False),
    sa.Column("sha256", sa.String(64), nullable=False),
    sa.Column("suffix", sa.String(3), nullable=False),
    sa.Column("size_bytes", sa.Integer(), nullable=False),
    sa.Column("kept_on", sa.Date(), nullable=False),
    sa.CheckConstraint("suffix IN ('pdf', 'jpg')", name="suffix"),
    sa.CheckConstraint("position >= 1", name="position"),
    sa.ForeignKeyConstraint(["territory", "request_number"], ["council_request.territory", "council_request.number"]),
)

audit_entry = sa.Table(
    "audit_entry",
    metadata,
    sa.Column("position", sa.BigInteger(), primary_key=True, autoincrement=False),
    sa.Column("at", UtcDateTime(), nullable=False),
    # No foreign key: whoever runs commands on the machine has no account.
    sa.Column("account_id", sa.String(32), nullable=False),
    sa.Column("action", sa.String(40), nullable=False),
    sa.Column("subject", sa.String(120), nullable=False),
    sa.Column("details", sa.JSON(), nullable=False),
    sa.Column("previous_hash", sa.String(64), nullable=False),
    sa.Column("entry_hash", sa.String(64), nullable=False, unique=True),
)

# SQLite does not fire a table's DELETE trigger for a row that INSERT OR REPLACE pushes out, hence the third one.
for _trigger in (
    "CREATE TRIGGER audit_entry_keeps_on_update BEFORE UPDATE ON audit_entry "
    "BEGIN SELECT RAISE(ABORT, 'The audit log is append-only: a line is never changed.'); END",
    # Retention appends an anchor first: a line that says up to which one, of which hash, the log was shortened.
    "CREATE TRIGGER audit_entry_keeps_on_delete BEFORE DELETE ON audit_entry "
    "WHEN OLD.position > COALESCE((SELECT MAX(CAST(json_extract(details, '$.until') AS INTEGER)) "
    "FROM audit_entry WHERE action = 'audit_shortened'), 0) "
    "BEGIN SELECT RAISE(ABORT, 'The audit log is append-only: a line is never deleted.'); END",
    "CREATE TRIGGER audit_entry_keeps_on_insert BEFORE INSERT ON audit_entry "
    "WHEN EXISTS (SELECT 1 FROM audit_entry WHERE position = NEW.position OR entry_hash = NEW.entry_hash) "
    "BEGIN SELECT RAISE(ABORT, 'The audit log is append-only: a line is never replaced.'); END",
):
    sa.event.listen(audit_entry, "after_create", sa.DDL(_trigger))  # type: ignore[no-untyped-call]
