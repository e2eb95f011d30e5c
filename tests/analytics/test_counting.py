"""Counting small worlds: outcomes, times, days and breakdowns, field by field."""

import datetime as dt
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from analytics.conditions import Condition
from analytics.counting import Count, chains, entered_by_value, tally
from analytics.funnels import MAX_WINDOW_SECONDS, ORDERS, Dimension, Exclusion, FunnelDefinition, Step
from analytics.grouping import EVERY_VALUE, Rows
from analytics.kernel.arrays import BLOCKED, CONVERTED, LEFT, OPEN, WHOLE
from analytics.kernel.between import count_between
from analytics.kernel.tallying import bucket_of
from analytics.partition import Partition
from analytics.question import Filter, Question, time_zone
from analytics.sketch import BUCKETS, LARGEST_MS, median_ms, value_ms
from analytics.tally import Tally
from analytics.timing import by_hour_of_week
from tests.analytics.worlds import START, Event, at, count, partition

HOUR = 3600


def reached(events: list[Event], asked: Count) -> list[int]:
    return tally(partition(events), asked).reached[0].tolist()  # type: ignore[no-any-return]


def grouped(events: list[Event], asked: Count, dimension: str, **changes: object) -> dict[str, list[int]]:
    """Steps reached by breakdown value, rows that nobody entered left out."""
    world = partition(events)
    question = replace(asked.question, breakdown=(dimension,), **changes)  # type: ignore[arg-type]
    values = entered_by_value(world, replace(asked, question=question, rows=EVERY_VALUE))
    rows = Rows.of(values, question.most_groups)
    result = tally(world, replace(asked, question=question, rows=rows))
    return {label: result.reached[n].tolist() for n, label in enumerate(rows.labels) if result.reached[n, 0]}


def test_a_session_counts_once_however_often_it_runs_through() -> None:
    again = [at(0, "a", "A"), at(1, "a", "B"), at(2, "a", "A"), at(3, "a", "B")]
    assert reached(again, count("A,B")) == [1, 1]


def test_the_window_is_inclusive_and_counted_from_the_entry_that_fits_best() -> None:
    events = [at(0, "a", "A"), at(60, "a", "A"), at(100, "a", "B"), at(160, "a", "C")]
    assert reached(events, count("A,B,C", window=100)) == [1, 1, 1]
    assert reached(events, count("A,B,C", window=99)) == [1, 1, 0]


def test_events_of_one_instant_may_be_taken_in_any_order() -> None:
    assert reached([at(0, "a", "C"), at(0, "a", "B"), at(0, "a", "A")], count("A,B,C")) == [1, 1, 1]
    assert reached([at(0, "a", "A"), at(0, "a", "B")], count("A|B,A|B,A")) == [1, 1, 0]


def test_later_steps_past_the_range_count_unless_asked_not_to() -> None:
    events = [at(0, "a", "A"), at(HOUR, "a", "B")]
    asked = count("A,B")
    short = replace(asked.question, until=START + dt.timedelta(minutes=1))
    assert reached(events, replace(asked, question=short)) == [1, 1]
    cut = replace(short, completions="within_range")
    assert reached(events, replace(asked, question=cut)) == [1, 0]
    late = replace(short, since=START + dt.timedelta(seconds=1))
    assert reached(events, replace(asked, question=late)) == [0, 0]


@pytest.mark.parametrize("order", ORDERS)
def test_within_the_range_nothing_exists_from_its_end_on(order: str) -> None:
    asked = count("A,B,C")
    excluding = replace(asked.definition, order=order, exclusions=(Exclusion(("X",), 0, 2),))
    question = replace(asked.question, until=START + dt.timedelta(seconds=10), completions="within_range")
    asked = replace(asked, definition=excluding, question=question)
    assert reached([at(0, "a", "A"), at(9.999, "a", "B")], asked) == [1, 1, 0]
    assert reached([at(0, "a", "A"), at(10, "a", "B")], asked) == [1, 0, 0]
    assert reached([at(0, "a", "A"), at(10, "a", "X")], asked) == [1, 0, 0]
    assert reached([at(10, "a", "A")], asked) == [0, 0, 0]


