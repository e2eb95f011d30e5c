"""The first and last value of a session, which steps its events can serve, and which events they are."""

import numpy as np

from analytics.kernel.arrays import NEVER, Bits, Codes, Flags, Ints
from analytics.kernel.compiled import compiled


@compiled
def first_codes(starts: Codes, codes: Codes, eligible: Flags) -> Codes:
    """Each session's first code that is not missing, -1 without one; `eligible` of length 0: all events."""
    found = np.full(len(starts) - 1, -1, np.int32)
    for session in range(len(starts) - 1):
        for at in range(starts[session], starts[session + 1]):
            if codes[at] >= 0 and (len(eligible) == 0 or eligible[at]):
                found[session] = codes[at]
                break
    return found


@compiled
def last_codes(starts: Codes, codes: Codes, eligible: Flags) -> Codes:
    found = np.full(len(starts) - 1, -1, np.int32)
    for session in range(len(starts) - 1):
        for at in range(starts[session + 1] - 1, starts[session] - 1, -1):
            if codes[at] >= 0 and (len(eligible) == 0 or eligible[at]):
                found[session] = codes[at]
                break
    return found


@compiled
def bits_of(codes: Codes, bits_of_code: Bits) -> Bits:
    """The bits of every event's code; a missing one has those at the end."""
    found = np.empty(len(codes), np.uint32)
    for at in range(len(codes)):
        found[at] = bits_of_code[codes[at]]
    return found


@compiled
def keep_bits(codes: Codes, bits_of_code: Bits, bits: Bits) -> None:
    """Take from every event the bits that its code does not have."""
    for at in range(len(codes)):
        bits[at] &= bits_of_code[codes[at]]


@compiled
def gathered(starts: Codes, numbers: Ints) -> tuple[Codes, Ints]:
    """The events of these sessions, one session after the other: where each begins, and which they are."""
    begins = np.zeros(len(numbers) + 1, np.int32)
    for place, number in enumerate(numbers):
        begins[place + 1] = begins[place] + starts[number + 1] - starts[number]
    source = np.empty(begins[-1], np.int64)
    for place, number in enumerate(numbers):
        for nth in range(begins[place + 1] - begins[place]):
            source[begins[place] + nth] = starts[number] + nth
    return begins, source


@compiled
def serving(
    starts: Codes, at_ms: Ints, codes: Codes, bits_of_code: Bits, numbers: Ints
) -> tuple[Codes, Ints, Bits]:
    """Of these sessions the events that serve a step: where each session begins, their times and steps."""
    begins = np.zeros(len(numbers) + 1, np.int32)
    most, near = 0, 0
    for number in numbers:
        first, last = starts[number], starts[number + 1]
        most += last - first
        # Memory is asked for all of them at once; in the loop below each would be waited for.
        near |= codes[first] | at_ms[first] | at_ms[last - 1]
    most += near == NEVER
    served_ms, steps_of = np.empty(most, np.int64), np.empty(most, np.uint32)
    count = 0
    for place, number in enumerate(numbers):
        for at in range(starts[number], starts[number + 1]):
            bits = bits_of_code[codes[at]]
            served_ms[count], steps_of[count] = at_ms[at], bits
            count += bits != 0
        begins[place + 1] = count
    return begins, served_ms[:count], steps_of[:count]
