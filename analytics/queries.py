"""Asks a question of all day files: partitions, tallies, their sum. Unchanged files stay loaded."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import numpy as np
from sqlalchemy import Engine

from analytics import catalogue, grouping, timing
from analytics.belonging import Clients, of_clients, seen
from analytics.catalogue import Catalogue, StoredFile, StoreState
from analytics.counting import Chains, Count, chains, to_ms
from analytics.errors import StoreUnavailable
from analytics.funnels import Dimension, FunnelDefinition
from analytics.grouping import Rows
from analytics.loaded import Loaded
from analytics.partition import Partition
from analytics.question import Question, day_start, time_zone
from analytics.remembered import Remembered
from analytics.store import EventStore
from analytics.sweep import Sweep, in_threads, summed
from analytics.tally import Tally
from analytics.timing import Timing

#: Up to so many values are counted at once and then ranked; of more, a first pass finds the frequent ones.
MOST_COUNTED_VALUES = 64
_Answer = TypeVar("_Answer")


@dataclass(frozen=True, slots=True)
class Asked:
    """A question, with all that its answer depends on besides the events."""

    definition: FunnelDefinition
    question: Question
    now: dt.datetime  #: decides which windows are still open
    #: When the newest unresolved task of a session failed: session id -> UTC milliseconds.
    blocked: Mapping[str, int] = field(default_factory=dict)
    #: What went wrong in these sessions, as a name for the kind of failure: session id -> name.
    patterns: Mapping[str, str] = field(default_factory=dict)
    #: Gives sessions a value to break down by instead of the question's properties: session id -> value.
    labels: Mapping[str, str] | None = None
    #: Whose sessions are counted and shown; None: everybody's, also those without a client.
    clients: Clients = None
    #: Which bins of time are counted besides.
    binned: Callable[[Question], Timing] = timing.by_entry_day


@dataclass(frozen=True, slots=True, eq=False)
class FunnelResult:
    """The counts of a funnel, and the moment of the store that they belong to."""

    definition: FunnelDefinition
    question: Question  #: with both ends of the range filled in
    total: Tally  #: one row: everybody
    rows: Rows | None  #: which value each row of `grouped` is; None when the rows are the bins
    grouped: Tally | None  #: the same by row; None without a breakdown
    timing: Timing  #: what the bins of both are
    catalogue: Catalogue


@dataclass(frozen=True, slots=True, eq=False)
class FileChains:
    """The counted sessions of one file."""

    file: StoredFile
    rows: Rows | None
    chains: Chains


class Reader:
    """Answers questions about the events of one store. Share one per process; it is safe across threads."""

    def __init__(self, engine: Engine, store: EventStore, *, memory_bytes: int = 2 << 30) -> None:
        self.engine = engine
        self._store = store
        self._loaded = Loaded(store, memory_bytes)
        self._remembered = Remembered()

    def ask(self, asked: Asked) -> FunnelResult:
        """Raises InvalidQuery when the question does not fit the funnel, StoreUnavailable when a file that
        counts cannot be read."""
        return self._of_live_files(lambda listed: _answer(self._sweep(asked, listed), listed))

    def check(self) -> None:
        """Raises StoreUnavailable when the newest file that counts is not there."""
        if files := self._listed().files:
            self._store.check(files[-1].path)

    def chains(self, asked: Asked, *, start: tuple[dt.date, int] | None = None) -> Iterator[FileChains]:
        """The sessions that `ask` counts, file after file from the one at (day, part) `start` on."""
        sweep = self._sweep(asked, self._listed())
        rows = sweep.ranked(sweep.entered_by_value()) if sweep.is_broken_down else None
        for file in sweep.files:
            if start is None or (file.day, file.part) >= start:
                count = sweep.count_in(file, rows)
                yield FileChains(file, rows, chains(sweep.partition(file), count))

    def of_chains(self, asked: Asked, look: Callable[[Chains], _Answer]) -> list[_Answer]:
        """What `look` says of the sessions that `ask` counts, whatever the breakdown, for each file.

        The files come in any order. Raises as `ask`.
        """

        def answer(listed: Catalogue) -> list[_Answer]:
            sweep = self._sweep(asked, listed)

            def share(part: Iterable[StoredFile]) -> list[_Answer]:
                counts = ((file, sweep.count_in(file, None)) for file in part)
                return [look(chains(sweep.partition(file), count)) for file, count in counts]

            return [one for found in in_threads(sweep.files, share) for one in found]

        return self._of_live_files(answer)

    def sessions_by_value(self, dimension: Dimension, clients: Clients) -> Counter[str]:
        """How many of all sessions, or of those of the clients, have each value of it; "" is missing."""

        def counted(partition: Partition) -> Counter[str]:
            coded = grouping.of_sessions(seen(partition, clients), [dimension])
            codes = coded.codes if clients is None else coded.codes[of_clients(partition, clients)]
            counts = np.bincount(codes + 1, minlength=len(coded.values) + 1).tolist()
            return Counter(dict(zip(("", *coded.values), counts, strict=True)))

        return self.summed(counted)

    def summed(
        self, counted: Callable[[Partition], Counter[str]], *, only: Collection[str] | None = None
    ) -> Counter[str]:
        """What `counted` says of every live file, or of those among the paths `only`, added up."""

        def answer(listed: Catalogue) -> Counter[str]:
            files = [file for file in listed.files if only is None or file.path in only]
            return summed(files, lambda file: counted(self._loaded.get(file.path)))

        return self._of_live_files(answer)

    def remembered(self, key: Hashable, compute: Callable[[], _Answer]) -> _Answer:
        """What `compute` gave for this key, asked again only after the store has changed."""
        return self._remembered.get(self.state().version, key, compute)

    def state(self) -> StoreState:
        """The version of the store, and when it last took in events."""
        return catalogue.state(self.engine)

    def _sweep(self, asked: Asked, listed: Catalogue) -> Sweep:
        question = bounded(asked.question, listed)
        when = asked.binned(question)
        count = Count(
            asked.definition, question, asked.now, None, asked.blocked, asked.labels, when, asked.clients
        )
        files = [file for file in listed.files if _may_count(file, question)]
        named = [*asked.blocked, *(asked.labels or {})]
        return Sweep(count, files, self._loaded, self._places(named) if named else {})

    def _listed(self) -> Catalogue:
        return catalogue.read(self.engine)

    def _places(self, session_ids: Sequence[str]) -> dict[tuple[dt.date, int], list[str]]:
        return catalogue.places(self.engine, session_ids)

    def _of_live_files(self, answer: Callable[[Catalogue], _Answer]) -> _Answer:
        for _ in range(2):
            listed = self._listed()
            try:
                found = answer(listed)
            except FileNotFoundError as error:
                # A sync may have superseded and swept the file since we read the list.
                missing = error
            else:
                self._loaded.keep_only(listed.files)
                return found
        raise StoreUnavailable(
            f"an event file is gone ({missing}); `python -m analytics sync --rebuild` writes all files again"
        )


def _answer(sweep: Sweep, listed: Catalogue) -> FunnelResult:
    count = sweep.count
    rows = grouped = None
    if count.when.bins.are_rows:
        grouped = sweep.tally(None)
        total = _everybody(grouped)
    elif not sweep.is_broken_down:
        total = sweep.tally(None)
    elif sweep.is_by_run:
        # A session may be in several rows, so they do not add up to everybody.
        rows = sweep.ranked(sweep.entered_by_value())
        total, grouped = sweep.tally(None), sweep.tally(rows)
    else:
        rows, grouped = _broken_down(sweep)
        total = _everybody(grouped)
    return FunnelResult(count.definition, count.question, total, rows, grouped, count.when, listed)


def _broken_down(sweep: Sweep) -> tuple[Rows, Tally]:
    """The most frequent values and the rest, where every session has one value."""
    known = sweep.known_values()
    if len(known) > MOST_COUNTED_VALUES:
        rows = sweep.ranked(sweep.entered_by_value())
        return rows, sweep.tally(rows)
    every = Rows((sweep.missing, *sorted(known)), missing=sweep.missing)
    counted = sweep.tally(every)
    entered = zip(every.values, counted.reached[:, 0].tolist(), strict=True)
    rows = sweep.ranked(Counter({value: sessions for value, sessions in entered if sessions}))
    return rows, counted.of_rows(rows.of_values(every.values), len(rows.labels))


def _everybody(grouped: Tally) -> Tally:
    return grouped.of_rows(np.zeros(len(grouped.reached), np.int32), 1)


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
