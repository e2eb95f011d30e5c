"""What a screen shows of a funnel: one typed record, rendered alike by page, CSV and REST.

Every percentage is derived here, from counts, once. Numbers stay numbers; formatting is the edge's work.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from analytics.finding import breakdown_finding, finding
from analytics.funnels import FunnelDefinition
from analytics.grouping import OTHER, band_labels
from analytics.kernel import BLOCKED, CONVERTED, LEFT, OPEN, WHOLE
from analytics.queries import FunnelResult, Reader
from analytics.question import Question
from analytics.rates import Rate, share
from analytics.records import plain
from analytics.sketch import median_ms
from analytics.tally import Tally


@dataclass(frozen=True, slots=True)
class Period:
    first: dt.date  #: of the asked zone
    last: dt.date  #: included
    days: int


@dataclass(frozen=True, slots=True)
class Outcomes:
    """What became of the sessions; the four add up to those that entered, or that got exactly this far."""

    converted: int
    blocked: int
    open: int
    left: int


@dataclass(frozen=True, slots=True)
class StepView:
    name: str  #: its events, joined with |
    label: str
    reached: int
    share_of_entered: float | None
    share_of_previous: float | None  #: None at the first step
    lost_here: int  #: reached this step and not the next; 0 at the last
    stopped: Outcomes  #: what became of those who got exactly this far; all converted at the last step
    median_seconds: float | None  #: from the step before, zero gaps left out; None at the first step
    average_seconds: float | None
    previous_reached: int | None  #: in the previous period


@dataclass(frozen=True, slots=True)
class GroupView:
    """One row of the breakdown."""

    value: str  #: "" is missing, "Other" holds what is beyond the limit
    label: str
    entered: int
    converted: int
    observed: Rate
    settled: Rate
    outcomes: Outcomes
    median_seconds: float | None  #: from entry to the last step
    average_seconds: float | None
    steps: tuple[StepView, ...]


@dataclass(frozen=True, slots=True)
class DailyPoint:
    day: dt.date  #: of entry, in the asked zone
    entered: int
    converted: int


@dataclass(frozen=True, slots=True)
class PreviousView:
    """The period of equal length just before."""

    period: Period
    entered: int
    converted: int
    observed: Rate
    settled: Rate
    median_seconds: float | None


@dataclass(frozen=True, slots=True)
class FunnelView:
    name: str
    title: str
    zone: str
    window_seconds: int
    order: str
    period: Period
    entered: int
    converted: int
    observed: Rate  #: converted / entered
    settled: Rate  #: converted / (entered - open)
    outcomes: Outcomes
    median_seconds: float | None  #: from entry to the last step
    average_seconds: float | None
    steps: tuple[StepView, ...]
    finding: str  #: one plain sentence
    previous: PreviousView | None  #: None when no range was asked for
    breakdown: str | None  #: the dimension
    breakdown_label: str | None
    groups: tuple[GroupView, ...]
    breakdown_finding: str  #: one plain sentence; "" without a breakdown, or with too little in it
    folded_values: int  #: values that the row "Other" stands for
    daily: tuple[DailyPoint, ...]
    synced_at: dt.datetime | None  #: when the store last took in events
    newest_event: dt.datetime | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON values; days and moments as ISO 8601."""
        body: dict[str, Any] = plain(self)
        return body

    def to_csv_rows(self) -> list[list[str | int | float | None]]:
        """A header and one row per step, for everybody and then for each breakdown value."""
        header: list[str | int | float | None] = [
            "breakdown",
            "value",
            "step",
            "events",
            "reached",
            "share_of_entered",
            "share_of_previous",
            "lost_here",
            "blocked_here",
            "open_here",
            "left_here",
            "median_seconds",
            "average_seconds",
            "previous_reached",
        ]
        rows = [header, *(_csv_row("", "", step) for step in self.steps)]
        for group in self.groups:
            rows += [_csv_row(self.breakdown or "", group.label, step) for step in group.steps]
        return rows


def funnel_view(
    reader: Reader,
    definition: FunnelDefinition,
    question: Question,
    *,
    now: dt.datetime,
    blocked: Mapping[str, int] | None = None,
) -> FunnelView:
    """Count the funnel and the period before it, and shape the answer.

    The previous period is counted only when the question has both ends of its range. See Reader.run for
    `now`, `blocked` and the errors.
    """
    result = reader.run(definition, question, now=now, blocked=blocked)
    previous = None
    if question.since and question.until:
        earlier = replace(result.question.previous(), breakdown=None)
        previous = reader.run(definition, earlier, now=now, blocked=blocked)
    return view_of(result, previous)


