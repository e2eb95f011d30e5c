"""A circuit breaker for one dependency, shared through Redis by all processes that call it.

closed      calls pass and are counted; too many failures open it
open        no call passes until the cool-down is over: what is down is left alone
half-open   one call passes, the probe: its answer closes the breaker, its failure means one more cool-down

A Redis that is away means closed: the breaker spares attempts, it must never stop work by itself.
"""

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from secrets import token_hex
from typing import Any, TypeVar

import redis

from dlq.errors import BreakerOpen
from dlq.strategies.breaker_scripts import ENTER, FAIL, MOST_BREAKERS, SUCCEED
from dlq.strategies.categories import PASSING
from dlq.strategies.marks import category_of
from dlq.times import Clock, from_ms, to_ms

#: After an error of Redis the breaker does not ask it again for so long: each question may cost a timeout.
AWAY_SECONDS = 10.0
#: The braces keep all breakers on one node of a cluster, as a script needs.
REGISTRY = "{dlq:breakers}"

_AS_PROBE = -1

T = TypeVar("T")
_log = logging.getLogger("dlq")


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    failures: int = 10  #: within the window open it ...
    share: float = 0.5  #: ... if they are at least this share of all calls
    window_seconds: float = 60.0
    cool_down_seconds: float = 15.0


class Breaker:
    """Guards the calls to `dependency`. Without a client it lets every call pass.

    `clock` is for tests; without it the clock of the Redis server counts, which all machines share.
    """

    def __init__(
        self,
        client: "redis.Redis | None",
        dependency: str,
        settings: BreakerSettings = BreakerSettings(),
        clock: Clock | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.dependency = dependency
        self.settings = settings
        self._client = client
        self._clock = clock
        self._monotonic = monotonic
        self._away_until = 0.0

    def call(self, operation: Callable[[], T]) -> T:
        """The value of `operation`, whose errors pass through. Raises BreakerOpen instead of calling it.

        Errors that may pass by themselves count as failures of the dependency; with any other, say a refused
        request, the dependency has answered.
        """
        token = self._enter()
        try:
            value = operation()
        except Exception as error:
            self._report(error, token)
            raise
        self._run(SUCCEED, token)
        return value

    def _enter(self) -> str:
        token = token_hex(8)
        wait_ms = self._run(ENTER, token)
        if wait_ms > 0:
            raise BreakerOpen(self.dependency, wait_ms / 1000)
        return token if wait_ms == _AS_PROBE else ""

    def _report(self, error: Exception, token: str) -> None:
        name = type(error).__name__
        if category_of(error) not in PASSING:
            self._run(SUCCEED, token)
        elif self._run(FAIL, token, name):
            _log.warning("The circuit breaker of %s has opened: %s", self.dependency, name)

    def _run(self, script: str, token: str, words: str = "") -> int:
        if self._client is None or self._monotonic() < self._away_until:
            return 0
        limits = self.settings
        arguments = (
            "" if self._clock is None else to_ms(self._clock()),
            int(limits.window_seconds * 1000),
            int(limits.cool_down_seconds * 1000),
            limits.failures,
            limits.share,
            token,
            words,
        )
        try:
            run = self._client.register_script(script)
            return int(run(keys=[_key(self.dependency), REGISTRY], args=arguments))
        except redis.RedisError as error:
            self._away_until = self._monotonic() + AWAY_SECONDS
            _log.warning("Circuit breakers let everything pass, Redis does not answer: %s", error)
            return 0


class Circuit(StrEnum):
    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


@dataclass(frozen=True, slots=True)
class BreakerState:
    dependency: str
    circuit: Circuit
    failures: int  #: in the window; once open, those that opened it
    calls: int
    reason: str  #: class of the last failure; "" when there was none
    opened_at: datetime | None  #: None while closed
    probe_due_at: datetime | None  #: when the next call may pass; None while closed


def states(client: "redis.Redis", now: datetime) -> tuple[BreakerState, ...]:
    """The breakers called within a week, the latest first, at most 500. Raises redis.RedisError."""
    keys = [_text(key) for key in client.zrevrange(REGISTRY, 0, MOST_BREAKERS - 1)]
    with client.pipeline(transaction=False) as asked:
        for key in keys:
            asked.hgetall(key)
        stored = asked.execute()
    return tuple(_state(key, fields, now) for key, fields in zip(keys, stored, strict=True))


def reset(client: "redis.Redis", dependency: str) -> bool:
    """Close the breaker by hand and forget its counts; False when there was nothing to forget."""
    return bool(client.delete(_key(dependency)))


def _key(dependency: str) -> str:
    return f"{REGISTRY}:{dependency}"


def _state(key: str, stored: Mapping[bytes | str, bytes | str], now: datetime) -> BreakerState:
    fields = {_text(name): _text(value) for name, value in stored.items()}
    opened = "opened_ms" in fields
    since_ms = 0 if opened else to_ms(now) - int(fields.get("window_ms", 0))
    return BreakerState(
        dependency=key.removeprefix(f"{REGISTRY}:"),
        circuit=_circuit(fields),
        failures=_sum(fields, "failures", since_ms),
        calls=_sum(fields, "calls", since_ms),
        reason=fields.get("reason", ""),
        opened_at=from_ms(int(fields["opened_ms"])) if opened else None,
        probe_due_at=from_ms(int(fields["probe_due_ms"])) if opened else None,
    )


def _circuit(fields: Mapping[str, str]) -> Circuit:
    if "opened_ms" not in fields:
        return Circuit.CLOSED
    return Circuit.HALF_OPEN if "probe" in fields else Circuit.OPEN


def _sum(fields: Mapping[str, str], what: str, since_ms: int) -> int:
    slices = (name.partition(":") for name in fields)
    return sum(
        int(fields[f"{what}:{start}"]) for name, _, start in slices if name == what and int(start) > since_ms
    )


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)
