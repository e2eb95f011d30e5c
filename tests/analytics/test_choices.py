"""What the filters offer: read once for each version of the store."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from analytics import catalogue, choices, remembered
from analytics.choices import ValueChoice
from analytics.funnels import Dimension, FunnelDefinition
from analytics.queries import Reader
from analytics.remembered import Remembered
from analytics.store import EventStore
from analytics.sync import sync

Happened = Callable[..., Any]
PLAN = Dimension("plan", "Plan")


def test_values_and_dimensions_are_read_once_until_the_store_changes(
    engine: Engine, store: EventStore, happened: Happened, monkeypatch: pytest.MonkeyPatch
) -> None:
    reads: list[str] = []
    profiles, partition = catalogue.profiles, store.partition
    monkeypatch.setattr(catalogue, "profiles", lambda engine: reads.append("profiles") or profiles(engine))
    monkeypatch.setattr(store, "partition", lambda path: reads.append("file") or partition(path))
    reader = Reader(engine, store, memory_bytes=0)

    def offered() -> tuple[list[str], list[ValueChoice]]:
        dimensions = choices.dimensions(reader, FunnelDefinition.parse("A,B"))
        return [choice.property for choice in dimensions], choices.values(reader, PLAN)

    happened("a", "A", "2024-01-10 12:00", plan="pro")
    happened("b", "A", "2024-01-10 12:00", plan="free")
    sync(engine, store)
    expected = (["plan"], [ValueChoice("free", 1), ValueChoice("pro", 1)])
    assert [offered() for _ in range(3)] == [expected] * 3
    assert sorted(reads) == ["file", "profiles"]

    happened("c", "A", "2024-01-10 12:00", plan="pro")
    sync(engine, store)
    assert offered()[1] == [ValueChoice("pro", 2), ValueChoice("free", 1)]


def test_answers_are_bounded_and_of_one_version(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remembered, "MAX_ANSWERS", 2)
    answers, computed = Remembered(), []

    def asked(version: int, key: str) -> str:
        return answers.get(version, key, lambda: computed.append(key) or key)

    for key in "abca":
        assert asked(1, key) == key
    assert computed == ["a", "b", "c", "a"]
    asked(1, "a")
    asked(2, "a")
    assert computed == ["a", "b", "c", "a", "a"]