def view_of(result: FunnelResult, previous: FunnelResult | None = None) -> FunnelView:
    definition, question = result.definition, result.question
    before = previous.total if previous else None
    steps = _steps(definition, result.total, 0, before)
    outcomes = _outcomes(result.total, 0)
    entered, converted = steps[0].reached, outcomes.converted
    breakdown = question.breakdown
    groups = _groups(result)
    return FunnelView(
        name=definition.name,
        title=definition.title or definition.name,
        zone=question.zone,
        window_seconds=definition.window_seconds,
        order=definition.order,
        period=_period(question),
        entered=entered,
        converted=converted,
        observed=Rate.of_counts(converted, entered),
        settled=Rate.of_counts(converted, entered - outcomes.open),
        outcomes=outcomes,
        median_seconds=_median(result.total, 0, WHOLE),
        average_seconds=_average(result.total, 0, WHOLE),
        steps=steps,
        finding=finding(steps, outcomes),
        previous=_previous(previous) if previous else None,
        breakdown=breakdown,
        breakdown_label=definition.dimension(breakdown).label if breakdown else None,
        groups=groups,
        breakdown_finding=breakdown_finding(groups),
        folded_values=result.rows.folded if result.rows else 0,
        daily=_daily(result),
        synced_at=result.catalogue.synced_at,
        newest_event=result.catalogue.newest_event,
    )


def _steps(
    definition: FunnelDefinition, tally: Tally, group: int, before: Tally | None = None
) -> tuple[StepView, ...]:
    reached = [int(count) for count in tally.reached[group]]
    following = [*reached[1:], reached[-1]]
    return tuple(
        StepView(
            name="|".join(step.events),
            label=step.label,
            reached=reached[at],
            share_of_entered=share(reached[at], reached[0]),
            share_of_previous=share(reached[at], reached[at - 1]) if at else None,
            lost_here=reached[at] - following[at],
            stopped=Outcomes(*(int(count) for count in tally.outcomes[group, at])),
            median_seconds=_median(tally, group, at) if at else None,
            average_seconds=_average(tally, group, at) if at else None,
            previous_reached=int(before.reached[0, at]) if before is not None else None,
        )
        for at, step in enumerate(definition.steps)
    )


def _outcomes(tally: Tally, group: int) -> Outcomes:
    counts = tally.outcomes[group].sum(axis=0)
    return Outcomes(
        converted=int(counts[CONVERTED]),
        blocked=int(counts[BLOCKED]),
        open=int(counts[OPEN]),
        left=int(counts[LEFT]),
    )


def _groups(result: FunnelResult) -> tuple[GroupView, ...]:
    """Rows that somebody entered: bands in their order, other values by entries; missing and Other last."""
    if result.rows is None or result.grouped is None or result.question.breakdown is None:
        return ()
    groups = [
        _group(result.definition, value, result.grouped, at)
        for at, value in enumerate(result.rows.labels)
        if result.grouped.reached[at, 0]
    ]
    bands = result.definition.dimension(result.question.breakdown).bands
    order = {label: at for at, label in enumerate(band_labels(bands))} if bands else {}
    groups.sort(
        key=lambda group: (group.value in {"", OTHER}, order.get(group.value, 0), -group.entered, group.value)
    )
    return tuple(groups)


def _group(definition: FunnelDefinition, value: str, tally: Tally, at: int) -> GroupView:
    steps = _steps(definition, tally, at)
    outcomes = _outcomes(tally, at)
    return GroupView(
        value=value,
        label=value or "(missing)",
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


def _period(question: Question) -> Period:
    days = question.days()
    return Period(days[0], days[-1], len(days))


def _daily(result: FunnelResult) -> tuple[DailyPoint, ...]:
    daily = result.total.daily
    return tuple(
        DailyPoint(day, int(daily[at, 0]), int(daily[at, -1]))
        for at, day in enumerate(result.question.days())
    )


def _median(tally: Tally, group: int, slot: int) -> float | None:
    milliseconds = median_ms(tally.gap_histogram[group, slot])
    return None if milliseconds is None else milliseconds / 1000


def _average(tally: Tally, group: int, slot: int) -> float | None:
    count = int(tally.gap_count[group, slot])
    return int(tally.gap_sum_ms[group, slot]) / count / 1000 if count else None


def _csv_row(breakdown: str, value: str, step: StepView) -> list[str | int | float | None]:
    return [
        breakdown,
        value,
        step.label,
        step.name,
        step.reached,
        step.share_of_entered,
        step.share_of_previous,
        step.lost_here,
        step.stopped.blocked,
        step.stopped.open,
        step.stopped.left,
        step.median_seconds,
        step.average_seconds,
        step.previous_reached,
    ]
