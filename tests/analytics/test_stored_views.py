"""Views of events that were recorded, synced into files, counted and shown; the numbers are by hand."""

import datetime as dt
from collections.abc import Callable, Iterable
from typing import Any

import pytest
import redis
from sqlalchemy import Engine

from analytics import record
from analytics.cache import CacheCounts, ViewCache
from analytics.funnels import FunnelDefinition
from analytics.queries import Asked, Reader
from analytics.question import Question
from analytics.recording import MOST_EVENTS, record_batch
from analytics.store import EventStore
from analytics.sync import sync
from analytics.views.cohorts import COHORTS
from analytics.views.comparison import COMPARISON
from analytics.views.funnel import FUNNEL
from analytics.views.realtime import REALTIME, last_day
from analytics.views.recommendations import RECOMMENDATIONS
from tests.analytics.in_memory import sessions
from tests.analytics.worlds import LATER, START, Event, at

pytestmark = pytest.mark.servers

Stored = Callable[[Iterable[Event]], Reader]
DAY = 86400
TODAY = START.date()


@pytest.fixture
def stored(engine: Engine, store: EventStore) -> Stored:
    """Record events and take them into the files."""

    def stored(events: Iterable[Event]) -> Reader:
        sent = [_sent(event) for event in events]
        for first in range(0, len(sent), MOST_EVENTS):
            with engine.begin() as connection:
                assert record_batch(connection, sent[first : first + MOST_EVENTS]).rejected == ()
        sync(engine, store)
        return Reader(engine, store)

    return stored


def _sent(event: Event) -> dict[str, Any]:
    return {
        "session_id": event.session,
        "name": event.name,
        "occurred_at": event.at.isoformat(),
        "properties": dict(event.properties),
    }


def asked(question: Question, *, now: dt.datetime = LATER, **told: Any) -> Asked:
    return Asked(FunnelDefinition.parse("A,B,C", window_seconds=DAY), question, now, **told)


def test_funnel_metrics_calculation_accuracy(stored: Stored) -> None:
    """Eight come: three arrive, three leave, one has time left, one waits for a task of ours."""
    reader = stored(
        [
            *(
                event
                for one in (1, 2, 3)
                for event in _through(f"arrives {one}", b=60 * one, c=60 * one + 60)
            ),
            *sessions("leaves after B", "AB", 2),
            *sessions("leaves at once", "A", 1),
            *sessions("is blocked", "AB", 1),
            *sessions("has only begun", "A", 1, day=1.5),
        ]
    )
    failed_ms = int((START + dt.timedelta(minutes=5)).timestamp() * 1000)
    view = FUNNEL.of(
        reader,
        asked(Question(), now=START + dt.timedelta(days=2), blocked={"is blocked 0": failed_ms}),
    )
    assert (view.entered, view.converted) == (8, 3)
    outcomes = view.outcomes
    assert (outcomes.converted, outcomes.left, outcomes.open, outcomes.blocked) == (3, 3, 1, 1)
    assert (view.observed.share, view.settled.share) == (3 / 8, 3 / 7)
    assert [step.reached for step in view.steps] == [8, 6, 3]
    assert [step.share_of_entered for step in view.steps] == [1, 6 / 8, 3 / 8]
    assert [step.share_of_previous for step in view.steps] == [None, 6 / 8, 3 / 6]
    assert [step.lost_here for step in view.steps] == [2, 3, 0]
    # To B: 60, 120, 180 and three times 60 seconds; then 60 each. From entry to C: 120, 180, 240.
    assert [step.average_seconds for step in view.steps] == [None, 90, 60]
    assert view.average_seconds == 180
    assert view.median_seconds == pytest.approx(180, rel=0.01)
    assert view.steps[1].median_seconds == pytest.approx(60, rel=0.01)


def _through(session: str, *, b: float, c: float) -> list[Event]:
    return [at(0, session, "A"), at(b, session, "B"), at(c, session, "C")]


def test_drop_off_point_identification(stored: Stored) -> None:
    """Of 100 on phones 70 stop after A and 10 after B; of 100 on desktops 10 and 30."""
    reader = stored(PHONES + DESKTOPS)
    first, second = FUNNEL.of(reader, asked(Question(breakdown=("device",)))).top_drop_off_points
    assert (first.label, first.before, first.sessions_lost, first.loss) == ("A", "B", 80, 80 / 200)
    assert (first.best_segment, first.best_segment_loss) == ("desktop", 10 / 100)
    assert (second.label, second.before, second.sessions_lost, second.loss) == ("B", "C", 40, 40 / 120)
    # Only 30 phones got to B, which is enough to be told of.
    assert second.share_of_entered == 40 / 200


PHONES = [
    *sessions("p1", "ABC", 20, device="phone"),
    *sessions("p2", "AB", 10, device="phone"),
    *sessions("p3", "A", 70, device="phone"),
]
DESKTOPS = [
    *sessions("d1", "ABC", 60, device="desktop"),
    *sessions("d2", "AB", 30, device="desktop"),
    *sessions("d3", "A", 10, device="desktop"),
]


