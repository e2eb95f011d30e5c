"""The chain of every session in which no step has two events to choose from, as in most of them.

Nothing is searched there. A step's moment in a session is the time of the only event that may serve it: NEVER
without one, SEVERAL with more. All sessions are taken through a step before the next, without a branch, so
that a processor does several at once. A session that comes to SEVERAL is left to be searched.
"""

import numpy as np

from analytics.kernel.arrays import NEVER, Bits, Codes, Flags, Ints, Rules
from analytics.kernel.compiled import compiled

SEVERAL = NEVER + 1


@compiled
def moments_of_names(starts: Codes, at_ms: Ints, codes: Codes, place_of_code: Codes, moments: Ints) -> None:
    """Write [place, session]. A name whose code has no place of its own has the one after the last."""
    places = len(moments)
    found = np.empty(places + 1, np.int64)
    for session in range(len(starts) - 1):
        found[:] = NEVER
        for at in range(starts[session], starts[session + 1]):
            place = place_of_code[codes[at]]
            found[place] = at_ms[at] if found[place] == NEVER else SEVERAL
        for place in range(places):
            moments[place, session] = found[place]


@compiled
def moments_of_steps(starts: Codes, at_ms: Ints, steps_of: Bits, moments: Ints) -> None:
    """Write [step, session]. An event that may serve several steps leaves none of them a choice of one."""
    moments[:] = NEVER
    for session in range(len(starts) - 1):
        for at in range(starts[session], starts[session + 1]):
            serving = int(steps_of[at])
            is_alone = serving & (serving - 1) == 0
            step = 0
            while serving:
                if serving & 1:
                    is_first = is_alone and moments[step, session] == NEVER
                    moments[step, session] = at_ms[at] if is_first else SEVERAL
                serving >>= 1
                step += 1


@compiled
def take_entry(moment: Ints, passing: Flags, rules: Rules, taken: Ints) -> None:
    """Write when each session entered: NEVER, or SEVERAL, where it did not or is to be searched."""
    since_ms, until_ms = rules.since_ms, rules.until_ms
    for session in range(len(moment)):
        now = moment[session]
        enters = now >= since_ms and now < until_ms
        taken[session] = now if enters or now == SEVERAL else NEVER
    for session in range(len(passing)):
        if not passing[session]:
            taken[session] = NEVER


@compiled
def take_step(moment: Ints, entry: Ints, before: Ints, rules: Rules, taken: Ints) -> None:
    """Write when each session took the step after the one at `before`. NEVER and SEVERAL stay so."""
    window_ms, cut_ms = rules.window_ms, rules.cut_ms
    for session in range(len(moment)):
        now = moment[session]
        goes_on = now >= before[session] and now - entry[session] <= window_ms and now < cut_ms
        found = now if goes_on or now == SEVERAL else NEVER
        taken[session] = found if before[session] > SEVERAL else before[session]


@compiled
def undecided(last: Ints) -> Ints:
    """The numbers of the sessions that came to SEVERAL, by the last step."""
    found = np.empty(len(last), np.int64)
    count = 0
    for session in range(len(last)):
        found[count] = session
        count += last[session] == SEVERAL
    return found[:count]


@compiled
def put(found: Ints, numbers: Ints, chains: Ints) -> None:
    """Write [step, place] what was found for these sessions into [step, session]."""
    for step in range(len(chains)):
        for place, number in enumerate(numbers):
            chains[step, number] = found[step, place]
