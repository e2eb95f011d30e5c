import base64
import json

import pytest
import redis
from sqlalchemy.exc import OperationalError

from dlq import console
from dlq.redaction import Redactor
from dlq.retries.retry import RetryClient
from infra.access.roles import Person, Role
from infra.celery_app import QUEUE
from tests.dlq import builders

pytestmark = pytest.mark.servers

PAGE = "dead_letters.py"
ADA = Person("ada", Role.OPERATOR)


def numbers(app):
    return {metric.label: metric.value for metric in app.metric}


def test_the_page_lists_what_failed_and_how_many_wait(world, shown):
    world.letter(task_id="t1", session_id="s1")
    world.letter(task_id="t2", session_id="s1", task_name="shop.ship")
    app = world.open(Role.OPERATOR, PAGE)
    assert numbers(app) == {
        "Waiting for a decision": "2",
        "Sessions blocked": "1",
        "Retrying now": "0",
        "Resolved": "0",
    }
    assert "shop.pay · session s1" in shown(app)
    assert "shop.ship" in shown(app)


def test_the_list_is_narrowed_by_task_and_by_words(world, shown):
    world.letter(task_id="t1")
    world.letter(task_id="t2", task_name="shop.ship")
    app = world.open(Role.OPERATOR, PAGE)
    app.selectbox(key="task").set_value("shop.ship").run()
    assert [box.label for box in app.checkbox] == ["Pick letter 2"]
    app.text_input(key="search").set_value("nothing like it").run()
    assert "No dead letter matches" in shown(app)


def test_a_priority_in_the_address_narrows_the_list(world, shown):
    world.letter(task_id="t1", properties={"priority": 0})
    world.letter(task_id="t2", properties={"priority": 9})
    app = world.open(Role.OPERATOR, PAGE, priority="9")
    assert [box.label for box in app.checkbox] == ["Pick letter 2"]


def test_an_empty_list_says_so(world, shown):
    text = shown(world.open(Role.OPERATOR, PAGE))
    assert "Failed tasks appear here within seconds" in text
    assert "No open group" in text


def test_a_letter_opens_with_its_traceback_and_masked_arguments(world, shown):
    body = builders.body_of("s1", password="hunter2", plan="gold")
    letter_id = world.letter(session_id="s1", body=body)
    app = world.open(Role.OPERATOR, PAGE)
    app.button(key=f"open_{letter_id}").click().run()
    text = shown(app)
    assert "in pay" in text
    assert "gold" in text
    assert "hunter2" not in text


def test_a_retry_publishes_once_and_is_shown_as_on_its_way(world, shown, redis_url):
    letter_id = world.letter(queue=QUEUE)
    app = world.open(Role.OPERATOR, PAGE)
    app.button(key=f"open_{letter_id}").click().run()
    app.button(key=f"retry_{letter_id}").click().run()
    assert "ada pressed retry" in shown(app)
    with redis.Redis.from_url(redis_url) as broker:
        assert broker.llen(QUEUE) == 1
    detail = console.letter(world.engine, ADA, letter_id, redactor=Redactor(), sealer=builders.UNSEALED)
    assert [change.actor for change in detail.history][-1] == "ada"


def test_a_press_while_postgresql_is_away_says_that_nothing_was_changed(world, shown, monkeypatch):
    def away(*_: object, **__: object) -> None:
        raise OperationalError("insert", None, ConnectionError("server closed the connection"))

    letter_id = world.letter(queue=QUEUE)
    app = world.open(Role.OPERATOR, PAGE)
    app.button(key=f"open_{letter_id}").click().run()
    monkeypatch.setattr(RetryClient, "retry", away)
    app.button(key=f"retry_{letter_id}").click().run()
    assert "PostgreSQL does not answer, so nothing was changed" in shown(app)


def test_who_comes_second_is_told_who_was_first(world, shown):
    letter_id = world.letter(queue=QUEUE)
    second = world.open(Role.OPERATOR, PAGE)
    second.button(key=f"open_{letter_id}").click().run()
    first = world.open(Role.OPERATOR, PAGE)
    first.button(key=f"open_{letter_id}").click().run()
    first.button(key=f"retry_{letter_id}").click().run()
    second.button(key=f"retry_{letter_id}").click().run()
    assert "is already being retried: ada pressed retry" in shown(second)


@pytest.mark.parametrize("number", ["7777", "x", "-1", "9" * 30])
def test_a_link_to_no_letter_says_so(world, shown, number):
    app = world.open(Role.OPERATOR, PAGE)
    app.query_params["letter"] = number
    app.run()
    assert "There is no dead letter" in shown(app)


def test_messages_from_tasks_are_text_and_not_markup(world, shown):
    builders.fail(world.engine, builders.envelope(), builders.failure(message="<script>alert(1)</script>"))
    text = shown(world.open(Role.OPERATOR, PAGE))
    assert "&lt;script&gt;" in text
    assert "<script>" not in text


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_a_role_without_the_permission_does_not_get_the_page(world, role):
    app = world.open(role)
    with pytest.raises(ValueError, match="dead_letters"):
        app.switch_page(PAGE)


def test_nobody_sees_anything_without_a_session(world, shown):
    world.letter(session_id="session of somebody")
    text = shown(world.open(None))
    assert "Your session has ended" in text
    assert "session of somebody" not in text


def test_signing_out_ends_the_page_that_is_open(world, shown):
    app = world.open(Role.OPERATOR, PAGE)
    app.button(key="sign_out").click().run()
    assert "Your session has ended" in shown(app)


