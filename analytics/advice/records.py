"""A recommendation, as pages, CSV and REST render it."""

import datetime as dt
from dataclasses import dataclass
from typing import Self

from analytics.advice.candidates import Lost
from analytics.queries import Asked
from analytics.question import Question
from analytics.rates import Rate
from analytics.views.records import Period

#: The least share of the entries per week that an impact, best guess, must be worth to have this priority.
PRIORITIES = {"critical": 0.05, "high": 0.02, "medium": 0.005, "low": 0.0}


@dataclass(frozen=True, slots=True)
class Sessions:
    """Which sessions a sentence is about, as the list of sessions asks for them."""

    since: dt.datetime | None
    until: dt.datetime | None  #: excluded
    window_seconds: int
    stopped: int | None
    outcome: str
    dimension: str | None
    value: str | None
    pattern: str | None

    @classmethod
    def of(cls, asked: Asked, lost: Lost) -> Self:
        question, window = asked.question, asked.definition.window_seconds
        return cls(
            question.since, question.until, window,
            lost.stopped, lost.outcome, lost.dimension, lost.value, lost.pattern,
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Evidence:
    """One sentence, with the number in it as a number."""

    text: str
    rate: Rate | None  #: None where the sentence is not about a share
    period: Period
    page: str  #: that shows it: funnel, cohorts, compare, heatmap or dead_letters
    sessions: Sessions | None  #: that it is about, where they can be listed


@dataclass(frozen=True, slots=True)
class EstimatedImpact:
    """Further converted sessions per week, best guess and 95% interval, if the counterfactual came true."""

    sessions_per_week: float
    low: float
    high: float
    counterfactual: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    type: str
    priority: str  #: one of PRIORITIES
    title: str
    evidence: tuple[Evidence, ...]
    suggested_actions: tuple[str, ...]
    estimated_impact: EstimatedImpact


def priority(sessions_per_week: float, entered_per_week: float) -> str:
    share = sessions_per_week / entered_per_week
    return next(name for name, least in PRIORITIES.items() if share >= least)


def period_of(question: Question) -> Period:
    days = question.days()
    return Period(days[0], days[-1], len(days))


def share_in_words(rate: Rate) -> str:
    share, low, high = ((part or 0.0) * 100 for part in (rate.share, rate.low, rate.high))
    return f"{rate.count:,} of {rate.of:,} ({share:.1f}%, 95% interval {low:.1f} to {high:.1f}%)"
