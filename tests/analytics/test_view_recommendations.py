"""What is recommended, what it would bring, and that nothing is where the numbers say nothing."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analytics.advice.records import Recommendation
from analytics.errors import InvalidQuery
from analytics.funnels import FunnelDefinition
from analytics.queries import Asked
from analytics.question import Question
from analytics.records import plain, restored
from analytics.sessions import Selection, count_sessions
from analytics.views.recommendations import RECOMMENDATIONS, RecommendationsView
from tests.analytics.in_memory import InMemory
from tests.analytics.worlds import LATER, START, Event

FUNNEL = FunnelDefinition.parse("A,B,C", window_seconds=7 * 86400)
#: Four weeks, of which the first day is START's.
FIRST = START.date()
PERIOD = Question.of_days(FIRST, FIRST + dt.timedelta(days=27))
DAY = 86400.0


def session(
    number: int, names: str, *, day: float = 0, apart: float = 60, group: str = "", **properties: Any
) -> list[Event]:
    begins = START + dt.timedelta(days=day)
    return [
        Event(f"{group} {number}", name, begins + dt.timedelta(seconds=nth * apart), properties)
        for nth, name in enumerate(names)
    ]


def world(*groups: Iterable[list[Event]]) -> InMemory:
    return InMemory([event for group in groups for one in group for event in one])


def many(number: int, names: str, **where: Any) -> Iterable[list[Event]]:
    """So many sessions that do `names`, spread over the 28 days so that no hour or day stands out."""
    group = f"{names} {sorted(where.items())}"
    day = where.pop("day", None)
    return (
        session(
            one,
            names,
            day=(one * 4 + one // 42) % 168 / 6 - 0.5 if day is None else day,
            group=group,
            **where,
        )
        for one in range(number)
    )


def see(reader: InMemory, question: Question = PERIOD, **options: Any) -> RecommendationsView:
    told = {name: options.pop(name) for name in ("blocked", "patterns", "now") if name in options}
    return RECOMMENDATIONS.of(reader, Asked(FUNNEL, question, **{"now": LATER} | told), **options)


def of_type(view: RecommendationsView, kind: str) -> list[Recommendation]:
    return [one for one in view.recommendations if one.type == kind]


def test_a_segment_that_lags_behind_all_others_is_named_with_what_the_gap_is_worth() -> None:
    reader = world(
        many(100, "ABC", plan="pro"),
        many(100, "A", plan="pro"),
        many(100, "ABC", plan="team"),
        many(100, "A", plan="team"),
        many(20, "ABC", plan="free"),
        many(20, "AB", plan="free"),
        many(160, "A", plan="free"),
    )
    (one, *others) = of_type(see(reader), "fix_step_for_segment")
    assert one.title == "plan free: too few go on from A to B"
    assert [evidence.rate and (evidence.rate.count, evidence.rate.of) for evidence in one.evidence] == [
        (40, 200), (200, 400), None,
    ]  # fmt: skip
    # 50 sessions a week, 0.5 - 0.2 more of them, of whom 20 of 40 go on to convert.
    assert one.estimated_impact.sessions_per_week == pytest.approx(50 * 0.3 * 0.5)
    assert 0 < one.estimated_impact.low < one.estimated_impact.sessions_per_week < one.estimated_impact.high
    assert one.priority == "critical"
    assert "40 of 200 (20.0%, 95% interval 15.0 to 26.1%) went on from A to B" in one.evidence[0].text
    assert all("free" in action for action in one.suggested_actions)
    assert [other.title for other in others] == ["plan free: too few go on from B to C"]
    lost = one.evidence[0].sessions
    assert lost is not None
    assert (lost.stopped, lost.outcome, lost.dimension, lost.value) == (0, "left", "plan", "free")


def test_the_sessions_named_as_lost_are_those_that_the_sentence_counts() -> None:
    reader = world(many(150, "ABC", plan="a"), many(50, "A", plan="a"), many(200, "A", plan="b"))
    one = of_type(see(reader), "fix_step_for_segment")[0]
    lost, rate = one.evidence[0].sessions, one.evidence[0].rate
    assert lost is not None
    assert rate is not None
    question = Question(since=lost.since, until=lost.until, breakdown=(str(lost.dimension),))
    asked = Asked(replace(FUNNEL, window_seconds=lost.window_seconds), question, LATER)
    selection = Selection(stopped=lost.stopped, outcome=lost.outcome, value=lost.value)
    assert count_sessions(reader, asked, selection) == rate.of - rate.count == 200


def test_a_step_that_was_better_before_is_a_regression_back_to_before() -> None:
    before = [{"day": day} for day in range(-28, 0)]
    reader = world(
        many(100, "ABC"),
        many(300, "A"),
        *(many(10, "ABC", **when) for when in before),
        *(many(10, "A", **when) for when in before),
    )
    (one,) = of_type(see(reader), "step_regression")
    assert one.title == "Fewer go on from A to B than before"
    assert one.estimated_impact.sessions_per_week == pytest.approx(100 * 0.25)
    assert (one.evidence[1].period.first, one.evidence[1].period.last) == (
        FIRST - dt.timedelta(days=28),
        FIRST - dt.timedelta(days=1),
    )


def test_a_part_of_the_week_that_loses_more_is_named() -> None:
    reader = world(
        many(700, "ABC"),
        many(300, "A"),
        *(many(50, "A", day=week * 7 + 5 / 24, apart=1) for week in range(4)),
    )
    (one,) = of_type(see(reader), "bad_hours")
    assert one.title == "Fewer convert of those who enter on Wednesdays from 16:00 to 20:00"


def test_a_slow_step_is_named_where_the_slow_convert_less_in_as_much_time() -> None:
    fast = [[*session(n, "AB", group="f"), *session(n, "  C", group="f")] for n in range(400)]
    slow = [session(n, "ABC" if n % 4 == 0 else "AB", apart=3600, group="s") for n in range(120)]
    fast = [[event for event in one if event.name != " "] for one in fast]
    spread = [
        [replace(event, at=event.at + dt.timedelta(days=n % 168 / 6 - 0.5)) for event in one]
        for n, one in enumerate([*fast, *slow])
    ]
    (one,) = of_type(see(world(spread)), "slow_step")
    assert "from A to B convert less often" in one.title
    rates = [evidence.rate for evidence in one.evidence[:2]]
    assert [(rate.count, rate.of) for rate in rates if rate] == [(30, 120), (400, 400)]


def test_who_was_slow_is_given_as_much_time_as_the_others() -> None:
    """All who take B also do C, one to forty minutes later; an hour cuts off more of the slow."""
    funnel = replace(FUNNEL, window_seconds=3600)
    events = [
        Event(f"s{number}", name, START + dt.timedelta(days=number % 168 / 6 - 0.5, minutes=minute))
        for number in range(600)
        for to_b in [25 if number % 4 == 0 else 1]
        for name, minute in (("A", 0), ("B", to_b), ("C", to_b + 1 + number // 4 % 40))
    ]
    view = RECOMMENDATIONS.of(InMemory(events), Asked(funnel, PERIOD, LATER))
    assert of_type(view, "slow_step") == []
    assert view.follow_up_seconds == 3600


def test_what_a_retry_is_worth_rests_on_those_who_got_beyond_the_step() -> None:
    reader = world(many(60, "ABC"), many(40, "AB"), many(50, "A"))
    stuck = [f"A [] {number}" for number in range(50)]
    view = see(
        reader,
        blocked=dict.fromkeys(stuck, 1 << 45),
        patterns=dict.fromkeys(stuck[:40], "Timeout in pay") | dict.fromkeys(stuck[40:], "KeyError in ship"),
    )
    first, second = of_type(view, "retry_failed_tasks")
    assert first.title == "Retry Timeout in pay: 40 sessions wait at A"
    assert first.estimated_impact.sessions_per_week == pytest.approx(10 * 0.6)
    assert first.estimated_impact.low == pytest.approx(10 * 0.502, abs=0.01)
    assert "about 24 conversions (95% interval 20 to 28)" in first.evidence[2].text
    assert second.title == "Retry KeyError in ship: 10 sessions wait at A"
    assert view.blocked == 50
    assert [one.type for one in view.recommendations] == ["retry_failed_tasks", "retry_failed_tasks"]


def test_who_waits_behind_a_task_of_ours_makes_no_step_or_segment_bad() -> None:
    reader = world(many(100, "ABC", plan="a"), many(100, "A", plan="b"), many(100, "ABC", plan="b"))
    stuck = [f"A [('plan', 'b')] {number}" for number in range(100)]
    view = see(reader, blocked=dict.fromkeys(stuck, 1 << 45), patterns=dict.fromkeys(stuck, "Timeout in pay"))
    assert [one.type for one in view.recommendations] == ["retry_failed_tasks"]


def test_a_retry_is_not_valued_by_fewer_than_thirty_who_went_on() -> None:
    reader = world(many(29, "ABC"), many(40, "A"))
    stuck = [f"A [] {number}" for number in range(40)]
    view = see(reader, blocked=dict.fromkeys(stuck, 1 << 45), patterns=dict.fromkeys(stuck, "Timeout"))
    assert (view.recommendations, view.blocked) == ((), 40)


def test_of_two_hundred_quiet_worlds_at_most_one_in_twenty_is_given_advice() -> None:
    with_advice = [seed for seed in range(200) if see(noise(seed)).recommendations]
    assert len(with_advice) <= 10


@pytest.mark.parametrize(
    ("now", "said"),
    [
        (START - dt.timedelta(days=9), "Nobody entered"),
        (START + dt.timedelta(minutes=5), "too early to tell"),
        (LATER, "Too few sessions to tell"),
    ],
)
def test_an_empty_answer_says_why(now: dt.datetime, said: str) -> None:
    question = PERIOD if now > START else Question.of_days(dt.date(2001, 1, 1), dt.date(2001, 1, 2))
    view = see(world(many(29, "ABC", day=0)), question, now=now)
    assert view.recommendations == ()
    assert said in view.summary


def test_nobody_is_slow_before_anybody_was_watched_for_long_enough_to_be() -> None:
    """On a phone it takes longer than the 95 seconds since the first began."""
    reader = world(
        many(60, "ABC", day=0, apart=20, device="desktop"), many(60, "AB", day=0, apart=50, device="phone")
    )
    view = see(reader, now=START + dt.timedelta(seconds=95))
    assert (view.recommendations, view.follow_up_seconds) == ((), None)
    assert "too early to tell" in view.summary
    assert see(reader, now=START + dt.timedelta(seconds=125)).follow_up_seconds == 60


def test_young_sessions_are_not_taken_for_a_loss() -> None:
    before = [many(10, "ABC", day=day, apart=1800) for day in range(-28, 0)]
    before += [many(10, "A", day=day) for day in range(-28, 0)]
    reader = world(
        *before, many(100, "ABC", day=-0.5, apart=1800), many(100, "A", day=-0.5), many(300, "A", day=1)
    )
    view = see(
        reader, Question.of_days(FIRST, FIRST + dt.timedelta(days=1)), now=START + dt.timedelta(days=1.01)
    )
    assert view.follow_up_seconds == 3600
    assert view.recommendations == ()


def test_the_priority_filter_keeps_what_it_names_and_counts_the_rest() -> None:
    reader = world(many(100, "ABC", plan="a"), many(100, "A", plan="b"), many(100, "ABC", plan="b"))
    everything = see(reader)
    assert {one.priority for one in everything.recommendations} == {"critical"}
    low = see(reader, priority="low")
    assert (low.recommendations, low.left_out) == ((), len(everything.recommendations))
    with pytest.raises(InvalidQuery, match="did you mean 'high'"):
        see(reader, priority="hihg")


def test_the_largest_impact_comes_first_and_all_survives_the_cache() -> None:
    reader = world(
        many(300, "ABC", plan="a"),
        many(90, "A", plan="b"),
        many(10, "ABC", plan="b"),
        many(40, "A", plan="c"),
    )
    view = see(reader)
    gains = [one.estimated_impact.sessions_per_week for one in view.recommendations]
    assert gains == sorted(gains, reverse=True)
    assert len(gains) >= 2
    assert restored(RecommendationsView, plain(view)) == view
    assert view.to_rows()[1][:3] == ["fix_step_for_segment", "critical", view.recommendations[0].title]


def noise(seed: int, sessions: int = 1200) -> InMemory:
    """Eight weeks in which steps, times and three properties have nothing to do with each other."""
    dice = np.random.default_rng(seed)
    events = []
    for number in range(sessions):
        day, goes = dice.uniform(-28, 28), dice.random(2)
        names = "A" if goes[0] < 0.4 else "AB" if goes[1] < 0.4 else "ABC"
        properties = {name: str(dice.integers(values)) for name, values in (("x", 2), ("y", 4), ("z", 8))}
        events += session(number, names, day=day, apart=dice.exponential(300), **properties)
    return InMemory(events)


@pytest.mark.parametrize(
    "funnel",
    [
        FunnelDefinition.parse("A,C", window_seconds=86400),
        FunnelDefinition.parse("A,B?,C", window_seconds=86400),
        FunnelDefinition.parse("A,B,C", window_seconds=86400, order="unordered"),
        FunnelDefinition.parse("A,B,C", window_seconds=86400, order="strict"),
    ],
    ids=["two steps", "optional", "unordered", "strict"],
)
def test_every_kind_of_funnel_gets_the_segment_that_lags(funnel: FunnelDefinition) -> None:
    reader = world(many(200, "ABC", plan="a"), many(60, "ABC", plan="b"), many(140, "A", plan="b"))
    first = RECOMMENDATIONS.of(reader, Asked(funnel, PERIOD, LATER)).recommendations[0]
    assert (first.type, first.title.partition(":")[0]) == ("fix_step_for_segment", "plan b")
    assert first.estimated_impact.sessions_per_week == pytest.approx(50 * 0.7)
