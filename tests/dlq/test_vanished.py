"""Followed tasks that nobody will finish become letters; those that somebody holds are left alone."""

import json
from datetime import timedelta

import pytest
import redis
from celery import Celery

from dlq.letters import Kind
from dlq.retries.retry import RetryClient
from dlq.retries.vanished import Reaped, reap_vanished
from dlq.sealing import Sealer
from dlq.settings import Settings
from dlq.times import to_ms
from dlq.worker.capture import Capture
from dlq.worker.in_flight import Run
from tests.dlq.builders import (
    NOON,
    Operator,
    RecordedAudit,
    count,
    envelope,
    fail,
    letter,
    message,
    message_of,
    noon,
    retried,
)
from tests.dlq.test_in_flight import KEY, NOWHERE, report, rows

pytestmark = pytest.mark.servers


@pytest.fixture
def settings(tmp_path):
    return Settings(spool=tmp_path / "spool")


@pytest.fixture
def capture(database_url, settings):
    capture = Capture(database_url, settings, noon)
    yield capture
    capture.close()


@pytest.fixture
def broker(redis_url):
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def reap(engine, broker, settings):
    def reap_after(seconds, sealer=None):
        return reap_vanished(
            engine,
            broker,
            settings=settings,
            sealer=sealer or Sealer(),
            clock=lambda: NOON + timedelta(seconds=seconds),
        )

    return reap_after


def begin(capture, sent=None, returns=False):
    run = Run(capture.boot, "w1", to_ms(NOON), returns)
    capture.received(sent or message(), run)
    return run


def test_a_run_is_left_alone_while_its_worker_reports(engine, capture, reap):
    begin(capture)
    report(engine, capture.boot, to_ms(NOON) + 100_000)
    assert reap(159) == Reaped()
    assert reap(161) == Reaped(vanished=1)


def test_a_worker_that_never_reported_is_given_as_long(engine, capture, reap):
    begin(capture)
    assert [reap(59), reap(61)] == [Reaped(), Reaped(vanished=1)]


def test_what_a_worker_held_when_it_ended_vanished_at_once(engine, capture, reap):
    body = b'[ ["original"], {}, {}]'
    begin(capture, message(body=body, headers={"tenant": "acme"}))
    report(engine, capture.boot, to_ms(NOON), stopped_at_ms=to_ms(NOON))
    assert reap(0) == Reaped(vanished=1)
    found = letter(engine, 1)
    assert (found["kind"], found["status"], found["queue"]) == (Kind.VANISHED, "dead", "celery")
    assert (bytes(found["body"]), found["headers"]["tenant"]) == (body, "acme")
    assert rows(engine) == []


def test_a_late_task_that_the_broker_still_holds_goes_back_to_it(engine, capture, broker, reap):
    begin(capture, returns=True)
    held = [{"headers": {"id": "t1"}, "body": ""}, "", "celery"]
    broker.hset("unacked", "tag", json.dumps(held))
    assert reap(61) == Reaped(waiting=1)
    assert [(row["state"], row["boot"]) for row in rows(engine)] == [("published", None)]
    assert count(engine, "dead_letter") == 0


def test_a_late_task_that_the_broker_does_not_hold_has_vanished_too(engine, capture, reap):
    begin(capture, returns=True)
    assert reap(61) == Reaped(vanished=1)


def test_a_published_task_is_lost_when_no_queue_holds_it(engine, capture, broker, reap):
    capture.published(message("waits"))
    capture.published(message("gone"))
    broker.lpush("celery", json.dumps({"headers": {"id": "waits"}, "body": ""}))
    assert reap(299) == Reaped()
    assert reap(301) == Reaped(lost=1, waiting=1)
    assert reap(301) == Reaped(), "it was just looked up"
    assert [(row["task_id"], row["at_ms"]) for row in rows(engine)] == [("waits", to_ms(NOON) + 301_000)]
    assert (letter(engine, 1)["kind"], letter(engine, 1)["task_id"]) == (Kind.LOST, "gone")


def test_a_retry_that_vanishes_is_its_own_letter_again(engine, capture, reap):
    letter_id = fail(engine, envelope())
    client = RetryClient(engine, Celery("x"), RecordedAudit(), noon, lambda sent: None, sealer=Sealer())
    receipt = client.retry(letter_id, Operator())
    begin(capture, message_of(retried(envelope(), letter_id, receipt.task_id)))
    assert reap(61) == Reaped(vanished=1)
    again = letter(engine, letter_id)
    assert (again["status"], again["kind"], again["attempts"]) == ("dead", Kind.VANISHED, 2)
    assert count(engine, "dead_letter") == 1


def test_a_run_that_was_given_up_and_succeeds_after_all_resolves_its_letter(engine, capture, reap):
    run = begin(capture)
    reap(61)
    capture.succeeded(message(), run=run)
    assert letter(engine, 1)["status"] == "resolved"


def test_a_run_that_comes_back_from_a_replay_cut_short_is_the_same_loss(engine, capture, reap):
    begin(capture)
    reap(61)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE onward.dead_letter SET status = 'resolved', resolved_at_ms = 1")
    begin(capture)
    assert reap(61) == Reaped(vanished=1)
    found = letter(engine, 1)
    assert (found["status"], found["occurrences"], rows(engine)) == ("resolved", 1, [])


def test_a_note_that_comes_after_the_task_was_given_up_changes_nothing(engine, capture, settings, reap):
    capture.published(message())
    away = Capture(NOWHERE, settings, noon)
    away.acknowledging(message(), Run(away.boot, "w1", to_ms(NOON) + 1, returns=False))
    assert reap(301) == Reaped(lost=1)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE onward.dead_letter SET status = 'resolved', resolved_at_ms = 1")
    capture.replay()
    assert rows(engine) == []
    assert reap(400) == Reaped()
    assert letter(engine, 1)["status"] == "resolved"


def test_a_row_that_another_reaper_holds_is_passed_over(engine, capture, reap):
    begin(capture)
    with engine.begin() as other:
        other.exec_driver_sql("SELECT * FROM onward.dead_letter_in_flight FOR UPDATE")
        assert reap(61) == Reaped()
    assert reap(61) == Reaped(vanished=1)


def test_a_row_under_a_missing_key_waits_and_blocks_none(engine, database_url, capture, settings, reap):
    keyed = Capture(database_url, Settings(spool=settings.spool, encryption_keys=(KEY,)), noon)
    begin(keyed, message("sealed"))
    keyed.close()
    begin(capture, message("plain"))
    assert reap(61) == Reaped(vanished=1, unclear=1)
    assert [row["task_id"] for row in rows(engine)] == ["sealed"]
    assert reap(61, Sealer((KEY,))) == Reaped(vanished=1)


def test_every_row_of_many_batches_is_looked_at(engine, capture, reap, monkeypatch):
    monkeypatch.setattr("dlq.retries.vanished.BATCH", 2)
    for number in range(5):
        begin(capture, message(f"t{number}"))
    assert reap(61) == Reaped(vanished=5)
