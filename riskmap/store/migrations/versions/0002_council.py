"""Accounts with their roles and sessions, council requests with their steps and supports, the append-only audit log."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_ROLES = (
    "'resident', 'council_member', 'secretary', 'chair', 'akimat_officer', 'police_reviewer', 'steward', "
    "'administrator'"
)
_STATES = (
    "'draft', 'submitted', 'in_triage', 'needs_information', 'before_council', 'approved', 'refused', 'with_body', "
    "'scheduled', 'done', 'disputed', 'not_done', 'not_ours', 'merged', 'withdrawn'"
)
_ACTIONS = (
    "'submit', 'withdraw', 'take_up', 'ask', 'answer', 'merge', 'forward', 'refer', 'approve', 'refuse', 'send', "
    "'schedule', 'report_not_done', 'complete', 'dispute', 'confirm', 'reopen', 'undo_merge', 'undo_withdrawal'"
)
_KINDS = "'camera', 'patrol', 'road_sign', 'lighting', 'other'"


def upgrade() -> None:
    _create_accounts()
    _create_requests()
    _create_audit_log()


def downgrade() -> None:
    for event in ("update", "delete", "insert"):
        op.execute(f"DROP TRIGGER audit_entry_keeps_on_{event}")
    for table in (
        "audit_entry",
        "council_support",
        "council_step",
        "council_request",
        "session",
        "account_grant",
        "account",
    ):
        op.drop_table(table)


def _create_accounts() -> None:
    op.create_table(
        "account",
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("login", sa.String(64), nullable=False),
        sa.Column("password_hash", sa.String(255), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("is_simulated", sa.Boolean(), nullable=False),
        sa.Column("disabled_at", sa.DateTime()),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("rests_until", sa.DateTime()),
        sa.PrimaryKeyConstraint("account_id", name="pk_account"),
        sa.UniqueConstraint("login", name="uq_account_login"),
    )
    op.create_table(
        "account_grant",
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("region_id", sa.String(80), nullable=False),
        sa.Column("granted_at", sa.DateTime(), nullable=False),
        sa.CheckConstraint(f"role IN ({_ROLES})", name="role"),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_account_grant_account_id_account"),
        sa.PrimaryKeyConstraint("account_id", "role", "region_id", name="pk_account_grant"),
    )
    op.create_table(
        "session",
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("language", sa.String(8), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("seen_at", sa.DateTime(), nullable=False),
        sa.Column("ended_at", sa.DateTime()),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_session_account_id_account"),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_session"),
    )
    op.create_index("ix_session_account_id", "session", ["account_id"])


def _create_requests() -> None:
    op.create_table(
        "council_request",
        sa.Column("territory", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("region_id", sa.String(80), nullable=False),
        sa.Column("area_id", sa.String(40), nullable=False),
        sa.Column("cell_id", sa.String(16), nullable=False),
        sa.Column("release_id", sa.String(80), nullable=False),
        sa.Column("risk_class", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("grounds", sa.Text(), nullable=False),
        sa.Column("landmark", sa.String(200), nullable=False),
        sa.Column("requester", sa.String(32)),
        sa.Column("entered_by", sa.String(32), nullable=False),
        sa.Column("is_simulated", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint(f"kind IN ({_KINDS})", name="kind"),
        sa.CheckConstraint(f"state IN ({_STATES})", name="state"),
        sa.CheckConstraint("number >= 1", name="number"),
        sa.CheckConstraint("version >= 1", name="version"),
        sa.CheckConstraint("risk_class BETWEEN 1 AND 7", name="risk_class"),
        sa.ForeignKeyConstraint(["requester"], ["account.account_id"], name="fk_council_request_requester_account"),
        sa.ForeignKeyConstraint(["entered_by"], ["account.account_id"], name="fk_council_request_entered_by_account"),
        sa.PrimaryKeyConstraint("territory", "number", name="pk_council_request"),
    )
    op.create_index("ix_council_request_territory_state", "council_request", ["territory", "state"])
    op.create_table(
        "council_step",
        sa.Column("territory", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("state_before", sa.String(20), nullable=False),
        sa.Column("state_after", sa.String(20), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.CheckConstraint(f"action IN ({_ACTIONS})", name="action"),
        sa.CheckConstraint(f"state_before IN ({_STATES})", name="state_before"),
        sa.CheckConstraint(f"state_after IN ({_STATES})", name="state_after"),
        sa.CheckConstraint(f"role IN ({_ROLES})", name="role"),
        sa.ForeignKeyConstraint(
            ["territory", "number"],
            ["council_request.territory", "council_request.number"],
            name="fk_council_step_territory_number_council_request",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_council_step_account_id_account"),
        sa.PrimaryKeyConstraint("territory", "number", "position", name="pk_council_step"),
        sa.UniqueConstraint("account_id", "key", name="uq_council_step_account_id_key"),
    )
    op.create_table(
        "council_support",
        sa.Column("territory", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("supported_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["territory", "number"],
            ["council_request.territory", "council_request.number"],
            name="fk_council_support_territory_number_council_request",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_council_support_account_id_account"),
        sa.PrimaryKeyConstraint("territory", "number", "account_id", name="pk_council_support"),
    )


def _create_audit_log() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(120), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("previous_hash", sa.String(64), nullable=False),
        sa.Column("entry_hash", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_audit_entry"),
        sa.UniqueConstraint("entry_hash", name="uq_audit_entry_entry_hash"),
    )
    op.execute(
        "CREATE TRIGGER audit_entry_keeps_on_update BEFORE UPDATE ON audit_entry "
        "BEGIN SELECT RAISE(ABORT, 'The audit log is append-only: a line is never changed.'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_entry_keeps_on_delete BEFORE DELETE ON audit_entry "
        "BEGIN SELECT RAISE(ABORT, 'The audit log is append-only: a line is never deleted.'); END"
    )
    op.execute(
        "CREATE TRIGGER audit_entry_keeps_on_insert BEFORE INSERT ON audit_entry "
        "WHEN EXISTS (SELECT 1 FROM audit_entry WHERE position = NEW.position OR entry_hash = NEW.entry_hash) "
        "BEGIN SELECT RAISE(ABORT, 'The audit log is append-only: a line is never replaced.'); END"
    )
