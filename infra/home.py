"""The data folder: who works in it, and where its servers are.

    owner         held (flock) by the owner alone: nobody else may start servers here
    lock          held by the owner and by the guardian of every child, so longer than a killed owner lives
    running.json  0600, written by the owner: who it is and the URLs of the servers, passwords included
    joined        held (shared) by command-line calls that use the owner's servers
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

from infra.errors import AlreadyRunning, SettingsError

#: The guardians of an owner that was killed keep the folder until they have stopped its servers.
CLEANUP_SECONDS = 60
#: A joiner that looks whether there is an owner holds the lock for a moment.
_GLANCE_SECONDS = 0.2
_PAUSE_SECONDS = 0.02


@dataclass(frozen=True, slots=True)
class Running:
    """What the owner of a data folder tells about itself."""

    pid: int
    doing: str  #: what it was started as, for people
    url: str | None  #: of the dashboard; None when it serves none
    database_url: str | None  #: None until it answers and is migrated
    owner_url: str | None  #: of the same database, for migrations
    redis_url: str | None


@dataclass(frozen=True, slots=True)
class DataFolder:
    path: Path

    @property
    def logs(self) -> Path:
        return self.path / "logs"

    def create(self) -> None:
        """Make the folder when it is not there. Raises SettingsError when it cannot be made or used."""
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.logs.mkdir(exist_ok=True, mode=0o700)
        except OSError as error:
            raise SettingsError("ONWARD_HOME", f"cannot be {self.path}: {error.strerror}.") from error
        if not os.access(self.path, os.R_OK | os.W_OK | os.X_OK):
            raise SettingsError("ONWARD_HOME", f"cannot be {self.path}: it belongs to somebody else.")

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
        """Own the folder, yielding the descriptor of its lock, for the children to hold too.

        Waits for what a dead owner left running to end; raises AlreadyRunning when the owner lives.
        """
        with self._open("owner") as owner, self._open("lock") as lock:
            if not _locks_within(_GLANCE_SECONDS, owner):
                raise self._already_running()
            self.announce(Running(os.getpid(), doing, None, None, None, None))
            try:
                if not _locks_within(CLEANUP_SECONDS, lock):
                    raise self._already_running()
                yield lock
            finally:
                self.withdraw()

    @contextmanager
    def joined(self) -> Iterator[Running | None]:
        """The running owner of servers, which stays while this lasts, or None when there is none."""
        with self._open("joined") as joined, self._open("owner") as owner:
            fcntl.flock(joined, fcntl.LOCK_SH)
            running = self.running()
            yield running if running and not _locks(owner, fcntl.LOCK_SH) else None

    def wait_for_joiners(self) -> None:
        """Called by an owner after `withdraw`: returns when nobody uses its servers any more."""
        with self._open("joined") as joined:
            fcntl.flock(joined, fcntl.LOCK_EX)

    def _already_running(self) -> AlreadyRunning:
        owner = self.running()
        if owner is None:
            return AlreadyRunning(str(self.path), None, None, None)
        return AlreadyRunning(str(self.path), owner.pid, owner.doing, owner.url)

    @contextmanager
    def _open(self, name: str) -> Iterator[int]:
        descriptor = os.open(self.path / name, os.O_RDWR | os.O_CREAT, 0o600)
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


def _locks_within(seconds: float, descriptor: int) -> bool:
    deadline = time.monotonic() + seconds
    while not _locks(descriptor):
        if time.monotonic() > deadline:
            return False
        time.sleep(_PAUSE_SECONDS)
    return True


def _locks(descriptor: int, kind: int = fcntl.LOCK_EX) -> bool:
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
