"""Segments side by side: their numbers by hand, and no word about what may be chance."""

import datetime as dt
from dataclasses import replace

import pytest

from analytics.errors import InvalidQuery
from analytics.funnels import Dimension, FunnelDefinition
from analytics.queries import Asked
from analytics.question import Question
from analytics.statistics.comparison import difference
from analytics.statistics.correction import benjamini_hochberg
from analytics.views.cohorts import COHORTS, ENTRY_WEEK, CohortsView
from tests.analytics.in_memory import InMemory, sessions
from tests.analytics.worlds import LATER, START, Event

DAY = dt.timedelta(days=1)
QUESTION = Question(since=START - 5 * DAY, until=START + 30 * DAY)
#: Phones lose most before B: 20 of 100 convert. Of 100 desktops it is 60, all within three minutes.
PHONES = [
    *sessions("p1", "ABC", 20, device="phone", apart=600),
    *sessions("p2", "AB", 10, device="phone"),
    *sessions("p3", "A", 70, device="phone"),
]
DESKTOPS = [
    *sessions("d1", "ABC", 60, device="desktop", apart=90),
    *sessions("d2", "AB", 30, device="desktop"),
    *sessions("d3", "A", 10, device="desktop"),
]
#: Too few to tell, though nobody converts.
TABLETS = sessions("t", "A", 12, device="tablet")


def compared(
    events: list[Event],
    by: str = "device",
    *,
    reference: str | None = None,
    question: Question = QUESTION,
    now: dt.datetime = LATER,
    window: int = 14 * 86400,
) -> CohortsView:
    asked = Asked(FunnelDefinition.parse("A,B,C", window_seconds=window), question, now)
    return COHORTS.of(InMemory(events), asked, dimension=by, reference=reference)


def of(view: CohortsView, label: str):
    return next(one for one in view.segments if one.label == label)


def test_segments_come_by_entries_with_the_counts_of_the_funnel() -> None:
    view = compared([*PHONES, *DESKTOPS[:30], *TABLETS])
    assert [(one.label, one.entered, one.converted, one.settled.share) for one in view.segments] == [
        ("phone", 100, 20, 0.2), ("tablet", 12, 0, 0), ("desktop", 10, 10, 1),
    ]  # fmt: skip
    assert (view.entered, view.by_label, view.folded_values) == (122, "device", 0)


@pytest.mark.parametrize(
    ("declared", "by"), [((Dimension("device", "Device"),), "Device"), ((), "Entry week")]
)
def test_unless_told_the_first_dimension_of_the_funnel_is_compared(
    declared: tuple[Dimension, ...], by: str
) -> None:
    definition = replace(FunnelDefinition.parse("A,B,C"), dimensions=declared)
    view = COHORTS.of(InMemory([*PHONES, *DESKTOPS]), Asked(definition, QUESTION, LATER))
    assert view.by_label == by


def test_each_is_compared_with_all_others_together() -> None:
    view = compared([*PHONES, *DESKTOPS, *TABLETS])
    phone = of(view, "phone")
    assert (phone.versus.other.count, phone.versus.other.of) == (60, 112)
    assert phone.versus.difference == pytest.approx(20 / 100 - 60 / 112)
    assert (phone.versus.verdict, of(view, "desktop").versus.verdict) == ("different", "different")


def test_the_tests_of_one_answer_are_corrected_together() -> None:
    converted = {"a": 44, "b": 40, "c": 30}
    events = [
        *(
            event
            for source, count in converted.items()
            for event in sessions(f"{source}1", "ABC", count, source=source)
        ),
        *(event for source in converted for event in sessions(f"{source}2", "A", 60, source=source)),
    ]
    view = compared(events, "source", reference="c")
    rest = of(view, "c").settled
    alone = [difference(rest, of(view, source).settled).p_value for source in "ab"]
    *corrected, speed = benjamini_hochberg([*alone, view.speed.test.p_value])
    assert [of(view, source).versus.p_value for source in "ab"] == corrected
    assert view.speed.p_value == speed
    assert corrected != alone


def test_few_sessions_get_no_verdict_and_no_sentence() -> None:
    view = compared([*PHONES, *TABLETS])
    assert of(view, "tablet").versus.verdict == "too few to tell"
    assert of(view, "phone").versus.verdict == "too few to tell"
    assert view.insights == ()


def test_segments_that_do_alike_are_not_different_and_give_no_sentence() -> None:
    alike = [
        *sessions("x1", "ABC", 50, device="x"), *sessions("x2", "A", 50, device="x"),
        *sessions("y1", "ABC", 52, device="y"), *sessions("y2", "A", 48, device="y"),
    ]  # fmt: skip
    view = compared(alike)
    assert {one.versus.verdict for one in view.segments} == {"not different"}
    assert (view.speed.verdict, view.insights) == ("not different", ())


def test_a_sentence_names_the_difference_and_the_step_that_makes_most_of_it() -> None:
    first, *_ = compared([*PHONES, *DESKTOPS]).insights
    assert first.startswith("desktop converts more: 60.0% against 20.0% for phone, +40.0 points (95%: +26.")
    assert first.endswith("; most of it at B, which 90.0% of those at the step before reach, against 30.0%.")


