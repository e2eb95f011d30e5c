"""What waits in each queue and what workers hold of it, read from the broker in a few round trips.

Nothing is taken out or moved. The age of a message is what its header says; without that header, the time
since this process first saw it at the end of its list.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any, cast

import redis
from redis.client import Pipeline

from dlq.broker.keys import (
    PRIORITIES,
    BrokerKeys,
    headers_of,
    held_message_of,
    ids_of,
    message_of,
)
from dlq.broker.records import QueueView
from dlq.envelope import PUBLISHED_HEADER
from dlq.times import from_ms

#: Queues read at most.
MAX_QUEUES = 500
#: Messages in workers' hands that are read at most.
MAX_TAKEN = 5_000
#: Messages next in line, of each list, whose task names are read.
NEXT_IN_LINE = 20
#: Rounds of a scan at most, each over about a thousand keys, to find the queues that somebody has declared.
MAX_ROUNDS = 200
_CHUNK = 1_000
_OWN = re.compile(r"celeryev|.*\.?pidbox$")

Bindings = Mapping[str, tuple[tuple[str, str, str], ...]]


@dataclass(slots=True)
class Taken:
    """Messages of one queue in workers' hands."""

    now: int = 0
    later: int = 0
    furthest: datetime | None = None

    def add(self, eta: datetime | None) -> None:
        if eta is None:
            self.now += 1
        else:
            self.later += 1
            self.furthest = max(eta, self.furthest or eta)


@dataclass(slots=True)
class FirstSeen:
    """When the message at the end of each list was first seen there. Belongs to one watching thread."""

    _seen: dict[str, tuple[str, datetime]] = field(default_factory=dict)

    def since(self, name: str, message_id: str, now: datetime) -> datetime:
        known, since = self._seen.get(name, ("", now))
        if known != message_id:
            since = now
        self._seen[name] = message_id, since
        return since

    def keep(self, names: Collection[str]) -> None:
        self._seen = {name: seen for name, seen in self._seen.items() if name in names}


def bindings(client: redis.Redis, keys: BrokerKeys) -> Bindings:
    """By exchange, its queues as (routing key, pattern, queue), without those Celery keeps for itself."""
    found: dict[str, tuple[tuple[str, str, str], ...]] = {}
    start = keys.binding("")
    for name in islice(_keys_like(client, keys.binding("*")), MAX_QUEUES):
        members = cast("set[bytes]", client.smembers(name))
        bound = tuple(_bound(_text(member), keys.separator) for member in members)
        if kept := tuple(sorted(one for one in bound if not _OWN.match(one[2]))):
            found[name.removeprefix(start)] = kept
    return found


def _keys_like(client: redis.Redis, pattern: str) -> Iterator[str]:
    cursor = 0
    for _ in range(MAX_ROUNDS):
        cursor, found = cast("tuple[int, list[bytes]]", client.scan(cursor, pattern, _CHUNK))
        yield from map(_text, found)
        if not cursor:
            return


def taken(client: redis.Redis, keys: BrokerKeys, bound: Bindings) -> tuple[Mapping[str, Taken], bool]:
    """By queue, what workers hold; and whether they hold more than was read."""
    by_queue: dict[str, Taken] = {}
    for _tag, raw in islice(client.hscan_iter(keys.held, count=_CHUNK), MAX_TAKEN):
        message, exchange, routing_key = held_message_of(raw)
        queue = _queue_of(exchange, routing_key, bound)
        by_queue.setdefault(queue, Taken()).add(_eta(message))
    return by_queue, client.hlen(keys.held) > MAX_TAKEN


def queue_views(
    client: redis.Redis,
    keys: BrokerKeys,
    names: Collection[str],
    held: Mapping[str, Taken],
    seen: FirstSeen,
    now: datetime,
) -> tuple[QueueView, ...]:
    """The queues of these names, without what only their workers tell."""
    lists = {name: keys.lists(name) for name in names}
    every = [one for of_queue in lists.values() for one in of_queue]
    lengths = _asked(client, every, lambda asked, one: asked.llen(one))
    filled = [name for name, length in lengths.items() if length]
    ends = _asked(client, filled, lambda asked, one: asked.lrange(one, -NEXT_IN_LINE, -1))
    seen.keep(filled)
    return tuple(
        _view(name, lists[name], lengths, ends, held.get(name, Taken()), seen, now) for name in names
    )


def _view(
    name: str,
    lists: tuple[str, ...],
    lengths: Mapping[str, int],
    ends: Mapping[str, list[bytes]],
    held: Taken,
    seen: FirstSeen,
    now: datetime,
) -> QueueView:
    ages: list[tuple[float, bool]] = []
    names: Counter[str] = Counter()
    for one in lists:
        messages = [message_of(raw) for raw in ends.get(one) or ()]
        names.update(str(headers_of(message).get("task") or "") for message in messages)
        if messages:
            ages.append(_age(one, messages[-1], seen, now))
    oldest, is_least = max(ages, default=(None, False))
    del names[""]
    return QueueView(
        name=name,
        waiting=sum(lengths[one] for one in lists),
        by_priority={at: n for at, one in zip(PRIORITIES, lists, strict=True) if (n := lengths[one])},
        taken=held.now,
        scheduled=held.later,
        oldest_seconds=oldest,
        oldest_is_least=is_least,
        furthest_seconds=(held.furthest - now).total_seconds() if held.furthest else None,
        next_tasks=dict(names.most_common()),
    )


def _age(name: str, message: Mapping[str, Any], seen: FirstSeen, now: datetime) -> tuple[float, bool]:
    published_ms = headers_of(message).get(PUBLISHED_HEADER)
    if isinstance(published_ms, int):
        return max(0.0, (now - from_ms(published_ms)).total_seconds()), False
    since = seen.since(name, min(ids_of(message), default=""), now)
    return (now - since).total_seconds(), True


def _asked(
    client: redis.Redis, names: Collection[str], ask: Callable[[Pipeline, str], object]
) -> dict[str, Any]:
    """The answer for each list, in one round trip; nothing where the key holds something else."""
    with client.pipeline(transaction=False) as asked:
        for name in names:
            ask(asked, name)
        answers = asked.execute(raise_on_error=False)
    pairs = zip(names, answers, strict=True)
    return {name: 0 if isinstance(answer, redis.ResponseError) else answer for name, answer in pairs}


def _queue_of(exchange: str, routing_key: str, bound: Bindings) -> str:
    for key, pattern, queue in bound.get(exchange, ()):
        if re.match(pattern, routing_key) if pattern else key == routing_key:
            return queue
    return routing_key


def _bound(member: str, separator: str) -> tuple[str, str, str]:
    key, pattern, queue = [*member.split(separator), "", ""][:3]
    return key, pattern, queue


def _eta(message: Mapping[str, Any]) -> datetime | None:
    eta = headers_of(message).get("eta")
    try:
        at = datetime.fromisoformat(eta) if isinstance(eta, str) else None
    except ValueError:
        return None
    return at if at is None or at.tzinfo else None


def _text(value: bytes | str) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else value
