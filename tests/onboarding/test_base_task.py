"""What the base classes of the flow promise to every task on them."""

import json
from datetime import UTC, datetime

import pytest
import redis
from celery.exceptions import SoftTimeLimitExceeded
from openai import APITimeoutError
from sqlalchemy import func, select, text

from dlq import console
from dlq.letters import Status
from dlq.redaction import Redactor
from dlq.retries.retry import RetryClient
from dlq.strategies.breaker import Breaker, Circuit, states
from dlq.strategies.categories import Category
from infra import audit
from infra.access.roles import Person, Role
from infra.celery_app import HARD_LIMIT_SECONDS, create_celery
from onboarding import faults, sessions, tasks
from onboarding.base_task import (
    ASSISTANT,
    OnboardingBaseTask,
    OnboardingDatabaseTask,
    OnboardingLLMTask,
    OnboardingNetworkTask,
)
from onboarding.demo import DEMO
from onboarding.errors import AssistantTimeout, AssistantUnavailable, UnknownSession
from onboarding.sessions import Stage
from onboarding.tables import onboarding_session
from tests.dlq.builders import UNSEALED
from tests.dlq.worker import eventually

ADA = Person("ada", Role.OPERATOR)
CLASSES = (OnboardingBaseTask, OnboardingDatabaseTask, OnboardingLLMTask, OnboardingNetworkTask)


def now():
    return datetime.now(UTC)


@pytest.fixture
def app():
    app = create_celery("memory://")
    yield app
    app.close()


def task_of(app, body, base=OnboardingBaseTask, **options):
    return app.task(bind=True, base=base, shared=False, name="flow.step", **options)(body)


def start_session(engine, session_id="s1"):
    with engine.begin() as connection:
        return sessions.start(
            connection,
            session_id=session_id,
            client_id="acme",
            user_id="u1",
            language="en",
            kind="team",
            first_time=True,
            at=now(),
        )


def session_of(engine):
    with engine.connect() as connection:
        return sessions.get(connection, "s1")


def count_of_sessions(engine):
    with engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(onboarding_session)).scalar_one()


@pytest.mark.parametrize("base", CLASSES)
def test_onboarding_base_task_correlation_id_generation(app, base):
    def body(task):
        return task.get_correlation_id()

    step = task_of(app, body, base)
    given = step.apply(headers={"correlation_id": "c-1", "dlq_correlation_id": "c-1"}).get()
    first, second = step.apply(task_id="t-1").get(), step.apply(task_id="t-2").get()
    assert (given, first, second) == ("c-1", "t-1", "t-2")


def test_a_correlation_id_stays_the_same_through_further_attempts_and_in_tasks_that_are_started(app):
    seen = []

    def body(task):
        seen.append(task.get_correlation_id())
        if len(seen) < 3:
            raise ConnectionError("away")
        child.apply()

    @app.task(bind=True, base=OnboardingBaseTask, shared=False)
    def child(task):
        seen.append(task.get_correlation_id())

    task_of(app, body).apply(task_id="t-1")
    assert seen == ["t-1"] * 4


@pytest.mark.servers
def test_onboarding_base_task_automatic_dlq_on_final_retry(engine, client):
    faults.turn(engine, faults.ASSISTANT_TIMEOUT, 1.0, by=DEMO, at=now())
    session = start_session(engine)
    tasks.send(tasks.process_conversation_step_v2, session, "hello", correlation_id="c-1")

    def letters():
        return console.letters(engine, ADA, redactor=Redactor()).letters

    [letter] = eventually(letters)
    assert (letter.exception_type, letter.category, letter.status) == (
        "AssistantTimeout",
        Category.TIMEOUT,
        Status.DEAD,
    )
    assert (letter.session_id, letter.correlation_id, letter.occurrences) == ("s1", "c-1", 1)
    with engine.connect() as connection:
        headers = connection.execute(text("SELECT headers FROM onward.dead_letter")).scalar_one()
    assert headers["retries"] == 2, "none of the runs before the last left a letter"


@pytest.mark.servers
def test_onboarding_base_task_transaction_wrapper(engine, database_url, app):
    app.conf.database_url = database_url
    start_session(engine)

    def body(task, fails):
        def work(connection):
            sessions.advance(connection, "s1", Stage.ENGAGED, at=now(), leaving={"message": "hello"})
            if fails:
                raise KeyError("after the write")
            return "written"

        return task.with_transaction(work)

    step = task_of(app, body)
    with engine.connect() as connection:
        assert isinstance(step.apply((True,)).result, KeyError)
        assert sessions.get(connection, "s1").stage == Stage.STARTED
        connection.rollback()
        assert step.apply((False,)).get() == "written"
        assert sessions.get(connection, "s1").stage == Stage.ENGAGED


def test_onboarding_base_task_safe_execute_fallback(app):
    def failing(error):
        def operation():
            raise error

        return operation

    def outcome(error):
        def body(task):
            return task.safe_execute(failing(error), fallback=lambda error: f"without {error}")

        return task_of(create_celery("memory://"), body).apply().result

    assert outcome(ConnectionError("prices")) == "without prices"
    assert outcome(AssistantTimeout("gpt", 20)) == "without gpt did not answer within 20 s"
    for hidden_by_no_fallback in (KeyError("bug"), ValueError("input"), PermissionError("key")):
        assert outcome(hidden_by_no_fallback) is hidden_by_no_fallback
    assert isinstance(outcome(SoftTimeLimitExceeded()), SoftTimeLimitExceeded)


