"""Every statement on the table of operations."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, RowMapping, func, insert, select, update

from dlq.operations.records import OperationStatus
from dlq.tables import dead_letter_operation
from dlq.times import to_ms

_c = dead_letter_operation.c

#: Operations that batches are run of.
_STARTED = (OperationStatus.WAITING, OperationStatus.RUNNING)


def add(connection: Connection, **columns: Any) -> RowMapping:
    statement = insert(dead_letter_operation).values(columns).returning(dead_letter_operation)
    return connection.execute(statement).mappings().one()


def find(connection: Connection, operation_id: int) -> RowMapping | None:
    statement = select(dead_letter_operation).where(_c.id == operation_id)
    return connection.execute(statement).mappings().one_or_none()


def page(connection: Connection, before_id: int | None, limit: int) -> Sequence[RowMapping]:
    """Newest first, those with a lower number than `before_id`."""
    statement = select(dead_letter_operation).order_by(_c.id.desc()).limit(limit)
    if before_id is not None:
        statement = statement.where(_c.id < before_id)
    return connection.execute(statement).mappings().all()


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
