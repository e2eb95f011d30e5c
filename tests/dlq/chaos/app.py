"""Somebody's Celery app whose tasks fail in several ways until the flag file says that the cause is gone.

The work of task n is one row in `public.chaos_run`, written in a fenced transaction.
"""

import os
import time
from functools import cache
from pathlib import Path
from typing import Any

from celery import Celery
from celery.exceptions import Reject
from sqlalchemy import Engine, create_engine, text

import dlq
from dlq.tasks import DeadLetterTask

DATABASE_URL = os.environ["CHAOS_DATABASE"]
CALM = Path(os.environ["CHAOS_CALM"])
#: Above the longest task, and short enough for what a killed worker held to come back within the run.
VISIBILITY_SECONDS = 15

app = Celery("chaos", broker=os.environ["CHAOS_BROKER"])
app.conf.update(
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={
        "visibility_timeout": VISIBILITY_SECONDS,
        # Whoever is killed while it gives messages back keeps all others from it for so long; 300 by itself.
        "unacked_mutex_expire": VISIBILITY_SECONDS,
    },
    task_ignore_result=True,
    worker_prefetch_multiplier=4,
)
dlq.install(app, database_url=DATABASE_URL, publishing=True)


class ChaosTask(DeadLetterTask):
    abstract = True
    idempotent = True
    fenced = True
    in_flight = True
    max_retries = 2


@app.task(base=ChaosTask, bind=True, name="chaos.early")
def early(self: ChaosTask, n: int) -> None:
    _work(self, n)


@app.task(base=ChaosTask, bind=True, name="chaos.late", acks_late=True)
def late(self: ChaosTask, n: int) -> None:
    _work(self, n)


def _work(task: ChaosTask, n: int) -> None:
    if not CALM.exists():
        _fail(task, n % 20)
    time.sleep(0.005 * (n % 5))
    with _engine().begin() as connection:
        task.once(connection)
        connection.execute(
            text("INSERT INTO public.chaos_run (n, task_id) VALUES (:n, :task_id)"),
            {"n": n, "task_id": task.request.id},
        )


def _fail(task: Any, way: int) -> None:
    match way:
        case 13:
            raise ValueError("no such plan")
        case 14:
            raise task.retry(exc=ConnectionError("no route"), countdown=0)
        case 15:
            raise Reject("not wanted", requeue=False)
        case 16:
            os._exit(9)
        case 17:
            raise SystemExit(3)
        case 18:
            raise MemoryError("too much")
        case 19:
            time.sleep(0.3)


@cache
def _engine() -> Engine:
    return create_engine(DATABASE_URL, pool_pre_ping=True, connect_args={"connect_timeout": 2})
