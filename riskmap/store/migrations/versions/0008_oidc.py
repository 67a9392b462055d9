"""Accounts linked to subjects of a provider, and browsers on their way there and back."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "account_identity",
        sa.Column("issuer", sa.String(200), nullable=False),
        sa.Column("subject", sa.String(255), nullable=False),
        sa.Column("account_id", sa.String(32), nullable=False),
        sa.Column("linked_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_account_identity_account_id_account"),
        sa.UniqueConstraint("account_id", "issuer", name="uq_account_identity_account_id_issuer"),
        sa.PrimaryKeyConstraint("issuer", "subject", name="pk_account_identity"),
    )
    op.create_table(
        "pending_sign_in",
        sa.Column("state_sha256", sa.String(64), nullable=False),
        sa.Column("browser_sha256", sa.String(64), nullable=False),
        sa.Column("wanted", sa.String(400), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("state_sha256", name="pk_pending_sign_in"),
    )
    op.create_index("ix_pending_sign_in_created_at", "pending_sign_in", ["created_at"])


def downgrade() -> None:
    op.drop_table("pending_sign_in")
    op.drop_table("account_identity")
