"""Each table holds what its page shows, to whom its page shows it."""

from datetime import UTC, datetime, timedelta

import pyarrow as pa
import pytest
import redis

from analytics.cache import ViewCache
from analytics.errors import InvalidQuery, UnknownFunnel
from analytics.queries import Reader
from analytics.store import EventStore
from analytics.views.all_kinds import KINDS
from dlq import console
from dlq.broker.records import BrokerView, Pause, Running, WorkerState, WorkerView
from dlq.errors import BadFilter
from dlq.redaction import Redactor
from infra.access.roles import Person, Role
from infra.errors import AccessDenied
from recovery.__main__ import main
from recovery.exports.errors import BadParameter, UnknownParameter, UnknownTable
from recovery.exports.registry import TABLES, table_named
from recovery.exports.table import Sources
from recovery.funnels import Funnels
from tests.dlq import builders
from tests.dlq.test_broker_configuration import queue, worker
from tests.pages.conftest import NOON, World

pytestmark = pytest.mark.servers

ADA = Person("ada", Role.ADMIN)
NOW = NOON + timedelta(hours=1)
SIGN_UP = [("name", "sign-up")]


class Seen:
    """A look at the broker that has ended."""

    def __init__(self, view=None):
        self.latest = view or BrokerView(seen_at=NOW)

    def view(self, by, *, wait_seconds=0.0):
        by.require("letters.read")
        return self.latest


@pytest.fixture
def sources(engine, redis_url, tmp_path):
    store = EventStore.at(str(tmp_path / "events"))
    with redis.Redis.from_url(redis_url) as client:
        funnels = Funnels(Reader(engine, store), ViewCache(client, seconds=60))
        yield Sources(engine, funnels, Redactor(), Seen(), lambda: NOW)


@pytest.fixture
def world(engine, tmp_path):
    return World(engine, tmp_path)


@pytest.fixture
def seen(world):
    world.funnel()
    world.session("a", "visited", "signed up", "paid")
    world.session("b", "visited", device="desktop")
    world.session("c", "visited", "looked around")
    world.sync()
    return world


@pytest.fixture
def rows(sources):
    def of(table, pairs=(), by=ADA, sources=sources):
        found = TABLES[table].rows(sources, by, list(pairs))
        batches = list(found.batches)
        assert all(batch.schema.equals(found.schema) for batch in batches)
        return pa.Table.from_batches(batches, found.schema).to_pylist()

    return of


@pytest.mark.parametrize("table", TABLES)
def test_a_table_is_for_those_who_may_see_its_page(table, sources, seen):
    for role in Role:
        person = Person("ada", role)
        asked = [*SIGN_UP, ("dimension", "device")]
        if person.may(TABLES[table].permission):
            TABLES[table].rows(sources, person, asked)
        else:
            with pytest.raises(AccessDenied):
                TABLES[table].rows(sources, person, asked)


def test_every_view_of_a_funnel_is_a_table():
    assert {name.replace("_", "-") for name in KINDS} <= set(TABLES)


def test_a_table_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(UnknownTable, match=r"did you mean letters\?.*There are: .*audit|.*cohorts"):
        table_named("leters")
    with pytest.raises(UnknownTable, match=r"no table is called 'x'\. There are: "):
        table_named("x")


def test_a_view_has_columns_of_its_own_types(rows, seen):
    found = rows("funnel", [*SIGN_UP, ("by", "device")])
    assert [(row["value"], row["step"], row["reached"]) for row in found][:4] == [
        ("", "Visited", 3),
        ("", "Signed up", 1),
        ("", "Paid", 1),
        ("phone", "Visited", 2),
    ]
    assert found[1]["loss"] == 0.0
    days = rows("trend", [*SIGN_UP, ("per", "week")])
    assert [(row["week"].isoformat(), row["entered"]) for row in days] == [("2026-03-02", 3)]
    assert rows("realtime", SIGN_UP)[0]["hour"].tzinfo is not None


def test_short_and_long_names_of_a_question_mean_the_same(rows, seen):
    short = [
        ("from", "2026-03-02"),
        ("to", "2026-03-02"),
        ("zone", "America/New_York"),
        ("where", "device=phone"),
    ]
    long = [
        ("since", "2026-03-02T05:00:00Z"),
        ("until", "2026-03-03T05:00:00Z"),
        ("time_zone", "America/New_York"),
        ("session_where", '["device","phone"]'),
    ]
    found = rows("sessions", [*SIGN_UP, *short])
    assert [row["session_id"] for row in found] == ["a", "c"]
    assert found == rows("sessions", [*SIGN_UP, *long])
    assert rows("sessions", [*SIGN_UP, ("from", "2026-03-03"), ("to", "2026-03-03")]) == []


@pytest.mark.parametrize(
    ("pairs", "error"),
    [
        ([("from", "yesterday")], InvalidQuery),
        ([("to", "9999-12-31")], InvalidQuery),
        ([("where", "phone")], InvalidQuery),
        ([("zone", "Mars")], InvalidQuery),
        ([("from", "0001-01-01"), ("zone", "Asia/Tokyo")], InvalidQuery),
        ([("stopped", "9")], InvalidQuery),
        ([("name", "nothing")], UnknownFunnel),
    ],
)
@pytest.mark.parametrize("table", ["sessions", "session-events"])
def test_what_cannot_be_asked_is_refused_before_the_first_byte(sources, seen, table, pairs, error):
    with pytest.raises(error):
        TABLES[table].rows(sources, ADA, [*SIGN_UP, *pairs])


