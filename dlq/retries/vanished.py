"""Finds followed tasks that nobody will finish, and turns each into a letter.

A row of the ledger stands while its task is in the broker or runs. A worker is gone when it has ended, or has
not reported for DLQ_SILENT_SECONDS: its tasks have vanished, unless the broker still holds the message and so
delivers it again. That the broker holds a task is believed for DLQ_LOST_AFTER_SECONDS, then looked up there.
A run that was given up and succeeds after all resolves its letter.
"""

import logging
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import uuid5

import redis
from sqlalchemy import Connection, Engine, RowMapping, delete, or_, select, tuple_, update

from dlq import recording, store
from dlq.broker.held import held
from dlq.broker.keys import USUAL, BrokerKeys
from dlq.errors import CannotOpen
from dlq.letters import Kind
from dlq.sealing import Sealer
from dlq.settings import Settings
from dlq.tables import dead_letter_in_flight
from dlq.times import Clock, to_ms, utc_now
from dlq.worker.failures import failure_of
from dlq.worker.in_flight import State, envelope_in, has_ended, is_alive

#: Rows of one transaction, and transactions of one call.
BATCH = 100
MAX_BATCHES = 50

_c = dead_letter_in_flight.c
_log = logging.getLogger("dlq")


class Vanished(Exception):
    """Names the failure of a task whose worker died with it."""


class Lost(Exception):
    """Names the failure of a task that went to the broker and is nowhere any more."""


_VANISHED = (
    Kind.VANISHED,
    Vanished("The task was running when its worker died, and the broker does not deliver it again."),
)
_LOST = (Kind.LOST, Lost("The task was published, but neither a queue nor a worker holds it."))


@dataclass(frozen=True, slots=True)
class Reaped:
    vanished: int = 0  #: letters of tasks whose worker is gone
    lost: int = 0  #: letters of tasks that left the broker without a worker
    waiting: int = 0  #: rows whose task the broker still holds
    unclear: int = 0  #: rows left alone: the queue is too long to look through, or the key is missing


def reap_vanished(
    engine: Engine,
    client: redis.Redis,
    *,
    settings: Settings,
    sealer: Sealer,
    keys: BrokerKeys = USUAL,
    clock: Clock = utc_now,
) -> Reaped:
    """Look at every row that may be given up, at most BATCH * MAX_BATCHES. Several reapers share the work.

    Raises StoreUnavailable or BrokerUnavailable; what was not looked at stays for the next call.
    """
    now, after, counts = clock(), (0, ""), Counter[str]()
    for _ in range(MAX_BATCHES):
        with store.transaction(engine) as connection:
            rows = _suspects(connection, now, settings, after)
            for row, is_held in _looked_up(client, rows, keys):
                counts[_decide(connection, row, is_held, now, settings, sealer)] += 1
        if len(rows) < BATCH:
            break
        after = (rows[-1]["at_ms"], rows[-1]["task_id"])
    return Reaped(**counts)


def _suspects(
    connection: Connection, now: datetime, settings: Settings, after: tuple[int, str]
) -> Sequence[RowMapping]:
    silent_since = to_ms(now - timedelta(seconds=settings.silent_seconds))
    lost_since = to_ms(now - timedelta(seconds=settings.lost_after_seconds))
    silent = ~is_alive(_c.boot, silent_since) & (_c.at_ms < silent_since)
    deserted = (_c.state == State.RECEIVED) & or_(has_ended(_c.boot), silent)
    overdue = (_c.state == State.PUBLISHED) & (_c.at_ms < lost_since)
    statement = (
        select(dead_letter_in_flight)
        .where(tuple_(_c.at_ms, _c.task_id) > after, or_(deserted, overdue))
        .order_by(_c.at_ms, _c.task_id)
        .limit(BATCH)
        .with_for_update(skip_locked=True)
    )
    return connection.execute(statement).mappings().all()


def _looked_up(
    client: redis.Redis, rows: Sequence[RowMapping], keys: BrokerKeys
) -> list[tuple[RowMapping, bool | None]]:
    """Each row with whether the broker holds its task; None where its queue is too long to tell."""
    by_queue = defaultdict[str, set[str]](set)
    for row in rows:
        by_queue[row["queue"]].add(row["task_id"])
    found: Mapping[str, frozenset[str] | None] = {
        queue: held(client, queue, ids, keys=keys) for queue, ids in by_queue.items()
    }
    answers = ((row, found[row["queue"]]) for row in rows)
    return [(row, None if ids is None else row["task_id"] in ids) for row, ids in answers]


def _decide(
    connection: Connection,
    row: RowMapping,
    is_held: bool | None,
    now: datetime,
    settings: Settings,
    sealer: Sealer,
) -> str:
    was_running = row["state"] == State.RECEIVED
    if is_held:
        _leave_to_broker(connection, row["task_id"], now)
        return "waiting"
    # Acknowledged early, no broker brings it back, however long its queue.
    if is_held is None and (row["returns"] or not was_running):
        return "unclear"
    try:
        _write_letter(connection, row, was_running, now, settings, sealer)
    except CannotOpen as error:
        _log.error("Task %s stays in flight: %s", row["task_id"], error)
        return "unclear"
    return "vanished" if was_running else "lost"


def _leave_to_broker(connection: Connection, task_id: str, now: datetime) -> None:
    connection.execute(
        update(dead_letter_in_flight)
        .where(_c.task_id == task_id)
        .values(state=State.PUBLISHED, worker=None, boot=None, at_ms=to_ms(now))
    )


def _write_letter(
    connection: Connection,
    row: RowMapping,
    was_running: bool,
    now: datetime,
    settings: Settings,
    sealer: Sealer,
) -> None:
    envelope = envelope_in(row, sealer)
    kind, error = _VANISHED if was_running else _LOST
    failure = failure_of(kind, error, clock=lambda: now, worker=row["worker"] or "")
    if row["boot"] is not None:
        # The same each time: its row may come back from a spool whose replay was cut short.
        failure = replace(failure, capture_id=uuid5(row["boot"], f"{row['task_id']}:{row['at_ms']}"))
    recording.record_failure(connection, envelope, failure, settings.poison_attempts, sealer=sealer)
    connection.execute(delete(dead_letter_in_flight).where(_c.task_id == row["task_id"]))
