"""Computed views in Redis: one computes, the others wait for it; without Redis everyone computes.

A view is kept under its kind, definition, question, blocked sessions, clients that its readers are restricted
to, and version of the store, so a change of any of them asks anew. The key also holds the shape of the
record, so that two versions of this program beside each other never read each other's. The clock is not in
it: a window that closes shows after the time to live.
"""

import datetime as dt
import json
import math
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Any, Generic

import redis

from analytics.catalogue import StoreState
from analytics.definition_json import to_json
from analytics.queries import Asked, Reader
from analytics.records import plain, restored, shape
from analytics.views.kinds import Record, ViewKind

_PREFIX = "onward:view:"
_shape = cache(shape)
#: After this long the one who computes is taken for dead.
FLIGHT_SECONDS = 30
#: For so long after Redis failed nobody asks it: one that hangs would hold up every view for its timeout.
AWAY_SECONDS = 10
_LOOK_AGAIN_SECONDS = 0.02
_SCAN_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class CacheCounts:
    """Of this process, since it started."""

    hits: int
    misses: int
    waits: int  #: of the hits, those that waited for somebody who was computing the same
    unavailable: int  #: views computed without Redis, which did not answer, or had just not answered


@dataclass(frozen=True, slots=True)
class Found:
    """A view as JSON text."""

    text: str
    computed_at: dt.datetime
    from_cache: bool
    synced_at: dt.datetime | None  #: when the store last took in events


@dataclass(frozen=True, slots=True)
class Answer(Generic[Record]):
    view: Record
    computed_at: dt.datetime
    from_cache: bool
    synced_at: dt.datetime | None


class ViewCache:
    """Share one per process. `seconds` is the time to live; 0 keeps nothing."""

    def __init__(
        self, client: "redis.Redis", seconds: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._redis = client
        self._seconds = seconds
        self._clock = clock
        self._away_until = -math.inf
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    @property
    def counts(self) -> CacheCounts:
        with self._lock:
            return CacheCounts(*(self._counts[name] for name in CacheCounts.__slots__))

    def view(self, kind: ViewKind[Record], reader: Reader, asked: Asked, /, **options: Any) -> Answer[Record]:
        """As kind.of, from Redis when somebody asked the same within the time to live."""
        found = self.text(kind, reader, asked, **options)
        view = restored(kind.record, json.loads(found.text))
        return Answer(view, found.computed_at, found.from_cache, found.synced_at)

    def text(self, kind: ViewKind[Record], reader: Reader, asked: Asked, /, **options: Any) -> Found:
        """The same as JSON text, which costs less to pass on."""
        state = reader.state()
        computed_now: list[str] = []

        def compute() -> str:
            body = plain(kind.of(reader, asked, **options))
            computed_now.append(f"{dt.datetime.now(dt.UTC).isoformat()}\n{json.dumps(body)}")
            return computed_now[0]

        stored = self._stored(_key(kind, asked, options, state), compute)
        moment, _, text = stored.partition("\n")
        return Found(text, dt.datetime.fromisoformat(moment), not computed_now, state.synced_at)

    def _stored(self, key: str, compute: Callable[[], str]) -> str:
        if not self._seconds:
            return compute()
        if self._clock() < self._away_until:
            self._count("unavailable")
            return compute()
        try:
            found = self._found(key)
        except redis.RedisError:
            self._failed()
            return compute()
        self._count("hits" if found else "misses")
        return found or self._computed(key, compute)

    def _found(self, key: str) -> str | None:
        """The text, waiting while somebody else computes it; None makes us the one who computes."""
        deadline = time.monotonic() + FLIGHT_SECONDS
        waited = False
        while time.monotonic() < deadline:
            if text := self._get(key):
                if waited:
                    self._count("waits")
                return text
            if self._redis.set(key + ":flight", "1", nx=True, ex=FLIGHT_SECONDS):
                # The one before us may have landed between our look and our start.
                if text := self._get(key):
                    self._redis.delete(key + ":flight")
                return text
            waited = True
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
            self._failed()

    def _failed(self) -> None:
        self._away_until = self._clock() + AWAY_SECONDS
        self._count("unavailable")

    def _count(self, what: str) -> None:
        with self._lock:
            self._counts[what] += 1


def forget(client: "redis.Redis") -> int:
    """Drop every kept view; how many there were. Raises redis.RedisError."""
    return sum(int(client.delete(key)) for key in client.scan_iter(_PREFIX + "*", count=_SCAN_AT_ONCE))


def _key(kind: ViewKind[Any], asked: Asked, options: dict[str, Any], state: StoreState) -> str:
    parts = [
        kind.name, to_json(asked.definition), plain(asked.question), sorted(asked.blocked.items()),
        sorted(asked.patterns.items()), sorted((asked.labels or {}).items()), plain(options), state.version,
        None if asked.clients is None else sorted(asked.clients), _shape(kind.record),  # type: ignore[arg-type]  # a class is hashable
    ]  # fmt: skip
    return _PREFIX + sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
