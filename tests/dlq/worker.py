"""A real Celery worker process of the foreign app, and the client that sends it tasks."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import redis
from celery import Celery

TASKS = "tests.dlq.foreign_app."
QUEUES = ("celery", "slow", "media")
DEADLINE_SECONDS = 30.0

T = TypeVar("T")


def eventually(found: Callable[[], T], deadline_seconds: float = DEADLINE_SECONDS) -> T:
    """The first true answer of `found`; fails the test when none comes in time."""
    end = time.monotonic() + deadline_seconds
    while not (answer := found()):
        assert time.monotonic() < end, "did not happen in time"
        time.sleep(0.02)
    return answer


@dataclass(frozen=True)
class ForeignWorker:
    """One worker, the folder its tasks leave marks in, and a client of its broker."""

    process: subprocess.Popen[bytes]
    client: Celery
    marks: Path
    log: Path
    broker_url: str

    def send(self, task: str, *args: Any, session_id: str | None = None, **options: Any) -> str:
        """Publish a task of the foreign app and return its id."""
        headers = {"session_id": session_id} if session_id else {}
        return str(self.client.send_task(TASKS + task, args=args, headers=headers, **options).id)

    def runs(self, mark: str) -> int:
        path = self.marks / mark
        return path.stat().st_size if path.exists() else 0

    def noted(self, name: str) -> str:
        path = self.marks / name
        return path.read_text() if path.exists() else ""

    def raise_flag(self, name: str) -> None:
        (self.marks / f"flag-{name}").touch()

    def lower_flags(self) -> None:
        for path in self.marks.glob("flag-*"):
            path.unlink()

    def is_alive(self) -> bool:
        return self.process.poll() is None

    def is_quiet(self) -> bool:
        """Whether nothing is queued, waits or runs; the answer comes from the process that writes letters."""
        with redis.Redis.from_url(self.broker_url) as broker:
            if any(broker.llen(queue) for queue in QUEUES):
                return False
        inspect = self.client.control.inspect(timeout=2, limit=1)
        try:
            answers = [inspect.active(), inspect.reserved(), inspect.scheduled()]
        except redis.ConnectionError:  # of a broker that was restarted since the last look
            return False
        return all(answer is not None and not any(answer.values()) for answer in answers)

    def deliver_again(self) -> None:
        """What the broker does after the visibility timeout: messages not acknowledged go back."""
        with Celery("restorer", broker=self.broker_url, set_as_current=False) as restorer:
            restorer.conf.broker_transport_options = {"visibility_timeout": 0}
            with restorer.connection() as connection:
                connection.default_channel.qos.restore_visible(num=100, interval=1)

    def kill(self) -> None:
        """The whole worker at once, children too, as by the kernel or a lost machine."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(10)

    def stop(self) -> None:
        self.client.close()
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait(5)


def start_worker(
    folder: Path, *, broker_url: str, database_url: str | None, concurrency: int = 2, **environ: str
) -> ForeignWorker:
    """Start a worker that keeps its marks, log and spool in `folder`, and wait until it takes messages."""
    marks = folder / "marks"
    marks.mkdir(parents=True, exist_ok=True)
    log = folder / "worker.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "celery", "-A", "tests.dlq.foreign_app", "worker", "-P", "prefork"),
                *(
                    "-c",
                    str(concurrency),
                    "-Q",
                    ",".join((*QUEUES, "news")),
                    "-l",
                    "INFO",
                    "--without-gossip",
                    "--without-mingle",
                ),
            ],
            env=os.environ
            | {
                "FOREIGN_BROKER": broker_url,
                "FOREIGN_DATABASE": database_url or "",
                "FOREIGN_MARKS": str(marks),
                "DLQ_SPOOL": str(folder / "spool"),
            }
            | environ,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    worker = ForeignWorker(process, Celery("client", broker=broker_url), marks, log, broker_url)
    eventually(lambda: b" ready." in log.read_bytes() or process.poll() is not None)
    assert worker.is_alive(), log.read_text()
    return worker