def test_what_works_needs_no_fallback_and_without_one_errors_pass(app):
    def body(task, works):
        return task.safe_execute(lambda: 1 / works, fallback=lambda _: "fallback") if works else fail(task)

    def fail(task):
        return task.safe_execute(lambda: {}["missing"])

    step = task_of(app, body)
    assert step.apply((1,)).get() == 1
    assert isinstance(step.apply((0,)).result, KeyError)


@pytest.mark.parametrize("base", CLASSES)
def test_refactored_task_response_format(app, base):
    def body(task):
        return task.task_success(session_id="s1", applied=3)

    step = task_of(app, body, base)
    assert step.apply(task_id="t-1").get() == {
        "status": "success",
        "task_id": "t-1",
        "correlation_id": "t-1",
        "session_id": "s1",
        "applied": 3,
    }


@pytest.mark.parametrize(("error", "runs"), [(ConnectionError("away"), 6), (UnknownSession("s1"), 1)])
def test_a_body_that_cleans_up_first_comes_to_the_same(app, error, runs, caplog):
    cleaned = []

    def body(task):
        try:
            raise error
        except (ConnectionError, UnknownSession) as caught:
            cleaned.append(1)
            task.handle_task_error(caught)

    assert task_of(app, body).apply().result is error
    assert len(cleaned) == runs
    said = [record.message for record in caplog.records if record.name == "dlq"]
    assert len(said) == runs, "each attempt is told once"


@pytest.mark.parametrize(
    ("base", "error", "runs"),
    [
        (OnboardingLLMTask, AssistantUnavailable("gpt", "slow down", 429), 9),
        (OnboardingLLMTask, AssistantUnavailable("gpt", "who are you", 401), 1),
        (OnboardingNetworkTask, ConnectionError("away"), 7),
        (OnboardingDatabaseTask, ConnectionError("away"), 6),
    ],
)
def test_each_class_tries_again_as_often_as_its_dependency_deserves(app, base, error, runs):
    seen = []

    def body(task):
        seen.append(1)
        raise error

    task_of(app, body, base).apply()
    assert len(seen) == runs


def test_a_task_that_ran_into_its_soft_limit_has_time_to_be_tried_again_before_the_hard_one():
    for base in CLASSES[1:]:
        assert base.soft_time_limit + 10 <= base.time_limit <= HARD_LIMIT_SECONDS


@pytest.mark.servers
def test_while_the_breaker_is_open_tasks_wait_without_a_letter_and_then_go_on(engine, client, redis_url):
    with redis.Redis.from_url(redis_url) as broker:
        guard = Breaker(broker, ASSISTANT, OnboardingLLMTask.breakers[ASSISTANT])

        def time_out():
            raise APITimeoutError(None)

        for _ in range(guard.settings.failures):
            with pytest.raises(APITimeoutError):
                guard.call(time_out)
        session = start_session(engine)
        tasks.send(tasks.process_conversation_step_v2, session, "hello", correlation_id="c-1")
        eventually(lambda: broker.hlen("unacked") == 1)
        [state] = states(broker, now())
        assert (state.dependency, state.circuit, state.reason) == (ASSISTANT, Circuit.OPEN, "APITimeoutError")

        def validated():
            with engine.connect() as connection:
                return "validated" in sessions.get(connection, "s1").checkpoint

        eventually(validated)
        [state] = states(broker, now())
    assert state.circuit == Circuit.CLOSED
    assert console.letters(engine, ADA, redactor=Redactor()).letters == ()


@pytest.mark.servers
def test_task_dlq_integration_on_failure(engine, client):
    """A task fails by a bug: one letter holds all of it, the worker goes on, and a retry settles it."""
    session = start_session(engine)
    tasks.send(tasks.apply_approved_recommendations_v2, session, correlation_id="c-1")
    [row] = eventually(lambda: console.letters(engine, ADA, redactor=Redactor()).letters)
    letter = console.letter(engine, ADA, row.id, redactor=Redactor(), sealer=UNSEALED)
    assert (row.task_name, row.exception_type, row.category, row.status) == (
        "onboarding.apply_approved_recommendations_v2",
        "KeyError",
        Category.BUG,
        Status.DEAD,
    )
    assert (row.session_id, row.client_id, row.correlation_id, row.queue) == ("s1", "acme", "c-1", "onward")
    assert "onboarding/tasks.py" in letter.attempts[0].traceback
    with engine.connect() as connection:
        body = connection.execute(text("SELECT body FROM onward.dead_letter")).scalar_one()
    assert json.loads(bytes(body))[0] == ["s1"], "the arguments as they lay in the broker"

    tasks.send(tasks.process_conversation_step_v2, session, "hello", correlation_id="c-1")
    eventually(lambda: "validated" in session_of(engine).checkpoint)
    with engine.begin() as connection:
        sessions.advance(connection, "s1", Stage.APPROVAL_DECISION, at=now(), leaving={"approved": True})
    RetryClient(engine, client, audit.record, sealer=UNSEALED).retry(row.id, ADA)
    eventually(lambda: console.counts(engine, ADA)[Status.RESOLVED] == 1)
    assert session_of(engine).stage == Stage.COMPLETED
    assert len(console.letters(engine, ADA, redactor=Redactor()).letters) == 1
