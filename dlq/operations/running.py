"""Carries operations out, batch by batch. Any number of runners may be at it, and any may be killed.

A batch is claimed, written into history and audit, and counted in one transaction that holds the operation's
row; after that commit the messages are published together and marked. A kill before the commit leaves
nothing; a kill after it leaves claims, which the reaper of retries publishes under the same task ids.
"""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, Engine, RowMapping

from dlq import store
from dlq.access import Audit
from dlq.errors import BrokerUnavailable, CannotOpen, Unpublishable
from dlq.operations import ledger, moves
from dlq.operations.records import Action, Operation, OperationStatus, operation_of
from dlq.retries import claims
from dlq.retries.publishing import Outgoing, Publisher, outgoing
from dlq.sealing import Sealer
from dlq.times import Clock, to_ms, utc_now

BATCH = 200
MAX_BATCH = 1000
#: A runner that comes late makes up for at most this much of a rate.
CATCH_UP_SECONDS = 1.0
#: After the broker did not take a batch.
AWAY_SECONDS = 10.0
#: Until letters that somebody held, or claims that the reaper publishes, are looked at again.
AGAIN_SECONDS = 1.0
#: Between two looks at operations that other runners hold.
LEAST_WAIT_SECONDS = 0.02

_log = logging.getLogger("dlq")


@dataclass(frozen=True, slots=True)
class Runner:
    engine: Engine
    publish: Publisher
    sealer: Sealer
    audit: Audit
    clock: Clock
    batch: int


def run_due(
    engine: Engine,
    publish: Publisher,
    *,
    sealer: Sealer,
    audit: Audit,
    clock: Clock = utc_now,
    for_seconds: float = 20.0,
    batch: int = BATCH,
    sleep: Callable[[float], None] = time.sleep,
) -> int:
    """Run batches that are due, or become due within `for_seconds`; how many letters were changed.

    Returns at once when there are none. A broker that is away does not raise: the operation says so in
    `problem` and goes on later. Raises StoreUnavailable.
    """
    runner = Runner(engine, publish, sealer, audit, clock, max(1, min(batch, MAX_BATCH)))
    ends, changed = time.monotonic() + for_seconds, 0
    while True:
        moved = _turn(runner)
        left = ends - time.monotonic()
        if moved is not None:
            changed += moved
        elif (wait := _seconds_to_next(runner)) is None or wait > left:
            return changed
        else:
            sleep(wait)
        if left <= 0:
            return changed


def _turn(runner: Runner) -> int | None:
    """One batch of one operation: letters changed; None when none is due."""
    now = runner.clock()
    with store.transaction(runner.engine) as connection:
        row = ledger.lock_due(connection, now)
        if row is None:
            return None
        operation = operation_of(row)
        limit = _batch_size(operation, runner.batch)
        moved = moves.move_batch(connection, operation, row["through_id"], row["position"], limit, now)
        if moved:
            _advance(connection, row, operation, moved, now)
            _write_audit(connection, operation, moved, runner.audit)
        else:
            _finish_or_go_round(connection, row, operation, now)
    if moved and operation.action is Action.RETRY:
        _send(runner, operation, moved)
    return len(moved)


def _batch_size(operation: Operation, most: int) -> int:
    """At a given rate, what goes out in a second."""
    rate = operation.options.rate_per_second
    return most if rate is None else max(1, min(most, int(rate)))


def _advance(
    connection: Connection, row: RowMapping, operation: Operation, moved: Sequence[RowMapping], now: datetime
) -> None:
    ledger.change(
        connection,
        operation.id,
        status=OperationStatus.RUNNING,
        position=moved[-1]["id"],
        done=operation.done + len(moved),
        problem="",
        next_batch_at_ms=_next_batch_ms(connection, row, operation, len(moved), now),
        started_at_ms=to_ms(operation.started_at or now),
        advanced_at_ms=to_ms(now),
    )


