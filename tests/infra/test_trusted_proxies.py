"""Whom a request is said to come from is believed of a proxy that the settings name, and of nobody else."""

from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient

from infra.home import DataFolder
from infra.servers import Servers
from infra.settings import Settings
from infra.supervisor.programs import environment

FORGED = {"x-forwarded-for": "192.0.2.9", "x-forwarded-proto": "https"}


async def whence(request: Request) -> Response:
    return PlainTextResponse(f"{request.url.scheme} {request.client.host if request.client else None}")


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """The answer to a request from this machine, by a dashboard that trusts these proxies."""

    def of(trusted: str) -> str:
        settings = Settings.from_env({"ONWARD_TRUSTED_PROXIES": trusted})
        for name, value in environment(settings, DataFolder(tmp_path), Servers("", "", ""), {}).items():
            monkeypatch.setenv(name, value)
        server = uvicorn.Config(Starlette(routes=[Route("/", whence)]))
        server.load()
        return TestClient(server.loaded_app, client=("127.0.0.1", 40000)).get("/", headers=FORGED).text

    return of


def test_by_default_nobody_is_believed(asked) -> None:
    assert asked("") == "http 127.0.0.1"


def test_a_trusted_proxy_says_who_asks_and_whether_over_tls(asked) -> None:
    assert asked("127.0.0.1") == "https 192.0.2.9"


def test_another_proxy_is_not_believed(asked) -> None:
    assert asked("10.0.0.0/8, 10.9.9.9") == "http 127.0.0.1"
