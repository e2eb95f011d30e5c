"""The base classes of the flow's tasks: one way to be correlated, to answer, to fail and to write.

The body of a task raises what it raises. By the category of the error it is tried again, answered by a
fallback, or becomes a dead letter (`dlq/strategies/`); the classes differ in what their work depends on.
"""

import logging
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn, TypeVar

from celery.exceptions import SoftTimeLimitExceeded
from sqlalchemy import Connection, Engine

from dlq.strategies.breaker import BreakerSettings
from dlq.strategies.categories import PASSING, Category
from dlq.strategies.marks import category_of
from dlq.strategies.strategy import Strategy
from dlq.strategies.task import StrategicTask
from infra.worker_engine import worker_engine

#: The language model, as the Workers page names it.
ASSISTANT = "assistant"

T = TypeVar("T")
_log = logging.getLogger(__name__)


class OnboardingBaseTask(StrategicTask):
    abstract = True

    @property
    def engine(self) -> Engine:
        return worker_engine(self.app)

    def get_correlation_id(self) -> str:
        """The id that ties this run to what caused it: the caller's header, else the root task."""
        return self.correlation_id

    def task_success(self, **outcome: Any) -> dict[str, Any]:
        """The answer of a run that did its work; the same keys for every task of the flow."""
        return {
            "status": "success",
            "task_id": self.request.id,
            "correlation_id": self.get_correlation_id(),
            **outcome,
        }

    def handle_task_error(self, error: Exception) -> NoReturn:
        """Try again later if that may help and attempts are left; otherwise fail with the error itself.

        For a body that has to clean up first; what it lets through comes to the same.
        """
        raise self.another_attempt(error) or error

    def with_transaction(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction: state and event are both there, or neither."""
        with self.engine.begin() as connection:
            return work(connection)

    def safe_execute(
        self,
        operation: Callable[[], T],
        *,
        fallback: Callable[[Exception], T] | None = None,
        dependency: str | None = None,
    ) -> T:
        """The value of `operation`, or of `fallback` when a dependency fails it.

        The fallback gets the error and stands in for failures that may pass by themselves, at once and
        without a further attempt; a bug or a wrong setting is never hidden behind it, nor the end of the
        task's own time. `dependency` names the circuit breaker that guards the operation.
        """
        try:
            return self.through(dependency, operation) if dependency else operation()
        except Exception as error:
            if fallback is None or isinstance(error, SoftTimeLimitExceeded):
                raise
            if (category := category_of(error)) not in PASSING:
                raise
            _log.warning("%s goes on with a fallback: %s (%s)", self.name, type(error).__name__, category)
            return fallback(error)


class OnboardingDatabaseTask(OnboardingBaseTask):
    """Work that stays inside our own database: short, and quick to try again."""

    abstract = True
    soft_time_limit = 30
    time_limit = 60
    strategies: ClassVar[Mapping[Category, Strategy]] = MappingProxyType(
        {
            Category.DATABASE: Strategy(limit=6, first_seconds=0.1, cap_seconds=10, jitter=1.0),
            Category.TIMEOUT: Strategy(limit=3, first_seconds=1),
        }
    )


class OnboardingLLMTask(OnboardingBaseTask):
    """Work that waits for a language model: slow, often refused for a while, and answered by chance."""

    abstract = True
    soft_time_limit = 90
    time_limit = 120
    strategies: ClassVar[Mapping[Category, Strategy]] = MappingProxyType(
        {
            Category.TIMEOUT: Strategy(limit=2, first_seconds=1),
            Category.RATE_LIMIT: Strategy(limit=8, first_seconds=4, cap_seconds=300, jitter=1.0),
        }
    )
    breakers: ClassVar[Mapping[str, BreakerSettings]] = MappingProxyType(
        {ASSISTANT: BreakerSettings(failures=25, share=0.4, window_seconds=60, cool_down_seconds=5)}
    )


class OnboardingNetworkTask(OnboardingBaseTask):
    """Work that calls somebody else's service over HTTP: usually quick, sometimes away for minutes."""

    abstract = True
    soft_time_limit = 45
    time_limit = 60
    strategies: ClassVar[Mapping[Category, Strategy]] = MappingProxyType(
        {
            Category.TRANSIENT: Strategy(limit=6, first_seconds=1, factor=3, cap_seconds=300),
            Category.TIMEOUT: Strategy(limit=4, first_seconds=2, factor=3, cap_seconds=300),
        }
    )
