"""A table that can be exported: who may, what it is asked with, and its rows as batches of typed columns."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import chain

import pyarrow as pa
from sqlalchemy import Engine

from analytics.session_query import QUESTION_NAMES
from dlq.broker.watch import BrokerWatch
from dlq.redaction import Redactor
from infra.access.roles import Permission, Person
from recovery.exports.errors import UnknownParameter
from recovery.funnels import Funnels

#: The parameters of a list in REST, in the order in which they were given.
Pairs = list[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Sources:
    """What tables are read from."""

    engine: Engine
    funnels: Funnels
    redactor: Redactor
    watch: BrokerWatch
    clock: Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Rows:
    schema: pa.Schema
    batches: Iterator[pa.RecordBatch]  #: each of `schema`; to be read once

    def begun(self) -> "Rows":
        """The same with the first batch made, so that what cannot be asked is refused here and now."""
        first = next(self.batches, None)
        return self if first is None else Rows(self.schema, chain([first], self.batches))


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    name: str  #: on the command line, and in the name of the file
    title: str
    path: str  #: of the list in REST, from /api/v1 on; the files lie below it
    permission: Permission
    read: Callable[[Sources, Person, Pairs], Rows]
    parameters: Mapping[str, str] = field(default_factory=dict)  #: what it can be asked with: name -> meaning

    def rows(self, sources: Sources, by: Person, pairs: Pairs) -> Rows:
        """What this person sees of it. Raises AccessDenied, and as its list does for what cannot be asked."""
        by.require(self.permission)
        return self.read(sources, by, pairs).begun()

    def check_names(self, pairs: Pairs) -> None:
        """Raises UnknownParameter. A link may hold what others put there; a command has typing errors."""
        known = {*self.parameters, *(QUESTION_NAMES if "name" in self.parameters else ())}
        for name, _ in pairs:
            if name not in known:
                raise UnknownParameter(name, self.name, self.parameters)

    def file_name(self, pairs: Pairs) -> str:
        """Without an ending. Begins with the funnel where one was asked for."""
        funnel = dict(pairs).get("name", "")
        plain = "".join(one if one.isascii() and one.isalnum() else "-" for one in funnel)
        return f"{plain}-{self.name}" if plain else self.name
