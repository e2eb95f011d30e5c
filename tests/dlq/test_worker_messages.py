"""Messages that are no tasks: each leaves one letter with its bytes, and the worker goes on."""

import json
import zlib
from uuid import uuid4

import pytest
import redis

from dlq.letters import Kind
from tests.dlq.reading import all_letters, letters_of, the_letter_of
from tests.dlq.worker import TASKS, eventually

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("quiet")]
JSON = {"content_type": "application/json", "content_encoding": "utf-8"}
GOOD = b'[["messages"], {}, {"callbacks": null, "errbacks": null, "chain": null, "chord": null}]'


def named(task="shared", **changed):
    return {"id": str(uuid4()), "task": TASKS + task, "retries": 0} | changed


def publish(worker, body, headers, **properties):
    with worker.client.producer_or_acquire() as producer:
        producer.publish(body, exchange="", routing_key="celery", headers=headers, **JSON | properties)


def the_only_letter(engine, worker):
    """The letter, once the worker has also finished a task that came after it."""
    eventually(lambda: all_letters(engine))
    after = worker.send("shared", "after")
    the_letter_of(engine, worker, after)
    assert worker.is_alive()
    [letter] = [letter for letter in all_letters(engine) if letter["task_id"] != after]
    assert letter["occurrences"] == 1
    return letter


@pytest.mark.parametrize(
    ("body", "headers", "properties", "kind", "exception_type"),
    [
        pytest.param(
            GOOD, named("nobody"), {}, Kind.UNREGISTERED, "NotRegistered", id="row 6: unregistered name"
        ),
        pytest.param(b"{no json", named(), {}, Kind.MALFORMED, "DecodeError", id="row 7a: body is no JSON"),
        pytest.param(b"\xff\xfe", named(), {}, Kind.MALFORMED, "DecodeError", id="row 7a: body is no text"),
        pytest.param(
            b"no gzip",
            named(compression="application/x-gzip"),
            {},
            Kind.MALFORMED,
            "error",
            id="row 7a: body is no gzip",
        ),
        pytest.param(
            b"\x80\x04N.",
            named(),
            {"content_type": "application/x-python-serialize", "content_encoding": "binary"},
            Kind.MALFORMED,
            "ContentDisallowed",
            id="row 7b: content that the app refuses",
        ),
        pytest.param(
            GOOD, named(eta="soon"), {}, Kind.MALFORMED, "InvalidTaskError", id="row 7b: time that is none"
        ),
        pytest.param(GOOD, {"id": "x"}, {}, Kind.MALFORMED, "ValueError", id="row 7b: no task header"),
        pytest.param(GOOD, {}, {}, Kind.MALFORMED, "ValueError", id="row 7b: no headers"),
        pytest.param(GOOD, {"task": TASKS + "shared"}, {}, Kind.MALFORMED, "KeyError", id="row 7e: no id"),
        pytest.param(
            GOOD, {"task": "nobody"}, {}, Kind.UNREGISTERED, "NotRegistered", id="row 7e: no id, no such task"
        ),
        pytest.param(b"[1]", named(), {}, Kind.MALFORMED, "ValueError", id="row 7e: body is no triple"),
        pytest.param(b"7", named(), {}, Kind.MALFORMED, "TypeError", id="row 7e: body is a number"),
        pytest.param(
            b'[[], "text", {}]',
            named(),
            {},
            Kind.MALFORMED,
            "InvalidTaskError",
            id="row 7f: kwargs are no mapping",
        ),
        pytest.param(
            b"[7, {}, {}]", named(), {}, Kind.MALFORMED, "InvalidTaskError", id="row 7f: args are no list"
        ),
        pytest.param(
            GOOD,
            named(timelimit="x"),
            {},
            Kind.MALFORMED,
            "InvalidTaskError",
            id="row 7f: limits are no pair",
        ),
        pytest.param(
            GOOD,
            named(timelimit=["a", "b"]),
            {},
            Kind.MALFORMED,
            "InvalidTaskError",
            id="row 7f: limits are no numbers",
        ),
        pytest.param(
            GOOD, named(stamped_headers=5), {}, Kind.MALFORMED, "TypeError", id="row 7f: stamps are no list"
        ),
        pytest.param(
            GOOD,
            named("shared", dlq_letter=10**30, dlq_generation=10**12),
            {},
            Kind.EXCEPTION,
            "KeyError",
            id="numbers of a letter that no letter has",
        ),
        pytest.param(
            b'[["a", "b", "c"], {}, {}]',
            named(),
            {},
            Kind.EXCEPTION,
            "TypeError",
            id="row 7d: wrong arguments",
        ),
    ],
)
def test_a_message_that_is_no_task_leaves_one_letter(
    engine, worker, body, headers, properties, kind, exception_type
):
    publish(worker, body, headers, **properties)
    letter = the_only_letter(engine, worker)
    assert (letter["kind"], letter["exception_type"]) == (kind, exception_type)
    assert bytes(letter["body"]) == body
    assert {name: letter["headers"].get(name) for name in headers} == headers
    assert (letter["queue"], letter["task_id"]) == ("celery", headers.get("id", ""))


def test_row_7e_a_body_whose_wire_encoding_is_broken_leaves_a_letter(engine, worker):
    message = {
        "body": "a",  # one character is no base64
        "headers": named(),
        "content-type": "application/json",
        "content-encoding": "utf-8",
        "properties": {
            "delivery_tag": str(uuid4()),
            "body_encoding": "base64",
            "delivery_info": {"exchange": "", "routing_key": "celery"},
        },
    }
    with redis.Redis.from_url(worker.broker_url) as client:
        client.lpush("celery", json.dumps(message))
    letter = the_only_letter(engine, worker)
    assert (letter["kind"], bytes(letter["body"])) == (Kind.MALFORMED, b"a")


def test_a_compressed_task_keeps_its_compressed_bytes(engine, worker):
    task_id = worker.send("shared", "compressed", compression="gzip")
    letter = the_letter_of(engine, worker, task_id)
    assert json.loads(zlib.decompress(bytes(letter["body"])))[0] == ["compressed"]
    assert (letter["kind"], letter["message"]) == (Kind.EXCEPTION, "'compressed'")


def test_the_bytes_are_those_that_lay_in_the_broker(engine, worker):
    """Spaces, key order and escapes of the sender survive: nothing was decoded and written again."""
    body = rb'[ ["bytes\u0020"] ,{ }, {"chord":null,"callbacks":null,"errbacks":null,"chain":null} ]'
    headers = named()
    publish(worker, body, headers)
    letter = the_letter_of(engine, worker, headers["id"])
    assert (letter["kind"], bytes(letter["body"])) == (Kind.EXCEPTION, body)


def test_a_task_of_the_first_protocol_is_kept_too(engine, worker):
    body = {"id": str(uuid4()), "task": TASKS + "shared", "args": ["old"], "kwargs": {}, "retries": 0}
    publish(worker, json.dumps(body).encode(), {})
    letter = the_only_letter(engine, worker)
    assert (letter["task_id"], letter["task_name"]) == (body["id"], body["task"])
    assert letters_of(engine, body["id"])
