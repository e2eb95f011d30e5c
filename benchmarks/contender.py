"""A contender's process: `python -m benchmarks.contender prepare|answer TASK`, started by contest.py.

`answer` reads the number of a repetition a line and writes {"seconds", "reached", "by_value"} for each; at
the end of its input it writes {"peak_mb"}. Nothing else runs in it, so its peak memory is the engine's.
"""

import json
import resource
import sys
import time
from importlib import import_module

from benchmarks.task import Task


def main() -> None:
    what, task = sys.argv[1], Task.from_json(sys.argv[2])
    engine = import_module(f"benchmarks.contenders.{task.contender}")
    if what == "prepare":
        engine.prepare(task)
        return
    started = time.perf_counter()
    answer = engine.ready(task)
    opening_seconds = time.perf_counter() - started
    for line in sys.stdin:
        started = time.perf_counter()
        counts = answer(int(line))
        seconds = time.perf_counter() - started
        report = {"seconds": seconds, "opening_seconds": opening_seconds}
        _say({**report, "reached": counts.reached, "by_value": counts.by_value})
    _say({"peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024})


def _say(report: dict[str, object]) -> None:
    print(json.dumps(report), flush=True)


if __name__ == "__main__":
    main()
