"""A funnel written, looked away from, saved and brought back in a real browser, much of it by keyboard."""

from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from analytics import definitions
from infra.access.roles import Role
from tests.pages.conftest import SIGN_UP, World

pytestmark = [pytest.mark.servers, pytest.mark.browser]

PATIENCE_MS = 20_000


@pytest.fixture
def world(engine, tmp_path: Path) -> World:
    world = World(engine, tmp_path)
    world.funnel()
    world.session("a", "visited", "signed up", "paid")
    world.session("b", "visited", "signed up")
    world.session("c", "visited")
    world.sync()
    return world


def test_a_funnel_is_edited_compared_saved_and_restored(
    world: World, dashboard: str, page: Page, cookie
) -> None:
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page.context.add_cookies([cookie(dashboard, Role.ADMIN)])
    page.goto(f"{dashboard}/settings")
    page.get_by_role("button", name="Edit").click()
    expect(page.get_by_role("heading", name="Sign-up")).to_be_visible()
    expect(page.get_by_role("button", name="Save version 2")).to_be_disabled()

    title = page.get_by_role("textbox", name="Title")
    title.fill("Registration")
    title.press("Enter")
    expect(side(page)).to_contain_text("Title: Sign-up → Registration")

    page.get_by_role("link", name="Funnel").click()
    expect(page.get_by_role("heading", name="Sign-up")).to_be_visible()
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_text("Unsaved changes")).to_be_visible()
    page.get_by_role("button", name="Edit").click()
    expect(title).to_have_value("Registration")

    page.get_by_role("button", name="Remove", exact=True).nth(2).press("Enter")
    expect(preview(page)).to_contain_text("66.7%33.3%")
    page.get_by_role("button", name="Add step").press("Enter")
    expect(page.get_by_text("Step 3 is not complete")).to_be_visible()
    events = page.get_by_role("combobox", name="Events").nth(2)
    events.focus()
    page.keyboard.type("upgraded")
    page.keyboard.press("Enter")
    page.keyboard.press("Escape")
    expect(page.get_by_text("Never seen so far: upgraded")).to_be_visible()

    page.get_by_role("button", name="Save version 2").click()
    expect(side(page)).to_contain_text("Nothing to save")
    saved = definitions.latest(world.engine, "sign-up")
    assert (saved.version, saved.saved_by, saved.definition.title) == (2, "vic", "Registration")
    assert [step.events for step in saved.definition.steps] == [("visited",), ("signed up",), ("upgraded",)]

    page.get_by_role("button", name="Versions").click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("Step 3 removed: Paid")
    drawer.get_by_role("button", name="Restore").click()
    expect(drawer).to_contain_text("Version 3")
    page.keyboard.press("Escape")
    expect(title).to_have_value("Sign-up")
    assert definitions.latest(world.engine, "sign-up").definition == SIGN_UP


def side(page: Page) -> Locator:
    return page.locator(".st-key-card_dfn_save")


def preview(page: Page) -> Locator:
    return page.get_by_role("table")
