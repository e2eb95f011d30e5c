"""Times what support staff do with many dead letters: `python -m benchmarks.dlq --letters 1M`.

Each call goes through the function that the pages call, with other values each time. Servers that have just
started hold nothing in memory: some calls of each kind, with values of their own, go before those that are
timed; `--unheated` leaves them out. The peer, what one writes first (`benchmarks.dlq_peer`), answers some of
these questions too, in the same run, on a copy of the letters in a table of its own. Beyond 1M letters it is
left out: its copy takes as much disk as the rest.
"""

import argparse
import random
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from itertools import islice
from operator import methodcaller
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, text

from benchmarks import letters, world
from benchmarks.dlq_peer import Plain, build
from benchmarks.sizes import size, written
from benchmarks.tables import machine, markdown, seconds
from dlq import console
from dlq.groups import console as group_console
from dlq.letters import Kind, Status
from dlq.queries import LetterFilter
from dlq.redaction import Redactor

CALLS = 200
#: Calls of each kind that are not timed.
HEATING = 20
#: Questions of each kind that the peer answers too.
PEER_CALLS = 20
PEER_AT_MOST = size("1M")
PAGE = 50
#: Pages that one walk through a list reads.
DEEP = 20
_WAITING = (Status.DEAD, Status.POISONED)
_SHOWN = (_WAITING, _WAITING, (Status.RETRYING,), (Status.RESOLVED,), (Status.DISCARDED,), ())
_REDACTOR = Redactor()


class Everybody:
    """May do everything."""

    login = "benchmark"
    clients = None

    def require(self, permission: str) -> None:
        """Return, whatever is asked."""


class Onward:
    """Answers through the functions that the pages call."""

    def __init__(self, engine: Engine) -> None:
        self._engine, self._by = engine, Everybody()

    def page(self, narrowed: LetterFilter, number: int, after: str | None) -> Any:  # noqa: ARG002 - one of two
        return console.letters(self._engine, self._by, narrowed, after, PAGE, redactor=_REDACTOR)

    def count(self, narrowed: LetterFilter) -> Any:
        return console.count(self._engine, self._by, narrowed)

    def stats(self, narrowed: LetterFilter) -> Any:
        return console.stats(self._engine, self._by, narrowed)

    def choices(self) -> Any:
        return console.choices(self._engine, self._by)

    def groups(self, order: Any) -> Any:
        return group_console.groups(self._engine, self._by, order=order, redactor=_REDACTOR, now=letters.NOW)


#: A call of one of the methods that both have.
Question = Callable[[Onward | Plain], object]


class Staff:
    """Thinks up questions: endless, no two alike."""

    def __init__(self, onward: Onward, letters_stored: int, seed: int) -> None:
        self._onward, self._stored, self._dice = onward, letters_stored, random.Random(seed)
        self._causes, self._words = letters.causes(), letters.vocabulary()

    def lists(self) -> Iterator[Question]:
        """First pages and those after them, of what waits and of everything."""
        while True:
            narrowed, after = LetterFilter(status=self._dice.choice(_SHOWN)), None
            for number in range(DEEP):
                yield methodcaller("page", narrowed, number, after)
                after = self._onward.page(narrowed, number, after).next

    def filters(self) -> Iterator[Question]:
        while True:
            yield _first_page(self._filter())

    def searches(self) -> Iterator[Question]:
        while True:
            yield _first_page(LetterFilter(text=self._asked(), status=self._dice.choice(_SHOWN)))

    def filtered_searches(self) -> Iterator[Question]:
        while True:
            cause = self._dice.choice(self._causes)
            name = self._dice.choice(("task_name", "exception_type", "queue", "category", "fingerprint"))
            yield _first_page(LetterFilter(**{name: getattr(cause, name)}, text=self._asked()))

    def counts(self) -> Iterator[Question]:
        """How many match a filter or a search."""
        while True:
            narrowed = self._filter() if self._dice.random() < 0.5 else LetterFilter(text=self._asked())
            yield methodcaller("count", narrowed)

    def stats(self) -> Iterator[Question]:
        while True:
            narrowed = LetterFilter() if self._dice.random() < 0.5 else self._filter()
            yield methodcaller("stats", narrowed)

    def choices(self) -> Iterator[Question]:
        while True:
            yield methodcaller("choices")

    def groups(self) -> Iterator[Question]:
        while True:
            yield methodcaller("groups", self._dice.choice(("blocked", "newest", "letters")))

    def _filter(self) -> LetterFilter:
        """One or two things that the page can be narrowed to."""
        cause, session = self._dice.choice(self._causes), self._dice.randrange(letters.SESSIONS)
        start = letters.NOW - timedelta(days=self._dice.uniform(0, letters.DAYS))
        offered: tuple[dict[str, Any], ...] = (
            {"task_name": cause.task_name},
            {"exception_type": cause.exception_type},
            {"queue": cause.queue},
            {"category": cause.category},
            {"fingerprint": cause.fingerprint},
            {"kind": (Kind.WORKER_LOST,)},
            {"session_id": f"s-{session}"},
            {"client_id": f"client-{session % letters.CLIENTS}"},
            {"clients": tuple(f"client-{one}" for one in self._dice.sample(range(letters.CLIENTS), 3))},
            {"failed_from": start, "failed_to": start + timedelta(hours=self._dice.uniform(1, 200))},
        )
        other = self._dice.choice(self._causes)
        second = self._dice.choice(({}, {}, {"task_name": other.task_name}, {"queue": other.queue}))
        shown = self._dice.choice(_SHOWN)
        return LetterFilter(**(second | self._dice.choice(offered) | {"status": shown}))

    def _asked(self) -> str:
        """A word, two, the beginning of one, a number, an id, or what is nowhere."""
        cause, number = self._dice.choice(self._causes), self._dice.randrange(self._stored)
        words = cause.message.split()
        return self._dice.choice(
            (
                self._dice.choice(words),
                " ".join(self._dice.sample(words, 2)),
                f"{words[0]} {words[1][:3]}",
                self._dice.choice(self._words)[:4],
                cause.exception_type,
                cause.task_name,
                f"{words[0]} {number}",
                f"s-{self._dice.randrange(letters.SESSIONS)}",
                f"nowhere{number}",
            )
        )


