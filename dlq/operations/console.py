"""What people do with operations: start, look, pause, resume, cancel. Each is permitted as its action is.

Who is restricted to clients knows the operations that were started under a restriction to some of theirs.
Runners look at an operation's state between two batches: a batch that has begun is finished.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Engine, case, func

from dlq import store
from dlq.access import READ, Actor, Audit
from dlq.errors import CountMoved, NothingSelected, OperationNotAllowed, UnknownOperation
from dlq.operations import ledger
from dlq.operations.eligible import expected_states, selected, visible_to
from dlq.operations.preview import BulkPreview, count
from dlq.operations.records import (
    UNDER_WAY,
    Action,
    Operation,
    OperationPage,
    OperationStatus,
    operation_of,
)
from dlq.redaction import Redactor
from dlq.tables import dead_letter, dead_letter_operation
from dlq.times import Clock, to_ms, utc_now

MAX_PAGE = 200

_UNSHOWN = Redactor(email=True)
#: Of a reason, which people write for people: their addresses may be why.
_KEPT = Redactor()


def start(
    engine: Engine, by: Actor, preview: BulkPreview, reason: str, *, audit: Audit, clock: Clock = utc_now
) -> Operation:
    """Make the operation that was previewed; a runner carries it out. Secrets in `reason` are masked.

    Raises CountMoved when some of the previewed letters have changed since, NothingSelected when there are
    none. Letters that came since are left alone.
    """
    by.require(preview.action.permission)
    now = clock()
    preview = replace(preview, selection=visible_to(by, preview.selection))
    chosen = selected(preview.selection, expected_states(preview.action, preview.options), now)
    with store.transaction(engine) as connection:
        found = count(connection, chosen & (dead_letter.c.id <= preview.through_id))
        if found != preview.count:
            raise CountMoved(preview.count, found)
        if not found:
            raise NothingSelected
        row = ledger.add(connection, **_columns(preview, by, _KEPT.text(reason), now))
        after = {name: row[name] for name in ("action", "selection", "options", "counted", "reason")}
        audit(
            connection,
            actor=by.login,
            action="operation.start",
            subject=f"operation:{row['id']}",
            after=_UNSHOWN.value(after),
        )
    return operation_of(row)


def _columns(preview: BulkPreview, by: Actor, reason: str, now: datetime) -> dict[str, Any]:
    start_ms = to_ms(max(now, preview.options.start_at or now))
    return {
        "action": preview.action,
        "status": OperationStatus.WAITING,
        "selection": preview.selection.to_json(),
        "options": preview.options.to_json(),
        "counted": preview.count,
        "through_id": preview.through_id,
        "reason": reason,
        "created_by": by.login,
        "created_at_ms": to_ms(now),
        "start_at_ms": start_ms,
        "next_batch_at_ms": start_ms,
    }


def operations(engine: Engine, by: Actor, after: int | None = None, limit: int = 50) -> OperationPage:
    """One page of operations, newest first. `after` is the `next` of the page before."""
    by.require(READ)
    limit = max(1, min(limit, MAX_PAGE))
    with store.transaction(engine) as connection:
        rows = ledger.page(connection, by.clients, after, limit + 1)
    shown = tuple(operation_of(row) for row in rows[:limit])
    return OperationPage(shown, shown[-1].id if len(rows) > limit else None)


def operation(engine: Engine, by: Actor, operation_id: int) -> Operation:
    """Raises UnknownOperation."""
    by.require(READ)
    with store.transaction(engine) as connection:
        row = ledger.find(connection, by.clients, operation_id)
    if row is None:
        raise UnknownOperation(operation_id)
    return operation_of(row)


def pause(engine: Engine, by: Actor, operation_id: int, *, audit: Audit, clock: Clock = utc_now) -> Operation:
    """Begin no further batch until it is resumed. Raises OperationNotAllowed or UnknownOperation."""
    pausable = (OperationStatus.WAITING, OperationStatus.RUNNING)
    step = _Step("pause", "paused", pausable, OperationStatus.PAUSED)
    return _change(engine, by, operation_id, step, audit, clock())


def resume(
    engine: Engine, by: Actor, operation_id: int, *, audit: Audit, clock: Clock = utc_now
) -> Operation:
    """Go on where it was paused, not before its start time. Raises as `pause` does."""
    now, columns = clock(), dead_letter_operation.c
    started = case(
        (columns.started_at_ms.is_(None), OperationStatus.WAITING.value),
        else_=OperationStatus.RUNNING.value,
    )
    step = _Step("resume", "resumed", (OperationStatus.PAUSED,), started)
    due = {"next_batch_at_ms": func.greatest(columns.start_at_ms, to_ms(now))}
    return _change(engine, by, operation_id, step, audit, now, **due)


def cancel(
    engine: Engine, by: Actor, operation_id: int, *, audit: Audit, clock: Clock = utc_now
) -> Operation:
    """End it; what is done stays done. Raises as `pause` does."""
    now = clock()
    step = _Step("cancel", "cancelled", UNDER_WAY, OperationStatus.CANCELLED)
    return _change(engine, by, operation_id, step, audit, now, finished_at_ms=to_ms(now))


@dataclass(frozen=True, slots=True)
class _Step:
    """A change that a person makes to an operation."""

    verb: str
    participle: str
    expected: Collection[OperationStatus]
    target: OperationStatus | ColumnElement[str]


def _change(
    engine: Engine,
    by: Actor,
    operation_id: int,
    step: _Step,
    audit: Audit,
    now: datetime,
    **columns: Any,
) -> Operation:
    by.require(READ)
    stamped = {"changed_by": by.login, "changed_at_ms": to_ms(now), **columns}
    with store.transaction(engine) as connection:
        before = ledger.find(connection, by.clients, operation_id)
        if before is None:
            raise UnknownOperation(operation_id)
        by.require(Action(before["action"]).permission)
        row = ledger.change_status(connection, operation_id, step.expected, step.target, **stamped)
        if row is None:
            raise OperationNotAllowed(operation_id, before["status"], step.participle)
        audit(
            connection,
            actor=by.login,
            action=f"operation.{step.verb}",
            subject=f"operation:{operation_id}",
            before={"status": before["status"], "done": before["done"]},
            after={"status": row["status"], "done": row["done"]},
        )
    return operation_of(row)
