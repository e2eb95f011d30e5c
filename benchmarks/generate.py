"""Invents sessions of an onboarding: `python -m benchmarks.generate --sessions 10M`.

The same sizes and seed give the same events: every draw comes from the seed and the day. Memory holds one
day a process, however many days there are.
"""

import argparse
import datetime as dt
import os
import resource
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.progress import track

from benchmarks import world
from benchmarks.destinations import CsvFile, Destination, EventTable, StoreFolder
from benchmarks.journeys import events_of_day, sessions_per_day
from benchmarks.sizes import size

FIRST_DAY = dt.date(2024, 1, 1)
DEFAULT_DAYS = 731
DEFAULT_SEED = 7
MAX_PROCESSES = 8
MAX_DAYS = 3_650


@dataclass(frozen=True, slots=True)
class Plan:
    """One day to generate."""

    day: dt.date
    sessions: int
    seed: int


@dataclass(frozen=True, slots=True)
class Taken:
    events: int
    row: dict[str, Any] | None  #: of the catalogue, when the destination has one


def plans(sessions: int, days: int = DEFAULT_DAYS, seed: int = DEFAULT_SEED) -> list[Plan]:
    """The days on which somebody starts."""
    counts = sessions_per_day(sessions, FIRST_DAY, days, seed).tolist()
    return [Plan(FIRST_DAY + dt.timedelta(days=at), count, seed) for at, count in enumerate(counts) if count]


def generate_day(plan: Plan, destination: Destination) -> Taken:
    dice = np.random.default_rng([plan.seed, plan.day.toordinal()])
    events = events_of_day(plan.day, plan.sessions, dice)
    return Taken(len(events), destination.take(plan.day, events))


def generate(planned: list[Plan], destination: Destination) -> int:
    """Send every day to the destination; the number of events."""
    destination.begin()
    rows, events = [], 0
    shown = track(_taken(planned, destination), "Generating", len(planned), disable=not Console().is_terminal)
    for taken in shown:
        events += taken.events
        if taken.row:
            rows.append(taken.row)
    destination.finish(rows)
    return events


def _taken(planned: list[Plan], destination: Destination) -> Iterator[Taken]:
    processes = min(MAX_PROCESSES, os.cpu_count() or 1, len(planned))
    if processes < 2 or not destination.parallel:
        yield from (generate_day(plan, destination) for plan in planned)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        yield from pool.map(generate_day, planned, [destination] * len(planned))


def main() -> None:
    options = _options()
    started = time.monotonic()
    with ExitStack() as stack:
        events = generate(plans(options.sessions, options.days, options.seed), _destination(options, stack))
    seconds = time.monotonic() - started
    print(f"{options.sessions:,} sessions, {events:,} events in {seconds:.0f} s ({events / seconds:,.0f}/s)")
    print(f"peak memory {_peak_mb(resource.RUSAGE_SELF):,.0f} MB; ", end="")
    print(f"largest process beside it {_peak_mb(resource.RUSAGE_CHILDREN):,.0f} MB")


def _destination(options: argparse.Namespace, stack: ExitStack) -> Destination:
    home = options.home or world.default_home(options.sessions)
    if options.into == "csv":
        return CsvFile(Path(options.store or f"{home}.csv"))
    here = stack.enter_context(world.opened(home, options.store))
    if options.into == "database":
        return EventTable(here.owner_url)
    return StoreFolder(here.store_location, here.database_url)


def _peak_mb(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / 1024


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generate", description=__doc__)
    parser.add_argument("--sessions", type=size, default=size("10M"), help="such as 10M, 200k, 5000")
    parser.add_argument("--days", type=int, choices=range(1, MAX_DAYS + 1), metavar="N", default=DEFAULT_DAYS)
    parser.add_argument("--seed", type=int, default=DEFAULT_SEED)
    parser.add_argument("--into", choices=("store", "database", "csv"), default="store")
    parser.add_argument("--store", metavar="PATH", help="folder of the day files, or the CSV file")
    parser.add_argument("--home", type=Path, help="folder of the servers; one per size otherwise")
    return parser.parse_args()


if __name__ == "__main__":
    main()
