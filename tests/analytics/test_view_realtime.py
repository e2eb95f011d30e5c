"""The last 24 hours, counted on days that a person can count along."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from analytics.funnels import FunnelDefinition
from analytics.queries import Asked, Reader
from analytics.records import plain, restored
from analytics.store import EventStore
from analytics.sync import sync
from analytics.views.realtime import REALTIME, RealtimeView, last_day

pytestmark = pytest.mark.servers

Happened = Callable[..., Any]
See = Callable[..., RealtimeView]
FUNNEL = FunnelDefinition.parse("A,B,C", window_seconds=6 * 3600)
NOON = dt.datetime(2024, 1, 10, 12, 0, 30, tzinfo=dt.UTC)


@pytest.fixture
def see(engine: Engine, store: EventStore) -> See:
    def see(now: dt.datetime = NOON, **told: Any) -> RealtimeView:
        sync(engine, store)
        return REALTIME.of(Reader(engine, store), Asked(FUNNEL, last_day(now), now, **told))

    return see


def test_who_came_how_far_they_got_and_who_is_at_it(see: See, happened: Happened) -> None:
    happened("done", "A", "2024-01-10 11:40")
    happened("done", "B", "2024-01-10 11:45")
    happened("done", "C", "2024-01-10 11:50")
    happened("reading", "A", "2024-01-10 11:00")
    happened("reading", "a page", "2024-01-10 11:31")
    happened("silent", "A", "2024-01-10 10:00")
    happened("silent", "B", "2024-01-10 11:30")
    happened("left", "A", "2024-01-09 13:00")
    happened("too long ago", "A", "2024-01-09 12:00")
    view = see()
    assert (view.real_time.total_sessions, view.real_time.active_sessions) == (4, 1)
    assert [stage.reached for stage in view.stages] == [4, 2, 1]
    assert (view.settled.count, view.settled.of, view.real_time.completion_rate) == (1, 2, 0.5)
    assert (view.observed.count, view.observed.of) == (1, 4)
    assert view.real_time.last_updated == NOON


def test_who_entered_earlier_and_is_back_inside_the_window_is_active(see: See, happened: Happened) -> None:
    happened("back", "A", "2024-01-10 06:30")
    happened("back", "B", "2024-01-10 11:59")
    happened("back too late", "A", "2024-01-10 05:00")
    happened("back too late", "B", "2024-01-10 11:59")
    assert see().real_time.active_sessions == 1


def test_the_hours_end_with_this_minute_and_add_up(see: See, happened: Happened) -> None:
    happened("first", "A", "2024-01-09 12:01")
    happened("last", "A", "2024-01-10 11:59")
    for name in "ABC":
        happened("quick", name, "2024-01-10 11:59")
    hours = see().hours
    assert (len(hours), hours[0].begins) == (24, dt.datetime(2024, 1, 9, 12, 1, tzinfo=dt.UTC))
    assert [hour.entered for hour in hours] == [1, *[0] * 22, 2]
    assert hours[-1].converted == 1


def test_the_day_before_is_as_it_stood_when_it_ended(see: See, happened: Happened) -> None:
    happened("quick", "A", "2024-01-09 11:00")
    happened("slow", "A", "2024-01-09 11:00")
    for name in "BC":
        happened("quick", name, "2024-01-09 11:30")
        happened("slow", name, "2024-01-09 12:30")
    view = see()
    assert (view.before.count, view.before.of) == (1, 2)
    assert view.change == "too few to tell"


def test_a_change_that_is_larger_than_chance_is_called_one(see: See, happened: Happened) -> None:
    for number in range(40):
        happened(f"today {number}", "A", "2024-01-10 09:00")
        for name in "ABC":
            happened(f"yesterday {number}", name, "2024-01-09 09:00")
    assert see().change == "declining"


def test_nothing_for_a_day_still_says_when_the_last_event_was_and_what_to_do(
    see: See, happened: Happened
) -> None:
    for number in range(200):
        for name in "ABC" if number % 2 else "A":
            happened(f"s{number}", name, "2024-01-02 09:00", plan="b" if number % 4 == 0 else "a")
    view = see()
    assert view.real_time.total_sessions == 0
    assert view.newest_event == dt.datetime(2024, 1, 2, 9, tzinfo=dt.UTC)
    assert view.advice_period is not None
    assert view.advice_period.last == dt.date(2024, 1, 2)
    assert [one.title for one in view.recommendations] == ["plan b: too few go on from A to B"]
    assert restored(RealtimeView, plain(view)) == view


def test_an_empty_store_is_no_error(see: See) -> None:
    view = see()
    assert (view.real_time.total_sessions, view.recommendations, view.newest_event) == (0, (), None)
    assert view.advice == "Nobody has entered this funnel so far."
