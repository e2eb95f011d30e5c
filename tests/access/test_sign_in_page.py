"""The sign-in page, as a browser without scripts uses it."""

import re

import pytest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from infra.access import accounts, backoff, sessions
from infra.access.guard import Guard
from infra.access.sign_in import sign_in_route
from infra.database import open_engine
from tests.access.people import NOON, PASSWORD, ROOT, add
from tests.browser.conftest import free_port

pytestmark = pytest.mark.servers

COOKIE = "onward_test"
OURS = {"origin": "http://testserver"}


async def whoami(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.state.person.login)


def browser(engine, **options):
    routes = [sign_in_route(engine, COOKIE, lambda: NOON, **options), Route("/{path:path}", whoami)]
    guard = Middleware(Guard, engine=engine, cookie=COOKIE, clock=lambda: NOON)
    return TestClient(Starlette(routes=routes, middleware=[guard]), follow_redirects=False)


@pytest.fixture
def client(engine):
    return browser(engine)


def send(client, login="ada", password=PASSWORD, wanted="/", **changes):
    page = client.get("/sign-in", params={"next": wanted})
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)[1]
    form = {"login": login, "password": password, "form_token": token} | changes
    return client.post("/sign-in", params={"next": wanted}, data=form, headers=OURS)


def test_login_and_password_lead_on_to_where_one_wanted_to_go(client, engine):
    add(engine)
    answer = send(client, wanted="/funnel?by=kind")
    assert (answer.status_code, answer.headers["location"]) == (303, "/funnel?by=kind")
    assert client.get("/funnel").text == "ada"


def test_the_form_posts_to_where_one_wanted_to_go_and_nowhere_else(client):
    page = client.get("/sign-in", params={"next": '/funnel?by="><script>'}).text
    assert "<script" not in page
    assert 'action="/sign-in?next=%2Ffunnel%3Fby%3D%22%3E%3Cscript%3E"' in page
    assert 'action="/sign-in?next=%2F"' in client.get("/sign-in", params={"next": "//evil.example"}).text


def test_a_wrong_password_says_so_and_keeps_the_login_as_text(client, engine):
    add(engine)
    answer = send(client, '"><b>ada', "wrong")
    assert answer.status_code == 401
    assert "Login or password is wrong." in answer.text
    assert 'value="&quot;&gt;&lt;b&gt;ada"' in answer.text
    assert PASSWORD not in answer.text


def test_after_some_failures_one_is_told_how_long_to_wait(client, engine):
    add(engine)
    for _ in range(backoff.FREE_PER_LOGIN):
        assert send(client, password="wrong").status_code == 401
    answer = send(client)
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    assert "Try again in 1 s." in answer.text


@pytest.mark.parametrize("token", ["", "guess"])
def test_a_form_that_this_browser_was_not_given_is_refused(client, engine, token):
    add(engine)
    answer = send(client, form_token=token)
    assert answer.status_code == 403
    assert COOKIE not in client.cookies


def test_a_form_without_its_cookie_is_refused(client, engine):
    add(engine)
    page = client.get("/sign-in").text
    token = re.search(r'name="form_token" value="([^"]+)"', page)[1]
    client.cookies.clear()
    form = {"login": "ada", "password": PASSWORD, "form_token": token}
    assert client.post("/sign-in", data=form, headers=OURS).status_code == 403


def test_a_form_from_another_site_is_refused(client, engine):
    add(engine)
    form = {"login": "ada", "password": PASSWORD}
    assert client.post("/sign-in", data=form, headers={"origin": "http://evil.example"}).status_code == 403


def test_the_cookie_of_the_form_is_for_this_path_and_not_for_scripts(client):
    cookie = client.get("/sign-in").headers["set-cookie"]
    assert all(part in cookie for part in ("HttpOnly", "SameSite=strict", "Path=/sign-in"))


def test_over_https_the_cookies_are_for_https_alone(engine):
    add(engine)
    client = browser(engine)
    client.base_url = "https://testserver"
    page = client.get("/sign-in")
    token = re.search(r'name="form_token" value="([^"]+)"', page.text)[1]
    form = {"login": "ada", "password": PASSWORD, "form_token": token}
    answer = client.post("/sign-in", data=form, headers={"origin": "https://testserver"})
    assert "Secure" in page.headers["set-cookie"]
    assert "Secure" in answer.headers["set-cookie"]


def test_a_provider_has_its_button_only_when_there_is_one(engine, client):
    assert "/sso/login" not in client.get("/sign-in").text
    page = browser(engine, provider="A & B").get("/sign-in", params={"next": "/funnel"}).text
    assert '<a class="button" href="/sso/login?next=%2Ffunnel">Sign in with A &amp; B</a>' in page


def test_a_link_for_an_account_that_is_off_says_so(client, engine):
    ada = add(engine)
    link = sessions.create_link(engine, ada, by="root", now=NOON)
    accounts.switch_off(engine, ROOT, "ada", now=NOON)
    assert client.get("/sign-in", params={"token": link}).status_code == 403


def test_without_the_database_the_page_says_so():
    nowhere = open_engine(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none")
    answer = browser(nowhere).get("/sign-in", params={"token": "x"})
    assert answer.status_code == 503
    assert "The database does not answer" in answer.text