def test_against_a_reference_all_others_are_compared_with_it_and_it_with_nothing() -> None:
    view = compared([*PHONES, *DESKTOPS, *TABLETS], reference="desktop")
    assert (view.reference, of(view, "desktop").versus) == ("desktop", None)
    assert (of(view, "phone").versus.other.count, of(view, "phone").versus.other.of) == (60, 100)
    assert view.insights[0].startswith("phone converts less: 20.0% against 60.0% for desktop, -40.0 points")


def test_a_reference_that_nobody_entered_with_is_not_used() -> None:
    assert compared(PHONES + DESKTOPS, reference="watch") == compared(PHONES + DESKTOPS)


def test_steps_say_how_many_of_those_at_the_step_before_came() -> None:
    steps = of(compared(PHONES + DESKTOPS), "phone").steps
    assert [(step.label, step.rate.share, step.others.share) for step in steps] == [
        ("B", 0.3, 0.9), ("C", pytest.approx(2 / 3), pytest.approx(2 / 3)),
    ]  # fmt: skip
    assert sum(step.contribution for step in steps) == pytest.approx(-0.4)


def test_open_sessions_are_in_no_settled_rate_and_no_loss_of_a_step() -> None:
    view = compared(
        [*sessions("a", "ABC", 40), *sessions("b", "AB", 20), *sessions("new", "A", 40, day=2)],
        "device", now=START + 2.5 * DAY, window=86400,
    )  # fmt: skip
    (everybody,) = view.segments
    assert (everybody.label, everybody.versus, view.open) == ("(missing)", None, 40)
    assert (everybody.observed.share, everybody.settled.share) == (0.4, pytest.approx(2 / 3))
    assert [step.rate.of for step in everybody.steps] == [60, 60]


def test_the_curve_counts_open_sessions_only_while_they_were_watched() -> None:
    half_day = START + dt.timedelta(hours=12)
    (one,) = compared([*sessions("a", "ABC", 30, apart=1800), *sessions("b", "A", 30)], now=half_day).segments
    assert one.outcomes.open == 30
    assert one.curve.points[-1].share == pytest.approx(0.5)
    assert one.curve.median_seconds == pytest.approx(3600, rel=0.01)
    late = [*sessions("a", "ABC", 30, apart=30000), *sessions("b", "A", 30, day=0.5)]
    (other,) = compared(late, now=START + 0.75 * DAY).segments
    # Those who entered later were watched for six hours only: they say nothing about the seventeenth.
    assert other.curve.points[-1].share == 1


def test_segments_that_convert_alike_but_later_differ_in_speed() -> None:
    events = [
        *sessions("fast", "ABC", 60, device="x", apart=60), *sessions("f", "A", 40, device="x"),
        *sessions("slow", "ABC", 60, device="y", apart=86400), *sessions("s", "A", 40, device="y"),
    ]  # fmt: skip
    view = compared(events)
    assert of(view, "x").versus.verdict == "not different"
    assert view.speed.verdict == "different"
    assert view.insights == ("x is the first to have half of its sessions converted: after 2m, y after 2d.",)


def test_entry_weeks_are_segments_in_order() -> None:
    view = compared([*sessions("late", "ABC", 3, day=8), *sessions("early", "A", 2)], ENTRY_WEEK)
    assert [(one.value, one.bin, one.entered, one.converted) for one in view.segments] == [
        ("2024-01-08", 1, 2, 0), ("2024-01-15", 2, 3, 3),
    ]  # fmt: skip
    assert view.by_label == "Entry week"


def test_values_beyond_the_limit_are_one_segment_the_last() -> None:
    events = [event for at in range(4) for event in sessions(f"s{at}", "A", 4 - at, device=f"d{at}")]
    view = compared(events, question=Question(since=QUESTION.since, until=QUESTION.until, most_groups=2))
    assert [(one.label, one.entered) for one in view.segments] == [("d0", 4), ("d1", 3), ("Other", 3)]
    assert view.folded_values == 2


def test_nobody_makes_no_segments() -> None:
    view = compared([])
    assert (view.segments, view.insights, view.entered) == ((), (), 0)
    assert view.to_rows()[1:] == []


def test_its_rows_are_its_segments() -> None:
    header, row, *_ = compared(PHONES + DESKTOPS).to_rows()
    shown = dict(zip(header, row, strict=True))
    assert (shown["segment"], shown["entered"], shown["settled"]) == ("desktop", 100, 0.6)
    assert (shown["reached B"], shown["verdict"]) == (0.9, "different")


@pytest.mark.parametrize("attribution", ["all_events", "step_0"])
def test_a_breakdown_with_sessions_in_several_segments_is_refused(attribution: str) -> None:
    question = Question(since=QUESTION.since, until=QUESTION.until, attribution=attribution)
    with pytest.raises(InvalidQuery, match="several segments"):
        compared(PHONES, question=question)
