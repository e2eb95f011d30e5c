import json
from dataclasses import replace

import pytest
from sqlalchemy import text
from streamlit.testing.v1 import AppTest

from analytics import definitions
from analytics.conditions import Condition
from analytics.definition_json import to_json
from analytics.funnels import Exclusion, Step
from infra.access.roles import Role
from tests.pages.conftest import SIGN_UP, World

pytestmark = pytest.mark.servers

SETTINGS = "settings.py"


@pytest.fixture
def signed_up(world: World) -> World:
    world.funnel()
    world.session("a", "visited", "signed up", "paid")
    world.session("b", "visited", "signed up")
    world.session("c", "visited")
    world.sync()
    return world


def editor(world: World, name: str = "sign-up") -> AppTest:
    """The editor of a saved funnel, by its address."""
    app = world.open(Role.ADMIN)
    app.query_params["edit"] = name
    return checked(app.switch_page(SETTINGS).run())


def checked(app: AppTest) -> AppTest:
    assert not app.exception, app.exception
    return app


def labelled(app: AppTest, kind: str, label: str) -> list:
    return [element for element in app.get(kind) if element.label == label]


def press(app: AppTest, key: str) -> AppTest:
    return checked(app.button(key=key).click().run())


def retitle(app: AppTest, title: str) -> AppTest:
    return checked(labelled(app, "text_input", "Title")[0].set_value(title).run())


def step_button(app: AppTest, name: str, at: int) -> AppTest:
    return checked(labelled(app, "button", name)[at].click().run())


def preview_of(app: AppTest) -> str:
    return next(element.value for element in app.get("html") if "dfn-preview" in element.value)


def newest(world: World, name: str = "sign-up") -> definitions.SavedFunnel:
    return definitions.latest(world.engine, name)


def audited(world: World) -> list[tuple[str, str, str]]:
    query = text(
        "SELECT actor, action, subject FROM onward.audit_entry WHERE action LIKE 'funnel.%' ORDER BY id"
    )
    with world.engine.connect() as connection:
        return [tuple(row) for row in connection.execute(query)]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST, Role.OPERATOR])
def test_others_than_admins_do_not_see_the_settings(signed_up, role):
    with pytest.raises(ValueError, match="settings"):
        signed_up.open(role, SETTINGS)


def test_the_list_says_what_each_funnel_counts_and_who_saved_it(signed_up, shown):
    page = shown(checked(signed_up.open(Role.ADMIN, SETTINGS)))
    for said in ("Sign-up", "Visited → Signed up → Paid", "14d window", "version 1", "ada, "):
        assert said in page


def test_an_edit_is_saved_as_the_next_version_by_the_person_and_audited(signed_up):
    app = retitle(editor(signed_up), "Registration")
    press(app, "dfn_save")
    saved = newest(signed_up)
    assert (saved.version, saved.saved_by, saved.definition) == (
        2,
        "ada",
        replace(SIGN_UP, title="Registration"),
    )
    assert audited(signed_up) == [("ada", "funnel.save", "funnel:sign-up")]
    assert app.title[0].value == "Registration"
    assert app.button(key="dfn_save").disabled


def test_the_audit_holds_what_was_and_what_is(signed_up):
    press(retitle(editor(signed_up), "Registration"), "dfn_save")
    with signed_up.engine.connect() as connection:
        before, after = connection.execute(
            text("SELECT before, after FROM onward.audit_entry WHERE action = 'funnel.save'")
        ).one()
    assert (before["version"], before["title"]) == (1, "Sign-up")
    assert (after["version"], after["title"]) == (2, "Registration")


def test_the_side_says_what_the_next_version_changes(signed_up, shown):
    app = retitle(editor(signed_up), "Registration")
    page = shown(app)
    assert "Unsaved changes" in page
    assert "Title: Sign-up → Registration" in page


def test_a_problem_is_said_where_it_is_and_keeps_from_saving(signed_up, shown):
    app = editor(signed_up)
    events = labelled(app, "multiselect", "Events")[1]
    checked(events.set_value([]).run())
    assert "Names no event" in shown(app)
    assert app.button(key="dfn_save").disabled
    assert "Appears once the definition is complete" in shown(app)


def test_an_event_that_never_happened_is_a_warning_and_no_error(signed_up, shown):
    app = editor(signed_up)
    checked(labelled(app, "multiselect", "Events")[1].set_value(["upgraded"]).run())
    assert "Never seen so far: upgraded" in shown(app)
    press(app, "dfn_save")
    assert newest(signed_up).definition.steps[1].events == ("upgraded",)


