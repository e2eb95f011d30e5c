"""Times what support staff do with many dead letters: `python -m benchmarks.dlq --letters 1M`.

Each call goes through the function that the pages call, with other values each time. The peer, in the same
run on the same rows and with the same indexes at hand, is what one writes first: OFFSET for pages, ILIKE for
search, count(*) and GROUP BY for numbers.
"""

import argparse
import random
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, TextClause, text

from benchmarks import letters, world
from benchmarks.sizes import size, written
from benchmarks.tables import machine, markdown, seconds
from dlq import console
from dlq.groups import console as group_console
from dlq.letters import Kind, Status
from dlq.queries import LetterFilter
from dlq.redaction import Redactor

CALLS = 200
PEER_CALLS = 5
PAGE = 50
#: Pages that one walk through a list reads.
DEEP = 20
_WAITING = (Status.DEAD, Status.POISONED)
_SHOWN = (_WAITING, _WAITING, (Status.RETRYING,), (Status.RESOLVED,), (Status.DISCARDED,), ())
_REDACTOR = Redactor()

Call = Callable[[], object]


class Everybody:
    """May do everything."""

    login = "benchmark"

    def require(self, permission: str) -> None:
        """Return, whatever is asked."""


class Staff:
    """Thinks up calls: endless, no two alike."""

    def __init__(self, engine: Engine, letters_stored: int, seed: int) -> None:
        self._engine, self._stored, self._dice = engine, letters_stored, random.Random(seed)
        self._causes, self._words = letters.causes(), letters.vocabulary()
        self._by = Everybody()

    def lists(self) -> Iterator[Call]:
        """First pages and those after them, of what waits and of everything."""
        while True:
            narrowed, after = LetterFilter(status=self._dice.choice(_SHOWN)), None
            for _ in range(DEEP):
                yield lambda narrowed=narrowed, after=after: self._page(narrowed, after)
                after = self._page(narrowed, after).next

    def filters(self) -> Iterator[Call]:
        while True:
            narrowed = self._filter()
            yield lambda narrowed=narrowed: self._page(narrowed)

    def searches(self) -> Iterator[Call]:
        while True:
            narrowed = LetterFilter(text=self._asked(), status=self._dice.choice(_SHOWN))
            yield lambda narrowed=narrowed: self._page(narrowed)

    def filtered_searches(self) -> Iterator[Call]:
        while True:
            cause = self._dice.choice(self._causes)
            name = self._dice.choice(("task_name", "exception_type", "queue", "category", "fingerprint"))
            narrowed = LetterFilter(**{name: getattr(cause, name)}, text=self._asked())
            yield lambda narrowed=narrowed: self._page(narrowed)

    def counts(self) -> Iterator[Call]:
        """How many match a filter or a search."""
        while True:
            narrowed = self._filter() if self._dice.random() < 0.5 else LetterFilter(text=self._asked())
            yield lambda narrowed=narrowed: console.count(self._engine, self._by, narrowed)

    def stats(self) -> Iterator[Call]:
        while True:
            narrowed = LetterFilter() if self._dice.random() < 0.5 else self._filter()
            yield lambda narrowed=narrowed: console.stats(self._engine, self._by, narrowed)

    def choices(self) -> Iterator[Call]:
        while True:
            yield lambda: console.choices(self._engine, self._by)

    def groups(self) -> Iterator[Call]:
        while True:
            order = self._dice.choice(("blocked", "newest", "letters"))
            yield lambda order=order: group_console.groups(
                self._engine, self._by, order=order, redactor=_REDACTOR, now=letters.NOW
            )

    def _page(self, narrowed: LetterFilter, after: str | None = None) -> Any:
        return console.letters(self._engine, self._by, narrowed, after, PAGE, redactor=_REDACTOR)

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


