"""Small worlds: envelopes, failures, people and clocks with defaults."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import Connection, Engine, insert, text

from dlq import recording, store
from dlq.envelope import GENERATION_HEADER, LETTER_HEADER, Envelope
from dlq.letters import Failure, Kind
from dlq.sealing import Sealer
from dlq.tables import dead_letter_worker
from dlq.times import to_ms

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
POISON_ATTEMPTS = 3
#: Nothing is sealed, as without DLQ_ENCRYPTION_KEY.
UNSEALED = Sealer()


def noon() -> datetime:
    return NOON


class Refused(Exception):
    """A permission that the person lacks."""


@dataclass(frozen=True)
class Operator:
    login: str = "olga"
    lacks: frozenset[str] = frozenset()
    clients: frozenset[str] | None = None

    def require(self, permission: str) -> None:
        if permission in self.lacks:
            raise Refused(permission)


@dataclass
class RecordedAudit:
    """Notes what it was told; `breaks` makes it fail as a database would."""

    entries: list[Mapping[str, Any]] = field(default_factory=list)
    breaks: bool = False

    def __call__(self, connection: Connection, **entry: Any) -> None:
        if self.breaks:
            raise RuntimeError("no audit today")
        assert connection.in_transaction()
        self.entries.append(entry)


def body_of(*args: Any, options: Mapping[str, Any] | None = None, **kwargs: Any) -> bytes:
    return json.dumps([args, kwargs, dict(options or {})]).encode()


def envelope(
    task_id: str = "t1",
    *,
    task_name: str = "shop.pay",
    queue: str = "celery",
    body: bytes | None = None,
    headers: Mapping[str, Any] | None = None,
    **changed: Any,
) -> Envelope:
    named = {"id": task_id, "task": task_name, "retries": 0} if task_id else {}
    return Envelope(
        **{
            "task_id": task_id,
            "task_name": task_name,
            "queue": queue,
            "headers": named | dict(headers or {}),
            "properties": {"priority": 0},
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "body": body_of(1) if body is None else body,
            **changed,
        }
    )


def retried(first: Envelope, letter_id: int, task_id: str, generation: int = 1) -> Envelope:
    """The message that a retry of `first` sends."""
    headers = dict(first.headers) | {"id": task_id, LETTER_HEADER: letter_id, GENERATION_HEADER: generation}
    return envelope(task_id, task_name=first.task_name, body=first.body, headers=headers)


def message_of(stored: Envelope) -> SimpleNamespace:
    """The broker message that `stored` was made of."""
    return SimpleNamespace(
        body=stored.body,
        headers=dict(stored.headers),
        properties=dict(stored.properties),
        delivery_info={"exchange": "", "routing_key": stored.queue},
        content_type=stored.content_type,
        content_encoding=stored.content_encoding,
        errors=[],
    )


def message(task_id: str = "t1", **changed: Any) -> SimpleNamespace:
    return message_of(envelope(task_id, **changed))


def failure(
    kind: Kind = Kind.EXCEPTION,
    *,
    exception_type: str = "ValueError",
    message: str = "no such plan",
    after_seconds: float = 0,
    capture_id: UUID | None = None,
    idempotent: bool | None = None,
) -> Failure:
    return Failure(
        capture_id=capture_id or uuid4(),
        kind=kind,
        exception_type=exception_type,
        message=message,
        traceback=f'Traceback\n  File "/app/shop.py", line 3, in pay\n{exception_type}: {message}',
        occurred_at=NOON + timedelta(seconds=after_seconds),
        worker="w1",
        idempotent=idempotent,
    )


def fail(engine: Engine, message: Envelope, how: Failure | None = None, sealer: Sealer = UNSEALED) -> int:
    """Record a failed run and return its letter."""
    with store.transaction(engine) as connection:
        letter_id = recording.record_failure(
            connection, message, how or failure(), POISON_ATTEMPTS, sealer=sealer
        )
    assert letter_id is not None
    return letter_id


def succeed(engine: Engine, message: Envelope) -> int | None:
    with store.transaction(engine) as connection:
        return recording.settle_success(connection, message, NOON)


def report(
    engine: Engine, queues: tuple[str, ...] = ("celery",), tasks: tuple[str, ...] = ("shop.pay",)
) -> None:
    """A worker says at noon what it listens to and knows."""
    row = {"boot": uuid4(), "name": "w1", "pid": 7, "started_at_ms": to_ms(NOON), "beat_at_ms": to_ms(NOON)}
    row |= {"release": "", "queues": list(queues), "tasks": list(tasks), "settings": {}}
    with engine.begin() as connection:
        connection.execute(insert(dead_letter_worker).values(row))


def letter(engine: Engine, letter_id: int) -> Mapping[str, Any]:
    with store.transaction(engine) as connection:
        row = store.letter_row(connection, letter_id, None)
    assert row is not None
    return row


def history(engine: Engine, letter_id: int) -> list[tuple[str | None, str, str]]:
    """(from, to, actor) of each change, oldest first."""
    statement = text(
        "SELECT from_status, to_status, actor FROM onward.dead_letter_history"
        " WHERE letter_id = :letter_id ORDER BY id"
    )
    with engine.connect() as connection:
        return [tuple(row) for row in connection.execute(statement, {"letter_id": letter_id})]


def count(engine: Engine, table: str) -> int:
    with engine.connect() as connection:
        return int(connection.execute(text(f"SELECT count(*) FROM onward.{table}")).scalar_one())
