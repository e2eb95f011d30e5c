"""The times between two steps, in bins whose edges and counts are those that the rules demand."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import Engine

from analytics.counting import Count, chains
from analytics.errors import InvalidQuery, StoreUnavailable
from analytics.funnels import FunnelDefinition
from analytics.partition import Partition
from analytics.queries import Asked, Reader
from analytics.question import Question
from analytics.store import EventStore
from analytics.sync import sync
from analytics.views.funnel import FUNNEL
from analytics.views.time_to_convert import (
    MOST_BINS,
    TIME_TO_CONVERT,
    Histogram,
    TimeToConvertView,
    gaps_ms,
)
from tests.analytics.worlds import LATER, at, count, partition
from tests.worked_cases import Case, cases, definition_of, events_of, question_of

CASES = [pytest.param(case, id=case["id"]) for case in cases() if case["kind"] == "time_to_convert"]


def histogram(*seconds: float) -> Histogram:
    return Histogram.of([np.array([round(one * 1000) for one in seconds], np.int64)])


def between(asked: Count, world: Partition, from_step: int, to_step: int) -> Histogram:
    return Histogram.of([gaps_ms(chains(world, asked).times_ms, from_step, to_step)])


def bins(of: Histogram) -> list[tuple[int, int]]:
    return [(one.seconds, one.sessions) for one in of.bins]


@pytest.mark.parametrize("case", CASES)
def test_a_worked_case(case: Case) -> None:
    ends = case["definition"]["ttc"]
    asked = Count(definition_of(case), question_of(case), LATER)
    found = between(asked, partition(events_of(case)), ends["from"], ends["to"])
    assert bins(found) == [tuple(edge_and_count) for edge_and_count in case["expected"]["bins"]]
    assert found.average_seconds == pytest.approx(case["expected"]["average_s"])


def test_bins_are_as_many_as_the_cube_root_rounded_up_and_the_last_edge_holds_the_slowest() -> None:
    found = histogram(*range(10, 19))  # 9 sessions, 3 bins over 8 seconds
    assert (found.bin_seconds, bins(found)) == (3, [(10, 3), (13, 3), (16, 3), (19, 0)])
    assert bins(histogram(10, 11, 12, 16, 16)) == [(10, 3), (13, 0), (16, 2)]


@pytest.mark.parametrize(("sessions", "expected"), [(1, 1), (8, 2), (9, 3), (27, 3), (28, 4), (51**3, 51)])
def test_the_cube_root_of_a_cube_is_exact(sessions: int, expected: int) -> None:
    found = Histogram.of([np.arange(sessions, dtype=np.int64) * 1000])
    assert len(found.bins) == expected + 1


def test_edges_are_whole_seconds_and_nobody_falls_outside() -> None:
    assert bins(histogram(1.9, 4.2)) == [(1, 1), (3, 1), (5, 0)]


def test_when_all_took_equally_long_one_bin_of_a_minute_holds_them() -> None:
    assert bins(histogram(7, 7)) == [(7, 2), (67, 0), (127, 0)]


def test_there_are_never_more_than_sixty_bins() -> None:
    found = Histogram.of([np.arange(1, 300_001, dtype=np.int64) * 1000])
    assert len(found.bins) == MOST_BINS + 1
    assert sum(one.sessions for one in found.bins) == 300_000


def test_nobody_makes_no_bins() -> None:
    assert histogram() == Histogram(0, 0, None, None, None, ())


def test_parts_say_together_what_the_whole_says() -> None:
    seconds = [3, 5, 8, 13, 21, 34, 55]
    parts = [np.array(half, np.int64) * 1000 for half in (seconds[:2], [], seconds[2:])]
    assert Histogram.of(parts) == histogram(*seconds)


def test_steps_made_in_one_instant_are_counted_but_not_averaged() -> None:
    found = histogram(0, 0, 10, 20)
    assert (found.sessions, found.at_once, found.average_seconds) == (4, 2, 15)
    assert found.median_seconds == pytest.approx(15, rel=0.01)


def test_times_are_taken_between_the_asked_steps_of_those_who_made_both() -> None:
    world = partition(
        [
            at(0, "a", "A"),
            at(5, "a", "B"),
            at(35, "a", "C"),
            at(0, "b", "A"),
            at(9, "b", "B"),
            at(0, "c", "A"),
        ]
    )
    assert bins(between(count("A,B,C"), world, 1, 2)) == [(30, 1), (90, 0)]
    assert between(count("A,B,C"), world, 0, 1).average_seconds == 7


def test_who_skipped_an_optional_step_has_no_time_to_it() -> None:
    world = partition([at(0, "a", "A"), at(5, "a", "C"), at(0, "b", "A"), at(2, "b", "B"), at(4, "b", "C")])
    assert between(count("A,B?,C"), world, 0, 1).sessions == 1


class TestView:
    @pytest.fixture
    def asked(self, engine: Engine, store: EventStore, happened) -> tuple[Reader, Asked]:
        for session, minutes in {"a": 1, "b": 5, "c": 30}.items():
            happened(session, "A", "2024-01-10 12:00", plan="pro")
            happened(session, "B", f"2024-01-1{minutes % 3} 12:{minutes:02}")
        happened("d", "A", "2024-01-10 12:00")
        sync(engine, store)
        return Reader(engine, store), Asked(FunnelDefinition.parse("A,B"), Question(), LATER)

    def test_it_covers_entry_to_last_step_and_agrees_with_the_funnel(
        self, asked: tuple[Reader, Asked]
    ) -> None:
        view, funnel = TIME_TO_CONVERT.of(*asked), FUNNEL.of(*asked)
        assert (view.from_label, view.to_label) == ("A", "B")
        assert view.histogram.sessions == funnel.converted
        assert view.histogram.average_seconds == funnel.average_seconds
        assert view.histogram.median_seconds == funnel.median_seconds

    def test_its_rows_add_up_to_the_sessions(self, asked: tuple[Reader, Asked]) -> None:
        view: TimeToConvertView = TIME_TO_CONVERT.of(*asked)
        header, *rows = view.to_rows()
        assert header == ["from_seconds", "to_seconds", "sessions"]
        assert sum(int(row[2] or 0) for row in rows) == view.histogram.sessions
        assert all(row[1] == after[0] for row, after in pairwise(rows))

    def test_a_lost_file_is_said_with_the_way_to_mend_it(
        self, asked: tuple[Reader, Asked], tmp_path: Path
    ) -> None:
        for file in tmp_path.rglob("*.parquet"):
            file.unlink()
        with pytest.raises(StoreUnavailable, match="sync --rebuild"):
            TIME_TO_CONVERT.of(*asked)

    def test_a_breakdown_that_lists_sessions_several_times_does_not_count_them_twice(
        self, asked: tuple[Reader, Asked]
    ) -> None:
        reader, question = asked[0], Question(breakdown=("plan",), attribution="all_events")
        assert TIME_TO_CONVERT.of(reader, Asked(asked[1].definition, question, LATER)) == TIME_TO_CONVERT.of(
            *asked
        )

    @pytest.mark.parametrize(
        ("steps", "field"), [((1, None), "from_step"), ((0, 0), "to_step"), ((0, 2), "to_step")]
    )
    def test_steps_out_of_order_are_refused(self, asked: tuple[Reader, Asked], steps, field: str) -> None:
        with pytest.raises(InvalidQuery, match=field):
            TIME_TO_CONVERT.of(*asked, from_step=steps[0], to_step=steps[1])
