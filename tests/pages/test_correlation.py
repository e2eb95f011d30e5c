"""The Correlation page: one number, the events, the small-sample rule, the failure."""

import pytest

from infra.access.roles import Role

pytestmark = pytest.mark.servers

PAGE = "correlation.py"


@pytest.fixture
def phones_pay(world):
    world.funnel()
    for number in range(40):
        world.session(f"p{number}", "visited", "asked", "signed up", "paid", device="phone")
        world.session(f"d{number}", "visited", device="desktop")
    world.sync()
    return world


def test_a_value_is_shown_with_both_rates_and_what_it_goes_with(phones_pay, shown):
    text = shown(phones_pay.open(Role.VIEWER, PAGE))
    assert "100.0%<small>40 of 40</small>" in text
    assert "0.0%<small>0 of 40</small>" in text
    assert "Goes most with leaving:" in text
    assert "Device: desktop; 0.0% of 40 sessions with it converted" in text
    assert "does not make them the cause" in text


def test_events_are_compared_when_the_address_says_so(phones_pay, shown):
    text = shown(phones_pay.open(Role.VIEWER, PAGE, kind="Events"))
    assert '<th scope="row">asked</th>' in text
    assert "who thereby had more time for it" in text
    assert '<th scope="row">visited</th>' not in text


def test_few_sessions_are_too_few_to_tell(world, shown):
    world.funnel()
    world.session("a", "visited", "signed up", "paid")
    world.session("b", "visited", device="desktop")
    world.sync()
    assert "Too few sessions to tell what goes with" in shown(world.open(Role.VIEWER, PAGE))


def test_the_sessions_are_linked_for_who_may_see_them(phones_pay, shown):
    assert 'href="/sessions?' in shown(phones_pay.open(Role.ANALYST, PAGE))
    assert 'href="/sessions?' not in shown(phones_pay.open(Role.VIEWER, PAGE))


def test_a_lost_store_is_said(phones_pay, shown):
    phones_pay.lose_the_store()
    assert "The correlation could not be shown" in shown(phones_pay.open(Role.VIEWER, PAGE))
