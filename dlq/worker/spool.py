"""Letters on disk while PostgreSQL is away: one file each, written and synced before it gets its name.

A file holds one record of record.py. Replaying reads the oldest first and removes a file only after its
record is committed; records carry their own id, so a replay cut short stores nothing twice.
"""

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
_REFUSED = ".refused"
#: Files that one replay looks at: those that wait for their key must not hold up the others.
_LOOKED_AT = 10_000

_log = logging.getLogger("dlq")


def append(folder: Path, record: dict[str, Any], order_ms: int) -> Path:
    """Store `record` so that it survives a crash of the machine. Raises OSError when the disk refuses."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    final = folder / f"{order_ms:015d}-{uuid4().hex}{_SUFFIX}"
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
    return final


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
    return sorted(path for path in folder.iterdir() if path.name.endswith(_SUFFIX))[:limit]


def replay(folder: Path, write: Callable[[dict[str, Any]], None], limit: int = 100) -> int:
    """Pass records to `write` until it stored `limit` of them, and remove those; how many they were.

    What `write` raises stops the replay and leaves the file. A file that is no record, or that `write`
    refuses with StoreRefused or SealBroken, is set aside under another name: it blocks nothing and is not
    lost. One sealed under a key that is not listed waits where it is until the key is. Two replays at once
    are harmless.
    """
    stored, locked = 0, 0
    for path in waiting(folder, _LOOKED_AT):
        if stored == limit:
            break
        with suppress(FileNotFoundError):
            try:
                write(json.loads(path.read_text(encoding="utf-8")))
            except KeyMissing as error:
                locked, missing = locked + 1, error
                continue
            except (ValueError, StoreRefused, SealBroken):
                path.rename(path.with_name(path.name + _REFUSED))
                continue
            path.unlink()
            stored += 1
    if locked:
        _log.error("%d spooled letters wait in %s. %s", locked, folder, missing)
    return stored


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
