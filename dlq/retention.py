"""What nobody needs any more, deleted in short transactions: settled letters, with all that hangs on them,
and the traces of what ended long ago.

Deletions follow partial indexes from the oldest row on and skip rows that somebody else holds, so several may
purge at once and none waits. What people decided about groups stays.
"""

import time
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import ColumnElement, Engine, Table, delete, select, tuple_

from dlq.letters import Status
from dlq.settings import Settings
from dlq.store import transaction
from dlq.tables import dead_letter, dead_letter_fence, dead_letter_operation, dead_letter_worker
from dlq.times import Clock, to_ms, utc_now

#: Rows that one transaction deletes.
BATCH = 500

_letter, _operation = dead_letter.c, dead_letter_operation.c


@dataclass(frozen=True, slots=True)
class Purged:
    """Rows deleted."""

    resolved: int
    discarded: int
    operations: int
    workers: int
    fences: int


@dataclass(frozen=True, slots=True)
class _Expired:
    table: Table
    ended_at_ms: ColumnElement[int | None]
    days: int  #: 0: nothing of it expires
    which: tuple[ColumnElement[bool], ...] = ()


def purge(engine: Engine, *, settings: Settings, clock: Clock = utc_now, for_seconds: float = 20.0) -> Purged:
    """Delete what has expired, oldest first: letters resolved longer ago than `retention_days` or discarded
    longer ago than `restore_days`; and, older than `retention_days`, ended operations, stopped workers and
    fences. When `for_seconds` are over, the next call goes on.
    """
    until = time.monotonic() + for_seconds
    now_ms = to_ms(clock())
    return Purged(*(_delete_all(engine, expired, now_ms, until) for expired in _all_expired(settings)))


def _all_expired(settings: Settings) -> tuple[_Expired, ...]:
    """In the order of the fields of Purged."""
    days = settings.retention_days
    resolved, discarded = _letter.status == Status.RESOLVED, _letter.status == Status.DISCARDED
    ended = _operation.status.in_(("cancelled", "finished"))
    worker, fence = dead_letter_worker.c, dead_letter_fence.c
    return (
        _Expired(dead_letter, _letter.resolved_at_ms, days, (resolved,)),
        _Expired(dead_letter, _letter.discarded_at_ms, settings.restore_days, (discarded,)),
        _Expired(dead_letter_operation, _operation.finished_at_ms, days, (ended,)),
        _Expired(dead_letter_worker, worker.beat_at_ms, days),
        _Expired(dead_letter_fence, fence.at_ms, days),
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
        return connection.execute(delete(expired.table).where(tuple_(*key).in_(oldest))).rowcount
