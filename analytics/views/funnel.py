"""Shapes the counts of a funnel into the one typed record that page, CSV and REST render alike.

Every percentage and every difference is derived here, from counts, once. What is still open is in no loss.
"""

from dataclasses import replace

from analytics.funnels import FunnelDefinition
from analytics.grouping import OTHER, band_labels, missing_value
from analytics.kernel.arrays import BLOCKED, CONVERTED, LEFT, OPEN, WHOLE
from analytics.queries import Asked, FunnelResult, Reader
from analytics.question import JOIN, Question
from analytics.rates import Rate, share
from analytics.sketch import median_ms
from analytics.tally import Tally
from analytics.views.drop_offs import top_drop_off_points
from analytics.views.finding import breakdown_finding, finding
from analytics.views.kinds import ViewKind
from analytics.views.period_tests import period_tests
from analytics.views.records import (
    Changes,
    DailyPoint,
    FunnelView,
    GroupView,
    Outcomes,
    OutcomeShares,
    Period,
    PreviousView,
    StepView,
)
from analytics.views.weeks import cohort_weeks


def funnel_view(reader: Reader, asked: Asked) -> FunnelView:
    """Count the funnel and the period before it, and shape the answer.

    The previous period is counted only when the question has both ends of its range. Raises as Reader.ask.
    """
    result = reader.ask(asked)
    previous = None
    if asked.question.since and asked.question.until:
        earlier = replace(result.question.previous(), breakdown=())
        previous = reader.ask(replace(asked, question=earlier))
    return view_of(result, previous)


def view_of(result: FunnelResult, previous: FunnelResult | None = None) -> FunnelView:
    definition, question = result.definition, result.question
    before = previous.total if previous else None
    steps = _steps(definition, result.total, 0, before)
    outcomes = _outcomes(result.total, 0)
    entered, converted = steps[0].reached, outcomes.converted
    breakdown = question.breakdown
    groups = _groups(result)
    earlier = _previous(previous) if previous else None
    observed = Rate.of_counts(converted, entered)
    settled = Rate.of_counts(converted, entered - outcomes.open)
    median = _median(result.total, 0, WHOLE)
    changes = None
    if previous and earlier and earlier.entered:
        changes = _changes(observed, settled, median, earlier, period_tests(previous, result).trend)
    return FunnelView(
        name=definition.name,
        title=definition.title or definition.name,
        zone=question.zone,
        window_seconds=definition.window_seconds,
        order=definition.order,
        period=_period(question),
        entered=entered,
        converted=converted,
        observed=observed,
        settled=settled,
        outcomes=outcomes,
        outcome_shares=_outcome_shares(outcomes, entered),
        median_seconds=median,
        average_seconds=_average(result.total, 0, WHOLE),
        steps=steps,
        top_drop_off_points=top_drop_off_points(steps, groups, entered),
        cohort_analysis=cohort_weeks(result.timing.labels, result.total),
        finding=finding(steps, outcomes),
        previous=earlier,
        changes=changes,
        breakdown=JOIN.join(breakdown) or None,
        breakdown_label=" · ".join(definition.dimension(name).label for name in breakdown) or None,
        groups=groups,
        breakdown_finding=breakdown_finding(groups),
        folded_values=result.rows.folded if result.rows else 0,
        daily=_daily(result),
        newest_event=result.catalogue.newest_event,
    )


def _steps(
    definition: FunnelDefinition, tally: Tally, group: int, before: Tally | None = None
) -> tuple[StepView, ...]:
    reached = [int(count) for count in tally.reached[group]]
    stopped = [Outcomes(*(int(count) for count in counts)) for counts in tally.outcomes[group]]
    lost = [*(int(counts.sum()) for counts in tally.outcomes[group][:-1]), 0]
    gone = [count - outcomes.open for count, outcomes in zip(lost, stopped, strict=True)]
    losses = [*map(share, gone[:-1], reached), None]
    earlier = [int(count) for count in before.reached[0]] if before is not None else None
    return tuple(
        StepView(
            name="|".join(step.events) or "*",
            label=step.label,
            reached=reached[at],
            share_of_entered=share(reached[at], reached[0]),
            share_of_previous=share(reached[at], reached[_required_before(definition, at)]) if at else None,
            lost_here=lost[at],
            gone_here=gone[at],
            loss=losses[at],
            loss_before=losses[at - 1] if at else None,
            stopped=stopped[at],
            median_seconds=_median(tally, group, at) if at else None,
            average_seconds=_average(tally, group, at) if at else None,
            previous_reached=earlier[at] if earlier else None,
            previous_share_of_entered=share(earlier[at], earlier[0]) if earlier else None,
        )
        for at, step in enumerate(definition.steps)
    )


