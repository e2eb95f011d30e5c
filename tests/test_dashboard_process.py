"""The dashboard as a process of its own: what it logs, what it sends, and how it ends."""

import gzip
import json
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx2 as httpx
import pytest
from sqlalchemy import text

from infra.access import sessions
from infra.access.roles import Person, Role
from infra.access.sign_in import cookie_name
from tests.dlq import builders
from tests.dlq.worker import eventually
from tests.infra.processes import Started, free_port, started

pytestmark = pytest.mark.servers

LETTERS = "/api/v1/admin/dlq/tasks/"


class Dashboard:
    def __init__(self, process: Started, client: httpx.Client) -> None:
        self.process = process
        self.client = client

    def stop(self) -> list[str]:
        """Ask it to stop as a service manager does; what it said until its end."""
        self.process.send(signal.SIGTERM)
        return self.said_to_the_end()

    def said_to_the_end(self) -> list[str]:
        # The server dies of the signal that it was sent, once it is done: what service managers call clean.
        assert self.process.end() == -signal.SIGTERM
        assert any("Application shutdown complete" in line for line in self.process.said)
        return self.process.said


@pytest.fixture
def dashboard(engine, database_url, redis_url, tmp_path: Path) -> Iterator[Dashboard]:
    """One that answers, and a client that is signed in."""
    link = sessions.create_link(engine, Person("ada", Role.ADMIN), by="onward", now=datetime.now(UTC))
    token = sessions.sign_in(engine, link, now=datetime.now(UTC))
    port = str(free_port())
    command = ("streamlit", "run", "app.py", "--server.port", port)
    servers = {"DATABASE_URL": database_url, "REDIS_URL": redis_url}
    with (
        started(tmp_path, *command, **servers) as process,
        httpx.Client(
            base_url=f"http://127.0.0.1:{port}", cookies={cookie_name(tmp_path): str(token)}, timeout=30
        ) as client,
    ):
        eventually(lambda: _answers(client) or not process.is_running())
        yield Dashboard(process, client)


def _answers(client: httpx.Client) -> bool:
    try:
        return client.get("/healthz").status_code == 200
    except httpx.TransportError:
        return False


def test_each_request_leaves_a_json_line_with_its_ids_and_who_asked(dashboard):
    dashboard.client.get(LETTERS, params={"search": "hidden"}, headers={"x-correlation-id": "c-1"})
    lines = [json.loads(line) for line in dashboard.stop() if line.startswith("{")]
    [line] = [line for line in lines if LETTERS in line["message"]]
    assert line["logger"] == "onward.access"
    assert (line["message"], line["status"], line["person"]) == (f"GET {LETTERS}", 200, "ada")
    assert line["correlation_id"] == "c-1"
    assert "hidden" not in json.dumps(lines)


def test_all_lines_are_json_but_the_greeting(dashboard):
    dashboard.client.get("/")
    said = dashboard.stop()
    plain = [line for line in said if line.strip() and not line.startswith("{")]
    assert all("http://" in line or "browser" in line for line in plain), plain
    assert any(json.loads(line)["logger"].startswith("uvicorn") for line in said if line.startswith("{"))


def test_the_scripts_of_a_page_go_out_compressed(dashboard):
    page = dashboard.client.get("/").text
    script = "/" + page.partition('src="./')[2].partition('"')[0]
    answer = dashboard.client.get(script)
    assert answer.headers["content-encoding"] == "gzip"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert len(gzip.compress(answer.content)) < len(answer.content) / 2


def test_a_request_that_runs_is_answered_before_the_process_ends(dashboard, engine):
    builders.fail(engine, builders.envelope(), builders.failure())
    with ThreadPoolExecutor(1) as threads, engine.connect() as holding:
        with holding.begin():
            holding.execute(text("LOCK TABLE onward.dead_letter IN ACCESS EXCLUSIVE MODE"))
            waiting = threads.submit(dashboard.client.get, LETTERS)
            eventually(lambda: _waits_for_the_lock(engine))
            dashboard.process.send(signal.SIGTERM)
            eventually(lambda: not _connects(dashboard.client))
            assert dashboard.process.is_running()
        answer = waiting.result(30)
    assert answer.status_code == 200
    assert "shop.pay" in answer.text
    dashboard.said_to_the_end()


def _waits_for_the_lock(engine) -> bool:
    waiting = text(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'onward.dead_letter'::regclass"
    )
    with engine.connect() as connection:
        return connection.execute(waiting).scalar_one() > 0


def _connects(client: httpx.Client) -> bool:
    with httpx.Client(base_url=client.base_url, timeout=1) as another:
        return _answers(another)
