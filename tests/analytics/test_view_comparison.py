"""Two periods: a change is one only when it is more than chance, and its parts add up to it."""

import datetime as dt

import pytest

from analytics.errors import InvalidQuery
from analytics.funnels import FunnelDefinition
from analytics.queries import Asked
from analytics.question import Question
from analytics.statistics.comparison import difference
from analytics.statistics.correction import benjamini_hochberg
from analytics.views.comparison import COMPARISON, ComparisonView
from analytics.views.funnel import FUNNEL
from tests.analytics.in_memory import InMemory, sessions
from tests.analytics.worlds import LATER, START, Event

FIRST_DAY = START.date()
SECOND_DAY = FIRST_DAY + dt.timedelta(days=1)


def compared(
    events: list[Event],
    *,
    now: dt.datetime = LATER,
    window: int = 86400,
    steps: str = "A,B,C",
    breakdown: tuple[str, ...] = (),
    most_groups: int = 10,
    first: dt.date | None = None,
    last: dt.date | None = None,
) -> ComparisonView:
    """The second day against the first, or against other days."""
    question = Question.of_days(SECOND_DAY, SECOND_DAY, breakdown=breakdown, most_groups=most_groups)
    asked = Asked(FunnelDefinition.parse(steps, window_seconds=window), question, now)
    return COMPARISON.of(InMemory(events), asked, first=first, last=last)


def day(number: int, *, all_the_way: int, to_b: int, only_a: int, **properties: str) -> list[Event]:
    name = f"{number}{''.join(properties.values())}"
    return [
        *sessions(f"c{name}", "ABC", all_the_way, day=number, **properties),
        *sessions(f"b{name}", "AB", to_b, day=number, **properties),
        *sessions(f"a{name}", "A", only_a, day=number, **properties),
    ]


DAY = ("all_the_way", "to_b", "only_a")
#: Of 200 on the first day 80 arrive, of 200 on the second 40: B brings as many as before, C half.
WORSE = [*day(0, all_the_way=80, to_b=20, only_a=100), *day(1, all_the_way=40, to_b=60, only_a=100)]


def test_without_other_days_the_period_before_is_compared_with() -> None:
    view = compared(WORSE)
    assert (view.period1.period.first, view.period2.period.first) == (FIRST_DAY, SECOND_DAY)
    assert (view.period1.converted, view.period2.converted) == (80, 40)
    assert view.changes.conversion_rate_change == pytest.approx(-0.2)


def test_other_days_can_be_chosen_freely() -> None:
    earlier = day(-5, all_the_way=10, to_b=0, only_a=10) + day(-4, all_the_way=10, to_b=0, only_a=10)
    days = [FIRST_DAY - dt.timedelta(days=count) for count in (5, 4)]
    view = compared([*WORSE, *earlier], first=days[0], last=days[1])
    assert (view.period1.period.days, view.period1.entered, view.period1.settled.share) == (2, 40, 0.5)


def test_a_change_larger_than_chance_has_a_direction() -> None:
    assert compared(WORSE).changes.trend == "declining"
    better = day(0, all_the_way=40, to_b=60, only_a=100) + day(1, all_the_way=80, to_b=20, only_a=100)
    assert compared(better).changes.trend == "improving"


def test_a_change_that_may_be_chance_is_stable() -> None:
    view = compared(day(0, all_the_way=40, to_b=0, only_a=60) + day(1, all_the_way=46, to_b=0, only_a=54))
    assert view.changes.trend == "stable"
    assert view.findings == (
        "Conversion is stable: 40.0%, then 46.0%; +6.0 points (95%: -7.6 to +19.3) may be chance.",
    )


@pytest.mark.parametrize("second", [(40, 60, 100), (74, 26, 100), (80, 20, 100)])
def test_the_funnel_says_the_same_of_the_period_before(second: tuple[int, int, int]) -> None:
    events = [*day(0, all_the_way=80, to_b=20, only_a=100), *day(1, **dict(zip(DAY, second, strict=True)))]
    asked = Asked(FunnelDefinition.parse("A,B,C"), Question.of_days(SECOND_DAY, SECOND_DAY), LATER)
    changes = FUNNEL.of(InMemory(events), asked).changes
    assert changes is not None
    assert changes.trend == compared(events).changes.trend


def test_few_sessions_have_no_trend_and_the_sentence_says_why() -> None:
    view = compared(day(0, all_the_way=29, to_b=0, only_a=0) + day(1, all_the_way=0, to_b=0, only_a=500))
    assert view.changes.trend == "too few to tell"
    (said,) = view.findings
    assert said.startswith("Too few to tell: 29 settled sessions in the first period and 500 in the second")


def test_sessions_still_open_are_not_a_decline() -> None:
    now = START + dt.timedelta(days=1, hours=6)
    events = day(0, all_the_way=50, to_b=0, only_a=50) + day(1, all_the_way=50, to_b=0, only_a=0)
    open_ones = sessions("open", "A", 150, day=1)
    view = compared([*events, *sessions("left", "A", 50, day=0.6), *open_ones], window=43200, now=now)
    assert (view.period2.outcomes.open, view.period2.observed.share) == (150, 0.2)
    assert (view.changes.trend, view.changes.conversion_rate_change) == ("stable", 0)
    assert view.findings[-1].startswith(
        "Not settled yet: 150 of 250 sessions of the second period are still open."
    )


