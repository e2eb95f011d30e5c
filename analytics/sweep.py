"""One question over all the files that may hold what it counts. Threads share the files."""

import datetime as dt
import os
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TypeVar

from analytics import grouping
from analytics.belonging import seen
from analytics.catalogue import StoredFile
from analytics.counting import Count, Scratch, add_to, entered_by_value, values_of
from analytics.grouping import EVERY_VALUE, Rows
from analytics.loaded import Loaded
from analytics.partition import Partition
from analytics.tally import Tally

MAX_THREADS = 16
_Part = TypeVar("_Part")
Place = tuple[dt.date, int]


@dataclass(frozen=True, slots=True, eq=False)
class Sweep:
    count: Count  #: of everybody, without rows
    files: Sequence[StoredFile]
    loaded: Loaded
    #: Where the sessions lie that the question names (blocked, labelled): only those files are searched.
    named: Mapping[Place, Collection[str]]

    @property
    def is_broken_down(self) -> bool:
        return bool(self.count.question.breakdown) or self.count.labels is not None

    @property
    def missing(self) -> str:
        return grouping.missing_value(self.count.question.breakdown)

    @property
    def is_by_run(self) -> bool:
        """Whether a session may be in several rows."""
        return self.is_broken_down and self._with(EVERY_VALUE).is_by_run

    def ranked(self, entered: Counter[str]) -> Rows:
        # Among labels, having none is no value that others could crowd out.
        keeps_missing = self.count.labels is not None
        most = self.count.question.most_groups
        return Rows.of(entered, most, self.missing, keeps_missing=keeps_missing)

    def tally(self, rows: Rows | None) -> Tally:
        counts = self._counts(rows)

        def share(part: Iterable[StoredFile]) -> Tally:
            tally, scratch = self._with(rows).empty(), Scratch()
            for file in part:
                add_to(tally, self.partition(file), counts(file), scratch)
            return tally

        return sum(in_threads(self.files, share), start=self._with(rows).empty())

    def known_values(self) -> set[str]:
        """All values of the breakdown that the files know."""
        count = self._with(EVERY_VALUE)

        def share(part: Iterable[StoredFile]) -> set[str]:
            return {value for file in part for value in values_of(self.partition(file), count)}

        return {value for values in in_threads(self.files, share) for value in values} - {self.missing}

    def entered_by_value(self) -> Counter[str]:
        """How many of the counted sessions have each value."""
        counts = self._counts(EVERY_VALUE)
        return summed(self.files, lambda file: entered_by_value(self.partition(file), counts(file)))

    def partition(self, file: StoredFile) -> Partition:
        return seen(self.loaded.get(file.path), self.count.clients)

    def count_in(self, file: StoredFile, rows: Rows | None) -> Count:
        return self._counts(rows)(file)

    def _with(self, rows: Rows | None) -> Count:
        return replace(self.count, rows=rows)

    def _counts(self, rows: Rows | None) -> Callable[[StoredFile], Count]:
        """The count as each file is asked: with the named sessions that lie in it."""
        count = self._with(rows)
        nobody = self._limited(count, ())

        def of(file: StoredFile) -> Count:
            ids = self.named.get((file.day, file.part))
            return self._limited(count, ids) if ids else nobody

        return of

    def _limited(self, count: Count, ids: Collection[str]) -> Count:
        blocked = {one: count.blocked[one] for one in ids if one in count.blocked}
        if count.labels is None:
            return replace(count, blocked=blocked)
        return replace(
            count, blocked=blocked, labels={one: count.labels[one] for one in ids if one in count.labels}
        )


def summed(files: Sequence[StoredFile], counted: Callable[[StoredFile], Counter[str]]) -> Counter[str]:
    def share(part: Iterable[StoredFile]) -> Counter[str]:
        found: Counter[str] = Counter()
        for file in part:
            found.update(counted(file))
        return found

    return sum(in_threads(files, share), start=Counter())


def in_threads(files: Sequence[StoredFile], share: Callable[[Iterable[StoredFile]], _Part]) -> list[_Part]:
    """What `share` says of the files that each thread takes, one at a time as it gets to them."""
    threads = min(MAX_THREADS, os.cpu_count() or 1, len(files))
    if threads < 2:
        return [share(files)] if files else []
    waiting = iter(files)
    with ThreadPoolExecutor(threads, thread_name_prefix="funnel") as pool:
        return list(pool.map(share, [waiting] * threads))