def test_events_are_suggested_with_how_often_they_happened(signed_up):
    events = labelled(editor(signed_up), "multiselect", "Events")[0]
    assert list(events.options) == ["visited · 3", "signed up · 2", "paid · 1"]


def test_the_preview_counts_the_draft_beside_the_saved_version(signed_up):
    app = editor(signed_up)
    assert "<td>3<small>100.0%</small></td><td>3<small>100.0%</small></td>" in preview_of(app)
    step_button(app, "Remove", 2)
    table = preview_of(app)
    assert "<td>66.7%</td><td>33.3%</td>" in table
    assert "dropped" in table


def test_steps_are_added_moved_and_removed(signed_up):
    app = editor(signed_up)
    press(app, "dfn_add_step")
    checked(labelled(app, "multiselect", "Events")[3].set_value(["visited"]).run())
    step_button(app, "Up", 3)
    step_button(app, "Remove", 0)
    press(app, "dfn_save")
    assert [step.events for step in newest(signed_up).definition.steps] == [
        ("signed up",),
        ("visited",),
        ("paid",),
    ]


def test_a_step_is_called_what_was_chosen_at_once(signed_up):
    app = editor(signed_up)
    press(app, "dfn_add_step")
    checked(labelled(app, "multiselect", "Events")[3].set_value(["refunded"]).run())
    assert labelled(app, "text_input", "Label")[3].placeholder == "refunded"


def test_filters_exclusions_and_dimensions_are_written(signed_up):
    app = editor(signed_up)
    checked(labelled(app, "button", "Add filter")[1].click().run())
    checked(labelled(app, "selectbox", "Property")[0].set_value("device").run())
    value = labelled(app, "selectbox", "Value")[0]
    assert value.options == ["phone"]
    checked(value.set_value("phone").run())
    press(app, "dfn_add_exclusion")
    checked(labelled(app, "multiselect", "Events")[3].set_value(["refunded"]).run())
    press(app, "dfn_add_dimension")
    checked(labelled(app, "selectbox", "Property")[-1].set_value("device").run())
    checked(labelled(app, "text_input", "Bands")[-1].set_value("10, 20").run())
    press(app, "dfn_save")
    saved = newest(signed_up).definition
    assert saved.steps[1].where == (Condition("device", "equals", ("phone",)),)
    assert saved.exclusions == (Exclusion(("refunded",), 0, 2),)
    assert saved.dimensions[1].bands == (10, 20)


def test_an_operator_of_several_values_keeps_the_one_that_was_chosen(signed_up):
    step = replace(SIGN_UP.steps[1], where=(Condition("device", "equals", ("phone",)),))
    definitions.save(signed_up.engine, replace(SIGN_UP, steps=(SIGN_UP.steps[0], step)), by="ada")
    app = editor(signed_up)
    checked(labelled(app, "selectbox", "Operator")[0].set_value("in").run())
    assert labelled(app, "multiselect", "Values")[0].value == ["phone"]


def test_any_event_and_optional_are_written_with_order_and_window(signed_up):
    app = editor(signed_up)
    checked(labelled(app, "checkbox", "Any event")[1].check().run())
    checked(labelled(app, "checkbox", "Optional")[1].check().run())
    checked(app.radio[0].set_value("strict").run())
    checked(labelled(app, "number_input", "Window")[0].set_value(36).run())
    checked(labelled(app, "selectbox", "Unit of the window")[0].set_value("hours").run())
    press(app, "dfn_save")
    saved = newest(signed_up).definition
    assert saved.steps[1] == Step((), "Signed up", optional=True)
    assert (saved.order, saved.window_seconds) == ("strict", 36 * 3600)


def test_unsaved_changes_outlive_another_page_and_are_shown_in_the_list(signed_up, shown):
    app = retitle(editor(signed_up), "Registration")
    checked(app.switch_page("funnel.py").run())
    app.query_params.clear()
    checked(app.switch_page(SETTINGS).run())
    assert "Unsaved changes" in {badge.value for badge in app.get("markdown")} or "Unsaved changes" in shown(
        app
    )
    press(app, "dfn_edit_sign-up")
    assert labelled(app, "text_input", "Title")[0].value == "Registration"
    press(app, "dfn_discard")
    assert labelled(app, "text_input", "Title")[0].value == "Sign-up"
    assert newest(signed_up).version == 1


