"""The Cohorts page: segments, their verdicts, and the way to their sessions."""

import pytest

from infra.access.roles import Role

pytestmark = pytest.mark.servers


@pytest.fixture
def two_devices(world):
    """Of 40 phones 4 arrive, of 40 desktops 32."""
    world.funnel()
    for device, arriving in {"phone": 4, "desktop": 32}.items():
        for number in range(40):
            names = ("visited", "signed up", "paid") if number < arriving else ("visited",)
            world.session(f"{device} {number}", *names, device=device)
    world.sync()
    return world


def table_of(app):
    assert not app.exception, app.exception
    return app.dataframe[0].value.set_index("segment")


def opened(world, role=Role.VIEWER, **query):
    return world.open(role, "cohorts.py", **query)


def test_the_page_shows_the_rate_of_each_segment_and_what_is_more_than_chance(two_devices, shown):
    app = opened(two_devices)
    table = table_of(app)
    assert table["settled"].to_dict() == {"phone": 0.1, "desktop": 0.8}
    assert set(table["verdict"]) == {"different"}
    assert "desktop converts more: 80.0% against 10.0% for phone" in shown(app).replace("</b>", "")


def test_a_count_opens_its_sessions_for_those_who_may_see_them(two_devices, shown):
    assert "value=phone" in shown(opened(two_devices, Role.ANALYST))
    assert "value=phone" not in shown(opened(two_devices, Role.VIEWER))


def test_a_chosen_segment_is_what_the_others_are_tested_against(two_devices, shown):
    app = opened(two_devices, against="phone")
    assert table_of(app)["difference"].isna().to_dict() == {"phone": True, "desktop": False}
    assert "Difference to the reference" in shown(app)


def test_a_difference_is_in_points_and_not_in_per_cent(two_devices):
    differences = table_of(opened(two_devices))["difference"].to_dict()
    assert differences == pytest.approx({"phone": -70, "desktop": 70})


def test_weeks_of_entry_are_segments_too(two_devices):
    two_devices.session("later", "visited", days=7)
    two_devices.sync()
    app = opened(two_devices, cohort="Entry week")
    assert table_of(app)["entered"].to_dict() == {"2026-03-02": 80, "2026-03-09": 1}


def test_another_dimension_forgets_the_reference_of_the_one_before(two_devices):
    app = opened(two_devices, against="phone")
    app.selectbox(key="cohort").set_value("Entry week").run()
    assert list(table_of(app)["entered"]) == [80]


def test_without_a_difference_the_page_says_so(world, shown):
    world.funnel()
    world.session("a", "visited", device="phone")
    world.sync()
    assert "no segment differs by more than chance" in shown(opened(world))


def test_without_a_definition_the_page_says_how_to_make_one(world, shown):
    assert "No funnel is defined yet" in shown(opened(world))


def test_filters_that_nobody_passes_offer_the_way_out(two_devices, shown):
    two_devices.session("much later", "visited", days=200, device="tablet")
    two_devices.sync()
    assert "Nobody entered with these filters" in shown(
        opened(two_devices, where="Device", is_device="phone")
    )


def test_a_lost_store_is_said_with_the_way_to_mend_it(two_devices, shown):
    two_devices.lose_the_store()
    text = shown(opened(two_devices))
    assert "The cohorts could not be shown" in text
    assert "python -m analytics sync --rebuild" in text


def test_values_from_outside_are_text_and_not_markup(two_devices, shown):
    two_devices.session("evil", "visited", "signed up", "paid", device="<img src=x onerror=alert(1)>")
    two_devices.sync()
    text = shown(opened(two_devices, Role.ANALYST))
    assert "&lt;img src=x" in text
    assert "<img src=x" not in text
