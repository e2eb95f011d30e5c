"""The days over which a funnel has anything to show."""

import datetime as dt

import pytest
from sqlalchemy import Engine

from analytics.funnels import FunnelDefinition
from analytics.span import FunnelSpan, most_recent, span
from analytics.store import EventStore
from analytics.sync import sync
from tests.analytics.conftest import Record

pytestmark = pytest.mark.servers

ORDER = FunnelDefinition.parse("basket,paid")
ANYTHING = FunnelDefinition.parse("*,paid")


def january(day: int) -> dt.date:
    return dt.date(2024, 1, day)


def test_a_session_that_lasts_long_is_entered_on_the_day_of_its_first_step(
    engine: Engine, store: EventStore, happened: Record
) -> None:
    happened("user 1", "registered", "2024-01-02 09:00")
    happened("user 1", "basket", "2024-01-20 09:00")
    happened("user 1", "paid", "2024-01-25 09:00")
    sync(engine, store)
    assert span(engine, ORDER) == FunnelSpan(january(2), january(20), january(25), 3)


def test_any_event_enters_a_funnel_whose_first_step_names_none(
    engine: Engine, store: EventStore, happened: Record
) -> None:
    happened("s1", "looked", "2024-01-02 09:00")
    happened("s1", "left", "2024-01-05 09:00")
    sync(engine, store)
    assert span(engine, ANYTHING) == FunnelSpan(january(2), january(5), january(5), 2)


def test_what_never_happened_has_no_days(engine: Engine, store: EventStore, happened: Record) -> None:
    happened("s1", "looked", "2024-01-02 09:00")
    sync(engine, store)
    assert span(engine, ORDER) is None
    assert most_recent(engine, [ORDER]) is None


def test_the_funnel_entered_last_is_the_most_recent(
    engine: Engine, store: EventStore, happened: Record
) -> None:
    """Both sessions began in the other order."""
    happened("early", "registered", "2024-01-02 09:00")
    happened("early", "basket", "2024-01-20 09:00")
    happened("late", "visited", "2024-01-10 09:00")
    sync(engine, store)
    visit = FunnelDefinition.parse("visited,paid")
    assert most_recent(engine, [visit, ORDER]) == ORDER
