"""Workers and queues as one record, which pages, REST and the command line show alike.

It tells what was seen at `seen_at`, and nothing of the tasks' content: no arguments, no messages.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from dlq.strategies.breaker import BreakerState


class WorkerState(StrEnum):
    ALIVE = "alive"  #: reported lately, or answered just now
    SILENT = "silent"  #: stopped reporting without a goodbye, and does not answer
    STOPPED = "stopped"  #: said goodbye


class Severity(StrEnum):
    LOSES = "loses"  #: work can get lost
    REPEATS = "repeats"  #: work can run twice, or for ever
    STANDS = "stands"  #: work waits and nothing takes it
    NOTE = "note"  #: worth knowing


@dataclass(frozen=True, slots=True)
class Running:
    """A task in a worker's hands right now."""

    task_id: str
    task_name: str
    queue: str
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class Limits:
    """Seconds a task may run: an exception in it at `soft`, its process killed at `hard`. None: no limit."""

    soft: float | None = None
    hard: float | None = None


@dataclass(frozen=True, slots=True)
class WorkerView:
    name: str
    state: WorkerState
    reports: bool  #: has `dlq.install`; without, only what it answers is known
    answers: bool  #: answered when it was asked
    heartbeat_at: datetime | None = None
    started_at: datetime | None = None
    stopped_at: datetime | None = None
    pid: int | None = None
    release: str = ""
    pool: str = ""
    concurrency: int | None = None
    finished: int | None = None  #: tasks since its start
    queues: tuple[str, ...] = ()  #: that it consumes now
    paused: tuple[str, ...] = ()  #: that somebody told it to leave alone, and it does
    tasks: tuple[str, ...] = ()  #: registered names, without Celery's own
    running: tuple[Running, ...] = ()
    limits: Mapping[str, Limits] | None = None  #: by task; None when it did not answer
    settings: Mapping[str, Any] | None = None  #: as reported; None when it does not report

    @property
    def alive(self) -> bool:
        return self.state == WorkerState.ALIVE


@dataclass(frozen=True, slots=True)
class Pause:
    """Somebody told workers to leave a queue alone. One that starts later does not know."""

    queue: str
    by: str
    at: datetime
    reason: str
    workers: tuple[str, ...]  #: that agreed, and will be told when it is over


@dataclass(frozen=True, slots=True)
class ChangedLimit:
    """Somebody gave a task other time limits in the workers that run now."""

    task_name: str
    by: str
    at: datetime
    limits: Limits
    before: Mapping[str, Limits]  #: by worker


@dataclass(frozen=True, slots=True)
class QueueView:
    name: str
    waiting: int  #: over all priorities
    by_priority: Mapping[int, int]  #: of those, the priorities that have any
    taken: int  #: in workers' hands, running or next
    scheduled: int  #: in workers' hands for a later time
    oldest_seconds: float | None  #: age of the message that has waited longest; None when none waits
    oldest_is_least: bool  #: the message does not say when it was sent: at least so old
    furthest_seconds: float | None  #: from now to the latest time a taken message is scheduled for
    next_tasks: Mapping[str, int]  #: names of the messages next in line, with how many of them
    workers: tuple[str, ...] = ()  #: alive, that consume it now
    pause: Pause | None = None


@dataclass(frozen=True, slots=True)
class ConfigurationWarning:
    severity: Severity
    title: str
    text: str  #: what follows from it, and what to do


@dataclass(frozen=True, slots=True)
class BrokerView:
    seen_at: datetime | None = None  #: None before the first look has ended
    looking_since: datetime | None = None  #: a look that has not ended yet
    broker_problem: str = ""  #: why the broker did not answer; queues, breakers and answers are then unknown
    store_problem: str = ""  #: why heartbeats are unknown
    workers: tuple[WorkerView, ...] = ()
    queues: tuple[QueueView, ...] = ()
    queues_left_out: int = 0
    taken_at_least: bool = False  #: workers hold more messages than were read, so `taken` is too low
    limits: tuple[ChangedLimit, ...] = ()
    breakers: tuple[BreakerState, ...] = ()
    warnings: tuple[ConfigurationWarning, ...] = ()

    @property
    def alive(self) -> tuple[WorkerView, ...]:
        return tuple(worker for worker in self.workers if worker.alive)

    @property
    def waiting(self) -> int:
        return sum(queue.waiting for queue in self.queues)
