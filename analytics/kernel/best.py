"""The chain that counts for a session, whatever the order of the funnel."""

import numpy as np

from analytics.kernel.arrays import (
    BLOCKED,
    CONVERTED,
    LEFT,
    NEVER,
    OPEN,
    STRICT,
    UNORDERED,
    Codes,
    Events,
    Exclusions,
    Rules,
    Sessions,
    Work,
)
from analytics.kernel.compiled import compiled
from analytics.kernel.exclusions import clean_chain
from analytics.kernel.ordered import UNDECIDED, ordered_chain, simple_chain
from analytics.kernel.strict import strict_chain
from analytics.kernel.unordered import unordered_chain


@compiled
def best_chain(events: Events, exclusions: Exclusions, session: int, rules: Rules, work: Work) -> int:
    """Steps up to the furthest that the session took, 0 when it does not count; `chain` has their times."""
    first, last = events.starts[session], events.starts[session + 1]
    if rules.order == UNORDERED:
        return unordered_chain(events, first, last, rules, work)
    if len(events.excluded_by) and has_excluded(events, first, last):
        return clean_chain(events, exclusions, first, last, rules, work)
    if rules.order == STRICT:
        return strict_chain(events, first, last, rules.since_ms, rules.until_ms, rules, work)
    if rules.optional == 0:
        got = simple_chain(events, first, last, rules, work)
        if got != UNDECIDED:
            return got
    return ordered_chain(events, first, last, rules.since_ms, rules.until_ms, rules, work)


@compiled
def has_excluded(events: Events, first: int, last: int) -> bool:
    return bool(np.any(events.excluded_by[first:last]))


@compiled
def outcome_of(got: int, blocked_ms: int, rules: Rules, work: Work) -> int:
    if got == rules.steps:
        return CONVERTED
    if blocked_ms != NEVER and blocked_ms >= work.chain[got - 1]:
        return BLOCKED
    if rules.now_ms - work.chain[0] <= rules.window_ms:
        return OPEN
    return LEFT


@compiled
def row_of(session: int, sessions: Sessions) -> int:
    """The row that the session counts in, -1 for none."""
    if len(sessions.passing) and not sessions.passing[session]:
        return -1
    if len(sessions.code) == 0:
        return 0
    return int(sessions.row_of_code[sessions.code[session]])


@compiled
def new_work(starts: Codes, steps: int) -> Work:
    longest = steps
    for session in range(len(starts) - 1):
        longest = max(longest, starts[session + 1] - starts[session])
    return Work(
        chain=np.full(steps, NEVER, np.int64),
        kept=np.full(steps, NEVER, np.int64),
        entry=np.full(steps, NEVER, np.int64),
        taken=np.zeros(steps, np.int64),
        times=np.full((steps, steps), NEVER, np.int64),
        serves=np.empty(longest, np.int64),
        served_by=np.empty(steps, np.int64),
        found_by=np.empty(longest, np.int64),
        queue=np.empty(steps, np.int64),
    )
