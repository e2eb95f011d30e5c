"""Where sessions drop off: by stage and hour of the week, by stage and segment, by stage and failed task.

Every cell says how many stopped, which share that is of those who reached the stage, with its interval, and
whether they are too few to tell. A cell can be opened: the same selection lists its sessions.
"""

from dataclasses import replace

import numpy as np

from analytics.funnels import FunnelDefinition
from analytics.grouping import OTHER, missing_value
from analytics.kernel.arrays import BLOCKED, LEFT, OPEN
from analytics.queries import Asked, FunnelResult, Reader
from analytics.question import Question
from analytics.rates import FEWEST_ENTRIES, Rate
from analytics.sessions import by_pattern
from analytics.timing import HOURS_OF_WEEK, hour_label
from analytics.views.drop_off_hours import HourCounts, Ints, count_hours, worst_hours
from analytics.views.drop_off_reasons import common_reasons
from analytics.views.heatmap_records import DropOff, HeatmapView, HourOfWeek, Slice, TimeAnalysis
from analytics.views.kinds import ViewKind
from analytics.views.records import Period
from analytics.views.segments import check_disjoint, order_of_bands, segment_label

NOTHING_FAILED = "No failed task"
_ATTEMPTS = 3


def heatmap_view(reader: Reader, asked: Asked) -> HeatmapView:
    """The breakdown of the question, if it has one, makes the segments.

    Raises InvalidQuery where sessions could be in several segments, and as Reader.ask.
    """
    check_disjoint(asked.question)
    asked = replace(asked, labels=None)
    for _ in range(_ATTEMPTS):
        result = reader.ask(asked)
        bounded = replace(asked, question=result.question)
        hours = count_hours(reader, bounded)
        patterns = reader.ask(by_pattern(bounded))
        # The maps must count the same sessions, so a sync in between makes us count anew.
        if patterns.catalogue.version == result.catalogue.version:
            break
    return _view(result, patterns, hours)


def _view(result: FunnelResult, patterns: FunnelResult, hours: HourCounts) -> HeatmapView:
    definition, question = result.definition, result.question
    stages = tuple(step.label for step in definition.steps[:-1])
    outcomes = result.total.outcomes[0]
    everybody = _slice("", "All sessions", result.total.reached[0], outcomes)
    total, segments = everybody.total, _segments(result)
    time_analysis = _time_analysis(stages, question.zone, hours)
    return HeatmapView(
        name=definition.name,
        title=definition.title or definition.name,
        zone=question.zone,
        window_seconds=definition.window_seconds,
        period=_period(question),
        entered=total.rate.of,
        total_incomplete=total.rate.count,
        blocked=total.blocked,
        left=total.left,
        open=total.open,
        incomplete=total.rate,
        stages=stages,
        all_segments=everybody,
        segment_label=_segment_label(definition, question),
        segments=segments,
        folded_segments=result.rows.folded if result.rows else 0,
        error_patterns=_patterns(patterns),
        time_analysis=time_analysis,
        common_reasons=common_reasons(
            stages, outcomes[:, LEFT], hours.silent, patterns, segments, total.rate.count
        ),
        finding=_finding(stages, everybody, time_analysis),
    )


def _period(question: Question) -> Period:
    days = question.days()
    return Period(days[0], days[-1], len(days))


def _segment_label(definition: FunnelDefinition, question: Question) -> str | None:
    return " · ".join(definition.dimension(name).label for name in question.breakdown) or None


def _segments(result: FunnelResult) -> tuple[Slice, ...]:
    """Those that somebody entered: bands in their order, other values by entries; missing and Other last."""
    if result.rows is None or result.grouped is None:
        return ()
    slices = [
        _slice(value, segment_label(value), result.grouped.reached[row], result.grouped.outcomes[row])
        for row, value in enumerate(result.rows.labels)
        if result.grouped.reached[row, 0]
    ]
    last = {missing_value(result.question.breakdown), OTHER}
    bands = order_of_bands(result.definition, result.question.breakdown)
    slices.sort(key=lambda one: (one.value in last, bands.get(one.value, 0), -one.total.rate.of, one.value))
    return tuple(slices)


def _patterns(result: FunnelResult) -> tuple[Slice, ...]:
    """What failed, by drop-offs, as shares of all who reached the stage; nothing failed comes last."""
    if result.rows is None or result.grouped is None:
        return ()
    slices = [
        _slice(value, value or NOTHING_FAILED, result.total.reached[0], result.grouped.outcomes[row])
        for row, value in enumerate(result.rows.labels)
        if result.grouped.reached[row, 0]
    ]
    slices.sort(key=lambda one: (one.value == "", -one.total.rate.count, one.value))
    return tuple(slices)


def _time_analysis(stages: tuple[str, ...], zone: str, counts: HourCounts) -> TimeAnalysis:
    last = len(stages)
    reached, stopped = counts.taken[:, :last], counts.stopped[:, :last]
    hours = tuple(
        HourOfWeek(
            hour=hour,
            label=hour_label(hour),
            total=_drop_off(int(reached[hour].sum()), stopped[hour].sum(axis=0)),
            cells=_cells(reached[hour], stopped[hour]),
        )
        for hour in range(HOURS_OF_WEEK)
    )
    dropped: Ints = stopped[:, :, BLOCKED] + stopped[:, :, LEFT]
    tested, worst = worst_hours(stages, reached, dropped, stopped[:, :, OPEN])
    return TimeAnalysis(zone, hours, tested, worst)


def _slice(value: str, label: str, reached: Ints, outcomes: Ints) -> Slice:
    """Of a row of a tally: `reached` by step, `outcomes` by furthest step."""
    total = _drop_off(int(reached[0]), outcomes.sum(axis=0))
    return Slice(value, label, total, _cells(reached[:-1], outcomes[:-1]))


def _cells(reached: Ints, stopped: Ints) -> tuple[DropOff, ...]:
    return tuple(_drop_off(int(count), outcomes) for count, outcomes in zip(reached, stopped, strict=True))


def _drop_off(reached: int, stopped: Ints) -> DropOff:
    blocked, left, still_open = (int(stopped[outcome]) for outcome in (BLOCKED, LEFT, OPEN))
    return DropOff(
        rate=Rate.of_counts(blocked + left, reached),
        blocked=blocked,
        left=left,
        open=still_open,
        is_few=reached - still_open < FEWEST_ENTRIES,
    )


def _finding(stages: tuple[str, ...], everybody: Slice, time_analysis: TimeAnalysis) -> str:
    total = everybody.total
    if not total.rate.count:
        return f"Nobody dropped off: {total.open:,} are still open." if total.open else "Nobody dropped off."
    counts = np.array([cell.rate.count for cell in everybody.cells])
    stage = int(counts.argmax())
    sentence = (
        f"Most drop off after {stages[stage]}: {counts[stage]:,} of {total.rate.count:,} incomplete sessions"
    )
    if not time_analysis.worst_hours:
        return f"{sentence}."
    worst = time_analysis.worst_hours[0]
    here, rest = (worst.rate.share or 0) * 100, (worst.rest.share or 0) * 100
    return (
        f"{sentence}; worst is {worst.label} after {worst.stage_label}, where {here:.0f}% stop against "
        f"{rest:.0f}% at other hours."
    )


HEATMAP = ViewKind("drop-off-heatmap", HeatmapView, heatmap_view)
