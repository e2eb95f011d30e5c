import re
from dataclasses import replace
from html import unescape
from urllib.parse import parse_qsl

import pytest

from analytics import definitions
from infra.access.roles import Person, Role
from recovery.dashboard import dashboard
from recovery.exports.registry import TABLES
from tests.browser.conftest import free_port
from tests.dlq import builders
from tests.pages.conftest import NOON, SIGN_UP

pytestmark = pytest.mark.servers

PAGE = "funnel.py"
ADA = Person("ada", Role.VIEWER)


@pytest.fixture
def three_sessions(world):
    world.funnel()
    world.session("a", "visited", "signed up", "paid")
    world.session("b", "visited", "signed up", device="desktop")
    world.session("c", "visited")
    world.sync()
    return world


def numbers(app):
    assert not app.exception, app.exception
    return {metric.label: metric.value for metric in app.metric}


def popovers(app):
    return [block.proto.popover for block in app.get("popover")]


def table_of(app):
    (table,) = [frame.value for frame in app.dataframe if "step" in frame.value.columns]
    return table


def test_the_page_counts_who_entered_and_who_arrived(three_sessions, shown):
    app = three_sessions.open(Role.VIEWER, PAGE)
    assert app.title[0].value == "Sign-up"
    assert numbers(app)["Entered"] == "3"
    assert numbers(app)["Conversion"] == "33.3%"
    assert numbers(app)["Converted"] == "1"
    assert "Most stop between Visited and Signed up" in shown(app)


@pytest.mark.parametrize(("arrive", "is_grey"), [(14, True), (2, False)])
def test_a_change_of_conversion_has_a_colour_only_when_it_is_more_than_chance(world, arrive, is_grey):
    world.funnel()
    for day, arriving in ((0, 15), (7, arrive)):
        for number in range(30):
            names = ("visited", "signed up", "paid") if number < arriving else ("visited",)
            world.session(f"{day} {number}", *names, days=day)
    world.sync()
    app = world.open(Role.VIEWER, PAGE, period="7d")
    (conversion,) = [metric for metric in app.metric if metric.label == "Conversion"]
    assert conversion.delta.startswith("-")
    assert (conversion.proto.color == conversion.proto.GRAY) is is_grey


def test_the_table_shows_each_step_with_what_was_lost(three_sessions):
    app = three_sessions.open(Role.VIEWER, PAGE, by="None")
    table = table_of(app)
    assert list(table["step"]) == ["Visited", "Signed up", "Paid"]
    assert list(table["reached"]) == [3, 2, 1]
    assert list(table["gone_here"]) == [1, 1, 0]


def test_the_files_hold_the_numbers_of_the_table(three_sessions, shown):
    app = three_sessions.open(Role.VIEWER, PAGE)
    table = table_of(app)
    address = re.search(r'href="/api/v1/onboarding/analytics/funnel/export.parquet\?([^"]+)"', shown(app))
    sources = dashboard().sources(lambda: NOON)
    rows = TABLES["funnel"].rows(sources, ADA, parse_qsl(unescape(address[1])))
    found = [row for batch in rows.batches for row in batch.to_pylist()]
    assert [(row["step"], row["reached"]) for row in found] == list(
        zip(table["step"], table["reached"], strict=True)
    )
    assert len(found) > 3  # with the breakdown that the page has chosen


def test_the_declared_dimension_is_the_breakdown_at_first(three_sessions):
    table = table_of(three_sessions.open(Role.VIEWER, PAGE))
    entered = table[table["step"] == "Visited"].set_index("value")["reached"].to_dict()
    assert entered == {"Everybody": 3, "phone": 2, "desktop": 1}


def test_filters_come_from_the_address(three_sessions):
    app = three_sessions.open(Role.VIEWER, PAGE, where="Device", is_device="desktop", by="None")
    assert numbers(app)["Entered"] == "1"


def test_the_window_comes_from_the_address_and_else_from_the_definition(three_sessions):
    three_sessions.session("slow", "visited", "signed up", "paid", minutes=50)
    three_sessions.sync()
    assert numbers(three_sessions.open(Role.VIEWER, PAGE))["Converted"] == "2"
    assert numbers(three_sessions.open(Role.VIEWER, PAGE, window="1h"))["Converted"] == "1"


def test_an_unusual_window_of_a_definition_is_kept(three_sessions):
    definitions.save(three_sessions.engine, replace(SIGN_UP, window_seconds=45 * 86400), by="ada")
    assert three_sessions.open(Role.VIEWER, PAGE).selectbox(key="window").value == "45d"


