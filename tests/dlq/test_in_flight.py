"""The ledger of followed tasks: a row while the task is on its way or runs, none after its end."""

import os

import pytest
from sqlalchemy import select, text

from dlq.settings import Settings
from dlq.tables import dead_letter_in_flight
from dlq.times import to_ms
from dlq.worker import spool
from dlq.worker.capture import Capture
from dlq.worker.in_flight import Run
from tests.dlq.builders import NOON, count, failure, letter, message, noon

pytestmark = pytest.mark.servers
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"
KEY = "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="


@pytest.fixture
def captures(tmp_path, database_url):
    made = []

    def make(url=None, **settings):
        made.append(Capture(url or database_url, Settings(spool=tmp_path / "spool", **settings), noon))
        return made[-1]

    yield make
    for capture in made:
        capture.close()


def run_of(capture, at_ms=0, returns=False):
    return Run(capture.boot, "w1", to_ms(NOON) + at_ms, returns)


def rows(engine):
    with engine.connect() as connection:
        return [dict(row) for row in connection.execute(select(dead_letter_in_flight)).mappings()]


def report(engine, boot, beat_at_ms, stopped_at_ms=None):
    statement = text(
        "INSERT INTO onward.dead_letter_worker"
        " (boot, name, pid, started_at_ms, beat_at_ms, stopped_at_ms, release, queues, tasks, settings)"
        " VALUES (:boot, 'w', :pid, 0, :beat, :stopped, '', '{}', '{}', '{}')"
    )
    values = {"boot": boot, "pid": os.getpid(), "beat": beat_at_ms, "stopped": stopped_at_ms}
    with engine.begin() as connection:
        connection.execute(statement, values)


def test_a_task_is_on_the_ledger_from_publishing_to_its_success(engine, captures):
    capture = captures()
    assert capture.published(message())
    assert [(row["state"], row["boot"]) for row in rows(engine)] == [("published", None)]
    run = run_of(capture, returns=True)
    capture.received(message(), run)
    [row] = rows(engine)
    assert (row["state"], row["boot"], row["worker"], row["returns"]) == ("received", run.boot, "w1", True)
    capture.succeeded(message(), run=run)
    assert rows(engine) == []
    assert count(engine, "dead_letter") == 0


def test_a_failure_is_a_letter_instead(engine, captures):
    capture = captures()
    run = run_of(capture)
    capture.received(message(), run)
    capture.failed(message(), failure(), run=run)
    assert (rows(engine), count(engine, "dead_letter")) == ([], 1)


def test_a_task_that_never_ran_is_off_the_ledger_with_its_letter(engine, captures):
    capture = captures()
    capture.published(message())
    capture.failed(message(), failure())
    assert rows(engine) == []


def test_a_run_that_published_the_next_one_leaves_its_row_alone(engine, captures):
    capture = captures()
    run = run_of(capture)
    capture.received(message(), run)
    capture.published(message())
    capture.went_on(message(), run)
    assert [row["state"] for row in rows(engine)] == ["published"]


def test_a_run_that_ends_after_the_next_one_began_leaves_its_row_alone(engine, captures):
    capture = captures()
    first, second = run_of(capture), run_of(capture, at_ms=1)
    capture.received(message(), first)
    capture.received(message(), second)
    capture.went_on(message(), first)
    assert [row["at_ms"] for row in rows(engine)] == [second.at_ms]


def test_how_often_a_task_went_back_outlives_the_worker(engine, captures):
    assert [captures().sent_back(message()) for _ in range(3)] == [1, 2, 3]
    assert captures().received(message(), run_of(captures())) == 3


@pytest.mark.parametrize(
    ("beat", "stopped", "died"),
    [
        pytest.param(to_ms(NOON) - 61_000, None, 1, id="silent"),
        pytest.param(to_ms(NOON) - 59_000, None, 0, id="alive"),
        pytest.param(to_ms(NOON), to_ms(NOON), 1, id="ended"),
    ],
)
def test_a_run_whose_worker_died_with_it_counts_as_gone_back(engine, captures, beat, stopped, died):
    first, second = captures(), captures()
    first.received(message(), run_of(first))
    report(engine, first.boot, beat, stopped)
    assert second.received(message(), run_of(second)) == died


def test_other_runs_of_workers_that_live_do_not_hide_that_one_died(engine, captures):
    first, second, third = captures(), captures(), captures()
    first.received(message(), run_of(first))
    third.received(message("t2"), run_of(third))
    report(engine, third.boot, to_ms(NOON))
    assert second.received(message(), run_of(second)) == 1


def test_with_the_database_away_a_run_goes_on_and_its_end_waits_on_disk(engine, captures):
    capture, away = captures(), captures(NOWHERE)
    run = run_of(capture)
    capture.received(message(), run)
    assert away.received(message("t2"), run_of(away)) is None
    assert away.sent_back(message("t2")) is None
    assert not away.published(message("t3"))
    away.succeeded(message(), run=run)
    assert len(rows(engine)) == 1
    assert captures().replay() == 1
    assert (rows(engine), count(engine, "dead_letter")) == ([], 0)


