"""Codes asked for beside a password, and whether a password was given by somebody else."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("account", sa.Column("is_password_given", sa.Boolean(), nullable=False, server_default="0"))
    op.create_table(
        "second_factor",
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("sealed", sa.String(400), nullable=False),
        sa.Column("begun_at", sa.DateTime(), nullable=False),
        sa.Column("confirmed_at", sa.DateTime()),
        sa.Column("last_step", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_second_factor_account_id_account"),
        sa.PrimaryKeyConstraint("account_id", name="pk_second_factor"),
    )
    op.create_table(
        "recovery_code",
        sa.Column("code_sha256", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_recovery_code_account_id_account"),
        sa.PrimaryKeyConstraint("code_sha256", name="pk_recovery_code"),
    )
    op.create_index("ix_recovery_code_account_id", "recovery_code", ["account_id"])
    op.create_table(
        "pending_code",
        sa.Column("token_sha256", sa.String(64), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_pending_code_account_id_account"),
        sa.PrimaryKeyConstraint("token_sha256", name="pk_pending_code"),
    )
    op.create_index("ix_pending_code_created_at", "pending_code", ["created_at"])


def downgrade() -> None:
    for table in ("pending_code", "recovery_code", "second_factor"):
        op.drop_table(table)
    op.drop_column("account", "is_password_given")
