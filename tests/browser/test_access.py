"""Every page as the first request to a fresh process: the frame and its check must stand before it.

Streamlit runs a file of a page folder beside its main script without the main script. A process that has
answered before may hide that, so each of these asks a process of its own.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Browser, expect

from infra.access import sessions
from infra.access.roles import Person, Role
from infra.access.sign_in import cookie_name
from tests.browser.conftest import ROOT, free_port
from tests.dlq import builders
from tests.dlq.worker import eventually

pytestmark = [pytest.mark.servers, pytest.mark.browser]

SECRET = "only operators see this"


@pytest.fixture
def fresh_process(engine, database_url, redis_url, tmp_path) -> Iterator[str]:
    """The address of a dashboard that nobody has asked anything."""
    builders.fail(engine, builders.envelope(), builders.failure(message=SECRET))
    port = str(free_port())
    log = tmp_path / "dashboard.log"
    told = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "ONWARD_HOME": str(tmp_path)}
    with (
        log.open("wb") as output,
        subprocess.Popen(
            [sys.executable, "-m", "streamlit", "run", "app.py", "--server.port", port],
            cwd=ROOT,
            env={**os.environ, **told},
            stdout=output,
            stderr=subprocess.STDOUT,
        ) as dashboard,
    ):
        eventually(lambda: b"URL" in log.read_bytes() or dashboard.poll() is not None)
        assert dashboard.poll() is None, log.read_text()
        yield f"http://127.0.0.1:{port}"
        dashboard.terminate()


@pytest.fixture
def cookie(engine, tmp_path) -> Callable[[str, Role], dict[str, str]]:
    """The session cookie of a person of some role, made without asking the dashboard."""

    def of(address: str, role: Role) -> dict[str, str]:
        link = sessions.create_link(engine, Person("vic", role), by="onward", now=datetime.now(UTC))
        token = sessions.sign_in(engine, link, now=datetime.now(UTC))
        assert token is not None
        return {"name": cookie_name(tmp_path), "value": token, "url": address}

    return of


@pytest.mark.parametrize("path", ["dead-letters", "dead_letters", "funnel", "frame", "_letter"])
def test_signed_out_every_path_leads_to_sign_in(browser: Browser, fresh_process: str, path: str):
    context = browser.new_context()
    page = context.new_page()
    page.goto(f"{fresh_process}/{path}")
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible(timeout=20_000)
    assert SECRET not in page.content()
    context.close()


@pytest.mark.parametrize("path", ["dead-letters", "dead_letters"])
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
    expect(page.get_by_text(SECRET)).to_be_visible(timeout=20_000)
    context.close()
