"""The best chain of an ordered or strict funnel in a session where an excluded event happened.

Each entry has one chain. Those with an excluded event between two of their steps are spoiled, and show at
most one step past it. The session counts with its best clean chain, unless a spoiled one showed more.
"""

import numpy as np

from analytics.kernel.arrays import NEVER, STRICT, Events, Exclusions, Rules, Work
from analytics.kernel.compiled import compiled
from analytics.kernel.ordered import ordered_chain
from analytics.kernel.strict import strict_chain

CLEAN = -1


@compiled
def clean_chain(
    events: Events, exclusions: Exclusions, first: int, last: int, rules: Rules, work: Work
) -> int:
    """Steps up to the furthest taken by the best clean chain, 0 when a spoiled one showed more."""
    best = shown = 0
    tried = NEVER
    for at in range(first, last):
        now = events.at_ms[at]
        if now >= rules.until_ms:
            break
        if now < rules.since_ms or now == tried or not events.steps_of[at] & 1:
            continue
        tried = now
        if rules.order == STRICT:
            got = strict_chain(events, first, last, now, now + 1, rules, work)
        else:
            got = ordered_chain(events, first, last, now, now + 1, rules, work)
        spoiled = steps_shown(events, exclusions, at, last, got, rules, work)
        if spoiled > CLEAN:
            shown = max(shown, spoiled)
        elif got > best or (got == best and work.chain[got - 1] <= work.kept[got - 1]):
            best = got
            work.kept[:] = work.chain
    work.chain[:] = work.kept
    return 0 if shown > best else best


@compiled
def steps_shown(
    events: Events, exclusions: Exclusions, at: int, last: int, got: int, rules: Rules, work: Work
) -> int:
    """Steps up to the furthest that the spoiled chain in `work` shows; CLEAN when nothing spoils it."""
    end_ms = work.chain[0] + rules.window_ms
    while at < last and events.at_ms[at] <= end_ms and events.at_ms[at] < rules.cut_ms:
        now = events.at_ms[at]
        if events.excluded_by[at] and not is_step_time(now, got, work):
            for exclusion in range(len(exclusions.from_step)):
                if (events.excluded_by[at] >> exclusion) & 1 and lies_between(
                    now, exclusions.from_step[exclusion], exclusions.to_step[exclusion], got, work
                ):
                    return steps_past(now, got, work)
        at += 1
    return CLEAN


@compiled
def is_step_time(now: int, got: int, work: Work) -> bool:
    return bool(np.any(work.chain[:got] == now))


@compiled
def lies_between(now: int, from_step: int, to_step: int, got: int, work: Work) -> bool:
    """Whether `now` lies after `from_step` and before `to_step`; a step not reached sets no end.

    For a step that was skipped, the taken one before it, or after it, stands.
    """
    if got <= from_step:
        return False
    while work.chain[from_step] == NEVER:
        from_step -= 1
    while to_step < got and work.chain[to_step] == NEVER:
        to_step += 1
    return work.chain[from_step] < now and (to_step >= got or now < work.chain[to_step])


@compiled
def steps_past(now: int, got: int, work: Work) -> int:
    """Steps up to the first taken after `now`, or all of them when none was."""
    for step in range(got):
        if work.chain[step] > now:
            return step + 1
    return got
