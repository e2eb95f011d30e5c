"""Every request has ids and one line, whatever becomes of it."""

import logging

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from infra.logs import bind, bound
from infra.request_log import RequestLog


async def page(_request):
    bind(person="ada")
    return JSONResponse(dict(bound()))


async def broken(_request):
    raise RuntimeError("bug")


@pytest.fixture
def client():
    routes = [Route("/page", page), Route("/healthz", page), Route("/broken", broken)]
    app = Starlette(routes=routes, middleware=[Middleware(RequestLog)])
    return TestClient(app, raise_server_exceptions=False)


@pytest.fixture
def lines(caplog):
    caplog.set_level(logging.INFO, "onward.access")
    return lambda: [r for r in caplog.records if r.name == "onward.access"]


def test_an_id_is_made_stands_in_the_context_and_goes_back(client):
    answer = client.get("/page")
    request_id = answer.headers["x-request-id"]
    assert len(request_id) == 32
    assert answer.headers["x-correlation-id"] == request_id
    assert answer.json() == {"request_id": request_id, "correlation_id": request_id, "person": "ada"}
    assert client.get("/page").headers["x-request-id"] != request_id


@pytest.mark.parametrize(
    ("sent", "ids"),
    [
        ({"x-request-id": "r-1"}, ("r-1", "r-1")),
        ({"x-request-id": "r-1", "x-correlation-id": "c-1"}, ("r-1", "c-1")),
    ],
)
def test_ids_that_were_sent_are_kept(client, sent, ids):
    headers = client.get("/page", headers=sent).headers
    assert (headers["x-request-id"], headers["x-correlation-id"]) == ids


@pytest.mark.parametrize("forged", ["", "two words", "x" * 129, 'c"}', "c\u00e9".encode().decode("latin-1")])
def test_an_id_that_cannot_stand_in_a_log_is_replaced(client, forged):
    headers = client.get("/page", headers={"x-correlation-id": forged.encode("latin-1")}).headers
    assert headers["x-correlation-id"] == headers["x-request-id"]


def test_the_line_tells_path_and_status_and_never_the_query(client, lines):
    client.get("/page?token=one-time")
    client.get("/nowhere")
    client.get("/broken")
    assert [(line.getMessage(), line.fields["status"]) for line in lines()] == [
        ("GET /page", 200),
        ("GET /nowhere", 404),
        ("GET /broken", 500),
    ]


def test_a_path_cannot_end_the_line(client, lines):
    client.get("/page%0AINFO%20forged")
    assert lines()[0].getMessage() == r"GET /page\nINFO forged"


def test_what_is_asked_all_the_time_gets_a_line_only_when_it_fails(client, lines):
    client.get("/healthz")
    client.get("/static/js/gone.js")
    assert [line.getMessage() for line in lines()] == ["GET /static/js/gone.js"]
