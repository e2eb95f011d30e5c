"""Invents dead letters in a PostgreSQL of the benchmark's own, straight into the tables of `dlq`.

500 causes with a long tail, in 40 tasks, over 90 days: 60 % resolved, 30 % discarded, 10 % open, of which
half failed lately. Two million sessions. Words are what `dlq.words` makes of such a failure. Tables are
unlogged and indexes are built after loading: reading them is what is measured. Attempts are left out.
"""

import json
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import Connection, Engine, text

from dlq import tally
from dlq.envelope import Envelope
from dlq.groups.fingerprint import VERSION, fingerprint
from dlq.letters import Failure, Kind
from dlq.strategies.categories import categorise
from dlq.tables import dead_letter, dead_letter_words
from dlq.times import to_ms
from dlq.words import words_of

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = 90
CAUSES = 500
TASKS = 40
QUEUES = 8
SESSIONS = 2_000_000
CLIENTS = 200
CHUNK = 100_000
_SEED = 7

#: A table may only be unlogged when those that point to it are.
_TABLES = (
    *("dead_letter_words", "dead_letter_attempt", "dead_letter_history", "dead_letter_version"),
    "dead_letter",
)
_SYLLABLES = (
    "ba",
    "cor",
    "di",
    "fen",
    "gra",
    "hol",
    "is",
    "ket",
    "lum",
    "mor",
    "nit",
    "op",
    "pra",
    "sul",
    "ter",
)
_EXCEPTIONS = (
    *("ValueError", "KeyError", "TypeError", "builtins.TimeoutError", "requests.exceptions.ConnectionError"),
    *("openai.RateLimitError", "sqlalchemy.exc.OperationalError", "billing.errors.PaymentDeclined"),
    *(
        "mail.errors.MailboxUnavailable",
        "celery.exceptions.SoftTimeLimitExceeded",
        "pydantic.ValidationError",
    ),
    *("WorkerLostError", "json.decoder.JSONDecodeError", "PermissionError", "reports.errors.TemplateMissing"),
)
_KINDS = {"WorkerLostError": Kind.WORKER_LOST, _EXCEPTIONS[9]: Kind.SOFT_TIMEOUT}


@dataclass(frozen=True, slots=True)
class Cause:
    """What the letters of one group share."""

    task_name: str
    queue: str
    exception_type: str
    message: str  #: without the number that each letter ends it with
    traceback: str
    kind: Kind

    @property
    def fingerprint(self) -> str:
        return fingerprint(self.exception_type, self.message, self.traceback, self.task_name)

    @property
    def category(self) -> str:
        return categorise(self.kind, self.exception_type)


def vocabulary() -> list[str]:
    dice = random.Random(_SEED)
    return sorted({"".join(dice.choices(_SYLLABLES, k=dice.choice((2, 3)))) for _ in range(3_000)})


def causes() -> list[Cause]:
    dice, words = random.Random(_SEED), vocabulary()
    return [_cause(number, dice, words) for number in range(CAUSES)]


def _cause(number: int, dice: random.Random, words: list[str]) -> Cause:
    task = number % TASKS
    exception = dice.choice(_EXCEPTIONS)
    frames = [
        f'  File "/app/{word}/{dice.choice(words)}.py", line {dice.randrange(900)}, in {dice.choice(words)}\n'
        f"    {dice.choice(words)}({dice.choice(words)})"
        for word in dice.choices(words, k=6)
    ]
    message = " ".join(dice.choices(words, k=7))
    return Cause(
        task_name=f"{words[task * 7]}.tasks.{words[task * 11 + 1]}_{words[task * 13 + 2]}",
        queue=f"queue-{task % QUEUES}",
        exception_type=exception,
        message=message,
        traceback="\n".join(["Traceback (most recent call last):", *frames, f"{exception}: {message}"]),
        kind=_KINDS.get(exception, Kind.EXCEPTION),
    )


