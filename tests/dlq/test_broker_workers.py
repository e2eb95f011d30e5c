"""Switching a real worker on a real Valkey: what people press is what the worker does."""

from collections.abc import Iterator

import pytest
from kombu import Exchange, Queue
from sqlalchemy import Engine

from dlq.broker import switches
from dlq.broker.records import Limits
from tests.dlq.broker_console import ADA, Broker, only, queue_of
from tests.dlq.worker import QUEUES, TASKS, ForeignWorker, eventually

pytestmark = pytest.mark.servers

MEDIA = Queue("media", Exchange("media", type="topic"), routing_key="media.#")


@pytest.fixture
def broker(engine: Engine, worker: ForeignWorker) -> Iterator[Broker]:
    broker = Broker(engine, worker.broker_url)
    yield broker
    broker.close()


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
    worker.send("touch", "topic", queue=MEDIA, routing_key="media.video")
    eventually(lambda: worker.runs("topic"))


def test_a_task_in_hand_counts_for_the_queue_it_came_by(
    broker: Broker, worker: ForeignWorker, quiet: None
) -> None:
    worker.send("touch", "later", queue=MEDIA, routing_key="media.video", countdown=2)
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
    eventually(lambda: only(broker.watched()).reports)
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
