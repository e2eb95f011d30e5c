"""Signing in with a real OpenID provider, which runs in a process of its own and may lie."""

import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from sqlalchemy import select
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from infra.access.layers import layers
from infra.access.sign_in import sign_in_route
from infra.access.sso import FLOW_SECONDS, sso_routes
from infra.audit import audit_entry
from infra.database import open_engine
from infra.settings import Settings
from tests.browser.conftest import free_port
from tests.infra.openid_provider import CLIENT_ID, CLIENT_SECRET, describe, running_provider

pytestmark = pytest.mark.servers

COOKIE = "onward_test"
ADA = {"email": "ada@shop.example", "groups": ["support"]}


@pytest.fixture(scope="module")
def issuer() -> Iterator[str]:
    with running_provider() as issuer:
        yield issuer


@pytest.fixture
def settings(issuer: str) -> dict[str, str]:
    return {
        "ONWARD_ALLOWED_HOSTS": "testserver",
        "ONWARD_OIDC_ISSUER": issuer,
        "ONWARD_OIDC_CLIENT_ID": CLIENT_ID,
        "ONWARD_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "ONWARD_OIDC_TITLE": "Shop <Login>",
        "ONWARD_OIDC_ROLES": "support=operator",
        "ONWARD_OIDC_CLIENTS_CLAIM": "",
    }


@pytest.fixture
def client(engine, settings: dict[str, str]) -> TestClient:
    return dashboard(engine, settings)


def dashboard(engine: Any, environ: dict[str, str], address: str = "http://testserver") -> TestClient:
    settings = Settings.from_env(environ)
    assert settings.provider is not None

    async def whoami(request: Request) -> JSONResponse:
        person = request.state.person
        clients = None if person.clients is None else sorted(person.clients)
        return JSONResponse({"login": person.login, "role": person.role, "clients": clients})

    routes = [
        sign_in_route(engine, COOKIE, now, provider=settings.provider.title),
        *sso_routes(settings.provider, engine, COOKIE, now),
        Route("/{path:path}", whoami),
    ]
    app = Starlette(routes=routes, middleware=layers(settings, engine, COOKIE, now, {}))
    return TestClient(app, base_url=address, follow_redirects=False)


def now() -> datetime:
    return datetime.now(UTC)


def to_provider(client: TestClient, wanted: str = "/") -> str:
    """The address at the provider that the dashboard sends the browser to."""
    answer = client.get("/sso/login", params={"next": wanted})
    assert answer.status_code == 303
    return str(answer.headers["location"])


def back_from(address: str) -> str:
    """The path that the provider sends the browser back to."""
    came = urlsplit(httpx2.get(address).headers["location"])
    assert f"{came.scheme}://{came.netloc}{came.path}" in {
        "http://testserver/sso/callback",
        "https://testserver/sso/callback",
    }
    return f"{came.path}?{came.query}"


def signed_in(client: TestClient, wanted: str = "/") -> Any:
    """The dashboard's answer to a browser that has been at the provider and back."""
    return client.get(back_from(to_provider(client, wanted)))


def is_refused(answer: Any, *words: str) -> bool:
    kept = [cookie for cookie in answer.headers.get_list("set-cookie") if cookie.startswith(f"{COOKIE}=")]
    return answer.status_code == 403 and not kept and all(word in answer.text for word in words)


def test_somebody_whom_the_provider_knows_comes_in_with_the_role_of_their_group(client, issuer, engine):
    describe(issuer, ADA)
    answer = signed_in(client, "/dead-letters?status=dead")
    assert (answer.status_code, answer.headers["location"]) == (303, "/dead-letters?status=dead")
    assert client.get("/").json() == {"login": "ada@shop.example", "role": "operator", "clients": None}
    with engine.connect() as connection:
        entry = connection.execute(select(audit_entry)).one()
    assert (entry.actor, entry.action) == ("ada@shop.example", "session.open")


