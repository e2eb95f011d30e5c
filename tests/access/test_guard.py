"""The guard on a tiny app behind it, request by request."""

from datetime import UTC, datetime

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.testclient import TestClient
from starlette.websockets import WebSocket, WebSocketDisconnect

from infra.access import sessions, tokens
from infra.access.guard import SESSION_HEADER, Guard
from infra.access.roles import Person, Role
from infra.access.sign_in import sign_in_route
from infra.database import open_engine
from tests.browser.conftest import free_port

pytestmark = pytest.mark.servers

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
COOKIE = "onward_test"
OURS = {"origin": "http://testserver"}


async def echo(request: Request) -> JSONResponse:
    person = request.state.person
    return JSONResponse(
        {"session": request.headers.get(SESSION_HEADER), "login": person.login if person else None}
    )


async def talk(socket: WebSocket) -> None:
    await socket.accept()
    await socket.send_text("hello")
    await socket.close()


@pytest.fixture
def client(engine):
    guard = Middleware(Guard, engine=engine, cookie=COOKIE, clock=lambda: NOON)
    routes = [
        sign_in_route(engine, COOKIE, lambda: NOON),
        WebSocketRoute("/_stcore/stream", talk),
        Route("/{path:path}", echo, methods=["GET", "POST"]),
    ]
    return TestClient(Starlette(routes=routes, middleware=[guard]), follow_redirects=False)


@pytest.fixture
def link(engine):
    return sessions.create_link(engine, Person("ada", Role.OPERATOR), by="onward", now=NOON)


@pytest.fixture
def signed_in(client, link):
    client.get("/sign-in", params={"token": link})
    return client


def test_a_page_leads_to_sign_in_and_keeps_where_one_wanted_to_go(client):
    answer = client.get("/funnel?by=kind")
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Ffunnel%3Fby%3Dkind")


@pytest.mark.parametrize("path", ["/api/v1/x", "/media/x.csv", "/_stcore/upload_file/x", "/_stcore/metrics"])
def test_machine_paths_are_refused_without_a_session(client, path):
    assert client.get(path).status_code == 401


@pytest.mark.parametrize("path", ["/healthz", "/_stcore/health", "/static/index.js", "/app/static/logo.svg"])
def test_what_tells_nothing_is_open(client, path):
    assert client.get(path).status_code == 200


def test_a_path_that_only_begins_like_an_open_one_is_not_open(client):
    assert client.get("/healthzz").status_code == 303
    assert client.get("/sign-in-as-admin").status_code == 303
    assert client.get("/sso/else").status_code == 303


@pytest.mark.parametrize("path", ["/static/%0Ax", "/api/v1/%0A", "/funnel%0A"])
def test_a_path_of_two_lines_is_nowhere(signed_in, path):
    assert signed_in.get(path).status_code == 404


