"""Every statement that changes a letter, each one named function on the caller's connection.

A change of state is one UPDATE with the expected state in its WHERE, and a history row beside it. A function
that finds the letter in another state changes nothing and returns None.
"""

import hashlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    case,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert as upsert
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from dlq.categories import categorise
from dlq.envelope import Envelope
from dlq.errors import NotAllowedNow, StoreRefused, StoreUnavailable
from dlq.fingerprint import VERSION, fingerprint
from dlq.letters import ALLOWED, Failure, Kind, Status
from dlq.tables import dead_letter, dead_letter_attempt, dead_letter_history
from dlq.times import to_ms

#: Named in the history where a worker, not a person, changed a letter.
WORKER = "worker"

_c = dead_letter.c


@contextmanager
def transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction whose driver errors come out as StoreUnavailable, or StoreRefused for a bad value."""
    try:
        with engine.begin() as connection:
            yield connection
    except (DataError, IntegrityError) as error:
        raise StoreRefused(first_line(error)) from error
    except SQLAlchemyError as error:
        raise StoreUnavailable(first_line(error)) from error


def first_line(error: SQLAlchemyError) -> str:
    """What the driver said, without statement and parameters: those hold payloads."""
    said = str(getattr(error, "orig", None) or type(error).__name__).strip()
    return said.partition("\n")[0].rstrip(".")


def record_failure(
    connection: Connection, envelope: Envelope, failure: Failure, poison_attempts: int
) -> int | None:
    """Store one failed run and return its letter, or None when this very capture had been stored before.

    A run that retries a letter turns that letter back; any other run has a letter of its own, found again
    by task id and generation when the same run is reported twice.
    """
    stored = select(dead_letter_attempt.c.id).where(dead_letter_attempt.c.capture_id == failure.capture_id)
    if connection.execute(stored).first():
        return None
    letter_id = _failed_again(connection, envelope, failure, poison_attempts)
    if letter_id is None:
        letter_id = _new_or_seen_again(connection, envelope, failure)
    _add_attempt(connection, letter_id, envelope, failure)
    return letter_id


def settle_success(connection: Connection, envelope: Envelope, at: datetime) -> int | None:
    """Resolve the letter that this run retried, or that a redelivered run had left; its number, if any.

    A run that was written off and succeeded after redelivery resolves its letter too, unless that was sent
    again meanwhile.
    """
    settled = transition(
        connection,
        _retried_by(envelope) if envelope.letter_id else _left_by(envelope),
        (Status.RETRYING, Status.DEAD, Status.POISONED),
        Status.RESOLVED,
        at=at,
        actor=WORKER,
        detail={"task_id": envelope.task_id, "generation": envelope.generation},
        resolved_at_ms=to_ms(at),
    )
    return None if settled is None else int(settled["id"])


def claim(
    connection: Connection,
    letter_id: int,
    expected: tuple[Status, ...],
    *,
    claim_id: UUID,
    task_id: str,
    by: str,
    at: datetime,
    reason: str,
) -> RowMapping | None:
    """Take the letter for one retry under `task_id`: the row as it is now, None when it was not free."""
    return transition(
        connection,
        _c.id == letter_id,
        expected,
        Status.RETRYING,
        at=at,
        actor=by,
        detail={"task_id": task_id, "reason": reason},
        generation=_c.generation + 1,
        claim_id=claim_id,
        claimed_by=by,
        claimed_at_ms=to_ms(at),
        published_at_ms=None,
        retry_task_id=task_id,
    )


def mark_published(connection: Connection, claim_id: UUID, at: datetime) -> None:
    """Note that the claim's message is in the broker. Changes nothing when the retry has already ended."""
    connection.execute(
        update(dead_letter)
        .where(_c.claim_id == claim_id, _c.status == Status.RETRYING, _c.published_at_ms.is_(None))
        .values(published_at_ms=to_ms(at))
    )


