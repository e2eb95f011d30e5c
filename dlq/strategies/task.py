"""A task base class that acts on its own errors by category: tries again, falls back, or dies as a letter.

    @app.task(bind=True, base=StrategicTask)
    def fetch(self, url): return self.through("shop", lambda: get(url))

The body raises what it raises; nothing needs to be caught in it. A task that meets an open circuit breaker
waits until a call may pass and uses up no attempt, `most_waits` times.
"""

import logging
import random
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

import redis
from celery import Celery, Task
from celery.exceptions import Retry, TaskPredicate
from redis.backoff import NoBackoff
from redis.retry import Retry as RedisRetry

from dlq.errors import BreakerOpen
from dlq.strategies.breaker import Breaker, BreakerSettings
from dlq.strategies.categories import Category
from dlq.strategies.marks import category_of
from dlq.strategies.retry_after import retry_after_seconds
from dlq.strategies.strategy import LONGEST_PAUSE_SECONDS, STRATEGIES, Strategy
from dlq.strategies.words import Situation, situated
from dlq.tasks import DeadLetterTask

#: How often a run has waited for a breaker. Holds the task id too: a letter's retry begins from nothing.
WAITS_HEADER = "dlq_waits"
#: A breaker must not make a task slower than what it spares it.
_REDIS_SECONDS = 1.0

T = TypeVar("T")
_log = logging.getLogger("dlq")


class StrategicTask(DeadLetterTask):
    """`strategies` overrides those of `STRATEGIES` by category, `breakers` the settings by dependency.

    Breakers live in the Redis of the configuration `dlq_breaker_url`, else in the broker when that is a
    Redis, else nowhere. A `max_retries` that is set bounds every strategy.
    """

    abstract = True
    max_retries: int | None = None
    strategies: ClassVar[Mapping[Category, Strategy]] = MappingProxyType({})
    breakers: ClassVar[Mapping[str, BreakerSettings]] = MappingProxyType({})
    #: Further runs that end before an open breaker; the next one counts as a failed attempt.
    most_waits = 20

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.request.called_directly:
            return super().__call__(*args, **kwargs)
        try:
            return self.run(*args, **kwargs)
        except Exception as error:
            if isinstance(error, TaskPredicate):
                raise
            if again := self.another_attempt(error):
                raise again from error
            category = category_of(error)
            _log.error("%s", situated(category, self._situation(category, None)))
            if fallback := self.strategy_for(category).fallback:
                return fallback(self, error)
            raise

    def retry(self, *args: Any, max_retries: int | None = None, **options: Any) -> Any:
        """For bodies that retry themselves: without a `max_retries` anywhere, Celery's usual three."""
        if max_retries is None and self.max_retries is None:
            max_retries = Task.max_retries
        return super().retry(*args, max_retries=max_retries, **options)

    def now(self) -> datetime:
        return datetime.now(UTC)

    def strategy_for(self, category: Category) -> Strategy:
        return self.strategies.get(category, STRATEGIES[category])

    def another_attempt(self, error: Exception) -> Retry | None:
        """Publish a further attempt and return what to raise for it; None when none is left or none helps.

        Outside a worker there is none. A broker that does not take the message raises Reject.
        """
        if self.request.called_directly or isinstance(error, TaskPredicate):
            return None
        waits = self._waits()
        if isinstance(error, BreakerOpen) and waits < self.most_waits:
            _log.info("%s waits for %s, attempts are not used up", self.name, error.dependency)
            return self._again_after(_spread(error.seconds), error, waits + 1)
        category = category_of(error)
        if (pause := self._pause_seconds(category, error)) is None:
            return None
        _log.warning("%s", situated(category, self._situation(category, pause)))
        return self._again_after(pause, error, waits)

    def breaker(self, dependency: str) -> Breaker:
        """The breaker of `dependency`, the same for all tasks of this app in this process."""
        settings = self.breakers.get(dependency, BreakerSettings())
        return _breaker(self.app, dependency, settings)

    def through(self, dependency: str, operation: Callable[[], T]) -> T:
        """The value of `operation`, guarded by the breaker of `dependency`. Raises BreakerOpen."""
        return self.breaker(dependency).call(operation)

    def _pause_seconds(self, category: Category, error: Exception) -> float | None:
        strategy, failed = self.strategy_for(category), self._attempt()
        if failed > self._limit(strategy):
            return None
        return strategy.pause_seconds(failed, retry_after_seconds(error, self.now()))

    def _limit(self, strategy: Strategy) -> int:
        return strategy.limit if self.max_retries is None else min(strategy.limit, self.max_retries)

    def _attempt(self) -> int:
        return int(self.request.retries) - self._waits() + 1

    def _waits(self) -> int:
        waits = (self.request.headers or {}).get(WAITS_HEADER) or {}
        return int(waits["count"]) if waits.get("task_id") == self.request.id else 0

    def _again_after(self, seconds: float, error: Exception, waits: int) -> Retry:
        headers = dict(self.request.headers or {})
        if waits:
            headers[WAITS_HEADER] = {"task_id": self.request.id, "count": waits}
        # Celery's own limit counts waits too; ours has been applied.
        again: Retry = self.retry(
            exc=error,
            countdown=seconds,
            headers=headers,
            throw=False,
            max_retries=self.request.retries + 1,
        )
        return again

    def _situation(self, category: Category, pause: float | None) -> Situation:
        attempt = self._attempt()
        return Situation(
            task_name=self.name,
            session_id=(self.request.headers or {}).get("session_id"),
            attempt=attempt,
            attempts=max(attempt, self._limit(self.strategy_for(category)) + 1),
            next_seconds=pause,
        )


def _spread(seconds: float) -> float:
    # All that wait would come back in the same moment, and only one of them may pass as the probe.
    return min(seconds * random.uniform(1.0, 1.5) + 0.1, LONGEST_PAUSE_SECONDS)  # noqa: S311 - no secret


@cache
def _breaker(app: Celery, dependency: str, settings: BreakerSettings) -> Breaker:
    return Breaker(_client(app), dependency, settings)


@cache
def _client(app: Celery) -> "redis.Redis | None":
    url = app.conf.get("dlq_breaker_url") or app.conf.broker_write_url or app.conf.broker_url or ""
    if not url.startswith(("redis://", "rediss://")):
        return None
    return redis.Redis.from_url(
        url,
        socket_connect_timeout=_REDIS_SECONDS,
        socket_timeout=_REDIS_SECONDS,
        retry=RedisRetry(NoBackoff(), 0),
    )
