"""Computed views in Redis: one computes, the others wait for it; without Redis everyone computes.

A view is kept under its definition, question, blocked sessions and version of the store, so a change of
any of them asks anew. The key also holds the shape of the record, so that two versions of this program beside
each other never read each other's. The clock is not in it: a window that closes shows after the time to live.
"""

import datetime as dt
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256

import redis

from analytics import definition_json
from analytics.funnels import FunnelDefinition
from analytics.queries import Reader
from analytics.question import Question
from analytics.records import plain, restored, shape
from analytics.view_records import FunnelView
from analytics.views import funnel_view

_PREFIX = "onward:view:"
_SHAPE = shape(FunnelView)
#: After this long the one who computes is taken for dead.
FLIGHT_SECONDS = 30
_LOOK_AGAIN_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """Of this process, since it started."""

    hits: int
    misses: int
    unavailable: int  #: times that Redis did not answer, and the view was computed without it


class ViewCache:
    """Share one per process. `seconds` is the time to live; 0 keeps nothing."""

    def __init__(self, client: "redis.Redis", seconds: int) -> None:
        self._redis = client
        self._seconds = seconds
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def counts(self) -> CacheCounts:
        with self._lock:
            return CacheCounts(self._counts["hit"], self._counts["miss"], self._counts["unavailable"])

    def view(
        self,
        reader: Reader,
        definition: FunnelDefinition,
        question: Question,
        *,
        now: dt.datetime,
        blocked: Mapping[str, int] | None = None,
    ) -> FunnelView:
        """As views.funnel_view, from Redis when somebody asked the same within the time to live."""
        state = reader.state()
        asked = [
            definition_json.to_json(definition), plain(question), sorted((blocked or {}).items()),
            state.version, _SHAPE,
        ]  # fmt: skip
        key = _PREFIX + sha256(json.dumps(asked, sort_keys=True).encode()).hexdigest()

        def compute() -> str:
            view = funnel_view(reader, definition, question, now=now, blocked=blocked)
            return json.dumps(view.to_json())

        view = restored(FunnelView, json.loads(self._text(key, compute)))
        return replace(view, synced_at=state.synced_at)

    def _text(self, key: str, compute: Callable[[], str]) -> str:
        if not self._seconds:
            return compute()
        try:
            found = self._found(key)
        except redis.RedisError:
            self._count("unavailable")
            return compute()
        self._count("hit" if found else "miss")
        return found or self._computed(key, compute)

    def _found(self, key: str) -> str | None:
        """The text, waiting while somebody else computes it; None makes us the one who computes."""
        deadline = time.monotonic() + FLIGHT_SECONDS
        while time.monotonic() < deadline:
            if text := self._get(key):
                return text
            if self._redis.set(key + ":flight", "1", nx=True, ex=FLIGHT_SECONDS):
                # The one before us may have landed between our look and our start.
                if text := self._get(key):
                    self._redis.delete(key + ":flight")
                return text
            time.sleep(_LOOK_AGAIN_SECONDS)
        return None

    def _get(self, key: str) -> str | None:
        text = self._redis.get(key)
        return str(text, "utf-8") if isinstance(text, bytes) else text

    def _computed(self, key: str, compute: Callable[[], str]) -> str:
        text = None
        try:
            text = compute()
        finally:
            self._land(key, text)
        return text

    def _land(self, key: str, text: str | None) -> None:
        try:
            if text is not None:
                self._redis.set(key, text, ex=self._seconds)
            self._redis.delete(key + ":flight")
        except redis.RedisError:
            self._count("unavailable")

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1
