import pytest

from infra.access.roles import Role
from tests.dlq import builders

pytestmark = pytest.mark.servers

PAGE = "heatmap.py"
LATE = builders.failure(after_seconds=86400 * 3)


@pytest.fixture
def four_sessions(world):
    world.funnel()
    world.session("a", "visited", "signed up", "paid")
    world.session("b", "visited", "signed up", device="desktop")
    world.session("c", "visited")
    world.session("d", "visited", "looked around")
    world.sync()
    builders.fail(world.engine, builders.envelope(session_id="b"), LATE)
    return world


def numbers(app):
    assert not app.exception, app.exception
    return {metric.label: metric.value for metric in app.metric}


def test_the_page_counts_who_left_and_who_is_blocked(four_sessions, shown):
    app = four_sessions.open(Role.ANALYST, PAGE)
    assert numbers(app) == {"Incomplete": "3", "Left": "2", "Blocked": "1", "Still open": "0"}
    text = shown(app)
    assert "Most drop off after Visited:</b> 2 of 3" in text
    assert "Left after Visited without a further event" in text


def test_a_cell_leads_to_its_sessions(four_sessions, shown):
    text = shown(four_sessions.open(Role.ANALYST, PAGE))
    assert 'bin=12&amp;outcome=gone&amp;bins=hour_of_week">3</a>' in text
    assert "stopped=1&amp;outcome=gone&amp;value=desktop" in text
    assert "outcome=blocked&amp;pattern=" in text


def test_a_viewer_sees_the_numbers_and_no_way_in(four_sessions, shown):
    app = four_sessions.open(Role.VIEWER, PAGE)
    assert numbers(app)["Incomplete"] == "3"
    assert "/sessions?" not in shown(app)


def test_one_stage_can_be_looked_at(four_sessions, shown):
    text = shown(four_sessions.open(Role.ANALYST, PAGE, stage="Visited"))
    assert 'stopped=0&amp;bin=12&amp;outcome=gone&amp;bins=hour_of_week">2</a>' in text


def test_hours_are_those_of_the_zone_that_was_chosen(four_sessions, shown):
    app = four_sessions.open(Role.ANALYST, PAGE)
    app.selectbox(key="zone").set_value("Asia/Tokyo").run()
    text = shown(app)
    assert "time_zone=Asia%2FTokyo&amp;breakdown=device&amp;bin=21&amp;" in text  # 12:00 UTC is 21:00 there


def test_the_table_holds_every_cell_of_the_maps(four_sessions):
    table = four_sessions.open(Role.ANALYST, PAGE).dataframe[0].value
    everybody = table[table["map"] == "all"]
    assert list(everybody["dropped"]) == [2, 1]
    by_hour = table[table["map"] == "hour_of_week"]
    assert len(by_hour) == 2 * 168
    assert by_hour["dropped"].sum() == 3


def test_without_events_the_page_names_the_first_step(world, shown):
    world.funnel()
    assert "begins with visited, which has not been seen" in shown(world.open(Role.VIEWER, PAGE))


def test_filters_that_nobody_passes_offer_the_way_out(four_sessions, shown):
    four_sessions.session("much later", "visited", days=100, device="phone")
    four_sessions.sync()
    app = four_sessions.open(Role.VIEWER, PAGE)
    app.selectbox(key="where").set_value("Device").run()
    app.multiselect(key="is_device").set_value(["desktop"]).run()
    assert "Nobody entered with these filters" in shown(app)


def test_a_lost_store_is_said_with_the_way_to_mend_it(four_sessions, shown):
    four_sessions.lose_the_store()
    text = shown(four_sessions.open(Role.VIEWER, PAGE))
    assert "The drop-offs could not be shown" in text
    assert "python -m analytics sync --rebuild" in text


def test_values_from_outside_are_text_and_not_markup(four_sessions, shown):
    four_sessions.session("evil", "visited", device="<img src=x onerror=alert(1)>")
    four_sessions.sync()
    text = shown(four_sessions.open(Role.ANALYST, PAGE))
    assert "&lt;img src=x" in text
    assert "<img src=x" not in text
