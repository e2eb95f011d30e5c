"""The way to an OpenID provider and back, in a real browser, against the real dashboard."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.infra.openid_provider import CLIENT_ID, CLIENT_SECRET, describe, running_provider

pytestmark = [pytest.mark.servers, pytest.mark.browser]

PATIENCE_MS = 60_000
SETTINGS = {
    "CLIENT_ID": CLIENT_ID,
    "CLIENT_SECRET": CLIENT_SECRET,
    "TITLE": "Shop login",
    "ROLES": "support=operator",
}


@pytest.fixture
def issuer(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with running_provider() as issuer:
        for name, value in {**SETTINGS, "ISSUER": issuer}.items():
            monkeypatch.setenv(f"ONWARD_OIDC_{name}", value)
        yield issuer


def test_the_provider_leads_to_where_one_wanted_to_go(page: Page, issuer: str, dashboard: str) -> None:
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    describe(issuer, {"email": "ada@shop.example", "groups": ["staff"]})
    page.goto(f"{dashboard}/dead-letters")
    page.get_by_role("link", name="Sign in with Shop login").click()
    expect(page.get_by_role("heading", name="You are not signed in")).to_be_visible()
    expect(page.get_by_text("ada@shop.example is in no group that may use Onward")).to_be_visible()

    describe(issuer, {"email": "ada@shop.example", "groups": ["support"]})
    page.goto(f"{dashboard}/dead-letters")
    page.get_by_role("link", name="Sign in with Shop login").click()
    expect(page.get_by_role("heading", name="Dead letters")).to_be_visible()
    expect(page.get_by_text("ada@shop.example · operator")).to_be_visible()
    assert page.url == f"{dashboard}/dead-letters"
