"""The way of a new user, from the printed link to a task brought back."""

import csv
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Demo

pytestmark = [pytest.mark.servers, pytest.mark.browser]

PATIENCE_MS = 60_000  # the sample is still being imported


def test_from_the_link_to_a_resolved_letter(page: Page, demo: Demo):
    requested = []
    page.on("request", lambda request: requested.append(request.url))
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)

    page.goto(demo.sign_in_link)
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    expect(page.get_by_text("What to do next")).to_be_visible()

    page.get_by_role("link", name="Funnel", exact=True).click()
    choose(page, "funnel", "Loan application")
    expect(page.get_by_role("heading", name="Loan application")).to_be_visible()
    steps = page.get_by_role("list", name="Steps of Loan application")
    expect(steps.get_by_role("listitem")).to_have_count(5)

    page.locator(".st-key-period").get_by_text("All", exact=True).click()
    expect(entered(page)).to_have_text("13,087")
    page.get_by_role("button", name="All sessions").click()
    choose(page, "window", "7d")
    expect(steps.get_by_role("listitem").last).to_contain_text("126")
    expect(page).to_have_url(re.compile("period=All.*window=7d"))

    with page.expect_download() as download:
        page.locator(".st-key-page_head").get_by_role("link", name="CSV").click()
    lines = Path(download.value.path()).read_text(encoding="utf-8").splitlines()
    reached = [row["reached"] for row in csv.DictReader(lines) if not row["breakdown"]]
    assert reached == ["13087", "7366", "5023", "4932", "126"]

    page.reload()
    expect(entered(page)).to_have_text("13,087")
    expect(steps.get_by_role("listitem").last).to_contain_text("126")

    page.get_by_role("link", name="Dead letters").click()
    page.locator(".st-key-card_letters").get_by_role("button", name="Open").first.click()
    drawer = page.get_by_role("dialog")
    expect(drawer).to_contain_text("AssistantTimeout")
    expect(drawer).to_contain_text("raise AssistantTimeout")
    letter = page.url
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()

    page.get_by_text("Demo fault: the assistant times out").click()
    expect(page.get_by_role("switch", name="Demo fault")).not_to_be_checked()
    page.goto(letter)
    drawer.get_by_role("button", name="Retry").click()
    expect(drawer).to_contain_text("The retry succeeded")
    assert [url for url in requested if not url.startswith((demo.address, "data:", "blob:"))] == []


def entered(page: Page):
    return page.get_by_test_id("stMetric").filter(has_text="Entered").get_by_test_id("stMetricValue")


def choose(page: Page, key: str, option: str) -> None:
    page.locator(f".st-key-{key}").get_by_role("combobox").click()
    page.get_by_role("option", name=option, exact=True).click()
