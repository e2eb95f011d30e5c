"""A reader of a small world in memory: as `Reader`, without PostgreSQL and files."""

from collections.abc import Iterable

from analytics.catalogue import Catalogue
from analytics.counting import Count
from analytics.queries import Asked, FunnelResult, Reader, _answer
from tests.analytics.worlds import Event, at, partition
from tests.counted import _sweep


class SmallStore(Reader):
    """Answers questions that have both ends of their range."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.partition = partition(events)

    def ask(self, asked: Asked) -> FunnelResult:
        count = Count(
            asked.definition,
            asked.question,
            asked.now,
            None,
            asked.blocked,
            asked.labels,
            asked.binned(asked.question),
        )
        return _answer(_sweep(count, [self.partition]), Catalogue(1, asked.now, ()))


def sessions(
    prefix: str, names: str, number: int, *, day: float = 0, apart: float = 60, **properties: str
) -> list[Event]:
    """So many sessions that do `names` in order, `apart` seconds apart, so many days after START."""
    return [
        at(day * 86400 + nth * apart, f"{prefix} {one}", name, **properties)
        for one in range(number)
        for nth, name in enumerate(names)
    ]
