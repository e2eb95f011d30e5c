"""What is said of this process and of what it stands on, to whoever asks."""

from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from analytics.queries import Reader
from analytics.store import EventStore
from api.health import health_routes
from infra.database import open_engine
from recovery.funnels import Funnels
from tests.browser.conftest import free_port

pytestmark = pytest.mark.servers


def test_a_process_that_answers_is_alive(client):
    assert client.get("/healthz").json() == {"status": "ok"}


def test_it_is_ready_without_a_worker_and_says_that_there_is_none(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["silent"]) == ("ready", ["worker"])
    assert answer.json()["checks"].keys() == {"database", "schema", "redis", "events", "worker"}


def test_files_that_count_and_are_gone_make_it_unready(world, client):
    world.funnel()
    world.session("s1", "visited")
    world.sync()
    assert client.get("/readyz").status_code == 200
    world.lose_the_store()
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert "events" in answer.json()["silent"]


def test_what_is_silent_is_named_without_a_secret(tmp_path):
    nowhere = open_engine(f"postgresql+psycopg://nobody:secret@127.0.0.1:{free_port()}/none")
    funnels = Funnels(Reader(nowhere, EventStore.at(str(tmp_path))), None)
    routes = health_routes(nowhere, f"redis://127.0.0.1:{free_port()}/0", funnels, lambda: datetime.now(UTC))
    client = TestClient(Starlette(routes=routes))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["silent"] == ["database", "schema", "redis", "events", "worker"]
    assert "secret" not in answer.text
    assert client.get("/healthz").status_code == 200
