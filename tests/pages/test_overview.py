"""The Overview: the default page, with the last 24 hours and what to do next."""

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html import unescape
from urllib.parse import parse_qsl, urlsplit

import pytest

import analytics
from analytics import definitions
from analytics.funnels import Step
from infra.access.roles import Role
from tests.dlq import builders
from tests.pages.conftest import SIGN_UP

pytestmark = pytest.mark.servers

LINK = re.compile('href="(/sessions[^"]+)"')


@pytest.fixture
def today(world):
    """Forty visited an hour ago, ten of whom paid; one has just done something else."""
    world.funnel()
    begin = datetime.now(UTC) - timedelta(hours=1)
    with world.engine.begin() as connection:
        for number in range(40):
            for nth, name in enumerate(("visited", "signed up", "paid") if number < 10 else ("visited",)):
                analytics.record(
                    connection,
                    session_id=f"s{number}",
                    name=name,
                    occurred_at=begin + timedelta(minutes=nth),
                )
        analytics.record(connection, session_id="s20", name="read", occurred_at=begin + timedelta(minutes=50))
    world.sync()
    return world


def numbers(app):
    assert not app.exception, app.exception
    return {metric.label: metric.value for metric in app.metric}


def test_it_is_the_first_page_and_counts_the_last_24_hours(today):
    app = today.open(Role.VIEWER)
    assert app.title[0].value == "Overview"
    assert numbers(app) == {
        "Entered in 24 hours": "40",
        "Active now": "1",
        "Completed so far": "25.0%",
        "Blocked": "0",
    }


def test_blocked_sessions_lead_to_the_dead_letters_for_who_may_read_them(today, shown):
    builders.fail(today.engine, builders.envelope(session_id="s30"), builders.failure(after_seconds=1 << 30))
    operator, viewer = today.open(Role.OPERATOR), today.open(Role.VIEWER)
    assert numbers(operator)["Blocked"] == numbers(viewer)["Blocked"] == "1"
    links = [[link.proto.label for link in app.get("page_link")] for app in (operator, viewer)]
    assert links == [["Open the dead letters", "All recommendations"], ["All recommendations"]]
    assert all(
        "1 session waits behind a task of ours that failed" in shown(app) for app in (operator, viewer)
    )


def test_a_stage_opens_the_sessions_it_counts_for_who_may_see_sessions(today, shown):
    analyst, viewer = shown(today.open(Role.ANALYST)), shown(today.open(Role.VIEWER))
    assert "/sessions?" not in viewer
    found = [dict(parse_qsl(urlsplit(unescape(link)).query)) for link in LINK.findall(analyst)]
    (left,) = (query for query in found if (query.get("stopped"), query.get("outcome")) == ("0", "open"))
    opened = today.open(Role.ANALYST, "sessions.py", **left)
    assert "30 sessions" in [title.value for title in opened.title]


def test_without_a_session_for_a_day_it_says_when_the_last_one_was(world, shown):
    world.funnel()
    world.session("old", "visited")
    world.sync()
    app = world.open(Role.VIEWER)
    assert "The last sessions of Sign-up entered on 2 Mar 2026" in shown(app)
    assert "Nothing is supported by the data of these days" in shown(app)
    assert numbers(app) == {}
    assert "Open the funnel over those days" in [link.proto.label for link in app.get("page_link")]


def test_the_funnel_that_was_entered_last_is_shown_first(today):
    steps = (Step(("registered",), "Registered"), *SIGN_UP.steps[1:])
    definitions.save(today.engine, replace(SIGN_UP, name="a", title="A flow", steps=steps), by="ada")
    today.session("old", "registered", "signed up")
    today.sync()
    assert today.open(Role.VIEWER).selectbox(key="funnel").value == "Sign-up"
    assert today.open(Role.VIEWER, funnel="A flow").selectbox(key="funnel").value == "A flow"


def test_no_definition_no_events_and_a_lost_store_are_said(world, shown):
    assert "No funnel is defined yet" in shown(world.open(Role.VIEWER))
    world.funnel()
    assert "Nobody has entered Sign-up so far" in shown(world.open(Role.VIEWER))
    world.session("a", "visited")
    world.sync()
    world.lose_the_store()
    assert "The overview could not be shown" in shown(world.open(Role.VIEWER))


def test_a_new_user_is_led_to_the_funnel_of_their_own_events(world, shown):
    world.funnel()
    assert "python -m analytics import FILE" in shown(world.open(Role.ADMIN))
    world.session("a", "basket", "till")
    world.sync()
    app = world.open(Role.ADMIN)
    assert "Other events have been: basket, till. Define a funnel of them." in shown(app)
    assert "Settings" in [title.value for title in app.button(key="define_funnel").click().run().title]


def test_only_those_who_may_define_a_funnel_are_led_there(world, shown):
    world.session("a", "basket")
    world.sync()
    app = world.open(Role.VIEWER, "funnel.py")
    assert "Someone who may change the settings can define one" in shown(app)
    assert not [button for button in app.button if button.key == "define_funnel"]
