"""One session's own events, and which of them count as steps."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from analytics import history
from analytics.conditions import Condition
from analytics.errors import UnknownSession
from analytics.funnels import FunnelDefinition, Step
from analytics.history import SessionHistory, session_history
from analytics.queries import Asked, Reader
from analytics.question import Question
from analytics.store import EventStore
from analytics.sync import sync

pytestmark = pytest.mark.servers

Happened = Callable[..., Any]
Look = Callable[..., SessionHistory]
NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)


@pytest.fixture
def look(engine: Engine, store: EventStore) -> Look:
    def look(session_id: str, definition: FunnelDefinition) -> SessionHistory:
        sync(engine, store)
        return session_history(Reader(engine, store), Asked(definition, Question(), NOW), session_id)

    return look


def marked(found: SessionHistory) -> list[tuple[str, str | None]]:
    return [(one.name, one.step) for one in found.events]


def test_the_events_of_the_counted_chain_are_marked_and_no_others(look: Look, happened: Happened) -> None:
    for minute, name in enumerate("AAXBAB"):
        happened("s", name, f"2024-01-10 12:0{minute}")
    happened("another", "A", "2024-01-10 12:00")
    found = look("s", FunnelDefinition.parse("A,B,C"))
    # The best chain enters as late as it can and still gets to B as soon.
    assert marked(found) == [("A", None), ("A", "A"), ("X", None), ("B", "B"), ("A", None), ("B", None)]
    assert found.counted is not None
    assert (found.counted.outcome, found.counted.furthest) == ("left", "B")


def test_an_event_must_pass_the_filter_of_its_step_to_be_marked(look: Look, happened: Happened) -> None:
    happened("s", "pay", "2024-01-10 12:00", amount=5)
    happened("s", "pay", "2024-01-10 12:00", amount=500)
    happened("s", "end", "2024-01-10 12:01", plan="pro")
    large = Step(("pay",), "Large payment", (Condition("amount", "at_least", ("100",)),))
    found = look("s", FunnelDefinition("f", (large, Step(("end",), "End"))))
    amounts = [
        (pair.value, one.step) for one in found.events for pair in one.properties if pair.name == "amount"
    ]
    assert sorted(amounts) == [("5", None), ("500", "Large payment")]


def test_the_steps_of_an_unordered_funnel_are_marked_in_the_order_they_happened(
    look: Look, happened: Happened
) -> None:
    for minute, name in enumerate("BXA"):
        happened("s", name, f"2024-01-10 12:0{minute}")
    found = look("s", FunnelDefinition.parse("A,B", order="unordered"))
    assert marked(found) == [("B", "B"), ("X", None), ("A", "A")]


def test_a_session_that_the_funnel_does_not_count_shows_its_events_all_the_same(
    look: Look, happened: Happened
) -> None:
    happened("s", "X", "2024-01-10 12:00", note="é")
    found = look("s", FunnelDefinition.parse("A,B"))
    assert found.counted is None
    assert marked(found) == [("X", None)]
    assert [(pair.name, pair.value) for pair in found.events[0].properties] == [("note", "é")]


def test_an_event_that_no_file_has_yet_is_shown(
    engine: Engine, store: EventStore, look: Look, happened: Happened
) -> None:
    happened("s", "A", "2024-01-10 12:00")
    sync(engine, store)
    happened("s", "B", "2024-01-10 12:01")
    asked = Asked(FunnelDefinition.parse("A,B"), Question(), NOW)
    found = session_history(Reader(engine, store), asked, "s")
    assert marked(found) == [("A", "A"), ("B", None)]


def test_a_long_history_is_cut_and_says_so(
    look: Look, happened: Happened, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "MOST_EVENTS", 2)
    for minute, name in enumerate("ABC"):
        happened("s", name, f"2024-01-10 12:0{minute}")
    found = look("s", FunnelDefinition.parse("A,B,C"))
    assert marked(found) == [("A", "A"), ("B", "B")]
    assert not found.is_whole


def test_a_session_without_events_is_unknown(look: Look) -> None:
    with pytest.raises(UnknownSession, match="'nobody'"):
        look("nobody", FunnelDefinition.parse("A,B"))
