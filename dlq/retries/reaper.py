"""Finishes retries that were claimed but, after a crash, never marked as published.

The message goes out again under the same task id. When the crash came between publishing and marking, the
task runs twice: without a fence in the task's own transaction a retry is at least once. Who publishes holds
the claim's row, so a slow publisher that still lives is passed over however old its claim is.
"""

from datetime import timedelta

from sqlalchemy import Engine

from dlq import store
from dlq.errors import CannotOpen, Unpublishable
from dlq.operations import ledger
from dlq.retries import claims
from dlq.retries.publishing import Publish, outgoing
from dlq.sealing import Sealer
from dlq.times import Clock, utc_now
from dlq.versions import version_of

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
            row = claims.next_stale(connection, clock() - timedelta(seconds=stale_seconds))
            if row is None:
                break
            try:
                publish(outgoing(row, version_of(connection, row, row["claimed_version"], sealer)))
            except (Unpublishable, CannotOpen) as error:
                claims.hand_back(connection, row, by=REAPER, at=clock(), reason=error.reason)
                if row["operation_id"] is not None:
                    ledger.count_failed(connection, row["operation_id"], 1, str(error))
                continue
            claims.mark_published(connection, {row["id"]: row["claim_id"]}, clock())
            published += 1
    return published
