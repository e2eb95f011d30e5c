"""Groups, operations, edited arguments, work in flight, workers seen, and the fence."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

SCHEMA = "onward"

_EXISTING_GROUPS = """
    INSERT INTO onward.dead_letter_group (
        fingerprint, fingerprint_version, exception_type, message, place, task_name, category, first_seen_ms
    )
    SELECT DISTINCT ON (fingerprint)
        fingerprint, fingerprint_version, exception_type, left(split_part(message, E'\\n', 1), 300),
        task_name, task_name, category, first_failed_at_ms
    FROM onward.dead_letter
    ORDER BY fingerprint, first_failed_at_ms
"""


def upgrade() -> None:
    _letter_columns()
    _groups()
    _operations()
    _versions()
    _in_flight()
    _workers()
    _fence()


def _letter_columns() -> None:
    for column in (
        sa.Column("key_id", sa.Text),
        sa.Column("sealed_headers", sa.LargeBinary),
        sa.Column("claimed_queue", sa.Text),
        sa.Column("claimed_version", sa.Integer),
        sa.Column("operation_id", sa.BigInteger),
    ):
        op.add_column("dead_letter", column, schema=SCHEMA)
    op.add_column(
        "dead_letter_attempt", sa.Column("release", sa.Text, nullable=False, server_default=""), schema=SCHEMA
    )


def _groups() -> None:
    op.create_table(
        "dead_letter_group",
        sa.Column("fingerprint", sa.Text, primary_key=True),
        sa.Column("fingerprint_version", sa.SmallInteger, nullable=False),
        sa.Column("exception_type", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("task_name", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("first_seen_ms", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="open"),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.Column("muted_until_ms", sa.BigInteger),
        sa.Column("fixed_in", sa.Text, nullable=False, server_default=""),
        sa.Column("failed_in", ARRAY(sa.Text), nullable=False, server_default="{}"),
        sa.Column("changed_by", sa.Text),
        sa.Column("changed_at_ms", sa.BigInteger),
        sa.Column("reopened_at_ms", sa.BigInteger),
        schema=SCHEMA,
    )
    op.execute(_EXISTING_GROUPS)


def _operations() -> None:
    op.create_table(
        "dead_letter_operation",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("action", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("selection", JSONB, nullable=False),
        sa.Column("options", JSONB, nullable=False),
        sa.Column("counted", sa.Integer, nullable=False),
        sa.Column("through_id", sa.BigInteger, nullable=False),
        sa.Column("position", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("done", sa.Integer, nullable=False, server_default="0"),
        sa.Column("skipped", sa.Integer, nullable=False, server_default="0"),
        sa.Column("failed", sa.Integer, nullable=False, server_default="0"),
        sa.Column("problem", sa.Text, nullable=False, server_default=""),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("created_by", sa.Text, nullable=False),
        sa.Column("created_at_ms", sa.BigInteger, nullable=False),
        sa.Column("start_at_ms", sa.BigInteger, nullable=False),
        sa.Column("next_batch_at_ms", sa.BigInteger, nullable=False),
        sa.Column("started_at_ms", sa.BigInteger),
        sa.Column("advanced_at_ms", sa.BigInteger),
        sa.Column("finished_at_ms", sa.BigInteger),
        sa.Column("changed_by", sa.Text),
        sa.Column("changed_at_ms", sa.BigInteger),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_dead_letter_operation_due",
        "dead_letter_operation",
        ["next_batch_at_ms"],
        schema=SCHEMA,
        postgresql_where=sa.text("status IN ('waiting', 'running')"),
    )


def _versions() -> None:
    op.create_table(
        "dead_letter_version",
        sa.Column(
            "letter_id",
            sa.BigInteger,
            sa.ForeignKey(f"{SCHEMA}.dead_letter.id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("version", sa.Integer, primary_key=True),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("key_id", sa.Text),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        schema=SCHEMA,
    )


def _in_flight() -> None:
    op.create_table(
        "dead_letter_in_flight",
        sa.Column("task_id", sa.Text, primary_key=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("letter_id", sa.BigInteger),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("task_name", sa.Text, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("worker", sa.Text),
        sa.Column("boot", sa.Uuid),
        sa.Column("returns", sa.Boolean, nullable=False),
        sa.Column("requeues", sa.Integer, nullable=False, server_default="0"),
        sa.Column("envelope", sa.LargeBinary, nullable=False),
        sa.Column("key_id", sa.Text),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("ix_dead_letter_in_flight_at", "dead_letter_in_flight", ["at_ms"], schema=SCHEMA)
    op.create_index("ix_dead_letter_in_flight_boot", "dead_letter_in_flight", ["boot"], schema=SCHEMA)
    op.create_index("ix_dead_letter_in_flight_letter", "dead_letter_in_flight", ["letter_id"], schema=SCHEMA)


def _workers() -> None:
    op.create_table(
        "dead_letter_worker",
        sa.Column("boot", sa.Uuid, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("pid", sa.Integer, nullable=False),
        sa.Column("started_at_ms", sa.BigInteger, nullable=False),
        sa.Column("beat_at_ms", sa.BigInteger, nullable=False),
        sa.Column("stopped_at_ms", sa.BigInteger),
        sa.Column("release", sa.Text, nullable=False),
        sa.Column("queues", ARRAY(sa.Text), nullable=False),
        sa.Column("tasks", ARRAY(sa.Text), nullable=False),
        sa.Column("settings", JSONB, nullable=False),
        schema=SCHEMA,
    )


def _fence() -> None:
    op.create_table(
        "dead_letter_fence",
        sa.Column("work", sa.Text, primary_key=True),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    op.create_index("ix_dead_letter_fence_at", "dead_letter_fence", ["at_ms"], schema=SCHEMA)
