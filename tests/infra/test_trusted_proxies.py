"""Whom a request is said to come from is believed of a proxy that the settings name, and of nobody else."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from infra.access.layers import layers
from infra.database import open_engine
from infra.home import DataFolder
from infra.servers import Servers
from infra.settings import Settings
from infra.supervisor.programs import environment

FORGED = {"host": "localhost", "x-forwarded-for": "192.0.2.9", "x-forwarded-proto": "https"}
NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)


async def whence(request: Request) -> Response:
    return PlainTextResponse(f"{request.url.scheme} {request.client.host if request.client else None}")


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The answer to a request from this machine, by a dashboard that trusts these proxies."""

    def of(trusted: str) -> str:
        for name, value in environment(DataFolder(tmp_path), Servers("", "", ""), {}).items():
            monkeypatch.setenv(name, value)
        settings = Settings.from_env({"ONWARD_TRUSTED_PROXIES": trusted})
        nowhere = open_engine("postgresql+psycopg://nobody@127.0.0.1:1/none")
        before = layers(settings, nowhere, "onward", lambda: NOON, {})
        server = uvicorn.Config(Starlette(routes=[Route("/healthz", whence)], middleware=before))
        server.load()
        client = TestClient(server.loaded_app, client=("127.0.0.1", 40000))
        return client.get("/healthz", headers=FORGED).text

    return of


def test_by_default_nobody_is_believed(asked) -> None:
    assert asked("") == "http 127.0.0.1"


def test_a_trusted_proxy_says_who_asks_and_whether_over_tls(asked) -> None:
    assert asked("10.9.9.9, 127.0.0.0/8") == "https 192.0.2.9"


def test_another_proxy_is_not_believed(asked) -> None:
    assert asked("10.0.0.0/8, 10.9.9.9") == "http 127.0.0.1"
