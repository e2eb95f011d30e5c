"""A worker whose letters' database and result backend are both away: nothing is lost, and it stays up."""

from pathlib import Path

import pytest
import redis

from dlq.letters import Kind
from dlq.settings import Settings
from dlq.worker import spool
from dlq.worker.capture import Capture
from tests.dlq.reading import all_letters, the_letter_of
from tests.dlq.worker import eventually, start_worker

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("quiet")]


@pytest.fixture(scope="module")
def worker(tmp_path_factory, broker_url):
    worker = start_worker(
        tmp_path_factory.mktemp("outage"),
        broker_url=broker_url,
        database_url="postgresql://nobody@127.0.0.1:1/none",
        FOREIGN_BACKEND="tests.dlq.broken_backend:BrokenBackend",
    )
    yield worker
    worker.stop()


@pytest.fixture
def folder(worker) -> Path:
    return worker.marks.parent / "spool"


def replayed(folder, database_url):
    capture = Capture(database_url, Settings(spool=folder))
    try:
        return capture.replay()
    finally:
        capture.close()


@pytest.mark.parametrize(
    ("task", "kind", "exception_type"),
    [
        pytest.param(
            "touch", Kind.OUTCOME_UNKNOWN, "ConnectionError", id="row 10a: result of a success not stored"
        ),
        pytest.param(
            "shared", Kind.EXCEPTION, "ConnectionError", id="row 10b: result of a failure not stored"
        ),
        pytest.param(
            "killed", Kind.WORKER_LOST, "WorkerLostError", id="row 4: celery fails while it reports a kill"
        ),
        pytest.param(
            "killed_late", Kind.WORKER_LOST, "WorkerLostError", id="row 4: the same with a late ack"
        ),
        pytest.param("nosuch", Kind.UNREGISTERED, "NotRegistered", id="row 6: unregistered name"),
        pytest.param("slow_hard", Kind.HARD_TIMEOUT, "TimeLimitExceeded", id="row 3: hard time limit"),
    ],
)
def test_a_letter_waits_on_disk_and_comes_back_once(
    engine, worker, folder, database_url, task, kind, exception_type
):
    task_id = worker.send(task, task)
    eventually(lambda: spool.waiting(folder, 10))
    assert all_letters(engine) == []
    assert eventually(lambda: replayed(folder, database_url)) == 1
    assert replayed(folder, database_url) == 0
    letter = the_letter_of(engine, worker, task_id)
    assert (letter["kind"], letter["exception_type"]) == (kind, exception_type)
    assert letter["occurrences"] == 1
    assert worker.is_alive()


def test_row_9_an_expired_task_leaves_the_broker_though_no_result_says_so(
    engine, worker, folder, database_url
):
    task_id = worker.send("touch", "expired", expires=-1)
    eventually(lambda: spool.waiting(folder, 10))
    eventually(lambda: not messages_in(worker.broker_url))
    assert eventually(lambda: replayed(folder, database_url)) == 1
    letter = the_letter_of(engine, worker, task_id)
    assert (letter["kind"], letter["occurrences"]) == (Kind.EXPIRED, 1)


def messages_in(broker_url: str) -> int:
    """How many wait or are in the worker's hands."""
    with redis.Redis.from_url(broker_url) as broker, broker.pipeline() as asked:
        return sum(asked.llen("celery").hlen("unacked").execute())


def test_a_task_that_wants_no_letters_leaves_nothing_on_disk(worker, folder):
    before = set(spool.waiting(folder, 10))
    worker.send("each_minute", "outage")
    eventually(lambda: worker.runs("outage"))
    eventually(worker.is_quiet)
    assert set(spool.waiting(folder, 10)) == before
    assert worker.is_alive()
