"""From the failure to the retry that resolves it, through a real worker, broker and database."""

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from uuid import uuid4

import pytest
from kombu import Exchange, Queue

from dlq.errors import DlqError
from dlq.letters import Kind
from dlq.retries import reaper
from dlq.retries.publishing import Publisher
from dlq.retries.retry import RetryClient
from dlq.times import utc_now
from tests.dlq.builders import UNSEALED, Operator, RecordedAudit, history
from tests.dlq.reading import all_letters, letters_of, the_letter_of
from tests.dlq.worker import TASKS, eventually

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("quiet")]
OLGA = Operator()


@pytest.fixture
def client(engine, worker):
    return RetryClient(engine, worker.client, RecordedAudit(), sealer=UNSEALED)


@pytest.fixture(autouse=True)
def causes_come_back(worker):
    worker.lower_flags()


def settled(engine, letter_id, status):
    [letter] = [letter for letter in all_letters(engine) if letter["id"] == letter_id]
    return letter if letter["status"] == status else None


def resolved(engine, letter_id):
    return eventually(lambda: settled(engine, letter_id, "resolved"))


@pytest.mark.parametrize(("task", "flag"), [("killed_late", "alive"), ("keep_trying", "calm")])
def test_once_the_cause_is_gone_one_retry_is_one_run_and_resolves_the_letter(
    engine, worker, client, task, flag
):
    mark = f"{task}-{uuid4().hex}"
    letter = the_letter_of(engine, worker, worker.send(task, mark))
    before = worker.runs(mark)
    worker.raise_flag(flag)
    receipt = client.retry(letter["id"], OLGA)
    assert resolved(engine, letter["id"])["retry_task_id"] == receipt.task_id
    assert worker.runs(mark) == before + 1
    assert len(all_letters(engine)) == 1


def test_an_expired_task_of_the_first_protocol_runs_when_it_is_retried(engine, worker, client):
    mark = f"touch-{uuid4().hex}"
    body = {"id": str(uuid4()), "task": TASKS + "touch", "args": [mark], "kwargs": {}, "retries": 0}
    with worker.client.producer_or_acquire() as producer:
        expired = {"expires": "2026-03-01T12:00:00+00:00"}
        producer.publish(body | expired, exchange="", routing_key="celery", serializer="json")
    letter = the_letter_of(engine, worker, body["id"])
    assert letter["kind"] == Kind.EXPIRED
    client.retry(letter["id"], OLGA)
    resolved(engine, letter["id"])
    assert worker.runs(mark) == 1


def test_an_unregistered_task_runs_once_when_a_worker_knows_it(engine, worker, client):
    headers = {"id": str(uuid4()), "task": TASKS + "nobody", "tenant": "acme"}
    body = b'[["late"], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
    with worker.client.producer_or_acquire() as producer:
        producer.publish(
            body,
            exchange="",
            routing_key="celery",
            headers=headers,
            content_type="application/json",
            content_encoding="utf-8",
        )
    letter = the_letter_of(engine, worker, headers["id"])
    assert (letter["kind"], bytes(letter["body"])) == (Kind.UNREGISTERED, body)
    client.retry(letter["id"], OLGA)
    failed_again = eventually(lambda: settled(engine, letter["id"], "dead"))
    assert (failed_again["attempts"], len(all_letters(engine))) == (2, 1)


def test_a_retry_that_fails_is_the_same_letter_with_one_more_attempt(engine, worker, client):
    mark = uuid4().hex
    letter = the_letter_of(engine, worker, worker.send("divide", 1, 0, mark))
    client.retry(letter["id"], OLGA)
    again = eventually(lambda: settled(engine, letter["id"], "dead"))
    assert (again["attempts"], again["occurrences"], worker.runs(mark)) == (2, 1, 2)
    assert [step[:2] for step in history(engine, letter["id"])] == [
        (None, "dead"),
        ("dead", "retrying"),
        ("retrying", "dead"),
    ]
    assert len(all_letters(engine)) == 1


def test_the_retry_of_a_task_that_retries_itself_is_tied_to_the_letter_to_the_end(engine, worker, client):
    mark = uuid4().hex
    letter = the_letter_of(engine, worker, worker.send("keep_trying", mark))
    client.retry(letter["id"], OLGA)
    eventually(lambda: settled(engine, letter["id"], "dead"))
    assert worker.runs(mark) == 6
    assert len(all_letters(engine)) == 1


@pytest.mark.parametrize("task", ["killed", "slow_hard", "reject", "leave"])
def test_a_retry_that_ends_without_an_exception_is_the_same_letter_too(engine, worker, client, task):
    letter = the_letter_of(engine, worker, worker.send(task, uuid4().hex))
    client.retry(letter["id"], OLGA)
    again = eventually(lambda: settled(engine, letter["id"], "dead"))
    assert (again["kind"], again["attempts"]) == (letter["kind"], 2)
    assert len(all_letters(engine)) == 1


def test_a_retried_task_that_ignores_itself_is_resolved(engine, worker, client):
    letter = the_letter_of(engine, worker, worker.send("ignore_when_calm", uuid4().hex))
    worker.raise_flag("calm")
    client.retry(letter["id"], OLGA)
    resolved(engine, letter["id"])


