"""The cards of conversion over time and of the time to convert."""

import pytest
from streamlit.testing.v1 import AppTest

from pages._plot import stairs

pytestmark = pytest.mark.servers


def cards() -> None:
    from datetime import timedelta

    from analytics.question import Question
    from infra.access.roles import Person, Role
    from pages import _trend_cards
    from tests.pages.conftest import NOON, SIGN_UP

    question = Question.of_days(NOON.date(), (NOON + timedelta(days=2)).date())
    person = Person("ada", Role.VIEWER)
    _trend_cards.trend(person, SIGN_UP, question)
    _trend_cards.time_to_convert(person, SIGN_UP, question)


@pytest.fixture
def app(world):
    world.funnel()
    world.session("a", "visited", "signed up", "paid")
    world.session("b", "visited", "signed up", "paid", minutes=3)
    world.session("c", "visited", days=1)
    world.sync()
    return AppTest.from_function(cards, default_timeout=30).run()


def test_the_trend_has_a_point_for_each_day(app):
    table = app.dataframe[0].value
    assert list(table["entered"]) == [2, 1, 0]
    assert list(table["settled"])[:2] == [1, 0]


def test_weeks_are_one_click_away(app):
    app.segmented_control(key="trend_per").set_value("Weeks").run()
    assert list(app.dataframe[0].value["entered"]) == [3]


def test_times_are_from_entry_to_the_last_step_unless_chosen_otherwise(app, shown):
    assert "the average of 2 sessions is 4m." in shown(app)
    app.selectbox(key="time_to").set_value(1).run()
    assert "the average of 2 sessions is 2m." in shown(app)


def test_steps_that_nobody_made_both_are_said(world, shown):
    world.funnel()
    world.session("a", "visited")
    world.sync()
    assert "Nobody made both steps" in shown(AppTest.from_function(cards, default_timeout=30).run())


def test_a_card_that_cannot_be_counted_says_so(world, shown):
    world.funnel()
    world.session("a", "visited")
    world.sync()
    world.lose_the_store()
    assert "The trend could not be shown" in shown(AppTest.from_function(cards, default_timeout=30).run())


def test_stairs_keep_their_height_up_to_the_next_point():
    assert stairs([(0, 0), (0.5, 0.2), (1, 0.4)]) == [(0, 0), (0.5, 0), (0.5, 0.2), (1, 0.2), (1, 0.4)]
