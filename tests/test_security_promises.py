"""Every promise of docs/security.md names tests, and every test that it names exists."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
TEXT = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
_HEADS = {"promise", "---"}
ROWS = [
    (promise.strip(), re.findall(r"`([^`]+)::(test_\w+)`", named))
    for promise, named in re.findall(r"^\|([^|]+)\|([^|]+)\|$", TEXT, re.MULTILINE)
    if promise.strip() not in _HEADS
]


def test_the_page_has_promises() -> None:
    assert len(ROWS) > 30


@pytest.mark.parametrize(("promise", "named"), ROWS, ids=[promise for promise, _ in ROWS])
def test_a_promise_names_tests_that_exist(promise: str, named: list[tuple[str, str]]) -> None:
    assert named
    missing = [
        f"{path}::{name}"
        for path, name in named
        if not re.search(rf"^(async )?def {name}\(", (TESTS / path).read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert missing == []


def test_every_name_that_looks_like_a_test_is_in_a_promise() -> None:
    in_promises = {name for _, named in ROWS for _, name in named}
    assert set(re.findall(r"\btest_\w+(?!\w|\.py)", TEXT)) - _modules() == in_promises


def _modules() -> set[str]:
    return {path.stem for path in TESTS.rglob("test_*.py")}
