"""How runs of a task become letters and settle them: what `capture` writes, on the caller's connection."""

import hashlib
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, case, insert, literal, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from dlq.envelope import Envelope
from dlq.errors import StoreRefused
from dlq.groups.fingerprint import VERSION, fingerprint
from dlq.letters import Failure, Kind, Status
from dlq.redaction import Redactor
from dlq.store import transition, write_history
from dlq.strategies.categories import categorise
from dlq.tables import dead_letter, dead_letter_attempt
from dlq.times import to_ms

#: Named in the history where a worker, not a person, changed a letter.
WORKER = "worker"

# E-mail too: whether it is shown is decided later than this text is written.
_UNSEARCHABLE = Redactor(email=True)

_c = dead_letter.c


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
        "search_text": _search_text(envelope, failure),
        "traceback": failure.traceback,
        "fingerprint": fingerprint(
            failure.exception_type, failure.message, failure.traceback, envelope.task_name
        ),
        "fingerprint_version": VERSION,
        "worker": failure.worker,
        "idempotent": failure.idempotent,
        "last_failed_at_ms": to_ms(failure.occurred_at),
    }


def _search_text(envelope: Envelope, failure: Failure) -> str:
    words = (_UNSEARCHABLE.text(failure.message), failure.exception_type, envelope.task_name)
    return "\n".join(words)
