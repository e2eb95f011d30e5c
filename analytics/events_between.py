"""How many of those who converted, and of those who left, had each event on their way."""

from collections import defaultdict
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from analytics.counting import Chains, to_ms
from analytics.kernel.arrays import CONVERTED, LEFT
from analytics.kernel.between import count_between
from analytics.queries import Asked, Reader
from analytics.serving import existing

#: Of the counts for an event name: those who converted, those who left.
Sides = tuple[int, int]


def sessions_with_event(reader: Reader, asked: Asked) -> dict[str, Sides]:
    """By event name, the sessions with such an event strictly between entry and end; own steps left out.

    The end is the last step of those who converted, and the end of the window of those who left. Blocked and
    open sessions are not counted. Raises as Reader.ask.
    """
    asked = replace(asked, question=replace(asked.question, breakdown=(), attribution="session"), labels=None)
    own = {name for step in asked.definition.steps for name in step.events}
    found: dict[str, NDArray[np.int64]] = defaultdict(lambda: np.zeros(2, np.int64))
    for part in reader.chains(asked):
        partition = existing(part.chains.partition, asked.question.event_where)
        counts = np.zeros((len(partition.name.values), 2), np.int64)
        sessions, entry_ms, end_ms, left = _judged(part.chains, asked)
        count_between(
            partition.starts, partition.at_ms, partition.name.codes, sessions, entry_ms, end_ms, left, counts
        )
        for name, sides in zip(partition.name.values, counts, strict=True):
            if name not in own and sides.any():
                found[name] += sides
    return {name: (int(sides[0]), int(sides[1])) for name, sides in found.items()}


def _judged(chains: Chains, asked: Asked) -> tuple[NDArray[np.int64], ...]:
    """Of those who converted or left: number, entry, end, and 1 where they left."""
    judged = (chains.outcome == CONVERTED) | (chains.outcome == LEFT)
    times, left = chains.times_ms[judged], (chains.outcome[judged] == LEFT).astype(np.int64)
    entry_ms = times[:, 0]
    end_ms = np.where(left, entry_ms + asked.definition.window_seconds * 1000, times[:, -1])
    if asked.question.completions == "within_range":
        end_ms = np.minimum(end_ms, to_ms(asked.question.until))
    return chains.number[judged], entry_ms.copy(), end_ms, left