def _first_page(narrowed: LetterFilter) -> Question:
    return methodcaller("page", narrowed, 0, None)


_HEADINGS = ("calls", "p50", "p95", "longest", "peer, p50", "peer, p95", "peer / ours, p50")
_MEASURED = ("lists", "filters", "searches", "filtered_searches", "counts", "stats", "choices", "groups")


def measure(engine: Engine, stored: int, calls: int, seed: int, plain: Plain | None) -> Iterator[list[str]]:
    onward = Onward(engine)
    staff = Staff(onward, stored, seed)
    for name in _MEASURED:
        thought_up = getattr(staff, name)()
        asked, took = [], []
        for question in islice(thought_up, calls):
            asked.append(question)
            took.append(timed(question, onward))
        # Afterwards: reading a whole table takes from the other's memory.
        peer_took = [timed(question, plain) for question in asked[:PEER_CALLS]] if plain is not None else []
        yield [name.replace("_", " "), *_spread(took), seconds(max(took)), *_against(took, peer_took)]


def heat(engine: Engine, stored: int, seed: int) -> None:
    onward = Onward(engine)
    staff = Staff(onward, stored, seed)
    for name in _MEASURED:
        for question in islice(getattr(staff, name)(), HEATING):
            question(onward)


def _peer(owner: Engine, stored: int) -> Plain | None:
    if stored > PEER_AT_MOST:
        return None
    build(owner)
    return Plain(owner, PAGE)


def timed(question: Question, answers: Onward | Plain) -> float:
    started = time.perf_counter()
    question(answers)
    return time.perf_counter() - started


def _at(share: float, took: Sequence[float]) -> float:
    return sorted(took)[int(len(took) * share)]


def _spread(took: Sequence[float]) -> list[str]:
    return [seconds(_at(0.5, took)), seconds(_at(0.95, took))]


def _against(took: Sequence[float], peer_took: Sequence[float]) -> list[str]:
    """The peer's times, and how often ours fits into its middle one for the same questions."""
    if not peer_took:
        return ["", "", ""]
    ratio = _at(0.5, peer_took) / _at(0.5, took[: len(peer_took)])
    return [*_spread(peer_took), f"{ratio:,.1f} x"]


def main() -> None:
    options = _options()
    home = options.home or world.default_home(options.letters).with_name(f"dlq-{written(options.letters)}")
    with world.opened(home) as here:
        if _stored(here.engine) != options.letters:
            letters.load(here.owner, options.letters, options.body_bytes)
        print(f"{_stored(here.engine):,} letters; {machine()}\n")
        if not options.unheated:
            heat(here.engine, options.letters, options.seed + 1)
        rows = []
        plain = None if options.without_peer else _peer(here.owner, options.letters)
        for row in measure(here.engine, options.letters, options.calls, options.seed, plain):
            print(*row, sep=" | ")
            rows.append(row)
        print("\n" + markdown(_HEADINGS, rows))


def _stored(engine: Engine) -> int:
    with engine.connect() as connection:
        return int(
            connection.execute(text("SELECT coalesce(max(id), 0) FROM onward.dead_letter")).scalar_one()
        )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.dlq", description=__doc__)
    parser.add_argument("--letters", type=size, default=size("1M"), help="such as 1M, 200k")
    parser.add_argument("--calls", type=int, default=CALLS, help="of each kind")
    parser.add_argument("--body-bytes", type=int, default=600, help="of a message body, about")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--unheated", action="store_true", help="time from the first call on")
    parser.add_argument("--without-peer", action="store_true", help="ask Onward alone")
    parser.add_argument("--home", type=Path, help="folder of the servers; one per size otherwise")
    return parser.parse_args()


if __name__ == "__main__":
    main()
