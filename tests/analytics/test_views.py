"""The record that every screen renders: its numbers agree with each other, and its sentence is true."""

import csv
import datetime as dt
import io
import json
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from analytics import catalogue
from analytics.funnels import FunnelDefinition
from analytics.queries import Asked, Reader
from analytics.question import Question
from analytics.rates import Rate
from analytics.spreadsheet import csv_of_rows
from analytics.store import EventStore
from analytics.sync import sync
from analytics.views.funnel import FUNNEL
from analytics.views.records import FunnelView

Happened = Callable[..., Any]
See = Callable[..., FunnelView]
NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
ASKED = Asked(FunnelDefinition.parse("A,B,C"), Question(), NOW)


@pytest.fixture
def see(engine: Engine, store: EventStore) -> See:
    def see(question: Question | None = None, **options: Any) -> FunnelView:
        sync(engine, store)
        definition = FunnelDefinition.parse("A,B,C")
        asked = Asked(definition, question or Question(), **({"now": NOW} | options))
        return FUNNEL.of(Reader(engine, store), asked)

    return see


def world(happened: Happened) -> None:
    """Of four on the tenth two get to B and one to C; one on the ninth gets all the way."""
    for session, steps in {"a": "A", "b": "A", "c": "AB", "d": "ABC"}.items():
        for minute, name in enumerate(steps):
            happened(session, name, f"2024-01-10 12:{minute:02}", plan="pro" if session in "cd" else "free")
    for minute, name in enumerate("ABC"):
        happened("before", name, f"2024-01-09 12:{minute:02}", plan="pro")


def test_a_view_of_one_day_with_the_day_before(see: See, happened: Happened) -> None:
    world(happened)
    view = see(Question.of_days(dt.date(2024, 1, 10), dt.date(2024, 1, 10), breakdown=("plan",)))
    assert [step.reached for step in view.steps] == [4, 2, 1]
    assert [step.lost_here for step in view.steps] == [2, 1, 0]
    assert [step.share_of_previous for step in view.steps] == [None, 0.5, 0.5]
    assert [step.share_of_entered for step in view.steps] == [1, 0.5, 0.25]
    assert [step.previous_reached for step in view.steps] == [1, 1, 1]
    assert view.previous is not None
    assert (view.previous.entered, view.previous.converted) == (1, 1)
    assert [(group.value, group.entered, group.converted) for group in view.groups] == [
        ("free", 2, 0), ("pro", 2, 1),
    ]  # fmt: skip
    assert [(point.entered, point.converted, point.share) for point in view.daily] == [(4, 1, 0.25)]
    assert (view.outcome_shares.converted, view.outcome_shares.left) == (0.25, 0.75)
    assert [step.previous_share_of_entered for step in view.steps] == [1, 1, 1]
    assert view.finding == "Most stop between A and B: 2 of 4 (50.0%)."
    assert view.newest_event == dt.datetime(2024, 1, 10, 12, 2, tzinfo=dt.UTC)


def test_what_nobody_here_has_takes_no_row_and_is_not_counted_among_the_others(
    see: See, happened: Happened
) -> None:
    world(happened)
    for number in range(3):
        happened(f"another flow {number}", "X", "2024-01-10 12:00", plan="enterprise")
        happened(f"another flow {number}b", "X", "2024-01-10 12:00", plan=f"trial {number}")
    view = see(Question(breakdown=("plan",), most_groups=2))
    assert ([group.value for group in view.groups], view.folded_values) == (["pro", "free"], 0)


def test_without_a_range_the_view_covers_all_days_and_compares_with_nothing(
    see: See, happened: Happened
) -> None:
    world(happened)
    view = see()
    assert (view.period.first, view.period.last) == (dt.date(2024, 1, 9), dt.date(2024, 1, 10))
    assert (view.entered, view.converted, view.previous) == (5, 2, None)


def test_a_range_outside_the_events_is_empty_and_no_error(see: See, happened: Happened) -> None:
    world(happened)
    for first, last in [
        (dt.date(2030, 1, 1), None),
        (None, dt.date(2001, 1, 1)),
        (dt.date(2001, 1, 1), dt.date(2001, 1, 2)),
    ]:
        assert see(Question.of_days(first, last)).entered == 0


def test_memory_for_no_file_at_all_still_answers(
    engine: Engine, store: EventStore, see: See, happened: Happened
) -> None:
    world(happened)
    expected = see().entered
    reader = Reader(engine, store, memory_bytes=0)
    assert FUNNEL.of(reader, ASKED).entered == expected


def test_a_file_swept_while_we_read_is_looked_up_again(
    engine: Engine, store: EventStore, see: See, happened: Happened, monkeypatch: pytest.MonkeyPatch
) -> None:
    world(happened)
    see()
    listed = catalogue.read(engine)
    sync(engine, store, rebuild=True)
    for file in listed.files:
        store.delete(file.path)
    lists = iter([listed, catalogue.read(engine)])
    monkeypatch.setattr(catalogue, "read", lambda _: next(lists))
    view = FUNNEL.of(Reader(engine, store), ASKED)
    assert view.entered == 5


