"""Invented sessions: as many as asked, alike each time, and in files as a sync leaves them."""

import datetime as dt
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from sqlalchemy import Engine

from analytics import catalogue
from analytics.columns import FRESH, PROFILED_VALUES
from analytics.funnels import FunnelDefinition
from analytics.queries import Asked, Reader
from analytics.question import Question
from analytics.store import EventStore
from analytics.sync import sync
from benchmarks.destinations import CsvFile, EventTable, StoreFolder
from benchmarks.generate import generate, generate_day, plans
from benchmarks.journeys import STEPS, events_of_day, sessions_per_day

MONDAY = dt.date(2024, 1, 1)
LATER = dt.datetime(2040, 1, 1, tzinfo=dt.UTC)


def events(sessions: int = 2_000, seed: int = 1) -> pa.Table:
    return events_of_day(MONDAY, sessions, np.random.default_rng(seed))


def one_by_one(sessions: int, days: int, destination: StoreFolder | EventTable | CsvFile) -> None:
    """As generate() does, without its processes."""
    destination.begin()
    taken = [generate_day(plan, destination).row for plan in plans(sessions, days)]
    destination.finish([row for row in taken if row])


def test_the_days_have_all_sessions_together():
    counts = sessions_per_day(10_000, MONDAY, 14, seed=3)
    assert counts.sum() == 10_000
    assert counts[:5].min() > counts[5:7].max(), "a weekend is quieter"


def test_every_session_starts_on_its_day_with_the_first_step():
    table = events()
    first_ms = table.group_by("session_id").aggregate([("at_ms", "min")])["at_ms_min"]
    days = {moment.date() for moment in pc.cast(first_ms, pa.timestamp("ms")).to_pylist()}
    started = table.filter(pc.equal(table["name"].cast(pa.string()), STEPS[0]))
    assert days == {MONDAY}
    assert len(set(started["session_id"].to_pylist())) == 2_000


def test_a_session_has_about_six_events():
    assert len(events(20_000)) / 20_000 == pytest.approx(6.2, abs=0.1)


def test_the_same_seed_gives_the_same_events_and_another_seed_others():
    assert events(seed=1).equals(events(seed=1))
    assert not events(seed=1).equals(events(seed=2))


def test_the_hard_cases_are_there():
    table = events(20_000)
    by_session = table.group_by("session_id").aggregate([("at_ms", "min"), ("at_ms", "max")])
    days_long = (by_session["at_ms_max"].to_numpy() - by_session["at_ms_min"].to_numpy()) / 86_400_000
    started = table.filter(pc.equal(table["name"].cast(pa.string()), STEPS[0]))
    tied = table.group_by(["session_id", "at_ms"]).aggregate([("id", "count")])
    assert (days_long > 1).any()
    assert len(started) > 20_000, "some start again"
    assert pc.max(tied["id_count"]).as_py() > 1, "some steps carry the same millisecond"


def test_a_store_answers_as_one_that_a_sync_wrote(engine: Engine, tmp_path: Path):
    generated, synced = tmp_path / "generated", tmp_path / "synced"
    url = engine.url.render_as_string(hide_password=False)
    one_by_one(300, 3, StoreFolder(str(generated), url))
    made = contents(engine, generated)
    one_by_one(300, 3, EventTable(url))
    sync(engine, EventStore.at(str(synced)), rebuild=True)
    assert contents(engine, synced) == made


def test_the_reader_counts_every_session_of_a_generated_store(engine: Engine, tmp_path: Path):
    one_by_one(300, 3, StoreFolder(str(tmp_path), engine.url.render_as_string(hide_password=False)))
    reader = Reader(engine, EventStore.at(str(tmp_path)))
    result = reader.ask(Asked(FunnelDefinition.parse(",".join(STEPS)), Question(), LATER))
    assert int(result.total.reached[0, 0]) == 300


def test_generating_again_replaces_what_was_there(engine: Engine, tmp_path: Path):
    destination = StoreFolder(str(tmp_path), engine.url.render_as_string(hide_password=False))
    one_by_one(300, 3, destination)
    one_by_one(200, 2, destination)
    live = {file.path for file in catalogue.read(engine).files}
    assert sum(file.sessions for file in catalogue.read(engine).files) == 200
    assert set(EventStore.at(str(tmp_path)).paths()) == live


def test_a_csv_file_has_one_header_and_all_days(tmp_path: Path):
    path = tmp_path / "events.csv"
    events = generate(plans(300, 3), CsvFile(path))
    lines = path.read_text().splitlines()
    assert len(lines) == events + 1
    assert lines[0].replace('"', "").startswith("session_id,name,")
    assert sum(line.startswith('"session_id"') for line in lines) == 1


def contents(engine: Engine, folder: Path) -> dict[dt.date, dict[str, object]]:
    """Types, rows, profile and bounds of every live file, whatever it is called."""
    store = EventStore.at(str(folder))
    found: dict[dt.date, dict[str, object]] = {}
    for file, profile in zip(catalogue.read(engine).files, catalogue.profiles(engine), strict=True):
        for dimension in profile["dimensions"].values():
            if dimension["values"] > PROFILED_VALUES:
                del dimension["top"]  # which of the equally frequent ones are listed is left open
        table = store.read(file.path)
        found[file.day] = {
            "types": {field.name: str(field.type) for field in table.schema},
            "rows": table.to_pydict(),
            "profile": profile,
            "bounds": (file.part, file.rows, file.sessions, file.first_ms, file.last_ms),
        }
    assert {"session", *FRESH.names} <= set(next(iter(found.values()))["types"])
    return found
