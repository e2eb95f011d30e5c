"""Many letters at once: picked or matched, previewed, started, watched, stopped and taken back."""

import pytest
import redis
from sqlalchemy import update

from dlq.letters import Status
from dlq.operations import console
from dlq.operations.preview import preview
from dlq.operations.records import Action, OperationStatus, Options, Selection
from dlq.operations.running import run_due
from dlq.redaction import Redactor
from dlq.retries.publishing import Publisher
from dlq.sealing import Sealer
from dlq.tables import dead_letter
from infra import audit
from infra.access.roles import Person, Role
from infra.celery_app import QUEUE, create_celery
from pages import _operation_start
from tests.dlq import builders

pytestmark = pytest.mark.servers

LETTERS, PAGE = "dead_letters.py", "operations.py"
ADA = Person("ada", Role.ADMIN)


@pytest.fixture
def run(world, redis_url):
    """Carry out what is due, as the runner does."""

    def once():
        app = create_celery(redis_url)
        run_due(world.engine, Publisher(app), sealer=Sealer(()), audit=audit.record, for_seconds=1)

    return once


@pytest.fixture
def start(world):
    """An operation on all letters that can take the action."""

    def made(action=Action.RETRY, reason="", **options):
        shown = preview(world.engine, ADA, action, Selection(), Options(**options), redactor=Redactor())
        return console.start(world.engine, ADA, shown, reason, audit=audit.record)

    return made


def status(world, letter_id):
    return builders.letter(world.engine, letter_id)["status"]


def set_status(world, letter_id, to):
    with world.engine.begin() as connection:
        connection.execute(update(dead_letter).where(dead_letter.c.id == letter_id).values(status=to))


def only_operation(world):
    (operation,) = console.operations(world.engine, ADA).operations
    return operation


def keys(app):
    return {button.key for button in app.button}


def test_picked_letters_and_no_others_are_previewed_and_sent(world, shown, run, redis_url):
    first, second = world.letter(task_id="t1", queue=QUEUE), world.letter(task_id="t2", queue=QUEUE)
    app = world.open(Role.OPERATOR, LETTERS)
    assert app.button(key="retry_picked").disabled
    app.checkbox(key=f"pick_{second}_0").check().run()
    assert "1 picked" in shown(app)
    app.button(key="retry_picked").click().run()
    assert "The tasks of 1 letter are sent again" in shown(app)
    app.text_input(key="operation_reason").set_value("the assistant is back").run()
    app.button(key="operation_confirm").click().run()
    operation = only_operation(world)
    assert (operation.created_by, operation.reason, operation.counted) == ("ada", "the assistant is back", 1)
    run()
    assert (status(world, first), status(world, second)) == (Status.DEAD, Status.RETRYING)
    with redis.Redis.from_url(redis_url) as broker:
        assert broker.llen(QUEUE) == 1


def test_a_start_that_comes_twice_makes_one_operation(world, monkeypatch):
    start = _operation_start._start

    def start_twice(seen):
        start(seen)
        start(seen)

    monkeypatch.setattr(_operation_start, "_start", start_twice)
    letter_id = world.letter(queue=QUEUE)
    app = world.open(Role.OPERATOR, LETTERS)
    app.checkbox(key=f"pick_{letter_id}_0").check().run()
    app.button(key="retry_picked").click().run()
    app.button(key="operation_confirm").click().run()
    assert only_operation(world).counted == 1


def test_after_the_start_the_page_of_the_operation_is_shown(world, shown):
    letter_id = world.letter(queue=QUEUE)
    app = world.open(Role.OPERATOR, LETTERS)
    app.checkbox(key=f"pick_{letter_id}_0").check().run()
    app.button(key="retry_picked").click().run()
    app.button(key="operation_confirm").click().run()
    assert app.query_params["operation"] == str(only_operation(world).id)
    assert "Retry 1 letter" in shown(app)


def test_picking_the_page_picks_every_letter_on_it_and_drops_them_again(world, shown):
    for nth in range(3):
        world.letter(task_id=f"t{nth}")
    app = world.open(Role.OPERATOR, LETTERS)
    app.button(key="pick_page").click().run()
    assert "3 picked" in shown(app)
    app.button(key="pick_page").click().run()
    assert "None picked" in shown(app)