def test_every_entrant_has_one_of_four_outcomes() -> None:
    events = [
        at(0, "converted", "A"), at(1, "converted", "B"),
        at(0, "blocked", "A"), at(0, "blocked before", "A"), at(0, "left", "A"), at(HOUR, "open", "A"),
        at(0, "never entered", "B"),
    ]  # fmt: skip
    now = START + dt.timedelta(seconds=HOUR + 1)
    failed_ms = int(START.timestamp() * 1000)
    blocked = {"blocked": failed_ms, "blocked before": failed_ms - 1, "converted": failed_ms, "unknown": 0}
    result = tally(partition(events), count("A,B", window=HOUR, now=now, blocked=blocked))
    totals = result.outcomes[0].sum(axis=0)
    assert totals[[CONVERTED, BLOCKED, OPEN, LEFT]].tolist() == [1, 1, 1, 2]
    assert totals.sum() == result.reached[0, 0]
    assert result.outcomes[0, :, LEFT].tolist() == [2, 0]


def test_a_window_is_open_up_to_and_including_its_last_instant() -> None:
    def left(seconds: float) -> int:
        now = START + dt.timedelta(seconds=seconds)
        return int(tally(partition([at(0, "a", "A")]), count("A,B", window=60, now=now)).outcomes[0, 0, LEFT])

    assert (left(60), left(60.001)) == (0, 1)


def test_who_may_still_convert_waits_since_the_entry_blocked_or_not() -> None:
    entered_ms = int(START.timestamp() * 1000)

    def waiting(seconds: float, blocked: dict[str, int] | None = None) -> dict[int, int]:
        now = START + dt.timedelta(seconds=seconds)
        events = [at(0, "a", "A"), at(0, "converted", "A"), at(0, "converted", "B")]
        result = tally(partition(events), count("A,B", window=60, now=now, blocked=blocked))
        return {
            int(LARGEST_MS[bucket]): int(result.waiting[0, bucket])
            for bucket in result.waiting[0].nonzero()[0]
        }

    assert waiting(0) == {1: 1}
    ((longest_ms, number),) = waiting(60).items()
    assert (longest_ms, number) == (pytest.approx(60_000, rel=0.02), 1)
    assert waiting(60, {"a": entered_ms}) == {longest_ms: 1}
    assert waiting(60.001) == {}


def test_zero_gaps_are_in_no_average_and_no_median() -> None:
    events = [at(0, "a", "A"), at(0, "a", "B"), at(0, "b", "A"), at(100, "b", "B")]
    result = tally(partition(events), count("A,B"))
    assert (result.gap_count[0, 1], result.gap_sum_ms[0, 1]) == (1, 100_000)
    assert (result.gap_count[0, WHOLE], result.gap_sum_ms[0, WHOLE]) == (1, 100_000)
    assert median_ms(result.gap_histogram[0, 1]) == pytest.approx(100_000, rel=0.01)


def test_entries_count_on_the_day_of_the_asked_zone() -> None:
    midnight = [at(11 * HOUR + 1800, "a", "A"), at(12 * HOUR + 1800, "b", "A")]
    asked = count("A,B")

    def by_day(zone: str) -> list[int]:
        question = Question.of_days(dt.date(2024, 1, 10), dt.date(2024, 1, 11), zone=zone)
        return tally(partition(midnight), replace(asked, question=question)).by_bin.sum(axis=(1, 2)).tolist()  # type: ignore[no-any-return]

    assert by_day("UTC") == [1, 1]
    assert by_day("Europe/Berlin") == [0, 2]
    assert by_day("America/New_York") == [2, 0]


