"""Signing in by password and being signed out, in a browser that stays where it is."""

from datetime import UTC, datetime, timedelta
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from sqlalchemy import delete, update

from infra.access import accounts, backoff, open_sessions
from infra.access.roles import Person, Role
from infra.access.tables import sign_in_failure

pytestmark = [pytest.mark.servers, pytest.mark.browser]

PASSWORD = "correct horse battery"
ROOT = Person("root", Role.ADMIN)
PATIENCE_MS = 20_000


@pytest.fixture
def ada(engine) -> Person:
    person = Person("ada", Role.OPERATOR)
    accounts.add(engine, ROOT, person, PASSWORD, now=datetime.now(UTC))
    return person


@pytest.fixture
def scriptless(browser: Browser):
    context = browser.new_context(java_script_enabled=False)
    yield context
    context.close()


def fill(page: Page, password: str) -> None:
    page.get_by_label("Login").fill("ada")
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_by_password_one_comes_to_where_one_wanted_to_go(page: Page, dashboard: str, ada):
    page.goto(f"{dashboard}/operations")
    fill(page, "wrong password")
    expect(page.get_by_role("alert")).to_have_text("Login or password is wrong.")
    fill(page, PASSWORD)
    expect(page.get_by_role("heading", name="Operations")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text("ada · operator")).to_be_visible()


def test_guessing_is_slowed_down_also_without_scripts(
    scriptless: BrowserContext, dashboard: str, engine, ada
):
    page = scriptless.new_page()
    page.goto(f"{dashboard}/sign-in")
    pause(engine)
    fill(page, PASSWORD)
    expect(page.get_by_role("alert")).to_contain_text("Too many sign-ins failed. Try again in")
    with engine.begin() as connection:
        connection.execute(delete(sign_in_failure))
    fill(page, PASSWORD)
    expect(page.get_by_role("alert")).to_have_count(0)
    assert "/sign-in" not in page.url


def pause(engine) -> None:
    now = datetime.now(UTC)
    with engine.begin() as connection:
        backoff.count(connection, "ada", None, now=now)
        connection.execute(update(sign_in_failure).values(blocked_until=now + timedelta(minutes=1)))


@pytest.mark.parametrize("path", ["operations", "dead-letters", "workers"])
def test_signed_out_everywhere_an_open_tab_stops_by_itself(
    page: Page, dashboard: str, engine, ada, path: str
):
    page.goto(f"{dashboard}/{path}")
    fill(page, PASSWORD)
    expect(page.get_by_text("ada · operator")).to_be_visible(timeout=PATIENCE_MS)
    open_sessions.sign_out_everywhere(engine, ROOT, "ada")
    expect(page.get_by_text("Your session has ended").first).to_be_visible(timeout=PATIENCE_MS)
    page.reload()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=PATIENCE_MS)


def test_an_admin_adds_a_person_whose_link_signs_them_in(
    browser: Browser, page: Page, dashboard: str, cookie
):
    page.context.add_cookies([cookie(dashboard, Role.ADMIN)])
    page.goto(f"{dashboard}/people")
    page.get_by_role("button", name="Add a person").click(timeout=PATIENCE_MS)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("Login").fill("not a login")
    dialog.get_by_role("button", name="Add", exact=True).click()
    expect(dialog).to_contain_text("cannot be a login")
    dialog.get_by_label("Login").fill("bob")
    dialog.get_by_role("button", name="Add", exact=True).click()
    link = dialog.locator("code").filter(has_text=f"{dashboard}/sign-in?token=")
    expect(link).to_be_visible(timeout=PATIENCE_MS)
    other = browser.new_context()
    guest = other.new_page()
    guest.goto(link.inner_text().strip())
    expect(guest.get_by_text("bob · viewer")).to_be_visible(timeout=PATIENCE_MS)
    other.close()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Open bob")).to_be_visible(timeout=PATIENCE_MS)


def test_a_token_is_shown_once_and_works(page: Page, dashboard: str, cookie):
    page.context.add_cookies([cookie(dashboard, Role.ADMIN)])
    page.goto(f"{dashboard}/people")
    page.get_by_role("button", name="New token").click(timeout=PATIENCE_MS)
    dialog = page.get_by_role("dialog")
    dialog.get_by_label("What it is for").fill("nightly")
    dialog.get_by_text("Operator", exact=True).click()
    dialog.get_by_role("button", name="Make it").click()
    shown = dialog.locator("code").filter(has_text="onw_")
    expect(shown).to_be_visible(timeout=PATIENCE_MS)
    token = shown.inner_text().strip()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Revoke nightly")).to_be_visible(timeout=PATIENCE_MS)
    expect(page.get_by_text(token)).to_have_count(0)
    asked = Request(f"{dashboard}/api/v1/admin/dlq/tasks/", headers={"authorization": f"Bearer {token}"})
    with urlopen(asked) as answer:
        assert answer.status == 200
