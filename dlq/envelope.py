"""A task message as it is stored: the bytes that lay in the broker, its headers, and whose work it is.

Headers and properties become JSON that PostgreSQL accepts; the body stays bytes. Bodies are read as JSON or
not at all: this package never unpickles.
"""

import base64
import bz2
import hashlib
import json
import lzma
import math
import re
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType
from typing import Any, Self

from kombu.compression import compress
from kombu.transport.virtual.exchange import TopicExchange

from dlq.settings import Settings

#: Headers that tie a retried task to its letter. They survive `Task.retry`.
LETTER_HEADER = "dlq_letter"
GENERATION_HEADER = "dlq_generation"
#: The task id of the first run, in every retry: the same work, whichever run does it.
WORK_HEADER = "dlq_work"

#: When the message went to the broker, in milliseconds: what the age of the oldest message is counted from.
PUBLISHED_HEADER = "dlq_published_at_ms"

#: Headers that repeat the arguments: where the body is sealed, so are they.
REPEATS_ARGUMENTS = ("argsrepr", "kwargsrepr")

#: What a run leaves in its message, as it is before a first run.
OF_THE_OLD_RUN: Mapping[str, Any] = {"retries": 0, "eta": None, "expires": None}

#: Bodies above this are stored whole but not read for names or display.
READABLE_BYTES = 1 << 20

#: Longest id or name, in UTF-8: an entry of an index that holds five of them has room for no more.
NAME_BYTES = 500

# What their columns hold; a stranger's header may say anything.
_MOST_LETTERS = 2**63 - 1
_MOST_GENERATIONS = 2**31 - 1

_DEPTH = 32

# Those that can stop at READABLE_BYTES, however much a small body would become.
_OPENERS: Mapping[str, Callable[[], Any]] = {
    "application/x-gzip": zlib.decompressobj,
    "application/x-bz2": bz2.BZ2Decompressor,
    "application/x-lzma": partial(lzma.LZMADecompressor, memlimit=100 << 20),
}
_TOPICS: Any = TopicExchange(None)  # type: ignore[no-untyped-call]


