"""Photos of marks, requests and disputes; scans of answers."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

_ROLES = (
    "'resident', 'council_member', 'secretary', 'chair', 'akimat_officer', 'police_reviewer', 'steward', "
    "'administrator'"
)


def upgrade() -> None:
    op.create_table(
        "photo",
        sa.Column("territory", sa.String(40), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("region_id", sa.String(80), nullable=False),
        sa.Column("area_id", sa.String(40), nullable=False),
        sa.Column("sent_with", sa.String(10), nullable=False),
        sa.Column("mark_number", sa.Integer()),
        sa.Column("request_number", sa.Integer()),
        sa.Column("sha256", sa.String(64)),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("sent_on", sa.Date(), nullable=False),
        sa.Column("is_simulated", sa.Boolean(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("checked_on", sa.Date()),
        sa.Column("account_id", sa.String(32)),
        sa.Column("role", sa.String(20)),
        sa.Column("caption", sa.String(200), nullable=False),
        sa.Column("reason", sa.String(20)),
        sa.CheckConstraint("sent_with IN ('mark', 'request', 'dispute')", name="sent_with"),
        sa.CheckConstraint("state IN ('waiting', 'shown', 'rejected')", name="state"),
        sa.CheckConstraint(
            "reason IN ('faces', 'plates', 'flats', 'not_the_place', 'unclear', 'mark_refused')", name="reason"
        ),
        sa.CheckConstraint(f"role IN ({_ROLES})", name="role"),
        sa.CheckConstraint("number >= 1", name="number"),
        sa.CheckConstraint(
            "(state = 'waiting') = (checked_on IS NULL) AND (state = 'rejected') = (sha256 IS NULL) "
            "AND (state = 'rejected') = (reason IS NOT NULL)",
            name="looked_at",
        ),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_photo_account_id_account"),
        sa.ForeignKeyConstraint(
            ["territory", "request_number"],
            ["council_request.territory", "council_request.number"],
            name="fk_photo_territory_request_number_council_request",
        ),
        sa.PrimaryKeyConstraint("territory", "number", name="pk_photo"),
    )
    op.create_index("ix_photo_territory_state", "photo", ["territory", "state"])
    op.create_table(
        "answer_scan",
        sa.Column("territory", sa.String(40), nullable=False),
        sa.Column("request_number", sa.Integer(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
        sa.Column("suffix", sa.String(3), nullable=False),
        sa.Column("size_bytes", sa.Integer(), nullable=False),
        sa.Column("kept_on", sa.Date(), nullable=False),
        sa.CheckConstraint("suffix IN ('pdf', 'jpg')", name="suffix"),
        sa.CheckConstraint("position >= 1", name="position"),
        sa.ForeignKeyConstraint(
            ["territory", "request_number"],
            ["council_request.territory", "council_request.number"],
            name="fk_answer_scan_territory_request_number_council_request",
        ),
        sa.PrimaryKeyConstraint("territory", "request_number", "position", name="pk_answer_scan"),
    )


def downgrade() -> None:
    op.drop_table("answer_scan")
    op.drop_table("photo")