def begin_away(away, task_id="t1", **at):
    run = run_of(away, **at)
    assert away.received(message(task_id), run) is None
    return away.acknowledging(message(task_id), run)


def test_a_run_that_began_while_the_database_was_away_comes_on_the_ledger_from_disk(engine, captures):
    run = begin_away(captures(NOWHERE))
    assert captures().replay() == 1
    [row] = rows(engine)
    assert (row["state"], row["boot"], row["at_ms"]) == ("received", run.boot, run.at_ms)
    assert captures().replay() == 0


ENDS = {
    "success": (lambda capture, run: capture.succeeded(message(), run=run), 0),
    "failure": (lambda capture, run: capture.failed(message(), failure(), run=run), 1),
    "another run": (lambda capture, run: capture.went_on(message(), run), 0),
}


@pytest.mark.parametrize("between", [False, True], ids=["not replayed", "replayed before its end"])
@pytest.mark.parametrize("is_back", [False, True], ids=["away", "back"])
@pytest.mark.parametrize(("end", "letters"), ENDS.values(), ids=ENDS)
def test_the_end_of_a_run_that_began_on_disk_leaves_nothing_of_it(
    engine, captures, tmp_path, end, letters, is_back, between
):
    run = begin_away(captures(NOWHERE))
    if between:
        captures().replay()
    end(captures() if is_back else captures(NOWHERE), run)
    if not is_back:
        captures().replay()
    assert (rows(engine), count(engine, "dead_letter")) == ([], letters)
    assert list((tmp_path / "spool").iterdir()) == []


@pytest.mark.parametrize("keys", [(), (KEY,)], ids=["plain", "sealed"])
def test_a_worker_killed_as_it_wrote_the_end_of_such_a_run_leaves_nothing_of_it(
    engine, captures, tmp_path, keys
):
    away, there = captures(NOWHERE, encryption_keys=keys), captures(encryption_keys=keys)
    run = begin_away(away)
    assert run.note
    content = run.note.read_bytes()
    away.went_on(message(), run)
    run.note.write_bytes(content)
    writes = []
    there._write = writes.append
    there.replay()
    assert [record.outcome for record in writes] == ["went_on"]
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_note_that_comes_late_leaves_the_row_of_a_later_run_alone(engine, captures):
    begin_away(captures(NOWHERE))
    later = run_of(captures(), at_ms=1)
    captures().received(message(), later)
    captures().replay()
    assert [(row["boot"], row["at_ms"]) for row in rows(engine)] == [(later.boot, later.at_ms)]


def test_a_note_takes_the_row_from_the_broker_that_held_the_task_before(engine, captures):
    captures().published(message())
    run = begin_away(captures(NOWHERE), at_ms=1)
    captures().replay()
    assert [(row["state"], row["boot"]) for row in rows(engine)] == [("received", run.boot)]


def test_a_run_that_no_disk_takes_goes_on_and_is_said_to_be_at_risk(engine, captures, tmp_path, caplog):
    (tmp_path / "spool").write_text("in the way")
    run = begin_away(captures(NOWHERE))
    assert "Task t1 is lost if this worker dies now" in caplog.text
    captures().succeeded(message(), run=run)
    assert count(engine, "dead_letter") == 0


def test_the_end_of_a_noted_run_that_no_disk_takes_goes_to_the_database(
    engine, captures, tmp_path, monkeypatch
):
    def refuse(*_record):
        raise OSError("No space left on device")

    run = begin_away(captures(NOWHERE))
    monkeypatch.setattr(spool, "append", refuse)
    captures().failed(message(), failure(), run=run)
    assert count(engine, "dead_letter") == 1
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_followed_message_is_sealed_as_a_letter_is(engine, captures):
    capture = captures(encryption_keys=(KEY,))
    capture.published(message(body=b'[["hunter2"], {}, {}]'))
    [row] = rows(engine)
    assert row["key_id"]
    assert b"hunter2" not in bytes(row["envelope"])
    assert b"aHVudGVyMi" not in bytes(row["envelope"])


def test_a_success_resolves_the_letter_of_a_run_that_was_given_up(engine, captures):
    capture = captures()
    capture.failed(message(), failure())
    capture.succeeded(message(), run=run_of(capture))
    assert letter(engine, 1)["status"] == "resolved"


def test_what_is_followed_is_named_by_the_task_or_by_the_settings(captures):
    class Asks:
        in_flight = True

    capture = captures(in_flight=("shop.*", "mail.send"))
    followed = [name for name in ("shop.pay", "mail.send", "mail.sent") if capture.follows(name, None)]
    assert followed == ["shop.pay", "mail.send"]
    assert capture.follows("any", Asks())