def test_the_link_signs_in_and_leads_on(client, link):
    answer = client.get("/sign-in", params={"token": link, "next": "/dead-letters"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/dead-letters")
    assert "HttpOnly" in answer.headers["set-cookie"]
    assert "SameSite=lax" in answer.headers["set-cookie"]
    assert client.get("/funnel").json()["login"] == "ada"


def test_a_spent_link_says_so_and_signs_nobody_in(client, link):
    client.get("/sign-in", params={"token": link})
    client.cookies.clear()
    answer = client.get("/sign-in", params={"token": link})
    assert answer.status_code == 403
    assert "each one works once" in answer.text
    assert client.get("/funnel").status_code == 303


def test_who_is_signed_in_already_needs_no_link(signed_in):
    assert signed_in.get("/sign-in?next=/funnel").headers["location"] == "/funnel"


@pytest.mark.parametrize("elsewhere", ["//evil.example", "/\\evil.example", "https://evil.example", "funnel"])
def test_signing_in_never_leads_to_another_host(client, link, elsewhere):
    answer = client.get("/sign-in", params={"token": link, "next": elsewhere})
    assert answer.headers["location"] == "/"


def test_an_identity_header_from_outside_is_removed(signed_in):
    key = "0" * 64
    assert signed_in.get("/funnel", headers={SESSION_HEADER: key}).json()["session"] != key
    signed_in.cookies.clear()
    assert signed_in.get("/healthz", headers={SESSION_HEADER: key}).json()["session"] is None


def test_an_ended_session_is_refused_at_the_next_request(signed_in, engine):
    sessions.sign_out(engine, signed_in.get("/funnel").json()["session"])
    assert signed_in.get("/funnel").status_code == 303


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_program_that_shows_nothing_is_told_to_send_a_token(client, method):
    answer = client.request(method, "/api/v1/x")
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, 'Bearer realm="onward"')


NOT_OURS = [{}, {"origin": "http://evil.example"}, {"origin": "null"}, {"origin": "http://["}]


@pytest.mark.parametrize("headers", NOT_OURS)
def test_a_change_from_elsewhere_is_refused(signed_in, headers):
    assert signed_in.post("/api/v1/x", headers=headers).status_code == 403
    assert signed_in.post("/api/v1/x", headers=OURS).status_code == 200


@pytest.mark.parametrize("headers", NOT_OURS)
def test_a_websocket_from_elsewhere_is_refused(signed_in, headers):
    with pytest.raises(WebSocketDisconnect), signed_in.websocket_connect("/_stcore/stream", headers=headers):
        pass


def test_a_websocket_needs_a_session(signed_in):
    with signed_in.websocket_connect("/_stcore/stream", headers=OURS) as socket:
        assert socket.receive_text() == "hello"
    signed_in.cookies.clear()
    with pytest.raises(WebSocketDisconnect), signed_in.websocket_connect("/_stcore/stream", headers=OURS):
        pass


def test_without_the_database_nobody_comes_in_and_everybody_is_told_to_wait():
    nowhere = open_engine(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none")
    guard = Middleware(Guard, engine=nowhere, cookie=COOKIE, clock=lambda: NOON)
    app = Starlette(routes=[Route("/{path:path}", echo)], middleware=[guard])
    assert TestClient(app, cookies={COOKIE: "x"}).get("/funnel").status_code == 503


BEARER_PATHS = ["/api/v1/x", "/metrics"]


@pytest.fixture
def bearer(engine):
    ci = Person("ci", Role.VIEWER)
    token = tokens.create(engine, Person("root", Role.ADMIN), ci, "pipeline", days=1, now=NOON)
    return {"authorization": f"Bearer {token}"}


@pytest.mark.parametrize("path", BEARER_PATHS)
def test_a_token_opens_what_programs_ask(client, bearer, path):
    assert client.get(path, headers=bearer).json() == {"session": None, "login": "ci"}


def test_a_token_may_change_things_from_anywhere_since_no_browser_sends_it_by_itself(client, bearer):
    foreign = bearer | {"origin": "http://evil.example"}
    assert client.post("/api/v1/x", headers=foreign).json()["login"] == "ci"


def test_a_token_opens_no_page_and_no_download(client, bearer):
    assert client.get("/funnel", headers=bearer).status_code == 303
    assert client.get("/media/x.csv", headers=bearer).status_code == 401


@pytest.mark.parametrize("sent", ["Bearer onw_guess", "Bearer ", "bearer x y"])
def test_a_bad_token_is_refused_as_a_problem_even_beside_a_good_cookie(signed_in, sent):
    answer = signed_in.get("/api/v1/x", headers={"authorization": sent})
    assert answer.status_code == 401
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.headers["www-authenticate"].startswith("Bearer ")
    assert answer.json()["instance"] == "/api/v1/x"


def test_a_change_with_a_bad_token_and_a_cookie_is_not_made(signed_in):
    answer = signed_in.post("/api/v1/x", headers={"authorization": "Bearer onw_guess"})
    assert answer.status_code == 401


def test_other_kinds_of_authorization_are_not_read(signed_in, bearer):
    basic = {"authorization": bearer["authorization"].replace("Bearer", "Basic")}
    assert signed_in.get("/api/v1/x", headers=basic).json()["login"] == "ada"


def test_what_is_open_answers_whatever_the_token(client):
    assert client.get("/healthz", headers={"authorization": "Bearer onw_guess"}).status_code == 200
