"""Workers and queues as rows, the header first, for files."""

from dlq.broker.records import BrokerView

Cell = str | int | float | bool | None


def worker_rows(view: BrokerView) -> list[list[Cell]]:
    rows: list[list[Cell]] = [
        [
            *("worker", "state", "reports", "answers", "last_heartbeat", "started", "release", "pool"),
            *("processes", "consumes", "paused", "running", "finished", "registered_tasks"),
        ]
    ]
    rows += [
        [
            worker.name,
            worker.state.value,
            worker.reports,
            worker.answers,
            worker.heartbeat_at.isoformat() if worker.heartbeat_at else None,
            worker.started_at.isoformat() if worker.started_at else None,
            worker.release,
            worker.pool,
            worker.concurrency,
            " ".join(worker.queues),
            " ".join(worker.paused),
            len(worker.running) if worker.answers else None,
            worker.finished,
            " ".join(worker.tasks),
        ]
        for worker in view.workers
    ]
    return rows


def queue_rows(view: BrokerView) -> list[list[Cell]]:
    rows: list[list[Cell]] = [
        [
            *("queue", "waiting", "by_priority", "in_hand", "scheduled", "oldest_seconds"),
            *("oldest_is_at_least", "workers", "paused_by", "paused_at"),
        ]
    ]
    rows += [
        [
            queue.name,
            queue.waiting,
            " ".join(f"{priority}:{number}" for priority, number in queue.by_priority.items()),
            queue.taken,
            queue.scheduled,
            queue.oldest_seconds,
            queue.oldest_is_least,
            " ".join(queue.workers),
            queue.pause.by if queue.pause else None,
            queue.pause.at.isoformat() if queue.pause else None,
        ]
        for queue in view.queues
    ]
    return rows
