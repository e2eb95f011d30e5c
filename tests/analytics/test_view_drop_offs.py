"""Where most is lost, how bad that is, and the cohorts by week: parts of the funnel's own view."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from analytics.funnels import FunnelDefinition
from analytics.queries import Asked, Reader
from analytics.question import Question
from analytics.store import EventStore
from analytics.sync import sync
from analytics.views.drop_offs import severity
from analytics.views.funnel import FUNNEL
from analytics.views.records import FunnelView

Happened = Callable[..., Any]
NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)


@pytest.fixture
def see(engine: Engine, store: EventStore) -> Callable[..., FunnelView]:
    def see(question: Question | None = None, now: dt.datetime = NOW) -> FunnelView:
        sync(engine, store)
        asked = Asked(FunnelDefinition.parse("A,B,C"), question or Question(), now)
        return FUNNEL.of(Reader(engine, store), asked)

    return see


def many(happened: Happened, plan: str, day: str, reached: dict[str, int]) -> None:
    for steps, sessions in reached.items():
        for number in range(sessions):
            for minute, name in enumerate(steps):
                happened(f"{plan}{day}{steps}{number}", name, f"{day} 12:{minute:02}", plan=plan)


def test_points_are_ranked_by_sessions_lost_and_know_the_best_segment(
    see: Callable[..., FunnelView], happened: Happened
) -> None:
    many(happened, "pro", "2024-01-10", {"A": 3, "AB": 10, "ABC": 27})
    many(happened, "free", "2024-01-10", {"A": 20, "AB": 10, "ABC": 10})
    worst, other = see(Question(breakdown=("plan",))).top_drop_off_points
    assert (worst.label, worst.before, worst.sessions_lost, worst.loss) == ("A", "B", 23, 23 / 80)
    assert (worst.best_segment, worst.best_segment_loss) == ("pro", 3 / 40)
    assert worst.severity == "critical"
    assert (other.label, other.sessions_lost, other.share_of_entered) == ("B", 20, 0.25)
    # Of free only 20 took B: too few to be held up as the best.
    assert (other.best_segment, other.best_segment_loss) == ("pro", 10 / 37)


def test_nobody_lost_makes_no_point(see: Callable[..., FunnelView], happened: Happened) -> None:
    many(happened, "pro", "2024-01-10", {"ABC": 3})
    assert see().top_drop_off_points == ()


def test_open_sessions_are_not_lost(see: Callable[..., FunnelView], happened: Happened) -> None:
    many(happened, "pro", "2024-01-10", {"A": 3, "ABC": 1})
    assert see(now=dt.datetime(2024, 1, 11, tzinfo=dt.UTC)).top_drop_off_points == ()


@pytest.mark.parametrize(
    ("lost", "avoidable", "name"),
    [(0.25, 0, "critical"), (0.249, 0, "high"), (0.10, 0, "high"), (0.099, 0, "medium"), (0.03, 0, "medium"),
     (0.029, 0, "low"), (0.125, 0.1, "critical"), (0.125, 0.09, "high"), (0.0, 0.5, "low")],
)  # fmt: skip
def test_severity_weighs_what_a_segment_avoids_twice(lost: float, avoidable: float, name: str) -> None:
    assert severity(lost, avoidable) == name


def test_cohorts_are_weeks_of_entry_from_monday(see: Callable[..., FunnelView], happened: Happened) -> None:
    many(happened, "pro", "2024-01-07", {"A": 1})  # a Sunday
    many(happened, "pro", "2024-01-08", {"AB": 2})
    many(happened, "pro", "2024-01-14", {"ABC": 1})
    many(happened, "pro", "2024-01-22", {"A": 1})
    weeks = see(now=dt.datetime(2024, 1, 23, tzinfo=dt.UTC)).cohort_analysis
    assert [(week.week.isoformat(), week.entered, week.converted, week.open) for week in weeks] == [
        ("2024-01-01", 1, 0, 0), ("2024-01-08", 3, 1, 0), ("2024-01-22", 1, 0, 1),
    ]  # fmt: skip
    assert weeks[1].got_to == (3, 3, 1)
    assert [(week.observed.share, week.settled.share) for week in weeks[1:]] == [(1 / 3, 1 / 3), (0.0, None)]