def test_the_events_of_the_selected_sessions_come_oldest_first(rows, seen, monkeypatch):
    monkeypatch.setattr("analytics.session_events.MOST_SESSIONS", 1)
    found = rows("session-events", [*SIGN_UP, ("outcome", "open")])
    assert [(row["session_id"], row["name"], row["properties"]) for row in found] == [
        ("b", "visited", '{"device": "desktop"}'),
        ("c", "visited", '{"device": "phone"}'),
        ("c", "looked around", '{"device": "phone"}'),
    ]


def test_a_session_of_any_length_is_read_in_pages_and_each_event_comes_once(rows, seen, monkeypatch):
    monkeypatch.setattr("analytics.session_events.MOST_EVENTS", 2)
    seen.session("long", *["visited"] * 7, device="desktop")
    seen.sync()
    found = rows("session-events", SIGN_UP)
    assert [row["session_id"] for row in found].count("long") == 7
    assert len(found) == len({(row["session_id"], row["occurred_at"], row["name"]) for row in found}) == 13


def test_every_letter_is_there_once_over_several_pages(engine, rows, monkeypatch):
    monkeypatch.setattr(console, "MAX_PAGE", 2)
    for nth in range(5):
        builders.fail(engine, builders.envelope(f"t{nth}"), builders.failure(after_seconds=nth))
    found = rows("letters")
    assert [row["task_id"] for row in found] == ["t4", "t3", "t2", "t1", "t0"]
    assert found[0]["failed_at"] == datetime(2026, 3, 1, 12, 0, 4, tzinfo=UTC)


def test_letters_are_narrowed_and_masked_as_on_their_page(engine, rows):
    builders.fail(engine, builders.envelope("t1"), builders.failure(message="password=hunter2"))
    builders.fail(engine, builders.envelope("t2", task_name="shop.ship"))
    assert [row["task_id"] for row in rows("letters", [("task_name", "shop.ship")])] == ["t2"]
    assert "hunter2" not in str(rows("letters"))
    assert [row["letters"] for row in rows("groups")] == [1, 1]
    assert "hunter2" not in str(rows("groups"))


def test_a_filter_that_makes_no_sense_is_named(sources):
    with pytest.raises(BadFilter, match="status"):
        TABLES["letters"].rows(sources, ADA, [("status", "lost")])
    with pytest.raises(BadParameter, match="order: 'oldest' is not known; allowed: blocked"):
        TABLES["groups"].rows(sources, ADA, [("order", "oldest")])


def test_a_misspelt_parameter_of_a_command_is_named_and_the_right_one_suggested():
    with pytest.raises(UnknownParameter, match="letters has no parameter 'statsu'; did you mean status"):
        TABLES["letters"].check_names([("statsu", "dead")])
    with pytest.raises(UnknownParameter, match=r"tokens has no parameter 'name'\. It takes none"):
        TABLES["tokens"].check_names([("name", "etl")])


def test_a_file_that_cannot_be_made_is_named_with_the_reason(
    database_url, redis_url, tmp_path, monkeypatch, capsys
):
    for name, value in {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "ONWARD_HOME": tmp_path,
    }.items():
        monkeypatch.setenv(name, str(value))
    path = tmp_path / "nowhere" / "letters.csv"
    assert main(["export", "letters", "--to", str(path)]) == 2
    assert capsys.readouterr().err == f"recovery: {path} cannot be written: No such file or directory\n"


def test_a_command_may_ask_as_a_link_of_the_page_does():
    TABLES["letters"].check_names([("status", "dead"), ("text", "timeout")])
    TABLES["funnel"].check_names([("name", "f"), ("since", "2026-03-01T00:00:00Z"), ("breakdown", "plan")])


def test_workers_and_queues_are_as_they_were_seen_last(rows, sources):
    busy = WorkerView(
        name="one@here",
        state=WorkerState.ALIVE,
        reports=True,
        answers=True,
        heartbeat_at=NOW,
        queues=("mail", "bills"),
        paused=("slow",),
        running=(Running("t1", "mail.send", "mail", NOW),),
    )
    silent = WorkerView("two@here", WorkerState.SILENT, reports=True, answers=False)
    paused = queue(waiting=5, by_priority={0: 2, 9: 3}, pause=Pause("mail", "ada", NOW, "", (worker().name,)))
    sources.watch.latest = BrokerView(workers=(busy, silent), queues=(paused,))
    one, two = rows("workers")
    assert (one["worker"], one["state"], one["last_heartbeat"], one["running"]) == (
        "one@here",
        "alive",
        NOW,
        1,
    )
    assert (one["consumes"], one["paused"]) == ("mail bills", "slow")
    assert two["running"] is None  # what a silent one runs is not known
    [row] = rows("queues")
    assert (row["queue"], row["waiting"], row["by_priority"]) == ("mail", 5, "0:2 9:3")
    assert (row["oldest_seconds"], row["paused_by"]) == (1.0, "ada")


def test_a_file_is_named_for_its_funnel_and_nothing_else_gets_into_the_name():
    assert TABLES["sessions"].file_name([("name", 'a"; b/..\r\nx')]) == "a---b-----x-sessions"
    assert TABLES["letters"].file_name([]) == "letters"


def test_definitions_can_be_read_back(rows, world):
    world.funnel()
    [row] = rows("definitions")
    assert (row["name"], row["archived"], row["version"]) == ("sign-up", False, 1)
    assert row["steps"] == "Visited, Signed up, Paid"
