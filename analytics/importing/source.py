"""Where rows come from. Every source yields `Row`s in a fixed order and says how far it has come.

A row that cannot even be read carries a `problem`; the rest of the source goes on. A source that cannot be
used at all raises SourceUnusable.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol


class Row(NamedTuple):
    line: int  #: from 1; of the first line when a record spans several
    values: Mapping[str, Any]
    text: str | None  #: as it stands in the source; None: `values` says it all
    problem: str | None = None
    is_clean: bool = False  #: no text in `values` can hold a NUL or half a surrogate pair


class Source(Protocol):
    label: str  #: what people call it, and imports.latest finds it by; of a file its name
    columns: list[str] | None  #: None when every row names its own

    def rows(self) -> Iterator[Row]: ...

    def share_read(self) -> float | None:
        """From 0 to 1; None when unknown."""