def test_the_sign_in_page_leads_to_the_provider_and_keeps_where_one_wanted_to_go(client):
    page = client.get("/sign-in", params={"next": "/funnel?by=kind"}).text
    assert 'href="/sso/login?next=%2Ffunnel%3Fby%3Dkind"' in page
    assert "Sign in with Shop &lt;Login&gt;" in page


def test_another_site_is_not_where_one_goes_on_to(client, issuer):
    describe(issuer, ADA)
    assert signed_in(client, "//evil.example").headers["location"] == "/"


def test_the_browser_takes_a_challenge_along_and_the_verifier_stays_here(client):
    asked = parse_qs(urlsplit(to_provider(client)).query)
    assert asked["code_challenge_method"] == ["S256"]
    assert set(asked) >= {"state", "nonce", "code_challenge", "redirect_uri", "client_id"}
    assert "code_verifier" not in asked


def test_the_cookie_of_the_way_there_is_for_that_way_alone(client):
    to_provider(client)
    [cookie] = client.get("/sso/login").headers.get_list("set-cookie")
    assert cookie.startswith(f"{COOKIE}_sso=")
    assert "; HttpOnly; Max-Age=600; Path=/sso/; SameSite=lax" in cookie


def test_over_tls_both_cookies_are_secure(engine, settings, issuer):
    describe(issuer, ADA)
    client = dashboard(engine, settings, "https://testserver")
    assert "; secure" in client.get("/sso/login").headers["set-cookie"].lower()
    cookies = signed_in(client).headers.get_list("set-cookie")
    assert {cookie.partition("=")[0] for cookie in cookies} == {COOKIE, f"{COOKIE}_sso"}
    assert all("; secure" in cookie.lower() for cookie in cookies)


def test_clients_come_from_a_claim(engine, settings, issuer):
    describe(issuer, {**ADA, "shops": ["north", "south"]})
    client = dashboard(engine, settings | {"ONWARD_OIDC_CLIENTS_CLAIM": "shops"})
    signed_in(client)
    assert client.get("/").json()["clients"] == ["north", "south"]


def test_what_the_id_token_leaves_out_is_asked_for(client, issuer):
    describe(issuer, {}, userinfo=ADA)
    signed_in(client)
    assert client.get("/").json()["login"] == "ada@shop.example"


def test_what_the_id_token_says_is_not_overruled(client, issuer):
    describe(issuer, {"groups": ["staff"]}, userinfo=ADA)
    assert is_refused(signed_in(client), "in no group that may use Onward")


def test_a_description_of_somebody_else_is_refused(client, issuer):
    describe(issuer, {}, userinfo={**ADA, "sub": "18"})
    assert is_refused(signed_in(client), "described somebody else")


def test_somebody_in_no_known_group_is_refused(client, issuer):
    describe(issuer, {**ADA, "groups": ["staff"]})
    assert is_refused(signed_in(client), "ada@shop.example is in no group", "Shop &lt;Login&gt;")


def test_a_group_that_is_lost_counts_from_the_next_sign_in(client, issuer):
    describe(issuer, ADA)
    signed_in(client)
    describe(issuer, {**ADA, "groups": []})
    assert is_refused(signed_in(client))


