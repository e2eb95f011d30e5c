"""Finds retries that were published and are nowhere any more, and makes their letters dead again.

Such a retry is in no queue, with no worker, and not followed in flight: the broker lost it, or a worker that
does not follow its tasks died with it. A task that runs unseen for more than DLQ_LOST_AFTER_SECONDS is taken
for lost too; when it succeeds after all, its letter is resolved.
"""

import logging
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

import redis
from sqlalchemy import ColumnElement, Connection, Engine, RowMapping, func, select, tuple_

from dlq import recording, store
from dlq.broker.held import held
from dlq.broker.keys import USUAL, BrokerKeys
from dlq.envelope import GENERATION_HEADER, LETTER_HEADER, Envelope
from dlq.errors import CannotOpen
from dlq.letters import Failure, Kind, Status
from dlq.retries.vanished import Lost
from dlq.sealing import Sealer
from dlq.settings import Settings
from dlq.tables import dead_letter, dead_letter_in_flight
from dlq.times import Clock, to_ms, utc_now
from dlq.worker.failures import failure_of

#: Letters looked up in the broker at once, and how often one call does so.
BATCH = 1000
MAX_BATCHES = 100

_c = dead_letter.c
_log = logging.getLogger("dlq")


def find_lost(
    engine: Engine,
    client: redis.Redis,
    *,
    settings: Settings,
    sealer: Sealer,
    keys: BrokerKeys = USUAL,
    clock: Clock = utc_now,
) -> int:
    """Turn the letters of lost retries back and return how many. Several may look at once.

    Retries whose queue is too long to look through, or whose key is missing, are left alone. Raises
    StoreUnavailable or BrokerUnavailable.
    """
    now, after, found = clock(), (0, 0), 0
    for _ in range(MAX_BATCHES):
        with store.transaction(engine) as connection:
            rows = _suspects(connection, now - timedelta(seconds=settings.lost_after_seconds), after)
        for row in _gone(client, rows, keys):
            found += _turn_back(engine, row, now, settings, sealer)
        if len(rows) < BATCH:
            break
        after = (rows[-1]["published_at_ms"], rows[-1]["id"])
    return found


def _suspects(connection: Connection, published_before: datetime, after: tuple[int, int]) -> list[RowMapping]:
    statement = (
        select(_c.id, _c.retry_task_id, _c.published_at_ms, _queue())
        .where(
            _c.status == Status.RETRYING,
            _c.published_at_ms < to_ms(published_before),
            tuple_(_c.published_at_ms, _c.id) > after,
            ~_is_followed(),
        )
        .order_by(_c.published_at_ms, _c.id)
        .limit(BATCH)
    )
    return list(connection.execute(statement).mappings())


def _queue() -> ColumnElement[str]:
    return func.coalesce(_c.claimed_queue, _c.queue).label("sent_to")


def _is_followed() -> ColumnElement[bool]:
    followed = select(dead_letter_in_flight.c.task_id)
    return followed.where(dead_letter_in_flight.c.task_id == _c.retry_task_id).exists()


def _gone(client: redis.Redis, rows: list[RowMapping], keys: BrokerKeys) -> Iterator[RowMapping]:
    by_queue = defaultdict[str, list[RowMapping]](list)
    for row in rows:
        by_queue[row["sent_to"]].append(row)
    for queue, waiting in by_queue.items():
        still = held(client, queue, {row["retry_task_id"] for row in waiting}, keys=keys)
        if still is not None:
            yield from (row for row in waiting if row["retry_task_id"] not in still)


def _turn_back(
    engine: Engine, suspect: RowMapping, now: datetime, settings: Settings, sealer: Sealer
) -> bool:
    with store.transaction(engine) as connection:
        row = _still_suspect(connection, suspect)
        if row is None:
            return False
        try:
            sent = _retry_of(row, sealer)
        except CannotOpen as error:
            _log.error("The retry of letter %s is lost, and stays so: %s", row["id"], error)
            return False
        recording.record_failure(connection, sent, _loss(row, now), settings.poison_attempts, sealer=sealer)
    return True


def _still_suspect(connection: Connection, suspect: RowMapping) -> RowMapping | None:
    # Looked at anew: since the broker was asked, a worker may have taken the task, or finished it.
    statement = (
        select(dead_letter)
        .where(
            _c.id == suspect["id"],
            _c.status == Status.RETRYING,
            _c.retry_task_id == suspect["retry_task_id"],
            ~_is_followed(),
        )
        .with_for_update(skip_locked=True)
    )
    return connection.execute(statement).mappings().one_or_none()


def _retry_of(row: RowMapping, sealer: Sealer) -> Envelope:
    """The message that was sent, as far as finding its letter goes."""
    stored = store.envelope_of(row, sealer)
    tie = {LETTER_HEADER: row["id"], GENERATION_HEADER: row["generation"]}
    return replace(stored, task_id=row["retry_task_id"], headers={**stored.headers, **tie})


def _loss(row: RowMapping, now: datetime) -> Failure:
    error = Lost("The retry was published, but neither a queue nor a worker holds it.")
    return failure_of(Kind.LOST, error, clock=lambda: now, worker="", idempotent=row["idempotent"])
