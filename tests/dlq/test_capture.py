"""What a worker saw is kept with the database there, away, and back; no failure here stops a worker."""

import logging
from types import SimpleNamespace

import pytest
from celery import Celery
from sqlalchemy import make_url, text

from dlq.retries.retry import RetryClient
from dlq.settings import Settings
from dlq.worker import frozen, spool
from dlq.worker.capture import AWAY_SECONDS, SOONEST_SECONDS, Capture
from tests.dlq.builders import (
    UNSEALED,
    Operator,
    RecordedAudit,
    count,
    envelope,
    fail,
    failure,
    letter,
    message,
    message_of,
    noon,
    retried,
)
from tests.dlq.reading import letters_of

pytestmark = pytest.mark.servers
NOWHERE = "postgresql://nobody@127.0.0.1:1/none"


class Watch:
    """A monotonic clock that stands still."""

    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def captures(tmp_path, database_url):
    """Makes captures that share one spool: `captures(url)`; None means the test's database."""
    made = []

    def make(url=None, **options):
        made.append(Capture(url or database_url, Settings(spool=tmp_path / "spool"), noon, **options))
        return made[-1]

    yield make
    for capture in made:
        capture.close()


def test_with_the_database_there_nothing_is_spooled(engine, captures, tmp_path):
    captures().failed(message(), failure())
    assert count(engine, "dead_letter") == 1
    assert not (tmp_path / "spool").exists()


def test_with_the_database_away_letters_wait_on_disk_and_come_back_once(engine, captures, tmp_path):
    away = captures(NOWHERE)
    body = bytes(range(256))
    away.failed(message(body=body, headers={"tenant": "é", "session_id": "s1"}), failure())
    away.failed(message("t2"), failure())
    assert count(engine, "dead_letter") == 0
    there = captures()
    assert there.replay() == 2
    assert there.replay() == 0
    [row] = letters_of(engine, "t1")
    assert (bytes(row["body"]), row["session_id"], row["occurrences"]) == (body, "s1", 1)
    assert row["headers"]["tenant"] == "é"
    assert away.lost == 0


def test_a_database_that_stops_answering_counts_as_away(engine, captures, monkeypatch):
    monkeypatch.setattr(frozen, "ANSWER_SECONDS", 0.1)
    capture = captures()
    assert capture.tell(lambda connection: connection.scalar(text("SELECT 1"))) == 1

    def freeze(connection):
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("SELECT pg_sleep(30)"))
        return "it waited"

    assert capture.tell(freeze) is None
    capture.failed(message(), failure())
    assert count(engine, "dead_letter") == 0
    assert captures().replay() == 1


def test_a_replay_cut_short_after_the_commit_stores_nothing_twice(engine, captures, tmp_path):
    captures(NOWHERE).failed(message(), failure())
    [path] = spool.waiting(tmp_path / "spool", 10)
    copy = path.read_bytes()
    there = captures()
    there.replay()
    path.write_bytes(copy)
    assert there.replay() == 1
    assert letter(engine, 1)["occurrences"] == 1


def test_the_success_of_a_retry_is_spooled_too(engine, captures):
    letter_id = fail(engine, envelope())
    client = RetryClient(engine, Celery("x"), RecordedAudit(), noon, lambda message: None, sealer=UNSEALED)
    receipt = client.retry(letter_id, Operator())
    captures(NOWHERE).succeeded(message_of(retried(envelope(), letter_id, receipt.task_id)))
    assert letter(engine, letter_id)["status"] == "retrying"
    captures().replay()
    assert letter(engine, letter_id)["status"] == "resolved"


def test_after_a_failed_write_the_database_is_left_alone_for_a_while(engine, captures, tmp_path, monkeypatch):
    watch = Watch()
    capture = captures(NOWHERE, monotonic=watch)
    capture.failed(message("t1"), failure())
    writes = []
    monkeypatch.setattr(capture, "_write", writes.append)
    capture.failed(message("t2"), failure())
    assert capture.replay() == 0
    assert writes == []
    assert len(spool.waiting(tmp_path / "spool", 10)) == 2
    watch.now = SOONEST_SECONDS
    capture.failed(message("t3"), failure())
    assert [record.envelope.task_id for record in writes] == ["t3"], "it refused at once"


