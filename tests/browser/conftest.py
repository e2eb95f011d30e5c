"""The whole product, started as a person starts it, and a Chromium to look at it."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright
from sqlalchemy import Engine

from infra.access import sessions
from infra.access.roles import Person, Role
from infra.access.sign_in import cookie_name
from tests.dlq.worker import eventually
from tests.environ import own_settings

ROOT = Path(__file__).parent.parent.parent
STOP_SECONDS = 30
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
]


@dataclass(frozen=True)
class Demo:
    sign_in_link: str
    home: Path

    @property
    def address(self) -> str:
        return self.sign_in_link.partition("/sign-in")[0]


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if found is None and os.environ.get("CI"):
        pytest.fail("Chromium is missing; in CI the browser tests must run")
    if found is None:
        pytest.skip("Chromium is missing: `apt-get install chromium` to run the browser tests")
    return found


@pytest.fixture(scope="session")
def browser(chromium: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1400, "height": 900})
    yield context.new_page()
    context.close()


@pytest.fixture(scope="session")
def demo(chromium: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """`make demo` on a new data folder, up to its sign-in link; stopped at the end by SIGTERM."""
    home = tmp_path_factory.mktemp("demo")
    kept = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    with subprocess.Popen(
        [sys.executable, "-m", "infra", "run", "--demo"],
        cwd=ROOT,
        env={**kept, "ONWARD_HOME": str(home), "ONWARD_PORT": str(free_port())},
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield Demo(_sign_in_link(process), home)
        finally:
            process.send_signal(signal.SIGTERM)
            process.wait(STOP_SECONDS)


@pytest.fixture(scope="session")
def preloaded() -> Iterator["subprocess.Popen[str]"]:
    """See preloaded.py."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.browser.preloaded"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.terminate()


@pytest.fixture
def dashboard(
    preloaded: "subprocess.Popen[str]", database_url: str, redis_url: str, tmp_path: Path
) -> Iterator[str]:
    """The address of a dashboard alone, in a process that nobody has asked anything."""
    assert preloaded.stdin is not None
    assert preloaded.stdout is not None
    port, log = free_port(), tmp_path / "dashboard.log"
    set_by_the_test = {name: os.environ[name] for name in own_settings()}
    told = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "ONWARD_HOME": str(tmp_path)}
    print(
        json.dumps({"port": port, "log": str(log), "environ": set_by_the_test | told}),
        file=preloaded.stdin,
        flush=True,
    )
    process_id = int(preloaded.stdout.readline())
    try:
        # Streamlit names its address before it answers there.
        eventually(lambda: _answers(port))
        yield f"http://127.0.0.1:{port}"
    finally:
        os.kill(process_id, signal.SIGKILL)


@pytest.fixture
def cookie(engine: Engine, tmp_path: Path) -> Callable[[str, Role], dict[str, str]]:
    """The session cookie of a person of some role, made without asking the dashboard."""

    def of(address: str, role: Role) -> dict[str, str]:
        link = sessions.create_link(engine, Person("vic", role), by="onward", now=datetime.now(UTC))
        token = sessions.sign_in(engine, link, now=datetime.now(UTC))
        assert token is not None
        return {"name": cookie_name(tmp_path), "value": token, "url": address}

    return of


def _sign_in_link(process: "subprocess.Popen[str]") -> str:
    assert process.stdout is not None
    printed = []
    for line in process.stdout:
        printed.append(line)
        if "/sign-in?token=" in line:
            return next(word for word in line.split() if "/sign-in?token=" in word)
    raise AssertionError(f"the demo ended without a link:\n{''.join(printed)}")


def _answers(port: int) -> bool:
    with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
