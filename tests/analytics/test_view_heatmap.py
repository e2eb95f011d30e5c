"""Where sessions drop off: counts by hand, hours of the asked zone, and no word on what may be chance."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from analytics.catalogue import StoredFile
from analytics.errors import InvalidQuery
from analytics.funnels import FunnelDefinition
from analytics.queries import Asked, FunnelResult
from analytics.question import Question
from analytics.records import plain, restored
from analytics.sessions import Selection, count_sessions
from analytics.views.drop_off_hours import worst_hours
from analytics.views.heatmap import HEATMAP
from analytics.views.heatmap_records import HeatmapView, Reason
from tests.analytics.in_memory import InMemory, sessions
from tests.analytics.worlds import LATER, START, Event, at

DAY = dt.timedelta(days=1)
DEFINITION = FunnelDefinition.parse("A,B,C")
QUESTION = Question(since=START - 5 * DAY, until=START + 120 * DAY)
FILE = StoredFile("day=2024-01-10/1.parquet", START.date(), 0, 0, 0, 0, 0)
#: START is a Wednesday, noon.
WEDNESDAY_NOON = 2 * 24 + 12


def asked_of(
    question: Question = QUESTION,
    *,
    now: dt.datetime = LATER,
    failed: Mapping[str, str] | None = None,
) -> Asked:
    late = round(LATER.timestamp() * 1000)
    failed = failed or {}
    return Asked(DEFINITION, question, now, blocked=dict.fromkeys(failed, late), patterns=failed)


def seen(events: list[Event], asked: Asked | None = None) -> HeatmapView:
    return HEATMAP.of(InMemory(events), asked or asked_of())


def reasons(view: HeatmapView, kind: str) -> dict[str, int]:
    return {one.text: one.share.count for one in view.common_reasons if one.kind == kind}


SMALL = [
    *sessions("done", "ABC", 2),
    *sessions("b", "AB", 3),
    *sessions("a", "A", 4),
    *sessions("x", "AX", 1),
]


def test_drop_offs_are_counted_by_the_stage_that_was_the_last() -> None:
    view = seen(SMALL)
    assert (view.entered, view.total_incomplete, view.left, view.open) == (10, 8, 8, 0)
    assert view.stages == ("A", "B")
    assert [(cell.rate.count, cell.rate.of) for cell in view.all_segments.cells] == [(5, 10), (3, 5)]
    assert view.finding == "Most drop off after A: 5 of 8 incomplete sessions."


def test_open_sessions_are_no_drop_offs_and_are_counted_apart() -> None:
    view = seen(SMALL, asked_of(now=START + DAY))
    assert (view.total_incomplete, view.open) == (0, 8)
    assert [(cell.rate.count, cell.open) for cell in view.all_segments.cells] == [(0, 5), (0, 3)]
    assert view.finding == "Nobody dropped off: 8 are still open."
    assert view.common_reasons == ()


def test_an_hour_counts_those_who_took_the_step_in_it_and_those_of_them_who_stopped() -> None:
    late = [at(3600, "late", "A"), at(2 * 3600, "late", "B")]
    view = seen([*SMALL, *late])
    hours = view.time_analysis.hours
    assert [(cell.rate.count, cell.rate.of) for cell in hours[WEDNESDAY_NOON].cells] == [(5, 10), (3, 5)]
    assert [(cell.rate.count, cell.rate.of) for cell in hours[WEDNESDAY_NOON + 1].cells] == [(0, 1), (0, 0)]
    assert [(cell.rate.count, cell.rate.of) for cell in hours[WEDNESDAY_NOON + 2].cells] == [(0, 0), (1, 1)]
    assert hours[WEDNESDAY_NOON].label == "Wednesday 12:00"
    assert sum(hour.total.rate.count for hour in hours) == view.total_incomplete == 9


@pytest.mark.parametrize(
    ("days", "hour"),
    [(0, WEDNESDAY_NOON + 1), (91, WEDNESDAY_NOON + 2)],  # in winter, and in summer
)
def test_hours_are_those_of_the_zone_with_its_summer_time(days: int, hour: int) -> None:
    question = replace(QUESTION, zone="Europe/Berlin")
    view = seen(sessions("s", "A", 1, day=days), asked_of(question))
    assert view.time_analysis.zone == "Europe/Berlin"
    assert [one.hour for one in view.time_analysis.hours if one.total.rate.count] == [hour]


def night_and_day(lost_at_night: int) -> list[Event]:
    """At noon 100 of 400 stop after A, and so many of 100 in the hour after midnight."""
    return [
        *sessions("noon lost", "A", 100),
        *sessions("noon", "ABC", 300),
        *sessions("night lost", "A", lost_at_night, day=0.5),
        *sessions("night", "ABC", 100 - lost_at_night, day=0.5),
    ]


def test_an_hour_that_loses_more_than_chance_is_named_with_what_it_is_compared_with() -> None:
    view = seen(night_and_day(60))
    (worst,) = view.time_analysis.worst_hours
    assert (worst.label, worst.stage_label) == ("Thursday 00:00", "A")
    assert (worst.rate.count, worst.rate.of, worst.rest.count, worst.rest.of) == (60, 100, 100, 400)
    assert worst.difference == pytest.approx(0.35)
    assert view.finding.endswith(
        "worst is Thursday 00:00 after A, where 60% stop against 25% at other hours."
    )


def test_a_difference_that_may_be_chance_is_not_named() -> None:
    analysis = seen(night_and_day(30)).time_analysis
    assert analysis.worst_hours == ()
    assert analysis.tested == 4


def test_an_hour_with_too_few_sessions_is_not_tested() -> None:
    few = sessions("few", "A", 29, day=0.5)
    analysis = seen([*sessions("noon", "ABC", 400), *few]).time_analysis
    assert analysis.worst_hours == ()
    assert analysis.hours[3 * 24].total.is_few
    assert not analysis.hours[WEDNESDAY_NOON].total.is_few


def test_one_hour_of_twenty_that_looks_worse_alone_is_not_named() -> None:
    reached, dropped = np.zeros((168, 1), np.int64), np.zeros((168, 1), np.int64)
    reached[:20], dropped[:20] = 100, 25
    dropped[3] = 36  # p is 0.014 by itself
    assert worst_hours(["A"], reached, dropped, np.zeros_like(reached)) == (20, ())


def test_open_sessions_do_not_make_a_cell_sure() -> None:
    events = [*sessions("old", "A", 25), *sessions("open", "A", 15, day=10)]
    cell = seen(events, asked_of(now=START + 20 * DAY)).all_segments.cells[0]
    assert (cell.rate.count, cell.rate.of, cell.open, cell.is_few) == (25, 40, 15, True)


def test_a_failed_task_has_a_row_and_the_rest_another() -> None:
    view = seen(SMALL, asked_of(failed={"b 0": "Timeout in llm", "b 1": "Timeout in llm", "a 0": "Refused"}))
    rows = {one.label: [(cell.rate.count, cell.rate.of) for cell in one.cells] for one in view.error_patterns}
    assert rows == {
        "Timeout in llm": [(0, 10), (2, 5)],
        "Refused": [(1, 10), (0, 5)],
        "No failed task": [(4, 10), (1, 5)],
    }
    assert (view.blocked, view.left) == (3, 5)


def test_each_incomplete_session_has_one_reason_and_the_most_frequent_comes_first() -> None:
    view = seen(SMALL, asked_of(failed={"b 0": "Timeout in llm", "b 1": "Timeout in llm"}))
    assert [(one.kind, one.text, one.share.count) for one in view.common_reasons] == [
        ("silent", "Left after A without a further event", 4),
        ("blocked", "Blocked behind Timeout in llm", 2),
        ("elsewhere", "Left after A but did something else afterwards", 1),
        ("silent", "Left after B without a further event", 1),
    ]
    assert {one.share.of for one in view.common_reasons} == {view.total_incomplete}


PHONES = [*sessions("p1", "A", 60, device="phone"), *sessions("p2", "ABC", 40, device="phone")]
DESKTOPS = [*sessions("d1", "A", 20, device="desktop"), *sessions("d2", "ABC", 80, device="desktop")]
TABLETS = sessions("t", "A", 12, device="tablet")
BY_DEVICE = replace(QUESTION, breakdown=("device",))


def test_a_segment_that_loses_more_than_the_others_is_a_reason_with_its_excess() -> None:
    view = seen([*PHONES, *DESKTOPS, *TABLETS], asked_of(BY_DEVICE))
    (reason,) = (one for one in view.common_reasons if one.kind == "segment")
    # Of the 112 others 32 stop, so of 100 about 29 would, but 60 do.
    assert reason.text == "phone stops after A more than others: 60.0% against 28.6%"
    assert (reason.share.count, reason.excess) == (60, 31)
    assert reason.sessions == Selection(stopped=0, outcome="gone", value="phone")


def test_a_segment_that_may_lose_more_by_chance_is_no_reason() -> None:
    events = [
        *sessions("p1", "A", 12, device="phone"),
        *sessions("p2", "ABC", 28, device="phone"),
        *sessions("d1", "A", 10, device="desktop"),
        *sessions("d2", "ABC", 30, device="desktop"),
    ]
    assert reasons(seen(events, asked_of(BY_DEVICE)), "segment") == {}


def test_segments_have_their_own_shares_and_few_stay_grey() -> None:
    view = seen([*PHONES, *DESKTOPS, *TABLETS], asked_of(BY_DEVICE))
    assert view.segment_label == "device"
    found = [(one.label, one.cells[0].rate.count, one.cells[0].is_few) for one in view.segments]
    assert found == [("desktop", 20, False), ("phone", 60, False), ("tablet", 12, True)]


def test_without_a_dimension_there_are_no_segments() -> None:
    view = seen(SMALL)
    assert (view.segments, view.segment_label) == ((), None)


def test_sessions_in_several_segments_cannot_be_compared() -> None:
    with pytest.raises(InvalidQuery, match="several segments"):
        seen(SMALL, asked_of(replace(BY_DEVICE, attribution="all_events")))


def test_every_cell_and_reason_opens_as_many_sessions_as_it_counts() -> None:
    asked = asked_of(BY_DEVICE, failed={"p1 0": "Timeout in llm", "d1 3": "Refused"})
    store = InMemory([*PHONES, *DESKTOPS, *TABLETS, *SMALL])
    view = HEATMAP.of(store, asked)

    def opened(**selection: object) -> int:
        return count_sessions(store, asked, Selection(outcome="gone", **selection))  # type: ignore[arg-type]

    for stage in range(len(view.stages)):
        for one in view.segments:
            assert opened(stopped=stage, value=one.value) == one.cells[stage].rate.count
        for one in view.error_patterns:
            assert opened(stopped=stage, pattern=one.value) == one.cells[stage].rate.count
        for hour in view.time_analysis.hours[WEDNESDAY_NOON : WEDNESDAY_NOON + 2]:
            cell = hour.cells[stage]
            assert opened(stopped=stage, bin=hour.hour, bins="hour_of_week") == cell.rate.count
    kinds = {one.kind for one in view.common_reasons}
    assert kinds == {"blocked", "silent", "elsewhere", "segment"}
    for reason in view.common_reasons:
        assert count_sessions(store, asked, reason.sessions) == reason.share.count


def test_the_view_survives_the_cache_and_has_the_keys_that_clients_know() -> None:
    view = seen(SMALL, asked_of(failed={"b 0": "Timeout in llm"}))
    body = plain(view)
    known = {"period", "total_incomplete", "error_patterns", "time_analysis", "common_reasons"}
    assert known <= body.keys()
    assert restored(HeatmapView, body) == view


def test_rows_hold_every_cell_with_its_interval() -> None:
    header, *rows = seen(SMALL).to_rows()
    found = [dict(zip(header, row, strict=True)) for row in rows]
    assert len(found) == 2 + 2 + 168 * 2  # everybody, nothing failed, hours
    everybody = found[0]
    assert (everybody["map"], everybody["stage"], everybody["dropped"]) == ("all", "A", 5)
    assert everybody["low"] == pytest.approx(0.2366, abs=1e-4)


def test_nobody_at_all_is_an_answer() -> None:
    view = seen([at(0, "s", "X")])
    assert (view.entered, view.total_incomplete, view.finding) == (0, 0, "Nobody dropped off.")


def test_a_sync_in_between_makes_the_maps_be_counted_anew() -> None:
    class Syncing(InMemory):
        """New events arrive between the first question and the second."""

        asked_so_far = 0

        def ask(self, asked: Asked) -> FunnelResult:
            self.asked_so_far += 1
            found = super().ask(asked)
            if self.asked_so_far == 1:
                self.hold([*SMALL, *sessions("new", "A", 5)])
                self.version = 2
            return found

    view = HEATMAP.of(Syncing(SMALL), asked_of())
    (nothing_failed,) = view.error_patterns
    assert view.total_incomplete == sum(cell.rate.count for cell in nothing_failed.cells) == 13


def test_reasons_are_records_of_plain_values() -> None:
    (reason, *_) = seen(SMALL).common_reasons
    assert restored(Reason, plain(reason)) == reason
