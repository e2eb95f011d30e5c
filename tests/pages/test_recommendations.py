"""The Recommendations page: what it recommends, what it says without any, and who may follow which link."""

from datetime import timedelta

import pytest

import analytics
from infra.access.roles import Role
from tests.dlq import builders
from tests.pages.conftest import NOON

pytestmark = pytest.mark.servers

PAGE = "recommendations.py"


@pytest.fixture
def lagging(world):
    """Of 120 on a desktop 30 sign up, of 120 on a phone 90; who signs up pays."""
    world.funnel()
    with world.engine.begin() as connection:
        for device, signed_up in (("desktop", 30), ("phone", 90)):
            for number in range(120):
                names = ("visited", "signed up", "paid") if number < signed_up else ("visited",)
                for nth, name in enumerate(names):
                    analytics.record(
                        connection,
                        session_id=f"{device} {number}",
                        name=name,
                        occurred_at=NOON + timedelta(minutes=nth),
                        properties={"device": device},
                    )
    world.sync()
    return world


def test_a_recommendation_says_its_worth_its_evidence_and_what_to_do(lagging, shown):
    text = shown(lagging.open(Role.VIEWER, PAGE))
    assert "Device desktop: too few go on from Visited to Signed up" in text
    assert "30 of 120 (25.0%, 95% interval 18.1 to 33.4%) went on from Visited to Signed up" in text
    assert '<span class="pri critical">Critical</span>' in text
    # In one week: 120 sessions, of which 75 % instead of 25 % would sign up, and all who do pay.
    assert "<b>+60</b> a week" in text
    assert "Go from Visited to Signed up yourself as Device desktop" in text


def test_a_priority_in_the_address_narrows_the_list(lagging, shown):
    assert "Nothing of low priority" in shown(lagging.open(Role.VIEWER, PAGE, priority="Low"))


def test_only_who_may_see_sessions_gets_their_link(lagging, shown):
    assert "Open those who left" in shown(lagging.open(Role.ANALYST, PAGE))
    assert "Open those who left" not in shown(lagging.open(Role.VIEWER, PAGE))


def test_the_dead_letters_are_linked_for_who_may_read_them(lagging, shown):
    for number in range(90, 120):
        builders.fail(
            lagging.engine,
            builders.envelope(task_id=f"t{number}", session_id=f"phone {number}"),
            builders.failure(after_seconds=86400 * 3),
        )
    operator, viewer = (shown(lagging.open(role, PAGE)) for role in (Role.OPERATOR, Role.VIEWER))
    assert "30 sessions wait at Visited" in operator
    assert 'href="/dead-letters"' in operator
    assert "30 sessions wait at Visited" in viewer
    assert 'href="/dead-letters"' not in viewer


def test_without_support_nothing_is_recommended_and_the_page_says_why(world, shown):
    world.funnel()
    world.session("a", "visited", "signed up", "paid")
    world.sync()
    text = shown(world.open(Role.VIEWER, PAGE))
    assert "Nothing is supported by these days" in text
    assert "Too few sessions to tell" in text


def test_a_lost_store_is_said(lagging, shown):
    lagging.lose_the_store()
    assert "The recommendations could not be shown" in shown(lagging.open(Role.VIEWER, PAGE))


def test_names_from_outside_are_text_and_not_markup(world, shown):
    world.funnel()
    for number in range(80):
        names = ("visited", "signed up", "paid") if number % 2 else ("visited",)
        world.session(f"s{number}", *names, device="phone" if number % 2 else "<img src=x>")
    world.sync()
    text = shown(world.open(Role.VIEWER, PAGE))
    assert "&lt;img src=x&gt;" in text
    assert "<img src=x>" not in text
