"""Conversion by day of entry: a day whose sessions are still open is not a drop."""

import datetime as dt
from dataclasses import replace

import pytest

from analytics.errors import InvalidQuery
from analytics.funnels import FunnelDefinition
from analytics.queries import Asked
from analytics.question import Question
from analytics.views.trend import TREND, TrendView
from tests.analytics.in_memory import InMemory, sessions
from tests.analytics.worlds import LATER, START, Event

DAY = dt.timedelta(days=1)
WEDNESDAY = START.date()
#: Entered on Wednesday and Thursday; the window of the latter is open until Saturday.
WORLD = [
    *sessions("a", "AB", 3),
    *sessions("b", "A", 1),
    *sessions("c", "AB", 1, day=1),
    *sessions("d", "A", 3, day=1),
]


def trend(
    events: list[Event], *, now: dt.datetime = START + 2.5 * DAY, per: str = "day", **asked: object
) -> TrendView:
    question = Question.of_days(WEDNESDAY, WEDNESDAY + 2 * DAY)
    definition = FunnelDefinition.parse("A,B", window_seconds=2 * 86400)
    return TREND.of(InMemory(events), replace(Asked(definition, question, now), **asked), per=per)


def test_each_day_of_entry_has_its_counts_days_without_entries_too() -> None:
    points = trend(WORLD).points
    assert [(point.begins, point.entered, point.converted, point.open) for point in points] == [
        (WEDNESDAY, 4, 3, 0), (WEDNESDAY + DAY, 4, 1, 3), (WEDNESDAY + 2 * DAY, 0, 0, 0),
    ]  # fmt: skip


def test_a_day_with_open_sessions_is_marked_and_bounded_by_what_may_still_come() -> None:
    settled, unsettled, nobody = trend(WORLD).points
    assert (settled.is_settled, settled.settled.share, settled.highest) == (True, 0.75, 0.75)
    assert not unsettled.is_settled
    assert (unsettled.observed.share, unsettled.settled.share, unsettled.highest) == (0.25, 1, 1)
    assert (nobody.settled.share, nobody.highest) == (None, None)


def test_the_sentence_says_from_when_on_the_rates_will_move() -> None:
    assert trend(WORLD).finding == (
        "Not settled since 11 January: 3 of 4 sessions that entered since then are still open, so these "
        "rates will move, up or down."
    )
    assert trend(WORLD, now=LATER).finding == "Every day is settled: no session is open any more."
    assert trend([]).finding == "Nobody entered this funnel in these days."


def test_all_points_together_are_the_funnel() -> None:
    view = trend(WORLD)
    assert (view.settled.count, view.settled.of, view.open) == (4, 5, 3)


def test_weeks_begin_on_monday() -> None:
    (week,) = trend(WORLD, per="week").points
    assert (week.begins, week.entered) == (dt.date(2024, 1, 8), 8)


def test_days_are_those_of_the_zone() -> None:
    question = Question.of_days(WEDNESDAY, WEDNESDAY + DAY, zone="Pacific/Auckland")
    points = trend(WORLD, question=question).points
    assert [point.entered for point in points] == [0, 4]


def test_a_breakdown_does_not_change_the_trend() -> None:
    question = Question.of_days(WEDNESDAY, WEDNESDAY + 2 * DAY, breakdown=("plan",))
    assert trend(WORLD, question=question) == trend(WORLD)


def test_its_rows_are_its_points() -> None:
    header, *rows = trend(WORLD).to_rows()
    assert dict(zip(header, rows[1], strict=True)) == {
        "day": "2024-01-11", "entered": 4, "converted": 1, "open": 3, "observed": 0.25, "settled": 1,
        "low": pytest.approx(0.2065, abs=1e-4), "high": 1, "highest": 1,
    }  # fmt: skip


def test_other_bins_are_refused() -> None:
    with pytest.raises(InvalidQuery, match="'month' is not known"):
        trend(WORLD, per="month")
