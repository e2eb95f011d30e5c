"""What beat asks for exists on the worker, and does what the page promises."""

import importlib
import logging
import sys
from datetime import UTC, datetime, timedelta

import pytest
import redis
from sqlalchemy import text

import analytics
from dlq import console
from dlq.errors import BrokerUnavailable
from dlq.letters import Status
from dlq.operations import console as operations
from dlq.operations.preview import preview
from dlq.operations.records import Action, OperationStatus, Selection
from dlq.redaction import Redactor
from dlq.retries.retry import RetryClient
from infra import audit
from infra.access.roles import Person, Role
from infra.celery_app import QUEUE
from infra.worker_engine import worker_engine
from tests.dlq import builders

pytestmark = pytest.mark.servers

ADA = Person("ada", Role.OPERATOR)


@pytest.fixture
def worker_app(engine, database_url, redis_url, tmp_path, monkeypatch):
    """The app that worker and beat run, with its task modules imported."""
    for name, value in {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ONWARD_HOME": str(tmp_path),
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr("celery._state.default_app", None)
    plain_records = logging.getLogRecordFactory()
    sys.modules.pop("recovery.worker", None)
    app = importlib.import_module("recovery.worker").app
    app.loader.import_default_modules()
    yield app
    logging.setLogRecordFactory(plain_records)
    worker_engine(app).dispose()
    app.close()


def test_every_entry_of_the_schedule_is_a_task_of_the_worker(worker_app):
    entries = {entry["task"] for entry in worker_app.conf.beat_schedule.values()}
    assert entries == {
        "recovery.sync_events",
        "recovery.retain_events",
        "recovery.run_operations",
        "recovery.finish_retries",
        "recovery.find_vanished",
        "recovery.keep_letters_in_bounds",
    }
    assert entries <= set(worker_app.tasks)


def test_nothing_that_worker_and_beat_log_holds_a_secret(worker_app, caplog):
    logging.getLogger("celery.app.trace").error("Task %s raised: %s", "shop.pay", "password=hunter2")
    assert caplog.messages == ["Task shop.pay raised: password=[redacted]"]


def test_no_periodic_task_leaves_a_letter(worker_app):
    for entry in worker_app.conf.beat_schedule.values():
        assert worker_app.tasks[entry["task"]].dead_letters is False


def test_a_retry_that_found_no_broker_is_sent_by_the_schedule(worker_app, engine, redis_url):
    letter_id = builders.fail(engine, builders.envelope(queue=QUEUE))

    def away(_message):
        raise BrokerUnavailable("gone for lunch")

    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    receipt = RetryClient(
        engine, None, audit.record, clock=lambda: an_hour_ago, publish=away, sealer=builders.UNSEALED
    ).retry(letter_id, ADA)
    assert not receipt.published

    worker_app.tasks["recovery.finish_retries"]()
    with redis.Redis.from_url(redis_url) as broker:
        assert broker.llen(QUEUE) == 1
    assert console.counts(engine, ADA)[Status.RETRYING] == 1

    worker_app.tasks["recovery.finish_retries"]()
    with redis.Redis.from_url(redis_url) as broker:
        assert broker.llen(QUEUE) == 1


def test_events_are_taken_into_the_store_by_the_schedule(worker_app, engine):
    with engine.begin() as connection:
        analytics.record(connection, session_id="s1", name="visited", occurred_at=datetime.now(UTC))
    worker_app.tasks["recovery.sync_events"]()
    with engine.connect() as connection:
        rows = connection.execute(text("SELECT sum(rows) FROM onward.event_partition")).scalar_one()
    assert rows == 1


def test_an_operation_that_somebody_started_is_carried_out_by_the_schedule(worker_app, engine):
    letter_id = builders.fail(engine, builders.envelope(queue=QUEUE))
    seen = preview(engine, ADA, Action.RETRY, Selection(), redactor=Redactor())
    started = operations.start(engine, ADA, seen, "calm again", audit=audit.record)

    worker_app.tasks["recovery.run_operations"]()

    assert operations.operation(engine, ADA, started.id).status == OperationStatus.FINISHED
    assert builders.letter(engine, letter_id)["status"] == Status.RETRYING
