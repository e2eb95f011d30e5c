"""The servers and processes of one run: each can be killed at any moment and is started again."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from infra.children import Lifeline
from infra.embedded.pair import chosen_pair, start_all
from infra.embedded.server import Server
from infra.home import DataFolder
from infra.servers import Servers, migrated, urls
from infra.settings import CHECKOUT, Settings

_WORKER = ("-m", "celery", "-A", "tests.dlq.chaos.app", "worker", "-c", "2", "-l", "INFO", "--without-gossip")
_RUNNER = ("-m", "tests.dlq.chaos.runner")


class Process:
    """A Python process that is started again when it has ended."""

    def __init__(self, name: str, arguments: tuple[str, ...], log: Path, env: Mapping[str, str]) -> None:
        self.name = name
        self._arguments = arguments
        self._log = log
        self._env = dict(env)
        self._process: subprocess.Popen[bytes] | None = None

    def keep(self) -> None:
        if self._process is None or self._process.poll() is not None:
            with self._log.open("ab") as output:
                self._process = subprocess.Popen(
                    [sys.executable, *self._arguments],
                    cwd=CHECKOUT,
                    env=os.environ | self._env,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )

    def kill(self, chance: random.Random) -> str:
        """Kill the process, its children left alone as the kernel does; or one of its children."""
        assert self._process
        return _kill_one_of(self._process.pid, _children(self._process.pid), self.name, chance)

    def end(self) -> None:
        if self._process and self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait(10)


class World:
    """Servers of its own in `home`, two workers and two runners. `chance` says what is killed next."""

    def __init__(
        self, home: Path, servers: Servers, programs: Sequence[Server], chance: random.Random
    ) -> None:
        self.urls = servers
        self.calm = home / "calm"
        self._home = home
        self._servers = programs
        self._chance = chance
        logs = home / "logs"
        self._processes = [
            Process(name, arguments, logs / f"{name}.log", self.environ)
            for name, arguments in (
                ("worker-1", (*_WORKER, "-n", "one@chaos")),
                ("worker-2", (*_WORKER, "-n", "two@chaos")),
                ("runner-1", _RUNNER),
                ("runner-2", _RUNNER),
            )
        ]

    @property
    def environ(self) -> dict[str, str]:
        return {
            "CHAOS_BROKER": self.urls.redis_url,
            "CHAOS_DATABASE": self.urls.database_url,
            "CHAOS_CALM": str(self.calm),
            "DLQ_SPOOL": str(self._home / "spool"),
            "DLQ_POISON_ATTEMPTS": "1000",
            "DLQ_SILENT_SECONDS": "15",
            "DLQ_LOST_AFTER_SECONDS": "60",
        }

    def spooled(self) -> int:
        """Records on disk that no database has yet."""
        return sum(1 for path in (self._home / "spool").glob("*.json"))

    def has_received(self, task_id: str) -> bool:
        """Whether a worker says that it was given the task."""
        logs = (self._home / "logs").glob("worker-*.log")
        return any(f"[{task_id}] received" in log.read_text(errors="replace") for log in logs)

    def kill_one(self) -> str:
        """Kill a server, one of its processes, a worker, one of its children, or a runner; which it was."""
        victim = self._chance.randrange(len(self._processes) + 2)
        if victim < len(self._processes):
            return self._processes[victim].kill(self._chance)
        name, pid_file = (
            ("PostgreSQL", self._home / "postgres/cluster/postmaster.pid"),
            ("Valkey", self._home / "valkey/valkey.pid"),
        )[victim - len(self._processes)]
        pid = int(pid_file.read_text().split()[0])
        return _kill_one_of(pid, _children(pid)[-1:], name, self._chance)

    def revive(self) -> None:
        """Start again whatever has ended, and wait until the servers answer."""
        for server in self._servers:
            if not server.is_running:
                server.launch()
            server.wait_ready()
        for process in self._processes:
            process.keep()

    def end(self) -> None:
        for process in self._processes:
            process.end()


@contextmanager
def running_world(home: Path, seed: int) -> Iterator[World]:
    settings = Settings.from_env({"ONWARD_HOME": str(home)})
    folder = DataFolder(settings.home)
    folder.create()
    lifeline = Lifeline()
    with folder.owned("chaos") as lock:
        pair = chosen_pair(settings, lifeline, lock)
        try:
            start_all(pair.all())
            world = World(home, migrated(urls(settings, pair)), pair.all(), random.Random(seed))
            try:
                world.revive()
                yield world
            finally:
                world.end()
        finally:
            for server in reversed(pair.all()):
                server.stop()
            lifeline.close()


def _kill_one_of(pid: int, children: Sequence[int], name: str, chance: random.Random) -> str:
    victim = chance.choice([pid, *children])
    try:
        os.kill(victim, signal.SIGKILL)
    except ProcessLookupError:
        return "nothing: it had just ended"
    return name if victim == pid else f"child of {name}"


def _children(pid: int) -> list[int]:
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
