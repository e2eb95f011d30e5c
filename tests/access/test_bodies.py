"""Large and slow bodies: refused before the routes see them."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from starlette.testclient import TestClient
from starlette.types import Message

from infra.access.bodies import MOST_BYTES, MOST_EVENT_BYTES, BodyLimits
from tests.browser.conftest import free_port
from tests.dlq.worker import DEADLINE_SECONDS, eventually
from tests.loops import finished

EVENTS = "/api/v1/events/"


async def length(request: Request) -> Response:
    return PlainTextResponse(str(len(await request.body())))


@pytest.fixture
def client() -> TestClient:
    routes = [Route("/{path:path}", length, methods=["GET", "POST"])]
    return TestClient(Starlette(routes=routes, middleware=[Middleware(BodyLimits)]))


@pytest.mark.parametrize(("path", "most"), [("/api/v1/x", MOST_BYTES), (EVENTS, MOST_EVENT_BYTES)])
def test_a_body_may_be_as_large_as_the_limit_and_no_larger(client: TestClient, path: str, most: int) -> None:
    assert client.post(path, content=b"x" * most).text == str(most)
    refused = client.post(path, content=b"x" * (most + 1))
    assert (refused.status_code, refused.headers["connection"]) == (413, "close")
    assert refused.json()["detail"] == f"The body is larger than {most} bytes."


def test_a_body_whose_length_is_not_announced_is_counted(client: TestClient) -> None:
    def blocks(number: int) -> Iterator[bytes]:
        yield from [b"x" * 1024] * number

    assert client.post("/api/v1/x", content=blocks(64)).text == str(MOST_BYTES)
    assert client.post("/api/v1/x", content=blocks(65)).status_code == 413


def test_a_request_without_a_body_passes(client: TestClient) -> None:
    assert client.get("/api/v1/x").text == "0"


def asked(messages: list[Message], headers: list[tuple[bytes, bytes]]) -> list[Message]:
    """What BodyLimits sends when these messages arrive and then nothing more."""
    sent: list[Message] = []

    async def receive() -> Message:
        if messages:
            return messages.pop(0)
        return await asyncio.Future()

    async def send(message: Message) -> None:
        sent.append(message)

    async def never(*_: Any) -> None:
        raise AssertionError("the routes saw the request")

    scope = {"type": "http", "path": "/api/v1/x", "headers": headers}
    finished(BodyLimits(never, seconds=0.05)(scope, receive, send))
    return sent


def test_a_body_that_stops_arriving_is_given_up() -> None:
    begun: list[Message] = [{"type": "http.request", "body": b"{", "more_body": True}]
    sent = asked(begun, [(b"content-length", b"2")])
    assert sent[0]["status"] == 408
    assert (b"connection", b"close") in sent[0]["headers"]


def test_of_a_body_without_end_no_more_is_read_than_may_be() -> None:
    block: Message = {"type": "http.request", "body": b"x" * 1024, "more_body": True}
    without_end = [block] * 100
    assert asked(without_end, [(b"transfer-encoding", b"chunked")])[0]["status"] == 413
    assert len(without_end) == 100 - MOST_BYTES // 1024 - 1


def test_a_large_body_is_refused_before_it_is_read() -> None:
    assert asked([], [(b"content-length", b"70000")])[0]["status"] == 413


def test_a_length_that_is_no_number_is_refused() -> None:
    assert asked([], [(b"content-length", "²".encode("latin-1"))])[0]["status"] == 413


def test_a_client_who_went_away_counts_as_one_and_not_as_a_failure_of_ours() -> None:
    gone: list[Message] = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]
    start, _ = asked(gone, [(b"content-length", b"2")])
    assert start["status"] == 400


@pytest.fixture
def address() -> Iterator[tuple[str, int]]:
    """Where a real server listens that waits a fifth of a second for a body."""
    routes = [Route("/{path:path}", length, methods=["POST"])]
    app = Starlette(routes=routes, middleware=[Middleware(BodyLimits, seconds=0.2)])
    port = free_port()
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_level="warning", lifespan="off"))
    running = threading.Thread(target=server.run)
    running.start()
    eventually(lambda: server.started)
    yield "127.0.0.1", port
    server.should_exit = True
    running.join()


def test_a_slow_client_is_told_so_and_the_connection_is_closed(address: tuple[str, int]) -> None:
    with socket.create_connection(address, timeout=DEADLINE_SECONDS) as connection:
        connection.sendall(b"POST /api/v1/x HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
        answer = b"".join(iter(lambda: connection.recv(4096), b""))
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b"did not arrive within 0.2 s" in answer
