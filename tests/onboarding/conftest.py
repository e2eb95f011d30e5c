"""A worker of our own app on this test's servers."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
from celery import Celery, _state

from infra.celery_app import create_celery
from tests.dlq.worker import eventually


@pytest.fixture
def client(engine, database_url, redis_url, tmp_path, monkeypatch) -> Iterator[Celery]:
    """The client that sends to the worker."""
    log = tmp_path / "worker.log"
    told = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "ONWARD_HOME": str(tmp_path)}
    command = [sys.executable, "-m", "celery", "-A", "recovery.worker", "worker", "-c", "1", "-l", "INFO"]
    with (
        log.open("wb") as output,
        subprocess.Popen(
            command,
            env={**os.environ, **told, "DLQ_SPOOL": str(tmp_path / "spool")},
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        ) as worker,
    ):
        try:
            eventually(lambda: b" ready." in log.read_bytes() or worker.poll() is not None)
            assert worker.poll() is None, log.read_text()
            app = create_celery(redis_url)
            # Shared tasks belong to the current app, and other tests make theirs current.
            monkeypatch.setattr(_state._tls, "current_app", app)
            yield app
            app.close()
        finally:
            os.killpg(worker.pid, signal.SIGKILL)
