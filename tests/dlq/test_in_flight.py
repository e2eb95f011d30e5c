"""The ledger of followed tasks: a row while the task is on its way or runs, none after its end."""

import os

import pytest
from sqlalchemy import select, text

from dlq.settings import Settings
from dlq.tables import dead_letter_in_flight
from dlq.times import to_ms
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
    capture.published(message())
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
    assert away.received(message("t2"), run_of(away)) == 0
    assert away.sent_back(message("t2")) is None
    away.succeeded(message(), run=run)
    assert len(rows(engine)) == 1
    assert captures().replay() == 1
    assert (rows(engine), count(engine, "dead_letter")) == ([], 0)


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
