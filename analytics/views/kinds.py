"""A kind of view: its name, its record, and what makes it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from analytics.queries import Asked, Reader

Cell = str | int | float | None


class View(Protocol):
    """A frozen record of JSON-plain fields, nested records and tuples of them (see records.py)."""

    def to_rows(self) -> list[list[Cell]]:
        """A header and the numbers of the view, as a table and a CSV file show them."""


Record = TypeVar("Record", bound=View)


@dataclass(frozen=True, slots=True, eq=False)
class ViewKind(Generic[Record]):
    name: str  #: in the cache, on the command line
    record: type[Record]
    #: make(reader, asked, **options): options are keywords with JSON-plain values or frozen records of them.
    make: Callable[..., Record]

    def of(self, reader: Reader, asked: Asked, **options: Any) -> Record:
        return self.make(reader, asked, **options)
