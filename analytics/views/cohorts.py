"""Compares groups of sessions: by the value of a dimension, or by the week in which they entered.

Every session is in one segment. Each is tested against all others together, or against one chosen segment, by
settled rates. All tests of one answer are corrected together.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise

from analytics.funnels import FunnelDefinition
from analytics.grouping import OTHER, missing_value
from analytics.queries import Asked, FunnelResult, Reader
from analytics.rates import Rate, share
from analytics.statistics.comparison import Difference, difference, verdict
from analytics.statistics.correction import benjamini_hochberg
from analytics.statistics.log_rank import log_rank
from analytics.statistics.step_contributions import step_contributions
from analytics.statistics.survival import ConversionCurve
from analytics.timing import by_entry_week
from analytics.views.cohort_insights import insights
from analytics.views.cohort_records import CohortsView, Segment, SegmentStep, Speed, Versus
from analytics.views.kinds import ViewKind
from analytics.views.records import Period
from analytics.views.row_counts import RowCounts, milestones
from analytics.views.segments import check_disjoint, order_of_bands, segment_label

ENTRY_WEEK = "entry_week"


def cohorts_view(
    reader: Reader, asked: Asked, *, dimension: str | None = None, reference: str | None = None
) -> CohortsView:
    """`dimension` is a property or "entry_week"; `reference` the value of the segment to compare others with.

    Without a dimension it is the first that the funnel declares, and the entry week where it declares none.
    A reference that nobody entered with is not compared with: the view's own `reference` is None then.
    Raises InvalidQuery where sessions could be in several segments, and as Reader.ask.
    """
    check_disjoint(asked.question)
    dimension = dimension or _first_dimension(asked.definition)
    if dimension == ENTRY_WEEK:
        question, binned = replace(asked.question, breakdown=()), partial(by_entry_week, rows=True)
        result = reader.ask(replace(asked, question=question, labels=None, binned=binned))
    else:
        question = replace(asked.question, breakdown=(dimension,))
        result = reader.ask(replace(asked, question=question, labels=None))
    return _view(result, dimension, reference)


def _first_dimension(definition: FunnelDefinition) -> str:
    return definition.dimensions[0].property if definition.dimensions else ENTRY_WEEK


@dataclass(frozen=True, slots=True, eq=False)
class _Cohort:
    """A segment before it is compared."""

    value: str
    bin: int | None
    counts: RowCounts
    reached: tuple[int, ...]  #: settled sessions, over the milestones

    @property
    def settled(self) -> Rate:
        return _whole(self.reached)


def _whole(reached: Sequence[int]) -> Rate:
    return Rate.of_counts(reached[-1], reached[0])


def _view(result: FunnelResult, by: str, reference: str | None) -> CohortsView:
    definition, days = result.definition, result.question.days()
    cohorts = _cohorts(result)
    known = reference if reference in {cohort.value for cohort in cohorts} else None
    others = [_others(cohort, cohorts, known) for cohort in cohorts]
    differences = [
        difference(_whole(reached), cohort.settled) if reached else None
        for cohort, reached in zip(cohorts, others, strict=True)
    ]
    speed = log_rank([cohort.counts.watched for cohort in cohorts])
    p_values = [found.p_value if found else None for found in differences]
    *corrected, speed_p = benjamini_hochberg([*p_values, speed.p_value])
    segments = tuple(map(partial(_segment, definition), cohorts, others, differences, corrected))
    everybody = RowCounts(result.total)
    return CohortsView(
        name=definition.name,
        title=definition.title or definition.name,
        by=by,
        by_label="Entry week" if by == ENTRY_WEEK else definition.dimension(by).label,
        reference=known,
        period=Period(days[0], days[-1], len(days)),
        window_seconds=definition.window_seconds,
        entered=everybody.entered,
        open=everybody.outcomes.open,
        segments=segments,
        folded_values=result.rows.folded if result.rows else 0,
        speed=Speed(speed, speed_p, verdict(speed_p)),
        insights=insights(segments, known, verdict(speed_p)),
    )


def _cohorts(result: FunnelResult) -> list[_Cohort]:
    """Those that somebody entered: weeks and bands in their order, other values by entries, the rest last."""
    if result.grouped is None:
        raise ValueError("without a breakdown or weeks as rows there is nothing to compare")
    counts = [RowCounts(result.grouped, row) for row in range(len(result.grouped.reached))]
    weeks = [monday.isoformat() for monday in result.timing.labels]
    found = [
        _Cohort(value, None if result.rows else at, one, one.settled_reached(result.definition))
        for at, (value, one) in enumerate(
            zip(result.rows.labels if result.rows else weeks, counts, strict=True)
        )
        if one.entered
    ]
    if result.rows is None:
        return found
    last = {missing_value(result.question.breakdown), OTHER}
    bands = order_of_bands(result.definition, result.question.breakdown)
    found.sort(key=lambda one: (one.value in last, bands.get(one.value, 0), -one.counts.entered, one.value))
    return found


def _others(cohort: _Cohort, cohorts: Sequence[_Cohort], reference: str | None) -> tuple[int, ...] | None:
    """What the segment is compared with: settled sessions over the milestones; None without any."""
    others = [other.reached for other in cohorts if other is not cohort and reference in (None, other.value)]
    return tuple(map(sum, zip(*others, strict=True))) or None


def _segment(
    definition: FunnelDefinition,
    cohort: _Cohort,
    others: tuple[int, ...] | None,
    found: Difference | None,
    corrected: float | None,
) -> Segment:
    counts = cohort.counts
    return Segment(
        value=cohort.value,
        label=segment_label(cohort.value),
        bin=cohort.bin,
        entered=counts.entered,
        converted=counts.outcomes.converted,
        outcomes=counts.outcomes,
        observed=counts.observed,
        settled=cohort.settled,
        versus=_versus(others, found, corrected),
        median_seconds=counts.median_seconds,
        average_seconds=counts.average_seconds,
        steps=_steps(definition, cohort.reached, others),
        curve=ConversionCurve.of(counts.watched),
    )


def _versus(
    others: tuple[int, ...] | None, found: Difference | None, corrected: float | None
) -> Versus | None:
    if others is None or found is None:
        return None
    return Versus(_whole(others), found.difference, found.low, found.high, corrected, verdict(corrected))


def _steps(
    definition: FunnelDefinition, reached: tuple[int, ...], others: tuple[int, ...] | None
) -> tuple[SegmentStep, ...]:
    others = others or (0,) * len(reached)
    contributions = step_contributions(others, reached) or (None,) * (len(reached) - 1)
    ends = pairwise(milestones(definition))
    ways = zip(ends, pairwise(reached), pairwise(others), contributions, strict=True)
    return tuple(
        SegmentStep(
            label=definition.steps[end].label,
            rate=Rate.of_counts(here[1], here[0]),
            others=Rate.of_counts(there[1], there[0]),
            loss=share(here[0] - here[1], here[0]),
            lost_at=begin if end == begin + 1 else None,
            contribution=contribution,
        )
        for (begin, end), here, there, contribution in ways
    )


COHORTS = ViewKind("cohorts", CohortsView, cohorts_view)
