"""What support does all day, in a real browser: find the cause, retry all of it, watch what comes of it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery
from playwright.sync_api import Page, expect

from dlq.operations.running import run_due
from dlq.retries.publishing import Publisher
from dlq.sealing import Sealer
from infra import audit
from infra.access.roles import Role
from tests.dlq import builders
from tests.dlq.worker import ForeignWorker, eventually, start_worker

pytestmark = [pytest.mark.servers, pytest.mark.browser]

PATIENCE_MS = 60_000  # a fresh process loads its page for the first time


@pytest.fixture
def worker(tmp_path: Path, database_url: str, redis_url: str) -> Iterator[ForeignWorker]:
    worker = start_worker(tmp_path / "worker", broker_url=redis_url, database_url=database_url)
    yield worker
    worker.stop()


@pytest.fixture
def opened(page: Page, dashboard: str, cookie):
    """The page of the dead letters as somebody of a role."""

    def by(role: Role, query: str = "") -> Page:
        page.set_default_timeout(PATIENCE_MS)
        expect.set_options(timeout=PATIENCE_MS)
        page.context.add_cookies([cookie(dashboard, role)])
        page.goto(f"{dashboard}/dead-letters{query}")
        expect(page.get_by_role("heading", name="Dead letters")).to_be_visible()
        return page

    return by


@pytest.fixture
def run(engine, redis_url):
    """Carry out what is due, as the runner does."""

    def once() -> None:
        with Celery("runner", broker=redis_url) as app:
            run_due(engine, Publisher(app), sealer=Sealer(()), audit=audit.record, for_seconds=1)

    return once


def test_a_group_is_retried_on_a_real_worker_and_what_came_of_it_is_shown(opened, worker, run, engine):
    for nth in range(3):
        worker.send("divide", 1, 0, session_id=f"s{nth}")
    eventually(lambda: builders.count(engine, "dead_letter") == 3)
    page = opened(Role.OPERATOR)
    page.get_by_role("button", name="Open ZeroDivisionError").click()
    expect(page.locator(".st-key-card_group")).to_contain_text("3 sessions blocked")
    worker.raise_flag("nonzero")

    page.get_by_role("button", name="Retry all 3").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("The tasks of 3 letters are sent again")
    dialog.get_by_role("textbox", name="Why").fill("it is back")
    dialog.get_by_role("button", name="Retry 3 letters").click()
    card = page.locator(".st-key-card_operation")
    expect(card).to_contain_text("0 of 3 sent again")
    run()
    expect(card).to_contain_text("3resolved")
    expect(card).to_contain_text("3sessions no longer wait")
    expect(card).to_contain_text("it is back")
    expect(card).to_contain_text("Finished")

    page.reload()
    expect(card).to_contain_text("3resolved")


def test_letters_are_picked_discarded_and_brought_back_without_a_mouse(opened, run, engine):
    for nth in range(3):
        builders.fail(engine, builders.envelope(f"t{nth}"))
    page = opened(Role.ADMIN)
    first = page.get_by_role("checkbox", name="Pick letter 3")
    first.focus()
    page.keyboard.press("Space")
    expect(page.get_by_text("1 picked")).to_be_visible()
    page.keyboard.press("Tab")
    expect(page.locator(".st-key-open_3").get_by_role("button")).to_be_focused()
    page.keyboard.press("Shift+A")
    expect(page.get_by_text("3 picked")).to_be_visible()

    page.keyboard.press("Shift+D")
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("3 letters are discarded")
    page.keyboard.press("Control+Enter")
    card = page.locator(".st-key-card_operation")
    expect(card).to_contain_text("Discard 3 letters")
    run()
    undo = card.get_by_role("button", name="Undo: restore these letters")
    undo.focus()
    page.keyboard.press("Enter")
    expect(dialog).to_contain_text("3 letters are brought back")
    page.keyboard.press("Control+Enter")
    expect(card).to_contain_text("Restore 3 letters")
    run()
    expect(card).to_contain_text("3waiting for a decision")


def test_a_link_to_filters_group_and_letter_opens_all_of_them(opened, engine):
    letter_id = builders.fail(engine, builders.envelope("t1", client_id="acme"))
    builders.fail(engine, builders.envelope("t2", client_id="other"))
    fingerprint = builders.letter(engine, letter_id)["fingerprint"]
    page = opened(
        Role.OPERATOR, f"?status=All&client=acme&group={fingerprint}&letter={letter_id}&parts=Timeline"
    )
    drawer = page.get_by_role("dialog")
    expect(drawer.get_by_text("Failed for the first time")).to_be_visible()
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(page.locator(".st-key-card_group")).to_contain_text("ValueError")
    expect(page.get_by_role("checkbox", name="Pick letter 1")).to_be_visible()
    expect(page.get_by_role("checkbox", name="Pick letter 2")).to_have_count(0)
    assert "letter=" not in page.url


def test_arguments_are_edited_in_the_drawer_while_it_refreshes(opened, engine):
    letter_id = builders.fail(engine, builders.envelope("t1", body=builders.body_of("s1", plan="gold")))
    page = opened(Role.OPERATOR, f"?letter={letter_id}&parts=Arguments")
    drawer = page.get_by_role("dialog")
    drawer.get_by_text("Edit the arguments").click()
    editor = drawer.get_by_role("textbox", name="Arguments as JSON")
    editor.fill('{"args": ["s1"], "kwargs": {"plan": "silver"}}')
    page.wait_for_timeout(2500)  # two refreshes, with the text not yet handed in
    expect(editor).to_have_value('{"args": ["s1"], "kwargs": {"plan": "silver"}}')
    editor.press("Control+Enter")
    drawer.get_by_role("button", name="Save as a new version").click()
    expect(drawer).to_contain_text("with the arguments of version 1")


def test_the_page_keeps_its_style_when_the_drawer_says_what_it_does(opened, engine):
    letter_id = builders.fail(engine, builders.envelope("t1"))
    page = opened(Role.OPERATOR, f"?letter={letter_id}")
    drawer = page.get_by_role("dialog")
    drawer.get_by_role("button", name="Retry", exact=True).click()
    expect(drawer.get_by_text("Retrying", exact=True)).to_be_visible()
    expect(drawer.locator("dl.facts")).to_have_css("display", "grid")
