"""How runs of a task become letters and settle them: what `capture` writes, on the caller's connection."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    RowMapping,
    Text,
    case,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import insert as upsert

from dlq.envelope import Envelope
from dlq.errors import CannotOpen, StoreRefused
from dlq.groups.fingerprint import VERSION, Cause, cause_of
from dlq.groups.seen import note_seen
from dlq.letters import Failure, Kind, Status
from dlq.sealing import Sealer
from dlq.store import envelope_of, sealed_columns, transition, write_history
from dlq.strategies.categories import categorise
from dlq.tables import dead_letter, dead_letter_attempt, dead_letter_words
from dlq.times import to_ms
from dlq.words import words_of

#: Named in the history where a worker, not a person, changed a letter.
WORKER = "worker"

_c = dead_letter.c


def record_failure(
    connection: Connection, envelope: Envelope, failure: Failure, poison_attempts: int, *, sealer: Sealer
) -> int | None:
    """Store one failed run and return its letter, or None when this very capture had been stored before.

    A run that retries a letter turns that letter back; any other run has a letter of its own, found again
    by task id and generation when the same run is reported twice.
    """
    stored = select(dead_letter_attempt.c.id).where(dead_letter_attempt.c.capture_id == failure.capture_id)
    if connection.execute(stored).first():
        return None
    cause = cause_of(failure.exception_type, failure.message, failure.traceback, envelope.task_name)
    columns = _failure_columns(failure, cause)
    letter_id = _failed_again(connection, envelope, failure, columns, poison_attempts)
    if letter_id is None:
        letter_id = _new_or_seen_again(connection, envelope, failure, columns, sealer)
    _add_attempt(connection, letter_id, envelope, failure)
    _write_words(connection, letter_id, envelope, failure, columns, sealer)
    note_seen(connection, envelope.task_name, failure, cause, columns["category"])
    return letter_id


def has_failed_since(connection: Connection, envelope: Envelope, at_ms: int) -> bool:
    """Whether a letter of its own tells that this task failed then or later."""
    found = select(_c.id).where(_c.dedupe_key == envelope.dedupe_key, _c.last_failed_at_ms >= at_ms)
    return connection.execute(found).first() is not None


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
    connection: Connection,
    envelope: Envelope,
    failure: Failure,
    columns: Mapping[str, Any],
    poison_attempts: int,
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
        **columns,
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


def _new_or_seen_again(
    connection: Connection,
    envelope: Envelope,
    failure: Failure,
    columns: Mapping[str, Any],
    sealer: Sealer,
) -> int:
    dedupe_key = envelope.dedupe_key or f"raw:{sealer.digest(envelope.content)}"
    seen = _insert_or_count(connection, envelope, failure, columns, dedupe_key, sealer)
    if seen is None:
        # Another message under the same task id: both payloads are kept.
        other = f"{dedupe_key}:{sealer.digest(envelope.body)}"
        seen = _insert_or_count(connection, envelope, failure, columns, other, sealer)
    if seen is None:
        raise StoreRefused("two bodies have the same SHA-256")
    if seen["occurrences"] == 1:
        detail = {"kind": failure.kind, "exception_type": failure.exception_type}
        write_history(connection, seen["id"], None, seen["status"], failure.occurred_at, WORKER, detail)
    elif not envelope.headers.get("redelivered"):
        _reopen(connection, seen["id"], envelope, failure, columns)
    return int(seen["id"])


def _insert_or_count(
    connection: Connection,
    envelope: Envelope,
    failure: Failure,
    columns: Mapping[str, Any],
    dedupe_key: str,
    sealer: Sealer,
) -> RowMapping | None:
    """The letter of this key, new or counted once more; None when it holds another body."""
    statement = upsert(dead_letter).values(
        dedupe_key=dedupe_key,
        status=Status.POISONED if failure.kind == Kind.POISON else Status.DEAD,
        attempts=1,
        occurrences=1,
        generation=envelope.generation,
        first_failed_at_ms=to_ms(failure.occurred_at),
        **_message_columns(envelope, sealer),
        **columns,
    )
    answer = (_c.id, _c.occurrences, _c.status)
    inserted = statement.on_conflict_do_nothing(index_elements=["dedupe_key"]).returning(*answer)
    if row := connection.execute(inserted).mappings().one_or_none():
        return row
    seen = select(dead_letter).where(_c.dedupe_key == dedupe_key).with_for_update()
    row = connection.execute(seen).mappings().one_or_none()
    if row is None or not _holds(row, envelope.body, sealer):
        return None
    counted = update(dead_letter).where(_c.id == row["id"]).values(occurrences=_c.occurrences + 1)
    return connection.execute(counted.returning(*answer)).mappings().one()


def _holds(row: RowMapping, body: bytes, sealer: Sealer) -> bool:
    # Sealing the same body twice gives different bytes, so only opened ones compare.
    try:
        return envelope_of(row, sealer).body == body
    except CannotOpen:
        return False


def _reopen(
    connection: Connection,
    letter_id: int,
    envelope: Envelope,
    failure: Failure,
    columns: Mapping[str, Any],
) -> None:
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
        **columns,
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
            release=failure.release,
            occurred_at_ms=to_ms(failure.occurred_at),
        )
    )


def _write_words(
    connection: Connection,
    letter_id: int,
    envelope: Envelope,
    failure: Failure,
    columns: Mapping[str, Any],
    sealer: Sealer,
) -> None:
    """Make the letter searchable by this failure if that is the one it shows."""
    named = (columns["category"], columns["fingerprint"])
    words = words_of(envelope, failure, named, arguments=sealer.key_id is None)
    vector = func.array_to_tsvector(literal(words, ARRAY(Text)))
    shown = select(_c.id, _c.last_failed_at_ms, vector).where(
        _c.id == letter_id, _c.last_failed_at_ms == to_ms(failure.occurred_at)
    )
    statement = upsert(dead_letter_words).from_select(["letter_id", "failed_at_ms", "words"], shown)
    connection.execute(
        statement.on_conflict_do_update(
            index_elements=["letter_id"],
            set_={name: statement.excluded[name] for name in ("failed_at_ms", "words")},
        )
    )


def _message_columns(envelope: Envelope, sealer: Sealer) -> dict[str, Any]:
    return sealed_columns(envelope, sealer) | {
        "task_id": envelope.task_id,
        "task_name": envelope.task_name,
        "queue": envelope.queue,
        "properties": dict(envelope.properties),
        "content_type": envelope.content_type,
        "content_encoding": envelope.content_encoding,
        "session_id": envelope.session_id,
        "client_id": envelope.client_id,
        "correlation_id": envelope.correlation_id,
        "root_id": envelope.headers.get("root_id"),
        "parent_id": envelope.headers.get("parent_id"),
    }


def _failure_columns(failure: Failure, cause: Cause) -> dict[str, Any]:
    return {
        "kind": failure.kind,
        "category": categorise(failure.kind, failure.exception_type, failure.marks),
        "exception_type": failure.exception_type,
        "message": failure.message,
        "fingerprint": cause.fingerprint,
        "fingerprint_version": VERSION,
        "worker": failure.worker,
        "idempotent": failure.idempotent,
        "last_failed_at_ms": to_ms(failure.occurred_at),
    }
