"""What a look at a broker tells, with no worker of ours on it.

Kombu declares each queue once in a process, so each test has queues of its own.
"""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from dlq.broker.control import BrokerControl
from dlq.broker.look import Look
from dlq.broker.records import Limits, WorkerState
from dlq.errors import BadLimits, BrokerUnavailable, NothingToUndo, NoWorker
from infra.access.roles import Person, Role
from infra.errors import AccessDenied
from tests.dlq.broker_console import ADA, Broker, only, queue_of
from tests.dlq.test_broker_listeners import beat
from tests.dlq.worker import TASKS, start_worker

pytestmark = pytest.mark.servers

VERA = Person("vera", Role.ANALYST)


@pytest.fixture
def empty(engine: Engine, redis_url: str) -> Iterator[Broker]:
    """A broker that no worker is connected to."""
    broker = Broker(engine, redis_url)
    yield broker
    broker.close()


def test_a_worker_of_another_team_is_seen_by_what_it_answers(
    tmp_path_factory: pytest.TempPathFactory, empty: Broker, redis_url: str
) -> None:
    other = start_worker(tmp_path_factory.mktemp("other"), broker_url=redis_url, database_url=None)
    try:
        seen = only(empty.seen())
        assert (seen.reports, seen.answers, seen.heartbeat_at) == (False, True, None)
        assert f"{TASKS}divide" in seen.tasks
        assert any("without dlq.install" in warning.title for warning in empty.seen().warnings)
        with pytest.raises(NoWorker, match=r"dlq\.install"):
            empty.control.limit(ADA, f"{TASKS}divide", Limits(hard=5))
    finally:
        other.stop()


def test_no_worker_is_a_state_and_not_an_error(empty: Broker) -> None:
    empty.app.send_task("shop.pay", queue="bills")
    seen = empty.seen()
    assert (seen.workers, seen.broker_problem) == ((), "")
    assert queue_of(seen, "bills").waiting == 1
    with pytest.raises(NoWorker, match="consumes bills"):
        empty.control.pause(ADA, "bills")
    with pytest.raises(NoWorker):
        empty.control.revoke(ADA, "t1")
    assert empty.audited() == []


def test_a_broker_that_is_away_leaves_the_heartbeats_and_says_why(engine: Engine) -> None:
    beat(engine, at=datetime.now(UTC))
    away = Broker(engine, "redis://127.0.0.1:1/0")
    seen = away.seen()
    assert [worker.state for worker in seen.workers] == [WorkerState.ALIVE]
    assert "127.0.0.1:1" in seen.broker_problem
    assert seen.queues == ()
    with pytest.raises(BrokerUnavailable):
        away.control.pause(ADA, "mail")
    assert away.audited() == []
    away.close()


def test_every_priority_counts_and_is_named(empty: Broker) -> None:
    for priority in (0, 3, 3, 9):
        empty.app.send_task("shop.pay", queue="urgent", priority=priority)
    queue = queue_of(empty.seen(), "urgent")
    assert (queue.waiting, queue.by_priority) == (4, {0: 1, 3: 2, 9: 1})
    assert queue.next_tasks == {"shop.pay": 4}


def test_the_oldest_message_is_as_old_as_its_header_says(empty: Broker) -> None:
    sent_ms = int((datetime.now(UTC) - timedelta(minutes=5)).timestamp() * 1000)
    empty.app.send_task("shop.pay", queue="mail", headers={"dlq_published_at_ms": sent_ms})
    empty.app.send_task("shop.pay", queue="mail", priority=9)
    queue = queue_of(empty.seen(), "mail")
    assert queue.oldest_seconds == pytest.approx(300, abs=30)
    assert not queue.oldest_is_least


def test_a_message_without_the_header_is_at_least_as_old_as_it_has_been_seen(
    engine: Engine, empty: Broker
) -> None:
    now = datetime.now(UTC)
    moments = iter([now, now, now + timedelta(seconds=70), now, now + timedelta(seconds=90), now])
    look = Look(engine, empty.app, empty.client, clock=lambda: next(moments, now + timedelta(seconds=95)))
    look._inspection.answers = dict  # asks the clock too
    empty.app.send_task("shop.pay", queue="photos")

    def oldest() -> tuple[float | None, bool]:
        queue = queue_of(look.look(), "photos")
        return queue.oldest_seconds, queue.oldest_is_least

    assert oldest() == (0, True)
    assert oldest() == (70, True)
    empty.client.rpop("photos")
    empty.app.send_task("shop.pay", queue="photos")
    assert oldest() == (0, True)


def test_keys_of_other_programs_do_not_disturb(empty: Broker) -> None:
    empty.client.set("_kombu.binding.odd", "no set")
    empty.client.delete("_kombu.binding.odd")
    empty.client.set("odd", "no list")
    empty.client.sadd("_kombu.binding.odd", "odd\x06\x16\x06\x16odd", "other")
    assert queue_of(empty.seen(), "odd").waiting == 0


def test_a_worker_that_went_silent_is_told_from_one_that_stopped(empty: Broker) -> None:
    now = datetime.now(UTC)
    beat(empty.engine, at=now, name="killed@here", ago=60)
    beat(empty.engine, at=now, name="ended@here", stopped=True)
    beat(empty.engine, at=now, name="long gone@here", ago=2 * 86400)
    beat(empty.engine, at=now, name="back@here", ago=60)
    beat(empty.engine, at=now, name="back@here")
    assert [(worker.name, worker.state) for worker in empty.seen().workers] == [
        ("back@here", WorkerState.ALIVE),
        ("killed@here", WorkerState.SILENT),
        ("ended@here", WorkerState.STOPPED),
    ]


@pytest.mark.parametrize(
    "act",
    [
        lambda control: control.pause(VERA, "slow"),
        lambda control: control.resume(VERA, "slow"),
        lambda control: control.revoke(VERA, "t1"),
        lambda control: control.limit(VERA, "shop.pay", Limits(hard=1)),
        lambda control: control.put_back(VERA, "shop.pay"),
        lambda control: control.close_breaker(VERA, "llm"),
    ],
)
def test_a_role_that_may_not_retry_may_not_switch(
    empty: Broker, act: Callable[[BrokerControl], object]
) -> None:
    with pytest.raises(AccessDenied):
        act(empty.control)
    assert empty.audited() == []


def test_what_was_never_switched_cannot_be_taken_back(empty: Broker) -> None:
    with pytest.raises(NothingToUndo):
        empty.control.resume(ADA, "slow")
    with pytest.raises(NothingToUndo):
        empty.control.put_back(ADA, "shop.pay")


@pytest.mark.parametrize(
    "limits", [Limits(hard=0), Limits(soft=-1), Limits(soft=5, hard=5), Limits(hard=1e9)]
)
def test_limits_that_make_no_sense_are_refused(empty: Broker, limits: Limits) -> None:
    with pytest.raises(BadLimits):
        empty.control.limit(ADA, "shop.pay", limits)
