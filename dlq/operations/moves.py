"""Changes a batch of letters in one statement: state guard, change, history, and what was changed.

Letters that somebody else holds at that moment are passed over; the runner comes back for them.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import (
    CTE,
    BigInteger,
    ColumnElement,
    Connection,
    RowMapping,
    Text,
    case,
    cast,
    func,
    insert,
    literal,
    select,
    update,
)

from dlq.letters import Status
from dlq.operations.eligible import expected_states, selected, untouched
from dlq.operations.records import Action, Operation
from dlq.store import state_before
from dlq.tables import dead_letter, dead_letter_history
from dlq.times import to_ms

_c = dead_letter.c


def move_batch(
    connection: Connection, operation: Operation, through_id: int, position: int, limit: int, at: datetime
) -> Sequence[RowMapping]:
    """Change up to `limit` letters after `position`, oldest first; the rows as they are now."""
    picked = (
        select(_c.id, _c.status)
        .where(_eligible(operation), untouched(operation.id, through_id, position))
        .order_by(_c.id)
        .limit(limit)
        .with_for_update(skip_locked=True)
        .cte("picked")
    )
    returned = dead_letter.c if operation.action is Action.RETRY else (_c.id, _c.status, _c.retry_task_id)
    moved = (
        update(dead_letter)
        .where(_c.id == picked.c.id)
        .values(operation_id=operation.id, **_CHANGES[operation.action](operation, at))
        .returning(*returned, picked.c.status.label("from_status"))
        .cte("moved")
    )
    statement = select(moved).add_cte(_noted(moved, operation, at)).order_by(moved.c.id)
    return connection.execute(statement).mappings().all()


def any_left(connection: Connection, operation: Operation, through_id: int) -> bool:
    """Whether letters wait that a batch passed over, because somebody held them."""
    left = select(_c.id).where(_eligible(operation), untouched(operation.id, through_id)).limit(1)
    return connection.execute(left).first() is not None


def any_unpublished(connection: Connection, operation: Operation) -> bool:
    """Whether letters of the operation are claimed, but not known to be in the broker."""
    statement = select(_c.id).where(
        _c.status == Status.RETRYING, _c.published_at_ms.is_(None), _c.operation_id == operation.id
    )
    return connection.execute(statement.limit(1)).first() is not None


def _eligible(operation: Operation) -> ColumnElement[bool]:
    states = expected_states(operation.action, operation.options)
    return selected(operation.selection, states, operation.created_at)


def _claimed(operation: Operation, at: datetime) -> Mapping[str, Any]:
    new_id = cast(func.gen_random_uuid(), Text)
    takes_another_id = _c.headers.has_key("task") | (_c.task_name != "")  # as in retries/publishing.py
    return {
        "status": Status.RETRYING,
        "generation": _c.generation + 1,
        "claim_id": func.gen_random_uuid(),
        "claimed_by": operation.created_by,
        "claimed_at_ms": to_ms(at),
        "published_at_ms": None,
        "retry_task_id": case((takes_another_id, new_id), else_=_c.task_id),
        "claimed_queue": operation.options.queue or None,
        "claimed_version": None,
    }


def _discarded(operation: Operation, at: datetime) -> Mapping[str, Any]:  # noqa: ARG001 - one of _CHANGES
    return {"status": Status.DISCARDED, "discarded_at_ms": to_ms(at)}


def _restored(operation: Operation, at: datetime) -> Mapping[str, Any]:  # noqa: ARG001 - one of _CHANGES
    return {"status": state_before(Status.DISCARDED), "discarded_at_ms": None}


_CHANGES = {Action.RETRY: _claimed, Action.DISCARD: _discarded, Action.RESTORE: _restored}


def _noted(moved: CTE, operation: Operation, at: datetime) -> CTE:
    detail = {
        "operation": literal(operation.id, BigInteger),
        "reason": literal(operation.reason, Text),
    }
    if operation.action is Action.RETRY:
        detail |= {"task_id": moved.c.retry_task_id, "queue": literal(operation.options.queue, Text)}
    named = [part for name, value in detail.items() for part in (literal(name, Text), value)]
    rows = select(
        moved.c.id,
        literal(to_ms(at), BigInteger),
        literal(operation.created_by, Text),
        moved.c.from_status,
        moved.c.status,
        func.jsonb_build_object(*named),
    )
    columns = ("letter_id", "at_ms", "actor", "from_status", "to_status", "detail")
    return insert(dead_letter_history).from_select(columns, rows).cte("noted")
