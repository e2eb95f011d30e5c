"""Records as typed columns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, TypeVar

import pyarrow as pa

from recovery.exports.table import Rows

TEXT = pa.string()
WHOLE = pa.int64()
NUMBER = pa.float64()
TRUTH = pa.bool_()
DAY = pa.date32()
MOMENT = pa.timestamp("us", "UTC")

Cursor = TypeVar("Cursor")


class Columns:
    """The columns that records of one kind have in a file: name -> type, or type and how a record tells it.

    Without a way of its own a column is the attribute of its name.
    """

    def __init__(self, columns: Mapping[str, pa.DataType | tuple[pa.DataType, Callable[[Any], Any]]]) -> None:
        told = {
            name: column if isinstance(column, tuple) else (column, attrgetter(name))
            for name, column in columns.items()
        }
        self.schema = pa.schema([(name, kind) for name, (kind, _) in told.items()])
        self._cells = [cell for _, cell in told.values()]

    def batch(self, records: Sequence[Any]) -> pa.RecordBatch:
        columns = [
            pa.array([cell(record) for record in records], column.type)
            for cell, column in zip(self._cells, self.schema, strict=True)
        ]
        return pa.RecordBatch.from_arrays(columns, schema=self.schema)

    def whole(self, records: Sequence[Any]) -> Rows:
        """A list that is short enough to be one batch."""
        return Rows(self.schema, iter([self.batch(records)]))

    def paged(self, page: Callable[[Cursor | None], tuple[Sequence[Any], Cursor | None]]) -> Rows:
        """A list to its end, a batch for each page. `page` gives its records, and where the next begins."""

        def batches() -> Iterator[pa.RecordBatch]:
            records, following = page(None)
            yield self.batch(records)
            while following is not None:
                records, following = page(following)
                yield self.batch(records)

        return Rows(self.schema, batches())
