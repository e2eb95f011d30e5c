"""Dead letters: the letter, its failed runs, and the history of its states."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SCHEMA = "onward"


def upgrade() -> None:
    _letters()
    _letter_indexes()
    _attempts()
    _history()


def _letters() -> None:
    op.create_table(
        "dead_letter",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        sa.Column("dedupe_key", sa.Text, nullable=False, unique=True),
        sa.Column("task_id", sa.Text, nullable=False),
        sa.Column("task_name", sa.Text, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("exception_type", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("search_text", sa.Text, nullable=False),
        sa.Column("traceback", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.Text, nullable=False),
        sa.Column("fingerprint_version", sa.SmallInteger, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("occurrences", sa.Integer, nullable=False),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("idempotent", sa.Boolean),
        sa.Column("headers", JSONB, nullable=False),
        sa.Column("properties", JSONB, nullable=False),
        sa.Column("content_type", sa.Text, nullable=False),
        sa.Column("content_encoding", sa.Text, nullable=False),
        sa.Column("body", sa.LargeBinary, nullable=False),
        sa.Column("session_id", sa.Text),
        sa.Column("client_id", sa.Text),
        sa.Column("correlation_id", sa.Text),
        sa.Column("root_id", sa.Text),
        sa.Column("parent_id", sa.Text),
        sa.Column("first_failed_at_ms", sa.BigInteger, nullable=False),
        sa.Column("last_failed_at_ms", sa.BigInteger, nullable=False),
        sa.Column("claim_id", sa.Uuid),
        sa.Column("claimed_by", sa.Text),
        sa.Column("claimed_at_ms", sa.BigInteger),
        sa.Column("published_at_ms", sa.BigInteger),
        sa.Column("retry_task_id", sa.Text),
        sa.Column("resolved_at_ms", sa.BigInteger),
        sa.Column("discarded_at_ms", sa.BigInteger),
        schema=SCHEMA,
    )


def _letter_indexes() -> None:
    newest = [sa.text("last_failed_at_ms DESC"), sa.text("id DESC")]
    op.create_index("ix_dead_letter_newest", "dead_letter", newest, schema=SCHEMA)
    for column in ("status", "task_name", "exception_type", "fingerprint", "queue", "session_id"):
        op.create_index(f"ix_dead_letter_{column}", "dead_letter", [column, *newest], schema=SCHEMA)
    for column in ("task_id", "retry_task_id"):
        op.create_index(f"ix_dead_letter_{column}", "dead_letter", [column], schema=SCHEMA)
    op.create_index(
        "ix_dead_letter_waiting",
        "dead_letter",
        ["session_id", "last_failed_at_ms"],
        schema=SCHEMA,
        postgresql_where=sa.text("status IN ('dead', 'retrying', 'poisoned') AND session_id IS NOT NULL"),
    )
    op.create_index(
        "ix_dead_letter_unpublished",
        "dead_letter",
        ["claimed_at_ms"],
        schema=SCHEMA,
        postgresql_where=sa.text("status = 'retrying' AND published_at_ms IS NULL"),
    )


def _attempts() -> None:
    op.create_table(
        "dead_letter_attempt",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        _letter_id(),
        sa.Column("capture_id", sa.Uuid, nullable=False, unique=True),
        sa.Column("generation", sa.Integer, nullable=False),
        sa.Column("task_id", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("exception_type", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("traceback", sa.Text, nullable=False),
        sa.Column("worker", sa.Text, nullable=False),
        sa.Column("occurred_at_ms", sa.BigInteger, nullable=False),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_dead_letter_attempt_letter", "dead_letter_attempt", ["letter_id", "id"], schema=SCHEMA
    )


def _history() -> None:
    op.create_table(
        "dead_letter_history",
        sa.Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        _letter_id(),
        sa.Column("at_ms", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("from_status", sa.Text),
        sa.Column("to_status", sa.Text, nullable=False),
        sa.Column("detail", JSONB, nullable=False),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_dead_letter_history_letter", "dead_letter_history", ["letter_id", "id"], schema=SCHEMA
    )


def _letter_id() -> sa.Column[int]:
    return sa.Column(
        "letter_id",
        sa.BigInteger,
        sa.ForeignKey(f"{SCHEMA}.dead_letter.id", ondelete="CASCADE"),
        nullable=False,
    )
