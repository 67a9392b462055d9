"""What people say about council requests."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

_ROLES = (
    "'resident', 'council_member', 'secretary', 'chair', 'akimat_officer', 'police_reviewer', 'steward', "
    "'administrator'"
)
_REASONS = "'personal', 'insult', 'accusation', 'advertising', 'off_topic', 'repeated'"


def upgrade() -> None:
    op.create_table(
        "council_comment",
        sa.Column("territory", sa.String(40), nullable=False),
        sa.Column("request", sa.Integer(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("said_at", sa.DateTime(), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("reason", sa.String(20)),
        sa.Column("is_simulated", sa.Boolean(), nullable=False),
        sa.CheckConstraint("state IN ('waiting', 'shown', 'hidden', 'withdrawn')", name="state"),
        sa.CheckConstraint(f"reason IN ({_REASONS})", name="reason"),
        sa.CheckConstraint(f"role IN ({_ROLES})", name="role"),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_council_comment_account_id_account"),
        sa.ForeignKeyConstraint(
            ["territory", "request"],
            ["council_request.territory", "council_request.number"],
            name="fk_council_comment_territory_request_council_request",
        ),
        sa.PrimaryKeyConstraint("territory", "request", "number", name="pk_council_comment"),
        sa.UniqueConstraint("account_id", "key", name="uq_council_comment_account_id_key"),
    )


def downgrade() -> None:
    op.drop_table("council_comment")
