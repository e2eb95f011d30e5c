"""What a browser, or somebody who pretends to be one, can do to a real dashboard process."""

import re
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import Engine, text

from infra.access.bodies import MOST_BYTES, MOST_EVENT_BYTES
from infra.access.guard import SESSION_HEADER
from infra.access.roles import Role
from tests.dlq import builders
from tests.pages.conftest import World

pytestmark = [pytest.mark.servers, pytest.mark.browser]

ROOT = Path(__file__).parent.parent.parent
PAGES = re.findall(r'url_path="([^"]+)"', (ROOT / "pages" / "frame.py").read_text(encoding="utf-8"))
_HOME = "overview"  # the default page lies at the root
PATIENCE_MS = 60_000
ANSWER_SECONDS = 10
#: Notes what the policy refused, from before the page's first script.
LISTEN = """
window.refusedByPolicy = [];
document.addEventListener("securitypolicyviolation",
    event => window.refusedByPolicy.push(`${event.violatedDirective}: ${event.blockedURI}`));
"""
HOSTILE = (
    "<img src=x onerror=\"document.title='taken'\"> <script>document.title='taken'</script> "
    "**bold** [link](javascript:alert(1)) :red[red] $x^2$"
)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    context.add_init_script(LISTEN)
    context.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    yield context
    context.close()


@pytest.fixture
def world(engine: Engine, tmp_path: Path) -> World:
    world = World(engine, tmp_path)
    world.funnel()
    for day in range(3):
        world.session(f"whole {day}", "visited", "signed up", "paid", days=day)
        world.session(f"half {day}", "visited", days=day, device="desktop")
    world.letter()
    world.sync()
    return world


def settled(page: Page) -> None:
    """Wait until the page has drawn all it has."""
    page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]').wait_for()
    page.wait_for_load_state("networkidle")


def test_no_page_does_what_the_policy_refuses_or_asks_another_host(
    context: BrowserContext, world: World, dashboard: str, cookie
) -> None:
    requested: list[str] = []
    context.on("request", lambda request: requested.append(request.url))
    page = context.new_page()
    page.goto(f"{dashboard}/sign-in")
    seen = {"sign-in": page.evaluate("refusedByPolicy")}
    context.add_cookies([cookie(dashboard, Role.ADMIN)])
    shapes = 0
    for path in PAGES:
        page.goto(f"{dashboard}/{path.replace(_HOME, '')}?period=All")
        expect(page).to_have_title(re.compile(".+ · Onward"))
        settled(page)
        expect(page.get_by_test_id("stException")).to_have_count(0)
        shapes += page.locator('[style*="data:image/svg"]').count()
        seen[path] = page.evaluate("refusedByPolicy")
    assert shapes > 0
    assert seen == {name: [] for name in ["sign-in", *PAGES]}
    assert [url for url in requested if not url.startswith((dashboard, "data:", "blob:"))] == []


def test_a_page_under_the_policy_runs_no_script_of_somebody_elses(
    context: BrowserContext, dashboard: str
) -> None:
    page = context.new_page()
    page.goto(f"{dashboard}/sign-in")
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=x onerror=document.title=1>')")
    page.wait_for_function("refusedByPolicy.length > 0")
    assert page.title() == "Sign in - Onward"


def test_markup_in_what_a_task_was_given_is_shown_as_text(
    context: BrowserContext, engine: Engine, dashboard: str, cookie
) -> None:
    hostile = builders.envelope(task_name="shop.<b>pay</b>", body=builders.body_of(HOSTILE, note=HOSTILE))
    number = builders.fail(engine, hostile, builders.failure(message=HOSTILE))
    context.add_cookies([cookie(dashboard, Role.OPERATOR)])
    page = context.new_page()
    page.goto(f"{dashboard}/dead-letters?letter={number}")
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("**bold** [link](javascript:alert(1)) :red[red] $x^2$")
    settled(page)
    for made in ("img[src=x]", "a[href^=javascript]", "strong:text-is('bold')", "b:text-is('pay')", ".katex"):
        expect(page.locator(made)).to_have_count(0)
    assert "taken" not in page.title()
    assert page.evaluate("refusedByPolicy") == []


def test_a_page_that_fails_shows_no_traceback(
    context: BrowserContext, owner: Engine, dashboard: str, cookie
) -> None:
    context.add_cookies([cookie(dashboard, Role.ADMIN)])
    page = context.new_page()
    with owner.begin() as connection:
        connection.execute(text("ALTER TABLE onward.dead_letter RENAME TO gone"))
    try:
        page.goto(f"{dashboard}/dead-letters")
        expect(page.get_by_role("heading", name="Dead letters")).to_be_visible()
        settled(page)
        shown = page.content()
        answer = page.request.get(f"{dashboard}/api/v1/admin/dlq/tasks/")
    finally:
        with owner.begin() as connection:
            connection.execute(text("ALTER TABLE onward.gone RENAME TO dead_letter"))
    assert answer.status >= 500
    for place in (shown, answer.text()):
        assert not re.search(r"Traceback|psycopg|UndefinedTable|\.py\b|SELECT", place)


def exchanged(address: str, *lines: str) -> int:
    """The status that the dashboard answers to a request written by hand."""
    host, port = urlsplit(address).hostname, urlsplit(address).port
    with socket.create_connection((host, port), timeout=ANSWER_SECONDS) as connection:
        connection.sendall("\r\n".join([*lines, "", ""]).encode())
        return int(connection.recv(4096).split()[1])


def test_a_websocket_is_opened_from_our_own_pages_alone(dashboard: str, cookie) -> None:
    kept = cookie(dashboard, Role.VIEWER)
    handshake = [
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {urlsplit(dashboard).netloc}",
        f"Cookie: {kept['name']}={kept['value']}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    ]
    elsewhere = ("http://evil.example", "http://127.0.0.1:1", "null")
    answered = {
        origin: exchanged(dashboard, *handshake, f"Origin: {origin}") for origin in (dashboard, *elsewhere)
    }
    assert answered == {dashboard: 101, **dict.fromkeys(elsewhere, 403)}
    assert exchanged(dashboard, *handshake) == 403


def test_what_a_hostile_client_sends_is_refused(dashboard: str, cookie) -> None:
    kept, own = cookie(dashboard, Role.ADMIN), urlsplit(dashboard).netloc
    signed_in, ours = f"Cookie: {kept['name']}={kept['value']}", f"Origin: http://{own}"
    foreign, nothing = "Origin: http://evil.example", "Content-Length: 0"

    def get(path: str, *more: str, host: str = own) -> int:
        return exchanged(dashboard, f"GET {path} HTTP/1.1", f"Host: {host}", *more)

    def post(path: str, *more: str) -> int:
        return exchanged(dashboard, f"POST {path} HTTP/1.1", f"Host: {own}", *more)

    assert get("/funnel") == 303
    assert get("/funnel", f"{SESSION_HEADER}: {'0' * 64}") == 303
    assert get("/funnel", "X-Forwarded-User: root", "X-Auth-Login: root") == 303
    assert get("/api/v1/x", f"Cookie: {kept['name']}=forged") == 401
    assert get("/api/v1/x", signed_in) == 404
    assert get("/funnel", signed_in, host="evil.example") == 400
    assert post("/sign-in", foreign, nothing) == 403
    assert post("/sign-in", nothing) == 403
    assert post("/api/v1/events/", signed_in, foreign, nothing) == 403
    assert post("/sign-in", ours, f"Content-Length: {MOST_BYTES + 1}") == 413
    assert post("/api/v1/events/", signed_in, ours, f"Content-Length: {MOST_EVENT_BYTES + 1}") == 413