def test_each_step_is_tested_and_all_tests_are_corrected_together() -> None:
    view = compared(WORSE)
    raw = [difference(step.before, step.after).p_value for step in view.steps]
    overall = difference(view.period1.settled, view.period2.settled).p_value
    assert [view.changes.conversion_rate.p_value, *(step.change.p_value for step in view.steps)] == list(
        benjamini_hochberg([overall, *raw])
    )
    assert [(step.label, step.verdict) for step in view.steps] == [("B", "not different"), ("C", "different")]


def test_the_steps_explain_the_change_and_add_up_to_it() -> None:
    view = compared(WORSE)
    assert [step.contribution for step in view.steps] == [0, pytest.approx(-0.2)]
    overall, step = view.findings
    assert overall.startswith("Conversion fell from 40.0% to 20.0%: -20.0 points (95%: -28.5 to -11.1)")
    assert step == "C makes -20.0 points: 80.0% of those at the step before got there, then 40.0%."


def test_optional_steps_are_on_nobodys_way() -> None:
    assert [step.label for step in compared(WORSE, steps="A,B?,C").steps] == ["C"]


def test_another_mix_with_the_same_rates_is_all_mix() -> None:
    events = [
        *day(0, all_the_way=80, to_b=0, only_a=20, device="desktop"),
        *day(0, all_the_way=20, to_b=0, only_a=80, device="phone"),
        *day(1, all_the_way=16, to_b=0, only_a=4, device="desktop"),
        *day(1, all_the_way=36, to_b=0, only_a=144, device="phone"),
    ]  # fmt: skip
    view = compared(events, breakdown=("device",))
    assert view.mix is not None
    assert (view.mix.mix, view.mix.rate) == (pytest.approx(-0.24), pytest.approx(0))
    assert view.mix.change == pytest.approx(view.changes.conversion_rate_change)
    assert "Of the -24.0 points, -24.0 come from who entered, by device, and +0.0 from how well" in " ".join(
        view.findings
    )


def test_a_value_that_one_period_has_not_is_mix() -> None:
    events = [
        *day(0, all_the_way=50, to_b=0, only_a=50, device="desktop"),
        *day(1, all_the_way=50, to_b=0, only_a=50, device="desktop"),
        *day(1, all_the_way=0, to_b=0, only_a=100, device="watch"),
    ]
    mix = compared(events, breakdown=("device",)).mix
    assert mix is not None
    assert (mix.mix, mix.rate) == (pytest.approx(-0.25), 0)


def test_the_rarer_values_of_both_periods_together_are_other() -> None:
    events = [
        *day(0, all_the_way=30, to_b=0, only_a=0, device="a"),
        *day(0, all_the_way=9, to_b=0, only_a=0, device="b"),
        *day(1, all_the_way=5, to_b=0, only_a=0, device="c"),
        *day(1, all_the_way=30, to_b=0, only_a=0, device="d"),
    ]  # fmt: skip
    mix = compared(events, breakdown=("device",), most_groups=2).mix
    assert mix is not None
    assert [segment.value for segment in mix.segments] == ["a", "d", "Other"]
    assert [segment.share_after for segment in mix.segments] == [0, 30 / 35, 5 / 35]
    fewer = compared(events, breakdown=("device",), most_groups=1).mix
    assert fewer is not None
    assert [segment.value for segment in fewer.segments] == ["a", "Other"]


def test_without_a_dimension_there_is_no_mix() -> None:
    assert (compared(WORSE).mix, compared(WORSE).by_label) == (None, None)


def test_a_first_period_without_anybody_has_no_changes_and_no_error() -> None:
    view = compared(day(1, all_the_way=50, to_b=0, only_a=50), breakdown=("device",))
    assert (view.changes.conversion_rate_change, view.changes.entered_change, view.mix) == (None, None, None)
    assert [step.contribution for step in view.steps] == [None, None]


def test_its_rows_hold_the_conversion_the_steps_and_the_segments() -> None:
    header, *rows = compared(WORSE, breakdown=("device",)).to_rows()
    shown = [dict(zip(header, row, strict=True)) for row in rows]
    assert [(row["part"], row["name"], row["before"], row["after"]) for row in shown] == [
        ("conversion", "funnel", 0.4, 0.2), ("step", "B", 0.5, 0.5), ("step", "C", 0.8, 0.4),
        ("segment", "", 0.4, 0.2),
    ]  # fmt: skip


def test_a_breakdown_with_sessions_in_several_segments_is_refused() -> None:
    question = Question.of_days(SECOND_DAY, SECOND_DAY, breakdown=("device",), attribution="all_events")
    with pytest.raises(InvalidQuery, match="several segments"):
        COMPARISON.of(InMemory([]), Asked(FunnelDefinition.parse("A,B"), question, LATER))