def next_stale_claim(connection: Connection, claimed_before: datetime) -> RowMapping | None:
    """Lock and return the oldest claim that was never marked published, skipping those of other reapers."""
    statement = (
        select(dead_letter)
        .where(
            _c.status == Status.RETRYING,
            _c.published_at_ms.is_(None),
            _c.claimed_at_ms < to_ms(claimed_before),
        )
        .order_by(_c.claimed_at_ms)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return connection.execute(statement).mappings().one_or_none()


def discard(
    connection: Connection, letter_id: int, *, by: str, at: datetime, reason: str
) -> RowMapping | None:
    return transition(
        connection,
        _c.id == letter_id,
        (Status.DEAD, Status.POISONED),
        Status.DISCARDED,
        at=at,
        actor=by,
        detail={"reason": reason},
        discarded_at_ms=to_ms(at),
    )


def restore(
    connection: Connection, letter_id: int, *, by: str, at: datetime, reason: str, poison_attempts: int
) -> RowMapping | None:
    """Bring a discarded letter back; one that had failed too often comes back poisoned."""
    poisoned = or_(_c.attempts >= poison_attempts, _c.kind == Kind.POISON)
    return transition(
        connection,
        _c.id == letter_id,
        (Status.DISCARDED,),
        case((poisoned, literal(Status.POISONED.value)), else_=literal(Status.DEAD.value)),
        at=at,
        actor=by,
        detail={"reason": reason},
        discarded_at_ms=None,
    )


def transition(
    connection: Connection,
    which: ColumnElement[bool],
    expected: tuple[Status, ...],
    target: Status | ColumnElement[str],
    *,
    at: datetime,
    actor: str,
    detail: Mapping[str, Any],
    **changes: Any,
) -> RowMapping | None:
    """Compare and set: move the letter to `target` if it is in one of `expected`, and write its history.

    Returns the letter as it is now, with `from_status` beside it; None when no letter was in that state.
    A move that `letters.ALLOWED` does not know raises NotAllowedNow, and the caller's transaction is void.
    """
    before = select(_c.id, _c.status).where(which, _c.status.in_(expected)).with_for_update().cte("before")
    moved = (
        connection.execute(
            update(dead_letter)
            .where(_c.id == before.c.id)
            .values(status=target, **changes)
            .returning(dead_letter, before.c.status.label("from_status"))
        )
        .mappings()
        .one_or_none()
    )
    if moved is not None:
        if moved["status"] not in ALLOWED[Status(moved["from_status"])]:
            raise NotAllowedNow(moved["id"], moved["from_status"], moved["status"])
        write_history(connection, moved["id"], moved["from_status"], moved["status"], at, actor, detail)
    return moved


def write_history(
    connection: Connection,
    letter_id: int,
    from_status: str | None,
    to_status: str,
    at: datetime,
    actor: str,
    detail: Mapping[str, Any],
) -> None:
    connection.execute(
        insert(dead_letter_history).values(
            letter_id=letter_id,
            at_ms=to_ms(at),
            actor=actor,
            from_status=from_status,
            to_status=to_status,
            detail=dict(detail),
        )
    )


def letter_row(connection: Connection, letter_id: int) -> RowMapping | None:
    """The whole letter, body included."""
    return connection.execute(select(dead_letter).where(_c.id == letter_id)).mappings().one_or_none()


def envelope_of(row: RowMapping) -> Envelope:
    """The stored message of a letter's row."""
    names = ("task_id", "task_name", "queue", "headers", "properties", "content_type", "content_encoding")
    owners = ("session_id", "client_id", "correlation_id")
    return Envelope(body=bytes(row["body"]), **{name: row[name] for name in names + owners})


def _retried_by(envelope: Envelope) -> ColumnElement[bool]:
    # The task id guards against headers that a task copied to the tasks it starts.
    return (
        (_c.id == envelope.letter_id)
        & (_c.generation == envelope.generation)
        & (_c.retry_task_id == envelope.task_id)
    )


def _left_by(envelope: Envelope) -> ColumnElement[bool]:
    return (_c.dedupe_key == envelope.dedupe_key) & (_c.generation == envelope.generation)


def _failed_again(
    connection: Connection, envelope: Envelope, failure: Failure, poison_attempts: int
) -> int | None:
    """The letter that this run retried, turned back; None when it retried none, or one purged since."""
    if envelope.letter_id is None:
        return None
    poisoned = literal(failure.kind == Kind.POISON) | (_c.attempts + 1 >= poison_attempts)
    turned = transition(
        connection,
        _retried_by(envelope),
        (Status.RETRYING,),
        case((poisoned, literal(Status.POISONED.value)), else_=literal(Status.DEAD.value)),
        at=failure.occurred_at,
        actor=WORKER,
        detail={"task_id": envelope.task_id, "kind": failure.kind, "exception_type": failure.exception_type},
        attempts=_c.attempts + 1,
        claim_id=None,
        **_failure_columns(envelope, failure),
    )
    if turned is not None:
        return int(turned["id"])
    return connection.execute(
        update(dead_letter)
        .where(_c.id == envelope.letter_id, _c.generation >= envelope.generation)
        .where(or_(_c.retry_task_id == envelope.task_id, _c.generation > envelope.generation))
        .values(occurrences=_c.occurrences + 1)
        .returning(_c.id)
    ).scalar_one_or_none()


def _new_or_seen_again(connection: Connection, envelope: Envelope, failure: Failure) -> int:
    seen = _insert_or_count(connection, envelope, failure, envelope.dedupe_key)
    if seen is None:
        # Another message under the same task id: both payloads are kept.
        digest = hashlib.sha256(envelope.body).hexdigest()
        seen = _insert_or_count(connection, envelope, failure, f"{envelope.dedupe_key}:{digest}")
    if seen is None:
        raise StoreRefused("two bodies have the same SHA-256")
    if seen["occurrences"] == 1:
        detail = {"kind": failure.kind, "exception_type": failure.exception_type}
        write_history(connection, seen["id"], None, seen["status"], failure.occurred_at, WORKER, detail)
    elif not envelope.headers.get("redelivered"):
        _reopen(connection, seen["id"], envelope, failure)
    return int(seen["id"])


def _insert_or_count(
    connection: Connection, envelope: Envelope, failure: Failure, dedupe_key: str
) -> RowMapping | None:
    statement = upsert(dead_letter).values(
        dedupe_key=dedupe_key,
        status=Status.POISONED if failure.kind == Kind.POISON else Status.DEAD,
        attempts=1,
        occurrences=1,
        generation=envelope.generation,
        first_failed_at_ms=to_ms(failure.occurred_at),
        **_message_columns(envelope),
        **_failure_columns(envelope, failure),
    )
    counted = statement.on_conflict_do_update(
        index_elements=["dedupe_key"],
        set_={"occurrences": _c.occurrences + 1},
        where=_c.body == statement.excluded.body,
    )
    returned = counted.returning(_c.id, _c.occurrences, _c.status)
    return connection.execute(returned).mappings().one_or_none()


def _reopen(connection: Connection, letter_id: int, envelope: Envelope, failure: Failure) -> None:
    """A task that was published anew under the id of a settled letter and failed is dead again."""
    transition(
        connection,
        _c.id == letter_id,
        (Status.RESOLVED, Status.DISCARDED),
        Status.DEAD,
        at=failure.occurred_at,
        actor=WORKER,
        detail={"task_id": envelope.task_id, "kind": failure.kind, "reason": "failed anew"},
        attempts=_c.attempts + 1,
        resolved_at_ms=None,
        discarded_at_ms=None,
        **_failure_columns(envelope, failure),
    )


def _add_attempt(connection: Connection, letter_id: int, envelope: Envelope, failure: Failure) -> None:
    connection.execute(
        insert(dead_letter_attempt).values(
            letter_id=letter_id,
            capture_id=failure.capture_id,
            generation=envelope.generation,
            task_id=envelope.task_id,
            kind=failure.kind,
            exception_type=failure.exception_type,
            message=failure.message,
            traceback=failure.traceback,
            worker=failure.worker,
            occurred_at_ms=to_ms(failure.occurred_at),
        )
    )


def _message_columns(envelope: Envelope) -> dict[str, Any]:
    return {
        "task_id": envelope.task_id,
        "task_name": envelope.task_name,
        "queue": envelope.queue,
        "headers": dict(envelope.headers),
        "properties": dict(envelope.properties),
        "content_type": envelope.content_type,
        "content_encoding": envelope.content_encoding,
        "body": envelope.body,
        "session_id": envelope.session_id,
        "client_id": envelope.client_id,
        "correlation_id": envelope.correlation_id,
        "root_id": envelope.headers.get("root_id"),
        "parent_id": envelope.headers.get("parent_id"),
    }


def _failure_columns(envelope: Envelope, failure: Failure) -> dict[str, Any]:
    return {
        "kind": failure.kind,
        "category": categorise(failure.kind, failure.exception_type),
        "exception_type": failure.exception_type,
        "message": failure.message,
        "traceback": failure.traceback,
        "fingerprint": fingerprint(
            failure.exception_type, failure.message, failure.traceback, envelope.task_name
        ),
        "fingerprint_version": VERSION,
        "worker": failure.worker,
        "idempotent": failure.idempotent,
        "last_failed_at_ms": to_ms(failure.occurred_at),
    }
