"""The sessions behind a number: as many as it says, each once, in pages that neither overlap nor skip."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine

from analytics.errors import InvalidQuery, StoreUnavailable
from analytics.funnels import FunnelDefinition
from analytics.kernel.arrays import BLOCKED, LEFT
from analytics.queries import Asked, Reader
from analytics.question import Filter, Question
from analytics.sessions import (
    OUTCOMES,
    Selection,
    SessionRow,
    by_pattern,
    chain_of,
    count_sessions,
    listed_sessions,
    session_batches,
)
from analytics.store import EventStore
from analytics.sync import sync
from analytics.timing import TIMINGS

pytestmark = pytest.mark.servers

Happened = Callable[..., Any]
NOW = dt.datetime(2024, 1, 20, tzinfo=dt.UTC)
FUNNEL = FunnelDefinition.parse("A,B,C?,D", window_seconds=6 * 86400)
STRANGE = ("a.b.c", "a", "a.", "é", "z", "ÿ", "日本", "🜁", "", "2024-01-10.0.0.x", "Z", "a b")
HISTORIES = ("A", "AB", "ABX", "ABCD", "ABD", "AXX", "ABC", "XA", "ABCDX", "AABB", "X")
PLANS = ("pro", "free", "", "team", "solo")


@pytest.fixture
def asked(engine: Engine, store: EventStore, happened: Happened) -> Asked:
    """Sixty sessions on three days, with odd ids; some blocked, some still open."""
    names = [name or "empty?" for name in STRANGE]
    ids = [*names, *(f"s{number}" for number in range(48))]
    for number, session_id in enumerate(ids):
        day = 10 + number % 3 * 3
        for nth, name in enumerate(HISTORIES[number % len(HISTORIES)]):
            moment = f"2024-01-{day} {number % 24:02}:{nth:02}"
            happened(session_id, name, moment, plan=PLANS[number % len(PLANS)])
    sync(engine, store)
    failed = ids[1::7]
    late = round(dt.datetime(2024, 1, 19, tzinfo=dt.UTC).timestamp() * 1000)
    return Asked(
        FUNNEL,
        Question(breakdown=("plan",), most_groups=3),
        NOW,
        blocked=dict.fromkeys(failed, late),
        patterns={one: f"Error {len(one) % 2}" for one in failed},
    )


@pytest.fixture
def reader(engine: Engine, store: EventStore) -> Reader:
    return Reader(engine, store)


def ids_in_pages(reader: Reader, asked: Asked, selection: Selection, limit: int) -> list[str]:
    found: list[str] = []
    after = None
    for _ in range(200):
        page = listed_sessions(reader, asked, selection, after=after, limit=limit)
        found += [row.session_id for row in page.sessions]
        after = page.next
        if after is None:
            return found
    raise AssertionError("the pages do not end")


def every_session(reader: Reader, asked: Asked, selection: Selection) -> list[SessionRow]:
    batches = session_batches(reader, asked, selection)
    return [SessionRow(**row) for batch in batches for row in batch.to_pylist()]


def test_every_step_lists_as_many_as_the_funnel_counts(reader: Reader, asked: Asked) -> None:
    total = reader.ask(asked).total
    for step in range(4):
        assert count_sessions(reader, asked, Selection(reached=step)) == total.reached[0, step]
        assert count_sessions(reader, asked, Selection(stopped=step)) == total.outcomes[0, step].sum()
    assert total.reached[0].min() > 0


def test_every_outcome_lists_as_many_as_the_funnel_counts(reader: Reader, asked: Asked) -> None:
    outcomes = reader.ask(asked).total.outcomes[0]
    for step in range(4):
        for number, name in enumerate(OUTCOMES):
            selection = Selection(stopped=step, outcome=name)
            assert count_sessions(reader, asked, selection) == outcomes[step, number]
        gone = outcomes[step, BLOCKED] + outcomes[step, LEFT]
        assert count_sessions(reader, asked, Selection(stopped=step, outcome="gone")) == gone
    assert (outcomes.sum(axis=0) > 0).all()


@pytest.mark.parametrize("attribution", ["session", "first_touch", "last_touch", "all_events", "step_1"])
def test_every_row_of_a_breakdown_lists_as_many_as_it_counts(
    reader: Reader, asked: Asked, attribution: str
) -> None:
    asked = replace(asked, question=replace(asked.question, attribution=attribution))
    result = reader.ask(asked)
    assert result.rows is not None
    assert result.grouped is not None
    assert result.rows.folded > 0
    # Where a session has several rows, everybody is still counted once.
    assert count_sessions(reader, asked, Selection(reached=1)) == result.total.reached[0, 1]
    for row, label in enumerate(result.rows.labels):
        entered = int(result.grouped.outcomes[row].sum())
        assert count_sessions(reader, asked, Selection(value=label)) == entered
        assert len(ids_in_pages(reader, asked, Selection(value=label), 3)) == entered


def test_every_failure_lists_as_many_as_it_counts(reader: Reader, asked: Asked) -> None:
    result = reader.ask(by_pattern(asked))
    assert result.rows is not None
    assert result.grouped is not None
    assert set(result.rows.labels) == {"", "Error 0", "Error 1"}
    for row, label in enumerate(result.rows.labels):
        selection = Selection(pattern=label, outcome="blocked")
        blocked = int(result.grouped.outcomes[row, :, BLOCKED].sum())
        assert count_sessions(reader, asked, selection) == blocked


@pytest.mark.parametrize("bins", TIMINGS)
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_every_bin_of_time_lists_as_many_as_it_counts(
    reader: Reader, asked: Asked, bins: str, zone: str
) -> None:
    asked = replace(asked, question=replace(asked.question, zone=zone, breakdown=()))
    by_bin = reader.ask(replace(asked, binned=TIMINGS[bins](FUNNEL))).total.by_bin
    assert by_bin.sum() == count_sessions(reader, asked, Selection())
    for number in np.flatnonzero(by_bin.sum(axis=(1, 2))).tolist():
        selection = Selection(bin=number, bins=bins, stopped=1)
        assert count_sessions(reader, asked, selection) == by_bin[number, 1].sum()


def test_filters_of_the_question_hold_for_its_sessions(reader: Reader, asked: Asked) -> None:
    question = replace(asked.question, where=(Filter("plan", ("pro", "")),))
    asked = replace(asked, question=question)
    rows = every_session(reader, asked, Selection(value="pro"))
    assert rows
    assert len(rows) == count_sessions(reader, asked, Selection(value="pro"))
    assert count_sessions(reader, asked, Selection(value="free")) == 0


@pytest.mark.parametrize("limit", [1, 7, 1000])
def test_pages_neither_overlap_nor_skip(reader: Reader, asked: Asked, limit: int) -> None:
    listed = ids_in_pages(reader, asked, Selection(), limit)
    assert len(listed) == len(set(listed)) == count_sessions(reader, asked, Selection())
    assert listed == [row.session_id for row in every_session(reader, asked, Selection())]


def test_the_order_is_by_day_and_then_by_the_bytes_of_the_id(reader: Reader, asked: Asked) -> None:
    rows = every_session(reader, asked, Selection())
    keys = [(row.entered_at.date(), row.session_id.encode()) for row in rows]
    assert keys == sorted(keys)
    assert {"a.b.c", "日本", "🜁", "2024-01-10.0.0.x"} <= {row.session_id for row in rows}


def test_silence_is_that_nothing_happened_after_the_furthest_step(reader: Reader, asked: Asked) -> None:
    listed = partial(every_session, reader, asked)
    silent = {row.session_id for row in listed(Selection(stopped=1, silent=True))}
    noisy = {row.session_id for row in listed(Selection(stopped=1, silent=False))}
    assert "a" in silent  # did A, then B, and nothing more
    assert "a." in noisy  # did A, B and then X
    everybody = {row.session_id for row in listed(Selection(stopped=1))}
    assert silent | noisy == everybody
    assert not silent & noisy


def test_a_session_says_how_far_it_came_and_what_became_of_it(reader: Reader, asked: Asked) -> None:
    found = {row.session_id: row for row in every_session(reader, asked, Selection(value="pro"))}
    row = found["a.b.c"]
    assert (row.furthest, row.steps, row.outcome, row.value) == ("A", 1, "left", "pro")
    assert row.entered_at == row.furthest_at == dt.datetime(2024, 1, 10, 0, 0, tzinfo=dt.UTC)


def test_one_session_has_the_chain_that_counts(reader: Reader, asked: Asked) -> None:
    for row in every_session(reader, asked, Selection()):
        chain = chain_of(reader, asked, row.session_id)
        assert chain is not None
        assert (chain.row.outcome, chain.row.entered_at) == (row.outcome, row.entered_at)
        assert chain.taken_at[0] == row.entered_at
    skipped = chain_of(reader, asked, "ÿ")
    assert skipped is not None
    assert chain_of(reader, asked, "nobody") is None


@pytest.mark.parametrize(
    ("selection", "field"),
    [({"stopped": 4}, "stopped"), ({"reached": -1}, "reached"), ({"bin": 999, "bins": "week"}, "bin")],
)
def test_what_the_funnel_does_not_have_cannot_be_selected(
    reader: Reader, asked: Asked, selection: dict[str, Any], field: str
) -> None:
    days = Question.of_days(dt.date(2024, 1, 10), dt.date(2024, 1, 18))
    asked = replace(asked, question=days)
    with pytest.raises(InvalidQuery) as refused:
        count_sessions(reader, asked, Selection(**selection))
    assert refused.value.field == field


def test_a_value_without_a_breakdown_is_refused_instead_of_ignored(reader: Reader, asked: Asked) -> None:
    asked = replace(asked, question=replace(asked.question, breakdown=()))
    with pytest.raises(InvalidQuery, match="needs a breakdown"):
        count_sessions(reader, asked, Selection(value="pro"))


@pytest.mark.parametrize("after", ["", "x", "2024-01-10.0", "2024-13-10.0.0.a", "2024-01-10.a.0.b"])
def test_only_the_end_of_a_page_is_a_key(reader: Reader, asked: Asked, after: str) -> None:
    if not after:
        assert listed_sessions(reader, asked, Selection(), after=after).sessions
        return
    with pytest.raises(InvalidQuery, match="not the end of a page"):
        listed_sessions(reader, asked, Selection(), after=after)


def test_a_lost_file_is_said_with_the_way_to_mend_it(
    engine: Engine, store: EventStore, asked: Asked, tmp_path: Any
) -> None:
    for path in tmp_path.glob("events/**/*.parquet"):
        path.unlink()
    with pytest.raises(StoreUnavailable, match="--rebuild"):
        count_sessions(Reader(engine, store), asked, Selection())
