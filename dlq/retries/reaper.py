"""Finishes retries that were claimed but, after a crash, never marked as published.

The message goes out again under the same task id. When the crash came between publishing and marking, the
task runs twice: without a fence in the task's own transaction a retry is at least once. Who publishes holds
the claim's row, so a slow publisher that still lives is passed over however old its claim is.
"""

from datetime import timedelta

from sqlalchemy import Engine

from dlq import store
from dlq.errors import CannotOpen, Unpublishable
from dlq.retries.publishing import Publish, outgoing
from dlq.sealing import Sealer
from dlq.times import Clock, utc_now

#: Between claiming and holding the claim's row lie milliseconds; a claim this old and not held was left.
STALE_SECONDS = 30.0
#: Named in the history where the reaper, not a person, changed a letter.
REAPER = "reaper"
BATCH = 100


def reap(
    engine: Engine,
    publish: Publish,
    clock: Clock = utc_now,
    *,
    sealer: Sealer,
    stale_seconds: float = STALE_SECONDS,
    limit: int = BATCH,
) -> int:
    """Publish up to `limit` stale claims and return how many. Several reapers share the work.

    A claim whose message no broker takes, or whose seal does not open, becomes a dead letter again and blocks
    none behind it. Raises StoreUnavailable or BrokerUnavailable; what was not published stays for later.
    """
    published = 0
    for _ in range(limit):
        with store.transaction(engine) as connection:
            row = store.next_stale_claim(connection, clock() - timedelta(seconds=stale_seconds))
            if row is None:
                break
            try:
                publish(outgoing(row, sealer))
            except (Unpublishable, CannotOpen) as error:
                store.hand_back(connection, row["claim_id"], by=REAPER, at=clock(), reason=error.reason)
                continue
            store.mark_published(connection, row["claim_id"], clock())
            published += 1
    return published
