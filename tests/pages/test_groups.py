"""The groups on the page of the dead letters, and what people decide about one."""

from datetime import UTC, datetime, timedelta

import pytest

from dlq.groups import console
from dlq.operations import console as operations
from dlq.redaction import Redactor
from infra.access.roles import Person, Role
from tests.dlq import builders

pytestmark = pytest.mark.servers

PAGE = "dead_letters.py"
ADA = Person("ada", Role.ADMIN)


@pytest.fixture
def fail(world):
    """A failed task of a group that `error` names; returns the group."""

    def failed(error="ValueError", **changes):
        how = builders.failure(exception_type=error, message=f"{error} happened")
        letter_id = builders.fail(world.engine, builders.envelope(**changes), how)
        return builders.letter(world.engine, letter_id)["fingerprint"]

    return failed


@pytest.fixture
def group(world):
    def found(fingerprint):
        return console.group(world.engine, ADA, fingerprint, redactor=Redactor(), now=datetime.now(UTC))

    return found


def opened_first(app):
    return next(button.key for button in app.button if button.key.startswith("group_"))


def test_the_group_that_blocks_most_sessions_stands_first(world, fail):
    fail("KeyError", task_id="t1", session_id="s1")
    fail("KeyError", task_id="t2", session_id="s1")
    most = fail("OSError", task_id="t3", session_id="s2")
    fail("OSError", task_id="t4", session_id="s3")
    app = world.open(Role.OPERATOR, PAGE)
    assert opened_first(app) == f"group_{most}"


def test_a_group_opens_with_its_letters_alone(world, fail, shown):
    fingerprint = fail("KeyError", task_id="t1")
    fail("OSError", task_id="t2")
    app = world.open(Role.OPERATOR, PAGE)
    app.button(key=f"group_{fingerprint}").click().run()
    assert app.query_params["group"] == fingerprint
    assert "OSError happened" not in shown(app)
    app.button(key="all_groups").click().run()
    assert "OSError happened" in shown(app)


def test_the_whole_group_is_retried_from_its_card(world, fail):
    fingerprint = fail("KeyError", task_id="t1")
    fail("KeyError", task_id="t2")
    fail("OSError", task_id="t3")
    app = world.open(Role.OPERATOR, PAGE, group=fingerprint)
    app.button(key="group_retry").click().run()
    app.button(key="operation_confirm").click().run()
    (operation,) = operations.operations(world.engine, ADA).operations
    assert (operation.counted, operation.selection.narrowed.fingerprint) == (2, fingerprint)


def test_the_newest_letter_opens_from_the_card(world, fail, shown):
    app = world.open(Role.OPERATOR, PAGE, group=fail())
    app.button(key="group_sample").click().run()
    assert "in pay" in shown(app)


def test_a_note_is_kept_and_shown_in_the_list(world, fail, shown):
    fingerprint = fail()
    app = world.open(Role.OPERATOR, PAGE, group=fingerprint)
    app.text_input(key=f"group_note_{fingerprint}").set_value("ticket 17, Ben is on it")
    next(button for button in app.button if button.label == "Save note").click().run()
    app.button(key="all_groups").click().run()
    assert "ticket 17, Ben is on it" in shown(app)


def test_a_muted_group_is_out_of_the_open_ones_until_it_is_opened_again(world, fail, shown, group):
    fingerprint = fail()
    app = world.open(Role.OPERATOR, PAGE, group=fingerprint)
    app.button(key="Mute for a day").click().run()
    muted_until = group(fingerprint).muted_until
    assert timedelta(hours=23) < muted_until - datetime.now(UTC) <= timedelta(days=1)
    app.button(key="all_groups").click().run()
    assert "No open group" in shown(app)
    app.selectbox(key="groups").set_value("Muted groups").run()
    app.button(key=f"group_{fingerprint}").click().run()
    app.button(key="group_reopen").click().run()
    assert group(fingerprint).state == "open"


def test_a_group_is_marked_fixed_in_a_release(world, fail, shown, group):
    fingerprint = fail()
    app = world.open(Role.OPERATOR, PAGE, group=fingerprint)
    app.text_input(key=f"group_release_{fingerprint}").set_value("2.4.1").run()
    app.button(key="group_fixed").click().run()
    assert (group(fingerprint).state, group(fingerprint).fixed_in) == ("fixed", "2.4.1")


def test_a_link_to_no_group_says_so_and_leads_back(world, shown):
    app = world.open(Role.OPERATOR, PAGE, group="0123456789abcdef")
    assert "The group could not be shown" in shown(app)
    app.button(key="all_groups").click().run()
    assert "group" not in app.query_params


def test_messages_of_a_group_are_text_and_not_markup(world, fail, shown):
    builders.fail(world.engine, builders.envelope(), builders.failure(message="<b>bold</b>"))
    assert "<b>bold</b>" not in shown(world.open(Role.OPERATOR, PAGE))
