"""The fence: of several runs of the same work, one commits it."""

from threading import Event, Thread

import pytest
from celery import Celery
from celery.exceptions import Ignore
from sqlalchemy import create_engine, text

from dlq import fence, store
from dlq.envelope import WORK_HEADER
from dlq.errors import AlreadyDone
from dlq.letters import Status
from dlq.retries import claims
from dlq.retries.publishing import outgoing
from dlq.tasks import DeadLetterTask
from tests.dlq.builders import NOON, UNSEALED, envelope, fail

pytestmark = pytest.mark.servers


def test_a_second_run_is_told_that_the_work_is_committed(engine):
    with engine.begin() as connection:
        fence.enter(connection, "t1")
    with pytest.raises(AlreadyDone, match="work of task t1 is committed"), engine.begin() as connection:
        fence.enter(connection, "t1")
    with engine.begin() as connection:
        fence.enter(connection, "t2")


def test_work_that_was_rolled_back_may_be_done_again(engine):
    with engine.connect() as connection:
        fence.enter(connection, "t1")
        connection.rollback()
    with engine.begin() as connection:
        fence.enter(connection, "t1")


@pytest.mark.parametrize("first_commits", [True, False])
def test_a_run_at_the_same_time_waits_for_the_first_one(engine, first_commits):
    answers, entering = [], Event()

    def second():
        try:
            with engine.begin() as connection:
                entering.set()
                fence.enter(connection, "t1")
                answers.append("done")
        except AlreadyDone:
            answers.append("already done")

    running = Thread(target=second)
    with engine.connect() as connection:
        fence.enter(connection, "t1")
        running.start()
        assert entering.wait(10)
        running.join(0.2)
        assert answers == [], "it waits"
        connection.commit() if first_commits else connection.rollback()
    running.join(10)
    assert answers == ["already done" if first_commits else "done"]


def test_the_table_can_be_made_in_a_database_of_the_users_own(engine, owner_url):
    own = create_engine(owner_url)
    with own.connect() as connection:
        connection.execute(text("DROP TABLE onward.dead_letter_fence"))
        fence.create(connection)
        fence.create(connection)
        fence.enter(connection, "t1")
        with pytest.raises(AlreadyDone):
            fence.enter(connection, "t1")
        connection.rollback()
    own.dispose()


def message_that_retries(engine, letter_id):
    with store.transaction(engine) as connection:
        row = claims.claim(
            connection, letter_id, (Status.DEAD,), task_id="t2", by="olga", at=NOON, reason="calm"
        )
    return outgoing(row, store.envelope_of(row, UNSEALED))


@pytest.fixture
def task():
    app = Celery("own", set_as_current=False)

    @app.task(base=DeadLetterTask)
    def pay():
        """Its work is that of the test."""

    yield pay
    app.close()


def test_a_retry_of_a_letter_is_the_work_of_the_run_that_left_it(engine, task):
    sent = message_that_retries(engine, fail(engine, envelope("t1")))
    task.push_request(id="t1")
    with engine.begin() as connection:
        task.once(connection)
    task.push_request(id="t2", headers=dict(sent.headers))
    with engine.begin() as connection, pytest.raises(Ignore):
        task.once(connection)


def test_a_retry_of_a_retry_is_still_the_first_work(engine):
    letter_id = fail(engine, envelope("t3", headers={WORK_HEADER: "t1"}))
    assert message_that_retries(engine, letter_id).headers[WORK_HEADER] == "t1"
