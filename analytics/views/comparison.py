"""Compares two periods: whether conversion changed by more than chance, at which steps, and for whom.

Both are compared by their settled rates, so that the sessions still open in the later one are not taken for
lost. All tests of one answer are corrected together.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

from analytics.grouping import OTHER
from analytics.queries import Asked, FunnelResult, Reader
from analytics.question import MAX_GROUPS, Question
from analytics.rates import Rate, share
from analytics.statistics.comparison import verdict
from analytics.statistics.mix_and_rate import MixAndRate, mix_and_rate
from analytics.statistics.step_contributions import step_contributions
from analytics.views.comparison_findings import findings
from analytics.views.comparison_records import (
    ComparisonView,
    PeriodChanges,
    PeriodNumbers,
    RateChange,
    StepChange,
)
from analytics.views.kinds import ViewKind
from analytics.views.period_tests import PeriodTests, Tested, period_tests, settled_reached
from analytics.views.records import Period
from analytics.views.row_counts import RowCounts, milestones
from analytics.views.segments import check_disjoint, order_of_bands


def comparison_view(
    reader: Reader, asked: Asked, *, first: dt.date | None = None, last: dt.date | None = None
) -> ComparisonView:
    """The asked period against the days from `first` to `last`; without them, the equally long one before.

    A breakdown in the question is the dimension whose mix is told from its rates. Raises InvalidQuery where
    sessions could be in several segments, and as Reader.ask.
    """
    check_disjoint(asked.question)
    most = asked.question.most_groups
    # Which values are the most frequent is decided over both periods, so first all are counted.
    after = reader.ask(replace(asked, question=replace(asked.question, most_groups=MAX_GROUPS), labels=None))
    question = _other_days(after.question, first, last)
    before = reader.ask(replace(asked, question=question, labels=None))
    return _view(before, after, most)


def _other_days(question: Question, first: dt.date | None, last: dt.date | None) -> Question:
    if first is None and last is None:
        return question.previous()
    chosen = Question.of_days(first, last, zone=question.zone)
    return replace(question, since=chosen.since, until=chosen.until)


def _view(before: FunnelResult, after: FunnelResult, most_groups: int) -> ComparisonView:
    definition, breakdown = after.definition, after.question.breakdown
    period1, period2 = _numbers(before), _numbers(after)
    tests = period_tests(before, after)
    changes = _changes(period1, period2, tests)
    contributions = _contributions(before, after)
    labels = [definition.steps[at].label for at in milestones(definition)[1:]]
    steps = tuple(
        StepChange(label, one.before, one.after, _change(one), verdict(one.p_value), contribution)
        for label, one, contribution in zip(labels, tests.steps, contributions, strict=True)
    )
    by_label = " · ".join(definition.dimension(name).label for name in breakdown) or None
    mix = _mix(before, after, most_groups) if breakdown else None
    return ComparisonView(
        name=definition.name,
        title=definition.title or definition.name,
        zone=after.question.zone,
        period1=period1,
        period2=period2,
        changes=changes,
        steps=steps,
        by_label=by_label,
        mix=mix,
        findings=findings(period1, period2, changes, steps, mix, by_label),
    )


def _numbers(result: FunnelResult) -> PeriodNumbers:
    days, counts = result.question.days(), RowCounts(result.total)
    return PeriodNumbers(
        period=Period(days[0], days[-1], len(days)),
        entered=counts.entered,
        converted=counts.outcomes.converted,
        outcomes=counts.outcomes,
        observed=counts.observed,
        settled=counts.settled,
        median_seconds=counts.median_seconds,
        average_seconds=counts.average_seconds,
    )


def _changes(before: PeriodNumbers, after: PeriodNumbers, tests: PeriodTests) -> PeriodChanges:
    return PeriodChanges(
        conversion_rate_change=tests.conversion.difference.difference,
        conversion_rate=_change(tests.conversion),
        trend=tests.trend,
        observed_rate_change=_less(after.observed.share, before.observed.share),
        entered_change=share(after.entered - before.entered, before.entered),
        converted_change=after.converted - before.converted,
        median_seconds_change=_less(after.median_seconds, before.median_seconds),
        average_seconds_change=_less(after.average_seconds, before.average_seconds),
    )


def _change(tested: Tested) -> RateChange:
    found = tested.difference
    return RateChange(found.difference, found.low, found.high, tested.p_value)


def _less(after: float | None, before: float | None) -> float | None:
    return None if after is None or before is None else after - before


def _contributions(before: FunnelResult, after: FunnelResult) -> tuple[float | None, ...]:
    reached = settled_reached(before), settled_reached(after)
    return step_contributions(*reached) or (None,) * (len(reached[0]) - 1)


def _mix(before: FunnelResult, after: FunnelResult, most_groups: int) -> MixAndRate | None:
    """Over the values with most sessions of both periods; the rest, and what one of them folded, is Other."""
    periods = [_settled_by_value(before), _settled_by_value(after)]
    entered = {
        value: sum(period[value].of for period in periods if value in period)
        for value in {**periods[0], **periods[1]}
    }
    named = [value for value in entered if value != OTHER and _is_told_apart(value, before, after)]
    named.sort(key=lambda value: (-entered[value], value))
    bands = order_of_bands(after.definition, after.question.breakdown)
    kept = dict.fromkeys(sorted(named[:most_groups], key=lambda value: bands.get(value, 0)))
    mix = mix_and_rate(*(_folded(period, kept) for period in periods))
    order = {value: at for at, value in enumerate([*kept, OTHER])}
    return mix and replace(mix, segments=tuple(sorted(mix.segments, key=lambda one: order[one.value])))


def _settled_by_value(result: FunnelResult) -> dict[str, Rate]:
    if result.rows is None or result.grouped is None:
        return {}
    return {value: RowCounts(result.grouped, row).settled for row, value in enumerate(result.rows.labels)}


def _is_told_apart(value: str, *results: FunnelResult) -> bool:
    """Whether no period may have folded the value into Other."""
    return all(
        result.rows is not None and (not result.rows.folded or value in result.rows.values)
        for result in results
    )


def _folded(rates: Mapping[str, Rate], kept: Mapping[str, None]) -> dict[str, Rate]:
    others = [rate for value, rate in rates.items() if value not in kept]
    named = {value: rates[value] for value in kept if value in rates}
    rest = Rate.of_counts(sum(rate.count for rate in others), sum(rate.of for rate in others))
    return {**named, OTHER: rest} if rest.of else named


COMPARISON = ViewKind("comparison", ComparisonView, comparison_view)
