"""Somebody else's Celery app, as our tests meet it: plain tasks, shared tasks, a request class of its own.

The tests' own app object is only for publishing; workers import this module with the environment that
`worker.py` gives them. The one line that adds capture stands between the task definitions on purpose.
"""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import celery
from celery import Celery, shared_task
from celery.exceptions import Ignore, Reject
from celery.worker.request import Request
from kombu import Exchange, Queue
from kombu.transport.redis import QoS

import dlq
from dlq.tasks import DeadLetterTask

app = Celery("foreign", broker=os.environ["FOREIGN_BROKER"], backend=os.environ.get("FOREIGN_BACKEND"))
app.conf.update(
    accept_content=["json"],
    task_serializer="json",
    result_serializer="json",
    broker_connection_retry_on_startup=True,
    broker_transport_options={"visibility_timeout": 3600},
    worker_cancel_long_running_tasks_on_connection_loss=True,
)
# Topic exchanges are where routing key and queue differ.
app.conf.task_queues = [
    Queue("celery"),
    Queue("slow"),
    Queue("media", Exchange("media", type="topic"), routing_key="media.#"),
    Queue("news", Exchange("news", type="fanout")),
]
app.set_default()


class CountingRequest(Request):
    """An application's own request class, which must keep working."""

    def on_accepted(self, pid: int, time_accepted: float) -> Any:
        ran("accepted")
        return super().on_accepted(pid, time_accepted)


class ForeignTask(celery.Task):
    Request = CountingRequest


def ran(mark: str) -> int:
    """Note that `mark` happened and return how often it has."""
    path = Path(os.environ["FOREIGN_MARKS"]) / mark
    with path.open("a") as file:
        file.write(".")
    return path.stat().st_size


def flag(name: str) -> bool:
    """Whether the test has removed the cause of a failure."""
    return (Path(os.environ["FOREIGN_MARKS"]) / f"flag-{name}").exists()


@app.task
def divide(a: int, b: int, mark: str = "divide", **_: Any) -> float:
    ran(mark)
    return a / (b or flag("nonzero"))


@app.task(bind=True, max_retries=2)
def keep_trying(self: celery.Task, mark: str) -> None:
    ran(mark)
    if not flag("calm"):
        raise self.retry(exc=ConnectionError("no route"), countdown=0)


if database_url := os.environ.get("FOREIGN_DATABASE"):
    dlq.install(app, database_url=database_url, publishing="FOREIGN_PUBLISHING" in os.environ)

if "FOREIGN_DIES_TAKING" in os.environ:
    note_taken = QoS.append

    def die_before_noting(self: QoS, message: Any, delivery_tag: str) -> None:
        """Be killed when the message has left the queue and is nowhere else yet."""
        if flag("die"):
            os.kill(os.getpid(), signal.SIGKILL)
        note_taken(self, message, delivery_tag)

    QoS.append = die_before_noting


@app.task(dead_letters=False)
def each_minute(mark: str) -> None:
    ran(mark)
    raise ConnectionError("the next run will do")


@app.task(dead_letters=False, time_limit=1)
def each_minute_too_slow(mark: str) -> None:
    ran(mark)
    time.sleep(30)


@shared_task
def shared(mark: str) -> None:
    ran(mark)
    raise KeyError(mark)


@app.task(base=ForeignTask)
def with_own_request(mark: str) -> None:
    ran(mark)
    raise ValueError("own request")


@app.task(acks_late=True, reject_on_worker_lost=True)
def always_killed(mark: str) -> None:
    ran(mark)
    os.kill(os.getpid(), signal.SIGKILL)


@app.task
def killed(mark: str) -> None:
    ran(mark)
    if not flag("alive"):
        os.kill(os.getpid(), signal.SIGKILL)


@app.task(acks_late=True)
def killed_late(mark: str) -> None:
    ran(mark)
    if not flag("alive"):
        os.kill(os.getpid(), signal.SIGKILL)


@app.task(soft_time_limit=0.3)
def slow_soft(mark: str) -> None:
    ran(mark)
    time.sleep(10)


@app.task(time_limit=1)
def slow_hard(mark: str) -> None:
    ran(mark)
    time.sleep(30)


@app.task(acks_late=True, acks_on_timeout=False, time_limit=1)
def slow_hard_again(mark: str) -> None:
    ran(mark)
    time.sleep(30)


