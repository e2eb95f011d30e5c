"""The Compare page: two periods, what changed, and what explains it."""

import pytest

from infra.access.roles import Role

pytestmark = pytest.mark.servers


@pytest.fixture
def two_periods(world):
    """Of 40 that entered 28 days earlier 32 arrive, of 40 now 4: fewer sign up."""
    world.funnel()
    for days, arriving in {0: 32, 28: 4}.items():
        for number in range(40):
            names = ("visited", "signed up", "paid") if number < arriving else ("visited",)
            world.session(f"{days} {number}", *names, days=days)
    world.sync()
    return world


def opened(world, role=Role.VIEWER, **query):
    return world.open(role, "compare.py", **query)


def numbers(app):
    assert not app.exception, app.exception
    return {metric.label: (metric.value, metric.delta) for metric in app.metric}


def table_of(app):
    assert not app.exception, app.exception
    return app.dataframe[0].value


def test_the_page_says_whether_conversion_changed_and_at_which_step(two_periods, shown):
    app = opened(two_periods)
    assert numbers(app)["Conversion: declining"] == ("10.0%", "-70.0 pp")
    text = shown(app).replace("</b>", "")
    assert "Conversion fell from 80.0% to 10.0%: -70.0 points" in text
    assert "Signed up makes -70.0 points: 80.0% of those at the step before got there, then 10.0%." in text


def test_the_table_holds_the_steps_and_their_parts_of_the_change(two_periods):
    table = table_of(opened(two_periods, explained="Nothing"))
    steps = table[table["part"] == "step"].set_index("name")
    assert steps["contribution"].round(6).to_dict() == {"Signed up": -70, "Paid": 0}
    assert steps["verdict"].to_dict() == {"Signed up": "different", "Paid": "too few to tell"}


def test_other_days_can_be_compared_with(two_periods, shown):
    days = ["2026-03-30", "2026-03-30"]
    app = opened(two_periods, against_days="Other days", before=days)
    assert "compared with 30 Mar – 30 Mar 2026" in shown(app)
    assert "Conversion: stable" in numbers(app)


def test_the_mix_is_told_by_the_declared_dimension(two_periods, shown):
    assert "Mix and rate by device" in shown(opened(two_periods))
    assert "Mix and rate" not in shown(opened(two_periods, explained="Nothing"))


def test_a_change_that_may_be_chance_is_grey_and_called_stable(world):
    world.funnel()
    for days, arriving in {0: 20, 28: 22}.items():
        for number in range(40):
            names = ("visited", "signed up", "paid") if number < arriving else ("visited",)
            world.session(f"{days} {number}", *names, days=days)
    world.sync()
    (conversion, *_) = opened(world).metric
    assert (conversion.label, conversion.delta) == ("Conversion: stable", "5.0 pp")
    assert conversion.proto.color == conversion.proto.GRAY


def test_a_period_that_nobody_entered_is_said(world, shown):
    world.funnel()
    world.session("a", "visited")
    world.sync()
    text = shown(opened(world))
    assert "Too few to tell" in text
    assert "Nobody entered in one of the periods" in text


def test_without_a_definition_the_page_says_how_to_make_one(world, shown):
    assert "No funnel is defined yet" in shown(opened(world))


def test_a_lost_store_is_said_with_the_way_to_mend_it(two_periods, shown):
    two_periods.lose_the_store()
    text = shown(opened(two_periods))
    assert "The comparison could not be shown" in text
    assert "python -m analytics sync --rebuild" in text
