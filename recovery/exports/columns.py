"""Records and rows as typed columns."""

from collections.abc import Callable, Iterator, Mapping, Sequence
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


def schema_of(columns: Mapping[str, pa.DataType]) -> pa.Schema:
    return pa.schema(list(columns.items()))


def batch_of(schema: pa.Schema, records: Sequence[Any]) -> pa.RecordBatch:
    """The attributes of the records that the columns are named for."""
    columns = [
        pa.array([getattr(record, column.name) for record in records], column.type) for column in schema
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def rows_of_pages(
    schema: pa.Schema, page: Callable[[Cursor | None], tuple[Sequence[Any], Cursor | None]]
) -> Rows:
    """A list to its end, a batch for each page. `page` gives its records, and where the next begins."""

    def batches() -> Iterator[pa.RecordBatch]:
        records, following = page(None)
        yield batch_of(schema, records)
        while following is not None:
            records, following = page(following)
            yield batch_of(schema, records)

    return Rows(schema, batches())


def batch_of_rows(schema: pa.Schema, rows: Sequence[Sequence[Any]]) -> pa.RecordBatch:
    """Rows of plain values, days and moments among them as ISO 8601."""
    columns = [_typed([row[at] for row in rows], column.type) for at, column in enumerate(schema)]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _typed(cells: list[Any], kind: pa.DataType) -> pa.Array:
    return pa.array(cells, TEXT).cast(kind) if pa.types.is_temporal(kind) else pa.array(cells, kind)
