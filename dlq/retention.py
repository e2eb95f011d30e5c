"""What nobody needs any more, deleted in short transactions: settled letters, with all that hangs on them,
and the traces of what ended long ago.

Deletions follow partial indexes from the oldest row on and skip rows that somebody else holds, so several may
purge at once and none waits. What people decided about groups stays, and a fence for as long as its letter
can still be retried.
"""

import time
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Engine, Table, TextClause, delete, exists, select, text, tuple_

from dlq.groups.summary import GroupState
from dlq.letters import Status
from dlq.settings import Settings
from dlq.store import transaction
from dlq.tables import (
    dead_letter,
    dead_letter_fence,
    dead_letter_group,
    dead_letter_operation,
    dead_letter_worker,
)
from dlq.times import Clock, to_ms, utc_now

#: Rows that one transaction deletes.
BATCH = 500

#: A failure that has found its group, and is not committed yet, has left no letter that others see.
_NO_FAILURES = text("LOCK TABLE onward.dead_letter_group IN SHARE ROW EXCLUSIVE MODE")

_letter, _operation = dead_letter.c, dead_letter_operation.c


@dataclass(frozen=True, slots=True)
class Purged:
    """Rows deleted."""

    resolved: int = 0
    discarded: int = 0
    operations: int = 0
    workers: int = 0
    fences: int = 0
    groups: int = 0


@dataclass(frozen=True, slots=True)
class _Expired:
    table: Table
    ended_at_ms: ColumnElement[int | None]
    days: int  #: 0: nothing of it expires
    which: tuple[ColumnElement[bool], ...] = ()
    lock: TextClause | None = None  #: taken first in each batch


def purge(engine: Engine, *, settings: Settings, clock: Clock = utc_now, for_seconds: float = 20.0) -> Purged:
    """Delete what has expired, oldest first: letters resolved longer ago than `retention_days` or discarded
    longer ago than `restore_days`; and, older than `retention_days`, ended operations, stopped workers,
    fences, and groups without letters about which nobody decided anything. When `for_seconds` are over, the
    next call goes on.
    """
    until = time.monotonic() + for_seconds
    now_ms = to_ms(clock())
    return Purged(*(_delete_all(engine, expired, now_ms, until) for expired in _all_expired(settings)))


def _all_expired(settings: Settings) -> tuple[_Expired, ...]:
    """In the order of the fields of Purged."""
    days = settings.retention_days
    resolved, discarded = _letter.status == Status.RESOLVED, _letter.status == Status.DISCARDED
    ended = _operation.status.in_(("cancelled", "finished"))
    worker, fence, group = dead_letter_worker.c, dead_letter_fence.c, dead_letter_group.c
    retriable = exists().where(_letter.task_id == fence.work, ~resolved)
    has_letters = exists().where(_letter.fingerprint == group.fingerprint)
    undecided = (group.state == GroupState.OPEN) & (group.note == "")
    return (
        _Expired(dead_letter, _letter.resolved_at_ms, days, (resolved,)),
        _Expired(dead_letter, _letter.discarded_at_ms, settings.restore_days, (discarded,)),
        _Expired(dead_letter_operation, _operation.finished_at_ms, days, (ended,)),
        _Expired(dead_letter_worker, worker.beat_at_ms, days),
        _Expired(dead_letter_fence, fence.at_ms, days, (~retriable,)),
        _Expired(dead_letter_group, group.first_seen_ms, days, (undecided, ~has_letters), _NO_FAILURES),
    )


def _delete_all(engine: Engine, expired: _Expired, now_ms: int, until: float) -> int:
    deleted, batch = 0, BATCH if expired.days else 0
    while batch == BATCH and time.monotonic() < until:
        batch = _delete_batch(engine, expired, now_ms)
        deleted += batch
    return deleted


def _delete_batch(engine: Engine, expired: _Expired, now_ms: int) -> int:
    before_ms = now_ms - timedelta(days=expired.days) // timedelta(milliseconds=1)
    key = tuple(expired.table.primary_key)
    oldest = (
        select(*key)
        .where(expired.ended_at_ms < before_ms, *expired.which)
        .order_by(expired.ended_at_ms)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    with transaction(engine) as connection:
        if expired.lock is not None:
            connection.execute(expired.lock)
        return connection.execute(delete(expired.table).where(tuple_(*key).in_(oldest))).rowcount
