"""When a failed task is tried again, by the category of its error."""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from dlq.strategies.categories import Category

#: Of any pause, whoever asks for it: a broker delivers a message that waits longer than its visibility
#: timeout a second time, and Celery's smallest usual one is an hour.
LONGEST_PAUSE_SECONDS = 900.0


@dataclass(frozen=True, slots=True)
class Strategy:
    """How often, and after which pauses, a task is tried again.

    The pause before further attempt n is `first_seconds * factor ** (n - 1)`, at most `cap_seconds`. `jitter`
    is the share of it left to chance: tasks that failed together must not come back together. 1 spreads load
    best, but may come back at once; 0.5 leaves what needs time to recover at least half the pause.
    """

    limit: int  #: attempts beyond the first; 0 gives up at once
    first_seconds: float = 1.0
    factor: float = 2.0
    cap_seconds: float = 60.0
    jitter: float = 0.5
    honours_retry_after: bool = True  #: a pause that the server asked for is not cut short
    #: Called with task and error when no attempt is left; its answer becomes that of the task, which then
    #: counts as done and leaves no letter.
    fallback: Callable[[Any, Exception], Any] | None = None

    def pause_seconds(
        self,
        attempt: int,
        asked_seconds: float | None = None,
        chance: Callable[[], float] = random.random,
    ) -> float:
        """The pause before further attempt `attempt`, counted from 1; never above `LONGEST_PAUSE_SECONDS`.

        `asked_seconds` is what the server asked for; `chance` gives numbers from 0 to 1.
        """
        # Beyond 64 doublings only overflow is left to gain.
        full = min(self.first_seconds * self.factor ** min(attempt - 1, 64), self.cap_seconds)
        pause = full * (1 - self.jitter * chance())
        if asked_seconds is not None and self.honours_retry_after:
            pause += asked_seconds
        return min(pause, LONGEST_PAUSE_SECONDS)


_GIVES_UP = Strategy(limit=0)

STRATEGIES: Mapping[Category, Strategy] = MappingProxyType(
    {
        # Outages last from seconds to minutes: five attempts span about two.
        Category.TRANSIENT: Strategy(limit=5, first_seconds=1, factor=3, cap_seconds=90),
        Category.RATE_LIMIT: Strategy(limit=6, first_seconds=5, cap_seconds=300, jitter=1.0),
        # Each attempt has already cost its whole time limit.
        Category.TIMEOUT: Strategy(limit=2, first_seconds=2),
        # Deadlocks and lost races are over in milliseconds, but only if the losers part ways.
        Category.DATABASE: Strategy(limit=4, first_seconds=0.2, cap_seconds=10, jitter=1.0),
        Category.RESOURCE: Strategy(limit=2, first_seconds=30, cap_seconds=120),
        Category.VALIDATION: _GIVES_UP,
        Category.CONFIGURATION: _GIVES_UP,
        Category.CANCELLED: _GIVES_UP,
        Category.BUG: _GIVES_UP,
    }
)
