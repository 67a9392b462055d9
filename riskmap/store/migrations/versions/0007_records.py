"""Supports that are kept and not counted, and an audit log that retention may shorten behind an anchor."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_REFUSED = "BEGIN SELECT RAISE(ABORT, 'The audit log is append-only: a line is never deleted.'); END"
_NEVER = f"CREATE TRIGGER audit_entry_keeps_on_delete BEFORE DELETE ON audit_entry {_REFUSED}"
_BEHIND_AN_ANCHOR = (
    "CREATE TRIGGER audit_entry_keeps_on_delete BEFORE DELETE ON audit_entry "
    "WHEN OLD.position > COALESCE((SELECT MAX(CAST(json_extract(details, '$.until') AS INTEGER)) "
    "FROM audit_entry WHERE action = 'audit_shortened'), 0) "
) + _REFUSED


def upgrade() -> None:
    op.add_column("council_support", sa.Column("is_counted", sa.Boolean(), nullable=False, server_default="1"))
    op.execute("DROP TRIGGER audit_entry_keeps_on_delete")
    op.execute(_BEHIND_AN_ANCHOR)


def downgrade() -> None:
    op.execute("DROP TRIGGER audit_entry_keeps_on_delete")
    op.execute(_NEVER)
    op.drop_column("council_support", "is_counted")
