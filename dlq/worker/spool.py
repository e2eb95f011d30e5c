"""Records on disk while PostgreSQL is away: one file each, written and synced before it gets its name.

A file holds one record of record.py. Replaying reads the oldest first and removes a file only after its
record is committed; records carry their own id, so a replay cut short stores nothing twice.

A note, the record that a run began, must not be written after the end of its run: a task that succeeded would
be on the ledger for good, and become a letter. So the end of such a run goes to disk too, even when the
database is back, under the name of the note, which then goes; a note beside its end counts as gone; and one
process at a time replays a folder, so that a note which it has read is committed before any end.
"""

import fcntl
import json
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryFile
from typing import Any
from uuid import uuid4

from dlq.errors import KeyMissing, SealBroken, StoreRefused

_SUFFIX = ".letter.json"
_NOTE = ".began.json"  # sorts before the end of the same name
_REFUSED = ".refused"
#: Files that one replay looks at: those that wait for their key must not hold up the others.
_LOOKED_AT = 10_000

_log = logging.getLogger("dlq")


def append(folder: Path, record: dict[str, Any], order_ms: int, note: Path | None = None) -> Path:
    """Store `record` so that it survives a crash of the machine. Raises OSError when the disk refuses.

    `note` is that of the run which the record ends; the caller removes it afterwards.
    """
    final = _end_of(note) if note else folder / f"{order_ms:015d}-{uuid4().hex}{_SUFFIX}"
    _store(final, record)
    return final


def append_note(folder: Path, record: dict[str, Any], order_ms: int) -> Path:
    """Store in the same way that a run began."""
    final = folder / f"{order_ms:015d}-{uuid4().hex}{_NOTE}"
    _store(final, record)
    return final


def _store(final: Path, record: dict[str, Any]) -> None:
    folder = final.parent
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    unnamed = final.with_suffix(".part")
    try:
        with unnamed.open("x", encoding="utf-8") as file:
            json.dump(record, file)
            file.flush()
            os.fsync(file.fileno())
        unnamed.rename(final)
    except OSError:
        unnamed.unlink(missing_ok=True)  # it would take room from later ones on a full disk
        raise
    _sync_folder(folder)


def warn_if_unusable(folder: Path) -> None:
    """Say in the log, before it is needed, that letters could not be stored here."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        _log.error(
            "Dead letters cannot be kept in %s while the database is away: %s. Set DLQ_SPOOL to a folder"
            " that this worker may write to.",
            folder,
            error.strerror or error,
        )


def waiting(folder: Path, limit: int) -> list[Path]:
    """The oldest files not yet replayed."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.name.endswith((_SUFFIX, _NOTE)))[:limit]


def replay(folder: Path, write: Callable[[dict[str, Any]], None], limit: int = 100) -> int:
    """Pass records to `write` until it stored `limit` of them, and remove those; how many they were.

    What `write` raises stops the replay and leaves the file. A file that is no record, or that `write`
    refuses with StoreRefused or SealBroken, is set aside under another name: it blocks nothing and is not
    lost. One sealed under a key that is not listed waits where it is until the key is. Nothing is replayed
    while another replay works in the folder.
    """
    if not folder.is_dir():
        return 0
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        return _replay(folder, write, limit) if _may_replay(descriptor) else 0
    finally:
        os.close(descriptor)


def _may_replay(folder: int) -> bool:
    try:
        fcntl.flock(folder, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True  # a file system that locks no folders, as NFS: letters must not wait there for ever
    return True


def _replay(folder: Path, write: Callable[[dict[str, Any]], None], limit: int) -> int:
    stored, locked = 0, 0
    for path in waiting(folder, _LOOKED_AT):
        if stored == limit:
            break
        if path.name.endswith(_NOTE) and _end_of(path).exists():
            path.unlink(missing_ok=True)
            continue
        with suppress(FileNotFoundError):
            try:
                write(json.loads(path.read_text(encoding="utf-8")))
            except KeyMissing as error:
                locked, missing = locked + 1, error
                continue
            except (ValueError, StoreRefused, SealBroken):
                path.rename(path.with_name(path.name + _REFUSED))
                continue
            path.unlink(missing_ok=True)  # a note goes with its run
            stored += 1
    if locked:
        _log.error("%d spooled letters wait in %s. %s", locked, folder, missing)
    return stored


def _end_of(note: Path) -> Path:
    return note.with_name(note.name.removesuffix(_NOTE) + _SUFFIX)


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
