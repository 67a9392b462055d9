"""Tables of the SQL catalogue. Moments are kept in UTC; frames stay in Parquet files that the catalogue names.

A change here needs the next numbered migration; tests/riskmap/test_migrations.py compares the two.
"""

from datetime import UTC, datetime

import sqlalchemy as sa


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
    sa.CheckConstraint("status IN ('adopted', 'superseded')", name="status"),
    sa.CheckConstraint("rows_read = accepted + duplicates + quarantined", name="rows_add_up"),
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
