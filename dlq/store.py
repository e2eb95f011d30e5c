"""The door to the stored letters: transactions, messages as rows and back, and the moves from state to state.

A change of state is one UPDATE with the expected state in its WHERE, and a history row beside it. A function
that finds the letter in another state changes nothing and returns None.
"""

import json
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from psycopg.errors import InvalidSchemaName, UndefinedColumn, UndefinedTable
from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from dlq.envelope import REPEATS_ARGUMENTS, Envelope
from dlq.errors import NotAllowedNow, StoreRefused, StoreUnavailable
from dlq.letters import ALLOWED, Status
from dlq.sealing import Sealer
from dlq.tables import dead_letter, dead_letter_history
from dlq.times import to_ms

_NOT_MIGRATED = (UndefinedTable, UndefinedColumn, InvalidSchemaName)

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


@contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """A connection for one statement, without a transaction around it: one round trip and not three."""
    try:
        with engine.connect() as connection:
            yield connection.execution_options(isolation_level="AUTOCOMMIT")
    except SQLAlchemyError as error:
        raise StoreUnavailable(first_line(error)) from error


def first_line(error: SQLAlchemyError) -> str:
    """What the driver said, without statement and parameters: those hold payloads."""
    orig = getattr(error, "orig", None)
    said = str(orig or type(error).__name__).strip().partition("\n")[0].rstrip(".")
    if isinstance(orig, _NOT_MIGRATED):
        said += " (let Onward make or update its tables there: python -m infra migrate)"
    return said


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
    connection: Connection, letter_id: int, *, by: str, at: datetime, reason: str
) -> RowMapping | None:
    """Bring a discarded letter back as what it was, so a poisoned one stays poisoned."""
    return transition(
        connection,
        _c.id == letter_id,
        (Status.DISCARDED,),
        state_before(Status.DISCARDED),
        at=at,
        actor=by,
        detail={"reason": reason},
        discarded_at_ms=None,
    )


def state_before(status: Status) -> ColumnElement[str]:
    """Of the letter that an UPDATE changes: what it was before it last became `status`."""
    history = dead_letter_history.c
    latest = (
        select(history.from_status)
        .where(history.letter_id == _c.id, history.to_status == status)
        .order_by(history.id.desc())
        .limit(1)
        .scalar_subquery()
    )
    return func.coalesce(latest, Status.DEAD.value)


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


def letter_row(connection: Connection, letter_id: int, clients: Collection[str] | None) -> RowMapping | None:
    """The whole letter, body included; None too when `clients` are named and it is of none of them."""
    statement = select(dead_letter).where(_c.id == letter_id)
    if clients is not None:
        statement = statement.where(_c.client_id.in_(clients))
    return connection.execute(statement).mappings().one_or_none()


def sealed_columns(envelope: Envelope, sealer: Sealer) -> dict[str, Any]:
    """Body and headers of a letter's row, the inverse of `envelope_of`."""
    body, headers = sealer.seal(envelope.body), dict(envelope.headers)
    repeated = {name: headers.pop(name) for name in REPEATS_ARGUMENTS if body.key_id and name in headers}
    return {
        "body": body.content,
        "key_id": body.key_id,
        "headers": headers,
        "sealed_headers": sealer.seal(json.dumps(repeated).encode()).content if repeated else None,
    }


def envelope_of(row: RowMapping, sealer: Sealer) -> Envelope:
    """The stored message of a letter's row as it came. Raises CannotOpen."""
    names = ("task_id", "task_name", "queue", "properties", "content_type", "content_encoding")
    owners = ("session_id", "client_id", "correlation_id")
    headers = dict(row["headers"])
    if row["sealed_headers"] is not None:
        headers |= json.loads(sealer.opened(row["sealed_headers"], row["key_id"]))
    return Envelope(
        headers=headers,
        body=sealer.opened(row["body"], row["key_id"]),
        **{name: row[name] for name in names + owners},
    )