@pytest.mark.parametrize("compression", [None, "gzip", "bzip2"])
def test_what_the_task_gets_again_is_what_was_sent(engine, worker, client, compression):
    mark = f"é-{uuid4().hex}"
    options = {"compression": compression, "priority": 6, "expires": 3600, "time_limit": 40}
    sent = worker.client.send_task(
        TASKS + "describe_itself",
        args=[mark],
        kwargs={"extra": {"unicode": "日本", "n": [1, 2.5, None]}},
        headers={"tenant": "acme", "session_id": "s1"},
        root_id="root-1",
        parent_id="parent-1",
        **options,
    )
    letter = the_letter_of(engine, worker, sent.id)
    worker.raise_flag("calm")
    receipt = client.retry(letter["id"], OLGA)
    resolved(engine, letter["id"])
    first, second = (json.loads(line) for line in worker.noted(f"{mark}.seen").splitlines())
    assert (first.pop("id"), second.pop("id")) == (sent.id, receipt.task_id)
    assert first.pop("expires")
    assert second.pop("expires") is None
    assert second.pop("headers") == first.pop("headers") | {
        "dlq_letter": letter["id"],
        "dlq_generation": 1,
        "dlq_work": sent.id,
    }
    assert second == first
    assert (second["root_id"], second["parent_id"], second["priority"]) == ("root-1", "parent-1", 6)


def test_the_rest_of_a_chain_runs_after_the_retry(engine, worker, client):
    mark, last = uuid4().hex, uuid4().hex
    chain = worker.client.signature(TASKS + "keep_trying", args=[mark], immutable=True) | (
        worker.client.signature(TASKS + "touch", args=[last], immutable=True)
    )
    result = chain.apply_async()
    letter = the_letter_of(engine, worker, result.parent.id)
    worker.raise_flag("calm")
    client.retry(letter["id"], OLGA)
    eventually(lambda: worker.runs(last) == 1)


def test_fifty_people_press_retry_and_the_task_runs_once(engine, worker, client):
    mark = uuid4().hex
    letter = the_letter_of(engine, worker, worker.send("killed", mark))
    worker.raise_flag("alive")

    def press(number):
        try:
            return client.retry(letter["id"], Operator(f"p{number}"))
        except DlqError:
            return None

    with ThreadPoolExecutor(50) as people:
        receipts = [receipt for receipt in people.map(press, range(50)) if receipt]
    assert len(receipts) == 1
    resolved(engine, letter["id"])
    the_letter_of(engine, worker, worker.send("shared", "after-fifty"))
    assert worker.runs(mark) == 2, "the run that was killed, and one retry"


def test_a_crash_between_claim_and_publish_ends_in_one_run(engine, worker):
    mark = uuid4().hex
    letter = the_letter_of(engine, worker, worker.send("killed", mark))
    worker.raise_flag("alive")

    def crash(_message):
        raise SystemExit(137)

    with pytest.raises(SystemExit):
        RetryClient(engine, worker.client, RecordedAudit(), publish=crash, sealer=UNSEALED).retry(
            letter["id"], OLGA
        )

    def later():
        return utc_now() + timedelta(minutes=1)

    assert [reaper.reap(engine, Publisher(worker.client), later, sealer=UNSEALED) for _ in range(2)] == [1, 0]
    resolved(engine, letter["id"])
    assert worker.runs(mark) == 2


def test_a_queue_of_its_own_is_kept(engine, worker, client):
    task_id = worker.client.send_task(TASKS + "keep_trying", args=["slow-queue"], queue="slow").id
    letter = the_letter_of(engine, worker, task_id)
    assert letter["queue"] == "slow"
    worker.raise_flag("calm")
    client.retry(letter["id"], OLGA)
    resolved(engine, letter["id"])


def test_a_task_that_came_through_a_topic_exchange_goes_back_to_its_queue(engine, worker, client):
    mark = uuid4().hex
    media = Queue("media", Exchange("media", type="topic"), routing_key="media.#")
    task_id = worker.send("divide", 1, 0, mark, queue=media, routing_key="media.video")
    letter = the_letter_of(engine, worker, task_id)
    assert letter["queue"] == "media"
    worker.raise_flag("nonzero")
    client.retry(letter["id"], OLGA)
    resolved(engine, letter["id"])
    assert worker.runs(mark) == 2


def test_a_task_started_by_a_retried_task_is_not_taken_for_it(engine, worker, client):
    mark = uuid4().hex
    letter = the_letter_of(engine, worker, worker.send("start_another", mark))
    worker.raise_flag("calm")
    client.retry(letter["id"], OLGA)
    resolved(engine, letter["id"])
    children = eventually(
        lambda: [row for row in all_letters(engine) if row["task_name"] == TASKS + "shared"]
    )
    assert letter["id"] not in {child["id"] for child in children}


def test_a_late_task_delivered_again_after_a_crash_is_one_letter(engine, worker):
    """The worker that dies between writing the letter and acknowledging gives one letter, seen twice."""
    headers = {"id": str(uuid4()), "task": TASKS + "shared"}
    body = b'[["twice"], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'
    for again in ({}, {"redelivered": True}):
        with worker.client.producer_or_acquire() as producer:
            producer.publish(
                body,
                exchange="",
                routing_key="celery",
                headers=headers | again,
                content_type="application/json",
                content_encoding="utf-8",
            )
        the_letter_of(engine, worker, headers["id"])
    eventually(lambda: [row for row in letters_of(engine, headers["id"]) if row["occurrences"] == 2])
    assert len(all_letters(engine)) == 1
