"""Asks several engines the same in turn: one repetition of each, then the next, each in a process of its own.

So whatever else the machine does in the meantime slows all of them alike, and the peak memory of a process is
that of one engine.
"""

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.task import Counts, Task

ROOT = Path(__file__).parent.parent
WARM_UP = 0


@dataclass(frozen=True, slots=True)
class Entry:
    engine: str
    form: str  #: what exactly is measured, for people
    task: Task
    events: int  #: rows that the question is about
    cold: bool = False  #: a new process for every repetition
    memory_elsewhere: bool = False  #: the work is done by a server


@dataclass(slots=True)
class Result:
    entry: Entry
    seconds: list[float] = field(default_factory=list)
    process_seconds: list[float] = field(default_factory=list)  #: cold: from the start of the interpreter on
    counts: Counts | None = None
    peak_mb: float = 0

    @property
    def best(self) -> float:
        return min(self.seconds)

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)

    @property
    def events_per_second(self) -> float:
        return self.entry.events / self.median


class _Process:
    def __init__(self, task: Task) -> None:
        self.started = time.perf_counter()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.contender", "answer", task.to_json()],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def ask(self, repetition: int, result: Result) -> None:
        if self._process.stdin:
            self._process.stdin.write(f"{repetition}\n")
            self._process.stdin.flush()
        report = self._report()
        result.counts = _counts(report)
        if repetition == WARM_UP:
            return
        cold = result.entry.cold
        result.seconds.append(report["seconds"] + (report["opening_seconds"] if cold else 0))
        if cold:
            result.process_seconds.append(time.perf_counter() - self.started)

    def end(self, result: Result) -> None:
        if self._process.stdin:
            self._process.stdin.close()
        result.peak_mb = max(result.peak_mb, self._report()["peak_mb"])
        self._process.wait()

    def give_up(self) -> None:
        """End it, if a failure elsewhere has left it running."""
        self._process.kill()
        self._process.wait()

    def _report(self) -> dict[str, Any]:
        line = self._process.stdout.readline() if self._process.stdout else ""
        if not line:
            raise SystemExit(f"a contender ended with exit code {self._process.wait()}; see above")
        report: dict[str, Any] = json.loads(line)
        return report


def prepare(task: Task) -> None:
    """Let the engine load its table, in a process of its own."""
    subprocess.run(
        [sys.executable, "-m", "benchmarks.contender", "prepare", task.to_json()], cwd=ROOT, check=True
    )


def run(entries: Sequence[Entry], repetitions: int) -> list[Result]:
    """Every entry `repetitions` times, in turn. Processes that stay answer once before it counts."""
    results = [Result(entry) for entry in entries]
    with ExitStack() as stack:

        def started(result: Result) -> _Process:
            process = _Process(result.entry.task)
            stack.callback(process.give_up)
            return process

        staying = {id(result): started(result) for result in results if not result.entry.cold}
        for result in results:
            if process := staying.get(id(result)):
                process.ask(WARM_UP, result)
        for repetition in range(1, repetitions + 1):
            for result in results:
                process = staying.get(id(result)) or started(result)
                process.ask(repetition, result)
                if result.entry.cold:
                    process.end(result)
        for result in results:
            if process := staying.get(id(result)):
                process.end(result)
    return results


def _counts(report: dict[str, Any]) -> Counts:
    by_value = report["by_value"]
    groups = by_value and {value: tuple(row) for value, row in by_value.items()}
    return Counts(tuple(report["reached"]), groups)
