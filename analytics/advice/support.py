"""Which candidates the numbers support, and what they say for it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from analytics.advice.candidates import Candidate, Side
from analytics.advice.cohort import Cohort
from analytics.advice.records import (
    EstimatedImpact,
    Evidence,
    Recommendation,
    Sessions,
    period_of,
    priority,
    share_in_words,
)
from analytics.statistics.comparison import SIGNIFICANCE, Difference, difference
from analytics.statistics.correction import benjamini_hochberg
from analytics.statistics.impact import Impact, impact


@dataclass(frozen=True, slots=True)
class Supported:
    compared: int  #: candidates with enough sessions on both sides to be tested
    recommendations: tuple[Recommendation, ...]


def supported(cohort: Cohort, candidates: Sequence[Candidate]) -> Supported:
    """All candidates are corrected together: pass every one that was looked at, in one call."""
    gaps = [difference(one.current.rate, one.reference.rate) for one in candidates]
    p_values = [gap.p_value for gap in gaps]
    adjusted = benjamini_hochberg(p_values)
    return Supported(
        compared=sum(p is not None for p in p_values),
        recommendations=tuple(_kept(cohort, candidates, gaps, adjusted)),
    )


def _kept(
    cohort: Cohort,
    candidates: Sequence[Candidate],
    gaps: Sequence[Difference],
    adjusted: Sequence[float | None],
) -> Iterator[Recommendation]:
    for candidate, gap, p_value in zip(candidates, gaps, adjusted, strict=True):
        if p_value is None or p_value >= SIGNIFICANCE:
            continue
        current = candidate.current.rate
        gain = impact(current.of / cohort.weeks, current, candidate.reference.rate, candidate.onward)
        if gain.is_supported:
            yield _recommendation(cohort, candidate, gap, p_value, gain)


def _recommendation(
    cohort: Cohort, of: Candidate, gap: Difference, p_value: float, gain: Impact
) -> Recommendation:
    worth = EstimatedImpact(
        gain.sessions_per_week or 0.0, gain.low or 0.0, gain.high or 0.0, of.counterfactual
    )
    here = period_of(of.current.question)
    lost = Sessions.of(cohort.asked, of.lost) if of.lost else None
    return Recommendation(
        type=of.type,
        priority=priority(worth.sessions_per_week, cohort.entered_per_week),
        title=of.title,
        evidence=(
            Evidence(_said(of.current, of.what), of.current.rate, here, of.page, lost),
            Evidence(
                _said(of.reference, of.what),
                of.reference.rate,
                period_of(of.reference.question),
                of.page,
                None,
            ),
            Evidence(_apart(gap, p_value), None, here, of.page, None),
        ),
        suggested_actions=of.actions,
        estimated_impact=worth,
    )


def _said(side: Side, what: str) -> str:
    return f"{side.who}: {share_in_words(side.rate)} {what}."


def _apart(gap: Difference, p_value: float) -> str:
    points, low, high = ((part or 0.0) * 100 for part in (gap.difference, gap.low, gap.high))
    chance = f"{p_value:.3f}" if p_value >= 0.001 else "below 0.001"
    return (
        f"{points:.1f} points less (95% interval {low:.1f} to {high:.1f}). "
        f"Corrected p-value over all comparisons: {chance}."
    )
