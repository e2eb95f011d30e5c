"""What the workers that report say they consume and know, read from their heartbeats.

Only workers with `dlq.install` report. Without any, nothing can be said about queues and tasks: other
workers may well listen.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection, select

from dlq.tables import dead_letter_worker
from dlq.times import to_ms

#: A worker reports every 5 seconds; one that missed three reports is silent.
SILENT_SECONDS = 20.0
#: Workers read at most, those with the latest heartbeat first.
MAX_WORKERS = 1000

_c = dead_letter_worker.c


@dataclass(frozen=True, slots=True)
class Listeners:
    workers: int  #: that report now; 0 says that nobody reported, not that nobody listens
    queues: frozenset[str]  #: that at least one of them consumes now
    tasks: frozenset[str]  #: names that at least one of them has registered


def listeners(connection: Connection, now: datetime) -> Listeners:
    """The queues and tasks of all workers that are neither silent nor stopped at `now`."""
    since = to_ms(now - timedelta(seconds=SILENT_SECONDS))
    rows = connection.execute(
        select(_c.queues, _c.tasks)
        .where(_c.stopped_at_ms.is_(None), _c.beat_at_ms > since)
        .order_by(_c.beat_at_ms.desc())
        .limit(MAX_WORKERS)
    ).all()
    return Listeners(
        workers=len(rows),
        queues=frozenset(name for row in rows for name in row.queues),
        tasks=frozenset(name for row in rows for name in row.tasks),
    )
