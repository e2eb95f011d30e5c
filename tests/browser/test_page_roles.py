"""Every page with every role and with none, each as the first request to a process of its own."""

import ast
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, expect

import pages
from infra.access.roles import Role
from tests.pages.conftest import World

pytestmark = [pytest.mark.servers, pytest.mark.browser]

PAGES = Path(pages.__path__[0])
#: Address, file, the heading that only this page has, and the smallest role that sees it.
ALLOWED = {
    "": ("overview", "Overview", Role.VIEWER),
    "funnel": ("funnel", "Sign-up", Role.VIEWER),
    "drop-off-heatmap": ("heatmap", "Drop-off", Role.VIEWER),
    "cohorts": ("cohorts", "Cohorts", Role.VIEWER),
    "compare": ("compare", "Compare", Role.VIEWER),
    "correlation": ("correlation", "Correlation", Role.VIEWER),
    "recommendations": ("recommendations", "Recommendations", Role.VIEWER),
    "sessions": ("sessions", "No number is chosen", Role.ANALYST),
    "dead-letters": ("dead_letters", "Dead letters", Role.OPERATOR),
    "operations": ("operations", "Operations", Role.OPERATOR),
    "workers": ("workers", "Workers & queues", Role.OPERATOR),
    "people": ("people", "People", Role.ADMIN),
    "audit": ("audit", "Audit", Role.ADMIN),
    "settings": ("settings", "Settings", Role.ADMIN),
}
ROLES = tuple(Role)


@pytest.fixture
def world(engine, tmp_path):
    made = World(engine, tmp_path)
    made.funnel()
    made.session("s1", "visited", "signed up")
    made.sync()
    return made


@pytest.mark.parametrize("path", ALLOWED)
@pytest.mark.parametrize("role", ROLES)
def test_a_page_shows_itself_to_its_roles_alone(
    world: World, browser: Browser, dashboard: str, cookie, path: str, role: Role
):
    _, heading, smallest = ALLOWED[path]
    context = browser.new_context()
    context.add_cookies([cookie(dashboard, role)])
    page = context.new_page()
    page.goto(f"{dashboard}/{path}")
    own = page.locator('[data-testid="stMain"]').get_by_text(heading, exact=True).first
    refused = page.get_by_text("Page not found").or_(page.get_by_text("Your role does not show this page"))
    may = ROLES.index(role) >= ROLES.index(smallest)
    expect(own if may else refused.first).to_be_visible(timeout=20_000)
    expect(refused if may else own).to_have_count(0)
    context.close()


@pytest.mark.parametrize("path", ALLOWED)
def test_signed_out_every_page_leads_to_sign_in(dashboard: str, path: str):
    with closing(HTTPConnection(urlsplit(dashboard).netloc)) as asking:
        asking.request("GET", f"/{path}")
        answer = asking.getresponse()
    assert answer.status == 303
    assert answer.headers["location"].startswith("/sign-in?next=")


def test_the_first_page_has_a_name_too(world: World, browser: Browser, dashboard: str, cookie):
    context = browser.new_context()
    context.add_cookies([cookie(dashboard, Role.VIEWER)])
    page = context.new_page()
    page.goto(f"{dashboard}/overview?name=sign-up")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible(timeout=20_000)
    assert page.url == f"{dashboard}/?name=sign-up"
    context.close()


def test_every_page_is_in_this_matrix():
    files = {path.stem for path in PAGES.glob("[a-z]*.py")} - {"frame"}
    assert files == {file for file, _, _ in ALLOWED.values()}
    assert _addresses() == {f"{file}.py": path or "overview" for path, (file, _, _) in ALLOWED.items()}


def _addresses() -> dict[str, str]:
    """File and address of each page that the frame knows."""
    calls = [
        node
        for node in ast.walk(ast.parse((PAGES / "frame.py").read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "st.Page"
    ]
    return {
        ast.literal_eval(call.args[0]): next(
            ast.literal_eval(keyword.value) for keyword in call.keywords if keyword.arg == "url_path"
        )
        for call in calls
    }
