"""Warnings about workers and queues as they are configured: what would get lost, run twice or never run.

Most is known of workers that report; of others only what stands in their answers.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator
from datetime import datetime
from itertools import chain

from dlq.broker.records import ConfigurationWarning, Pause, QueueView, Severity, WorkerView

#: Names spelled out in one warning at most.
NAMED = 5

_ORDER = tuple(Severity)
_ACKS_ON_TIMEOUT = "task_acks_on_failure_or_timeout"


def warnings(
    workers: Collection[WorkerView], queues: Collection[QueueView]
) -> tuple[ConfigurationWarning, ...]:
    """The gravest first. Only workers that are alive count."""
    alive = [worker for worker in workers if worker.alive]
    reporting = [worker for worker in alive if worker.settings is not None]
    found = chain(
        _unknown_tasks(alive, queues),
        _late_and_accepted_on_death(reporting),
        _longer_than_visibility(reporting),
        _scheduled_past_visibility(reporting, queues),
        _different_visibility(reporting),
        _loops(reporting),
        _nobody_listens(alive, queues),
        _paused_but_consumed(alive, queues),
        _one_name_twice(alive),
        _not_answering(alive),
        _not_reporting(alive),
        _without_limit(reporting),
    )
    return tuple(sorted(found, key=lambda warning: _ORDER.index(warning.severity)))


def _unknown_tasks(
    alive: Collection[WorkerView], queues: Collection[QueueView]
) -> Iterator[ConfigurationWarning]:
    for queue in queues:
        served = [worker for worker in alive if worker.name in queue.workers]
        for task in queue.next_tasks:
            ignorant = [worker.name for worker in served if task not in worker.tasks]
            if ignorant:
                yield ConfigurationWarning(
                    Severity.LOSES,
                    f"{task} waits in {queue.name}, but {_listed(ignorant)} does not know it",
                    "A worker throws away a task it has not registered (with dlq.install it becomes a dead"
                    " letter). Import its module there, or route the task to another queue.",
                )


def _late_and_accepted_on_death(reporting: Collection[WorkerView]) -> Iterator[ConfigurationWarning]:
    at_risk = {
        name
        for worker in reporting
        for name in set(_names(worker, "late_tasks")) - set(_names(worker, "worker_lost_loops"))
    }
    if at_risk:
        yield ConfigurationWarning(
            Severity.NOTE,
            f"acks_late without reject_on_worker_lost: {_listed(at_risk)}",
            "When the task's process is killed, its message is acknowledged all the same: it does not run"
            " again by itself and becomes a dead letter.",
        )


def _longer_than_visibility(reporting: Collection[WorkerView]) -> Iterator[ConfigurationWarning]:
    for worker in reporting:
        visible, longest = _visible_seconds(worker), _number(worker, "longest_time_limit")
        late = _names(worker, "late_tasks")
        if late and longest is None:
            yield ConfigurationWarning(
                Severity.REPEATS,
                f"{worker.name}: late tasks without a time limit",
                f"{_listed(late)} may run longer than the visibility timeout of {visible:,.0f} s, and is"
                " then delivered again while it still runs. Set task_time_limit below that.",
            )
        elif late and longest is not None and longest >= visible:
            yield ConfigurationWarning(
                Severity.REPEATS,
                f"{worker.name}: a time limit of {longest:,.0f} s against a visibility timeout of"
                f" {visible:,.0f} s",
                "A late task that takes longer than the visibility timeout is delivered again while it still"
                " runs. Raise visibility_timeout in broker_transport_options, or lower the limit.",
            )


def _scheduled_past_visibility(
    reporting: Collection[WorkerView], queues: Collection[QueueView]
) -> Iterator[ConfigurationWarning]:
    visible = min(map(_visible_seconds, reporting), default=0.0)
    far = [queue.name for queue in queues if visible and (queue.furthest_seconds or 0) > visible]
    if far:
        yield ConfigurationWarning(
            Severity.REPEATS,
            f"Tasks in {_listed(far)} are scheduled further ahead than the visibility timeout",
            f"A message that is not acknowledged within {visible:,.0f} s is delivered again, so such a task"
            " runs several times. Raise visibility_timeout in every worker, or schedule nearer.",
        )


def _different_visibility(reporting: Collection[WorkerView]) -> Iterator[ConfigurationWarning]:
    timeouts = sorted(set(map(_visible_seconds, reporting)))
    if len(timeouts) > 1:
        told = ", ".join(f"{seconds:,.0f} s" for seconds in timeouts)
        yield ConfigurationWarning(
            Severity.REPEATS,
            f"Workers of this broker have different visibility timeouts: {told}",
            "All workers share one list of messages in hand, so the shortest counts for everybody. Give all"
            " of them the longest.",
        )


def _loops(reporting: Collection[WorkerView]) -> Iterator[ConfigurationWarning]:
    lost = {name for worker in reporting for name in _names(worker, "worker_lost_loops")}
    if lost:
        yield ConfigurationWarning(
            Severity.REPEATS,
            f"acks_late with reject_on_worker_lost: {_listed(lost)}",
            "A task that kills its process goes back to its queue each time. Celery does not count these"
            " runs; workers with dlq.install stop at DLQ_REQUEUE_LIMIT.",
        )
    unacknowledged = [
        worker.name
        for worker in reporting
        if _names(worker, "late_tasks") and (worker.settings or {}).get(_ACKS_ON_TIMEOUT) is False
    ]
    if unacknowledged:
        yield ConfigurationWarning(
            Severity.REPEATS,
            f"task_acks_on_failure_or_timeout is off in {_listed(unacknowledged)}",
            "A late task that fails or runs into its time limit is delivered again and again. Leave the"
            " setting on; failures become dead letters and are retried from there.",
        )


def _nobody_listens(
    alive: Collection[WorkerView], queues: Collection[QueueView]
) -> Iterator[ConfigurationWarning]:
    left = [queue for queue in queues if queue.waiting and not queue.workers and not queue.pause]
    if left and alive:
        count = sum(queue.waiting for queue in left)
        yield ConfigurationWarning(
            Severity.STANDS,
            f"{count:,} waiting in {_listed(queue.name for queue in left)}, which no worker consumes",
            "Start a worker with -Q for it, or correct the route of what is sent there.",
        )


def _paused_but_consumed(
    alive: Collection[WorkerView], queues: Collection[QueueView]
) -> Iterator[ConfigurationWarning]:
    started = {worker.name: worker.started_at for worker in alive}
    for queue in queues:
        untold = [
            name
            for name in queue.workers
            if queue.pause and not _was_told(name, started.get(name), queue.pause)
        ]
        if untold:
            yield ConfigurationWarning(
                Severity.NOTE,
                f"{queue.name} is paused, but {_listed(untold)} consumes it",
                "A worker that starts after the pause was never told. Pause the queue again to tell it too.",
            )


def _was_told(name: str, started_at: datetime | None, pause: Pause) -> bool:
    """Whether it agreed to the pause and still is that process; its own report may be older than that."""
    return name in pause.workers and (started_at is None or started_at <= pause.at)


def _one_name_twice(alive: Collection[WorkerView]) -> Iterator[ConfigurationWarning]:
    twice = [name for name, times in Counter(worker.name for worker in alive).items() if times > 1]
    if twice:
        yield ConfigurationWarning(
            Severity.NOTE,
            f"Several workers are called {_listed(twice)}",
            "Their answers cannot be told apart, and a command may reach either. Start each with its own -n.",
        )


def _not_answering(alive: Collection[WorkerView]) -> Iterator[ConfigurationWarning]:
    silent = [worker.name for worker in alive if not worker.answers]
    if silent:
        yield ConfigurationWarning(
            Severity.NOTE,
            f"{_listed(silent)} reports, but does not answer on this broker",
            "If it takes its tasks from another broker, or under a prefix, what is retried here does not"
            " reach it: set REDIS_URL, and ONWARD_BROKER_PREFIX to its global_keyprefix, as that worker has"
            " them. A solo worker that runs a task answers afterwards.",
        )


def _not_reporting(alive: Collection[WorkerView]) -> Iterator[ConfigurationWarning]:
    foreign = [worker.name for worker in alive if not worker.reports]
    if foreign:
        yield ConfigurationWarning(
            Severity.NOTE,
            f"{_listed(foreign)} runs without dlq.install",
            "What fails there leaves no dead letter, and only what the worker answers is known of it.",
        )


def _without_limit(reporting: Collection[WorkerView]) -> Iterator[ConfigurationWarning]:
    unlimited = [worker.name for worker in reporting if _number(worker, "task_time_limit") is None]
    if unlimited:
        yield ConfigurationWarning(
            Severity.NOTE,
            f"No general time limit in {_listed(unlimited)}",
            "A task that hangs holds its process for ever, unless it has a limit of its own. Set"
            " task_time_limit.",
        )


def _names(worker: WorkerView, setting: str) -> tuple[str, ...]:
    named = (worker.settings or {}).get(setting)
    return tuple(str(name) for name in named) if isinstance(named, list | tuple) else ()


def _number(worker: WorkerView, setting: str) -> float | None:
    value = (worker.settings or {}).get(setting)
    return float(value) if isinstance(value, int | float) else None


def _visible_seconds(worker: WorkerView) -> float:
    return _number(worker, "visibility_timeout") or 0.0


def _listed(names: Iterable[str]) -> str:
    every = sorted(set(names))
    said = ", ".join(every[:NAMED])
    return said if len(every) <= NAMED else f"{said} and {len(every) - NAMED} more"
