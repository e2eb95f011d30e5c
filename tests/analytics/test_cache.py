"""Views in Redis: the same record comes back, computed once, and Redis may be away."""

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import make_dataclass
from typing import Any

import pytest
import redis
from sqlalchemy import Engine

from analytics import cache as cache_module
from analytics.cache import CacheCounts, ViewCache
from analytics.funnels import FunnelDefinition
from analytics.queries import Reader
from analytics.question import Question
from analytics.records import shape
from analytics.store import EventStore
from analytics.sync import sync
from analytics.view_records import FunnelView
from analytics.views import funnel_view

Happened = Callable[..., Any]
NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
FUNNEL = FunnelDefinition.parse("A,B")
DAY = Question.of_days(dt.date(2024, 1, 10), dt.date(2024, 1, 10), breakdown=("plan",))


@pytest.fixture
def reader(engine: Engine, store: EventStore, happened: Happened) -> Reader:
    happened("a", "A", "2024-01-10 12:00", plan="pro")
    happened("a", "B", "2024-01-10 12:01", plan="pro")
    happened("b", "A", "2024-01-10 12:00")
    sync(engine, store)
    return Reader(engine, store)


@pytest.fixture
def client(redis_url: str) -> Iterator["redis.Redis"]:
    with redis.Redis.from_url(redis_url) as client:
        yield client


def test_a_view_comes_back_as_it_was_computed(reader: Reader, client: "redis.Redis") -> None:
    cache = ViewCache(client, 300)
    computed = funnel_view(reader, FUNNEL, DAY, now=NOW)
    assert [cache.view(reader, FUNNEL, DAY, now=NOW) for _ in range(2)] == [computed] * 2
    assert cache.counts == CacheCounts(hits=1, misses=1, unavailable=0)


def test_another_question_or_a_new_event_asks_anew(
    reader: Reader, client: "redis.Redis", engine: Engine, store: EventStore, happened: Happened
) -> None:
    cache = ViewCache(client, 300)
    assert cache.view(reader, FUNNEL, DAY, now=NOW).converted == 1
    assert cache.view(reader, FUNNEL, DAY, now=NOW, blocked={"b": 2 * 10**12}).outcomes.blocked == 1
    happened("b", "B", "2024-01-10 12:01")
    sync(engine, store)
    assert cache.view(reader, FUNNEL, DAY, now=NOW).converted == 2
    assert cache.counts.hits == 0


def test_another_version_of_the_record_is_never_read(
    reader: Reader, client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(cache_module, "_SHAPE", {"name": "str"})
        ViewCache(client, 300).view(reader, FUNNEL, DAY, now=NOW)
    cache = ViewCache(client, 300)
    cache.view(reader, FUNNEL, DAY, now=NOW)
    assert cache.counts.hits == 0


def test_the_shape_of_a_record_knows_the_fields_inside_it() -> None:
    def outer(inner: type) -> type:
        return make_dataclass("Outer", [("many", tuple[inner, ...]), ("perhaps", inner | None)])  # type: ignore[valid-type]

    inner = make_dataclass("Inner", [("a", int)])
    assert shape(outer(inner)) == shape(outer(make_dataclass("Inner", [("a", int)])))
    assert shape(outer(inner)) != shape(outer(make_dataclass("Inner", [("b", int)])))


def test_many_who_ask_at_once_make_one_computation(
    reader: Reader, client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    computed = []

    def counted(*asked: Any, **options: Any) -> FunnelView:
        computed.append(1)
        return funnel_view(*asked, **options)

    monkeypatch.setattr(cache_module, "funnel_view", counted)
    cache = ViewCache(client, 300)
    with ThreadPoolExecutor(6) as people:
        views = list(people.map(lambda _: cache.view(reader, FUNNEL, DAY, now=NOW), range(6)))
    assert len(computed) == 1
    assert {view.entered for view in views} == {2}


def test_a_failed_computation_does_not_keep_others_waiting(
    reader: Reader, client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    cache = ViewCache(client, 300)
    with monkeypatch.context() as broken:
        broken.setattr(cache_module, "funnel_view", _fails)
        with pytest.raises(ZeroDivisionError):
            cache.view(reader, FUNNEL, DAY, now=NOW)
    assert cache.view(reader, FUNNEL, DAY, now=NOW).entered == 2


def test_without_redis_the_view_is_computed_and_the_loss_is_counted(reader: Reader) -> None:
    away = redis.Redis(host="127.0.0.1", port=1, retry=None)
    cache = ViewCache(away, 300)
    assert cache.view(reader, FUNNEL, DAY, now=NOW).entered == 2
    assert cache.counts == CacheCounts(hits=0, misses=0, unavailable=1)


def test_a_time_to_live_of_nothing_keeps_nothing(reader: Reader, client: "redis.Redis") -> None:
    ViewCache(client, 0).view(reader, FUNNEL, DAY, now=NOW)
    assert client.dbsize() == 0


def _fails(*_: Any, **__: Any) -> FunnelView:
    raise ZeroDivisionError
