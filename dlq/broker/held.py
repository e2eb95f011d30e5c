"""Which tasks the broker still holds: waiting in a queue, or taken by a worker and not acknowledged.

Messages move while we look. Whatever a worker holds is read before and after the lists, and the lists from
the head, where new messages enter, so a message that moves once meanwhile is seen. What is never seen is one
that a worker has taken off the list and not noted yet, so absence means "gone" only for a message that
was published a while ago.
"""

from collections.abc import Collection, Iterator
from itertools import chain
from typing import cast

import redis

from dlq.broker.keys import USUAL, BrokerKeys, held_message_of, ids_of, message_of
from dlq.errors import BrokerUnavailable

#: Messages read at most; more and the answer would take seconds of the broker's time.
MAX_SCANNED = 100_000
CHUNK = 500


def held(
    client: redis.Redis, queue: str, ids: Collection[str], *, keys: BrokerKeys = USUAL
) -> frozenset[str] | None:
    """Those of the task `ids` that `queue` or any worker holds; None when there is too much to look through.

    Every id not in the answer is gone from the broker. Raises BrokerUnavailable.
    """
    wanted, found = frozenset(ids), set[str]()
    try:
        for scanned, named in enumerate(_everything(client, queue, keys)):
            found |= named & wanted
            if len(found) == len(wanted):
                break
            if scanned >= MAX_SCANNED:
                return None
    except redis.RedisError as error:
        raise BrokerUnavailable(str(error)) from error
    return frozenset(found)


def _everything(client: redis.Redis, queue: str, keys: BrokerKeys) -> Iterator[frozenset[str]]:
    queued = chain.from_iterable(_listed(client, name) for name in keys.lists(queue))
    return chain(_taken(client, keys.held), queued, _taken(client, keys.held))


def _listed(client: redis.Redis, name: str) -> Iterator[frozenset[str]]:
    start = 0
    while chunk := cast("list[bytes]", client.lrange(name, start, start + CHUNK - 1)):
        yield from (ids_of(message_of(raw)) for raw in chunk)
        start += CHUNK


def _taken(client: redis.Redis, name: str) -> Iterator[frozenset[str]]:
    for _tag, raw in client.hscan_iter(name, count=CHUNK):
        yield ids_of(held_message_of(raw)[0])
