"""The page for people who move a task of theirs: both of its versions run, and do what it says."""

import re
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
import requests
from celery import Celery

from dlq.strategies.categories import PASSING
from dlq.strategies.strategy import STRATEGIES
from dlq.strategies.task import StrategicTask

PAGE = (Path(__file__).parents[2] / "docs" / "migrating-tasks.md").read_text(encoding="utf-8")


class Bank:
    """Answers each call with the next of its statuses; None: the connection fails."""

    def __init__(self, *statuses):
        self.statuses = list(statuses)
        self.calls = 0

    def post(self, url, **_):
        self.calls += 1
        status = self.statuses.pop(0)
        if status is None:
            raise requests.ConnectionError("refused")
        response = requests.Response()
        response.status_code, response.url = status, url
        return response


def charge(version, bank, monkeypatch):
    """The task of that version of the page, in a shop of its own."""
    shop = ModuleType("shop.app")
    shop.BANK, shop.orders = "http://bank.test", {"o1": 10}
    shop.app = Celery("shop", broker="memory://", set_as_current=False)
    shop.app.task = lambda celerys=shop.app.task, **options: celerys(shared=False, **options)
    monkeypatch.setitem(sys.modules, "shop", ModuleType("shop"))
    monkeypatch.setitem(sys.modules, "shop.app", shop)
    monkeypatch.setattr(requests, "post", bank.post)
    code = re.search(rf"^## {version}\n.*?```python\n(.*?)```", PAGE, re.DOTALL | re.MULTILINE)
    defined = {"__name__": "shop.tasks"}
    exec(code.group(1), defined)
    return defined["charge"]


@pytest.mark.parametrize(
    ("statuses", "order", "before", "after"),
    [
        pytest.param([200], "o1", (1, {"charged": 10}), (1, {"charged": 10}), id="all is well"),
        pytest.param([503, 200], "o1", (2, {"charged": 10}), (2, {"charged": 10}), id="busy once"),
        pytest.param([401] * 9, "o1", (4, "HTTPError"), (1, "HTTPError"), id="wrong key"),
        pytest.param([], "unknown", (0, "KeyError"), (0, "KeyError"), id="a bug"),
        pytest.param([None] * 9, "o1", (4, "ConnectionError"), (6, "ConnectionError"), id="down"),
    ],
)
def test_both_versions_do_what_the_page_says(monkeypatch, statuses, order, before, after):
    for version, (calls, outcome) in {"Before": before, "After": after}.items():
        bank = Bank(*statuses)
        task = charge(version, bank, monkeypatch)
        result = task.apply((order,)).result
        assert bank.calls == calls
        assert (result if isinstance(result, dict) else type(result).__name__) == outcome


def test_the_table_of_categories_is_that_of_the_code():
    for category in PASSING:
        strategy = STRATEGIES[category]
        chance = {1.0: "all", 0.5: "half"}[strategy.jitter]
        pauses = f"{strategy.first_seconds:g} s, x{strategy.factor:g}, {strategy.cap_seconds:g} s"
        assert f"| {category} | {strategy.limit} | {pauses} | {chance} |" in PAGE
    assert f"({StrategicTask.most_waits})" in PAGE


@pytest.mark.parametrize(("options", "attempts"), [({}, 4), ({"max_retries": 2}, 3)])
def test_a_task_that_still_retries_by_itself_may_be_moved_as_it_is(options, attempts):
    app = Celery("shop", broker="memory://", set_as_current=False)
    runs = SimpleNamespace(count=0)

    @app.task(bind=True, base=StrategicTask, shared=False, **options)
    def old(task):
        runs.count += 1
        try:
            raise KeyError("x")
        except KeyError as error:
            raise task.retry(exc=error) from error

    assert isinstance(old.apply().result, KeyError)
    assert runs.count == attempts
