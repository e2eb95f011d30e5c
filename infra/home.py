"""The data folder: who works in it, and where its servers are.

    lock          held (flock) by the owner and by every process of its servers
    running.json  0600, written by the owner: who it is and the URLs of the servers, passwords included
    joined        held (shared flock) by command-line calls that use the owner's servers
    postgres/ valkey/ logs/ events/ spool/

A joiner takes `joined` before it reads running.json, and an owner that stops of its own accord removes
running.json before it waits for `joined`: so nobody starts using servers that are about to go.
"""

import fcntl
import json
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from infra.errors import AlreadyRunning

#: The guardians of an owner that was killed keep the folder until they have stopped its servers.
CLEANUP_SECONDS = 45
_PAUSE_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Running:
    """What the owner of a data folder tells about itself."""

    pid: int
    doing: str  #: what it was started as, for people
    url: str | None  #: of the dashboard; None when it serves none
    database_url: str | None  #: None until it answers and is migrated
    redis_url: str | None


@dataclass(frozen=True, slots=True)
class DataFolder:
    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def create(self) -> None:
        self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.logs.mkdir(exist_ok=True)

    def running(self) -> Running | None:
        """The owner as it last described itself. It may be dead by now."""
        try:
            return Running(**json.loads(self._record.read_text()))
        except (FileNotFoundError, ValueError, TypeError):
            return None

    def announce(self, running: Running) -> None:
        write_private(self._record, json.dumps(asdict(running)))

    def withdraw(self) -> None:
        self._record.unlink(missing_ok=True)

    @contextmanager
    def owned(self, doing: str) -> Iterator[int]:
        """Own the folder, yielding the descriptor of the lock for the children to hold too.

        Waits for what a dead owner left running to end; raises AlreadyRunning when the owner lives.
        """
        descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            self._take(descriptor)
            self.announce(Running(os.getpid(), doing, None, None, None))
            try:
                yield descriptor
            finally:
                self.withdraw()
        finally:
            os.close(descriptor)

    @contextmanager
    def joined(self) -> Iterator[Running | None]:
        """The running owner of embedded servers, which stays while this lasts, or None when there is none."""
        with self._joined_file() as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_SH)
            running = self.running()
            yield running if running and _is_alive(running.pid) and self._is_locked() else None

    def wait_for_joiners(self) -> None:
        """Called by an owner after `withdraw`: returns when nobody uses its servers any more."""
        with self._joined_file() as descriptor:
            fcntl.flock(descriptor, fcntl.LOCK_EX)

    def _take(self, descriptor: int) -> None:
        deadline = time.monotonic() + CLEANUP_SECONDS
        while not _try_lock(descriptor):
            owner = self.running()
            if (owner and _is_alive(owner.pid)) or time.monotonic() > deadline:
                raise _already_running(self.path, owner)
            time.sleep(_PAUSE_SECONDS)

    def _is_locked(self) -> bool:
        with (self.path / "lock").open("rb") as lock:
            return not _try_lock(lock.fileno(), fcntl.LOCK_SH)

    @contextmanager
    def _joined_file(self) -> Iterator[int]:
        descriptor = os.open(self.path / "joined", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    @property
    def _record(self) -> Path:
        return self.path / "running.json"


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    aside = path.with_name(path.name + ".new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
    aside.replace(path)


def _already_running(home: Path, owner: Running | None) -> AlreadyRunning:
    if owner is None:
        return AlreadyRunning(str(home), None, None, None)
    return AlreadyRunning(str(home), owner.pid, owner.doing, owner.url)


def _try_lock(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
