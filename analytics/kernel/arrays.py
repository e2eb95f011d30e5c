"""What the kernel reads and writes: named groups of flat arrays, and the scalars of a question.

Events of a session lie together, by time. Bit k of `steps_of[i]` says that event i can serve step k, bit k of
`excluded_by[i]` that it is one of exclusion k: names, filters and dimensions were resolved on dictionary
codes before. An array of length 0 means that the question has no such part.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Bits = NDArray[np.uint32]
Codes = NDArray[np.int32]
Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]

CONVERTED, BLOCKED, OPEN, LEFT = range(4)
OUTCOMES = 4
ORDERED, STRICT, UNORDERED = range(3)
#: Slot of the time from entry to last step; slot k > 0 holds the time from step k-1 to step k.
WHOLE = 0
NEVER = np.iinfo(np.int64).min
ALWAYS = np.iinfo(np.int64).max


class Rules(NamedTuple):
    """Times are UTC milliseconds."""

    steps: int
    order: int  #: ORDERED, STRICT or UNORDERED
    optional: int  #: bit k: step k may be skipped
    window_ms: int  #: inclusive
    since_ms: int  #: entries from here
    until_ms: int  #: up to here, excluded
    cut_ms: int  #: events from here on do not exist; never before until_ms
    now_ms: int
    deciding_step: int  #: sessions that did not take it are in no row


class Events(NamedTuple):
    starts: Codes  #: first event of each session, and the end of the last
    at_ms: Ints
    steps_of: Bits
    excluded_by: Bits  #: length 0: no exclusions
    opens: Flags  #: unordered: whether the event may be the entry; length 0: all


class Exclusions(NamedTuple):
    from_step: Ints
    to_step: Ints


class Sessions(NamedTuple):
    """Session s is in row row_of_code[code[s]], where -1 is none; a missing code has the last entry."""

    code: Codes  #: length 0: all in row 0
    row_of_code: Codes
    blocked_ms: Ints  #: when its task failed, NEVER without one; length 0: none is blocked


class Bins(NamedTuple):
    """Which bin a moment falls into: bin_of[i] for moments from edges_ms[i] up to the next."""

    edges_ms: Ints  #: rising
    bin_of: Codes
    at_furthest: int  #: 1: the moment of the furthest step decides, 0: that of the entry
    are_rows: int  #: 1: the bin of the entry is the row too


class Counts(NamedTuple):
    """See tally.Tally, whose arrays these are."""

    reached: Ints
    outcomes: Ints
    gap_sum_ms: Ints
    gap_histogram: Ints
    waiting: Ints
    by_bin: Ints


class Work(NamedTuple):
    """Scratch of the search for a chain. `chain` is its result: the time of each step taken, else NEVER.

    Slot k holds the best chain that has taken step k last: its entry, the set of its steps, their times.
    """

    chain: Ints
    kept: Ints
    entry: Ints
    taken: Ints
    times: Ints
    serves: Ints
    served_by: Ints
    found_by: Ints
    queue: Ints
