"""Every page as the first request to a fresh process: the frame and its check must stand before it.

Streamlit runs a file of a page folder beside its main script without the main script. A process that has
answered before may hide that, so each of these asks a process of its own.
"""

import pytest
from playwright.sync_api import Browser, expect

from infra.access.roles import Role
from tests.dlq import builders

pytestmark = [pytest.mark.servers, pytest.mark.browser]

SECRET = "only operators see this"


@pytest.fixture
def fresh_process(engine, dashboard) -> str:
    """The address of a dashboard that nobody has asked anything."""
    builders.fail(engine, builders.envelope(), builders.failure(message=SECRET))
    return dashboard


@pytest.mark.parametrize("path", ["dead-letters", "dead_letters", "funnel", "frame", "_letter"])
def test_signed_out_every_path_leads_to_sign_in(browser: Browser, fresh_process: str, path: str):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{fresh_process}/{path}")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=20_000)
    assert SECRET not in page.content()
    context.close()


@pytest.mark.parametrize("path", ["dead-letters", "dead_letters", "settings"])
def test_with_too_small_a_role_the_page_is_not_there(browser: Browser, fresh_process: str, cookie, path: str):
    context = browser.new_context()
    context.add_cookies([cookie(fresh_process, Role.VIEWER)])
    page = context.new_page()
    page.goto(f"{fresh_process}/{path}?letter=1")
    expect(page.get_by_text("Page not found")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("link", name="Dead letters")).to_have_count(0)
    assert SECRET not in page.content()
    context.close()


def test_the_role_that_may_see_the_page_does(browser: Browser, fresh_process: str, cookie):
    context = browser.new_context()
    context.add_cookies([cookie(fresh_process, Role.OPERATOR)])
    page = context.new_page()
    page.goto(f"{fresh_process}/dead-letters")
    expect(page.get_by_text(SECRET).first).to_be_visible(timeout=20_000)
    context.close()
