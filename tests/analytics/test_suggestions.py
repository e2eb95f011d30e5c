"""What the editor suggests: what really occurred, for the event it is about."""

from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Engine

from analytics import suggestions
from analytics.queries import Reader
from analytics.store import EventStore
from analytics.suggestions import Suggestion
from analytics.sync import sync

pytestmark = pytest.mark.servers

Happened = Callable[..., Any]


@pytest.fixture
def reader(engine: Engine, store: EventStore, happened: Happened) -> Reader:
    happened("a", "visit", "2024-01-10 12:00", page="home")
    happened("a", "pay", "2024-01-10 12:01", plan="pro", amount=5)
    happened("b", "pay", "2024-01-11 12:00", plan="free")
    happened("c", "pay", "2024-01-12 12:00", plan="pro")
    sync(engine, store)
    return Reader(engine, store)


def test_events_come_with_how_often_they_happened(reader: Reader) -> None:
    assert suggestions.events(reader) == [Suggestion("pay", 3), Suggestion("visit", 1)]


def test_properties_are_those_of_the_event(reader: Reader) -> None:
    assert suggestions.properties(reader, ["pay"]) == [Suggestion("plan", 3), Suggestion("amount", 1)]
    assert suggestions.properties(reader, ["visit"]) == [Suggestion("page", 1)]
    assert suggestions.properties(reader, ["never"]) == []


def test_any_event_has_the_properties_of_all(reader: Reader) -> None:
    assert {one.text for one in suggestions.properties(reader, [])} == {"plan", "amount", "page"}


def test_values_are_those_on_the_event(reader: Reader) -> None:
    assert suggestions.values(reader, ["pay"], "plan") == [Suggestion("pro", 2), Suggestion("free", 1)]
    assert suggestions.values(reader, ["visit", "pay"], "page") == [Suggestion("home", 1)]
    assert suggestions.values(reader, ["visit"], "plan") == []
    assert suggestions.values(reader, [], "nothing") == []


def test_only_the_newest_files_with_the_event_are_opened(
    reader: Reader, store: EventStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[str] = []
    partition = store.partition
    monkeypatch.setattr(store, "partition", lambda path: opened.append(path) or partition(path))
    monkeypatch.setattr(suggestions, "NEWEST_FILES", 2)
    assert suggestions.values(reader, ["pay"], "plan") == [Suggestion("free", 1), Suggestion("pro", 1)]
    assert [path.partition("/")[0] for path in sorted(opened)] == ["day=2024-01-11", "day=2024-01-12"]
    opened.clear()
    suggestions.values(reader, ["visit"], "page")
    assert [path.partition("/")[0] for path in opened] == ["day=2024-01-10"]


def test_suggestions_are_kept_until_the_store_changes(
    reader: Reader, engine: Engine, store: EventStore, happened: Happened, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = suggestions.values(reader, ["pay"], "plan")
    read: list[str] = []
    partition = store.partition
    monkeypatch.setattr(store, "partition", lambda path: read.append(path) or partition(path))
    assert suggestions.values(reader, ["pay"], "plan") == found
    assert read == []
    happened("d", "pay", "2024-01-13 12:00", plan="team")
    sync(engine, store)
    assert Suggestion("team", 1) in suggestions.values(reader, ["pay"], "plan")
