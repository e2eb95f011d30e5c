"""The kernel against its slow twin, on histories full of ties, duplicates and repeated steps."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics import kernel
from tests.reference import Rules, best_chain

NAMES = "ABC"

histories = st.lists(st.tuples(st.integers(0, 6), st.sampled_from(NAMES)), min_size=0, max_size=7).map(
    lambda history: sorted(history, key=lambda event: event[0])
)
steps = st.lists(st.frozensets(st.sampled_from(NAMES), min_size=1, max_size=2), min_size=2, max_size=4)
rules_of = st.builds(
    Rules,
    steps=steps,
    window_ms=st.integers(1, 8),
    since_ms=st.integers(0, 2),
    until_ms=st.integers(3, 9),
    cut_ms=st.none() | st.integers(3, 9),
)


def chain_of(history: list[tuple[int, str]], rules: Rules) -> tuple[int, ...]:
    steps_of = np.array(
        [sum(1 << at for at, names in enumerate(rules.steps) if name in names) for _, name in history],
        np.uint32,
    )
    scalars = np.zeros(kernel.RULES, np.int64)
    scalars[kernel.STEPS] = len(rules.steps)
    scalars[kernel.WINDOW_MS] = rules.window_ms
    scalars[kernel.SINCE_MS] = rules.since_ms
    scalars[kernel.UNTIL_MS] = rules.until_ms
    scalars[kernel.CUT_MS] = kernel.ALWAYS if rules.cut_ms is None else rules.cut_ms
    reached, times = np.zeros(1, np.int64), np.zeros((1, len(rules.steps)), np.int64)
    starts = np.array([0, len(history)], np.int64)
    at_ms = np.array([at for at, _ in history], np.int64)
    kernel.chains_of_sessions(starts, at_ms, steps_of, scalars, reached, times)
    return tuple(times[0, : reached[0]].tolist())


@settings(max_examples=1500, deadline=None)
@given(histories, rules_of)
def test_kernel_and_twin_find_the_same_chain(history: list[tuple[int, str]], rules: Rules) -> None:
    assert chain_of(history, rules) == best_chain(history, rules)
