"""A bulk retry through real processes, some of which are killed at it."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from celery import Celery
from sqlalchemy import text

from dlq.operations import console
from dlq.operations.preview import preview
from dlq.operations.records import Action, OperationStatus, Options, Selection
from dlq.redaction import Redactor
from dlq.retries import reaper
from dlq.retries.publishing import Publisher
from dlq.sealing import Sealer
from tests.dlq.builders import Operator, RecordedAudit, body_of, count, envelope, fail
from tests.dlq.worker import eventually

pytestmark = pytest.mark.servers
OLGA = Operator()
LETTERS = 300
KILLED_AT = (60, 130, 200)
PATIENCE_SECONDS = 120.0


@contextmanager
def process(environ, *command) -> Iterator["subprocess.Popen[bytes]"]:
    """A Python program that is killed at the end of the block, if not before."""
    with subprocess.Popen([sys.executable, "-m", *command], env=os.environ | environ) as started:
        yield started
        started.kill()


def runner(environ):
    return process(environ, "tests.dlq.operation_runner")


@pytest.fixture
def paid(engine, owner):
    """What the task writes when it runs."""
    with owner.begin() as connection:
        connection.execute(text("CREATE TABLE public.paid (order_number int)"))
        connection.execute(text("GRANT SELECT, INSERT ON public.paid TO PUBLIC"))
    yield lambda: orders_in(engine)
    with owner.begin() as connection:
        connection.execute(text("DROP TABLE public.paid"))


def orders_in(engine):
    with engine.connect() as connection:
        return sorted(connection.execute(text("SELECT order_number FROM public.paid")).scalars())


def by_status(engine):
    with engine.connect() as connection:
        return dict(
            connection.execute(text("SELECT status, count(*) FROM onward.dead_letter GROUP BY 1")).all()
        )


def write_letters(engine):
    for order in range(LETTERS):
        fail(engine, envelope(f"t{order}", task_name="fenced.pay", body=body_of(order)))


def start(engine, **options):
    seen = preview(engine, OLGA, Action.RETRY, Selection(), Options(**options), redactor=Redactor())
    return console.start(engine, OLGA, seen, "provider is back", audit=RecordedAudit())


def kill_runners_at(engine, environ, operation):
    """Of two runners one is killed each time that so many letters are done, and another takes its place."""
    for done in KILLED_AT:
        with runner(environ):
            eventually(lambda done=done: now(engine, operation).done >= done, PATIENCE_SECONDS)


def now(engine, operation):
    return console.operation(engine, OLGA, operation.id)


def test_killed_runners_lose_nothing_and_every_fenced_task_runs_once(engine, database_url, redis_url, paid):
    write_letters(engine)
    operation = start(engine)
    environ = {"FENCED_DATABASE": database_url, "FENCED_BROKER": redis_url}
    worker = ("celery", "-A", "tests.dlq.fenced_app", "worker", "-c", "2", "--without-gossip")
    with Celery(broker=redis_url, set_as_current=False) as app, process(environ, *worker) as working:
        with runner(environ):
            kill_runners_at(engine, environ, operation)

            def finished():
                reaper.reap(engine, Publisher(app), sealer=Sealer(), stale_seconds=2)
                return now(engine, operation).status == OperationStatus.FINISHED

            eventually(finished, PATIENCE_SECONDS)
        eventually(lambda: by_status(engine) == {"resolved": LETTERS}, PATIENCE_SECONDS)
        working.terminate()
        working.wait(PATIENCE_SECONDS)  # Celery's own warm shutdown sometimes takes half a minute
    assert paid() == list(range(LETTERS))
    ended = now(engine, operation)
    assert (ended.done, ended.skipped, ended.failed) == (LETTERS, 0, 0)
    assert count(engine, "dead_letter") == LETTERS


def test_two_runners_keep_a_rate_together(engine, database_url, redis_url):
    write_letters(engine)
    operation = start(engine, rate_per_second=50)
    environ = {"FENCED_DATABASE": database_url, "FENCED_BROKER": redis_url}
    with runner(environ), runner(environ):
        eventually(lambda: now(engine, operation).status == OperationStatus.FINISHED, PATIENCE_SECONDS)
    ended = now(engine, operation)
    seconds = (ended.advanced_at - ended.started_at).total_seconds()
    assert ended.done == LETTERS
    assert seconds >= 0.9 * (LETTERS - 50) / 50, "slower on a busy machine, but never faster"
