"""The one line in somebody else's app."""

import subprocess
import sys
from types import SimpleNamespace

import celery
from celery import Celery, shared_task
from celery.app.amqp import AMQP
from celery.worker.request import Request

import dlq
from dlq.envelope import PUBLISHED_HEADER
from dlq.settings import Settings
from dlq.tasks import CORRELATION_HEADER, DeadLetterTask
from dlq.worker.capture import Capture
from dlq.worker.consumer import DeadLetterStep
from dlq.worker.in_flight import IN_FLIGHT_HEADER
from dlq.worker.publishing import LetterAMQP
from dlq.worker.request import LetterRequest, request_class

NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


def steps(app):
    return [step for step in app.steps["consumer"] if issubclass(step, DeadLetterStep)]


def test_importing_the_package_loads_neither_celery_nor_a_database_driver():
    code = "import sys, dlq; print(sorted({'celery', 'sqlalchemy', 'psycopg', 'kombu'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_installing_connects_to_nothing_and_leaves_tasks_alone():
    app = Celery("a", set_as_current=False)

    @app.task
    def plain():
        """A task of theirs."""

    dlq.install(app, database_url=NOWHERE)
    assert len(steps(app)) == 1
    assert app.tasks[plain.name].Request == "celery.worker.request:Request"


def test_installing_twice_keeps_the_second():
    app = Celery("a", set_as_current=False)
    dlq.install(app, database_url=NOWHERE)
    [first] = steps(app)
    dlq.install(app, database_url=NOWHERE, settings=Settings(requeue_limit=9))
    [second] = steps(app)
    assert second is not first
    assert second.capture.settings.requeue_limit == 9


def test_two_apps_have_captures_of_their_own():
    one, other = Celery("a", set_as_current=False), Celery("b", set_as_current=False)
    dlq.install(one, database_url=NOWHERE)
    dlq.install(other, database_url=NOWHERE)
    assert steps(one)[0].capture is not steps(other)[0].capture


class Consumer:
    """As much of a Celery consumer as the step touches before a message comes."""

    hostname = "w1"
    pool = None

    def __init__(self, app):
        self.app = app
        self.updated = 0
        for name in ("on_unknown_task", "on_unknown_message", "on_invalid_task", "on_decode_error"):
            setattr(self, name, lambda *received: None)
        self.create_task_handler = lambda: None

        self.timer = self
        self.timers = []

    def update_strategies(self):
        self.updated += 1

    def call_repeatedly(self, seconds, work):
        self.timers.append(work)
        return SimpleNamespace(cancel=lambda: self.timers.remove(work))


class Counting(Request):
    """A request class of theirs."""


def test_a_worker_adds_capture_to_every_task_whenever_it_was_defined():
    app = Celery("a", set_as_current=False)

    @app.task
    def before():
        """Defined before the line."""

    dlq.install(app, database_url=NOWHERE)

    @app.task(base=type("Own", (celery.Task,), {"Request": Counting}))
    def own():
        """Has a request class of its own."""

    @shared_task(name="theirs.shared")
    def shared():
        """Belongs to no app."""

    consumer = Consumer(app)
    steps(app)[0](consumer)
    consumer.update_strategies()
    consumer.update_strategies()
    assert consumer.updated == 2
    assert all(issubclass(task.Request, LetterRequest) for task in app.tasks.values())
    assert issubclass(app.tasks[own.name].Request, Counting)
    assert app.tasks[own.name].Request.__mro__.count(LetterRequest) == 1
    assert {before.name, "theirs.shared"} <= set(app.tasks)


def test_a_running_worker_replays_its_spool_and_beats_and_a_stopped_one_does_not():
    app = Celery("a", set_as_current=False)
    dlq.install(app, database_url=NOWHERE)
    consumer = Consumer(app)
    step = steps(app)[0](consumer)
    for _ in range(2):  # a lost broker connection stops and starts it again
        step.start(consumer)
        assert step.capture.replay in consumer.timers
        assert len(consumer.timers) == 2
        step.stop(consumer)
        assert consumer.timers == []
    step.shutdown(consumer)


def test_a_worker_replays_what_it_finds_as_it_starts(monkeypatch):
    app = Celery("a", set_as_current=False)
    dlq.install(app, database_url=NOWHERE)
    consumer, replays = Consumer(app), []
    step = steps(app)[0](consumer)
    monkeypatch.setattr(step.capture, "replay", lambda: replays.append(step.capture))
    step.start(consumer)
    assert replays == [step.capture]
    step.stop(consumer)
    step.shutdown(consumer)


def test_capture_is_added_to_a_request_class_once():
    capture = Capture(NOWHERE, Settings())
    added = request_class(Counting, capture)
    assert request_class(added, capture) is added


def test_a_task_passes_on_whose_work_it_does(monkeypatch):
    app = Celery("a", set_as_current=False, broker="memory://")
    sent = []
    monkeypatch.setattr(
        app.amqp, "send_task_message", lambda *_, **options: sent.append(options.get("headers"))
    )

    @app.task(base=DeadLetterTask)
    def child():
        """Started by the other."""

    @app.task(base=DeadLetterTask, bind=True)
    def parent(self):
        child.delay()
        child.apply_async(headers={"session_id": "s2", "tenant": "acme"})

    child.delay()
    parent.apply(headers={"session_id": "s1", "correlation_id": "c1", "tenant": "other"})
    owner = {"session_id": "s1", "correlation_id": "c1", CORRELATION_HEADER: "c1"}
    assert sent == [None, owner, owner | {"session_id": "s2", "tenant": "acme"}]
    assert child.idempotent is False


def published_by(app, monkeypatch, **options):
    """The headers of a message that `app` publishes."""
    sent = []
    monkeypatch.setattr(
        "kombu.messaging.Producer.publish", lambda *_, **message: sent.append(message["headers"])
    )
    app.send_task("theirs.work", **options)
    [headers] = sent
    return headers


def test_published_messages_carry_the_time_and_the_headers_of_the_caller(monkeypatch):
    app = Celery("a", set_as_current=False, broker="memory://")
    dlq.install(app, database_url=NOWHERE)
    headers = published_by(app, monkeypatch, headers={"tenant": "acme", PUBLISHED_HEADER: 1})
    assert headers["tenant"] == "acme"
    assert headers[PUBLISHED_HEADER] > 1_700_000_000_000
    assert IN_FLIGHT_HEADER not in headers


def test_a_followed_task_says_so_in_its_message(monkeypatch, tmp_path):
    app = Celery("a", set_as_current=False, broker="memory://")
    settings = Settings(spool=tmp_path, in_flight=("theirs.*",))
    dlq.install(app, database_url=NOWHERE, settings=settings, publishing=True)
    assert published_by(app, monkeypatch)[IN_FLIGHT_HEADER] is True


def test_what_an_app_publishes_is_noted_once_however_often_the_line_runs():
    class Theirs(AMQP):
        """An application's own."""

    app = Celery("a", set_as_current=False, broker="memory://", amqp=Theirs)
    app.amqp.queues.add("extra")
    for _ in range(2):
        dlq.install(app, database_url=NOWHERE)
    assert isinstance(app.amqp, Theirs)
    assert type(app.amqp).__mro__.count(LetterAMQP) == 1
    assert "extra" in app.amqp.queues
