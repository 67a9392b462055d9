"""Corrections and withdrawals between deliveries, how each delivery was read, and marks on quarantined rows."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with _LakeFilesAside(), op.batch_alter_table("delivery", recreate="always") as table:
        table.drop_constraint("rows_add_up", type_="check")
        table.add_column(sa.Column("withdrawn", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("corrected", sa.BigInteger(), nullable=False, server_default="0"))
        table.add_column(sa.Column("zone", sa.String(64), nullable=False, server_default=""))
        table.add_column(sa.Column("settled", sa.JSON(), nullable=False, server_default="{}"))
        table.add_column(sa.Column("replay_of", sa.String(32)))
        table.add_column(sa.Column("quarantine_removed_at", sa.DateTime()))
        table.create_check_constraint("rows_add_up", "rows_read = accepted + duplicates + withdrawn + quarantined")
    op.create_table(
        "strike",
        sa.Column("incident_id", sa.String(32), nullable=False),
        sa.Column("delivery_id", sa.String(32), nullable=False),
        sa.Column("territory", sa.String(40), nullable=False),
        sa.Column("week", sa.String(8), nullable=False),
        sa.Column("by_delivery_id", sa.String(32), nullable=False),
        sa.Column("reason", sa.String(10), nullable=False),
        sa.CheckConstraint("reason IN ('corrected', 'withdrawn')", name="reason"),
        sa.ForeignKeyConstraint(["delivery_id"], ["delivery.delivery_id"], name="fk_strike_delivery_id_delivery"),
        sa.ForeignKeyConstraint(["by_delivery_id"], ["delivery.delivery_id"], name="fk_strike_by_delivery_id_delivery"),
        sa.PrimaryKeyConstraint("incident_id", "delivery_id", name="pk_strike"),
    )
    for column in ("territory", "delivery_id", "by_delivery_id"):
        op.create_index(f"ix_strike_{column}", "strike", [column])
    op.create_table(
        "quarantine_mark",
        sa.Column("delivery_id", sa.String(32), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("replay_id", sa.String(32)),
        sa.Column("account_id", sa.String(32)),
        sa.CheckConstraint("state IN ('replayed', 'dismissed')", name="state"),
        sa.ForeignKeyConstraint(
            ["delivery_id"], ["delivery.delivery_id"], name="fk_quarantine_mark_delivery_id_delivery"
        ),
        sa.PrimaryKeyConstraint("delivery_id", "line", name="pk_quarantine_mark"),
    )


def downgrade() -> None:
    op.drop_table("quarantine_mark")
    op.drop_table("strike")
    # Without corrections the account of such a delivery cannot be written down: its rows count as duplicates.
    op.execute("UPDATE delivery SET duplicates = duplicates + withdrawn")
    with _LakeFilesAside(), op.batch_alter_table("delivery", recreate="always") as table:
        table.drop_constraint("rows_add_up", type_="check")
        for column in ("quarantine_removed_at", "replay_of", "settled", "zone", "corrected", "withdrawn"):
            table.drop_column(column)
        table.create_check_constraint("rows_add_up", "rows_read = accepted + duplicates + quarantined")


class _LakeFilesAside:
    """SQLite makes a changed table anew, and drops no table that rows elsewhere refer to."""

    def __enter__(self) -> None:
        op.execute("CREATE TEMPORARY TABLE lake_file_aside AS SELECT * FROM lake_file")
        op.drop_table("lake_file")
        op.drop_index("ix_delivery_territory_sha256", "delivery")

    def __exit__(self, *_raised: object) -> None:
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
            sa.ForeignKeyConstraint(
                ["delivery_id"], ["delivery.delivery_id"], name="fk_lake_file_delivery_id_delivery"
            ),
            sa.PrimaryKeyConstraint("path", name="pk_lake_file"),
        )
        op.create_index("ix_lake_file_delivery_id", "lake_file", ["delivery_id"])
        op.create_index("ix_lake_file_territory_week", "lake_file", ["territory", "week"])
        op.execute("INSERT INTO lake_file SELECT * FROM lake_file_aside")
        op.execute("DROP TABLE lake_file_aside")
