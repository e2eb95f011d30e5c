"""Events whose time has not come, the properties that have a column, and whose event folder it is."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SCHEMA = "onward"


def upgrade() -> None:
    op.create_table(
        "event_waiting",
        sa.Column("id", UUID, primary_key=True),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        schema=SCHEMA,
    )
    op.create_index("event_waiting_by_time", "event_waiting", ["occurred_at"], schema=SCHEMA)
    op.create_table("event_property", sa.Column("name", sa.Text, primary_key=True), schema=SCHEMA)
    op.add_column(
        "event_sync",
        sa.Column("horizon", sa.DateTime(timezone=True), nullable=False, server_default="-infinity"),
        schema=SCHEMA,
    )
    op.add_column(
        "event_sync",
        sa.Column("installation", UUID, nullable=False, server_default=sa.func.gen_random_uuid()),
        schema=SCHEMA,
    )
    # Files of before hold every event up to their last, early ones too, and columns for all properties.
    op.execute("""
        UPDATE onward.event_sync SET horizon = (
            SELECT coalesce(to_timestamp(ceil(max(last_ms) / 1000.0)), '-infinity')
            FROM onward.event_partition WHERE superseded_at IS NULL
        )
    """)
    op.execute("""
        INSERT INTO onward.event_property (name)
        SELECT DISTINCT name
        FROM onward.event_partition CROSS JOIN LATERAL jsonb_object_keys(profile -> 'dimensions') AS name
        WHERE superseded_at IS NULL AND name NOT IN ('client_id', 'user_id')
    """)
    op.drop_constraint("event_sync_session_pkey", "event_sync_session", schema=SCHEMA)
