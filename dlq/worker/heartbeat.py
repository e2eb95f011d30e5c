"""A worker's row in dead_letter_worker: that it lives, what it listens to and knows, how it is configured.

While the consumer runs, its timer beats. While it does not, because the broker is away or the pool finishes
its last tasks, a thread does: those tasks are not lost. A thread at all times would live beside the pool's
forks. Nothing is written while PostgreSQL is away.
"""

import os
import threading
from collections.abc import Mapping
from typing import Any

import celery
from celery import Celery
from sqlalchemy import Connection, update
from sqlalchemy.dialects.postgresql import insert as upsert

from dlq.envelope import storable
from dlq.tables import dead_letter_worker
from dlq.times import to_ms
from dlq.worker.capture import Capture

BEAT_SECONDS = 5.0
#: kombu's own, where the app names none.
_VISIBILITY_SECONDS = 3600

_c = dead_letter_worker.c


class Heartbeat:
    """The beats of one start of a worker."""

    def __init__(self, capture: Capture, consumer: Any) -> None:
        self._capture = capture
        self._consumer = consumer
        self._boot = capture.boot
        self._started_at_ms = to_ms(capture.clock())
        self._timer: Any = None
        self._ended = threading.Event()
        self._thread: threading.Thread | None = None

    def run_by_timer(self) -> None:
        """The consumer runs."""
        self._stop_thread()
        self.beat()
        self._timer = self._consumer.timer.call_repeatedly(BEAT_SECONDS, self.beat)

    def run_by_thread(self) -> None:
        """The consumer has stopped, for a while or for good; tasks may still run."""
        self._stop_timer()
        self._stop_thread()
        self._ended.clear()
        self._thread = threading.Thread(target=self._beat_until_ended, name="dlq-heartbeat", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """The worker has let go of everything it held."""
        self._stop_timer()
        self._stop_thread()
        self._capture.tell(self._note_end)

    def beat(self) -> None:
        self._capture.tell(self._note_beat)

    def _beat_until_ended(self) -> None:
        while not self._ended.wait(BEAT_SECONDS):
            self.beat()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _stop_thread(self) -> None:
        if self._thread is not None:
            self._ended.set()
            self._thread.join()
            self._thread = None

    def _note_beat(self, connection: Connection) -> None:
        app = self._consumer.app
        told = {
            "queues": _taken_from(app),
            "tasks": sorted(_own_tasks(app)),
            "beat_at_ms": to_ms(self._capture.clock()),
        }
        statement = upsert(dead_letter_worker).values(
            boot=self._boot,
            name=self._consumer.hostname,
            pid=os.getpid(),
            started_at_ms=self._started_at_ms,
            release=self._capture.settings.release,
            settings=storable(configuration(app, self._consumer.pool, self._capture)),
            **told,
        )
        connection.execute(statement.on_conflict_do_update(index_elements=["boot"], set_=told))

    def _note_end(self, connection: Connection) -> None:
        ended = update(dead_letter_worker).where(_c.boot == self._boot)
        connection.execute(ended.values(stopped_at_ms=to_ms(self._capture.clock())))


def configuration(app: Celery, pool: Any, capture: Capture) -> dict[str, Any]:
    """What of a worker's configuration decides whether work can get lost or run twice. Times in seconds."""
    conf, tasks = app.conf, _own_tasks(app)
    late = {name for name, task in tasks.items() if task.acks_late}
    limits = [limit for task in tasks.values() if (limit := task.time_limit or conf.task_time_limit)]
    return {
        "celery": celery.__version__,
        "concurrency": getattr(pool, "limit", None),
        "pool": type(pool).__module__.rpartition(".")[2],
        "visibility_timeout": (conf.broker_transport_options or {}).get(
            "visibility_timeout", _VISIBILITY_SECONDS
        ),
        "task_time_limit": conf.task_time_limit,
        "task_soft_time_limit": conf.task_soft_time_limit,
        "task_acks_late": conf.task_acks_late,
        "task_reject_on_worker_lost": conf.task_reject_on_worker_lost,
        "task_acks_on_failure_or_timeout": conf.task_acks_on_failure_or_timeout,
        "prefetch_multiplier": conf.worker_prefetch_multiplier,
        "tracked": sorted(name for name, task in tasks.items() if capture.follows(name, task)),
        "longest_time_limit": max(limits, default=None),
        "late_tasks": sorted(late),
        "worker_lost_loops": sorted(name for name in late if tasks[name].reject_on_worker_lost),
    }


def _taken_from(app: Celery) -> list[str]:
    """The queues that a message sent to them by name reaches: on Redis, none of a fanout exchange is."""
    every = app.amqp.queues.consume_from
    return sorted(name for name, queue in every.items() if queue.exchange.type != "fanout")


def _own_tasks(app: Celery) -> Mapping[str, Any]:
    return {name: task for name, task in app.tasks.items() if not name.startswith("celery.")}
