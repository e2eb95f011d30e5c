"""The page Workers & queues, with what it says in each state and what its switches do."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import redis
from celery import Celery
from streamlit.testing.v1 import AppTest

from dlq.broker import switches
from dlq.broker.records import Pause
from dlq.broker.watch import BrokerWatch
from dlq.strategies.breaker import Breaker
from infra.access.roles import Role
from recovery.dashboard import dashboard
from tests.dlq.test_broker_listeners import beat
from tests.dlq.worker import ForeignWorker, eventually, start_worker
from tests.pages.conftest import World

pytestmark = pytest.mark.servers

PAGE = "workers.py"

Shown = Callable[[AppTest], str]


@pytest.fixture
def client(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


@pytest.fixture
def send(redis_url: str) -> Iterator[Callable[..., Any]]:
    with Celery("client", broker=redis_url, set_as_current=False) as app:
        yield app.send_task


@pytest.fixture
def worker(
    world: World, tmp_path_factory: pytest.TempPathFactory, redis_url: str, database_url: str
) -> Iterator[ForeignWorker]:
    worker = start_worker(tmp_path_factory.mktemp("foreign"), broker_url=redis_url, database_url=database_url)
    yield worker
    worker.stop()


def looked(world: World, role: Role = Role.OPERATOR, **query: str) -> AppTest:
    """The page once its first look has ended."""
    from tests.dlq.broker_console import ADA

    app = world.open(role)
    eventually(lambda: dashboard().watch.view(ADA, wait_seconds=5).seen_at)
    for name, value in query.items():
        app.query_params[name] = value
    return app.switch_page(PAGE).run()


def again(app: AppTest) -> AppTest:
    """The page after one more look."""
    from tests.dlq.broker_console import ADA

    watch = dashboard().watch
    before = watch.view(ADA).seen_at
    watch.look_again()
    eventually(lambda: watch.view(ADA).seen_at != before)
    return app.run()


def numbers(app: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in app.metric}


def test_the_page_does_not_wait_for_the_broker(world: World, shown: Shown, monkeypatch) -> None:
    monkeypatch.setattr("dlq.broker.look.Look.look", lambda _look: pytest.fail("asked on the page"))
    monkeypatch.setattr(BrokerWatch, "_start", lambda _watch: None)
    assert "Asking the broker" in shown(world.open(Role.OPERATOR, PAGE))


def test_without_a_worker_it_says_what_to_start(world: World, shown: Shown, send) -> None:
    send("shop.pay", queue="alone")
    app = looked(world)
    assert "No worker is running" in shown(app)
    assert "celery -A your_app worker" in shown(app)
    assert "<b>alone</b>" in shown(app)
    assert (numbers(app)["Workers alive"], numbers(app)["Waiting in queues"]) == ("0", "1")


def test_a_broker_that_is_away_is_said_and_heartbeats_stay(
    world: World, shown: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    dashboard.cache_clear()
    beat(world.engine, at=datetime.now(UTC), name="lonely@here")
    app = looked(world)
    assert "The broker does not answer" in shown(app)
    assert "lonely@here" in shown(app)
    assert numbers(app)["Waiting in queues"] == "–"
    assert not [button.key for button in app.button if str(button.key).startswith("pause_")]


def test_a_pause_is_asked_for_done_shown_after_a_reload_and_taken_back(
    world: World, shown: Shown, worker: ForeignWorker
) -> None:
    app = looked(world)
    app.button(key="pause_slow").click().run()
    assert "Messages wait in the queue until you press Resume" in shown(app)
    assert worker.client.control.inspect(limit=1).active_queues()
    app.text_input(key="switch_reason").set_value("the disk is full").run()
    app.button(key="switch_confirm").click().run()
    assert "slow is paused: " in shown(app)

    reloaded = looked(world)
    eventually(lambda: "paused by ada" in shown(again(reloaded)))
    assert "the disk is full" in shown(reloaded)
    assert "no worker takes from it" in shown(reloaded)
    reloaded.button(key="resume_slow").click().run()
    assert "slow is taken from again" in shown(reloaded)
    eventually(lambda: "paused by ada" not in shown(again(reloaded)))
    worker.send("touch", "again", queue="slow")
    eventually(lambda: worker.runs("again"))


def test_a_running_task_is_stopped_from_the_drawer_of_its_worker(
    world: World, shown: Shown, worker: ForeignWorker
) -> None:
    task_id = worker.send("sleepy", "stop me", 30)
    eventually(lambda: worker.runs("stop me"))
    app = looked(world)
    app.button(key="open_w_0").click().run()
    app.button(key=f"stop_{task_id}").click().run()
    app.button(key="switch_confirm").click().run()
    assert f"{task_id} is being stopped" in shown(app)
    eventually(lambda: "runs " not in shown(again(app)))


def test_an_open_breaker_is_shown_and_can_be_closed(world: World, shown: Shown, client: redis.Redis) -> None:
    guard = Breaker(client, "assistant")

    def fail() -> None:
        raise ConnectionError

    for _ in range(guard.settings.failures):
        with pytest.raises(ConnectionError):
            guard.call(fail)
    app = looked(world)
    assert "<b>assistant</b>" in shown(app)
    app.button(key="close_assistant").click().run()
    app.button(key="switch_confirm").click().run()
    assert "Calls to assistant pass" in shown(app)
    assert guard.call(lambda: "through") == "through"


def test_who_may_not_retry_sees_no_switch(world: World, send, monkeypatch: pytest.MonkeyPatch) -> None:
    from infra.access import roles

    reading = roles.ALLOWS[Role.OPERATOR] - {roles.Permission.RETRY_LETTERS}
    monkeypatch.setitem(roles.ALLOWS, Role.OPERATOR, reading)
    switches.note_pause(
        redis.Redis.from_url(dashboard().redis_url),
        Pause("mail", "ada", datetime.now(UTC), "", ("one@here",)),
    )
    app = looked(world)
    assert not [b.key for b in app.button if str(b.key).startswith(("pause_", "resume_", "revoke"))]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.ANALYST])
def test_a_role_without_the_permission_does_not_get_the_page(world: World, role: Role) -> None:
    app = world.open(role)
    with pytest.raises(ValueError, match="workers"):
        app.switch_page(PAGE)


def test_many_queues_are_paged_and_can_be_found(world: World, shown: Shown, client: redis.Redis) -> None:
    for nth in range(40):
        client.sadd("_kombu.binding.many", f"\x06\x16\x06\x16queue-{nth:02}")
    app = looked(world)
    assert "<b>queue-02</b>" in shown(app)
    assert "<b>queue-31</b>" not in shown(app)
    app.text_input(key="queue_search").set_value("-31").run()
    assert "<b>queue-31</b>" in shown(app)
    assert "<b>queue-02</b>" not in shown(app)


def test_names_of_queues_and_workers_are_text_and_not_markup(
    world: World, shown: Shown, client: redis.Redis
) -> None:
    client.sadd("_kombu.binding.evil", "\x06\x16\x06\x16<script>alert(1)</script>")
    beat(world.engine, at=datetime.now(UTC), name="<b>bold@here")
    said = shown(looked(world))
    assert "<script>" not in said
    assert "&lt;b&gt;bold@here" in said