def test_another_filter_begins_with_nothing_picked(world, shown):
    world.letter(task_id="t1")
    app = world.open(Role.OPERATOR, LETTERS)
    app.button(key="pick_page").click().run()
    app.segmented_control(key="status").set_value("All").run()
    assert "None picked" in shown(app)


def test_dropped_picks_have_other_boxes(world):
    """A browser that lags behind sends its boxes as they were; nobody pressed those."""
    letter_id = world.letter()
    app = world.open(Role.OPERATOR, LETTERS)
    ticked = app.checkbox(key=f"pick_{letter_id}_0").check().run().checkbox[0].key
    app.segmented_control(key="status").set_value("All").run()
    assert app.checkbox[0].label == f"Pick letter {letter_id}"
    assert app.checkbox[0].key != ticked
    assert not app.checkbox[0].value


def test_a_browser_that_lags_does_not_take_back_a_picked_page(world, shown):
    """It still tells of the boxes that were there before, as they were."""
    world.letter()
    app = world.open(Role.OPERATOR, LETTERS)
    before = app._tree.get_widget_states()
    app.button(key="pick_page").click().run()
    app._run(before)
    assert "1 picked" in shown(app)


def test_every_row_has_a_button_of_its_own_name(world):
    world.letter(task_id="t1")
    world.letter(task_id="t2")
    app = world.open(Role.OPERATOR, LETTERS)
    names = [button.label for button in app.button if button.key.startswith("open_")]
    assert names == ["Open :gray[letter 2]", "Open :gray[letter 1]"]


def test_the_list_stands_still_while_letters_are_picked(world):
    world.letter(task_id="t1")
    app = world.open(Role.OPERATOR, LETTERS)
    app.button(key="pick_page").click().run()
    world.letter(task_id="t2")
    app.run()
    assert len(app.checkbox) == 1
    app.button(key="pick_page").click().run()
    assert len(app.checkbox) == 2


def test_all_that_match_takes_the_filter_and_not_the_page(world, shown):
    world.letter(task_id="t1")
    world.letter(task_id="t2", task_name="shop.ship")
    app = world.open(Role.OPERATOR, LETTERS)
    app.selectbox(key="task").set_value("shop.ship").run()
    app.button(key="retry_all").click().run()
    app.button(key="operation_confirm").click().run()
    assert only_operation(world).selection.narrowed.task_name == "shop.ship"
    assert only_operation(world).counted == 1


def test_poisoned_letters_are_left_out_until_somebody_says_yes(world, shown):
    world.letter(task_id="t1")
    set_status(world, world.letter(task_id="t2"), Status.POISONED)
    app = world.open(Role.OPERATOR, LETTERS)
    app.button(key="retry_all").click().run()
    assert app.button(key="operation_confirm").label == "Retry 1 letter"
    app.checkbox(key="operation_even_poisoned").check().run()
    assert app.button(key="operation_confirm").label == "Retry 2 letters"


def test_what_is_started_is_what_was_shown(world, shown):
    first = world.letter(task_id="t1")
    world.letter(task_id="t2")
    app = world.open(Role.ADMIN, LETTERS)
    app.button(key="discard_all").click().run()
    set_status(world, first, Status.DISCARDED)
    app.button(key="operation_confirm").click().run()
    assert console.operations(world.engine, ADA).operations == ()
    assert app.button(key="operation_confirm").label == "Discard 1 letter"
    assert "counted 2; now it would be 1" in shown(app)


def test_rate_start_and_queue_are_part_of_the_preview(world, shown):
    world.letter()
    app = world.open(Role.OPERATOR, LETTERS)
    app.button(key="retry_all").click().run()
    app.number_input(key="operation_rate").set_value(2.0).run()
    app.text_input(key="operation_queue").set_value("slow").run()
    assert "queue slow, 2 a second" in shown(app)
    app.button(key="operation_confirm").click().run()
    assert (only_operation(world).options.queue, only_operation(world).options.rate_per_second) == (
        "slow",
        2.0,
    )


def test_an_operator_is_not_offered_to_discard(world):
    world.letter()
    keys_shown = keys(world.open(Role.OPERATOR, LETTERS))
    assert "retry_picked" in keys_shown
    assert not {"discard_picked", "discard_all", "restore_all"} & keys_shown


