"""A broker message becomes something that can be stored, told whose it is, and sent again byte for byte."""

import json
import pickle
import zlib
from types import SimpleNamespace

import pytest
from kombu import Connection, Exchange, Queue, binding
from kombu.compression import compress

from dlq.envelope import NAME_BYTES, READABLE_BYTES, Envelope, from_message, readable_body, storable
from dlq.settings import Settings
from tests.dlq.builders import body_of, envelope

SETTINGS = Settings(session_arguments=("session_id", "chat"))


def message(body=b"[[], {}, {}]", headers=None, **changed):
    return SimpleNamespace(
        **{
            "body": body,
            "headers": {"id": "t1", "task": "shop.pay"} if headers is None else headers,
            "properties": {"priority": 3, "delivery_tag": "x"},
            "delivery_info": {"exchange": "", "routing_key": "slow"},
            "content_type": "application/json",
            "content_encoding": "utf-8",
            "errors": [],
        }
        | changed
    )


def test_names_queue_and_bytes_come_from_the_message():
    found = from_message(message(b"[[1], {}, {}]"), SETTINGS)
    assert (found.task_id, found.task_name, found.queue) == ("t1", "shop.pay", "slow")
    assert found.body == b"[[1], {}, {}]"
    assert found.properties["priority"] == 3


def test_the_queue_is_told_from_exchange_and_routing_key():
    media = Exchange("media", type="topic")
    queues = {
        "celery": Queue("celery", Exchange("celery"), "celery"),
        "all": Queue("all", media, "media.#"),
        "video": Queue("video", media, "media.video"),
        "sound": Queue("sound", media, "sound.*"),
        "text": Queue("text", [binding(Exchange("books"), "page"), binding(media, "text")]),
    }

    def queue(**delivery):
        return from_message(message(delivery_info=delivery), SETTINGS, queues=queues).queue

    assert queue(exchange="", routing_key="celery") == "celery"
    assert queue(exchange="media", routing_key="media.video") == "video"
    assert queue(exchange="media", routing_key="media.audio") == "all"
    assert queue(exchange="media", routing_key="sound.short") == "sound", "as its pattern says"
    assert queue(exchange="media", routing_key="text") == "text", "one of several bindings"
    assert queue(exchange="strange", routing_key="key") == "key"
    assert queue() == ""


def test_a_compressed_body_is_stored_as_it_lay_in_the_broker():
    with Connection("memory://") as connection:
        queue = Queue("q", Exchange(""), "q")(connection.channel())
        queue.declare()
        with connection.Producer() as producer:
            producer.publish(
                b'[["x"], {}, {}]', routing_key="q", compression="gzip", content_type="application/json"
            )
        received = queue.get()
        assert received.body == b'[["x"], {}, {}]', "kombu opened it"
        found = from_message(received, SETTINGS)
        received.ack()
    assert zlib.decompress(found.body) == b'[["x"], {}, {}]'
    assert found.headers["compression"] == "application/x-gzip"
    assert readable_body(found).args == ("x",)


def test_a_body_that_could_not_be_opened_is_stored_closed():
    broken = message(b"no gzip", {"compression": "application/x-gzip"}, errors=["it is no gzip"])
    found = from_message(broken, SETTINGS)
    assert found.body == b"no gzip"
    assert "cannot be read" in readable_body(found).problem


@pytest.mark.parametrize("compression", ["gzip", "bzip2", "lzma"])
def test_a_body_that_unpacks_to_too_much_is_not_read(compression):
    bomb, how = compress(b"[[], {}, {}]" + b" " * (READABLE_BYTES + 10_000_000), compression)
    assert "larger" in readable_body(envelope(body=bomb, headers={"compression": how})).problem


@pytest.mark.parametrize("compression", ["gzip", "bzip2", "lzma"])
def test_a_compressed_body_is_read(compression):
    body, how = compress(b'[["x"], {}, {}]', compression)
    assert readable_body(envelope(body=body, headers={"compression": how})).args == ("x",)


@pytest.mark.parametrize("how", ["application/zstd", "application/x-nothing", ["application/x-gzip"], 7])
def test_a_body_compressed_in_another_way_says_so(how):
    problem = readable_body(envelope(body=b"x", headers={"compression": how})).problem
    assert problem == f"The body cannot be read: it is compressed as {how}."


def test_a_body_that_is_too_large_is_stored_but_not_read():
    large = b"[[], {}, {}]" + b" " * READABLE_BYTES
    assert from_message(message(large), SETTINGS).body == large
    assert readable_body(envelope(body=large)).problem


@pytest.mark.parametrize(
    ("headers", "arguments", "session_id"),
    [
        ({"session_id": "h"}, {"session_id": "a"}, "h"),
        ({}, {"session_id": "a"}, "a"),
        ({}, {"chat": 7}, "7"),
        ({}, {"other": "x"}, None),
        ({}, {"session_id": {"no": "name"}}, None),
        ({}, {"session_id": ""}, None),
    ],
)
def test_whose_work_it_is_comes_from_headers_or_arguments(headers, arguments, session_id):
    assert from_message(message(headers=headers), SETTINGS, arguments).session_id == session_id
    in_body = message(body_of(**arguments), headers)
    assert from_message(in_body, SETTINGS).session_id == session_id


@pytest.mark.parametrize(
    "body", [b"", b"{", b"\xff", b"[1, 2]", b"7", b"[1, 2, 3]", b"[[], 3, {}]", b"[" * 100_000]
)
def test_any_body_can_be_stored_and_says_why_it_is_not_shown(body):
    found = from_message(message(body), SETTINGS)
    assert found.body == body
    assert readable_body(found).problem


def test_a_pickle_is_never_opened():
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("unpickled",))

    found = from_message(
        message(pickle.dumps(Trap()), content_type="application/x-python-serialize"), SETTINGS
    )
    assert "x-python-serialize" in readable_body(found).problem


@pytest.mark.parametrize("headers", [None, "text", 7, {}, {"id": None, "task": 5}, {1: 2}])
def test_any_headers_can_be_stored(headers):
    json.dumps(from_message(message(headers=headers or {}), SETTINGS).headers, allow_nan=False)


def test_what_postgresql_refuses_in_json_is_taken_out():
    hostile = {"nul": "a\x00b", "lone": "\ud800", "nan": float("nan"), "bytes": b"x", 3: ("t",), "deep": None}
    stored = storable(hostile)
    assert stored["nul"] == "ab"
    assert stored["lone"] == "?"
    assert stored["nan"] == "nan"
    assert stored["3"] == ["t"]
    json.dumps(stored, allow_nan=False).encode()


def test_names_are_cut_to_what_can_be_indexed():
    found = from_message(message(headers={"id": "x" * 5000, "task": "é" * 5000}), SETTINGS)
    assert (found.task_id, found.task_name) == ("x" * NAME_BYTES, "é" * (NAME_BYTES // 2))


def test_an_envelope_survives_the_spool():
    first = envelope(body=bytes(range(256)), session_id="s", headers={"dlq_letter": 3, "dlq_generation": 2})
    again = Envelope.from_json(json.loads(json.dumps(first.to_json())))
    assert again == first
    assert (again.letter_id, again.generation, again.dedupe_key) == (3, 2, "t1:2")


@pytest.mark.parametrize("forged", ["7", True, None, {"a": 1}])
def test_a_letter_header_that_is_no_number_ties_to_nothing(forged):
    assert envelope(headers={"dlq_letter": forged}).letter_id is None
