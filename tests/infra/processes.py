"""Real processes in tests: started with an environment of their own, read by line, looked for afterwards."""

import os
import select
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from infra.settings import CHECKOUT
from tests.environ import without_own_settings

PATIENCE_SECONDS = 30


class Started:
    """A command of ours that works in `home`."""

    def __init__(self, home: Path, *module: str, before: tuple[str, ...] = (), **environ: str) -> None:
        self.home = home
        self.said: list[str] = []
        self._process = subprocess.Popen(
            [*before, sys.executable, "-m", *module],
            bufsize=0,  # select must not miss lines that have been read ahead
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=CHECKOUT,
            env={**without_own_settings(), "ONWARD_HOME": str(home), **environ},
            start_new_session=True,
        )
        self.pid = self._process.pid

    def line_with(self, words: str) -> str:
        """Read on until a line holds `words`."""
        assert self._process.stdout
        deadline = time.monotonic() + PATIENCE_SECONDS
        while select.select([self._process.stdout], [], [], max(0, deadline - time.monotonic()))[0]:
            line = self._process.stdout.readline().decode()
            self.said.append(line.rstrip("\n"))
            if words in line:
                return line.rstrip("\n")
            assert line, f"ended without saying {words!r}:\n" + "\n".join(self.said)
        raise AssertionError(f"did not say {words!r}:\n" + "\n".join(self.said))

    def send(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def tell(self, line: str) -> None:
        assert self._process.stdin
        self._process.stdin.write(line.encode() + b"\n")

    def let_go(self) -> None:
        """Close its standard input."""
        assert self._process.stdin
        self._process.stdin.close()

    def is_running(self) -> bool:
        return self._process.poll() is None

    def is_running_after(self, seconds: float) -> bool:
        try:
            self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            return True
        return False

    def end(self) -> int:
        """Its exit code, after it has ended by itself."""
        assert self._process.stdout
        code = self._process.wait(PATIENCE_SECONDS)
        self.said += self._process.stdout.read().decode().splitlines()
        return code

    def clear_away(self) -> None:
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe
            pipe.close()


@contextmanager
def started(home: Path, *module: str, before: tuple[str, ...] = (), **environ: str) -> Iterator[Started]:
    command = Started(home, *module, before=before, **environ)
    try:
        yield command
    finally:
        command.clear_away()


def left_of(home: Path) -> dict[int, str]:
    """The processes that still work in `home` after those on their way out have gone."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := working_in(home)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return found


def working_in(home: Path) -> dict[int, str]:
    """Command lines of the processes that name `home` in their command line or environment."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes()
            if os.fsencode(home) in command + (folder / "environ").read_bytes():
                found[int(folder.name)] = command.replace(b"\0", b" ").decode()
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return found


def pid_of(home: Path, command: str) -> int:
    """The one process of `home` whose command line begins with `command`."""
    running = working_in(home)
    found = [pid for pid, line in running.items() if line.startswith(command)]
    assert len(found) == 1, running
    return found[0]


def appears(path: Path) -> bool:
    """Whether a file is there, within our patience."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    return path.exists()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