def test_the_second_of_two_is_told_and_may_still_save(signed_up, shown):
    app = retitle(editor(signed_up), "Registration")
    definitions.save(signed_up.engine, replace(SIGN_UP, window_seconds=86400), by="ben")
    checked(app.run())
    page = shown(app)
    assert "ben saved version 2" in page
    assert "Window: 14d → 1d" in page
    assert app.button(key="dfn_save").label == "Save over version 2"
    press(app, "dfn_save")
    assert (newest(signed_up).version, newest(signed_up).definition.title) == (3, "Registration")


def test_who_saves_without_having_seen_the_newer_version_is_refused_first(signed_up, shown):
    app = retitle(editor(signed_up), "Registration")
    definitions.save(signed_up.engine, replace(SIGN_UP, window_seconds=86400), by="ben")
    press(app, "dfn_save")
    assert "has been saved by somebody else since version 1" in shown(app)
    assert newest(signed_up).saved_by == "ben"
    press(app, "dfn_save")
    assert (newest(signed_up).version, newest(signed_up).saved_by) == (3, "ada")


def test_a_new_funnel_gets_its_name_from_the_title(signed_up):
    app = press(signed_up.open(Role.ADMIN, SETTINGS), "dfn_new")
    retitle(app, "Quick visit")
    checked(labelled(app, "multiselect", "Events")[0].set_value(["visited"]).run())
    checked(labelled(app, "multiselect", "Events")[1].set_value(["signed up"]).run())
    press(app, "dfn_save")
    saved = newest(signed_up, "quick-visit")
    assert (saved.version, saved.definition.title) == (1, "Quick visit")
    assert labelled(app, "text_input", "Name")[0].disabled


def test_a_new_funnel_cannot_take_the_name_of_another(signed_up, shown):
    app = press(signed_up.open(Role.ADMIN, SETTINGS), "dfn_new")
    retitle(app, "Sign up")
    for at in (0, 1):
        checked(labelled(app, "multiselect", "Events")[at].set_value(["visited"]).run())
    assert "Is taken by Sign-up" in shown(app)
    assert app.button(key="dfn_save").disabled


def test_a_duplicate_is_a_new_funnel_that_counts_the_same(signed_up):
    app = signed_up.open(Role.ADMIN, SETTINGS)
    checked(app.get_by_key("dfn_more_sign-up").set_value("Duplicate").run())
    press(app, "dfn_save")
    assert newest(signed_up, "copy-of-sign-up").definition.steps == SIGN_UP.steps


def test_an_archived_funnel_is_offered_no_longer_until_it_is_brought_back(signed_up, shown):
    app = signed_up.open(Role.ADMIN, SETTINGS)
    checked(app.get_by_key("dfn_more_sign-up").set_value("Archive").run())
    assert definitions.all_latest(signed_up.engine) == []
    assert "No funnel is offered" in shown(app)
    press(app, "dfn_bring_back_sign-up")
    assert [saved.definition for saved in definitions.all_latest(signed_up.engine)] == [SIGN_UP]
    assert [action for _, action, _ in audited(signed_up)] == ["funnel.archive", "funnel.unarchive"]


def test_the_versions_say_what_changed_and_an_old_one_comes_back_as_a_new_one(signed_up, shown):
    definitions.save(signed_up.engine, replace(SIGN_UP, window_seconds=86400), by="ben")
    app = press(editor(signed_up), "dfn_versions")
    assert "Window: 14d → 1d" in shown(app)
    press(app, "dfn_restore_1")
    saved = newest(signed_up)
    assert (saved.version, saved.saved_by, saved.definition) == (3, "ada", SIGN_UP)
    assert audited(signed_up) == [("ada", "funnel.restore", "funnel:sign-up")]


def test_pasted_json_takes_the_place_of_the_draft(signed_up):
    app = editor(signed_up)
    body = to_json(replace(SIGN_UP, name="another", title="Pasted", order="unordered"))
    checked(labelled(app, "text_area", "Paste a definition")[0].set_value(json.dumps(body)).run())
    press(app, "dfn_paste")
    press(app, "dfn_save")
    assert newest(signed_up).definition == replace(SIGN_UP, title="Pasted", order="unordered")


@pytest.mark.parametrize(("pasted", "said"), [("{", "is not JSON"), ('{"name": "x", "stepz": []}', "stepz")])
def test_what_cannot_be_pasted_says_why_and_changes_nothing(signed_up, pasted, said):
    app = editor(signed_up)
    checked(labelled(app, "text_area", "Paste a definition")[0].set_value(pasted).run())
    press(app, "dfn_paste")
    assert said in app.error[0].value
    assert labelled(app, "text_input", "Title")[0].value == "Sign-up"