def test_open_sessions_are_no_loss_and_settle_the_rate(see: See, happened: Happened) -> None:
    world(happened)
    view = see(now=dt.datetime(2024, 1, 24, tzinfo=dt.UTC))
    assert (view.outcomes.open, view.outcomes.left) == (3, 0)
    assert (view.observed.share, view.settled.share) == (0.4, 1.0)
    assert view.finding == "Nobody has stopped yet: 3 of 5 are still inside their window."
    assert [(step.lost_here, step.gone_here) for step in view.steps] == [(2, 0), (1, 0), (0, 0)]
    assert [step.loss for step in view.steps] == [0.0, 0.0, None]
    assert [step.loss_before for step in view.steps] == [None, 0.0, 0.0]


def test_a_loss_is_the_share_of_those_here_who_will_not_come_any_more(see: See, happened: Happened) -> None:
    world(happened)
    view = see(now=dt.datetime(2024, 1, 24, 12, 1, tzinfo=dt.UTC))
    assert view.outcomes.open == 0
    happened("late", "A", "2024-01-12 12:00")
    view = see(now=dt.datetime(2024, 1, 25, tzinfo=dt.UTC))
    assert [step.gone_here for step in view.steps] == [2, 1, 0]
    assert [step.loss for step in view.steps] == [pytest.approx(2 / 6), pytest.approx(1 / 3), None]
    assert [step.loss_before for step in view.steps] == [None, *(step.loss for step in view.steps[:2])]


def test_what_is_still_open_makes_no_finding_of_a_breakdown(see: See, happened: Happened) -> None:
    def entered(plan: str, day: int, sessions: int, converted: int) -> None:
        for number in range(sessions):
            happened(f"{plan}{day}{number}", "A", f"2024-01-{day} 12:00", plan=plan)
            for name in "BC" if number < converted else "":
                happened(f"{plan}{day}{number}", name, f"2024-01-{day} 13:00", plan=plan)

    now = dt.datetime(2024, 1, 31, tzinfo=dt.UTC)
    question = Question(breakdown=("plan",))
    entered("free", 10, 40, 10)
    entered("new", 30, 40, 0)
    assert see(question, now=now).breakdown_finding == ""
    entered("pro", 10, 40, 20)
    finding = "free loses most before B: 75%, against 50% for pro."
    assert see(question, now=now).breakdown_finding == finding
    entered("new", 10, 29, 0)
    assert see(question, now=now).breakdown_finding == finding


def test_changes_are_against_the_period_before_and_open_sessions_make_no_drop(
    see: See, happened: Happened
) -> None:
    world(happened)
    day = Question.of_days(dt.date(2024, 1, 10), dt.date(2024, 1, 10))
    settled = see(day).changes
    assert settled is not None
    assert (settled.entered, settled.converted, settled.observed_share) == (3.0, 0.0, -0.75)
    assert settled.settled_share == settled.observed_share
    assert settled.median_seconds == 0.0

    still_open = see(day, now=dt.datetime(2024, 1, 24, 12, tzinfo=dt.UTC)).changes
    assert still_open is not None
    assert still_open.settled_share == 0.0
    happened("before too", "A", "2024-01-09 12:00")
    for name in "ABC":
        happened("before as well", name, "2024-01-09 12:00")
    fewer = see(day, now=dt.datetime(2024, 1, 24, 12, tzinfo=dt.UTC)).changes
    assert fewer is not None
    assert (fewer.entered, fewer.converted) == (pytest.approx(1 / 3), None)
    fewer = see(day).changes
    assert fewer is not None
    assert fewer.converted == -0.5
    empty = see(Question.of_days(dt.date(2024, 1, 9), dt.date(2024, 1, 9)))
    assert (empty.previous is not None, empty.changes) == (True, None)


def test_blocked_sessions_are_told_apart(see: See, happened: Happened) -> None:
    world(happened)
    failed_ms = int(dt.datetime(2024, 1, 10, 13, tzinfo=dt.UTC).timestamp() * 1000)
    view = see(blocked={"a": failed_ms, "d": failed_ms})
    assert (view.outcomes.converted, view.outcomes.blocked, view.outcomes.left) == (2, 1, 2)
    assert (view.steps[0].stopped.blocked, view.steps[0].stopped.left) == (1, 1)


def test_no_events_at_all(see: See) -> None:
    view = see()
    assert (view.entered, view.observed.share, view.median_seconds) == (0, None, None)
    assert view.finding == "Nobody entered this funnel in these days."
    assert view.newest_event is None


def test_csv_and_json_say_what_the_view_says(see: See, happened: Happened) -> None:
    world(happened)
    view = see(Question(breakdown=("plan",)))
    written = json.loads(json.dumps(view.to_json()))
    assert written["steps"][1]["reached"] == view.steps[1].reached
    assert written["period"]["first"] == "2024-01-09"
    rows = list(csv.DictReader(io.StringIO(csv_of_rows(view.to_rows()).decode())))
    assert [int(row["reached"]) for row in rows if not row["breakdown"]] == [5, 3, 2]
    assert [int(row["reached"]) for row in rows if row["value"] == "pro"] == [3, 3, 2]


def test_the_interval_is_wilsons() -> None:
    rate = Rate.of_counts(10, 100)
    assert (rate.share, rate.low, rate.high) == pytest.approx((0.1, 0.05523, 0.17437), abs=1e-5)
    assert Rate.of_counts(0, 10).low == 0
    assert Rate.of_counts(0, 0).share is None
