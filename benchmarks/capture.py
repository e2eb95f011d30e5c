"""What capture costs a task that succeeds: `python -m benchmarks.capture`.

A real worker (prefork, two processes) for each form. Round by round each form in turn works off a queue that
was filled at one stroke, and the processor time that the worker's processes took for it is read from the
kernel: other programs on the machine do not add to it, as they do to seconds. The ratio is that to the plain
task of the same round. Two workers of the same code differ a little for as long as they live, so all begin
anew some times, and a second plain worker runs beside them: what it differs from the first is what this
benchmark cannot see.
"""

import argparse
import json
import math
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import redis
from celery import Celery

from benchmarks import tables
from infra.servers import Servers, connected
from infra.settings import Settings

PLAIN, AGAIN, FOLLOWED = "PLAIN", "PLAIN_AGAIN", "IN_FLIGHT"
#: As capture_app.py names them, which cannot be imported without a form.
FORMS = {
    PLAIN: "a plain task",
    AGAIN: "a plain task, another worker",
    "INSTALLED": "a plain task after `dlq.install`",
    "BASE_CLASS": "DeadLetterTask",
    FOLLOWED: "DeadLetterTask, followed in flight",
}
#: A followed task commits twice, and a tenth of the tasks is enough to see what that costs.
FOLLOWED_SHARE = 10
TASK = "benchmarks.nothing"
QUEUE = "celery"
TEMPLATE = "template"
DEADLINE_SECONDS = 120.0


@dataclass(frozen=True, slots=True)
class Worker:
    broker: str
    processes: tuple[int, ...]  #: by their ids

    def processor_seconds(self) -> float:
        """What its processes have taken so far."""
        return sum(time.clock_gettime(_clock_of(process)) for process in self.processes)


@dataclass(frozen=True, slots=True)
class Round:
    """Per task, of one form."""

    processor: float  #: seconds, of all processes of the worker
    passed: float  #: seconds, from one task to the next


def main() -> None:
    options = _options()
    print(tables.machine())
    rounds: dict[str, list[Round]] = {form: [] for form in FORMS}
    with (
        tempfile.TemporaryDirectory() as home,
        connected(Settings.from_env({"ONWARD_HOME": home})) as servers,
    ):
        for _ in range(options.starts):
            with ExitStack() as stack:
                workers = {
                    form: stack.enter_context(_worker(form, _broker(servers, at), servers))
                    for at, form in enumerate(FORMS, 1)
                }
                _measure(workers, rounds, options.tasks, options.rounds)
    print(f"{options.tasks:,} tasks a round, {options.rounds} rounds after each of {options.starts} starts\n")
    headings = ("task", "processor time", "of plain", "95 % interval", "tasks/s")
    print(tables.markdown(headings, [_row(form, rounds) for form in FORMS]))


def _measure(
    workers: Mapping[str, Worker], rounds: Mapping[str, list[Round]], tasks: int, how_many: int
) -> None:
    for number in range(how_many + 1):
        for form in random.sample(list(workers), len(workers)):
            measured = _worked_off(workers[form], tasks // FOLLOWED_SHARE if form == FOLLOWED else tasks)
            if number:  # the first round warms everything
                rounds[form].append(measured)


def _worked_off(worker: Worker, tasks: int) -> Round:
    """From the moment that the tasks are all in the queue."""
    with redis.Redis.from_url(worker.broker) as keys:
        messages = _messages(worker.broker, keys, tasks)
        before, started = worker.processor_seconds(), time.perf_counter()
        keys.lpush(QUEUE, *messages)
        while keys.llen(QUEUE) or keys.hlen("unacked"):
            if time.perf_counter() - started > DEADLINE_SECONDS:
                raise SystemExit(f"not done in {DEADLINE_SECONDS:.0f} s")
            time.sleep(0.005)
        passed = time.perf_counter() - started
        return Round((worker.processor_seconds() - before) / tasks, passed / tasks)


def _messages(broker: str, keys: redis.Redis, tasks: int) -> list[str]:
    """Copies of one message that Celery wrote, each with ids of its own."""
    with Celery("client", broker=broker, set_as_current=False) as client:
        task_id = client.send_task(TASK, args=(1,), queue=TEMPLATE, ignore_result=True).id
    raw = str(keys.rpop(TEMPLATE), "utf-8").replace(f'"{TEMPLATE}"', f'"{QUEUE}"')
    tag = json.loads(raw)["properties"]["delivery_tag"]
    return [raw.replace(task_id, str(uuid4())).replace(tag, str(uuid4())) for _ in range(tasks)]


@contextmanager
def _worker(form: str, broker: str, servers: Servers) -> Iterator[Worker]:
    given = {"CAPTURE_FORM": form, "CAPTURE_BROKER": broker, "CAPTURE_DATABASE": servers.database_url}
    command = (sys.executable, "-m", "celery", "-A", "benchmarks.capture_app", "worker")
    process = subprocess.Popen(
        [*command, "-P", "prefork", "-c", "2", "-l", "ERROR", "-n", f"{form.lower()}@bench"],
        env=os.environ | given,
        cwd=Path(__file__).parents[1],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(broker)
        yield Worker(broker, (process.pid, *_children(process.pid)))
    finally:
        process.terminate()
        process.wait(30)


def _wait_for(broker: str) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    with Celery("client", broker=broker, set_as_current=False) as client:
        while not client.control.ping(timeout=0.5, limit=1):
            if time.monotonic() > deadline:
                raise SystemExit("the worker does not answer")


def _broker(servers: Servers, index: int) -> str:
    return f"{servers.redis_url.rpartition('/')[0]}/{index}"


def _children(process: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{process}/task/{process}/children").read_text().split()]


def _clock_of(process: int) -> int:
    """The clock that counts the processor time of all threads of a process, ended ones too."""
    return ~process << 3 | 2  # as clock_getcpuclockid(3) makes it, which Python does not offer


def _row(form: str, rounds: Mapping[str, Sequence[Round]]) -> tuple[str, ...]:
    own = rounds[form]
    ratios = [one.processor / plain.processor for one, plain in zip(own, rounds[PLAIN], strict=True)]
    low, high = _interval(ratios)
    return (
        FORMS[form],
        f"{statistics.median(one.processor for one in own) * 1e6:,.0f} µs",
        f"{statistics.median(ratios):.1%}",
        "" if form == PLAIN else f"{low:.1%} to {high:.1%}",
        f"{1 / statistics.median(one.passed for one in own):,.0f}",
    )


def _interval(ratios: Sequence[float]) -> tuple[float, float]:
    """In which the median lies with 95 %, whatever the rounds are distributed like."""
    ordered, number = sorted(ratios), len(ratios)
    cut = max(0, math.floor((number - 1.96 * math.sqrt(number)) / 2))
    return ordered[cut], ordered[number - 1 - cut]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capture", description=__doc__)
    parser.add_argument("--tasks", type=int, default=500, help="in a round")
    parser.add_argument("--rounds", type=int, default=15, help="after each start of the workers")
    parser.add_argument("--starts", type=int, default=4, help="of all workers")
    return parser.parse_args()


if __name__ == "__main__":
    main()
