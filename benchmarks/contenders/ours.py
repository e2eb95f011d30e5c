"""Onward: counts, outcomes, averages, medians and a trend, in all and by value.

Forms: `total` and `breakdown` (the reader), `cached` (the view through Redis). Every repetition but those of
`cached` has another window and another first step, so that nothing but loaded columns can be reused.
"""

import datetime as dt

from analytics.cache import ViewCache
from analytics.funnels import FunnelDefinition, Step
from analytics.queries import Asked, Reader
from analytics.question import Question
from analytics.store import EventStore
from analytics.tally import Tally
from analytics.views.funnel import FUNNEL
from benchmarks.journeys import STEPS
from benchmarks.task import BREAKDOWN, WINDOW_SECONDS, Answer, Counts, Task, window_seconds
from infra.database import open_engine
from infra.redis_client import open_redis

MEMORY_BYTES = 12 << 30
CACHE_SECONDS = 3_600


def prepare(task: Task) -> None:
    """The day files are ours already."""


def ready(task: Task) -> Answer:
    reader = Reader(
        open_engine(task.database_url), EventStore.at(task.store_location), memory_bytes=MEMORY_BYTES
    )
    if task.form == "cached":
        cache = ViewCache(open_redis(task.redis_url), CACHE_SECONDS)
        return lambda _: _cached(cache, reader, task)
    return lambda repetition: _counted(reader, task, repetition)


def _counted(reader: Reader, task: Task, repetition: int) -> Counts:
    result = reader.ask(_asked(task, repetition))
    by_value = None
    if result.rows is not None and result.grouped is not None:
        by_value = {label: _reached(result.grouped, group) for group, label in enumerate(result.rows.labels)}
    return Counts(_reached(result.total, 0), by_value)


def _reached(tally: Tally, group: int) -> tuple[int, ...]:
    return tuple(tally.reached[group].tolist())


def _cached(cache: ViewCache, reader: Reader, task: Task) -> Counts:
    view = cache.view(FUNNEL, reader, _asked(task, None)).view
    return Counts(tuple(step.reached for step in view.steps))


def _asked(task: Task, repetition: int | None) -> Asked:
    return Asked(_definition(repetition), _question(task), dt.datetime.now(dt.UTC))


def _definition(repetition: int | None) -> FunnelDefinition:
    other = () if repetition is None else (f"never-recorded-{repetition}",)
    names = [(STEPS[0], *other), *((name,) for name in STEPS[1:])]
    window = WINDOW_SECONDS if repetition is None else window_seconds(repetition)
    return FunnelDefinition(
        "benchmark", tuple(Step(events, events[0]) for events in names), window_seconds=window
    )


def _question(task: Task) -> Question:
    first, last = dt.date.fromisoformat(task.first_day), dt.date.fromisoformat(task.last_day)
    if task.form == "total":
        return Question.of_days(first, last)
    return Question.of_days(first, last, breakdown=(BREAKDOWN,))
