import pytest
import redis

from dlq import console
from dlq.redaction import Redactor
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
        "Resolved so far": "0",
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
