"""Events, the catalogue of their column files, imports, and funnel definitions."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlalchemy.types import UserDefinedType

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

SCHEMA = "onward"


class Xid8(UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **_):
        return "xid8"


def timestamp(name, **options):
    return sa.Column(name, sa.DateTime(timezone=True), **options)


def upgrade() -> None:
    op.create_table(
        "event",
        sa.Column("id", UUID, primary_key=True),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        timestamp("occurred_at", nullable=False),
        sa.Column("client_id", sa.Text),
        sa.Column("user_id", sa.Text),
        sa.Column("properties", JSONB),
        timestamp("received_at", nullable=False, server_default=sa.func.now()),
        sa.Column("xid", Xid8, nullable=False, server_default=sa.text("pg_current_xact_id()")),
        schema=SCHEMA,
    )
    op.create_index("event_by_xid", "event", ["xid"], schema=SCHEMA)
    op.create_index("event_by_session", "event", ["session_id", "occurred_at"], schema=SCHEMA)
    op.create_table(
        "event_session",
        sa.Column("session_id", sa.Text, primary_key=True),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        schema=SCHEMA,
    )
    op.create_table(
        "event_sync_session",
        sa.Column("session_id", sa.Text, primary_key=True),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("old_day", sa.Date),
        sa.Column("old_part", sa.Integer),
        sa.Column("events", sa.BigInteger, nullable=False),
        schema=SCHEMA,
        prefixes=["UNLOGGED"],
    )
    op.create_table(
        "event_partition",
        sa.Column("path", sa.Text, primary_key=True),
        sa.Column("day", sa.Date, nullable=False),
        sa.Column("part", sa.Integer, nullable=False),
        sa.Column("rows", sa.BigInteger, nullable=False),
        sa.Column("sessions", sa.BigInteger, nullable=False),
        sa.Column("first_ms", sa.BigInteger, nullable=False),
        sa.Column("last_ms", sa.BigInteger, nullable=False),
        sa.Column("profile", JSONB, nullable=False),
        timestamp("written_at", nullable=False, server_default=sa.func.now()),
        timestamp("superseded_at"),
        schema=SCHEMA,
    )
    op.create_index(
        "event_partition_live",
        "event_partition",
        ["day", "part"],
        unique=True,
        schema=SCHEMA,
        postgresql_where=sa.text("superseded_at IS NULL"),
    )
    op.create_table(
        "event_sync",
        sa.Column("id", sa.Integer, sa.CheckConstraint("id = 1"), primary_key=True, autoincrement=False),
        sa.Column("watermark", Xid8, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        timestamp("synced_at"),
        schema=SCHEMA,
    )
    op.create_table(
        "event_import",
        sa.Column("id", UUID, primary_key=True, server_default=sa.func.gen_random_uuid()),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        timestamp("started_at", nullable=False, server_default=sa.func.now()),
        timestamp("progressed_at", nullable=False, server_default=sa.func.now()),
        timestamp("finished_at"),
        sa.Column("rows_read", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("accepted", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("duplicates", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("rejected", sa.BigInteger, nullable=False, server_default="0"),
        schema=SCHEMA,
    )
    op.create_table(
        "funnel_definition",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("body", JSONB, nullable=False),
        timestamp("saved_at", nullable=False, server_default=sa.func.now()),
        sa.Column("saved_by", sa.Text, nullable=False),
        schema=SCHEMA,
    )