def test_a_discard_is_undone_from_its_page(world, shown, start, run):
    letter_id = world.letter()
    other = world.letter(task_id="t2")
    operation = start(Action.DISCARD)
    run()
    assert status(world, letter_id) == Status.DISCARDED
    app = world.open(Role.ADMIN, PAGE, operation=str(operation.id))
    app.button(key="operation_undo").click().run()
    app.button(key="operation_confirm").click().run()
    run()
    assert {status(world, letter_id), status(world, other)} == {Status.DEAD}


def test_an_undo_restores_the_letters_of_that_operation_only(world, start, run):
    earlier = world.letter(task_id="t1")
    start(Action.DISCARD)
    run()
    later = world.letter(task_id="t2")
    operation = start(Action.DISCARD)
    run()
    app = world.open(Role.ADMIN, PAGE, operation=str(operation.id))
    app.button(key="operation_undo").click().run()
    app.button(key="operation_confirm").click().run()
    run()
    assert (status(world, earlier), status(world, later)) == (Status.DISCARDED, Status.DEAD)


def test_a_running_operation_is_paused_resumed_and_cancelled(world, start):
    world.letter()
    operation = start()
    app = world.open(Role.OPERATOR, PAGE, operation=str(operation.id))
    app.button(key="operation_pause").click().run()
    assert only_operation(world).status == OperationStatus.PAUSED
    app.button(key="operation_resume").click().run()
    assert only_operation(world).status == OperationStatus.WAITING
    app.button(key="operation_cancel").click().run()
    assert (only_operation(world).status, only_operation(world).changed_by) == ("cancelled", "ada")
    assert not {"operation_pause", "operation_resume", "operation_cancel"} & keys(app)


def test_what_came_of_a_retry_is_shown(world, shown, start, run):
    envelopes = [builders.envelope(f"t{nth}", queue=QUEUE, session_id=f"s{nth}") for nth in range(3)]
    ids = [builders.fail(world.engine, each) for each in envelopes]
    operation = start(reason="the assistant is back")
    run()
    sent = [builders.letter(world.engine, letter_id)["retry_task_id"] for letter_id in ids]
    builders.succeed(world.engine, builders.retried(envelopes[0], ids[0], sent[0]))
    builders.fail(world.engine, builders.retried(envelopes[1], ids[1], sent[1]))
    text = shown(world.open(Role.OPERATOR, PAGE, operation=str(operation.id)))
    for said in ("<b>1</b>resolved", "<b>1</b>dead again", "<b>1</b>still retrying", "<b>1</b>session"):
        assert said in text
    assert "the assistant is back" in text


def test_the_letters_of_an_operation_are_listed_until_one_leaves_it(world, start, run):
    world.letter(task_id="t1")
    operation = start(Action.DISCARD)
    run()
    world.letter(task_id="t2")
    app = world.open(Role.ADMIN, LETTERS, status="All", operation=str(operation.id))
    assert [box.label for box in app.checkbox] == ["Pick letter 1"]
    app.button(key="all_operations").click().run()
    assert len(app.checkbox) == 2


def test_the_list_says_what_who_and_why(world, shown, start):
    world.letter()
    start(reason="quota raised")
    text = shown(world.open(Role.OPERATOR, PAGE))
    assert "Retry 1 letter" in text
    assert "0 of 1 sent again · ada, " in text
    assert "quota raised" in text


def test_without_operations_the_page_says_how_to_make_one(world, shown):
    assert "No operation yet" in shown(world.open(Role.OPERATOR, PAGE))


@pytest.mark.parametrize("number", ["7777", "x", "-1", "9" * 30])
def test_a_link_to_no_operation_says_so(world, shown, number):
    assert "There is no operation" in shown(world.open(Role.OPERATOR, PAGE, operation=number))


def test_an_operator_cannot_change_a_discard(world, start):
    world.letter()
    app = world.open(Role.OPERATOR, PAGE, operation=str(start(Action.DISCARD).id))
    assert not {"operation_pause", "operation_cancel", "operation_undo"} & keys(app)


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_a_role_without_the_permission_does_not_get_the_page(world, role):
    app = world.open(role)
    with pytest.raises(ValueError, match="operations"):
        app.switch_page(PAGE)
