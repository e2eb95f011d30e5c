"""Two indexes hold all that letters are counted by: no letter of a client or of some days is read for it.

Six letters with their messages fill a page of the table; ten times as many entries fit on one of an index.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SCHEMA = "onward"

_NEWEST = [sa.text("last_failed_at_ms DESC"), sa.text("id DESC")]
_COUNTED = ["fingerprint", "kind", "category", "task_name", "exception_type", "queue"]


def upgrade() -> None:
    op.drop_index("ix_dead_letter_newest", "dead_letter", schema=SCHEMA)
    op.create_index(
        "ix_dead_letter_newest",
        "dead_letter",
        _NEWEST,
        schema=SCHEMA,
        postgresql_include=["status", *_COUNTED],
    )
    op.drop_index("ix_dead_letter_client", "dead_letter", schema=SCHEMA)
    op.create_index(
        "ix_dead_letter_client",
        "dead_letter",
        ["client_id", "status", *_NEWEST],
        schema=SCHEMA,
        postgresql_where=sa.text("client_id IS NOT NULL"),
        postgresql_include=_COUNTED,
    )