LIES = {
    "wrong nonce": {"claims": {**ADA, "nonce": "another"}},
    "no nonce": {"claims": {**ADA, "nonce": None}},
    "wrong audience": {"claims": {**ADA, "aud": "another"}},
    "wrong audience, ours as the authorized party": {"claims": {**ADA, "aud": "another", "azp": CLIENT_ID}},
    "no audience": {"claims": {**ADA, "aud": None}},
    "wrong issuer": {"claims": {**ADA, "iss": "https://evil.example"}},
    "no issuer": {"claims": {**ADA, "iss": None}},
    "expired": {"claims": {**ADA, "exp": int(time.time()) - 3600}},
    "without end": {"claims": {**ADA, "exp": None}},
    "alg none": {"claims": ADA, "lie": "alg none"},
    "signed with the public key": {"claims": ADA, "lie": "signed with the public key"},
    "signed with the client secret": {"claims": ADA, "lie": "signed with the client secret"},
    "strange key": {"claims": ADA, "lie": "strange key"},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_an_id_token_that_cannot_be_trusted_is_refused(client, issuer, lie):
    describe(issuer, **lie)
    assert is_refused(signed_in(client), "What came back from Shop &lt;Login&gt; cannot be trusted.")
    assert client.get("/").status_code == 303


def test_an_answer_without_an_id_token_is_refused(client, issuer):
    describe(issuer, ADA, lie="no ID token")
    assert is_refused(signed_in(client), "sent no ID token")


def test_whoever_says_no_at_the_provider_is_told_so(client, issuer):
    describe(issuer, ADA, lie="denied")
    assert is_refused(signed_in(client), "did not sign you in: access_denied")


def test_what_the_provider_calls_an_error_is_shown_as_text(client):
    state = parse_qs(urlsplit(to_provider(client)).query)["state"][0]
    answer = client.get("/sso/callback", params={"state": state, "error": "<script>alert(1)</script>"})
    assert is_refused(answer, "&lt;script&gt;")
    assert "<script>" not in answer.text


def test_a_wrong_state_is_refused(client, issuer):
    describe(issuer, ADA)
    came = back_from(to_provider(client))
    state = parse_qs(urlsplit(came).query)["state"][0]
    assert is_refused(client.get(came.replace(state, "another")), "belongs to another sign-in")


def test_an_answer_is_good_for_the_browser_that_asked_alone(engine, settings, client, issuer):
    describe(issuer, ADA)
    came = back_from(to_provider(client))
    client.cookies.clear()
    assert is_refused(client.get(came), "begun in another browser")


def test_an_answer_is_good_once(client, issuer):
    describe(issuer, ADA)
    came = back_from(to_provider(client))
    kept = client.cookies[f"{COOKIE}_sso"]
    assert client.get(came).status_code == 303
    client.cookies.clear()
    client.cookies.set(f"{COOKIE}_sso", kept)
    assert is_refused(client.get(came), "cannot be trusted")


def test_a_way_that_took_too_long_is_refused_even_if_the_browser_kept_the_cookie(client, issuer, monkeypatch):
    describe(issuer, ADA)
    came = back_from(to_provider(client))
    kept = client.cookies[f"{COOKIE}_sso"]
    client.cookies.clear()
    client.cookies.set(f"{COOKIE}_sso", kept)
    later = time.time() + FLOW_SECONDS + 1
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: later)
    assert is_refused(client.get(came), "more than 10 minutes ago")


def test_a_forged_cookie_of_the_way_is_refused(client):
    client.cookies.set(f"{COOKIE}_sso", "eyJhIjoxfQ.YQ.forged")
    assert is_refused(client.get("/sso/callback?state=a&code=b"), "begun in another browser")


def test_a_wrong_secret_of_ours_is_refused(engine, settings, issuer):
    describe(issuer, ADA)
    client = dashboard(engine, settings | {"ONWARD_OIDC_CLIENT_SECRET": "wrong"})
    assert is_refused(signed_in(client), "cannot be trusted")


def test_a_provider_that_does_not_answer_is_named(engine, settings):
    nobody = f"http://127.0.0.1:{free_port()}"
    client = dashboard(engine, settings | {"ONWARD_OIDC_ISSUER": nobody})
    assert is_refused(client.get("/sso/login"), "Shop &lt;Login&gt; does not answer")


def test_a_provider_under_another_name_is_refused(engine, settings, issuer):
    other = issuer.replace("127.0.0.1", "localhost")
    client = dashboard(engine, settings | {"ONWARD_OIDC_ISSUER": other})
    assert is_refused(client.get("/sso/login"), "calls itself")


def test_without_the_database_nobody_comes_in(issuer, settings):
    nowhere = open_engine(f"postgresql+psycopg://nobody@127.0.0.1:{free_port()}/none")
    describe(issuer, ADA)
    assert is_refused(signed_in(dashboard(nowhere, settings)), "The database does not answer")