@app.task
def reject(mark: str) -> None:
    ran(mark)
    raise Reject("not wanted", requeue=False)


@app.task(acks_late=True)
def reject_late(mark: str) -> None:
    ran(mark)
    raise Reject("not wanted", requeue=False)


@app.task(acks_late=True)
def go_back(mark: str) -> None:
    ran(mark)
    if not flag("calm"):
        raise Reject("not yet", requeue=True)


@app.task
def ignore(mark: str) -> None:
    ran(mark)
    raise Ignore


@app.task
def leave(mark: str) -> None:
    ran(mark)
    raise SystemExit(3)


@app.task
def out_of_memory(mark: str) -> None:
    ran(mark)
    raise MemoryError("too much")


@app.task(acks_late=True)
def out_of_memory_late(mark: str) -> None:
    ran(mark)
    raise MemoryError("too much")


@app.task
def touch(mark: str) -> None:
    ran(mark)


@app.task
def for_session(session_id: str) -> None:
    raise ValueError(session_id)


@app.task
def sleepy_pid(mark: str) -> None:
    ran(mark)
    (Path(os.environ["FOREIGN_MARKS"]) / f"{mark}.pid").write_text(str(os.getpid()))
    time.sleep(30)


@app.task
def ignore_when_calm(mark: str) -> None:
    ran(mark)
    raise Ignore if flag("calm") else ValueError("restless")


@app.task(bind=True)
def describe_itself(self: celery.Task, mark: str, extra: Any) -> None:
    request = self.request
    seen = {
        "id": request.id,
        "args": request.args,
        "kwargs": request.kwargs,
        "headers": request.headers,
        "root_id": request.root_id,
        "parent_id": request.parent_id,
        "priority": request.delivery_info["priority"],
        "expires": request.expires,
        "timelimit": request.timelimit,
        "retries": request.retries,
    }
    with (Path(os.environ["FOREIGN_MARKS"]) / f"{mark}.seen").open("a") as file:
        file.write(json.dumps(seen) + "\n")
    if not flag("calm"):
        raise ValueError("restless")


@app.task(base=DeadLetterTask)
def start_another(mark: str) -> None:
    shared.apply_async(args=[mark], headers={"session_id": "s-parent"})
    if not flag("calm"):
        raise ValueError("restless")


class Unpicklable(Exception):
    def __init__(self, first: str, second: str) -> None:
        super().__init__(first)
        self.second = lambda: second


@app.task
def unpicklable(mark: str) -> None:
    ran(mark)
    raise Unpicklable("cannot travel", "secret")


@app.task
def unserialisable(mark: str) -> object:
    ran(mark)
    return object()


@app.task
def sleepy(mark: str, seconds: float = 30) -> None:
    ran(mark)
    time.sleep(seconds)
    ran(f"{mark}-done")


@app.task(in_flight=True)
def followed(mark: str) -> None:
    ran(mark)
    if not flag("calm"):
        time.sleep(30)


@app.task(in_flight=True, acks_late=True)
def followed_late(mark: str) -> None:
    ran(mark)
    if not flag("calm"):
        time.sleep(30)


@app.task(in_flight=True)
def followed_failing(mark: str) -> None:
    ran(mark)
    raise ValueError(mark)


@app.task(bind=True, in_flight=True, max_retries=1)
def followed_trying(self: celery.Task, mark: str) -> None:
    if ran(mark) == 1:
        raise self.retry(countdown=0)


@app.task(acks_late=True)
def sleepy_late(mark: str, seconds: float) -> None:
    ran(mark)
    time.sleep(seconds)
    ran(f"{mark}-done")


@app.task(bind=True)
def retry_when_told(self: celery.Task, mark: str) -> None:
    ran(mark)
    while not flag("told"):
        time.sleep(0.02)
    if not flag("calm"):
        try:
            raise self.retry(countdown=0)
        except Reject:
            ran(f"{mark}-refused")
            raise


@app.task(acks_late=True, reject_on_worker_lost=True, dead_letters=False)
def killed_unheard(mark: str) -> None:
    ran(mark)
    os.kill(os.getpid(), signal.SIGKILL)


@app.task
def broken_errback(request: Any, error: Any, traceback: Any) -> None:
    raise LookupError("the errback fails too")
