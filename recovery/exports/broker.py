"""Workers and queues as they were seen last."""

from collections.abc import Mapping

from dlq.broker.records import BrokerView
from infra.access.roles import Permission, Person
from recovery.exports.columns import MOMENT, NUMBER, TEXT, TRUTH, WHOLE, Columns
from recovery.exports.table import Pairs, Rows, Sources, Table

#: A process that has not looked at the broker before waits so long for the first look.
FIRST_LOOK_SECONDS = 5.0

_WORKERS = Columns(
    {
        "worker": (TEXT, lambda worker: worker.name),
        "state": TEXT,
        "reports": TRUTH,
        "answers": TRUTH,
        "last_heartbeat": (MOMENT, lambda worker: worker.heartbeat_at),
        "started": (MOMENT, lambda worker: worker.started_at),
        "stopped": (MOMENT, lambda worker: worker.stopped_at),
        "release": TEXT,
        "pool": TEXT,
        "processes": (WHOLE, lambda worker: worker.concurrency),
        "consumes": (TEXT, lambda worker: " ".join(worker.queues)),
        "paused": (TEXT, lambda worker: " ".join(worker.paused)),
        # What a silent one runs is not known.
        "running": (WHOLE, lambda worker: len(worker.running) if worker.answers else None),
        "finished": WHOLE,
        "registered_tasks": (TEXT, lambda worker: " ".join(worker.tasks)),
    }
)
_QUEUES = Columns(
    {
        "queue": (TEXT, lambda queue: queue.name),
        "waiting": WHOLE,
        "by_priority": (TEXT, lambda queue: _numbers(queue.by_priority)),
        "in_hand": (WHOLE, lambda queue: queue.taken),
        "scheduled": WHOLE,
        "oldest_seconds": NUMBER,
        "oldest_is_at_least": (TRUTH, lambda queue: queue.oldest_is_least),
        "workers": (TEXT, lambda queue: " ".join(queue.workers)),
        "paused_by": (TEXT, lambda queue: queue.pause.by if queue.pause else None),
        "paused_at": (MOMENT, lambda queue: queue.pause.at if queue.pause else None),
    }
)


def _workers(sources: Sources, by: Person, _pairs: Pairs) -> Rows:
    return _WORKERS.whole(_seen(sources, by).workers)


def _queues(sources: Sources, by: Person, _pairs: Pairs) -> Rows:
    return _QUEUES.whole(_seen(sources, by).queues)


def _numbers(by_priority: Mapping[int, int]) -> str:
    return " ".join(f"{priority}:{number}" for priority, number in by_priority.items())


def _seen(sources: Sources, by: Person) -> BrokerView:
    return sources.watch.view(by, wait_seconds=FIRST_LOOK_SECONDS)


TABLES = (
    Table("workers", "Workers", "/admin/workers/", Permission.READ_LETTERS, _workers),
    Table("queues", "Queues", "/admin/queues/", Permission.READ_LETTERS, _queues),
)