def _required_before(definition: FunnelDefinition, at: int) -> int:
    return max(step for step in range(at) if not definition.steps[step].optional)


def _outcomes(tally: Tally, group: int) -> Outcomes:
    counts = tally.outcomes[group].sum(axis=0)
    return Outcomes(
        converted=int(counts[CONVERTED]),
        blocked=int(counts[BLOCKED]),
        open=int(counts[OPEN]),
        left=int(counts[LEFT]),
    )


def _outcome_shares(outcomes: Outcomes, entered: int) -> OutcomeShares:
    return OutcomeShares(
        converted=share(outcomes.converted, entered),
        blocked=share(outcomes.blocked, entered),
        open=share(outcomes.open, entered),
        left=share(outcomes.left, entered),
    )


def _groups(result: FunnelResult) -> tuple[GroupView, ...]:
    """Rows that somebody entered: bands in their order, other values by entries; missing and Other last."""
    if result.rows is None or result.grouped is None:
        return ()
    groups = [
        _group(result.definition, value, result.grouped, at)
        for at, value in enumerate(result.rows.labels)
        if result.grouped.reached[at, 0]
    ]
    order = _order_of_bands(result)
    last = {missing_value(result.question.breakdown), OTHER}
    groups.sort(
        key=lambda group: (group.value in last, order.get(group.value, 0), -group.entered, group.value)
    )
    return tuple(groups)


def _order_of_bands(result: FunnelResult) -> dict[str, int]:
    """Where the bands of a breakdown by one number stand; empty for any other breakdown."""
    if len(result.question.breakdown) != 1:
        return {}
    bands = result.definition.dimension(result.question.breakdown[0]).bands
    return {label: at for at, label in enumerate(band_labels(bands))} if bands else {}


def _group(definition: FunnelDefinition, value: str, tally: Tally, at: int) -> GroupView:
    steps = _steps(definition, tally, at)
    outcomes = _outcomes(tally, at)
    return GroupView(
        value=value,
        label=JOIN.join(part or "(missing)" for part in value.split(JOIN)),
        entered=steps[0].reached,
        converted=outcomes.converted,
        observed=Rate.of_counts(outcomes.converted, steps[0].reached),
        settled=Rate.of_counts(outcomes.converted, steps[0].reached - outcomes.open),
        outcomes=outcomes,
        median_seconds=_median(tally, at, WHOLE),
        average_seconds=_average(tally, at, WHOLE),
        steps=steps,
    )


def _previous(result: FunnelResult) -> PreviousView:
    outcomes = _outcomes(result.total, 0)
    entered = int(result.total.reached[0, 0])
    return PreviousView(
        period=_period(result.question),
        entered=entered,
        converted=outcomes.converted,
        observed=Rate.of_counts(outcomes.converted, entered),
        settled=Rate.of_counts(outcomes.converted, entered - outcomes.open),
        median_seconds=_median(result.total, 0, WHOLE),
    )


def _changes(
    observed: Rate, settled: Rate, median: float | None, before: PreviousView, trend: str
) -> Changes:
    converted, still_open = observed.count, observed.of - settled.of
    may_undo_a_drop = converted < before.converted <= converted + still_open
    return Changes(
        entered=share(observed.of - before.entered, before.entered),
        converted=None if may_undo_a_drop else share(converted - before.converted, before.converted),
        observed_share=_difference(observed.share, before.observed.share),
        settled_share=_difference(settled.share, before.settled.share),
        trend=trend,
        median_seconds=_difference(median, before.median_seconds),
    )


def _difference(now: float | None, before: float | None) -> float | None:
    return None if now is None or before is None else now - before


def _period(question: Question) -> Period:
    days = question.days()
    return Period(days[0], days[-1], len(days))


def _daily(result: FunnelResult) -> tuple[DailyPoint, ...]:
    by_outcome = result.total.by_bin.sum(axis=1).tolist()
    return tuple(
        DailyPoint(day, sum(counts), counts[CONVERTED], counts[OPEN], share(counts[CONVERTED], sum(counts)))
        for day, counts in zip(result.timing.labels, by_outcome, strict=True)
    )


def _median(tally: Tally, group: int, slot: int) -> float | None:
    milliseconds = median_ms(tally.gap_histogram[group, slot])
    return None if milliseconds is None else milliseconds / 1000


def _average(tally: Tally, group: int, slot: int) -> float | None:
    count = int(tally.gap_count[group, slot])
    return int(tally.gap_sum_ms[group, slot]) / count / 1000 if count else None


FUNNEL = ViewKind("funnel", FunnelView, funnel_view)
