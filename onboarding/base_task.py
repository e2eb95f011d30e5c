"""The base classes of the flow's tasks: one way to be correlated, to answer, to fail and to write.

A transient error is tried again by Celery, with growing pauses; whatever remains after that, and every other
error, leaves the task as an exception and becomes a dead letter.
"""

import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, NoReturn, TypeVar

from sqlalchemy import Connection, Engine

from dlq.tasks import DeadLetterTask
from infra.worker_engine import worker_engine
from onboarding.errors import Transient

T = TypeVar("T")


class OnboardingBaseTask(DeadLetterTask):
    abstract = True
    max_retries = 2
    #: Seconds before the first further attempt; doubled for each one after it, up to `longest_pause_seconds`.
    first_pause_seconds = 1.0
    longest_pause_seconds = 60.0

    @property
    def engine(self) -> Engine:
        return worker_engine(self.app)

    def now(self) -> datetime:
        return datetime.now(UTC)

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
        """Try again later if that may help and attempts are left; otherwise fail with the error itself."""
        if isinstance(error, Transient) and self.request.retries < self.max_retries:
            raise self.retry(exc=error, countdown=self._pause_seconds())
        raise error

    def with_transaction(self, work: Callable[[Connection], T]) -> T:
        """Run `work` in one transaction: state and event are both there, or neither."""
        with self.engine.begin() as connection:
            return work(connection)

    def _pause_seconds(self) -> float:
        pause = min(self.first_pause_seconds * 2**self.request.retries, self.longest_pause_seconds)
        # Half of it at random: tasks that failed together must not come back together.
        return float(pause * random.uniform(0.5, 1.0))  # noqa: S311 - spreads load, guards nothing


class OnboardingDatabaseTask(OnboardingBaseTask):
    """Work that stays inside our own database."""

    abstract = True


class OnboardingLLMTask(OnboardingBaseTask):
    """Work that waits for a language model: slow, and worth several attempts."""

    abstract = True
    soft_time_limit = 90
    time_limit = 120
