"""What people switched in running workers, noted in the broker beside the queues, so that all see it.

Celery keeps no such note: a worker that is told to leave a queue alone forgets why, and one that starts
later was never told.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import redis

from dlq.broker.records import ChangedLimit, Limits, Pause
from dlq.times import from_ms, to_ms

PAUSES = "dlq:pauses"
LIMITS = "dlq:limits"
#: Notes of each kind at most; a person makes them one by one.
MAX_NOTES = 1_000


def pauses(client: redis.Redis) -> tuple[Pause, ...]:
    """By queue name."""
    return tuple(_pause(queue, note) for queue, note in _notes(client, PAUSES))


def note_pause(client: redis.Redis, pause: Pause) -> None:
    """Also replaces the note of an earlier pause of that queue."""
    _note(
        client,
        PAUSES,
        pause.queue,
        {"by": pause.by, "at": to_ms(pause.at), "reason": pause.reason, "workers": list(pause.workers)},
    )


def forget_pause(client: redis.Redis, queue: str) -> None:
    client.hdel(PAUSES, queue)


def changed_limits(client: redis.Redis) -> tuple[ChangedLimit, ...]:
    """By task name."""
    return tuple(_changed(task, note) for task, note in _notes(client, LIMITS))


def note_limit(client: redis.Redis, changed: ChangedLimit) -> None:
    """Also replaces the note of an earlier change of that task."""
    before = {worker: _pair(limits) for worker, limits in changed.before.items()}
    _note(
        client,
        LIMITS,
        changed.task_name,
        {"by": changed.by, "at": to_ms(changed.at), "limits": _pair(changed.limits), "before": before},
    )


def forget_limit(client: redis.Redis, task_name: str) -> None:
    client.hdel(LIMITS, task_name)


def _note(client: redis.Redis, kind: str, name: str, note: Mapping[str, Any]) -> None:
    client.hset(kind, name, json.dumps(note))


def _notes(client: redis.Redis, kind: str) -> list[tuple[str, Mapping[str, Any]]]:
    stored = client.hgetall(kind).items()
    named = ((name.decode() if isinstance(name, bytes) else name, note) for name, note in stored)
    return [(name, json.loads(note)) for name, note in sorted(named)[:MAX_NOTES]]


def _pause(queue: str, note: Mapping[str, Any]) -> Pause:
    return Pause(queue, note["by"], _at(note), note["reason"], tuple(note["workers"]))


def _changed(task_name: str, note: Mapping[str, Any]) -> ChangedLimit:
    before = {worker: Limits(*pair) for worker, pair in note["before"].items()}
    return ChangedLimit(task_name, note["by"], _at(note), Limits(*note["limits"]), before)


def _at(note: Mapping[str, Any]) -> datetime:
    return from_ms(int(note["at"]))


def _pair(limits: Limits) -> list[float | None]:
    return [limits.soft, limits.hard]
