"""The tables of dead letters. A letter is one failed task; attempts and history hang on it.

Times are int64 milliseconds since 1970. `body` is the message body as it lay in the broker, sealed under the
key `key_id` unless that is null; `sealed_headers` then holds the headers that repeat the arguments.
`claimed_queue` and `claimed_version` are what the latest retry sends instead of the original queue and body.
What people search lies in `dead_letter_words`, apart, so that a change of state does not write it anew.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Computed,
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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, TSVECTOR

metadata = MetaData(schema="onward")

#: None when the message had none.
_PRIORITY = (
    "CASE WHEN properties ->> 'priority' ~ '^[0-9]{1,3}$' THEN (properties ->> 'priority')::smallint END"
)

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
    Column("claimed_queue", Text),
    Column("claimed_version", Integer),
    Column("operation_id", BigInteger),
    Column("resolved_at_ms", BigInteger),
    Column("discarded_at_ms", BigInteger),
    Column("key_id", Text),
    Column("sealed_headers", LargeBinary),
    Column("priority", SmallInteger, Computed(_PRIORITY, persisted=True)),
)

_NEWEST = (dead_letter.c.last_failed_at_ms.desc(), dead_letter.c.id.desc())
_OPEN = text("status IN ('dead', 'retrying', 'poisoned')")
_WAITING = text("status IN ('dead', 'retrying', 'poisoned') AND session_id IS NOT NULL")
_UNPUBLISHED = text("status = 'retrying' AND published_at_ms IS NULL")
#: What letters are counted by: an index that holds it spares the letters, which are ten times as wide.
_COUNTED = ["fingerprint", "kind", "category", "task_name", "exception_type", "queue"]

Index("ix_dead_letter_newest", *_NEWEST, postgresql_include=["status", *_COUNTED])
Index("ix_dead_letter_open", *_NEWEST, postgresql_where=_OPEN)
Index("ix_dead_letter_status", dead_letter.c.status, *_NEWEST)
Index("ix_dead_letter_task_name", dead_letter.c.task_name, *_NEWEST)
Index("ix_dead_letter_exception_type", dead_letter.c.exception_type, *_NEWEST)
Index("ix_dead_letter_fingerprint", dead_letter.c.fingerprint, *_NEWEST)
Index("ix_dead_letter_run", dead_letter.c.fingerprint, dead_letter.c.status, *_NEWEST)
Index("ix_dead_letter_queue", dead_letter.c.queue, *_NEWEST)
Index("ix_dead_letter_kind", dead_letter.c.kind, *_NEWEST)
Index("ix_dead_letter_category", dead_letter.c.category, *_NEWEST)
Index("ix_dead_letter_session_id", dead_letter.c.session_id, *_NEWEST)
Index(
    "ix_dead_letter_priority",
    dead_letter.c.priority,
    *_NEWEST,
    postgresql_where=text("priority IS NOT NULL"),
)
Index(
    "ix_dead_letter_client",
    dead_letter.c.client_id,
    dead_letter.c.status,
    *_NEWEST,
    postgresql_where=text("client_id IS NOT NULL"),
    postgresql_include=_COUNTED,
)
Index(
    "ix_dead_letter_operation_id",
    dead_letter.c.operation_id,
    dead_letter.c.status,
    *_NEWEST,
    postgresql_where=text("operation_id IS NOT NULL"),
)
Index("ix_dead_letter_task_id", dead_letter.c.task_id)
Index("ix_dead_letter_retry_task_id", dead_letter.c.retry_task_id)
Index(
    "ix_dead_letter_waiting",
    dead_letter.c.session_id,
    dead_letter.c.last_failed_at_ms,
    postgresql_where=_WAITING,
)
Index(
    "ix_dead_letter_blocked",
    dead_letter.c.fingerprint,
    dead_letter.c.session_id,
    postgresql_where=_WAITING,
)
#: For bulk operations, which go through the letters by number.
Index(
    "ix_dead_letter_failed",
    dead_letter.c.id,
    postgresql_where=text("status IN ('dead', 'poisoned')"),
)
Index("ix_dead_letter_unpublished", dead_letter.c.claimed_at_ms, postgresql_where=_UNPUBLISHED)
Index(
    "ix_dead_letter_resolved",
    dead_letter.c.resolved_at_ms,
    postgresql_where=text("status = 'resolved'"),
)
Index(
    "ix_dead_letter_discarded",
    dead_letter.c.discarded_at_ms,
    postgresql_where=text("status = 'discarded'"),
)

#: What people search: words without secrets, of the latest failure, which was at `failed_at_ms`.
dead_letter_words = Table(
    "dead_letter_words",
    metadata,
    Column("letter_id", ForeignKey(dead_letter.c.id, ondelete="CASCADE"), primary_key=True),
    Column("failed_at_ms", BigInteger, nullable=False),
    Column("words", TSVECTOR, nullable=False),
)
Index(
    "ix_dead_letter_words_newest",
    dead_letter_words.c.failed_at_ms.desc(),
    dead_letter_words.c.letter_id.desc(),
)
Index(
    "ix_dead_letter_words_words",
    dead_letter_words.c.words,
    postgresql_using="gin",
    # Every search reads the pending list: a short one.
    postgresql_with={"gin_pending_list_limit": "512"},
)

#: Letters by everything that filters and groups count: any number is a sum of `letters`. Triggers write a row
#: of grain "change" for each change of dead_letter; folding makes sums per hour of those, and later one sum
#: of all that is past. `bucket_ms` is the start of the hour of the first failure, 0 in the past.
dead_letter_tally = Table(
    "dead_letter_tally",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("grain", Text, nullable=False, server_default="change"),
    Column("bucket_ms", BigInteger, nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("task_name", Text, nullable=False),
    Column("exception_type", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("letters", Integer, nullable=False),
    Index("ix_dead_letter_tally_fingerprint", "fingerprint", "bucket_ms"),
    Index("ix_dead_letter_tally_grain", "grain", "bucket_ms"),
)

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
    Column("release", Text, nullable=False, server_default=""),
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

#: What failures of one fingerprint share, and what people decided about them.
dead_letter_group = Table(
    "dead_letter_group",
    metadata,
    Column("fingerprint", Text, primary_key=True),
    Column("fingerprint_version", SmallInteger, nullable=False),
    Column("exception_type", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("task_name", Text, nullable=False),
    Column("category", Text, nullable=False),
    Column("first_seen_ms", BigInteger, nullable=False),
    Column("state", Text, nullable=False, server_default="open"),
    Column("note", Text, nullable=False, server_default=""),
    Column("muted_until_ms", BigInteger),
    Column("fixed_in", Text, nullable=False, server_default=""),
    Column("failed_in", ARRAY(Text), nullable=False, server_default="{}"),
    Column("changed_by", Text),
    Column("changed_at_ms", BigInteger),
    Column("reopened_at_ms", BigInteger),
)

#: One change to many letters. `position` is the last letter looked at, `through_id` the last one that counts.
dead_letter_operation = Table(
    "dead_letter_operation",
    metadata,
    Column("id", BigInteger, Identity(always=True), primary_key=True),
    Column("action", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("selection", JSONB, nullable=False),
    Column("options", JSONB, nullable=False),
    Column("counted", Integer, nullable=False),
    Column("through_id", BigInteger, nullable=False),
    Column("position", BigInteger, nullable=False, server_default="0"),
    Column("done", Integer, nullable=False, server_default="0"),
    Column("skipped", Integer, nullable=False, server_default="0"),
    Column("failed", Integer, nullable=False, server_default="0"),
    Column("problem", Text, nullable=False, server_default=""),
    Column("reason", Text, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("created_at_ms", BigInteger, nullable=False),
    Column("start_at_ms", BigInteger, nullable=False),
    Column("next_batch_at_ms", BigInteger, nullable=False),
    Column("started_at_ms", BigInteger),
    Column("advanced_at_ms", BigInteger),
    Column("finished_at_ms", BigInteger),
    Column("changed_by", Text),
    Column("changed_at_ms", BigInteger),
    Index(
        "ix_dead_letter_operation_due",
        "next_batch_at_ms",
        postgresql_where=text("status IN ('waiting', 'running')"),
    ),
)

#: Arguments that a person edited; version 0, the original, is the letter's own body.
dead_letter_version = Table(
    "dead_letter_version",
    metadata,
    Column("letter_id", ForeignKey(dead_letter.c.id, ondelete="CASCADE"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("body", LargeBinary, nullable=False),
    Column("key_id", Text),
    Column("actor", Text, nullable=False),
    Column("at_ms", BigInteger, nullable=False),
    Column("reason", Text, nullable=False),
)

#: Tasks that asked to be followed, from publishing or arrival to their end. `returns`: acknowledged late, so
#: the broker delivers it again by itself.
dead_letter_in_flight = Table(
    "dead_letter_in_flight",
    metadata,
    Column("task_id", Text, primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("letter_id", BigInteger),
    Column("state", Text, nullable=False),
    Column("task_name", Text, nullable=False),
    Column("queue", Text, nullable=False),
    Column("worker", Text),
    Column("boot", Uuid),
    Column("returns", Boolean, nullable=False),
    Column("requeues", Integer, nullable=False, server_default="0"),
    Column("envelope", LargeBinary, nullable=False),
    Column("key_id", Text),
    Column("at_ms", BigInteger, nullable=False),
    Index("ix_dead_letter_in_flight_at", "at_ms"),
    Index("ix_dead_letter_in_flight_boot", "boot"),
    Index("ix_dead_letter_in_flight_letter", "letter_id"),
)

#: One row for each start of a worker: what it listens to, what it knows, when it last said so.
dead_letter_worker = Table(
    "dead_letter_worker",
    metadata,
    Column("boot", Uuid, primary_key=True),
    Column("name", Text, nullable=False),
    Column("pid", Integer, nullable=False),
    Column("started_at_ms", BigInteger, nullable=False),
    Column("beat_at_ms", BigInteger, nullable=False),
    Column("stopped_at_ms", BigInteger),
    Column("release", Text, nullable=False),
    Column("queues", ARRAY(Text), nullable=False),
    Column("tasks", ARRAY(Text), nullable=False),
    Column("settings", JSONB, nullable=False),
)

#: Work that is committed, by the task id of its first run: written in the task's own transaction, so that a
#: second run finds it.
dead_letter_fence = Table(
    "dead_letter_fence",
    metadata,
    Column("work", Text, primary_key=True),
    Column("at_ms", BigInteger, nullable=False),
    Index("ix_dead_letter_fence_at", "at_ms"),
)
