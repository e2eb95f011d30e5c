"""Child processes that never outlive us: each runs under a guardian (see `guardian.py`).

A `Lifeline` is a pipe: while anybody holds its writing end the children tied to it may live. The supervisor
holds all of them, and the guardians of programs hold the lifeline of the servers, so that even after a kill
-9 of the supervisor a worker can finish its task before PostgreSQL goes.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

GUARDIAN = Path(__file__).with_name("guardian.py")
LOG_BYTES = 20_000_000
_BEGINNING_BYTES = 100_000
_END_BYTES = 8_192


@dataclass(frozen=True, slots=True)
class Command:
    """A program to run as a child."""

    name: str  #: for people; also names the log file
    argv: Sequence[str | Path]
    log: Path
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict)  #: on top of our own environment
    stop_signal: signal.Signals = signal.SIGTERM
    grace_seconds: float = 10  #: from the stop signal to SIGKILL of the whole process group
    identity: str = "same"  #: what the guardian makes of root before it runs the program


class Lifeline:
    def __init__(self) -> None:
        self.watched, self.held = os.pipe()

    def close(self) -> None:
        """Let go: the children tied to it stop once nobody else holds it."""
        os.close(self.held)
        os.close(self.watched)


class Child:
    """A running command. `held` are descriptors that stay open until the child is gone."""

    def __init__(self, command: Command, lifeline: Lifeline, held: Sequence[int] = ()) -> None:
        self.command = command
        self.started = time.monotonic()
        self.bound_log()
        with command.log.open("ab") as log:
            self._log_start = log.tell()
            self._guardian = subprocess.Popen(
                [sys.executable, "-I", "-S", GUARDIAN, *_guardian_arguments(command, lifeline)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=command.cwd,
                env={**os.environ, **command.env},
                pass_fds=(lifeline.watched, *held),
                start_new_session=True,
            )

    @property
    def exit_code(self) -> int | None:
        """The command's exit code (128 + n after signal n), None while it runs."""
        return self._guardian.poll()

    def request_stop(self) -> None:
        if self.exit_code is None:
            self._guardian.terminate()

    def wait(self) -> int:
        """Wait for the end, which after `request_stop` comes within the grace time."""
        return self._guardian.wait()

    def stop(self) -> None:
        self.request_stop()
        self.wait()

    def has_said(self, words: str) -> bool:
        """Whether the beginning of what it wrote to its log holds `words`."""
        with self.command.log.open("rb") as log:
            log.seek(self._log_start)
            return words in log.read(_BEGINNING_BYTES).decode(errors="replace")

    def bound_log(self) -> None:
        """Put the log aside, in place of the one before, when it has grown large."""
        log = self.command.log
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.exists() and log.stat().st_size > LOG_BYTES:
            # The child appends to the file that it has open, so that file stays and loses its content.
            shutil.copyfile(log, log.with_suffix(".1.log"))
            os.truncate(log, 0)

    def last_lines(self, count: int = 10) -> str:
        """The end of the log, for the sentence that says why the program ended."""
        with self.command.log.open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - _END_BYTES))
            text = log.read(_END_BYTES).decode(errors="replace")
        return "\n".join(text.splitlines()[-count:])


def _guardian_arguments(command: Command, lifeline: Lifeline) -> list[str | Path]:
    return [
        str(int(command.stop_signal)),
        str(command.grace_seconds),
        str(lifeline.watched),
        command.identity,
        *command.argv,
    ]
