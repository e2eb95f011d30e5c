"""Compiles the kernel into numba's cache, so that the first funnel of a process is as fast as the next."""

import time

import numpy as np

from analytics import kernel
from analytics.tally import Tally


def warm() -> float:
    """Compile, or load from the cache, every entry point of the kernel; the seconds that it took."""
    started = time.monotonic()
    tally = Tally.empty(groups=1, steps=2, days=1)
    starts, at_ms = np.zeros(1, np.int64), np.zeros(0, np.int64)
    steps_of, rules = np.zeros(0, np.uint32), np.zeros(kernel.RULES, np.int64)
    rules[kernel.STEPS] = 2
    kernel.tally_sessions(
        starts,
        at_ms,
        steps_of,
        np.zeros(0, np.int32),
        at_ms,
        at_ms,
        rules,
        tally.reached,
        tally.outcomes,
        tally.gap_count,
        tally.gap_sum_ms,
        tally.gap_histogram,
        tally.daily,
    )
    kernel.chains_of_sessions(starts, at_ms, steps_of, rules, at_ms, np.zeros((0, 2), np.int64))
    return time.monotonic() - started
