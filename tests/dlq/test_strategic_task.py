"""What a task does about its own errors; without a worker Celery makes each further attempt at once."""

import logging

import pytest
from celery import Celery
from celery.exceptions import Ignore, Reject

from dlq.errors import BreakerOpen
from dlq.strategies.breaker import BreakerSettings
from dlq.strategies.categories import Category
from dlq.strategies.strategy import STRATEGIES, Strategy
from dlq.strategies.task import StrategicTask


@pytest.fixture
def app():
    app = Celery("strategic", broker="memory://", backend="cache+memory://", set_as_current=False)
    yield app
    app.close()


class Flaky:
    """Raises one error after another, then answers; notes the pause that Celery was asked for before each."""

    def __init__(self, app, *errors, **options):
        self.errors = list(errors)
        self.runs = 0
        self.pauses = []

        def body(task):
            self.runs += 1
            if self.errors:
                raise self.errors.pop(0)
            return "done"

        self.task = app.task(bind=True, base=StrategicTask, shared=False, name="shop.order", **options)(body)
        celerys_own = self.task.retry
        self.task.retry = lambda **asked: self.pauses.append(asked["countdown"]) or celerys_own(**asked)

    def run(self, **options):
        return self.task.apply(**options)


def test_a_passing_error_is_tried_again_until_the_task_is_done(app):
    flaky = Flaky(app, ConnectionError("a"), TimeoutError("b"))
    assert flaky.run().get() == "done"
    assert flaky.runs == 3


def test_pauses_grow_with_each_attempt(app):
    flaky = Flaky(app, *[ConnectionError("away")] * 4)
    flaky.run()
    bounds = [(0.5, 1), (1.5, 3), (4.5, 9), (13.5, 27)]
    assert all(low <= pause <= high for pause, (low, high) in zip(flaky.pauses, bounds, strict=True))


@pytest.mark.parametrize(
    ("error", "category"),
    [
        (ConnectionError("away"), Category.TRANSIENT),
        (TimeoutError("slow"), Category.TIMEOUT),
        (MemoryError("full"), Category.RESOURCE),
        (ValueError("wrong"), Category.VALIDATION),
        (KeyError("plan"), Category.BUG),
    ],
)
def test_each_category_has_its_limit_and_then_the_error_itself_comes_out(app, error, category):
    flaky = Flaky(app, *[error] * 50)
    result = flaky.run()
    assert flaky.runs == STRATEGIES[category].limit + 1
    assert result.result is error


def test_a_task_may_have_strategies_of_its_own_and_max_retries_bounds_them(app):
    flaky = Flaky(app, *[KeyError("race")] * 9, strategies={Category.BUG: Strategy(limit=3)})
    flaky.run()
    assert flaky.runs == 4


def test_max_retries_bounds_every_strategy(app):
    flaky = Flaky(app, *[ConnectionError("away")] * 9, max_retries=1)
    flaky.run()
    assert flaky.runs == 2


def test_a_fallback_answers_when_no_attempt_is_left(app):
    strategy = Strategy(limit=1, fallback=lambda task, error: f"{task.name} without {error}")
    flaky = Flaky(app, *[ConnectionError("prices")] * 9, strategies={Category.TRANSIENT: strategy})
    assert flaky.run().get() == "shop.order without prices"
    assert flaky.runs == 2


@pytest.mark.parametrize("decision", [Ignore(), Reject("not wanted")])
def test_what_the_task_decides_itself_is_left_alone(app, decision):
    flaky = Flaky(app, decision)
    flaky.run()
    assert (flaky.runs, flaky.pauses) == (1, [])


def test_called_as_a_function_it_is_one(app):
    flaky = Flaky(app, ConnectionError("away"))
    with pytest.raises(ConnectionError):
        flaky.task()
    assert flaky.task() == "done"


class Refused(ConnectionError):
    retry_after = 40


def test_a_server_that_asks_for_time_gets_it(app):
    flaky = Flaky(app, Refused("busy"))
    flaky.run()
    assert 40.5 <= flaky.pauses[0] <= 41


def test_waiting_for_a_breaker_uses_up_no_attempt(app):
    flaky = Flaky(app, *[BreakerOpen("bank", 5)] * 10, *[TimeoutError("slow")] * 2)
    assert flaky.run().get() == "done"
    assert flaky.runs == 13
    assert all(5 <= pause <= 8 for pause in flaky.pauses[:10])
    assert 1 <= flaky.pauses[10] <= 2
    assert 2 <= flaky.pauses[11] <= 4


def test_nobody_waits_for_a_breaker_for_ever(app):
    flaky = Flaky(app, *[BreakerOpen("bank", 5)] * 500)
    result = flaky.run()
    assert isinstance(result.result, BreakerOpen)
    assert flaky.runs == StrategicTask.most_waits + STRATEGIES[Category.TRANSIENT].limit + 1


def test_the_retry_of_a_letter_does_not_count_what_the_first_run_waited(app):
    stale = {"dlq_waits": {"task_id": "the first run", "count": 20}}
    flaky = Flaky(app, *[TimeoutError("slow")] * 50)
    flaky.run(headers=stale, task_id="the retry")
    assert flaky.runs == STRATEGIES[Category.TIMEOUT].limit + 1


def test_headers_of_the_caller_reach_every_attempt(app):
    seen = []

    @app.task(bind=True, base=StrategicTask, shared=False)
    def work(task):
        seen.append(task.request.headers["session_id"])
        if len(seen) == 1:
            raise BreakerOpen("bank", 1)
        if len(seen) == 2:
            raise ConnectionError("away")

    work.apply(headers={"session_id": "s1"})
    assert seen == ["s1"] * 3


def test_the_log_says_where_the_task_stands_without_its_arguments(app, caplog):
    caplog.set_level(logging.WARNING, "dlq")
    Flaky(app, *[TimeoutError("secret")] * 3).run(headers={"session_id": "s1"})
    first, _, last = (record.message for record in caplog.records if record.name == "dlq")
    assert first.startswith(
        "This took longer than it may: attempt 1 of 3 of shop.order for session s1 failed"
    )
    assert "the next is in" in first
    assert last.endswith("attempt 3 of 3 of shop.order for session s1 failed, and it was the last.")


@pytest.mark.servers
def test_failures_of_one_task_open_the_breaker_for_the_next(redis_url):
    app = Celery("strategic", broker=redis_url, set_as_current=False)
    app.conf.task_store_eager_result = False
    settings = {"bank": BreakerSettings(failures=2)}

    @app.task(bind=True, base=StrategicTask, shared=False, breakers=settings, max_retries=0, most_waits=0)
    def pay(task, answer):
        return task.through("bank", lambda: 1 / answer if answer else fail())

    def fail():
        raise ConnectionError("no route")

    outcomes = [type(pay.apply((answer,)).result) for answer in (1, 0, 0, 1)]
    app.close()
    assert outcomes == [float, ConnectionError, ConnectionError, BreakerOpen]


def test_a_broker_that_is_no_redis_means_no_breakers(app):
    @app.task(
        bind=True,
        base=StrategicTask,
        shared=False,
        breakers={"bank": BreakerSettings(failures=1)},
        max_retries=0,
    )
    def pay(task):
        return task.through("bank", lambda: "paid")

    assert pay.apply().get() == "paid"
