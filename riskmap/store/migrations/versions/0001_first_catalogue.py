"""Deliveries, files of the incident lake, score runs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "delivery",
        sa.Column("delivery_id", sa.String(32), nullable=False),
        sa.Column("territory", sa.String(40), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("reading", sa.String(64), nullable=False),
        sa.Column("file_name", sa.String(255), nullable=False),
        sa.Column("received_at", sa.DateTime(), nullable=False),
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
        sa.CheckConstraint("status IN ('adopted', 'superseded')", name="status"),
        sa.CheckConstraint("rows_read = accepted + duplicates + quarantined", name="rows_add_up"),
        sa.PrimaryKeyConstraint("delivery_id", name="pk_delivery"),
    )
    op.create_index(
        "ix_delivery_territory_sha256",
        "delivery",
        ["territory", "sha256"],
        unique=True,
        sqlite_where=sa.text("status = 'adopted'"),
        postgresql_where=sa.text("status = 'adopted'"),
    )
    op.create_table(
        "lake_file",
        sa.Column("path", sa.String(120), nullable=False),
        sa.Column("territory", sa.String(40), nullable=False),
        sa.Column("week", sa.String(8), nullable=False),
        sa.Column("delivery_id", sa.String(32), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name="fk_lake_file_delivery_id_delivery"),
        sa.PrimaryKeyConstraint("path", name="pk_lake_file"),
    )
    op.create_index("ix_lake_file_delivery_id", "lake_file", ["delivery_id"])
    op.create_index("ix_lake_file_territory_week", "lake_file", ["territory", "week"])
    op.create_table(
        "score_run",
        sa.Column("run_id", sa.String(64), nullable=False),
        sa.Column("territory", sa.String(40), nullable=False),
        sa.Column("as_of", sa.Date(), nullable=False),
        sa.Column("model", sa.String(64), nullable=False),
        sa.Column("version", sa.String(64), nullable=False),
        sa.Column("deliveries", sa.JSON(), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("path", sa.String(160), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.PrimaryKeyConstraint("run_id", name="pk_score_run"),
    )
    op.create_index("ix_score_run_territory_created_at", "score_run", ["territory", "created_at"])


def downgrade() -> None:
    op.drop_table("score_run")
    op.drop_table("lake_file")
    op.drop_table("delivery")
