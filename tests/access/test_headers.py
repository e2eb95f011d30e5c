"""What every answer carries, and which host names are answered at all."""

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from infra.access.headers import AnswerHeaders, security_headers
from infra.access.hosts import AllowedHosts
from infra.settings import Settings


async def cookies(_request: Request) -> Response:
    answer = PlainTextResponse("here")
    answer.set_cookie("plain", "1")
    answer.set_cookie("guarded", "2", secure=True)
    return answer


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.close()


def client(address: str, *names: str) -> TestClient:
    layers = [
        Middleware(AnswerHeaders, headers={"x-frame-options": "DENY"}),
        Middleware(AllowedHosts, names=names),
    ]
    routes = [Route("/", cookies), WebSocketRoute("/stream", talk)]
    return TestClient(Starlette(routes=routes, middleware=layers), base_url=address)


def test_every_answer_carries_the_security_headers_refusals_too() -> None:
    asked = client("http://onward.example", "onward.example")
    assert asked.get("/").headers["x-frame-options"] == "DENY"
    assert asked.get("/nowhere").headers["x-frame-options"] == "DENY"
    assert asked.get("/", headers={"host": "evil.example"}).headers["x-frame-options"] == "DENY"


def test_over_tls_every_cookie_is_secure_and_no_other_way() -> None:
    over_tls = client("https://onward.example", "*").get("/").headers.get_list("set-cookie")
    assert [cookie.lower().count("; secure") for cookie in over_tls] == [1, 1]
    plain = client("http://onward.example", "*").get("/").headers.get_list("set-cookie")
    assert [cookie.lower().count("; secure") for cookie in plain] == [0, 1]


def test_an_answer_without_cookies_gets_none() -> None:
    assert "set-cookie" not in client("https://onward.example", "*").get("/nowhere").headers


@pytest.mark.parametrize("host", ["onward.example", "ONWARD.example:8501", "[::1]:8501"])
def test_a_name_of_ours_is_answered(host: str) -> None:
    assert client("http://x", "onward.example", "::1").get("/", headers={"host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "onward.example.evil.example", "", "[::1", "[evil]"])
def test_another_name_is_not_answered(host: str) -> None:
    answer = client("http://x", "onward.example", "::1").get("/", headers={"host": host})
    assert answer.status_code == 400
    assert answer.headers["content-type"] == "application/problem+json"
    assert "ONWARD_ALLOWED_HOSTS" in answer.json()["detail"]


def test_a_websocket_to_another_name_is_refused() -> None:
    asked = client("http://x", "onward.example")
    with pytest.raises(WebSocketDisconnect), asked.websocket_connect("/stream", headers={"host": "evil"}):
        pass


def test_where_only_this_machine_listens_only_its_names_are_answered() -> None:
    assert Settings.from_env({}).allowed_hosts == ("localhost", "127.0.0.1", "::1")
    assert Settings.from_env({"ONWARD_HOST": "10.0.0.7"}).allowed_hosts == ("*",)


def test_with_names_of_its_own_it_answers_to_this_machine_still_for_its_health_is_asked_from_here() -> None:
    named = {"ONWARD_HOST": "10.0.0.7", "ONWARD_ALLOWED_HOSTS": "Onward.example, localhost"}
    expected = ("localhost", "127.0.0.1", "::1", "10.0.0.7", "onward.example")
    assert Settings.from_env(named).allowed_hosts == expected


def test_the_policy_names_the_inline_script_of_the_page_and_no_foreign_host(tmp_path) -> None:
    index = tmp_path / "index.html"
    index.write_text("<script src='x.js'></script><script>start()</script>")
    policy = security_headers(index)["content-security-policy"]
    assert policy.count("'sha256-") == 1
    assert "http" not in policy
    assert "'unsafe-eval'" not in policy