def test_only_an_admin_can_turn_the_demo_fault(world):
    from onboarding import faults
    from onboarding.demo import DEMO

    faults.turn(world.engine, faults.ASSISTANT_TIMEOUT, 0.25, by=DEMO, at=builders.NOON)
    assert world.open(Role.OPERATOR, PAGE).toggle(key="demo_fault").disabled
    app = world.open(Role.ADMIN, PAGE)
    app.toggle(key="demo_fault").set_value(False).run()
    fault = faults.find(world.engine, faults.ASSISTANT_TIMEOUT)
    assert fault is not None
    assert (fault.share, fault.changed_by) == (0.0, "ada")


def test_after_a_second_failure_both_tracebacks_are_there(world, shown):
    first = builders.envelope("t1", queue=QUEUE)
    letter_id = builders.fail(world.engine, first, builders.failure(exception_type="KeyError"))
    world.open(Role.OPERATOR, PAGE, letter=str(letter_id)).button(key=f"retry_{letter_id}").click().run()
    builders.fail(
        world.engine,
        builders.retried(first, letter_id, builders.letter(world.engine, letter_id)["retry_task_id"]),
        builders.failure(exception_type="OSError", after_seconds=60),
    )
    app = world.open(Role.OPERATOR, PAGE, letter=str(letter_id))
    text = shown(app)
    assert 'File "/app/shop.py", line 3, in pay\nKeyError: no such plan' in text
    assert 'File "/app/shop.py", line 3, in pay\nOSError: no such plan' in text
    assert [
        one.label.partition(",")[0] for one in app.expander if "run" in one.label or "Retry" in one.label
    ] == [
        "Retry 1: OSError",
        "First run: KeyError",
    ]


def test_a_letter_says_what_to_try(world, shown):
    letter_id = world.letter()
    assert "What to try:" in shown(world.open(Role.OPERATOR, PAGE, letter=str(letter_id)))


def test_a_letter_leads_to_its_group_and_to_the_sessions_that_wait(world, shown):
    world.funnel()
    letter_id = world.letter(session_id="s1")
    text = shown(world.open(Role.OPERATOR, PAGE, letter=str(letter_id)))
    assert f"/dead-letters?group={builders.letter(world.engine, letter_id)['fingerprint']}" in text
    assert "/sessions?name=sign-up&amp;" in text
    assert "&amp;outcome=blocked&amp;pattern=ValueError+in+shop.pay" in text
    assert "session=s1" in text


def test_edited_arguments_become_a_version_that_the_retry_sends(world, shown, redis_url):
    letter_id = world.letter(queue=QUEUE, body=builders.body_of("s1", password="hunter2", plan="gold"))
    app = world.open(Role.OPERATOR, PAGE, letter=str(letter_id))
    editor = app.text_area(key=f"edited_{letter_id}_0")
    editor.set_value(editor.value.replace("gold", "silver")).run()
    assert '-    "plan": "gold"' in shown(app)
    app.button(key=f"edit_save_{letter_id}_0").click().run()
    assert "with the arguments of version 1" in shown(app)
    app.button(key=f"retry_{letter_id}").click().run()
    with redis.Redis.from_url(redis_url) as broker:
        sent = json.loads(broker.lindex(QUEUE, 0))
    assert json.loads(base64.b64decode(sent["body"]))[1] == {"password": "hunter2", "plan": "silver"}


@pytest.mark.parametrize("written", ["{", "[]", '{"args": []}'])
def test_what_is_no_arguments_cannot_be_saved(world, shown, written):
    letter_id = world.letter()
    app = world.open(Role.OPERATOR, PAGE, letter=str(letter_id))
    app.text_area(key=f"edited_{letter_id}_0").set_value(written).run()
    assert "These are no arguments" in shown(app)
    assert app.button(key=f"edit_save_{letter_id}_0").disabled


def test_what_was_refused_stays_said_while_the_drawer_refreshes_by_itself(world, shown):
    letter_id = world.letter()
    app = world.open(Role.OPERATOR, PAGE, letter=str(letter_id))
    app.text_area(key=f"edited_{letter_id}_0").set_value('{"args": [NaN], "kwargs": {}}').run()
    app.button(key=f"edit_save_{letter_id}_0").click().run()
    app.run()
    assert "cannot be kept as an edit" in shown(app)
    app.text_area(key=f"edited_{letter_id}_0").set_value('{"args": ["s9"], "kwargs": {}}').run()
    app.button(key=f"edit_save_{letter_id}_0").click().run()
    assert "cannot be kept as an edit" not in shown(app)


def test_a_retry_goes_to_the_queue_that_was_named(world, redis_url):
    letter_id = world.letter(queue="celery")
    app = world.open(Role.OPERATOR, PAGE, letter=str(letter_id))
    app.text_input(key=f"retry_queue_{letter_id}").set_value("slow").run()
    app.button(key=f"retry_{letter_id}").click().run()
    with redis.Redis.from_url(redis_url) as broker:
        assert (broker.llen("slow"), broker.llen("celery")) == (1, 0)


def test_the_filters_of_the_address_narrow_the_list(world):
    world.letter(task_id="t1", client_id="acme")
    world.letter(task_id="t2", client_id="other")
    app = world.open(Role.OPERATOR, PAGE, client="acme")
    assert [box.label for box in app.checkbox] == ["Pick letter 1"]


def test_the_file_of_all_that_match_is_linked_with_the_filter(world, shown):
    world.letter()
    app = world.open(Role.OPERATOR, PAGE)
    assert "/api/v1/admin/dlq/tasks/export.csv?status=dead&amp;status=poisoned" in shown(app)
