"""Letters know the priority of their message: filters ask for it.

Generated from the message's properties, so it holds for letters that are there already and cannot differ.
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None

SCHEMA = "onward"

_PRIORITY = """
    CASE WHEN properties ->> 'priority' ~ '^[0-9]{1,3}$' THEN (properties ->> 'priority')::smallint END
"""


def upgrade() -> None:
    op.add_column(
        "dead_letter",
        sa.Column("priority", sa.SmallInteger, sa.Computed(_PRIORITY.strip(), persisted=True)),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_dead_letter_priority",
        "dead_letter",
        ["priority", sa.text("last_failed_at_ms DESC"), sa.text("id DESC")],
        schema=SCHEMA,
        postgresql_where=sa.text("priority IS NOT NULL"),
    )