@pytest.mark.parametrize(
    ("zone", "entry", "end", "hour"),
    [
        ("UTC", "2024-03-30T23:30", "2024-03-31T23:30", 6 * 24 + 23),
        # The clocks went from 02:00 to 03:00, so a day later it is 00:30 on Monday.
        ("Europe/Berlin", "2024-03-30T22:30", "2024-03-31T22:30", 0),
        ("Europe/Berlin", "2024-03-30T22:30", "2024-03-31T01:00", 6 * 24 + 3),
        # From 02:00 back to 01:30: 2 h 45 min after midnight it is a quarter past two.
        ("Australia/Lord_Howe", "2024-04-06T12:30", "2024-04-06T15:45", 6 * 24 + 2),
    ],
)
def test_the_hour_of_the_week_is_that_of_the_furthest_step_in_the_zone(
    zone: str, entry: str, end: str, hour: int
) -> None:
    events = [
        Event("a", name, dt.datetime.fromisoformat(moment).replace(tzinfo=dt.UTC))
        for name, moment in [("A", entry), ("B", end)]
    ]
    entered = events[0].at.astimezone(time_zone(zone)).date()
    question = Question.of_days(entered, entered, zone=zone)
    asked = replace(count("A,B", window=86400), question=question, timing=by_hour_of_week(question, 86400))
    assert np.flatnonzero(tally(partition(events), asked).by_bin.sum(axis=(1, 2))).tolist() == [hour]


def test_tallies_of_two_partitions_add_up_to_that_of_both() -> None:
    one = [at(0, "a", "A"), at(50, "a", "B")]
    other = [at(0, "b", "A"), at(0, "c", "A"), at(9, "c", "B")]
    asked = count("A,B")
    both = tally(partition(one + other), asked)
    summed = tally(partition(one), asked) + tally(partition(other), asked)
    for name in Tally.__slots__:
        assert np.array_equal(getattr(summed, name), getattr(both, name)), name


def test_a_step_filter_looks_at_the_event_and_a_dimension_filter_at_the_session() -> None:
    events = [
        at(0, "a", "A", plan="pro"), at(1, "a", "B", page="1"),
        at(0, "b", "A", plan="free"), at(1, "b", "B", page="2"), at(0, "c", "A"), at(1, "c", "B"),
    ]  # fmt: skip
    steps = (Step(("A",), "A"), Step(("B",), "B", (Condition("page", "equals", ("1",)),)))
    asked = replace(count("A,B"), definition=FunnelDefinition("f", steps))
    assert reached(events, asked) == [3, 1]

    def where(*values: str) -> list[int]:
        question = replace(count("A,B").question, where=(Filter("plan", values),))
        return reached(events, replace(count("A,B"), question=question))

    assert where("pro") == [1, 1]
    assert where("pro", "") == [2, 2]
    assert where("none") == [0, 0]


def test_a_session_must_pass_all_filters() -> None:
    events = [at(0, "a", "A", plan="pro", page="1"), at(0, "b", "A", plan="free", page="2")]
    question = replace(count("A,B").question, where=(Filter("plan", ("pro",)), Filter("page", ("2",))))
    assert reached(events, replace(count("A,B"), question=question)) == [0, 0]


@pytest.mark.parametrize(
    ("operator", "passing"),
    [
        ("greater", ["11"]),
        ("at_least", ["10", "11"]),
        ("less", ["9"]),
        ("at_most", ["9", "10"]),
        ("not_equals", ["", "9", "11", "x", "nan"]),
    ],
)
def test_bounds_belong_to_one_side_and_what_is_no_number_to_none(operator: str, passing: list[str]) -> None:
    condition = Condition("size", operator, ("10",))
    assert [value for value in ("", "9", "10", "11", "x", "nan") if condition.holds(value)] == passing


def test_values_beyond_the_limit_share_a_row_that_says_how_many() -> None:
    events = [at(0, f"{plan}{n}", "A", plan=plan) for plan, n in [("x", 0), ("x", 1), ("y", 0), ("z", 0)]]
    assert grouped(events, count("A,B"), "plan", most_groups=1) == {"x": [2, 0], "Other": [2, 0]}
    assert Rows.of(Counter({"x": 2, "y": 1, "z": 1}), 1) == Rows(("x",), folded=2)
    assert Rows.of(Counter({"y": 1, "x": 1}), 1) == Rows(("x",), folded=1)