@dataclass(frozen=True, slots=True)
class Envelope:
    """Everything needed to publish the message again and to say whose it was."""

    task_id: str  #: "" when the message had none
    task_name: str
    queue: str
    headers: Mapping[str, Any]
    properties: Mapping[str, Any]
    content_type: str
    content_encoding: str
    body: bytes  #: as it lay in the broker, compressed if it was
    session_id: str | None = None
    client_id: str | None = None
    correlation_id: str | None = None

    @property
    def letter_id(self) -> int | None:
        """The letter that this message retries, if it does."""
        return _whole(self.headers.get(LETTER_HEADER), _MOST_LETTERS)

    @property
    def generation(self) -> int:
        return _whole(self.headers.get(GENERATION_HEADER), _MOST_GENERATIONS) or 0

    @property
    def dedupe_key(self) -> str | None:
        """What another delivery of this message has too; None when nothing but its content tells it apart."""
        if self.task_id:
            return f"{self.task_id}:{self.generation}"
        tag = self.properties.get("delivery_tag")
        return "tag:" + hashlib.sha256(str(tag).encode()).hexdigest() if tag else None

    @property
    def content(self) -> bytes:
        """Body and headers in one, without what a broker adds when it delivers again."""
        sent = {name: value for name, value in self.headers.items() if name != "redelivered"}
        return self.body + json.dumps(sent, sort_keys=True).encode()

    def to_json(self) -> dict[str, Any]:
        return {
            "task_id": self.task_id,
            "task_name": self.task_name,
            "queue": self.queue,
            "headers": dict(self.headers),
            "properties": dict(self.properties),
            "content_type": self.content_type,
            "content_encoding": self.content_encoding,
            "body_base64": base64.b64encode(self.body).decode(),
            "session_id": self.session_id,
            "client_id": self.client_id,
            "correlation_id": self.correlation_id,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Self:
        fields = {name: value for name, value in stored.items() if name != "body_base64"}
        return cls(**fields, body=base64.b64decode(stored["body_base64"]))


def from_message(
    message: Any,
    settings: Settings,
    arguments: Mapping[str, Any] | None = None,
    queues: Mapping[str, Any] = MappingProxyType({}),
) -> Envelope:
    """The envelope of a kombu message that came through one of `queues`, by name.

    `arguments` are the task's arguments by name when the worker knows them; else those of the body count.
    """
    headers = storable(message.headers if isinstance(message.headers, Mapping) else {})
    properties = storable(message.properties or {})
    envelope = Envelope(
        task_id=_text(headers.get("id")),
        task_name=_text(headers.get("task")),
        queue=_queue_of(message.delivery_info or {}, queues),
        headers=headers,
        properties=properties,
        content_type=_text(message.content_type),
        content_encoding=_text(message.content_encoding),
        body=_wire_body(message, headers),
    )
    body = readable_body(envelope)
    named = body.kwargs if arguments is None else arguments
    return replace(
        envelope,
        task_id=envelope.task_id or body.task_id,
        task_name=envelope.task_name or body.task_name,
        session_id=_named(headers, named, "session_id", settings.session_arguments),
        client_id=_named(headers, named, "client_id", settings.client_arguments),
        correlation_id=_named(headers, named, "correlation_id", settings.correlation_arguments),
    )


def _queue_of(delivery: Mapping[str, Any], queues: Mapping[str, Any]) -> str:
    """The queue to send the message to again. The broker tells exchange and routing key, not the queue."""
    exchange, key = delivery.get("exchange"), _text(delivery.get("routing_key"))
    if not exchange:
        return key
    every = ((name, one) for name, queue in queues.items() for one in queue.bindings or (queue,))
    bound = [(name, one) for name, one in every if one.exchange.name == exchange]
    exact = [name for name, one in bound if one.routing_key == key]
    alike = [name for name, one in bound if one.exchange.type == "topic" and _is_like(key, one.routing_key)]
    return (exact or alike or [*(name for name, _ in bound), key])[0]


def _is_like(key: str, topic: str | None) -> bool:
    return re.match(_TOPICS.key_to_pattern(topic or ""), key) is not None


@dataclass(frozen=True, slots=True)
class Body:
    """Arguments read from a stored body; `problem` says why there are none."""

    args: tuple[Any, ...] = ()
    kwargs: Mapping[str, Any] | None = None
    options: Mapping[str, Any] | None = None  #: callbacks, chord, chain
    task_id: str = ""  #: only Celery's first protocol has id and name here
    task_name: str = ""
    problem: str = ""


def readable_body(envelope: Envelope) -> Body:
    """Read the arguments of a JSON body of at most READABLE_BYTES, decompressed if need be."""
    if envelope.content_type not in {"application/json", "json"}:
        return Body(problem=f"Only JSON is read here; this body is {envelope.content_type or 'untyped'}.")
    try:
        payload = json.loads(_opened(envelope))
    except _Closed as error:
        return Body(problem=f"The body cannot be read: it is {error}.")
    except (ValueError, RecursionError, OSError, zlib.error, lzma.LZMAError) as error:
        return Body(problem=f"The body cannot be read: {type(error).__name__}.")
    if isinstance(payload, dict):
        return _first_protocol(payload)
    if not isinstance(payload, list) or len(payload) != 3 or not isinstance(payload[0], list):
        return Body(problem="The body is no list of args, kwargs and options.")
    args, kwargs, options = payload
    if not isinstance(kwargs, dict):
        return Body(tuple(args), problem="The kwargs are no mapping.")
    return Body(tuple(args), kwargs, options if isinstance(options, dict) else None)


def with_arguments(envelope: Envelope, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Envelope:
    """The same message with other arguments. Callbacks, chord and chain stay; the body must be readable.

    Raises TypeError or ValueError for what JSON cannot say.
    """
    payload = json.loads(_opened(envelope))
    if isinstance(payload, dict):
        payload |= {"args": args, "kwargs": kwargs}
    else:
        payload = [args, kwargs, *payload[2:]]
    headers = {name: value for name, value in envelope.headers.items() if name not in REPEATS_ARGUMENTS}
    plain = json.dumps(payload, allow_nan=False).encode()
    if len(plain) > READABLE_BYTES:
        raise ValueError(f"they are larger than {READABLE_BYTES:,} bytes")
    return replace(envelope, body=_compressed(plain, headers), headers=headers)


def begun_anew(envelope: Envelope, task_id: str) -> Envelope:
    """A message of Celery's first protocol under another id, with all its tries, no ETA and no expiry.

    One whose body cannot be read is the same as before.
    """
    if not readable_body(envelope).task_name:
        return envelope
    plain = json.dumps(json.loads(_opened(envelope)) | OF_THE_OLD_RUN | {"id": task_id}).encode()
    return replace(envelope, body=_compressed(plain, envelope.headers))


def _first_protocol(payload: dict[str, Any]) -> Body:
    args, kwargs = payload.get("args", []), payload.get("kwargs", {})
    known = isinstance(args, list) and isinstance(kwargs, dict)
    return Body(
        args=tuple(args) if known else (),
        kwargs=kwargs if known else None,
        options=payload,
        problem="" if known else "The body has no list of args and mapping of kwargs.",
        task_id=_text(payload.get("id")),
        task_name=_text(payload.get("task")),
    )


def storable(value: Any, depth: int = 0) -> Any:
    """`value` as JSON that PostgreSQL can hold: no NUL, no lone surrogate, no NaN, string keys."""
    if isinstance(value, str):
        return clean_text(value)
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else str(value)
    if depth >= _DEPTH:
        return clean_text(str(value))
    if isinstance(value, Mapping):
        return {clean_text(str(key)): storable(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [storable(item, depth + 1) for item in value]
    return clean_text(str(value))


def clean_text(text: str) -> str:
    return text.replace("\x00", "").encode("utf-8", "replace").decode()


def name_of(text: str) -> str:
    """The text, as much of it as a name may be long."""
    return clean_text(text).encode()[:NAME_BYTES].decode(errors="ignore")


def _wire_body(message: Any, headers: Mapping[str, Any]) -> bytes:
    """The body as published. kombu opens compressed bodies on arrival, so those are closed again."""
    body = message.body or b""
    raw = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else bytes(body)
    return raw if message.errors else _compressed(raw, headers)


def _compressed(body: bytes, headers: Mapping[str, Any]) -> bytes:
    compression = headers.get("compression")
    if not compression:
        return body
    compressed: bytes = compress(body, compression)[0]  # type: ignore[no-untyped-call]
    return compressed


class _Closed(ValueError):
    """Says of a body why it is not opened."""


def _opened(envelope: Envelope) -> bytes:
    compression, body = envelope.headers.get("compression"), envelope.body
    if compression:
        opens = _OPENERS.get(str(compression))
        if opens is None:
            raise _Closed(f"compressed as {name_of(str(compression))}")
        opener = opens()
        body = opener.decompress(body, READABLE_BYTES)
        if not opener.eof:
            raise _Closed("larger than is read here, or cut short")
    if len(body) > READABLE_BYTES:
        raise _Closed("larger than is read here")
    return body


def _named(
    headers: Mapping[str, Any], arguments: Mapping[str, Any] | None, header: str, names: tuple[str, ...]
) -> str | None:
    found = headers.get(header) or next(
        (value for name in names if (value := (arguments or {}).get(name)) is not None), None
    )
    return _text(found) or None if isinstance(found, str | int) else None


def _text(value: Any) -> str:
    return "" if value is None else name_of(str(value))


def _whole(value: Any, most: int) -> int | None:
    whole = isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most
    return value if whole else None
