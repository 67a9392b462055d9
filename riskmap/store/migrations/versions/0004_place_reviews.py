"""Reviews of places with everybody who asked for them."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_ROLES = (
    "'resident', 'council_member', 'secretary', 'chair', 'akimat_officer', 'police_reviewer', 'steward', "
    "'administrator'"
)


def upgrade() -> None:
    op.create_table(
        "place_review",
        sa.Column("territory", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
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
        sa.Column("account_id", sa.String(32)),
        sa.Column("answered_at", sa.DateTime()),
        sa.Column("key", sa.String(64)),
        sa.CheckConstraint("outcome IN ('stands', 'corrected_yearly', 'withdrawn', 'coarser')", name="outcome"),
        sa.CheckConstraint(f"role IN ({_ROLES})", name="role"),
        sa.CheckConstraint("number >= 1", name="number"),
        sa.CheckConstraint("version >= 1", name="version"),
        sa.CheckConstraint(
            "(outcome IS NULL) = (answered_at IS NULL) AND (outcome IS NULL) = (account_id IS NULL)", name="answer"
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_place_review_account_id_account"),
        sa.UniqueConstraint("account_id", "key", name="uq_place_review_account_id_key"),
        sa.PrimaryKeyConstraint("territory", "number", name="pk_place_review"),
    )
    op.create_index(
        "ix_place_review_territory_place_id",
        "place_review",
        ["territory", "place_id"],
        unique=True,
        sqlite_where=sa.text("outcome IS NULL"),
        postgresql_where=sa.text("outcome IS NULL"),
    )
    op.create_table(
        "place_review_voice",
        sa.Column("territory", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("doubt", sa.String(10), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(), nullable=False),
        sa.Column("receipt_hash", sa.String(64), nullable=False),
        sa.CheckConstraint("doubt IN ('number', 'place', 'person', 'outline', 'other')", name="doubt"),
        sa.ForeignKeyConstraint(
            ["territory", "number"],
            ["place_review.territory", "place_review.number"],
            name="fk_place_review_voice_territory_number_place_review",
        ),
        sa.UniqueConstraint("receipt_hash", name="uq_place_review_voice_receipt_hash"),
        sa.PrimaryKeyConstraint("territory", "number", "position", name="pk_place_review_voice"),
    )
    op.create_index("ix_place_review_voice_territory_at", "place_review_voice", ["territory", "at"])


def downgrade() -> None:
    op.drop_table("place_review_voice")
    op.drop_table("place_review")