@pytest.mark.parametrize(("took", "left_alone"), [(0.5, 5.0), (2.0, AWAY_SECONDS)])
def test_a_database_that_fails_slowly_is_left_alone_for_longer(captures, monkeypatch, took, left_alone):
    watch = Watch()
    capture = captures(NOWHERE, monotonic=watch)
    answers_nothing = capture.engine

    def slow_engine():
        watch.now += took
        return answers_nothing()

    monkeypatch.setattr(capture, "engine", slow_engine)
    asked = []
    capture.tell(asked.append)
    failed_at = watch.now
    watch.now = failed_at + left_alone - 0.1
    capture.tell(asked.append)
    assert watch.now < failed_at + left_alone, "it was not asked"
    watch.now = failed_at + left_alone
    capture.tell(asked.append)
    assert watch.now == failed_at + left_alone + took


def test_an_outage_is_told_once_in_a_while(captures, caplog):
    watch = Watch()
    capture = captures(NOWHERE, monotonic=watch)
    for second in range(int(AWAY_SECONDS)):
        watch.now = float(second)
        capture.failed(message(f"t{second}"), failure())
    assert len(caplog.records) == 1


def test_what_the_database_refuses_goes_to_disk_and_is_logged(engine, captures, tmp_path, caplog):
    capture = captures()
    capture.failed(message("t1"), failure(message="a\x00b"))
    capture.failed(message("t2"), failure())
    assert "t1" in caplog.text
    assert len(spool.waiting(tmp_path / "spool", 10)) == 1
    assert count(engine, "dead_letter") == 1, "the database is not taken to be away"


def test_a_letter_that_nothing_takes_is_counted_and_does_not_raise(captures, tmp_path, caplog):
    (tmp_path / "spool").write_text("a file where the folder should be")
    capture = captures(NOWHERE)
    with caplog.at_level(logging.CRITICAL):
        capture.failed(message("t1"), failure())
    assert capture.lost == 1
    assert "t1" in caplog.text


def test_with_a_disk_that_takes_nothing_the_database_is_asked_before_it_is_expected(
    engine, captures, tmp_path, database_url
):
    (tmp_path / "spool").write_text("in the way")
    capture = captures(NOWHERE)
    capture.failed(message("t1"), failure())
    capture._url, capture._engine = make_url(database_url), None  # it is back
    capture.failed(message("t2"), failure())
    capture.failed(message("t3"), failure())
    assert (capture.lost, count(engine, "dead_letter")) == (1, 2)


def test_a_database_without_our_tables_is_said_to_need_them(captures, database_url, tmp_path, caplog):
    elsewhere = make_url(database_url).set(database="template1").render_as_string(hide_password=False)
    captures(elsewhere).failed(message(), failure())
    assert "python -m infra migrate" in caplog.text
    assert len(spool.waiting(tmp_path / "spool", 9)) == 1


def test_an_url_without_driver_uses_the_one_we_have(captures, database_url, engine):
    plain = make_url(database_url).set(drivername="postgresql").render_as_string(hide_password=False)
    captures(plain).failed(message(), failure())
    assert count(engine, "dead_letter") == 1


def test_a_forked_child_opens_a_connection_of_its_own(captures, monkeypatch):
    capture = captures()
    parents = capture.engine()
    monkeypatch.setattr("os.getpid", lambda: 1)
    childs = capture.engine()
    assert childs is not parents
    parents.dispose()


def test_a_message_that_cannot_be_read_at_all_does_not_raise(captures, caplog):
    capture = captures()
    capture.failed(SimpleNamespace(headers={"id": "t1"}), failure())
    assert capture.lost == 1
    assert "t1" in caplog.text


@pytest.mark.parametrize(
    "content", ["7", "null", "[]", "{}", '{"envelope": {}, "at_ms": 1, "failure": null}']
)
def test_a_file_that_holds_no_letter_is_set_aside(engine, captures, tmp_path, content):
    captures(NOWHERE).failed(message("t1"), failure())
    stray = tmp_path / "spool" / "000000000000000-x.letter.json"
    stray.write_text(content)
    assert captures().replay() == 1
    assert [path.name for path in (tmp_path / "spool").iterdir()] == [stray.name + ".refused"]


def test_a_lost_letter_is_logged_without_its_arguments(captures, tmp_path, caplog):
    (tmp_path / "spool").write_text("a file where the folder should be")
    captures(NOWHERE).failed(message("t1", headers={"argsrepr": "('hunter2',)"}), failure())
    assert "t1" in caplog.text
    assert "hunter2" not in caplog.text
