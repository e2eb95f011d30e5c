"""What the broker holds, on a real Valkey: messages put there by kombu, moved as workers move them."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis
from celery import Celery
from kombu import Connection

from dlq.broker import held as held_module
from dlq.broker.held import held
from dlq.broker.keys import BrokerKeys
from dlq.errors import BrokerUnavailable

pytestmark = pytest.mark.servers


@pytest.fixture
def broker(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def send(redis_url: str) -> Iterator[Callable[..., None]]:
    with Celery("client", broker=redis_url, set_as_current=False) as app:

        def send(task_id: str, queue: str = "mail", **options: Any) -> None:
            app.send_task("mail.send", task_id=task_id, queue=queue, **options)

        yield send


@pytest.mark.parametrize("priority", [0, 1, 3, 6, 9])
def test_a_queued_message_is_held_whatever_its_priority(
    broker: redis.Redis, send: Callable[..., None], priority: int
) -> None:
    send("t1", priority=priority)
    assert held(broker, "mail", ["t1", "gone"]) == {"t1"}


def test_every_priority_step_that_an_app_may_define_is_looked_into(
    broker: redis.Redis, redis_url: str
) -> None:
    options = {"priority_steps": list(range(10)), "sep": ":", "global_keyprefix": "shop."}
    with Celery("client", broker=redis_url, set_as_current=False) as app:
        app.conf.broker_transport_options = options
        for priority in range(10):
            app.send_task("mail.send", task_id=f"t{priority}", queue="mail", priority=priority)
    wanted = [f"t{priority}" for priority in range(10)]
    assert held(broker, "mail", wanted, keys=BrokerKeys.of(options)) == set(wanted)


def test_a_message_that_a_worker_took_is_held_until_it_is_acknowledged(
    broker: redis.Redis, redis_url: str, send: Callable[..., None]
) -> None:
    send("t1")
    with Connection(redis_url) as connection:
        queue = connection.SimpleQueue("mail")
        message = queue.get(timeout=5)
        assert held(broker, "mail", ["t1"]) == {"t1"}
        message.ack()
        assert held(broker, "mail", ["t1"]) == frozenset()
        queue.close()


def test_a_message_that_a_worker_takes_while_we_look_is_seen(
    broker: redis.Redis, redis_url: str, send: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    send("t1")
    listed = held_module._listed

    def taken_before_listed(client: redis.Redis, name: str) -> Iterator[frozenset[str]]:
        if name == "mail":
            queue.get(timeout=5)
        return listed(client, name)

    monkeypatch.setattr(held_module, "_listed", taken_before_listed)
    with Connection(redis_url) as connection:
        queue = connection.SimpleQueue("mail")
        assert held(broker, "mail", ["t1"]) == {"t1"}
        queue.close()


def test_a_message_of_another_queue_is_not_held_by_this_one(
    broker: redis.Redis, send: Callable[..., None]
) -> None:
    send("t1", queue="bills")
    assert held(broker, "mail", ["t1"]) == frozenset()


def test_an_id_among_the_arguments_does_not_count(broker: redis.Redis, send: Callable[..., None]) -> None:
    send("t1", args=["t2"], root_id="t3")
    assert held(broker, "mail", ["t1", "t2", "t3"]) == {"t1"}


def test_messages_past_the_first_chunk_are_found(broker: redis.Redis, send: Callable[..., None]) -> None:
    for nth in range(held_module.CHUNK + 2):
        send(f"t{nth}")
    assert held(broker, "mail", ["t0"]) == {"t0"}


def test_too_many_messages_give_no_answer_rather_than_a_wrong_one(
    broker: redis.Redis, send: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_module, "MAX_SCANNED", 3)
    for nth in range(4):
        send(f"t{nth}")
    assert held(broker, "mail", ["gone"]) is None
    assert held(broker, "mail", ["t3"]) == {"t3"}


def test_foreign_bytes_in_the_list_are_passed_over(broker: redis.Redis, send: Callable[..., None]) -> None:
    send("t1")
    for raw in (b"\x80pickled", b"[1]", b'{"headers": null, "properties": [1]}'):
        broker.lpush("mail", raw)
    broker.hset("unacked", "tag", "[1, 2]")
    assert held(broker, "mail", ["t1", "t2"]) == {"t1"}


def test_a_broker_that_is_away_is_an_error_and_not_an_empty_answer() -> None:
    with (
        redis.Redis(host="127.0.0.1", port=1, retry=None) as nowhere,
        pytest.raises(BrokerUnavailable),
    ):
        held(nowhere, "mail", ["t1"])
