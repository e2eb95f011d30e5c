"""What a comparison of segments shows, in plain sentences: only what is more than chance."""

from collections.abc import Sequence

from analytics.durations import shown
from analytics.rates import FEWEST_ENTRIES
from analytics.views.cohort_records import Segment, SegmentStep, Versus
from analytics.views.sentences import percent, points

#: The strongest are said; the table has all.
MOST_INSIGHTS = 5
#: Of the difference, for a step to be named as where it lies.
_LARGEST_PART = 0.5


def insights(segments: Sequence[Segment], reference: str | None, speed_verdict: str) -> tuple[str, ...]:
    """The largest differences first, then the speed; () when nothing is more than chance."""
    against = next((one.label for one in segments if one.value == reference), "all others")
    found = [(one, one.versus) for one in segments if one.versus and one.versus.verdict == "different"]
    found.sort(key=lambda pair: -abs(pair[1].difference or 0.0))
    if reference is None and len(segments) == 2 and found:
        # Of two segments each is all others to the other: one sentence says both.
        found, against = found[:1], next(one.label for one in segments if one is not found[0][0])
    said = [_differs(one, versus, against) for one, versus in found[:MOST_INSIGHTS]]
    return (*said, *_speed(segments, speed_verdict))


def _differs(segment: Segment, versus: Versus, against: str) -> str:
    gap = versus.difference or 0.0
    return (
        f"{segment.label} converts {'more' if gap > 0 else 'less'}: {percent(segment.settled.share)} against "
        f"{percent(versus.other.share)} for {against}, {points(gap)} points "
        f"(95%: {points(versus.low)} to {points(versus.high)}){_where(segment, gap)}."
    )


def _where(segment: Segment, gap: float) -> str:
    """The step that makes more than half of the difference."""
    step = max(segment.steps, key=lambda step: (step.contribution or 0.0) * gap)
    if len(segment.steps) < 2 or (step.contribution or 0.0) / gap <= _LARGEST_PART:
        return ""
    return f"; most of it at {step.label}, which {_rates(step)}"


def _rates(step: SegmentStep) -> str:
    return (
        f"{percent(step.rate.share)} of those at the step before reach, against {percent(step.others.share)}"
    )


def _speed(segments: Sequence[Segment], speed_verdict: str) -> list[str]:
    """Who is first to have half of its sessions converted, and who last, where the curves differ."""
    halves = sorted(
        (one.curve.median_seconds, one.label)
        for one in segments
        if one.curve.median_seconds is not None and one.entered >= FEWEST_ENTRIES
    )
    if speed_verdict != "different" or len(halves) < 2:
        return []
    (soonest, first), (latest, last) = halves[0], halves[-1]
    sentence = f"{first} is the first to have half of its sessions converted: after {shown(soonest)}"
    return [f"{sentence}, {last} after {shown(latest)}."]
