"""Steps about the terms of a council request, and meetings of councils."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_ROLES = (
    "'resident', 'council_member', 'secretary', 'chair', 'akimat_officer', 'police_reviewer', 'steward', "
    "'administrator'"
)
_STATES = (
    "'draft', 'submitted', 'in_triage', 'needs_information', 'before_council', 'approved', 'refused', 'with_body', "
    "'scheduled', 'done', 'disputed', 'not_done', 'not_ours', 'merged', 'withdrawn'"
)
_STEPS = (
    "'submit', 'withdraw', 'take_up', 'ask', 'answer', 'merge', 'forward', 'refer', 'approve', 'refuse', 'send', "
    "'schedule', 'report_not_done', 'complete', 'dispute', 'confirm', 'reopen', 'undo_merge', 'undo_withdrawal'"
)
_OF_TERMS = "'enter_appeal', 'extend_term', 'set_date'"


def upgrade() -> None:
    _make_steps_anew(f"{_STEPS}, {_OF_TERMS}")
    op.create_table(
        "council_meeting",
        sa.Column("territory", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("is_simulated", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.CheckConstraint("number >= 1", name="number"),
        sa.CheckConstraint("version >= 1", name="version"),
        sa.PrimaryKeyConstraint("territory", "number", name="pk_council_meeting"),
    )
    op.create_table(
        "council_meeting_entry",
        sa.Column("territory", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("deed", sa.String(20), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("fields", sa.JSON(), nullable=False),
        sa.CheckConstraint("deed IN ('call', 'change', 'open', 'decide', 'close')", name="deed"),
        sa.CheckConstraint(f"role IN ({_ROLES})", name="role"),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.account_id"], name="fk_council_meeting_entry_account_id_account"
        ),
        sa.ForeignKeyConstraint(
            ["territory", "number"],
            ["council_meeting.territory", "council_meeting.number"],
            name="fk_council_meeting_entry_territory_number_council_meeting",
        ),
        sa.PrimaryKeyConstraint("territory", "number", "position", name="pk_council_meeting_entry"),
        sa.UniqueConstraint("account_id", "key", name="uq_council_meeting_entry_account_id_key"),
    )


def downgrade() -> None:
    op.drop_table("council_meeting_entry")
    op.drop_table("council_meeting")
    # The program before knows no such steps; those that stay are counted anew, as a version is their number.
    op.execute("DELETE FROM council_step WHERE action IN ('enter_appeal', 'extend_term', 'set_date')")
    op.execute(
        "UPDATE council_step SET position = -(SELECT COUNT(*) FROM council_step AS earlier "
        "WHERE earlier.territory = council_step.territory AND earlier.number = council_step.number "
        "AND abs(earlier.position) <= abs(council_step.position))"
    )
    op.execute("UPDATE council_step SET position = -position")
    op.execute(
        "UPDATE council_request SET version = (SELECT COUNT(*) FROM council_step "
        "WHERE council_step.territory = council_request.territory AND council_step.number = council_request.number)"
    )
    _make_steps_anew(_STEPS)


def _make_steps_anew(steps: str) -> None:
    """SQLite changes no check of a table that is there; nothing refers to this one."""
    op.rename_table("council_step", "council_step_before")
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
        sa.CheckConstraint(f"action IN ({steps})", name="action"),
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
    op.execute("INSERT INTO council_step SELECT * FROM council_step_before")
    op.drop_table("council_step_before")
