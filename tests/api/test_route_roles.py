"""Every route with every role, with none, with a token and with one that has expired."""

from datetime import UTC, datetime, timedelta

import pytest
from starlette.routing import Mount

from infra.access import tokens
from infra.access.roles import ALLOWS, Permission, Person, Role
from recovery.exports.registry import TABLES
from tests.access.people import ROOT

pytestmark = pytest.mark.servers

OURS = {"origin": "http://testserver"}
ANALYTICS = "/onboarding/analytics"
DLQ = "/admin/dlq"
VIEWS = (
    "funnel drop-off-heatmap cohort-comparison comparison trend time-to-convert realtime correlation"
    " recommendations"
)
#: Method and path below /api/v1, and the right that they take; None: that somebody is signed in.
NEEDS: dict[tuple[str, str], Permission | None] = {
    **{("GET", f"{ANALYTICS}/{view}/"): Permission.READ_FUNNELS for view in VIEWS.split()},
    ("GET", f"{ANALYTICS}/sessions/"): Permission.READ_SESSIONS,
    ("GET", f"{ANALYTICS}/sessions/{{session_id:path}}/"): Permission.READ_SESSIONS,
    ("POST", "/events/"): Permission.RECORD_EVENTS,
    ("GET", f"{DLQ}/tasks/"): Permission.READ_LETTERS,
    ("GET", f"{DLQ}/stats/"): Permission.READ_LETTERS,
    ("GET", f"{DLQ}/tasks/{{task_id}}/"): Permission.READ_LETTERS,
    ("POST", f"{DLQ}/tasks/{{task_id}}/retry/"): Permission.RETRY_LETTERS,
    ("POST", f"{DLQ}/tasks/{{task_id}}/restore/"): Permission.DELETE_LETTERS,
    ("DELETE", f"{DLQ}/tasks/{{task_id}}/delete/"): Permission.DELETE_LETTERS,
    ("DELETE", f"{DLQ}/clear/"): Permission.DELETE_LETTERS,
    **{
        ("GET", f"{table.path}export.{form}"): table.permission
        for table in TABLES.values()
        for form in ("csv", "parquet")
    },
    ("GET", "/docs"): None,
    ("GET", "/docs/start.js"): None,
    ("GET", "/docs/swagger-ui-bundle.js"): None,
    ("GET", "/docs/swagger-ui.css"): None,
    ("GET", "/openapi.json"): None,
}
BODIES = {"/events/": {"events": []}, f"{DLQ}/clear/": {}}


def ask(client, method, path, **headers):
    address = path.replace("{task_id}", "t1").replace("{session_id:path}", "s1")
    return client.request(
        method,
        f"/api/v1{address}",
        json=BODIES.get(path),
        headers=OURS | headers,
        params={"name": "sign-up", "dimension": "device"} if address.startswith(ANALYTICS) else None,
    ).status_code


@pytest.fixture
def seen(world):
    world.funnel()
    world.session("s1", "visited", "signed up")
    world.sync()
    return world


def test_every_route_is_in_this_matrix(client):
    mounted = next(route for route in client.app.routes if isinstance(route, Mount)).app
    routers = [getattr(route, "original_router", route) for route in mounted.routes]
    routes = [route for router in routers for route in getattr(router, "routes", [router])]
    found = {(method, route.path) for route in routes for method in route.methods - {"HEAD"}}
    assert found == NEEDS.keys()


def test_nobody_gets_anything(seen, client):
    assert {ask(client, *route) for route in NEEDS} == {401}


@pytest.mark.parametrize("role", Role)
def test_a_role_gets_what_is_its_own(seen, client, sign_in, role):
    sign_in(role)
    for (method, path), right in NEEDS.items():
        seen.letter(task_id="t1")
        may = right is None or right in ALLOWS[role]
        status = ask(client, method, path)
        assert (status != 403) == may, (method, path, status)
        assert status not in {401, 405, 500}, (method, path, status)


@pytest.mark.parametrize("role", Role)
def test_a_token_gets_what_its_role_does_and_nothing_once_it_has_ended(seen, client, engine, role):
    def signed(now):
        token = tokens.create(engine, ROOT, Person("caller", role), "tests", days=1, now=now)
        return {"authorization": f"Bearer {token}"}

    now = datetime.now(UTC)
    live, ended = signed(now), signed(now - timedelta(days=2))
    for (method, path), right in NEEDS.items():
        seen.letter(task_id="t1")
        may = right is None or right in ALLOWS[role]
        assert (ask(client, method, path, **live) != 403) == may, (method, path)
        assert ask(client, method, path, **ended) == 401, (method, path)


def test_no_role_may_change_anything_from_another_site(seen, client, sign_in):
    sign_in(Role.ADMIN)
    for method, path in NEEDS:
        if method != "GET":
            assert ask(client, method, path, origin="http://evil.example") == 403, (method, path)
