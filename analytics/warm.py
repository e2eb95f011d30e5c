"""Compiles the kernel into numba's cache, so that the first funnel of a process is as fast as the next."""

import datetime as dt
import time
from dataclasses import replace

import numpy as np
import pyarrow as pa

from analytics.columns import FRESH, sealed
from analytics.conditions import Condition
from analytics.counting import Count, chains, tally
from analytics.funnels import ORDERS, FunnelDefinition, Step
from analytics.grouping import EVERY_VALUE
from analytics.kernel.between import count_between
from analytics.partition import Partition
from analytics.question import Question

_DAY = dt.date(2024, 1, 1)


def warm() -> float:
    """Compile, or load from the cache, every entry point of the kernel; the seconds that it took."""
    started = time.monotonic()
    twice = Partition.of_table(sealed(_entered_twice()))
    steps = (Step(("A",), "A"), Step(("B",), "B"))
    filtered = replace(steps[1], where=(Condition("name", "is_set"),))
    count = Count(
        FunnelDefinition("warm", steps),
        Question.of_days(_DAY, _DAY, breakdown=("name",)),
        dt.datetime.now(dt.UTC),
        EVERY_VALUE,
    )
    for definition in (
        replace(count.definition, steps=(steps[0], filtered)),
        *(replace(count.definition, order=order) for order in ORDERS),
    ):
        tally(twice, replace(count, definition=definition))
    for attribution in ("first_touch", "last_touch"):
        chains(twice, replace(count, question=replace(count.question, attribution=attribution)))
    none = np.zeros(0, np.int64)
    count_between(
        twice.starts, twice.at_ms, twice.name.codes, none, none, none, none, np.zeros((0, 2), np.int64)
    )
    return time.monotonic() - started


def _entered_twice() -> pa.Table:
    """A session that leaves the kernel a choice, so that it takes every way."""
    at_ms = int(dt.datetime(_DAY.year, _DAY.month, _DAY.day, 12, tzinfo=dt.UTC).timestamp()) * 1000
    columns = {
        "session_id": ["once", "twice", "twice"],
        "at_ms": [at_ms, at_ms, at_ms + 1],
        "id": [bytes(16)] * 3,
        "name": ["A"] * 3,
        "client_id": [None] * 3,
        "user_id": [None] * 3,
    }
    return pa.table(columns, schema=FRESH)
