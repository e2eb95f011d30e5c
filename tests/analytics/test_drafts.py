"""A definition being edited: what each edit does, and what is wrong with it until it is whole."""

from dataclasses import replace

import pytest

from analytics.conditions import Condition
from analytics.definition_json import from_json, to_json
from analytics.drafts import Draft, DraftCondition, DraftDimension, DraftStep, Problem, name_of
from analytics.funnels import Dimension, Exclusion, FunnelDefinition, Step

WHOLE = FunnelDefinition(
    name="sign-up",
    title="Sign-up",
    window_seconds=36 * 3600,
    steps=(
        Step(("visit",), "visit"),
        Step((), "Anything", (Condition("plan", "in", ("pro", "team")), Condition("plan", "is_set"))),
        Step(("pay", "pay later"), "Paid", (Condition("amount", "at_least", ("5",)),), optional=True),
    ),
    exclusions=(Exclusion(("refund",), 0, 2, (Condition("reason", "contains", ("x",)),)),),
    dimensions=(Dimension("amount", "Amount", (0.5, 5000)), Dimension("plan", "plan")),
)


def two_steps() -> Draft:
    return Draft(title="F", steps=(DraftStep(("A",)), DraftStep(("B",))))


def problem(draft: Draft) -> Problem:
    found = draft.check()
    assert isinstance(found, Problem)
    return found


def events(draft: Draft) -> list[tuple[str, ...]]:
    return [step.events for step in draft.steps]


def test_a_draft_of_a_definition_says_the_same() -> None:
    assert Draft.of(WHOLE, 3).check() == WHOLE
    assert from_json(Draft.of(WHOLE).body()) == WHOLE
    assert Draft.of(WHOLE, 3).body() == to_json(WHOLE)


def test_a_window_is_shown_in_the_largest_unit_that_fits() -> None:
    draft = Draft.of(WHOLE)
    assert (draft.window, draft.window_unit) == (36, "hours")


@pytest.mark.parametrize(
    ("title", "name"), [("Loan application", "loan-application"), (" Größe: 2_x! ", "größe-2-x"), ("!", "")]
)
def test_the_title_makes_the_name_of_a_new_funnel(title: str, name: str) -> None:
    assert name_of(title) == name
    assert Draft(title=title).name == name


def test_the_name_of_a_saved_funnel_stays() -> None:
    draft = replace(Draft.of(WHOLE, 1), title="Another", typed_name="another")
    assert draft.name == "sign-up"


def test_a_copy_keeps_a_name_that_the_title_does_not_make() -> None:
    assert Draft.of(replace(WHOLE, name="s1")).name == "s1"


@pytest.mark.parametrize(
    ("draft", "field", "text"),
    [
        (Draft(), "steps[0].events", "names no event"),
        (replace(two_steps(), title=" "), "name", "is empty"),
        (replace(two_steps(), steps=(DraftStep(("A",)), DraftStep())), "steps[1].events", "names no event"),
        (replace(two_steps(), window=0), "window_seconds", "not between"),
        (
            replace(two_steps(), dimensions=(DraftDimension("x", bands="1, inf"),)),
            "dimensions[0].bands",
            "inf",
        ),
        (
            replace(two_steps(), dimensions=(DraftDimension("x", bands="a"),)),
            "dimensions[0].bands",
            "numbers",
        ),
    ],
)
def test_what_is_wrong_is_named_with_its_field(draft: Draft, field: str, text: str) -> None:
    found = problem(draft)
    assert found.field == field
    assert text in found.text


def test_a_problem_belongs_to_its_part_alone() -> None:
    found = Problem("steps[1].where.plan", "is empty")
    assert found.is_of("steps[1]")
    assert found.is_of("steps[1].where")
    assert not found.is_of("steps[10]")
    assert not Problem("steps[10].events", "").is_of("steps[1]")


def test_a_filter_without_a_value_is_a_problem_of_its_step() -> None:
    step = DraftStep(("A",), where=(DraftCondition("plan"),))
    assert problem(replace(two_steps(), steps=(step, DraftStep(("B",))))).field == "steps[0].where.plan"


def test_a_filter_that_takes_no_value_forgets_the_one_it_had() -> None:
    step = DraftStep(("A",), where=(DraftCondition("plan", "is_set", ("pro",)),))
    definition = replace(two_steps(), steps=(step, DraftStep(("B",)))).definition()
    assert definition.steps[0].where == (Condition("plan", "is_set"),)


def test_steps_move_and_stay_within_the_list() -> None:
    draft = Draft(steps=(DraftStep(("A",)), DraftStep(("B",)), DraftStep(("C",))))
    last = draft.steps[2].key
    assert events(draft.with_step_moved(last, -1)) == [("A",), ("C",), ("B",)]
    assert events(draft.with_step_moved(draft.steps[0].key, -1)) == [("A",), ("B",), ("C",)]
    assert events(draft.with_step_moved(last, 1)) == [("A",), ("B",), ("C",)]
    assert events(draft.with_step_moved(draft.steps[0].key, 2)) == [("B",), ("C",), ("A",)]


def test_an_exclusion_stays_with_its_steps_when_they_move() -> None:
    draft = Draft.of(WHOLE)
    moved = draft.with_step_moved(draft.steps[1].key, -1)
    assert [(one["from"], one["to"]) for one in moved.body()["exclusions"]] == [(1, 2)]


@pytest.mark.parametrize(("removed", "between"), [(0, (0, 1)), (1, (0, 1)), (2, (0, 1))])
def test_an_exclusion_goes_to_the_neighbour_of_a_removed_step(removed: int, between: tuple[int, int]) -> None:
    draft = Draft.of(WHOLE)
    left = draft.without_step(draft.steps[removed].key).body()["exclusions"][0]
    assert (left["from"], left["to"]) == between


def test_rows_are_added_and_removed() -> None:
    draft = two_steps().with_step().with_exclusion().with_dimension()
    assert [len(rows) for rows in (draft.steps, draft.exclusions, draft.dimensions)] == [3, 1, 1]
    body = draft.body()["exclusions"][0]
    assert (body["from"], body["to"]) == (0, 2)
    draft = draft.with_condition(draft.steps[0].key).with_condition(draft.exclusions[0].key)
    assert [len(draft.steps[0].where), len(draft.exclusions[0].where)] == [1, 1]
    draft = draft.without_condition(draft.steps[0].key, draft.steps[0].where[0].key)
    draft = draft.without_exclusion(draft.exclusions[0].key).without_dimension(draft.dimensions[0].key)
    assert (draft.steps[0].where, draft.exclusions, draft.dimensions) == ((), (), ())


def test_a_draft_differs_once_something_would_be_lost() -> None:
    draft = Draft.of(WHOLE, 1)
    assert not draft.differs_from(WHOLE)
    assert replace(draft, title="x").differs_from(WHOLE)
    assert draft.with_step().differs_from(WHOLE)
    assert not Draft().differs_from(None)
    assert Draft(title="x").differs_from(None)


def test_keys_tell_every_row_and_every_beginning_apart() -> None:
    one, other = Draft.of(WHOLE), Draft.of(WHOLE)
    keys = [row.key for draft in (one, other) for row in (*draft.steps, *draft.exclusions, *draft.dimensions)]
    assert len({*keys, one.key, other.key}) == len(keys) + 2
