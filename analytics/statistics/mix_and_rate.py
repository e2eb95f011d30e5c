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

    Every session must be in one segment of its period, and in one only. None when a period is empty.

    Mix is the change of a segment's share of the entries, times how far its rate lies above the overall rate,
    both as means of the two periods. So a segment above average that grows is a gain, one below a loss; the
    total of mix is the same whatever the rates are measured from. Rate is the change of a segment's rate,
    times its mean share. A segment absent in one period has no rate there; it takes that of the other, so all
    that it changes is mix.
    """
    everybody_before, everybody_after = _together(before), _together(after)
    if everybody_before.share is None or everybody_after.share is None:
        return None
    overall = (everybody_before.share + everybody_after.share) / 2
    present = dict.fromkeys(value for period in (before, after) for value, rate in period.items() if rate.of)
    segments = []
    for value in present:
        old, new = before.get(value, _NOBODY), after.get(value, _NOBODY)
        segments.append(
            _segment(value, old, new, old.of / everybody_before.of, new.of / everybody_after.of, overall)
        )
    return MixAndRate(
        change=everybody_after.share - everybody_before.share,
        mix=math.fsum(segment.mix for segment in segments),
        rate=math.fsum(segment.rate for segment in segments),
        segments=tuple(segments),
    )


def _together(segments: Mapping[str, Rate]) -> Rate:
    rates = segments.values()
    return Rate.of_counts(sum(rate.count for rate in rates), sum(rate.of for rate in rates))


def _segment(
    value: str, old: Rate, new: Rate, share_before: float, share_after: float, overall: float
) -> SegmentChange:
    rates = [rate.share for rate in (old, new) if rate.share is not None]
    return SegmentChange(
        value=value,
        share_before=share_before,
        share_after=share_after,
        rate_before=old.share,
        rate_after=new.share,
        mix=(share_after - share_before) * (sum(rates) / len(rates) - overall),
        rate=(share_before + share_after) / 2 * (rates[-1] - rates[0]),
    )
