"""Workers and queues as people see and switch them: two real workers, one of another team's, on a real Valkey."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import redis
from celery import Celery
from sqlalchemy import Engine, text

from dlq.broker import switches
from dlq.broker.control import BrokerControl
from dlq.broker.look import Look
from dlq.broker.records import BrokerView, Limits, Severity, WorkerState, WorkerView
from dlq.broker.watch import BrokerWatch
from dlq.errors import BadLimits, BrokerUnavailable, NothingToUndo, NoWorker
from infra import audit
from infra.access.roles import Person, Role
from infra.errors import AccessDenied
from tests.dlq.test_broker_listeners import beat
from tests.dlq.worker import QUEUES, TASKS, ForeignWorker, eventually, start_worker

pytestmark = pytest.mark.servers

ADA = Person("ada", Role.OPERATOR)
VIEWER = Person("vera", Role.ANALYST)


class Broker:
    """The watch and the control on one broker, looking anew at each question."""

    def __init__(self, engine: Engine, url: str) -> None:
        self.engine = engine
        self.client = redis.Redis.from_url(url, socket_timeout=2, retry=None)
        self.app = Celery("console", broker=url, set_as_current=False)
        self.look = Look(engine, self.app, self.client)
        self.watch = BrokerWatch(self.look)
        self.control = BrokerControl(engine, self.app, self.client, self.watch, audit.record)

    def seen(self) -> BrokerView:
        return self.look.look()

    def watch_now(self) -> BrokerView:
        """What the control sees, of now."""
        self.watch.look_again()
        return eventually(lambda: self._seen_by_watch())

    def _seen_by_watch(self) -> BrokerView | None:
        before = datetime.now(UTC)
        view = self.watch.view(ADA, wait_seconds=5)
        return view if view.seen_at else None

    def audited(self) -> list[tuple[str, str, str]]:
        with self.engine.connect() as connection:
            rows = connection.execute(
                text("SELECT actor, action, subject FROM onward.audit_entry ORDER BY id")
            )
            return [tuple(row) for row in rows]

    def close(self) -> None:
        self.app.close()
        self.client.close()


@pytest.fixture
def broker(engine: Engine, worker: ForeignWorker) -> Iterator[Broker]:
    broker = Broker(engine, worker.broker_url)
    yield broker
    broker.close()


@pytest.fixture
def empty(engine: Engine, redis_url: str) -> Iterator[Broker]:
    """A broker that no worker is connected to."""
    broker = Broker(engine, redis_url)
    yield broker
    broker.close()


def only(view: BrokerView) -> WorkerView:
    [worker] = view.alive
    return worker


def queue_of(view: BrokerView, name: str):
    return next(queue for queue in view.queues if queue.name == name)


def test_a_worker_is_seen_with_its_queues_tasks_and_what_it_runs(
    broker: Broker, worker: ForeignWorker, quiet: None
) -> None:
    task_id = worker.send("sleepy", "seen", 3)
    eventually(lambda: worker.runs("seen"))
    seen = only(broker.seen())
    assert seen.answers
    assert seen.queues == tuple(sorted(QUEUES))
    assert f"{TASKS}sleepy" in seen.tasks
    assert not any(name.startswith("celery.") for name in seen.tasks)
    assert [(one.task_id, one.task_name) for one in seen.running] == [(task_id, f"{TASKS}sleepy")]
    assert (seen.pool, seen.concurrency) == ("prefork", 2)
    assert seen.limits is not None
    assert seen.limits[f"{TASKS}slow_hard"] == Limits(hard=1.0)


def test_a_paused_queue_keeps_its_messages_until_it_is_resumed(
    broker: Broker, worker: ForeignWorker, quiet: None
) -> None:
    name = only(broker.seen()).name
    assert broker.control.pause(ADA, "slow", "the disk is full").agreed == (name,)
    eventually(lambda: only(broker.seen()).paused == ("slow",))
    worker.send("touch", "paused", queue="slow")
    seen = broker.seen()
    queue = queue_of(seen, "slow")
    assert (queue.waiting, queue.workers) == (1, ())
    assert queue.pause is not None
    assert (queue.pause.by, queue.pause.reason, queue.pause.workers) == ("ada", "the disk is full", (name,))
    assert worker.runs("paused") == 0

    assert broker.control.resume(ADA, "slow").agreed == (name,)
    eventually(lambda: worker.runs("paused"))
    assert queue_of(broker.seen(), "slow").pause is None
    assert broker.audited() == [
        ("ada", "queue.pause", "queue:slow"),
        ("ada", "queue.resume", "queue:slow"),
    ]


def test_a_topic_queue_is_resumed_with_its_own_exchange(
    broker: Broker, worker: ForeignWorker, quiet: None
) -> None:
    broker.control.pause(ADA, "media")
    eventually(lambda: "media" not in only(broker.seen()).queues)
    broker.control.resume(ADA, "media")
    eventually(lambda: "media" in only(broker.seen()).queues)
    worker.send("touch", "topic", exchange="media", routing_key="media.video")
    eventually(lambda: worker.runs("topic"))


def test_a_task_in_hand_counts_for_the_queue_it_came_by(
    broker: Broker, worker: ForeignWorker, quiet: None
) -> None:
    worker.send("touch", "later", exchange="media", routing_key="media.video", countdown=2)
    queue = eventually(lambda: next((q for q in broker.seen().queues if q.scheduled), None))
    assert (queue.name, queue.taken, queue.waiting) == ("media", 0, 0)
    assert queue.furthest_seconds is not None
    assert 0 < queue.furthest_seconds <= 2
    eventually(lambda: worker.runs("later"))


def test_a_running_task_can_be_stopped(broker: Broker, worker: ForeignWorker, quiet: None) -> None:
    task_id = worker.send("sleepy", "stopped", 30)
    eventually(lambda: only(broker.seen()).running)
    receipt = broker.control.revoke(ADA, task_id, stop=True)
    assert receipt.agreed == (only(broker.seen()).name,)
    eventually(lambda: not only(broker.seen()).running)


def test_a_waiting_task_that_is_revoked_does_not_run(
    broker: Broker, worker: ForeignWorker, quiet: None
) -> None:
    broker.control.pause(ADA, "slow")
    eventually(lambda: "slow" not in only(broker.seen()).queues)
    task_id = worker.send("touch", "revoked", queue="slow")
    broker.control.revoke(ADA, task_id)
    broker.control.resume(ADA, "slow")
    worker.send("touch", "after", queue="slow")
    eventually(lambda: worker.runs("after"))
    assert worker.runs("revoked") == 0


def test_a_time_limit_acts_on_the_next_task_and_can_be_put_back(
    broker: Broker, worker: ForeignWorker, quiet: None
) -> None:
    task = f"{TASKS}sleepy"
    eventually(lambda: only(broker.watch_now()).reports)
    receipt = broker.control.limit(ADA, task, Limits(hard=1))
    assert receipt.agreed
    assert [change.before for change in switches.changed_limits(broker.client)] == [
        {receipt.agreed[0]: Limits()}
    ]
    worker.send("sleepy", "limited", 30)
    eventually(lambda: worker.runs("limited"))
    eventually(lambda: not only(broker.seen()).running, 10)
    assert broker.control.put_back(ADA, task).agreed == receipt.agreed
    assert switches.changed_limits(broker.client) == ()
    worker.send("sleepy", "unlimited", 2)
    eventually(lambda: worker.runs("unlimited"))
    assert only(broker.seen()).running
