"""Compiles the kernel into numba's cache, so that the first funnel of a process is as fast as the next."""

import datetime as dt
import time

from analytics.columns import FRESH, sealed
from analytics.counting import Count, chains, tally
from analytics.funnels import ORDERS, FunnelDefinition
from analytics.partition import Partition
from analytics.question import Question


def warm() -> float:
    """Compile, or load from the cache, every entry point of the kernel; the seconds that it took."""
    started = time.monotonic()
    nothing = Partition.of_table(sealed(FRESH.empty_table()))
    day = dt.date(2024, 1, 1)
    for order in ORDERS:
        funnel = FunnelDefinition.parse("A,B", order=order)
        count = Count(funnel, Question.of_days(day, day), dt.datetime.now(dt.UTC))
        tally(nothing, count)
        chains(nothing, count)
    return time.monotonic() - started