def test_another_funnel_comes_with_its_own_window_and_no_filter(three_sessions):
    other = replace(SIGN_UP, name="other", title="Other", window_seconds=90 * 86400, dimensions=())
    definitions.save(three_sessions.engine, other, by="ada")
    app = three_sessions.open(
        Role.VIEWER, PAGE, funnel="Sign-up", window="1h", where="Device", is_device="phone"
    )
    app.selectbox(key="funnel").set_value("Other").run()
    chosen = [app.selectbox(key=key).value for key in ("window", "by", "where")]
    assert chosen == ["90d", "None", "All sessions"]
    assert numbers(app)["Entered"] == "3"


def test_the_button_of_a_filtered_page_says_so_from_the_first_run(three_sessions):
    app = three_sessions.open(Role.VIEWER, PAGE, where="Device", is_device="desktop")
    assert "desktop" in {popover.label for popover in popovers(app)}


def test_a_filter_changes_the_numbers(three_sessions):
    app = three_sessions.open(Role.VIEWER, PAGE)
    app.selectbox(key="where").set_value("Device").run()
    app.multiselect(key="is_device").set_value(["phone"]).run()
    assert numbers(app)["Entered"] == "2"


@pytest.mark.parametrize(("before", "said"), [(40, "-92.5%"), (29, "")])
def test_a_period_before_is_compared_with_when_it_says_enough(three_sessions, before, said):
    for number in range(before):
        three_sessions.session(f"earlier-{number}", "visited", days=-30)
    three_sessions.sync()
    app = three_sessions.open(Role.VIEWER, PAGE)
    entered = next(metric for metric in app.metric if metric.label == "Entered")
    assert (entered.value, entered.delta) == ("3", said)


def test_all_days_are_shown_on_request(three_sessions):
    three_sessions.session("old", "visited", days=-300)
    three_sessions.sync()
    assert numbers(three_sessions.open(Role.VIEWER, PAGE))["Entered"] == "3"
    assert numbers(three_sessions.open(Role.VIEWER, PAGE, period="All"))["Entered"] == "4"


def test_a_session_behind_a_dead_task_is_blocked_and_has_not_left(three_sessions, shown):
    builders.fail(
        three_sessions.engine, builders.envelope(session_id="b"), builders.failure(after_seconds=86400 * 3)
    )
    text = shown(three_sessions.open(Role.OPERATOR, PAGE))
    assert "behind a task of ours that died" in text
    assert re.search(
        r"<dt>Blocked<small>wait behind a task of ours that died</small></dt><dd>(<a [^>]*>)?1<", text
    )


def test_without_a_definition_the_page_says_how_to_make_one(world, shown):
    assert "No funnel is defined yet" in shown(world.open(Role.VIEWER, PAGE))


def test_without_events_the_page_names_the_first_step(world, shown):
    world.funnel()
    assert "begins with visited, which has not been seen" in shown(world.open(Role.VIEWER, PAGE))


def test_filters_that_nobody_passes_offer_the_way_out(three_sessions, shown):
    three_sessions.session("much later", "visited", days=100, device="phone")
    three_sessions.sync()
    app = three_sessions.open(Role.VIEWER, PAGE, where="Device", is_device="desktop")
    assert "Nobody entered with these filters" in shown(app)
    app.button(key="show_everything").click().run()
    assert numbers(app)["Entered"] == "4"


def test_a_lost_store_is_said_with_the_way_to_mend_it(three_sessions, shown):
    three_sessions.lose_the_store()
    text = shown(three_sessions.open(Role.VIEWER, PAGE))
    assert "The funnel could not be shown" in text
    assert "python -m analytics sync --rebuild" in text


def test_labels_from_outside_are_text_and_not_markup(three_sessions, shown):
    three_sessions.session("evil", "visited", device="<img src=x onerror=alert(1)>")
    three_sessions.sync()
    text = shown(three_sessions.open(Role.VIEWER, PAGE))
    assert "&lt;img src=x" in text
    assert "<img src=x" not in text


def test_without_postgresql_the_page_says_so_and_offers_another_try(world, shown, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", f"postgresql://nobody@127.0.0.1:{free_port()}/none")
    text = shown(world.open(Role.VIEWER, PAGE))
    assert "PostgreSQL does not answer" in text
    assert "nobody@" not in text
