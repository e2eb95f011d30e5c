"""The engine against its slow twin, on small random worlds: both must say the same, number by number."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.analytics.histories import ORDERS, Asked, asked
from tests.counted import Answer, asked_of_engine, asked_of_twin

#: The same worlds in every run.
fixed = settings(deadline=None, derandomize=True, database=None)


def examples(number: int) -> settings:
    return settings(fixed, max_examples=number)


@examples(400)
@given(asked("ordered", most_events=10))
def test_ordered(world: Asked) -> None:
    _check_agreement(world)


@examples(300)
@given(asked("ordered", tied=False, most_events=7))
def test_ordered_without_ties(world: Asked) -> None:
    _check_agreement(world)


@examples(300)
@given(st.integers(3, 9).flatmap(lambda most: asked("ordered", apart=True, most_events=most)))
def test_ordered_with_steps_that_share_no_event(world: Asked) -> None:
    _check_agreement(world)


@examples(400)
@given(asked("ordered", optional=True))
def test_optional_steps(world: Asked) -> None:
    _check_agreement(world)


@examples(600)
@given(st.booleans().flatmap(lambda optional: asked("ordered", excluding=True, optional=optional)))
def test_exclusions(world: Asked) -> None:
    _check_agreement(world)


@examples(400)
@given(st.booleans().flatmap(lambda optional: asked("strict", excluding=True, optional=optional)))
def test_strict(world: Asked) -> None:
    _check_agreement(world)


@examples(500)
@given(st.booleans().flatmap(lambda excluding: asked("unordered", excluding=excluding)))
def test_unordered(world: Asked) -> None:
    _check_agreement(world)


@examples(400)
@given(st.sampled_from(ORDERS).flatmap(lambda order: asked(order, excluding=True, filtered=True)))
def test_filters_on_steps_exclusions_events_and_sessions(world: Asked) -> None:
    _check_agreement(world)


@examples(500)
@given(
    st.sampled_from(ORDERS).flatmap(
        lambda order: asked(order, optional=True, filtered=True, broken_down=True, sessions=3)
    )
)
def test_breakdowns_and_the_row_of_all_others(world: Asked) -> None:
    _check_agreement(world)


@examples(200)
@given(
    st.sampled_from(ORDERS).flatmap(
        lambda order: asked(order, excluding=True, broken_down=True, most_events=12, sessions=3)
    ),
    st.integers(2, 4),
)
def test_tallies_of_partitions_add_up_to_that_of_all(world: Asked, parts: int) -> None:
    whole, split = _engine(world), _engine(world, parts=parts)
    assert split == whole
    for row, other in zip(split.rows.values(), whole.rows.values(), strict=True):
        assert row.gap_medians_ms == other.gap_medians_ms


def _check_agreement(world: Asked) -> None:
    engine = _engine(world)
    twin = asked_of_twin(world.definition, world.question, world.events, now=world.now, blocked=world.blocked)
    assert engine == twin
    for value, row in engine.rows.items():
        for found, exact in zip(row.gap_medians_ms, twin.rows[value].gap_medians_ms, strict=True):
            assert found == (exact if exact is None else pytest.approx(exact, rel=0.01))


def _engine(world: Asked, parts: int = 1) -> Answer:
    return asked_of_engine(
        world.definition, world.question, world.events, now=world.now, blocked=world.blocked, parts=parts
    )