class Peer:
    """The same questions as SQL that one writes first."""

    def __init__(self, engine: Engine, seed: int) -> None:
        self._engine, self._dice = engine, random.Random(seed)
        self._causes = letters.causes()

    def lists(self) -> Call:
        return self._ask(_LIST, offset=PAGE * self._dice.randrange(DEEP * 50))

    def filters(self) -> Call:
        cause = self._dice.choice(self._causes)
        return self._ask(_FILTER, task_name=cause.task_name, offset=PAGE * self._dice.randrange(DEEP))

    def searches(self) -> Call:
        return self._ask(
            _SEARCH, asked=f"%{self._dice.choice(self._dice.choice(self._causes).message.split())}%"
        )

    def filtered_searches(self) -> Call:
        cause = self._dice.choice(self._causes)
        return self._ask(_SEARCH_IN, asked=f"%{cause.message.split()[0]}%", task_name=cause.task_name)

    def counts(self) -> Call:
        return self._ask(_COUNT, queue=self._dice.choice(self._causes).queue)

    def stats(self) -> Call:
        asked = [self._ask(text(_STATS.format(column=column))) for column in _COUNTED]
        return lambda: [ask() for ask in asked]

    def choices(self) -> Call:
        asked = [self._ask(text(_CHOICES.format(column=column))) for column in _COUNTED[2:5]]
        return lambda: [ask() for ask in asked]

    def groups(self) -> Call:
        return self._ask(_GROUPS)

    def _ask(self, statement: TextClause, **values: Any) -> Call:
        def call() -> object:
            with self._engine.connect() as connection:
                return connection.execute(statement, values).all()

        return call


_COUNTED = ("status", "kind", "task_name", "exception_type", "queue", "category")
_ROW = (
    "SELECT id, task_id, task_name, queue, kind, status, category, exception_type, message, fingerprint,"
    " attempts, occurrences, session_id, client_id, correlation_id, first_failed_at_ms, last_failed_at_ms"
    " FROM onward.dead_letter "
)
_NEWEST = f" ORDER BY last_failed_at_ms DESC LIMIT {PAGE}"
_LIKE = "(message ILIKE :asked OR exception_type ILIKE :asked OR task_name ILIKE :asked)"
_LIST = text(_ROW + "WHERE status IN ('dead', 'poisoned')" + _NEWEST + " OFFSET :offset")
_FILTER = text(_ROW + "WHERE task_name = :task_name" + _NEWEST + " OFFSET :offset")
_SEARCH = text(_ROW + "WHERE " + _LIKE + _NEWEST)
_SEARCH_IN = text(_ROW + "WHERE task_name = :task_name AND " + _LIKE + _NEWEST)
_COUNT = text("SELECT count(*) FROM onward.dead_letter WHERE queue = :queue")
_STATS = "SELECT {column}, count(*) FROM onward.dead_letter GROUP BY 1 ORDER BY 2 DESC LIMIT 20"
_CHOICES = "SELECT DISTINCT {column} FROM onward.dead_letter"
_GROUPS = text("""
    SELECT fingerprint, min(message), count(*), min(first_failed_at_ms), max(last_failed_at_ms),
           count(DISTINCT session_id) FILTER (WHERE status IN ('dead', 'retrying', 'poisoned')) AS blocked
    FROM onward.dead_letter GROUP BY fingerprint ORDER BY blocked DESC LIMIT 25
""")
_MEASURED = ("lists", "filters", "searches", "filtered_searches", "counts", "stats", "choices", "groups")


def measure(engine: Engine, stored: int, calls: int, seed: int) -> Iterator[list[str]]:
    staff, peer = Staff(engine, stored, seed), Peer(engine, seed)
    for name in _MEASURED:
        thought_up = getattr(staff, name)()
        took = sorted(timed(next(thought_up)) for _ in range(calls))
        plain = statistics.median(timed(getattr(peer, name)()) for _ in range(PEER_CALLS))
        middle, high = took[len(took) // 2], took[int(len(took) * 0.95)]
        ratio = f"{plain / middle:,.0f} x"
        yield [name.replace("_", " "), *map(seconds, (middle, high, took[-1], plain)), ratio]


def timed(call: Call) -> float:
    started = time.perf_counter()
    call()
    return time.perf_counter() - started


def main() -> None:
    options = _options()
    home = options.home or world.default_home(options.letters).with_name(f"dlq-{written(options.letters)}")
    with world.opened(home) as here:
        if _stored(here.engine) != options.letters:
            letters.load(here.engine, options.letters, options.body_bytes)
        print(f"{_stored(here.engine):,} letters; {machine()}\n")
        rows = []
        for row in measure(here.engine, options.letters, options.calls, options.seed):
            print(*row, sep=" | ")
            rows.append(row)
        print("\n" + markdown(["calls", "p50", "p95", "longest", "peer, p50", "ratio"], rows))


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
    parser.add_argument("--home", type=Path, help="folder of the servers; one per size otherwise")
    return parser.parse_args()


if __name__ == "__main__":
    main()
