"""What capture costs a task that succeeds: `python -m benchmarks.capture`.

A real worker (prefork, two processes) for each form, all alive for the whole run. Round by round each form in
turn works off a queue that was filled at one stroke; the ratio is that to the plain task of the same round.
"""

import argparse
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import uuid4

import redis
from celery import Celery

from benchmarks import tables
from infra.servers import Servers, connected
from infra.settings import Settings

#: As capture_app.py names them, which cannot be imported without a form.
FORMS = {
    "PLAIN": "a plain task",
    "INSTALLED": "a plain task after dlq.install",
    "BASE_CLASS": "DeadLetterTask",
    "IN_FLIGHT": "DeadLetterTask, followed in flight",
}
TASK = "benchmarks.nothing"
QUEUE = "celery"
TEMPLATE = "template"
DEADLINE_SECONDS = 120.0


def main() -> None:
    options = _options()
    print(tables.machine())
    with tempfile.TemporaryDirectory() as home, ExitStack() as stack:
        servers = stack.enter_context(connected(Settings.from_env({"ONWARD_HOME": home})))
        brokers = {form: _broker(servers, at) for at, form in enumerate(FORMS, 1)}
        for form, broker in brokers.items():
            stack.enter_context(_worker(form, broker, servers))
        rates = _measured(brokers, options.tasks, options.rounds)
    print(f"{options.tasks:,} tasks a round, {options.rounds} rounds, one worker of two processes\n")
    print(tables.markdown(("task", "", "tasks/s", "of plain", "spread"), _table(rates)))


def _measured(brokers: Mapping[str, str], tasks: int, rounds: int) -> dict[str, list[float]]:
    rates: dict[str, list[float]] = {form: [] for form in brokers}
    for number in range(rounds + 1):
        for form in random.sample(list(brokers), len(brokers)):
            rate = _worked_off(brokers[form], tasks)
            if number:  # the first round warms everything
                rates[form].append(rate)
    return rates


def _worked_off(broker: str, tasks: int) -> float:
    """Tasks per second from the moment they are all in the queue."""
    with redis.Redis.from_url(broker) as keys:
        messages = _messages(broker, keys, tasks)
        started = time.perf_counter()
        keys.lpush(QUEUE, *messages)
        while keys.llen(QUEUE) or keys.hlen("unacked"):
            if time.perf_counter() - started > DEADLINE_SECONDS:
                raise SystemExit(f"not done in {DEADLINE_SECONDS:.0f} s")
            time.sleep(0.005)
        return tasks / (time.perf_counter() - started)


def _messages(broker: str, keys: redis.Redis, tasks: int) -> list[str]:
    """Copies of one message that Celery wrote, each with ids of its own."""
    with Celery("client", broker=broker, set_as_current=False) as client:
        task_id = client.send_task(TASK, args=(1,), queue=TEMPLATE, ignore_result=True).id
    raw = str(keys.rpop(TEMPLATE), "utf-8").replace(f'"{TEMPLATE}"', f'"{QUEUE}"')
    tag = json.loads(raw)["properties"]["delivery_tag"]
    return [raw.replace(task_id, str(uuid4())).replace(tag, str(uuid4())) for _ in range(tasks)]


@contextmanager
def _worker(form: str, broker: str, servers: Servers) -> Iterator[None]:
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
        yield
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


def _table(rates: Mapping[str, list[float]]) -> list[tuple[str, ...]]:
    plain = rates["PLAIN"]
    rows = []
    for form, label in FORMS.items():
        ratios = [rate / first for rate, first in zip(rates[form], plain, strict=True)]
        middle, spread = statistics.median(ratios), (min(ratios), max(ratios))
        rows.append(
            (
                label,
                "",
                f"{statistics.median(rates[form]):,.0f}",
                f"{middle:.1%}",
                f"{spread[0]:.1%} to {spread[1]:.1%}",
            )
        )
    return rows


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.capture", description=__doc__)
    parser.add_argument("--tasks", type=int, default=3000, help="in a round")
    parser.add_argument("--rounds", type=int, default=9)
    return parser.parse_args()


if __name__ == "__main__":
    main()