def load(engine: Engine, letters: int, body_bytes: int) -> None:
    """Replace what the tables hold. The progress is printed."""
    with engine.begin() as connection:
        for table in _TABLES:
            connection.execute(text(f"ALTER TABLE onward.{table} SET UNLOGGED"))
        connection.execute(text("TRUNCATE onward.dead_letter, onward.dead_letter_group CASCADE"))
    with _without_indexes(engine):
        for first in range(0, letters, CHUNK):
            with engine.begin() as connection:
                connection.execute(text("SET LOCAL session_replication_role = replica"))
                _begin_chunk(connection, first, body_bytes)
                bounds = {"first": first, "last": min(first + CHUNK, letters) - 1, "letters": letters}
                connection.execute(_LETTERS, bounds | _SPAN)
                connection.execute(_WORDS, bounds)
            print(f"\r{min(first + CHUNK, letters):,} letters", end="", flush=True)
    _count(engine)


def _begin_chunk(connection: Connection, first: int, body_bytes: int) -> None:
    connection.execute(text("SELECT setseed(:seed)"), {"seed": first / 1e9})
    connection.execute(text(_CAUSE_TABLE))
    connection.execute(_CAUSE_ROW, [_row(number, cause, body_bytes) for number, cause in enumerate(causes())])


def _row(number: int, cause: Cause, body_bytes: int) -> dict[str, object]:
    padding = (cause.message + " ") * (body_bytes // len(cause.message) + 1)
    envelope = Envelope(
        task_id="",
        task_name=cause.task_name,
        queue=cause.queue,
        headers={},
        properties={},
        content_type="application/json",
        content_encoding="utf-8",
        body=json.dumps([[], {"session_id": "", "order": 0, "note": padding}, {}]).encode(),
    )
    failure = Failure(
        UUID(int=0), cause.kind, cause.exception_type, cause.message, cause.traceback, NOW, "worker"
    )
    return {
        "number": number,
        "task_name": cause.task_name,
        "queue": cause.queue,
        "exception_type": cause.exception_type,
        "message": cause.message,
        "kind": cause.kind,
        "category": cause.category,
        "fingerprint": cause.fingerprint,
        "padding": padding[: max(0, body_bytes - 110)],
        "words": words_of(envelope, failure, (cause.category, cause.fingerprint)),
    }


def _count(engine: Engine) -> None:
    with engine.begin() as connection:
        connection.execute(_TALLY, {"kept_ms": _KEPT_MS})
        connection.execute(_GROUPS)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))


@contextmanager
def _without_indexes(engine: Engine) -> Iterator[None]:
    indexes = [index for table in (dead_letter, dead_letter_words) for index in table.indexes]
    with engine.begin() as connection:
        for index in indexes:
            index.drop(connection, checkfirst=True)
        connection.execute(text(f"ALTER TABLE onward.dead_letter DROP CONSTRAINT IF EXISTS {_UNIQUE}"))
    yield
    with engine.begin() as connection:
        connection.execute(text("SET LOCAL maintenance_work_mem = '2GB'"))
        connection.execute(
            text(f"ALTER TABLE onward.dead_letter ADD CONSTRAINT {_UNIQUE} UNIQUE (dedupe_key)")
        )
        for index in indexes:
            print(f"\rindex {index.name:45}", end="", flush=True)
            index.create(connection)
    print()


_UNIQUE = "dead_letter_dedupe_key_key"
_SPAN = {"start_ms": to_ms(NOW - timedelta(days=DAYS)), "span_ms": DAYS * 86_400_000}

_CAUSE_TABLE = """
    CREATE TEMPORARY TABLE cause (
        number int PRIMARY KEY, task_name text, queue text, exception_type text, message text, kind text,
        category text, fingerprint text, padding text, words text[]
    ) ON COMMIT DROP
"""
_CAUSE_ROW = text("""
    INSERT INTO cause VALUES (:number, :task_name, :queue, :exception_type, :message, :kind, :category,
                              :fingerprint, :padding, :words)
""")

