"""Versions of definitions: kept, told apart, and never saved over by accident."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from analytics import definitions
from analytics.changes import changes, matched_steps
from analytics.conditions import Condition
from analytics.definition_json import from_json
from analytics.definitions import SavedFunnel
from analytics.errors import NewerVersion, UnknownVersion
from analytics.funnels import Dimension, Exclusion, FunnelDefinition, Step

pytestmark = pytest.mark.servers

FIRST = FunnelDefinition.parse("A,B", name="f")
SECOND = FunnelDefinition.parse("A,B,C", name="f")


def add(engine: Engine, definition: FunnelDefinition, *, over: int, by: str = "ana") -> SavedFunnel:
    with engine.begin() as connection:
        return definitions.add_version(connection, definition, over=over, by=by)


def archive(engine: Engine, name: str) -> bool:
    with engine.begin() as connection:
        return definitions.archive(connection, name, by="ana")


def offered(engine: Engine) -> list[str]:
    return [saved.definition.name for saved in definitions.all_latest(engine)]


def test_versions_are_listed_newest_first_and_read_one_by_one(engine: Engine) -> None:
    add(engine, FIRST, over=0)
    add(engine, SECOND, over=1, by="ben")
    found = definitions.versions(engine, "f")
    assert [(saved.version, saved.saved_by, saved.definition) for saved in found] == [
        (2, "ben", SECOND),
        (1, "ana", FIRST),
    ]
    assert definitions.version(engine, "f", 1).definition == FIRST


def test_a_version_that_is_not_there_is_named(engine: Engine) -> None:
    add(engine, FIRST, over=0)
    with pytest.raises(UnknownVersion, match="'f' has no version 2"):
        definitions.version(engine, "f", 2)


def test_the_second_of_two_who_save_over_the_same_version_is_refused(engine: Engine) -> None:
    add(engine, FIRST, over=0)
    add(engine, SECOND, over=1)
    with pytest.raises(NewerVersion, match="saved by somebody else since version 1"):
        add(engine, FIRST, over=1)
    assert definitions.latest(engine, "f").definition == SECOND
    assert add(engine, FIRST, over=2).version == 3


def test_no_version_is_left_out(engine: Engine) -> None:
    add(engine, FIRST, over=0)
    with pytest.raises(NewerVersion):
        add(engine, SECOND, over=2)
    assert [saved.version for saved in definitions.versions(engine, "f")] == [1]


def test_a_new_funnel_cannot_take_a_name_that_is_taken(engine: Engine) -> None:
    add(engine, FIRST, over=0)
    with pytest.raises(NewerVersion, match="a funnel is called 'f' already"):
        add(engine, SECOND, over=0)


def test_of_those_who_save_at_the_same_moment_one_succeeds(engine: Engine) -> None:
    def attempt(by: int) -> bool:
        try:
            add(engine, FIRST, over=0, by=str(by))
        except NewerVersion:
            return False
        return True

    with ThreadPoolExecutor(4) as people:
        assert sorted(people.map(attempt, range(4))) == [False, False, False, True]
    assert len(definitions.versions(engine, "f")) == 1


def test_an_archived_funnel_is_not_offered_but_keeps_its_versions(engine: Engine) -> None:
    add(engine, FIRST, over=0)
    add(engine, FunnelDefinition.parse("X,Y", name="g"), over=0)
    assert archive(engine, "f")
    assert not archive(engine, "f")
    assert offered(engine) == ["g"]
    assert [saved.definition for saved in definitions.all_latest(engine, archived=True)] == [FIRST]
    assert definitions.latest(engine, "f").definition == FIRST


def test_what_ships_is_not_brought_back_at_the_next_start(engine: Engine) -> None:
    definitions.ensure(engine, FIRST, by="start")
    archive(engine, "f")
    definitions.ensure(engine, FIRST, by="start")
    assert offered(engine) == []


def test_an_archived_funnel_comes_back_by_itself_when_saved_and_when_asked(engine: Engine) -> None:
    add(engine, FIRST, over=0)
    archive(engine, "f")
    add(engine, SECOND, over=1)
    assert offered(engine) == ["f"]
    archive(engine, "f")
    with engine.begin() as connection:
        assert definitions.unarchive(connection, "f")
        assert not definitions.unarchive(connection, "f")
    assert offered(engine) == ["f"]


SIGN_UP = FunnelDefinition(
    name="sign-up",
    title="Sign-up",
    steps=(Step(("visit",), "Visited"), Step(("sign",), "Signed up"), Step(("pay",), "Paid")),
)


def test_equal_definitions_differ_in_nothing() -> None:
    assert changes(SIGN_UP, SIGN_UP) == []


def test_each_difference_is_one_sentence() -> None:
    visit, sign, pay = SIGN_UP.steps
    after = replace(
        SIGN_UP,
        title="Registration",
        order="strict",
        window_seconds=30 * 86400,
        steps=(
            replace(visit, label="Came"),
            replace(sign, events=("sign", "join"), where=(Condition("plan", "in", ("pro", "team")),)),
            Step(("verify",), "Verified", optional=True),
            pay,
        ),
        exclusions=(Exclusion(("refund",), 0, 3, (Condition("amount", "at_least", ("5",)),)),),
        dimensions=(Dimension("amount", "Amount", (10, 5000)),),
    )
    assert changes(SIGN_UP, after) == [
        "Title: Sign-up → Registration",
        "Order: ordered → strict",
        "Window: 14d → 30d",
        "Label of step 1: Visited → Came",
        "Step 2, Signed up: sign → sign or join, where plan is pro or team",
        "Step 3 added: Verified (verify; optional)",
        "Exclusion added: refund between Came and Paid, where amount is at least 5",
        "Dimension added: Amount (amount), in bands at 10, 5,000",
    ]
    assert "Step 3 removed: Verified" in changes(after, SIGN_UP)
    assert "Dimension removed: Amount (amount), in bands at 10, 5,000" in changes(after, SIGN_UP)


def test_a_moved_step_is_moved_and_not_another_one() -> None:
    visit, sign, pay = SIGN_UP.steps
    after = replace(SIGN_UP, steps=(visit, pay, sign))
    assert changes(SIGN_UP, after) == ["Steps in another order: Visited, Paid, Signed up"]


def test_steps_are_matched_whole_then_by_label_then_by_events() -> None:
    before = FunnelDefinition.parse("A,B,C,D").steps
    renamed, changed = replace(before[1], label="Bee"), replace(before[2], events=("see",))
    assert matched_steps((changed, before[0], renamed), before) == [(0, 2), (1, 0), (2, 1), (None, 3)]


def test_a_saved_body_reads_back_as_it_was(engine: Engine) -> None:
    body = {
        "name": "f",
        "steps": [{"events": ["A"], "where": {"plan": ["pro", "team"]}}, {"events": None, "label": "Any"}],
        "exclusions": [{"events": ["X"], "from": 0, "to": 1}],
    }
    definition = from_json(body)
    assert add(engine, definition, over=0).definition == definition
