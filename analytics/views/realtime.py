"""The last 24 hours: who came, who is at it now, how far they got, and what to do next.

A day is too short to judge by who has converted so far. So it is compared with the 24 hours before as these
stood when they ended: equally young, cut off at the same age.
"""

import datetime as dt
from dataclasses import dataclass, replace

import numpy as np

from analytics.advice.records import Recommendation
from analytics.counting import to_ms
from analytics.kernel.arrays import CONVERTED, Bins
from analytics.queries import Asked, FunnelResult, Reader
from analytics.question import Question
from analytics.rates import Rate
from analytics.span import span
from analytics.statistics.comparison import Trend, difference, trend
from analytics.timing import Timing
from analytics.views.funnel import view_of
from analytics.views.kinds import Cell, ViewKind
from analytics.views.recommendations import RecommendationsView, recommendations_view
from analytics.views.records import Outcomes, Period, StepView

HOURS = 24
#: A session is active when something happened in it so short a time ago.
ACTIVE_MINUTES = 30
#: Recommendations rest on so many days, the newest on which somebody entered.
ADVICE_DAYS = 28
MOST_ADVICE = 3
_HOUR = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class RealTime:
    last_updated: dt.datetime
    total_sessions: int  #: entered in the last 24 hours
    active_sessions: int  #: not converted, inside their window, with any event in the last 30 minutes
    completion_rate: float | None  #: the share of `settled`


@dataclass(frozen=True, slots=True)
class HourPoint:
    begins: dt.datetime
    entered: int
    converted: int  #: of those who entered in this hour, so far


@dataclass(frozen=True, slots=True)
class RealtimeView:
    name: str
    title: str
    real_time: RealTime
    settled: Rate  #: converted of those whose window has closed, or who have converted
    observed: Rate  #: converted so far of all who entered
    outcomes: Outcomes
    before: Rate  #: `observed` of the 24 hours before, as it stood when they ended
    difference: float | None  #: of the two; None when either is empty
    change: Trend
    hours: tuple[HourPoint, ...]  #: 24, the oldest first
    stages: tuple[StepView, ...]
    waiting_sessions: int  #: behind a task of ours, of those who entered in `advice_period`
    advice_period: Period | None  #: None where nobody has ever entered
    advice: str  #: what the recommendations rest on, or why there is none
    recommendations: tuple[Recommendation, ...]  #: the largest MOST_ADVICE
    newest_event: dt.datetime | None

    def to_rows(self) -> list[list[Cell]]:
        """A header and one row for each hour."""
        rows: list[list[Cell]] = [["hour", "entered", "converted"]]
        rows += [[hour.begins.isoformat(), hour.entered, hour.converted] for hour in self.hours]
        return rows


def last_day(now: dt.datetime, zone: str = "UTC") -> Question:
    """The 24 hours up to the end of this minute: within it, all who ask share one answer."""
    until = _end(now)
    return Question(since=until - HOURS * _HOUR, until=until, zone=zone)


def realtime_view(reader: Reader, asked: Asked) -> RealtimeView:
    """The question's filters and zone count, its range does not: it is `last_day`. Raises as Reader.ask."""
    end = _end(asked.now)
    everybody = replace(asked, question=replace(asked.question, breakdown=()), labels=None)
    result = reader.ask(replace(_entered(everybody, end - HOURS * _HOUR, end), binned=_by_hour))
    view = view_of(result)
    before = _day_before(reader, everybody, end - HOURS * _HOUR)
    advice = _advice(reader, everybody)
    gap = difference(before, view.observed)
    return RealtimeView(
        name=view.name,
        title=view.title,
        real_time=RealTime(asked.now, view.entered, _active(reader, everybody), view.settled.share),
        settled=view.settled,
        observed=view.observed,
        outcomes=view.outcomes,
        before=before,
        difference=gap.difference,
        change=trend(gap, gap.p_value),
        hours=_hours(result, end - HOURS * _HOUR),
        stages=view.steps,
        waiting_sessions=advice.blocked if advice else 0,
        advice_period=advice.period if advice else None,
        advice=advice.summary if advice else "Nobody has entered this funnel so far.",
        recommendations=advice.recommendations if advice else (),
        newest_event=view.newest_event,
    )


def _end(now: dt.datetime) -> dt.datetime:
    return now.replace(second=0, microsecond=0) + dt.timedelta(minutes=1)


def _entered(asked: Asked, since: dt.datetime, until: dt.datetime) -> Asked:
    return replace(asked, question=replace(asked.question, since=since, until=until))


def _by_hour(question: Question) -> Timing:
    edges = np.arange(HOURS, dtype=np.int64) * 3_600_000 + to_ms(question.since)
    begins = tuple(dt.datetime.fromtimestamp(edge / 1000, dt.UTC) for edge in edges.tolist())
    return Timing(begins, Bins(edges, np.arange(HOURS, dtype=np.int32), at_furthest=0, are_rows=0))


def _hours(result: FunnelResult, since: dt.datetime) -> tuple[HourPoint, ...]:
    by_outcome = result.total.by_bin.sum(axis=1).tolist()
    return tuple(
        HourPoint(since + hour * _HOUR, sum(counts), counts[CONVERTED])
        for hour, counts in enumerate(by_outcome)
    )


def _day_before(reader: Reader, asked: Asked, until: dt.datetime) -> Rate:
    asked = _entered(asked, until - HOURS * _HOUR, until)
    # Cut at their end, these 24 hours are as young as the last ones are now.
    question = replace(asked.question, completions="within_range")
    return view_of(reader.ask(replace(asked, question=question))).observed


def _active(reader: Reader, asked: Asked) -> int:
    since_ms = to_ms(asked.now - dt.timedelta(minutes=ACTIVE_MINUTES))
    window = dt.timedelta(seconds=asked.definition.window_seconds)
    active = 0
    for part in reader.chains(_entered(asked, asked.now - window, _end(asked.now))):
        if part.file.last_ms >= since_ms:
            partition, chains = part.chains.partition, part.chains
            newest_ms = partition.at_ms[partition.starts[1:] - 1][chains.number]
            active += int(((newest_ms >= since_ms) & (chains.outcome != CONVERTED)).sum())
    return active


def _advice(reader: Reader, asked: Asked) -> RecommendationsView | None:
    available = span(reader.engine, asked.definition)
    if available is None:
        return None
    first = available.newest - dt.timedelta(days=ADVICE_DAYS - 1)
    days = Question.of_days(first, available.newest, zone=asked.question.zone)
    question = replace(asked.question, since=days.since, until=days.until)
    return recommendations_view(reader, replace(asked, question=question), most=MOST_ADVICE)


REALTIME = ViewKind("realtime", RealtimeView, realtime_view)