def _next_batch_ms(
    connection: Connection, row: RowMapping, operation: Operation, letters: int, now: datetime
) -> int:
    rate = operation.options.rate_per_second
    # Nothing but the end is due when no letter is left, and the end keeps no rate.
    if rate is None or not moves.any_left(connection, operation, row["through_id"]):
        return to_ms(now)
    # Counted from when this batch was due, so that being late each time does not lower the rate.
    earliest = to_ms(now - timedelta(seconds=CATCH_UP_SECONDS))
    due_ms: int = row["next_batch_at_ms"]
    return max(due_ms, earliest) + round(1000 * letters / rate)


def _write_audit(
    connection: Connection, operation: Operation, moved: Sequence[RowMapping], audit: Audit
) -> None:
    audit(
        connection,
        actor=operation.created_by,
        action=f"letter.{operation.action}",
        subject=f"operation:{operation.id}",
        after={"letters": [row["id"] for row in moved], "reason": operation.reason},
    )


def _finish_or_go_round(connection: Connection, row: RowMapping, operation: Operation, now: datetime) -> None:
    again_ms = to_ms(now + timedelta(seconds=AGAIN_SECONDS))
    if moves.any_left(connection, operation, row["through_id"]):
        ledger.change(connection, operation.id, position=0, next_batch_at_ms=again_ms)
    elif moves.any_unpublished(connection, operation):
        ledger.change(connection, operation.id, next_batch_at_ms=again_ms)
    else:
        ledger.change(
            connection,
            operation.id,
            status=OperationStatus.FINISHED,
            skipped=operation.remaining,
            # The broker has everything now; why letters failed stays to be read.
            problem=operation.problem if operation.failed else "",
            finished_at_ms=to_ms(now),
        )


def _send(runner: Runner, operation: Operation, moved: Sequence[RowMapping]) -> None:
    claimed = {row["id"]: row["claim_id"] for row in moved}
    try:
        with store.transaction(runner.engine) as connection:
            held = claims.hold(connection, claimed)
            refused = _publish(runner, [row for row in moved if row["id"] in held])
            for row, error in refused:
                claims.hand_back(
                    connection, row, by=operation.created_by, at=runner.clock(), reason=error.reason
                )
            if refused:
                ledger.count_failed(connection, operation.id, len(refused), str(refused[-1][1]))
            claims.mark_published(connection, claimed, runner.clock())
    except BrokerUnavailable as error:
        _log.warning("Operation %s waits for the broker: %s", operation.id, error)
        _wait_for_broker(runner, operation, error)


def _publish(
    runner: Runner, rows: Sequence[RowMapping]
) -> list[tuple[RowMapping, Unpublishable | CannotOpen]]:
    """Publish what can be; the rest with what is wrong with it."""
    refused: list[tuple[RowMapping, Unpublishable | CannotOpen]] = []
    ready: list[tuple[RowMapping, Outgoing]] = []
    for row in rows:
        try:
            ready.append((row, outgoing(row, store.envelope_of(row, runner.sealer))))
        except CannotOpen as error:
            refused.append((row, error))
    unpublishable = runner.publish.together([message for _, message in ready])
    return refused + [(ready[position][0], error) for position, error in unpublishable.items()]


def _wait_for_broker(runner: Runner, operation: Operation, error: BrokerUnavailable) -> None:
    next_ms = to_ms(runner.clock() + timedelta(seconds=AWAY_SECONDS))
    with store.transaction(runner.engine) as connection:
        ledger.change(connection, operation.id, problem=str(error), next_batch_at_ms=next_ms)


def _seconds_to_next(runner: Runner) -> float | None:
    with store.transaction(runner.engine) as connection:
        due_ms = ledger.next_due_ms(connection)
    if due_ms is None:
        return None
    return max(LEAST_WAIT_SECONDS, (due_ms - to_ms(runner.clock())) / 1000)
