"""Every statement on the table of operations."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, cast, func, insert, select, update
from sqlalchemy.dialects.postgresql import JSONB, JSONPATH

from dlq.operations.records import OperationStatus
from dlq.tables import dead_letter_operation
from dlq.times import to_ms

_c = dead_letter_operation.c

#: Whose operations are looked for; None: everybody's.
Clients = Collection[str] | None
#: The clients that a selection names, each a pair in it.
_CLIENTS = 'strict $.narrowed[*] ? (@[0] == "clients")[1]'
#: Operations that batches are run of.
_STARTED = (OperationStatus.WAITING, OperationStatus.RUNNING)


def add(connection: Connection, **columns: Any) -> RowMapping:
    statement = insert(dead_letter_operation).values(columns).returning(dead_letter_operation)
    return connection.execute(statement).mappings().one()


def find(connection: Connection, clients: Clients, operation_id: int) -> RowMapping | None:
    statement = select(dead_letter_operation).where(_c.id == operation_id, *_restricted_to(clients))
    return connection.execute(statement).mappings().one_or_none()


def page(connection: Connection, clients: Clients, before_id: int | None, limit: int) -> Sequence[RowMapping]:
    """Newest first, those with a lower number than `before_id`."""
    theirs = select(dead_letter_operation).where(*_restricted_to(clients))
    statement = theirs.order_by(_c.id.desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(_c.id < before_id)
    return connection.execute(statement).mappings().all()


def _restricted_to(clients: Clients) -> list[ColumnElement[bool]]:
    """Operations on letters of these clients alone, as their own selection says; None: all operations."""
    if clients is None:
        return []
    named = func.jsonb_path_query_array(_c.selection, cast(_CLIENTS, JSONPATH), type_=JSONB)
    return [func.jsonb_array_length(named) > 0, named.contained_by(cast(sorted(clients), JSONB))]


def change_status(
    connection: Connection,
    operation_id: int,
    expected: Collection[OperationStatus],
    target: OperationStatus | ColumnElement[str],
    **columns: Any,
) -> RowMapping | None:
    """Compare and set: the operation as it is now; None when it was in another state."""
    statement = (
        update(dead_letter_operation)
        .where(_c.id == operation_id, _c.status.in_(expected))
        .values(status=target, **columns)
        .returning(dead_letter_operation)
    )
    return connection.execute(statement).mappings().one_or_none()


def lock_due(connection: Connection, now: datetime) -> RowMapping | None:
    """The operation whose next batch is due longest, locked; those of other runners are passed over."""
    statement = (
        select(dead_letter_operation)
        .where(_c.status.in_(_STARTED), _c.next_batch_at_ms <= to_ms(now))
        .order_by(_c.next_batch_at_ms)
        .limit(1)
        .with_for_update(skip_locked=True)
    )
    return connection.execute(statement).mappings().one_or_none()


def next_due_ms(connection: Connection) -> int | None:
    """When the next batch of any operation is due; None when no operation has one."""
    return connection.execute(select(func.min(_c.next_batch_at_ms)).where(_c.status.in_(_STARTED))).scalar()


def change(connection: Connection, operation_id: int, **columns: Any) -> None:
    connection.execute(update(dead_letter_operation).where(_c.id == operation_id).values(columns))


def count_failed(connection: Connection, operation_id: int, letters: int, problem: str) -> None:
    """Letters that were counted as done turned out to be unpublishable."""
    change(connection, operation_id, done=_c.done - letters, failed=_c.failed + letters, problem=problem)
