"""What both sides of a preview count."""

from dataclasses import replace

import pytest

from analytics.funnels import FunnelDefinition
from infra.access.roles import Person, Role
from recovery.dashboard import dashboard
from recovery.definitions import preview
from tests.pages.conftest import NOON, SIGN_UP, World

pytestmark = pytest.mark.servers

ADMIN = Person("ada", Role.ADMIN)


def test_both_sides_count_the_newest_days_of_the_draft(world: World) -> None:
    world.session("old", "visited", "signed up", "paid")
    world.session("first", "visited", days=30)
    world.session("last", "visited", "signed up", days=57)
    world.sync()
    draft = replace(SIGN_UP, steps=SIGN_UP.steps[:2])
    found = preview(dashboard().funnels, ADMIN, draft, SIGN_UP, now=NOON)
    assert found is not None
    assert found.saved is not None
    assert [found.draft.entered, found.draft.converted, found.saved.converted] == [2, 1, 0]
    labels = [
        (row.draft and row.draft.label, row.saved and row.saved.label, row.draft and row.draft.reached)
        for row in found.rows
    ]
    assert labels == [("Visited", "Visited", 2), ("Signed up", "Signed up", 1), (None, "Paid", None)]


def test_a_first_step_that_never_happened_has_no_preview(world: World) -> None:
    world.session("a", "visited")
    world.sync()
    assert preview(dashboard().funnels, ADMIN, FunnelDefinition.parse("x,y"), None, now=NOON) is None


def test_a_funnel_that_any_event_begins_has_one(world: World) -> None:
    world.session("a", "visited", "paid")
    world.sync()
    found = preview(dashboard().funnels, ADMIN, FunnelDefinition.parse("*,paid"), None, now=NOON)
    assert found is not None
    assert (found.draft.entered, found.draft.converted) == (1, 1)
