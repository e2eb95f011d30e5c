"""Letters on disk: synced before they are named, replayed in order, never lost."""

import errno
import json

import pytest

from dlq.errors import KeyMissing, SealBroken, StoreRefused, StoreUnavailable
from dlq.worker import spool


def test_records_come_back_oldest_first_and_leave_the_folder(tmp_path):
    for order_ms in (3, 1, 2):
        spool.append(tmp_path / "spool", {"at": order_ms}, order_ms)
    stored = []
    assert spool.replay(tmp_path / "spool", stored.append) == 3
    assert [record["at"] for record in stored] == [1, 2, 3]
    assert list((tmp_path / "spool").iterdir()) == []


def test_a_folder_that_takes_no_file_is_said_before_it_is_needed(tmp_path, caplog):
    spool.warn_if_unusable(tmp_path / "new" / "spool")
    assert caplog.text == ""
    (tmp_path / "file").touch()
    spool.warn_if_unusable(tmp_path / "file" / "spool")
    assert f"cannot be kept in {tmp_path}/file/spool" in caplog.text
    assert "DLQ_SPOOL" in caplog.text


def test_what_could_not_be_written_stays_with_all_after_it(tmp_path):
    for order_ms in (1, 2):
        spool.append(tmp_path, {"at": order_ms}, order_ms)

    def write(record):
        raise StoreUnavailable("away")

    with pytest.raises(StoreUnavailable):
        spool.replay(tmp_path, write)
    assert len(spool.waiting(tmp_path, 10)) == 2


@pytest.mark.parametrize("content", ["{half a rec", "\udcff"])
def test_a_file_that_is_no_record_is_set_aside_and_blocks_nothing(tmp_path, content):
    path = spool.append(tmp_path, {}, 1)
    path.write_bytes(content.encode("utf-8", "surrogateescape"))
    spool.append(tmp_path, {"at": 2}, 2)
    stored = []
    assert spool.replay(tmp_path, stored.append) == 1
    assert stored == [{"at": 2}]
    assert [path.suffix for path in tmp_path.iterdir()] == [".refused"]


def test_a_record_that_the_database_refuses_is_kept_aside(tmp_path):
    spool.append(tmp_path, {"at": 1}, 1)

    def write(record):
        raise StoreRefused("no")

    assert spool.replay(tmp_path, write) == 0
    [kept] = tmp_path.iterdir()
    assert json.loads(kept.read_text()) == {"at": 1}
    assert spool.waiting(tmp_path, 10) == []


def test_a_full_disk_is_left_no_fuller(tmp_path, monkeypatch):
    def refuse(_descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(spool.os, "fsync", refuse)
    with pytest.raises(OSError, match="No space"):
        spool.append(tmp_path, {"n": 1}, 1)
    assert list(tmp_path.iterdir()) == []


def test_an_unfinished_file_is_not_replayed(tmp_path):
    (tmp_path / "000000000000001-x.letter.part").write_text("{")
    assert spool.replay(tmp_path, lambda record: pytest.fail("replayed")) == 0


def test_a_replay_takes_no_more_than_its_limit(tmp_path):
    for order_ms in range(5):
        spool.append(tmp_path, {"at": order_ms}, order_ms)
    assert spool.replay(tmp_path, lambda record: None, limit=3) == 3
    assert len(spool.waiting(tmp_path, 10)) == 2


def test_an_absent_folder_holds_nothing(tmp_path):
    assert spool.replay(tmp_path / "none", lambda record: None) == 0


def test_the_folder_is_closed_to_others(tmp_path):
    spool.append(tmp_path / "spool", {}, 1)
    assert (tmp_path / "spool").stat().st_mode & 0o777 == 0o700


def test_records_that_wait_for_a_key_hold_up_none_behind_them(tmp_path, caplog):
    for order_ms in range(4):
        spool.append(tmp_path, {"at": order_ms}, order_ms)
    stored = []

    def write(record):
        if record["at"] < 2:
            raise KeyMissing("0a1b2c3d")
        stored.append(record["at"])

    assert spool.replay(tmp_path, write, limit=1) == 1
    assert stored == [2]
    assert len(spool.waiting(tmp_path, 10)) == 3
    [said] = caplog.messages
    assert "2 spooled letters wait" in said
    assert "key 0a1b2c3d" in said


def test_the_end_of_a_run_follows_its_note_whatever_its_time(tmp_path):
    note = spool.append_note(tmp_path, {"at": "begun"}, 2)
    stored = []

    def write(record):
        stored.append(record["at"])
        if record["at"] == "begun":  # it ends while another process writes its note
            spool.append(tmp_path, {"at": "ended"}, 1, note)
            note.unlink()

    assert spool.replay(tmp_path, write) == 1
    assert spool.replay(tmp_path, write) == 1
    assert stored == ["begun", "ended"]
    assert list(tmp_path.iterdir()) == []


def test_a_note_beside_the_end_of_its_run_is_passed_over(tmp_path):
    note = spool.append_note(tmp_path, {"at": "begun"}, 1)
    spool.append(tmp_path, {"at": "ended"}, 2, note)
    stored = []
    assert spool.replay(tmp_path, stored.append) == 1
    assert stored == [{"at": "ended"}]
    assert list(tmp_path.iterdir()) == []


def test_while_one_replays_a_folder_no_other_does(tmp_path):
    spool.append(tmp_path, {"at": 1}, 1)
    at_once = []

    def write(record):
        at_once.append(spool.replay(tmp_path, lambda record: pytest.fail("replayed at once")))

    assert spool.replay(tmp_path, write) == 1
    assert at_once == [0]


def test_a_folder_that_cannot_be_locked_is_replayed_all_the_same(tmp_path, monkeypatch):
    def refuse(_descriptor, _how):
        raise OSError(errno.EBADF, "Bad file descriptor")

    spool.append(tmp_path, {"at": 1}, 1)
    monkeypatch.setattr(spool.fcntl, "flock", refuse)
    assert spool.replay(tmp_path, lambda record: None) == 1


def test_a_record_whose_seal_is_broken_is_set_aside(tmp_path):
    spool.append(tmp_path, {}, 1)

    def write(record):
        raise SealBroken("0a1b2c3d")

    assert spool.replay(tmp_path, write) == 0
    assert [path.suffix for path in tmp_path.iterdir()] == [".refused"]
