"""A reader over events in memory: what a view says of them, without a database or files."""

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from analytics import choices
from analytics.catalogue import Catalogue, StoredFile
from analytics.columns import profile
from analytics.partition import Partition
from analytics.queries import Reader
from tests.analytics.worlds import Event, at, table

_PLACE = (dt.date(2024, 1, 10), 0)


class InMemory(Reader):
    """Answers as a Reader whose store holds one file with these events."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.version = 1
        self.hold(events)

    def hold(self, events: Iterable[Event]) -> None:
        written = table(events)
        partition = Partition.of_table(written)
        self._profile = profile(written)
        at_ms = partition.at_ms
        first, last = (int(at_ms.min()), int(at_ms.max())) if len(at_ms) else (0, 0)
        self._file = StoredFile("", *_PLACE, len(at_ms), partition.sessions, first, last)
        self._loaded: Any = _Held(partition)

    def remembered(self, key: Any, compute: Any) -> Any:
        return self._dimensions() if key == "dimensions" else compute()

    def _listed(self) -> Catalogue:
        return Catalogue(self.version, None, (self._file,))

    def _places(self, session_ids: Sequence[str]) -> dict[tuple[dt.date, int], list[str]]:
        return {_PLACE: list(session_ids)}

    def _dimensions(self) -> Mapping[str, Any]:
        found: dict[str, choices._Found] = {}
        for name, dimension in self._profile["dimensions"].items():
            found.setdefault(name, choices._Found()).add(dimension)
        return found


class _Held:
    def __init__(self, partition: Partition) -> None:
        self._partition = partition

    def get(self, _path: str) -> Partition:
        return self._partition

    def keep_only(self, _files: Sequence[StoredFile]) -> None:
        pass


def sessions(
    prefix: str, names: str, number: int, *, day: float = 0, apart: float = 60, **properties: str
) -> list[Event]:
    """So many sessions that do `names` in order, `apart` seconds apart, so many days after START."""
    return [
        at(day * 86400 + nth * apart, f"{prefix} {one}", name, **properties)
        for one in range(number)
        for nth, name in enumerate(names)
    ]
