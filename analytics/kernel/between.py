"""Which events happen on the way: after the entry, and before the last step or the end of the window."""

from analytics.kernel.arrays import Codes, Ints
from analytics.kernel.compiled import compiled


@compiled
def count_between(
    starts: Codes,
    at_ms: Ints,
    name: Codes,
    sessions: Ints,
    entry_ms: Ints,
    end_ms: Ints,
    group: Ints,
    counts: Ints,
) -> None:
    """Add to counts[name, group] the sessions with an event of that name strictly between entry and end.

    `sessions` are numbers of the partition, each at most once; the three arrays behind it go along with it. A
    session counts once for a name.
    """
    seen_by = counts[:, 0].copy()
    seen_by[:] = -1
    for at in range(len(sessions)):
        session = sessions[at]
        for event in range(starts[session], starts[session + 1]):
            if at_ms[event] >= end_ms[at]:
                break
            if at_ms[event] > entry_ms[at] and seen_by[name[event]] != session:
                seen_by[name[event]] = session
                counts[name[event], group[at]] += 1
