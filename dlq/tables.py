"""The tables of dead letters. A letter is one failed task; attempts and history hang on it.

Times are int64 milliseconds since 1970. `body` is the message body as it lay in the broker.
`search_text` is what people search: free of secrets, which searching in `message` would let them guess.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

metadata = MetaData(schema="onward")

dead_letter = Table(
    "dead_letter",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("dedupe_key", Text, nullable=False, unique=True),
    Column("task_id", Text, nullable=False),
    Column("task_name", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("exception_type", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("search_text", Text, nullable=False),
    Column("traceback", Text, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("fingerprint_version", SmallInteger, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("occurrences", Integer, nullable=False),
    Column("generation", Integer, nullable=False),
    Column("worker", Text, nullable=False),
    Column("idempotent", Boolean),
    Column("headers", JSONB, nullable=False),
    Column("properties", JSONB, nullable=False),
    Column("content_type", Text, nullable=False),
    Column("content_encoding", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("session_id", Text),
    Column("client_id", Text),
    Column("correlation_id", Text),
    Column("root_id", Text),
    Column("parent_id", Text),
    Column("first_failed_at_ms", BigInteger, nullable=False),
    Column("last_failed_at_ms", BigInteger, nullable=False),
    Column("claim_id", Uuid),
    Column("claimed_by", Text),
    Column("claimed_at_ms", BigInteger),
    Column("published_at_ms", BigInteger),
    Column("retry_task_id", Text),
    Column("resolved_at_ms", BigInteger),
    Column("discarded_at_ms", BigInteger),
)

_NEWEST = (dead_letter.c.last_failed_at_ms.desc(), dead_letter.c.id.desc())
_WAITING = text("status IN ('dead', 'retrying', 'poisoned') AND session_id IS NOT NULL")
_UNPUBLISHED = text("status = 'retrying' AND published_at_ms IS NULL")

Index("ix_dead_letter_newest", *_NEWEST)
Index("ix_dead_letter_status", dead_letter.c.status, *_NEWEST)
Index("ix_dead_letter_task_name", dead_letter.c.task_name, *_NEWEST)
Index("ix_dead_letter_exception_type", dead_letter.c.exception_type, *_NEWEST)
Index("ix_dead_letter_fingerprint", dead_letter.c.fingerprint, *_NEWEST)
Index("ix_dead_letter_queue", dead_letter.c.queue, *_NEWEST)
Index("ix_dead_letter_session_id", dead_letter.c.session_id, *_NEWEST)
Index("ix_dead_letter_task_id", dead_letter.c.task_id)
Index("ix_dead_letter_retry_task_id", dead_letter.c.retry_task_id)
Index(
    "ix_dead_letter_waiting",
    dead_letter.c.session_id,
    dead_letter.c.last_failed_at_ms,
    postgresql_where=_WAITING,
)
Index("ix_dead_letter_unpublished", dead_letter.c.claimed_at_ms, postgresql_where=_UNPUBLISHED)

dead_letter_attempt = Table(
    "dead_letter_attempt",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("letter_id", ForeignKey(dead_letter.c.id, ondelete="CASCADE"), nullable=False),
    Column("capture_id", Uuid, nullable=False, unique=True),
    Column("generation", Integer, nullable=False),
    Column("task_id", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("exception_type", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("traceback", Text, nullable=False),
    Column("worker", Text, nullable=False),
    Column("occurred_at_ms", BigInteger, nullable=False),
    Index("ix_dead_letter_attempt_letter", "letter_id", "id"),
)

#: Append only: one row for each change of a letter's state.
dead_letter_history = Table(
    "dead_letter_history",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("letter_id", ForeignKey(dead_letter.c.id, ondelete="CASCADE"), nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("actor", Text, nullable=False),
    Column("from_status", Text),
    Column("to_status", Text, nullable=False),
    Column("detail", JSONB, nullable=False),
    Index("ix_dead_letter_history_letter", "letter_id", "id"),
)
