"""Compiles the kernel into numba's cache, so that the first funnel of a process is as fast as the next."""

import datetime as dt
import time
from dataclasses import replace

import numpy as np

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
    nothing = Partition.of_table(sealed(FRESH.empty_table()))
    filtered = Step(("B",), "B", (Condition("name", "is_set"),))
    count = Count(
        FunnelDefinition("warm", (Step(("A",), "A"), filtered)),
        Question.of_days(_DAY, _DAY, breakdown=("name",)),
        dt.datetime.now(dt.UTC),
        EVERY_VALUE,
    )
    for order in ORDERS:
        tally(nothing, replace(count, definition=replace(count.definition, order=order)))
    for attribution in ("first_touch", "last_touch"):
        chains(nothing, replace(count, question=replace(count.question, attribution=attribution)))
    none = np.zeros(0, np.int64)
    count_between(
        nothing.starts, nothing.at_ms, nothing.name.codes, none, none, none, none, np.zeros((0, 2), np.int64)
    )
    return time.monotonic() - started