def test_a_missing_value_is_ranked_like_any_other() -> None:
    events = [at(0, f"{plan}{n}", "A", plan=plan) for plan, n in [("x", 0), ("x", 1), ("y", 0)]]
    once, often = [*events, at(0, "none", "A")], [*events, *(at(0, f"none{n}", "A") for n in range(3))]
    assert grouped(once, count("A,B"), "plan", most_groups=1) == {"x": [2, 0], "Other": [2, 0]}
    assert grouped(once, count("A,B"), "plan", most_groups=2) == {"x": [2, 0], "": [1, 0], "Other": [1, 0]}
    assert grouped(often, count("A,B"), "plan", most_groups=1) == {"": [3, 0], "Other": [3, 0]}
    assert Rows.of(Counter({"x": 2, "y": 1}), 1, keeps_missing=True) == Rows(("", "x"), folded=1)
    assert Rows.of(Counter(), 1) == Rows(("",))


@pytest.mark.parametrize("attribution", ["session", "first_touch", "last_touch", "all_events", "step_0"])
def test_rows_are_ranked_by_the_sessions_that_they_will_count(attribution: str) -> None:
    events = [
        at(0, "a", "A", plan="pro", land="de"), at(1, "a", "A", plan="pro"),
        at(0, "b", "A", plan="free", land="de"),
        at(0, "other flow", "X", plan="x", land="de"), at(0, "not asked", "A", plan="y", land="fr"),
        at(-9 * 86400, "too early", "A", plan="z", land="de"),
        at(9 * 86400, "too late", "A", plan="w", land="de"),
        at(0, "no plan", "A", land="de"),
    ]  # fmt: skip
    asked = count("A,B")
    question = replace(
        asked.question, where=(Filter("land", ("de",)),), breakdown=("plan",), attribution=attribution
    )
    found = entered_by_value(partition(events), replace(asked, question=question, rows=EVERY_VALUE))
    assert found == {"pro": 1, "free": 1, "": 1}


@pytest.mark.parametrize(
    ("attribution", "rows"),
    [
        ("session", {"0": [1, 1]}),
        ("first_touch", {"1": [1, 1]}),
        ("last_touch", {"2": [1, 1]}),
        ("all_events", {"1": [1, 0]}),
        ("step_1", {"2": [1, 1]}),
    ],
)
def test_whose_value_counts(attribution: str, rows: dict[str, list[int]]) -> None:
    events = [at(0, "a", "other", v=0), at(1, "a", "A", v=1), at(2, "a", "B", v=2)]
    assert grouped(events, count("A,B"), "v", attribution=attribution) == rows


def test_a_touch_is_in_the_range_and_of_a_step_unless_the_funnel_is_strict() -> None:
    asked = count("A,B")
    events = [at(0, "a", "X", v=0), at(1, "a", "A", v=1), at(10, "a", "A", v=2)]
    question = replace(
        asked.question, since=START, until=START + dt.timedelta(seconds=10), completions="within_range"
    )
    asked = replace(asked, question=question)
    strict = replace(asked, definition=replace(asked.definition, order="strict"))
    assert grouped(events, asked, "v", attribution="first_touch") == {"1": [1, 0]}
    assert grouped(events, strict, "v", attribution="first_touch") == {"0": [1, 0]}
    assert grouped(events, asked, "v", attribution="last_touch") == {"1": [1, 0]}


def test_an_unordered_chain_takes_all_events_of_its_first_instant_but_none_of_another_session() -> None:
    asked = count("A,B")
    asked = replace(asked, definition=replace(asked.definition, order="unordered"))

    def by_entry(events: list[Event]) -> dict[str, list[int]]:
        return grouped(events, asked, "v", attribution="step_0")

    assert by_entry([at(0, "a", "B", v=1), at(0, "b", "A", v=1)]) == {"1": [2, 0]}
    assert by_entry([at(0, "a", "B", v=2), at(0, "a", "A", v=1)]) == {"1": [1, 1], "2": [1, 1]}


def test_numbers_fall_into_bands_and_what_is_no_number_is_missing() -> None:
    events = [at(0, f"s{n}", "A", v=v) for n, v in enumerate([-1, 9.99, 10, 19, 20, 1e9, "x", None])]
    definition = FunnelDefinition(
        "f", count("A,B").definition.steps, dimensions=(Dimension("v", "V", (10, 20)),)
    )
    assert grouped(events, replace(count("A,B"), definition=definition), "v") == {
        "under 10": [2, 0], "10 to under 20": [2, 0], "20 and more": [2, 0], "": [2, 0],
    }  # fmt: skip


