"""What workers answer when asked through the broker, whether they have `dlq.install` or not.

Asking everybody costs the full timeout, because nobody knows how many will answer. So the names are kept for
a while, and those workers are asked by name, which ends with the last answer.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from celery import Celery

from dlq.broker.records import Limits, Running
from dlq.times import Clock, utc_now

ASK_SECONDS = 1.0
#: How long names, registered tasks and pool figures are kept.
KEPT = timedelta(seconds=30)
#: Of each worker, running tasks at most.
MAX_RUNNING = 200

_LIMITS = ("soft_time_limit", "time_limit")
_TASK = re.compile(r"(?P<name>.+?)(?: \[(?P<fields>[^\]]*)\])?$")


@dataclass(frozen=True, slots=True)
class Answer:
    """Of one worker. Tasks and figures may be half a minute old; queues and running tasks are of now."""

    tasks: Mapping[str, Limits]
    stats: Mapping[str, Any]
    queues: tuple[str, ...] = ()
    running: tuple[Running, ...] = ()


class Inspection:
    """Asks the workers of `app`'s broker. Not for several threads at once. Raises the broker's errors."""

    def __init__(self, app: Celery, clock: Clock = utc_now) -> None:
        self._app = app
        self._clock = clock
        self._known: Mapping[str, Answer] = {}
        self._known_at: datetime | None = None

    def forget(self) -> None:
        """Ask everybody next time."""
        self._known_at = None

    def answers(self) -> Mapping[str, Answer]:
        """By worker name; who does not answer in time is left out until everybody is asked again."""
        now = self._clock()
        if self._known_at is None or not now - KEPT < self._known_at <= now:
            self._known, self._known_at = self._introductions(), now
        names = list(self._known)
        queues = self._ask(names, lambda asked: asked.active_queues())
        running = self._ask(names, lambda asked: asked.active())
        return {
            name: replace(
                known,
                queues=tuple(sorted(str(queue["name"]) for queue in queues[name] if not _is_fanout(queue))),
                running=tuple(_running(task) for task in running.get(name, [])[:MAX_RUNNING]),
            )
            for name, known in self._known.items()
            if name in queues
        }

    def _introductions(self) -> Mapping[str, Answer]:
        names = sorted(self._app.control.inspect(timeout=ASK_SECONDS).ping() or ())
        registered = self._ask(names, lambda asked: asked.registered(*_LIMITS))
        stats = self._ask(names, lambda asked: asked.stats())
        return {
            name: Answer(
                tasks=dict(_task(told) for told in registered.get(name, ())), stats=stats.get(name, {})
            )
            for name in names
        }

    def _ask(self, names: Sequence[str], question: Callable[[Any], Any]) -> Mapping[str, Any]:
        if not names:
            return {}
        asked = self._app.control.inspect(names, timeout=ASK_SECONDS, limit=len(names))
        answers: Mapping[str, Any] = question(asked) or {}
        return {name: answer for name, answer in answers.items() if not _is_refusal(answer)}


def _is_fanout(queue: Mapping[str, Any]) -> bool:
    """Of those, as in heartbeats, no worker takes what is sent to the queue by name."""
    return (queue.get("exchange") or {}).get("type") == "fanout"


def _is_refusal(answer: Any) -> bool:
    return isinstance(answer, dict) and answer.keys() == {"error"}


def _running(task: Mapping[str, Any]) -> Running:
    started = task.get("time_start")
    return Running(
        task_id=str(task.get("id", "")),
        task_name=str(task.get("name", "")),
        queue=str((task.get("delivery_info") or {}).get("routing_key") or ""),
        started_at=datetime.fromtimestamp(started, UTC) if started else None,
    )


def _task(told: str) -> tuple[str, Limits]:
    """A registered task as Celery words it: `name`, or `name [soft_time_limit=5 time_limit=9]`."""
    match = _TASK.match(told)
    if match is None:
        return told, Limits()
    fields = dict(pair.partition("=")[::2] for pair in (match["fields"] or "").split())
    return match["name"], Limits(_seconds(fields.get(_LIMITS[0])), _seconds(fields.get(_LIMITS[1])))


def _seconds(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
