"""Views in Redis: the same record comes back, computed once, and Redis may be away."""

import datetime as dt
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import make_dataclass, replace
from threading import Barrier
from typing import Any

import pytest
import redis
from sqlalchemy import Engine

from analytics import cache as cache_module
from analytics.cache import AWAY_SECONDS, CacheCounts, ViewCache, forget
from analytics.funnels import FunnelDefinition
from analytics.queries import Asked, Reader
from analytics.question import Question
from analytics.records import shape
from analytics.store import EventStore
from analytics.sync import sync
from analytics.views.funnel import FUNNEL, funnel_view
from analytics.views.kinds import ViewKind
from analytics.views.records import FunnelView

Happened = Callable[..., Any]
NOW = dt.datetime(2024, 6, 1, tzinfo=dt.UTC)
DAY = Question.of_days(dt.date(2024, 1, 10), dt.date(2024, 1, 10), breakdown=("plan",))
ASKED = Asked(FunnelDefinition.parse("A,B"), DAY, NOW)


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
    computed = FUNNEL.of(reader, ASKED)
    first, second = [cache.view(FUNNEL, reader, ASKED) for _ in range(2)]
    assert [first.view, second.view] == [computed] * 2
    assert [first.from_cache, second.from_cache] == [False, True]
    assert first.computed_at == second.computed_at
    assert cache.counts == CacheCounts(hits=1, misses=1, waits=0, unavailable=0)


def test_another_question_or_a_new_event_asks_anew(
    reader: Reader, client: "redis.Redis", engine: Engine, store: EventStore, happened: Happened
) -> None:
    cache = ViewCache(client, 300)
    assert cache.view(FUNNEL, reader, ASKED).view.converted == 1
    blocked = replace(ASKED, blocked={"b": 2 * 10**12})
    assert cache.view(FUNNEL, reader, blocked).view.outcomes.blocked == 1
    happened("b", "B", "2024-01-10 12:01")
    sync(engine, store)
    assert cache.view(FUNNEL, reader, ASKED).view.converted == 2
    assert cache.counts.hits == 0


def test_another_kind_or_option_is_another_view(reader: Reader, client: "redis.Redis") -> None:
    def make(reader: Reader, asked: Asked, *, days: int = 1) -> FunnelView:
        return replace(funnel_view(reader, asked), window_seconds=days)

    other = ViewKind("other", FunnelView, make)
    cache = ViewCache(client, 300)
    assert cache.view(FUNNEL, reader, ASKED).view.window_seconds == 14 * 86400
    assert [cache.view(other, reader, ASKED, days=days).view.window_seconds for days in (1, 2, 1)] == [
        1,
        2,
        1,
    ]
    assert (cache.counts.hits, cache.counts.misses) == (1, 3)


def test_another_version_of_the_record_is_never_read(
    reader: Reader, client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as older:
        older.setattr(cache_module, "_shape", lambda _: {"name": "str"})
        ViewCache(client, 300).view(FUNNEL, reader, ASKED)
    cache = ViewCache(client, 300)
    cache.view(FUNNEL, reader, ASKED)
    assert cache.counts.hits == 0


def test_the_shape_of_a_record_knows_the_fields_inside_it() -> None:
    def outer(inner: type) -> type:
        return make_dataclass("Outer", [("many", tuple[inner, ...]), ("perhaps", inner | None)])  # type: ignore[valid-type]

    inner = make_dataclass("Inner", [("a", int)])
    assert shape(outer(inner)) == shape(outer(make_dataclass("Inner", [("a", int)])))
    assert shape(outer(inner)) != shape(outer(make_dataclass("Inner", [("b", int)])))


def test_many_who_ask_at_once_make_one_computation(reader: Reader, client: "redis.Redis") -> None:
    computed = []
    all_ask = Barrier(6)

    def make(reader: Reader, asked: Asked) -> FunnelView:
        computed.append(1)
        return funnel_view(reader, asked)

    def ask(_: int) -> FunnelView:
        all_ask.wait(timeout=30)
        return cache.view(ViewKind("counted", FunnelView, make), reader, ASKED).view

    cache = ViewCache(client, 300)
    with ThreadPoolExecutor(6) as people:
        views = list(people.map(ask, range(6)))
    assert len(computed) == 1
    assert {view.entered for view in views} == {2}
    assert (cache.counts.hits, cache.counts.misses) == (5, 1)


def test_a_failed_computation_does_not_keep_others_waiting(reader: Reader, client: "redis.Redis") -> None:
    def fails(_: Reader, __: Asked) -> FunnelView:
        raise ZeroDivisionError

    cache = ViewCache(client, 300)
    with pytest.raises(ZeroDivisionError):
        cache.view(ViewKind("funnel", FunnelView, fails), reader, ASKED)
    assert cache.view(FUNNEL, reader, ASKED).view.entered == 2


def test_without_redis_the_view_is_computed_and_the_loss_is_counted(reader: Reader) -> None:
    away = redis.Redis(host="127.0.0.1", port=1, retry=None)
    cache = ViewCache(away, 300)
    assert cache.view(FUNNEL, reader, ASKED).view.entered == 2
    assert cache.counts == CacheCounts(hits=0, misses=0, waits=0, unavailable=1)


def test_a_redis_that_failed_is_asked_again_only_after_a_while(
    reader: Reader, client: "redis.Redis", monkeypatch: pytest.MonkeyPatch
) -> None:
    now, asked = [0.0], []

    def hang(name: str) -> None:
        asked.append(name)
        raise redis.TimeoutError

    cache = ViewCache(client, 300, clock=lambda: now[0])
    with monkeypatch.context() as patched:
        patched.setattr(client, "get", hang)
        for _ in range(3):
            assert not cache.view(FUNNEL, reader, ASKED).from_cache
    assert len(asked) == 1
    now[0] = AWAY_SECONDS
    assert not cache.view(FUNNEL, reader, ASKED).from_cache
    assert cache.view(FUNNEL, reader, ASKED).from_cache
    assert cache.counts == CacheCounts(hits=1, misses=1, waits=0, unavailable=3)


def test_a_time_to_live_of_nothing_keeps_nothing(reader: Reader, client: "redis.Redis") -> None:
    ViewCache(client, 0).view(FUNNEL, reader, ASKED)
    assert client.dbsize() == 0


def test_forgetting_drops_views_and_nothing_else(reader: Reader, client: "redis.Redis") -> None:
    ViewCache(client, 300).view(FUNNEL, reader, ASKED)
    client.set("somebody else's", "1")
    assert forget(client) == 1
    assert client.dbsize() == 1
