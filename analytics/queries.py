"""Asks a question of all day files: partitions, tallies, their sum.

Threads share the files; unchanged files stay loaded, up to a number of bytes. The kernel releases the GIL.
"""

import datetime as dt
import os
import threading
from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from sqlalchemy import Engine

from analytics import catalogue, grouping
from analytics.catalogue import Catalogue, StoredFile, StoreState
from analytics.counting import Count, add_to, entrants_by_value, to_ms
from analytics.errors import StoreUnavailable
from analytics.funnels import Dimension, FunnelDefinition
from analytics.grouping import Rows
from analytics.partition import Partition
from analytics.question import Question, day_start, time_zone
from analytics.remembered import Remembered
from analytics.store import EventStore
from analytics.tally import Tally

MAX_THREADS = 16
_Part = TypeVar("_Part")


@dataclass(frozen=True, slots=True, eq=False)
class FunnelResult:
    """The counts of a funnel, and the moment of the store that they belong to."""

    definition: FunnelDefinition
    question: Question  #: with both ends of the range filled in
    total: Tally  #: one group: everybody
    rows: Rows | None  #: which value each group of `grouped` is
    grouped: Tally | None  #: the same by breakdown value
    catalogue: Catalogue


class Loaded:
    """Partitions in memory, the least recently used given up beyond `most_bytes`."""

    def __init__(self, store: EventStore, most_bytes: int) -> None:
        self._store = store
        self._most_bytes = most_bytes
        self._held_bytes = 0
        self._partitions: OrderedDict[str, Partition] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, path: str) -> Partition:
        """Raises FileNotFoundError when the file was swept after the caller read the list."""
        with self._lock:
            if path in self._partitions:
                self._partitions.move_to_end(path)
                return self._partitions[path]
        partition = self._store.partition(path)
        with self._lock:
            self._partitions[path] = partition
            self._held_bytes += partition.nbytes
            self._give_up()
        return partition

    def keep_only(self, live: Sequence[StoredFile]) -> None:
        """Let go of files that no longer count, and weigh the others anew: they grow as columns are read."""
        with self._lock:
            paths = {file.path for file in live}
            for path in [path for path in self._partitions if path not in paths]:
                del self._partitions[path]
            self._held_bytes = sum(partition.nbytes for partition in self._partitions.values())
            self._give_up()

    def _give_up(self) -> None:
        while self._held_bytes > self._most_bytes and self._partitions:
            self._held_bytes -= self._partitions.popitem(last=False)[1].nbytes


class Reader:
    """Answers questions about the events of one store. Share one per process; it is safe across threads."""

    def __init__(self, engine: Engine, store: EventStore, *, memory_bytes: int = 2 << 30) -> None:
        self.engine = engine
        self._loaded = Loaded(store, memory_bytes)
        self._remembered = Remembered()
        self._threads = min(MAX_THREADS, os.cpu_count() or 1)

    def run(
        self,
        definition: FunnelDefinition,
        question: Question,
        *,
        now: dt.datetime,
        blocked: Mapping[str, int] | None = None,
    ) -> FunnelResult:
        """Count the funnel. `now` decides which windows are still open.

        `blocked` tells when the newest unresolved task of a session failed: session id -> UTC milliseconds.
        Raises StoreUnavailable when a file that counts cannot be read.
        """
        return self._of_live_files(lambda listed: self._answer(listed, definition, question, now, blocked))

    def sessions_by_value(self, dimension: Dimension) -> Counter[str]:
        """How many of all sessions have each value of the dimension; "" is missing."""

        def counted(partition: Partition) -> Counter[str]:
            return grouping.sessions_by_value(partition, dimension)

        return self._of_live_files(lambda listed: self._summed(listed.files, counted))

    def remembered(self, key: Hashable, compute: Callable[[], _Part]) -> _Part:
        """What `compute` gave for this key, asked again only after the store has changed."""
        return self._remembered.get(self.state().version, key, compute)

    def state(self) -> StoreState:
        """The version of the store, and when it last took in events."""
        return catalogue.state(self.engine)

    def _of_live_files(self, answer: Callable[[Catalogue], _Part]) -> _Part:
        for _ in range(2):
            listed = catalogue.read(self.engine)
            try:
                return answer(listed)
            except FileNotFoundError as error:
                # A sync may have superseded and swept the file since we read the list.
                missing = error
        raise StoreUnavailable(
            f"an event file is gone ({missing}); `python -m analytics sync --rebuild` writes all files again"
        )

    def _answer(
        self,
        listed: Catalogue,
        definition: FunnelDefinition,
        question: Question,
        now: dt.datetime,
        blocked: Mapping[str, int] | None,
    ) -> FunnelResult:
        question = bounded(question, listed)
        files = [file for file in listed.files if _may_count(file, question)]
        everyone = Count(definition, question, now, None, blocked)
        total = self._sum(files, everyone)
        rows = grouped = None
        if question.breakdown is not None:
            found = self._entrants_by_value(files, everyone, question.breakdown)
            rows = Rows.of(found, question.most_groups)
            grouped = self._sum(files, replace(everyone, rows=rows))
        self._loaded.keep_only(listed.files)
        return FunnelResult(definition, question, total, rows, grouped, listed)

    def _sum(self, files: Sequence[StoredFile], count: Count) -> Tally:
        def share(part: Sequence[StoredFile]) -> Tally:
            tally = count.empty()
            for file in part:
                add_to(tally, self._loaded.get(file.path), count)
            return tally

        return sum(self._shared(files, share), start=count.empty())

    def _entrants_by_value(self, files: Sequence[StoredFile], count: Count, breakdown: str) -> Counter[str]:
        return self._summed(files, lambda partition: entrants_by_value(partition, count, breakdown))

    def _summed(
        self, files: Sequence[StoredFile], counted: Callable[[Partition], Counter[str]]
    ) -> Counter[str]:
        def share(part: Sequence[StoredFile]) -> Counter[str]:
            found: Counter[str] = Counter()
            for file in part:
                found.update(counted(self._loaded.get(file.path)))
            return found

        found: Counter[str] = Counter()
        for counts in self._shared(files, share):
            found.update(counts)
        return found

    def _shared(
        self, files: Sequence[StoredFile], share: Callable[[Sequence[StoredFile]], _Part]
    ) -> list[_Part]:
        parts = [files[at :: self._threads] for at in range(min(self._threads, len(files)))]
        if len(parts) < 2:
            return [share(part) for part in parts]
        with ThreadPoolExecutor(len(parts), thread_name_prefix="funnel") as threads:
            return list(threads.map(share, parts))


def bounded(question: Question, listed: Catalogue) -> Question:
    """The question with open ends set to the days of the first and last event, or to the other end's day."""
    since, until = question.since, question.until
    if since is None:
        first = min((file.first_ms for file in listed.files), default=0)
        first = min(first, to_ms(until) - 1) if until else first
        since = day_start(day_of(first, question.zone), question.zone)
    if until is None:
        last = max((file.last_ms for file in listed.files), default=0)
        last = max(last, to_ms(since))
        until = day_start(day_of(last, question.zone) + dt.timedelta(days=1), question.zone)
    return replace(question, since=since, until=until)


def day_of(ms: int, zone: str) -> dt.date:
    return dt.datetime.fromtimestamp(ms / 1000, time_zone(zone)).date()


def _may_count(file: StoredFile, question: Question) -> bool:
    return file.first_ms < to_ms(question.until) and file.last_ms >= to_ms(question.since)