def test_drill_down_lists_the_sessions_that_were_counted() -> None:
    world = partition([at(0, "a", "A"), at(1, "a", "B"), at(0, "b", "A"), at(0, "c", "B")])
    found = chains(world, count("A,B"))
    assert dict(zip(found.session_ids().to_pylist(), found.reached.tolist(), strict=True)) == {"a": 2, "b": 1}
    assert np.diff(found.times_ms[0]).tolist() == [1000]


def test_an_event_is_between_only_strictly_after_the_entry_and_before_the_end() -> None:
    moments = [(0, "A"), (0, "with the entry"), (1, "between"), (2, "between"), (3, "B"), (3, "with the end")]
    world = partition([at(second, "a", name) for second, name in moments])
    found = chains(world, count("A,B"))
    entry_ms, end_ms = (np.ascontiguousarray(found.times_ms[:, step]) for step in (0, 1))
    counts = np.zeros((len(world.name.values), 1), np.int64)
    count_between(
        world.starts,
        world.at_ms,
        world.name.codes,
        found.number,
        entry_ms,
        end_ms,
        np.zeros(1, np.int64),
        counts,
    )
    assert dict(zip(world.name.values, counts[:, 0].tolist(), strict=True)) == {
        "A": 0, "with the entry": 0, "between": 1, "B": 0, "with the end": 0,
    }  # fmt: skip


def test_an_empty_partition_counts_nothing() -> None:
    assert reached([], count("A,B")) == [0, 0]
    assert Partition.of_table(partition([])._read(["session", "at_ms", "name"])).sessions == 0


def test_the_histogram_is_within_one_percent_everywhere() -> None:
    for milliseconds in (1, 2, 3, 999, 60_000, 86_400_000, 10 * 365 * 86_400_000):
        world = partition([at(0, "a", "A"), at(milliseconds / 1000, "a", "B")])
        result = tally(world, count("A,B", window=100 * 365 * 86_400))
        assert median_ms(result.gap_histogram[0, 1]) == pytest.approx(milliseconds, rel=0.01)


def test_every_duration_is_in_the_first_bucket_that_is_long_enough() -> None:
    for milliseconds in [
        *range(1, 5000),
        *(longest + one for longest in LARGEST_MS[200:-1].tolist() for one in (0, 1)),
    ]:
        bucket = bucket_of(milliseconds)
        assert bucket == min(np.searchsorted(LARGEST_MS, milliseconds), BUCKETS - 1)
    assert value_ms(BUCKETS - 1) > MAX_WINDOW_SECONDS * 1000


def test_a_median_of_an_even_number_lies_between_the_two_middle_ones() -> None:
    histogram = np.zeros(BUCKETS, np.int64)
    assert median_ms(histogram) is None
    histogram[[10, 20]] = 1
    assert median_ms(histogram) == (value_ms(10) + value_ms(20)) / 2


def test_who_did_a_step_too_early_is_in_no_row_of_that_step() -> None:
    world = partition(
        [at(0, "a", "A"), at(1, "a", "B", plan="pro"), at(0, "early", "B", plan="pro"), at(1, "early", "A")]
    )
    asked = count("A,B")
    question = replace(asked.question, breakdown=("plan",), attribution="step_1")
    asked = replace(asked, question=question, rows=Rows(("", "pro")))
    assert chains(world, asked).session_ids().to_pylist() == ["a"]
    assert tally(world, asked).reached.tolist() == [[0, 0], [1, 1]]


@pytest.mark.parametrize("blocked", [{}, {"b": 0}])
def test_a_session_whose_value_has_no_row_is_not_counted(blocked: dict[str, int]) -> None:
    world = partition([at(0, "a", "A", plan="pro"), at(0, "b", "A", plan="free"), at(1, "b", "B")])
    asked = count("A,B", blocked=blocked)
    question = replace(asked.question, breakdown=("plan",))
    asked = replace(asked, question=question, rows=Rows(("pro",)))
    assert chains(world, asked).session_ids().to_pylist() == ["a"]
    assert tally(world, asked).reached.tolist() == [[1, 0]]
