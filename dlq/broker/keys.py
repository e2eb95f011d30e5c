"""Where Celery's Redis transport keeps its messages, and how a message reads there.

A queue is up to ten lists, one for each priority: new messages enter at the head, workers take from the tail.
What a worker holds lies in one hash that all queues share, until it is acknowledged.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

#: Celery uses four steps unless told otherwise, and at most these ten.
PRIORITIES = range(10)


@dataclass(frozen=True, slots=True)
class BrokerKeys:
    """The names of the keys, as `broker_transport_options` may change them."""

    prefix: str = ""
    separator: str = "\x06\x16"
    held: str = "unacked"  #: hash of delivery tag to message
    held_since: str = "unacked_index"  #: the same tags, scored by the second of delivery

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> "BrokerKeys":
        """The names that these transport options of a Celery app ask for."""
        prefix = options.get("global_keyprefix", cls().prefix)
        return cls(
            prefix=prefix,
            separator=options.get("sep", cls().separator),
            held=prefix + options.get("unacked_key", cls().held),
            held_since=prefix + options.get("unacked_index_key", cls().held_since),
        )

    def lists(self, queue: str) -> tuple[str, ...]:
        """The lists of the queue, in the order in which workers empty them."""
        sub_queues = (f"{queue}{self.separator}{priority}" for priority in PRIORITIES[1:])
        return tuple(self.prefix + name for name in (queue, *sub_queues))

    def binding(self, exchange: str) -> str:
        """The set of the exchange's bindings; with `*`, the pattern of all of them."""
        return f"{self.prefix}_kombu.binding.{exchange}"


#: Of an app whose options name none.
USUAL = BrokerKeys()


def message_of(raw: bytes | str) -> Mapping[str, Any]:
    """The message in a list; empty when something else was put there."""
    return _mapping(_read(raw))


def held_message_of(raw: bytes | str) -> tuple[Mapping[str, Any], str, str]:
    """The message in the hash of what workers hold, with the exchange and routing key it came by."""
    match _read(raw):
        case [dict(message), exchange, routing_key]:
            return message, str(exchange or ""), str(routing_key or "")
        case _:
            return {}, "", ""


def ids_of(message: Mapping[str, Any]) -> frozenset[str]:
    """The task ids a message is known under; in both of Celery's protocols the correlation id is one."""
    named = (headers_of(message).get("id"), properties_of(message).get("correlation_id"))
    return frozenset(name for name in named if isinstance(name, str))


def headers_of(message: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(message.get("headers"))


def properties_of(message: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(message.get("properties"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _read(raw: bytes | str) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        return None