def test_cohort_analysis_segmentation(stored: Stored) -> None:
    view = COHORTS.of(stored(PHONES + DESKTOPS[:30]), asked(Question()), dimension="device", reference=None)
    assert [(one.label, one.entered, one.converted, one.settled.share) for one in view.segments] == [
        ("phone", 100, 20, 0.2),
        ("desktop", 10, 10, 1),
    ]
    assert sum(one.entered for one in view.segments) == view.entered == 110
    both = COHORTS.of(stored(DESKTOPS[30:]), asked(Question()), dimension="device", reference=None)
    assert {one.label: one.settled.share for one in both.segments} == {"phone": 0.2, "desktop": 0.6}
    assert {one.versus.verdict for one in both.segments} == {"different"}
    assert both.insights[0].startswith("desktop converts more: 60.0% against 20.0% for phone, +40.0 points")


def test_optimization_recommendations_generation(stored: Stored) -> None:
    """In four weeks 400 on two plans go on from A half of the time, 200 on a third a fifth."""
    reader = stored(
        [
            *_spread("pro", "ABC", 100), *_spread("pro", "A", 100),
            *_spread("team", "ABC", 100), *_spread("team", "A", 100),
            *_spread("free", "ABC", 20), *_spread("free", "AB", 20), *_spread("free", "A", 160),
        ]
    )  # fmt: skip
    four_weeks = Question.of_days(TODAY, TODAY + dt.timedelta(days=27))
    advice = RECOMMENDATIONS.of(reader, asked(four_weeks)).recommendations
    first = next(one for one in advice if one.type == "fix_step_for_segment")
    assert first.title == "plan free: too few go on from A to B"
    assert first.priority == "critical"
    # 50 sessions a week, 50 % instead of 20 % of them, of whom 20 of 40 go on to convert.
    assert first.estimated_impact.sessions_per_week == pytest.approx(50 * 0.3 * 0.5)
    assert first.suggested_actions
    assert all("free" in one.title for one in advice if one.type == "fix_step_for_segment")


def _spread(plan: str, names: str, number: int) -> list[Event]:
    """So many sessions over the 28 days, at such times that no hour or day stands out."""
    return [
        event
        for one in range(number)
        for event in sessions(
            f"{plan} {names} {one}", names, 1, day=(one * 4 + one // 42) % 168 / 6 - 0.5, plan=plan
        )
    ]


def test_realtime_dashboard_caching(
    stored: Stored, engine: Engine, store: EventStore, redis_url: str
) -> None:
    """Two people come; who looks again gets the stored answer, until somebody comes or time is up."""
    reader, now = stored(sessions("early", "AB", 2)), START + dt.timedelta(minutes=10)
    with redis.Redis.from_url(redis_url) as client:
        cache = ViewCache(client, seconds=60)

        def look(cache: ViewCache = cache):
            return cache.view(REALTIME, reader, asked(last_day(now), now=now))

        first, again = look(), look()
        assert (first.from_cache, again.from_cache) == (False, True)
        assert again.view == first.view
        assert first.view.real_time.total_sessions == 2
        elsewhere = ViewCache(client, seconds=60)
        assert look(elsewhere).from_cache, "another process finds it too"
        with engine.begin() as connection:
            record(connection, session_id="late", name="A", occurred_at=now)
        assert look().view.real_time.total_sessions == 2
        sync(engine, store)
        after = look()
        assert (after.from_cache, after.view.real_time.total_sessions) == (False, 3)
        assert cache.counts == CacheCounts(hits=2, misses=2, waits=0, unavailable=0)
        assert all(0 < client.ttl(key) <= 60 for key in client.keys("*"))


def test_period_comparison_accuracy(stored: Stored) -> None:
    """Of 200 on the first day 80 arrive, of 200 on the second 40: as many at B, half of them at C."""
    reader = stored(
        [
            *sessions("c1", "ABC", 80), *sessions("b1", "AB", 20), *sessions("a1", "A", 100),
            *sessions("c2", "ABC", 40, day=1), *sessions("b2", "AB", 60, day=1),
            *sessions("a2", "A", 100, day=1),
        ]
    )  # fmt: skip
    second_day = TODAY + dt.timedelta(days=1)
    view = COMPARISON.of(reader, asked(Question.of_days(second_day, second_day)), first=None, last=None)
    assert [(one.period.first, one.entered, one.converted) for one in (view.period1, view.period2)] == [
        (TODAY, 200, 80),
        (second_day, 200, 40),
    ]
    assert view.changes.conversion_rate_change == pytest.approx(-0.2)
    assert view.changes.trend == "declining"
    assert [(step.label, step.verdict) for step in view.steps] == [("B", "not different"), ("C", "different")]
    assert [step.contribution for step in view.steps] == [0, pytest.approx(-0.2)]
