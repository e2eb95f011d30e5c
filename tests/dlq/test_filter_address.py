from dataclasses import fields
from datetime import UTC, datetime

import pytest

from dlq.errors import BadFilter
from dlq.filter_address import from_pairs, to_pairs
from dlq.letters import Kind, Status
from dlq.queries import LetterFilter

FULL = LetterFilter(
    status=(Status.DEAD, Status.POISONED),
    kind=(Kind.EXCEPTION,),
    task_name="shop.pay",
    exception_type="ValueError",
    queue="celery",
    category="bug",
    fingerprint="f1",
    session_id="s 1&2",
    task_id="t1",
    client_id="c1",
    operation_id=7,
    priority=0,
    clients=("c1", "c2"),
    text="no such = plan",
    failed_from=datetime(2026, 3, 1, tzinfo=UTC),
    failed_to=datetime(2026, 3, 2, tzinfo=UTC),
)


def test_a_filter_comes_back_from_its_address():
    assert from_pairs(to_pairs(FULL)) == FULL


@pytest.mark.parametrize("name", [field.name for field in fields(LetterFilter) if field.name != "clients"])
def test_every_field_of_the_filter_is_in_the_address(name):
    changed = getattr(FULL, name)
    assert {pair[0] for pair in to_pairs(LetterFilter(**{name: changed}))} == {name}


def test_what_narrows_nothing_is_left_out():
    assert to_pairs(LetterFilter()) == []
    assert from_pairs([("text", "  "), ("page", "2")]) == LetterFilter()


def test_a_moment_without_an_offset_is_utc():
    assert from_pairs([("failed_from", "2026-03-01")]).failed_from == datetime(2026, 3, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "pair",
    [
        ("status", "lost"),
        ("kind", ""),
        ("failed_to", "yesterday"),
        ("operation_id", "-7"),
        ("priority", "high"),
    ],
)
def test_a_value_that_is_not_known_is_named(pair):
    with pytest.raises(BadFilter, match=f"^{pair[0]} cannot be '{pair[1]}': it must be"):
        from_pairs([pair])
