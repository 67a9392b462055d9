"""Anonymous marks."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

_ROLES = (
    "'resident', 'council_member', 'secretary', 'chair', 'akimat_officer', 'police_reviewer', 'steward', "
    "'administrator'"
)
_CATEGORIES = "'lighting', 'camera', 'crossing', 'patrol', 'drink_drugs', 'playground', 'dogs', 'noise', 'other'"
_REFUSALS = "'already_done', 'not_found', 'not_ours', 'for_police', 'unclear'"


def upgrade() -> None:
    op.create_table(
        "signal",
        sa.Column("territory", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("region_id", sa.String(80), nullable=False),
        sa.Column("area_id", sa.String(40), nullable=False),
        sa.Column("place_id", sa.String(80), nullable=False),
        sa.Column("category", sa.String(20), nullable=False),
        sa.Column("answers", sa.JSON(), nullable=False),
        sa.Column("marked_on", sa.Date(), nullable=False),
        sa.Column("is_counted", sa.Boolean(), nullable=False),
        sa.Column("receipt_hash", sa.String(64), nullable=False),
        sa.Column("is_simulated", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("settled_on", sa.Date()),
        sa.Column("request_number", sa.Integer()),
        sa.Column("refusal", sa.String(20)),
        sa.Column("account_id", sa.String(32)),
        sa.Column("role", sa.String(20)),
        sa.CheckConstraint(f"category IN ({_CATEGORIES})", name="category"),
        sa.CheckConstraint("state IN ('waiting', 'in_request', 'refused')", name="state"),
        sa.CheckConstraint(f"refusal IN ({_REFUSALS})", name="refusal"),
        sa.CheckConstraint(f"role IN ({_ROLES})", name="role"),
        sa.CheckConstraint("number >= 1", name="number"),
        sa.CheckConstraint(
            "(state = 'waiting') = (settled_on IS NULL) AND (state = 'in_request') = (request_number IS NOT NULL) "
            "AND (state = 'refused') = (refusal IS NOT NULL)",
            name="settlement",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_signal_account_id_account"),
        sa.ForeignKeyConstraint(
            ["territory", "request_number"],
            ["council_request.territory", "council_request.number"],
            name="fk_signal_territory_request_number_council_request",
        ),
        sa.UniqueConstraint("receipt_hash", name="uq_signal_receipt_hash"),
        sa.PrimaryKeyConstraint("territory", "number", name="pk_signal"),
    )
    op.create_index("ix_signal_territory_state", "signal", ["territory", "state"])


def downgrade() -> None:
    op.drop_table("signal")
