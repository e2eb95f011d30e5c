"""Retries that are nowhere any more, on the real broker."""

from datetime import timedelta
from uuid import uuid4

import pytest
import redis
from celery import Celery
from cryptography.fernet import Fernet
from sqlalchemy import insert, update

from dlq.retries.lost import find_lost
from dlq.retries.publishing import Publisher
from dlq.retries.retry import RetryClient
from dlq.sealing import Sealer
from dlq.settings import Settings
from dlq.tables import dead_letter, dead_letter_in_flight
from tests.dlq.builders import (
    NOON,
    Operator,
    RecordedAudit,
    envelope,
    fail,
    failure,
    history,
    letter,
    noon,
    retried,
    succeed,
)

pytestmark = pytest.mark.servers
OLGA = Operator()
SETTINGS = Settings(lost_after_seconds=300, poison_attempts=3)


@pytest.fixture
def broker(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def retry(engine, redis_url):
    with Celery(broker=redis_url, set_as_current=False) as app:
        retries = RetryClient(engine, app, RecordedAudit(), noon, Publisher(app), sealer=Sealer())
        yield lambda letter_id, **options: retries.retry(letter_id, OLGA, **options)


def look(engine, broker, seconds_later=600):
    later = NOON + timedelta(seconds=seconds_later)
    return find_lost(engine, broker, settings=SETTINGS, sealer=Sealer(), clock=lambda: later)


def test_a_retry_that_no_queue_and_no_worker_holds_is_a_dead_letter_again(engine, broker, retry):
    letter_id = fail(engine, envelope(), failure(idempotent=True))
    receipt = retry(letter_id)
    broker.flushdb()
    assert look(engine, broker, seconds_later=200) == 0, "too early to tell"
    assert look(engine, broker) == 1
    assert look(engine, broker) == 0
    row = letter(engine, letter_id)
    assert (row["status"], row["kind"], row["attempts"], row["idempotent"]) == ("dead", "lost", 2, True)
    assert history(engine, letter_id)[-1][:2] == ("retrying", "dead")
    assert succeed(engine, retried(envelope(), letter_id, receipt.task_id)) == letter_id, "it ran after all"


@pytest.mark.parametrize("queue", ["", "slow"])
def test_a_retry_that_waits_in_its_queue_is_left_alone(engine, broker, retry, queue):
    retry(fail(engine, envelope()), queue=queue)
    assert look(engine, broker) == 0


def test_a_retry_that_is_followed_in_flight_is_left_alone(engine, broker, retry):
    letter_id = fail(engine, envelope())
    receipt = retry(letter_id)
    broker.flushdb()
    followed = {"task_id": receipt.task_id, "generation": 1, "letter_id": letter_id, "state": "received"}
    followed |= {"task_name": "shop.pay", "queue": "celery", "worker": "w1", "boot": uuid4()}
    with engine.begin() as connection:
        connection.execute(
            insert(dead_letter_in_flight).values(**followed, returns=False, envelope=b"{}", at_ms=0)
        )
    assert look(engine, broker) == 0


def test_a_retry_that_ends_while_the_broker_is_looked_through_is_left_alone(
    engine, broker, retry, monkeypatch
):
    letter_id = fail(engine, envelope())
    receipt = retry(letter_id)

    def succeeds_meanwhile(*_, **__):
        succeed(engine, retried(envelope(), letter_id, receipt.task_id))
        return frozenset()

    monkeypatch.setattr("dlq.retries.lost.held", succeeds_meanwhile)
    assert look(engine, broker) == 0
    assert letter(engine, letter_id)["status"] == "resolved"


def test_a_queue_too_long_to_look_through_loses_nothing(engine, broker, retry, monkeypatch):
    retry(fail(engine, envelope()))
    monkeypatch.setattr("dlq.retries.lost.held", lambda *_, **__: None)
    assert look(engine, broker) == 0


def test_lost_too_often_a_letter_is_poisoned(engine, broker, retry):
    letter_id = fail(engine, envelope())
    for _ in range(2):
        retry(letter_id)
        broker.flushdb()
        look(engine, broker)
    assert letter(engine, letter_id)["status"] == "poisoned"


def test_every_lost_letter_is_found_whatever_waits_before_it(engine, broker, retry, monkeypatch):
    monkeypatch.setattr("dlq.retries.lost.BATCH", 2)
    ids = [fail(engine, envelope(f"t{number}")) for number in range(5)]
    for letter_id in ids:
        retry(letter_id, queue="gone" if letter_id == ids[-1] else "")
    broker.delete("gone")
    assert look(engine, broker) == 1
    assert [letter(engine, letter_id)["status"] for letter_id in ids] == ["retrying"] * 4 + ["dead"]


def test_a_letter_under_a_missing_key_waits_and_blocks_none(engine, broker, caplog):
    readable = [fail(engine, envelope(task_id)) for task_id in ("t1", "t3")]
    sealed = fail(engine, envelope("t2"), sealer=Sealer((Fernet.generate_key().decode(),)))
    for number, letter_id in enumerate((sealed, *readable), 1):
        sent = {"status": "retrying", "retry_task_id": f"r{number}", "published_at_ms": number}
        with engine.begin() as connection:
            connection.execute(update(dead_letter).where(dead_letter.c.id == letter_id).values(sent))
    assert look(engine, broker) == 2
    assert [letter(engine, letter_id)["status"] for letter_id in readable] == ["dead", "dead"]
    assert letter(engine, sealed)["status"] == "retrying"
    assert f"letter {sealed}" in caplog.text
