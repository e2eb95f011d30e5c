"""The broker goes away: while a task runs, when one publishes itself again, and before anything is sent.

Rows are those of docs/failure-modes.md. The broker is a Valkey of this module's own.
"""

import json

import pytest
from celery import Celery, chain, group
from kombu.exceptions import EncodeError, OperationalError

import dlq
from dlq.letters import Kind
from dlq.retries.retry import RetryClient
from dlq.sealing import Sealer
from dlq.settings import Settings
from tests.dlq.broker import OwnBroker
from tests.dlq.builders import Operator, RecordedAudit, count
from tests.dlq.reading import all_letters, letters_of, the_letter_of
from tests.dlq.worker import TASKS, eventually, start_worker

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("quiet")]
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture(scope="module")
def broker(tmp_path_factory):
    broker = OwnBroker(tmp_path_factory.mktemp("broker"))
    broker.start()
    yield broker
    broker.stop()


@pytest.fixture(scope="module")
def worker(tmp_path_factory, broker, database_url):
    folder = tmp_path_factory.mktemp("worker")
    worker = start_worker(folder, broker_url=broker.url, database_url=database_url, FOREIGN_PUBLISHING="yes")
    yield worker
    worker.kill()  # with the broker's connection replaced meanwhile, Celery's own warm shutdown takes long
    worker.client.close()


@pytest.fixture
def publisher(database_url, tmp_path):
    """Somebody's app whose broker is away."""
    app = Celery("publisher", broker=NOWHERE, set_as_current=False)
    settings = Settings(spool=tmp_path / "spool", in_flight=(TASKS + "touch",))
    dlq.install(app, database_url=database_url, settings=settings, publishing=True)
    yield app
    app.amqp.capture.close()
    app.close()


def test_row_10d_tasks_that_a_restart_of_the_broker_meets_end_without_a_letter(engine, worker, broker):
    early = worker.send("sleepy", "early", 1.5)
    late = worker.send("sleepy_late", "late", 1.5)
    eventually(lambda: worker.runs("early") and worker.runs("late"))
    broker.stop()
    broker.start()
    eventually(lambda: worker.runs("early-done"))
    eventually(worker.is_quiet)
    worker.deliver_again()
    eventually(lambda: worker.runs("late-done"))
    eventually(worker.is_quiet)
    assert worker.runs("early") == 1
    assert letters_of(engine, early) == letters_of(engine, late) == []
    assert worker.is_alive()


def test_row_10f_a_task_that_cannot_publish_its_retry_leaves_one_letter(engine, worker, broker):
    task_id = worker.send("retry_when_told", "retries")
    eventually(lambda: worker.runs("retries"))
    broker.stop()
    worker.raise_flag("told")
    eventually(lambda: worker.runs("retries-refused"))
    broker.start()
    letter = the_letter_of(engine, worker, task_id)
    assert (letter["kind"], letter["occurrences"]) == (Kind.REJECTED, 1)
    assert json.loads(bytes(letter["body"]))[:2] == [["retries"], {}]
    worker.raise_flag("calm")
    RetryClient(engine, worker.client, RecordedAudit(), sealer=Sealer()).retry(letter["id"], Operator())
    eventually(lambda: [row["status"] for row in all_letters(engine)] == ["resolved"])
    assert worker.runs("retries") == 2
    assert worker.is_alive()


def test_row_15_a_task_that_no_broker_took_is_a_letter_and_can_be_sent_later(engine, worker, publisher):
    with pytest.raises(OperationalError):
        publisher.send_task(TASKS + "touch", args=["sent-later"], headers={"session_id": "s1"}, queue="slow")
    [letter] = all_letters(engine)
    assert (letter["kind"], letter["queue"], letter["session_id"]) == (Kind.UNPUBLISHED, "slow", "s1")
    assert json.loads(bytes(letter["body"]))[:2] == [["sent-later"], {}]
    assert count(engine, "dead_letter_in_flight") == 0
    RetryClient(engine, worker.client, RecordedAudit(), sealer=Sealer()).retry(letter["id"], Operator())
    eventually(lambda: [row["status"] for row in all_letters(engine)] == ["resolved"])
    assert worker.runs("sent-later") == 1


def test_row_15_arguments_that_cannot_be_sent_are_kept_to_be_read(engine, publisher):
    with pytest.raises(EncodeError):
        publisher.send_task(TASKS + "shared", args=[object()])
    [letter] = all_letters(engine)
    assert (letter["kind"], letter["content_type"]) == (Kind.UNPUBLISHED, "text/x-repr")
    assert b"<object object" in bytes(letter["body"])


def test_row_15_of_a_chain_and_a_group_the_first_message_that_cannot_be_sent_is_the_letter(engine, publisher):
    touch = publisher.signature(TASKS + "touch", args=["first"], immutable=True)
    shared = publisher.signature(TASKS + "shared", args=["second"], immutable=True)
    with pytest.raises(OperationalError):
        chain(touch, shared).apply_async()
    [letter] = all_letters(engine)
    [step] = json.loads(bytes(letter["body"]))[2]["chain"]
    assert step["args"] == ["second"]
    with pytest.raises(OperationalError):
        group([touch, shared], app=publisher).apply_async()
    assert [row["task_name"] for row in all_letters(engine)] == [TASKS + "touch"] * 2