_LETTERS = text(f"""
    INSERT INTO onward.dead_letter (
        id, dedupe_key, task_id, task_name, queue, kind, status, category, exception_type, message,
        fingerprint, fingerprint_version, attempts, occurrences, generation, worker, idempotent, headers,
        properties, content_type, content_encoding, body, session_id, client_id, correlation_id, root_id,
        first_failed_at_ms, last_failed_at_ms, retry_task_id, resolved_at_ms, discarded_at_ms
    ) OVERRIDING SYSTEM VALUE
    SELECT n + 1, task || chr(58) || '0', task, task_name, queue, kind, status, category, exception_type,
           message || ' ' || n, fingerprint, {VERSION}, 1, 1, 0, 'celery@worker-' || n % 12, true,
           jsonb_build_object('id', task, 'task', task_name, 'lang', 'py', 'retries', 3, 'root_id', task),
           jsonb_build_object('priority', 0, 'delivery_mode', 2), 'application/json', 'utf-8',
           convert_to(json_build_array('[]'::json, json_build_object(
               'session_id', session, 'order', n, 'note', padding), '{{}}'::json)::text, 'UTF8'),
           session, 'client-' || s % {CLIENTS}, md5('c' || n)::uuid::text, task,
           failed_ms, failed_ms, CASE WHEN status = 'resolved' THEN md5('r' || n)::uuid::text END,
           CASE WHEN status = 'resolved' THEN failed_ms + 60000 END,
           CASE WHEN status = 'discarded' THEN failed_ms + 60000 END
    FROM (
        SELECT n, s, 's-' || s AS session, md5('t' || n)::uuid::text AS task, {CAUSES} * power(c, 3) AS cause,
               :start_ms + (:span_ms * (n + 0.5) / :letters)::bigint AS failed_ms,
               CASE WHEN r < CASE WHEN n > 0.9 * :letters THEN 0.5 ELSE 0.0556 END
                    THEN CASE WHEN r < 0.001 THEN 'retrying' WHEN r < 0.003 THEN 'poisoned' ELSE 'dead' END
                    WHEN r < 0.7 THEN 'discarded' ELSE 'resolved' END AS status
        FROM (
            SELECT n, random() AS r, random() AS c, (random() * {SESSIONS})::int AS s
            FROM generate_series(cast(:first AS bigint), :last) AS n
        ) AS drawn
    ) AS letter
    JOIN cause ON cause.number = least(floor(letter.cause)::int, {CAUSES} - 1)
""")

_WORDS = text("""
    INSERT INTO onward.dead_letter_words (letter_id, failed_at_ms, words)
    SELECT id, last_failed_at_ms, array_to_tsvector(
        words || ARRAY[letter.task_id, session_id, client_id, correlation_id, (id - 1)::text])
    FROM onward.dead_letter AS letter JOIN cause USING (fingerprint)
    WHERE id BETWEEN :first + 1 AND :last + 1
""")

#: Sums as `tally.fold` leaves them.
_TALLY = text("""
    INSERT INTO onward.dead_letter_tally
        (grain, bucket_ms, fingerprint, status, kind, category, task_name, exception_type, queue, letters)
    SELECT CASE WHEN first_failed_at_ms < :kept_ms THEN 'past' ELSE 'hour' END,
           CASE WHEN first_failed_at_ms < :kept_ms THEN 0 ELSE first_failed_at_ms / 3600000 * 3600000 END,
           fingerprint, status, kind, category, task_name, exception_type, queue, count(*)
    FROM onward.dead_letter
    GROUP BY 1, 2, 3, 4, 5, 6, 7, 8, 9
""")
_KEPT_MS = to_ms(NOW) - (tally.HOURS_KEPT - 1) * tally.HOUR_MS

_GROUPS = text(f"""
    INSERT INTO onward.dead_letter_group
        (fingerprint, fingerprint_version, exception_type, message, place, task_name, category, first_seen_ms)
    SELECT fingerprint, {VERSION}, min(exception_type), min(message), '', min(task_name), min(category),
           min(first_failed_at_ms)
    FROM onward.dead_letter
    GROUP BY fingerprint
""")
