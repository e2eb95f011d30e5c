"""How much of a change comes from who entered, and how much from how well each kind of session did.

A segment's share is its part of the entries of a period. The parts add up to the change exactly, but for the
rounding of floats.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from analytics.rates import Rate

_NOBODY = Rate.of_counts(0, 0)


@dataclass(frozen=True, slots=True)
class SegmentChange:
    value: str
    share_before: float  #: of the entries; 0 when absent
    share_after: float
    rate_before: float | None  #: None when absent
    rate_after: float | None
    mix: float  #: what the change of its share adds to the overall rate
    rate: float  #: what the change of its rate adds


@dataclass(frozen=True, slots=True)
class MixAndRate:
    change: float  #: of the overall rate, after less before; mix + rate
    mix: float
    rate: float
    segments: tuple[SegmentChange, ...]  #: in the order of the arguments


def mix_and_rate(before: Mapping[str, Rate], after: Mapping[str, Rate]) -> MixAndRate | None:
    """Kitagawa's two components of a difference between rates (J. Am. Statist. Assoc. 50, 1955).

    The segments must hold every session once. Mix is the change of a segment's share, times how far its rate,
    the mean of both periods, lies from the overall rate, likewise: the total of mix does not depend on that
    reference, and with it a segment above average that grows counts as a gain, one below as a loss.
    Rate is the change of its rate times its mean share. A segment absent in one period has no rate there; it
    takes its rate of the other, so all that it changes is mix. None when a period is empty.
    """
    entries_before = sum(rate.of for rate in before.values())
    entries_after = sum(rate.of for rate in after.values())
    if not (entries_before and entries_after):
        return None
    overall_before = sum(rate.count for rate in before.values()) / entries_before
    overall_after = sum(rate.count for rate in after.values()) / entries_after
    reference = (overall_before + overall_after) / 2
    segments = tuple(
        _segment(value, old, new, old.of / entries_before, new.of / entries_after, reference)
        for value in dict.fromkeys([*before, *after])
        if (old := before.get(value, _NOBODY)).of + (new := after.get(value, _NOBODY)).of
    )
    return MixAndRate(
        change=overall_after - overall_before,
        mix=math.fsum(segment.mix for segment in segments),
        rate=math.fsum(segment.rate for segment in segments),
        segments=segments,
    )


def _segment(
    value: str, old: Rate, new: Rate, share_before: float, share_after: float, reference: float
) -> SegmentChange:
    rates = [rate.share for rate in (old, new) if rate.share is not None]
    return SegmentChange(
        value=value,
        share_before=share_before,
        share_after=share_after,
        rate_before=old.share,
        rate_after=new.share,
        mix=(share_after - share_before) * (sum(rates) / len(rates) - reference),
        rate=(share_before + share_after) / 2 * (rates[-1] - rates[0]),
    )
