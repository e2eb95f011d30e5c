"""Finishes retries that were claimed but, after a crash, never marked as published.

The message goes out again under the same task id. When the crash came between publishing and marking, the
task runs twice: without a fence in the task's own transaction a retry is at least once.
"""

from datetime import timedelta

from sqlalchemy import Engine

from dlq import store
from dlq.publishing import Publish, outgoing
from dlq.times import Clock, utc_now

#: A claim older than this was left by a crash; publishing takes a few seconds at most.
STALE_SECONDS = 30.0
BATCH = 100


def reap(
    engine: Engine,
    publish: Publish,
    clock: Clock = utc_now,
    *,
    stale_seconds: float = STALE_SECONDS,
    limit: int = BATCH,
) -> int:
    """Publish up to `limit` stale claims and return how many. Several reapers share the work.

    Raises StoreUnavailable or BrokerUnavailable; what was not published stays for the next call.
    """
    for finished in range(limit):
        with store.transaction(engine) as connection:
            row = store.next_stale_claim(connection, clock() - timedelta(seconds=stale_seconds))
            if row is None:
                return finished
            publish(outgoing(row))
            store.mark_published(connection, row["claim_id"], clock())
    return limit
