"""The slow twin of the kernel: the rules of ordered funnels, tried out on one session at a time.

It tries every way to give each step an event of its own and keeps the best, so it can only be used on a
handful of events. Nothing of the kernel is used here.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Rules:
    steps: Sequence[frozenset[str]]  #: the event names that serve each step
    window_ms: int
    since_ms: int  #: entries from here
    until_ms: int  #: up to here, excluded
    cut_ms: int | None = None  #: within_range: later steps count only before this


History = Sequence[tuple[int, str]]


def best_chain(history: History, rules: Rules) -> tuple[int, ...]:
    """The times of the steps that the best chain took; empty when the session never entered."""
    return min(_all_chains(history, rules), key=_worth, default=())


def _worth(chain: tuple[int, ...]) -> tuple[object, ...]:
    """Smallest is best: furthest, then soonest there, then the latest entry, then each step soonest."""
    return (-len(chain), chain[-1], -chain[0], chain)


def _all_chains(history: History, rules: Rules) -> Iterator[tuple[int, ...]]:
    for number, (at_ms, name) in enumerate(history):
        may_enter = rules.since_ms <= at_ms < rules.until_ms and _counts(at_ms, rules)
        if may_enter and name in rules.steps[0]:
            yield from _continued([number], history, rules)


def _continued(taken: list[int], history: History, rules: Rules) -> Iterator[tuple[int, ...]]:
    yield tuple(history[number][0] for number in taken)
    if len(taken) == len(rules.steps):
        return
    entry_ms, last_ms = history[taken[0]][0], history[taken[-1]][0]
    for number, (at_ms, name) in enumerate(history):
        in_time = last_ms <= at_ms <= entry_ms + rules.window_ms and _counts(at_ms, rules)
        if number not in taken and in_time and name in rules.steps[len(taken)]:
            yield from _continued([*taken, number], history, rules)


def _counts(at_ms: int, rules: Rules) -> bool:
    return rules.cut_ms is None or at_ms < rules.cut_ms
