"""The chain that counts for every session, whatever the order of the funnel."""

import numpy as np

from analytics.kernel.arrays import (
    NEVER,
    ORDERED,
    STRICT,
    UNORDERED,
    Codes,
    Events,
    Exclusions,
    Flags,
    Ints,
    Rules,
    Work,
)
from analytics.kernel.compiled import compiled
from analytics.kernel.exclusions import clean_chain
from analytics.kernel.ordered import UNDECIDED, ordered_chain, simple_chain
from analytics.kernel.strict import strict_chain
from analytics.kernel.unordered import unordered_chain


@compiled
def find_chains(events: Events, exclusions: Exclusions, passing: Flags, rules: Rules, chains: Ints) -> None:
    """Write [step, session] when it took each step; NEVER one that it did not take, or that does not count.

    `passing` of length 0: all sessions pass the filters.
    """
    # Taking an array out of its group counts references, which the loop below has no time for.
    starts, at_ms, steps_of = events.starts, events.at_ms, events.steps_of
    work = new_work(starts, rules.steps)
    times = work.chain
    is_simple = rules.order == ORDERED and rules.optional == 0 and len(events.excluded_by) == 0
    chains[:] = NEVER
    for session in range(len(starts) - 1):
        got = 0
        if len(passing) == 0 or passing[session]:
            first, last = starts[session], starts[session + 1]
            if is_simple:
                got = simple_chain(at_ms, steps_of, first, last, rules, times)
                if got == UNDECIDED:
                    got = ordered_chain(events, first, last, rules.since_ms, rules.until_ms, rules, work)
            else:
                got = searched_chain(events, exclusions, first, last, rules, work)
        for step in range(got):
            chains[step, session] = times[step]


@compiled
def searched_chain(
    events: Events, exclusions: Exclusions, first: int, last: int, rules: Rules, work: Work
) -> int:
    if rules.order == UNORDERED:
        return unordered_chain(events, first, last, rules, work)
    if len(events.excluded_by) and np.any(events.excluded_by[first:last]):
        return clean_chain(events, exclusions, first, last, rules, work)
    if rules.order == STRICT:
        return strict_chain(events, first, last, rules.since_ms, rules.until_ms, rules, work)
    return ordered_chain(events, first, last, rules.since_ms, rules.until_ms, rules, work)


@compiled
def new_work(starts: Codes, steps: int) -> Work:
    longest = steps
    for session in range(len(starts) - 1):
        longest = max(longest, starts[session + 1] - starts[session])
    return Work(
        chain=np.full(steps + 1, NEVER, np.int64),
        kept=np.full(steps + 1, NEVER, np.int64),
        entry=np.full(steps, NEVER, np.int64),
        taken=np.zeros(steps, np.int64),
        times=np.full((steps, steps), NEVER, np.int64),
        serves=np.empty(longest, np.int64),
        served_by=np.empty(steps, np.int64),
        found_by=np.empty(longest, np.int64),
        queue=np.empty(steps, np.int64),
    )
