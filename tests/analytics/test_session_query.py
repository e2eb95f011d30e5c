"""Which sessions a link opens survives the way through an address."""

import datetime as dt
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.conditions import Condition
from analytics.errors import InvalidQuery
from analytics.funnels import FunnelDefinition
from analytics.question import ATTRIBUTIONS, Filter, Question
from analytics.session_query import SessionQuery
from analytics.sessions import GONE, OUTCOMES, Selection
from analytics.timing import TIMINGS

TEXT = st.text(st.characters(blacklist_categories=("Cs",)), max_size=8)
NAMES = TEXT.filter(bool)
START = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
MOMENTS = st.integers(0, 10**12).map(lambda ms: START + dt.timedelta(milliseconds=ms))
QUESTIONS = st.builds(
    Question,
    since=st.none() | MOMENTS,
    until=st.none() | MOMENTS.map(lambda moment: moment + dt.timedelta(days=12_000)),
    zone=st.sampled_from(["UTC", "Europe/Berlin"]),
    completions=st.sampled_from(["within_window", "within_range"]),
    where=st.lists(
        st.builds(Filter, NAMES, st.lists(TEXT, min_size=1, max_size=3).map(tuple)), max_size=2
    ).map(tuple),
    event_where=st.sampled_from([(), (Condition("plan", "equals", ("pro",)),)]),
    breakdown=st.lists(NAMES, max_size=3, unique=True).map(tuple),
    attribution=st.sampled_from(ATTRIBUTIONS),
    most_groups=st.integers(1, 200),
)
SELECTIONS = st.builds(
    Selection,
    reached=st.none() | st.integers(0, 31),
    stopped=st.none() | st.integers(0, 31),
    outcome=st.none() | st.sampled_from((*OUTCOMES, GONE)),
    silent=st.none() | st.booleans(),
    value=st.none() | TEXT,
    bin=st.integers(0, 500),
    bins=st.sampled_from(sorted(TIMINGS)),
) | st.builds(Selection, pattern=TEXT)


@given(NAMES, st.none() | st.integers(1, 10**8), QUESTIONS, SELECTIONS)
def test_a_query_comes_back_from_its_address(
    name: str, window: int | None, question: Question, selection: Selection
) -> None:
    query = SessionQuery(name, window, question, selection)
    address = urlencode(query.to_pairs())
    assert SessionQuery.from_pairs(parse_qsl(address, keep_blank_values=True)) == query


def test_defaults_are_left_out_of_the_address() -> None:
    query = SessionQuery("f", None, Question(), Selection(stopped=1))
    assert query.to_pairs() == [("name", "f"), ("stopped", "1")]


def test_the_window_of_the_address_replaces_that_of_the_definition() -> None:
    saved = FunnelDefinition.parse("A,B", window_seconds=60)
    assert SessionQuery("f", 90, Question(), Selection()).applied_to(saved).window_seconds == 90
    assert SessionQuery("f", None, Question(), Selection()).applied_to(saved) == saved


@pytest.mark.parametrize(
    ("name", "value", "field"),
    [
        ("stopped", "one", "stopped"),
        ("stopped", "-1", "stopped"),
        ("stopped", "²", "stopped"),
        ("since", "tomorrow", "since"),
        ("since", "2024-01-01", "since"),
        ("silent", "true", "silent"),
        ("session_where", "{}", "session_where"),
        ("session_where", "[", "session_where"),
        ("event_where", '{"plan": {"op": "like"}}', "event_where.plan.op"),
        ("event_where", "[]", "event_where"),
        ("most_groups", "0", "most_groups"),
        ("time_zone", "Mars", "zone"),
        ("bins", "minute", "bins"),
    ],
)
def test_what_cannot_be_used_is_named(name: str, value: Any, field: str) -> None:
    with pytest.raises(InvalidQuery) as refused:
        SessionQuery.from_pairs([("name", "f"), (name, value)])
    assert refused.value.field.startswith(field.split(".op", maxsplit=1)[0])
