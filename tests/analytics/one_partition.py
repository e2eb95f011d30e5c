"""A reader over events in memory: what a view says of them, without a database."""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from types import SimpleNamespace
from typing import Any

from analytics import choices, queries
from analytics.catalogue import Catalogue, StoredFile
from analytics.columns import profile
from analytics.counting import Count, chains
from analytics.partition import Partition
from analytics.queries import Asked, FileChains, FunnelResult, Reader, bounded
from analytics.sweep import Sweep
from tests.analytics.worlds import Event, table

_PLACE = (dt.date(2024, 1, 10), 0)


class InMemory(Reader):
    """Answers as a Reader whose store holds one file with these events."""

    def __init__(self, events: Iterable[Event]) -> None:
        written = table(events)
        self._partition = Partition.of_table(written)
        self._profile = profile(written)
        at_ms = self._partition.at_ms
        file = StoredFile(
            "", *_PLACE, len(at_ms), self._partition.sessions, int(at_ms.min()), int(at_ms.max())
        )
        self._catalogue = Catalogue(1, None, (file,))

    def ask(self, asked: Asked) -> FunnelResult:
        return queries._answer(self._sweep_of(asked), self._catalogue)

    def chains(self, asked: Asked, **_: Any) -> Iterator[FileChains]:
        sweep = self._sweep_of(asked)
        rows = sweep.ranked(sweep.entered_by_value()) if sweep.is_broken_down else None
        count = sweep.count_in(self._catalogue.files[0], rows)
        yield FileChains(self._catalogue.files[0], rows, chains(self._partition, count))

    def remembered(self, key: Any, compute: Any) -> Any:
        return self._dimensions() if key == "dimensions" else compute()

    def _dimensions(self) -> Mapping[str, Any]:
        found: dict[str, choices._Found] = {}
        for name, dimension in self._profile["dimensions"].items():
            found.setdefault(name, choices._Found()).add(dimension)
        return found

    def _sweep_of(self, asked: Asked) -> Sweep:
        question = bounded(asked.question, self._catalogue)
        when = asked.binned(question)
        count = Count(asked.definition, question, asked.now, None, asked.blocked, asked.labels, when)
        loaded: Any = SimpleNamespace(get=lambda _: self._partition)
        named = {_PLACE: [*asked.blocked, *(asked.labels or {})]}
        return Sweep(count, self._catalogue.files, loaded, named)
