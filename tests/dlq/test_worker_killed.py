"""What no hook in a worker sees: the worker itself is killed. The ledger finds its tasks.

Rows are those of docs/failure-modes.md. Each test kills workers of its own.
"""

import json
import os
import signal
from datetime import timedelta

import pytest
import redis
from celery import Celery
from sqlalchemy import text

import dlq
from dlq.letters import Kind
from dlq.retries.retry import RetryClient
from dlq.retries.vanished import Reaped, reap_vanished
from dlq.sealing import Sealer
from dlq.settings import Settings
from dlq.times import utc_now
from dlq.worker.capture import Capture
from tests.dlq.builders import Operator, RecordedAudit, count
from tests.dlq.reading import all_letters, the_letter_of
from tests.dlq.worker import TASKS, eventually, start_worker

pytestmark = pytest.mark.servers
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


@pytest.fixture
def start(engine, tmp_path, broker_url, database_url):
    """Starts workers that share one folder of marks."""
    started = []

    def start_one(**environ):
        started.append(start_worker(tmp_path, broker_url=broker_url, database_url=database_url, **environ))
        return started[-1]

    yield start_one
    for worker in started:
        worker.stop()
    with redis.Redis.from_url(broker_url) as client:
        client.flushdb()


@pytest.fixture
def reap(engine, broker_url, tmp_path):
    """Reaps as if `seconds` had passed."""

    def reap_after(seconds):
        with redis.Redis.from_url(broker_url) as client:
            return reap_vanished(
                engine,
                client,
                settings=Settings(spool=tmp_path / "spool"),
                sealer=Sealer(),
                clock=lambda: utc_now() + timedelta(seconds=seconds),
            )

    return reap_after


def resolves(engine, worker, letter):
    RetryClient(engine, worker.client, RecordedAudit(), sealer=Sealer()).retry(letter["id"], Operator())
    eventually(lambda: [row["status"] for row in all_letters(engine)] == ["resolved"])
    eventually(lambda: count(engine, "dead_letter_in_flight") == 0)
    assert worker.is_alive()


def test_row_5_of_a_killed_worker_the_early_task_is_a_letter_and_the_late_one_runs_again(engine, start, reap):
    killed = start()
    early, _ = killed.send("followed", "early", session_id="s1"), killed.send("followed_late", "late")
    eventually(lambda: killed.runs("early") and killed.runs("late"))
    killed.kill()
    assert reap(0) == Reaped(), "it may still live"
    assert reap(61) == Reaped(vanished=1, waiting=1)
    assert reap(61) == Reaped()
    [letter] = all_letters(engine)
    assert (letter["kind"], letter["task_id"], letter["queue"]) == (Kind.VANISHED, early, "celery")
    assert (json.loads(bytes(letter["body"]))[:2], letter["session_id"]) == ([["early"], {}], "s1")
    killed.raise_flag("calm")
    killed.deliver_again()
    worker = start()
    eventually(lambda: killed.runs("late") == 2)
    resolves(engine, worker, letter)


def test_row_5q_a_task_that_a_cold_shutdown_cuts_off_leaves_one_letter(engine, start):
    worker = start()
    task_id = worker.send("sleepy", "cut-off")
    eventually(lambda: worker.runs("cut-off"))
    os.kill(worker.process.pid, signal.SIGQUIT)
    worker.process.wait(20)
    letter = the_letter_of(engine, worker, task_id)
    assert (letter["kind"], letter["occurrences"]) == (Kind.WORKER_LOST, 1)
    assert json.loads(bytes(letter["body"]))[0] == ["cut-off"]


def test_row_5_a_worker_killed_while_the_database_was_away_leaves_word_of_what_it_ran(
    engine, start, reap, tmp_path, broker_url, database_url
):
    killed = start(FOREIGN_DATABASE=NOWHERE)
    early, _ = killed.send("followed", "early"), killed.send("followed_late", "late")
    eventually(lambda: killed.runs("early") and killed.runs("late"))
    with redis.Redis.from_url(broker_url) as broker:
        eventually(lambda: broker.hlen("unacked") == 1)  # a process begins before its task is acknowledged
    killed.kill()
    capture = Capture(database_url, Settings(spool=tmp_path / "spool"))
    assert capture.replay() == 1, "the broker delivers the late one again"
    capture.close()
    assert reap(61) == Reaped(vanished=1)
    [letter] = all_letters(engine)
    assert (letter["kind"], letter["task_id"]) == (Kind.VANISHED, early)


def test_row_16_a_message_that_leaves_its_queue_with_a_dying_worker_is_a_letter(
    engine, start, reap, broker_url, database_url, tmp_path
):
    app = Celery("publisher", broker=broker_url, set_as_current=False)
    settings = Settings(spool=tmp_path / "spool", in_flight=(TASKS + "touch",))
    dlq.install(app, database_url=database_url, settings=settings, publishing=True)
    dying = start(FOREIGN_DIES_TAKING="yes")
    dying.raise_flag("die")
    task_id = app.send_task(TASKS + "touch", args=["taken"]).id
    app.amqp.capture.close()
    app.close()
    eventually(lambda: not dying.is_alive())
    assert reap(61) == Reaped()
    assert reap(301) == Reaped(lost=1)
    [letter] = all_letters(engine)
    assert (letter["kind"], letter["task_id"], letter["queue"]) == (Kind.LOST, task_id, "celery")
    assert json.loads(bytes(letter["body"]))[:2] == [["taken"], {}]
    dying.lower_flags()
    resolves(engine, start(), letter)
    assert dying.runs("taken") == 1


def test_a_task_that_kills_every_worker_is_kept_as_poison_by_the_next(engine, start):
    killed = start()
    task_id = killed.send("followed_late", "kills")
    eventually(lambda: killed.runs("kills"))
    killed.kill()
    with engine.begin() as connection:
        connection.execute(text("UPDATE onward.dead_letter_worker SET beat_at_ms = 0"))
    killed.deliver_again()
    worker = start(DLQ_REQUEUE_LIMIT="0")
    letter = the_letter_of(engine, worker, task_id)
    assert (letter["kind"], letter["status"]) == (Kind.POISON, "poisoned")
    assert killed.runs("kills") == 1
    the_letter_of(engine, worker, worker.send("shared", "after-poison"))
    assert count(engine, "dead_letter_in_flight") == 0
