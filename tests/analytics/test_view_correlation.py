"""What goes with converting: counts that one can check by hand, and the small-sample rule."""

import datetime as dt
from collections.abc import Iterable
from typing import Any

import pytest

from analytics.conditions import Condition
from analytics.errors import InvalidQuery
from analytics.funnels import FunnelDefinition
from analytics.queries import Asked
from analytics.question import Question
from analytics.records import plain, restored
from analytics.views import correlation
from analytics.views.correlation import CORRELATION, CorrelationView, Factor
from tests.analytics.in_memory import InMemory
from tests.analytics.worlds import LATER, START, Event, at

FUNNEL = FunnelDefinition.parse("A,B,C", window_seconds=3600)
DAY = Question.of_days(START.date(), START.date())


def many(number: int, names: str, **properties: Any) -> Iterable[Event]:
    """So many sessions that do `names`, a minute apart; a blank is a minute in which nothing happens."""
    prefix = f"{names}{properties}"
    return [
        at(minute * 60, f"{prefix} {one}", name, **properties)
        for one in range(number)
        for minute, name in enumerate(names)
        if name != " "
    ]


def see(*groups: Iterable[Event], question: Question = DAY, **told: Any) -> CorrelationView:
    options = {name: told.pop(name) for name in ("kind",) if name in told}
    asked = Asked(FUNNEL, question, **({"now": LATER} | told))
    return CORRELATION.of(InMemory(event for group in groups for event in group), asked, **options)


def named(view: CorrelationView, label: str) -> Factor:
    return next(one for one in view.factors if one.label == label)


def test_a_value_is_compared_with_everything_else_and_the_strongest_comes_first() -> None:
    view = see(
        many(60, "ABC", plan="pro"), many(40, "A", plan="pro"),
        many(20, "ABC", plan="free"), many(80, "AB", plan="free"),
        many(40, "ABC"), many(60, "A"),
    )  # fmt: skip
    pro = named(view, "plan: pro")
    assert (pro.with_it.count, pro.with_it.of, pro.without.count, pro.without.of) == (60, 100, 60, 200)
    assert pro.odds_ratio == pytest.approx(60 * 140 / (40 * 60))
    assert (pro.goes_with, named(view, "plan: free").goes_with) == ("converting", "leaving")
    assert named(view, "plan: (missing)").goes_with == "neither"
    assert [one.label for one in view.factors] == ["plan: free", "plan: pro", "plan: (missing)"]
    assert view.finding.startswith("Goes most with leaving: plan: free; 20.0% of 100 sessions with it")
    assert "not make them the cause" in view.meaning
    assert restored(CorrelationView, plain(view)) == view
    assert view.to_rows()[1][:4] == ["plan: free", 100, 20, 0.2]


def test_open_and_blocked_sessions_are_on_neither_side() -> None:
    groups = many(50, "ABC", plan="pro"), many(50, "A", plan="pro"), many(50, "A", plan="free")
    stuck = [f"A{ {'plan': 'free'} } {number}" for number in range(20)]
    view = see(*groups, blocked=dict.fromkeys(stuck, 1 << 45))
    free = named(view, "plan: free")
    assert (free.with_it.of, free.without.of, view.outcomes.blocked) == (30, 100, 20)
    young = see(*groups, now=START + dt.timedelta(minutes=30))
    assert (young.outcomes.open, young.outcomes.left) == (100, 0)
    assert (young.factors, young.finding) == ((), "There is nothing to compare in these days.")


def test_fewer_than_thirty_with_it_are_too_few_to_tell() -> None:
    rest = many(100, "ABC", plan="team"), many(100, "A", plan="team")
    assert named(see(*rest, many(29, "A", plan="x")), "plan: x").goes_with == "too few to tell"
    assert named(see(*rest, many(30, "A", plan="x")), "plan: x").goes_with == "leaving"


def test_an_event_counts_once_a_session_and_strictly_between_entry_and_end() -> None:
    view = see(
        many(50, "AhhBC"),
        many(10, "ABCh"),
        many(30, "hABC"),
        many(60, "Ah"),
        many(40, "A" + " " * 60 + "h"),
        kind="events",
    )
    (help_asked,) = view.factors
    assert help_asked.label == "h"
    assert (help_asked.with_it.count, help_asked.with_it.of) == (50, 110)
    assert (help_asked.without.count, help_asked.without.of) == (40, 80)
    assert "more time for it" in view.meaning


def test_steps_of_the_funnel_are_no_events_to_compare_and_many_events_are_cut(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(correlation, "MOST_EVENTS", 2)
    view = see(many(40, "AxByC"), many(50, "Axz"), kind="events")
    assert (sorted(one.label for one in view.factors), view.left_out) == (["x", "z"], 1)


def test_what_is_beyond_the_limits_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(correlation, "MOST_PROPERTIES", 1)
    monkeypatch.setattr(correlation, "MOST_VALUES", 2)
    groups = [many(10, "ABC", a=str(value), b=str(value)) for value in range(5)]
    view = see(*groups)
    assert {one.name for one in view.factors} == {"a"}
    assert (len(view.factors), view.left_out, view.values_left_out) == (2, 1, 3)


def test_a_property_that_nobody_here_has_is_left_out() -> None:
    other_flow = [at(0, f"x{number}", "X", kind=str(number % 2)) for number in range(40)]
    view = see(many(40, "ABC", plan="a"), many(40, "A", plan="b"), other_flow)
    assert {one.name for one in view.factors} == {"plan"}


def test_events_that_the_question_leaves_out_did_not_happen() -> None:
    visible = Question(DAY.since, DAY.until, event_where=(Condition("hidden", "is_not_set"),))
    hidden = [at(30, f"ABC{ {} } {number}", "h", hidden="yes") for number in range(40)]
    assert see(many(40, "ABC"), hidden, many(40, "A"), kind="events", question=visible).factors == ()


def test_nothing_at_all_and_an_unknown_kind() -> None:
    assert see(many(1, "X")).finding == "There is nothing to compare in these days."
    with pytest.raises(InvalidQuery, match="did you mean 'events'"):
        see(many(1, "A"), kind="event")
