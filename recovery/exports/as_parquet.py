"""Rows as Parquet, written to a stream: a row group is sent as soon as it is whole, the index comes last."""

from collections.abc import Generator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recovery.exports.table import Rows

#: Of one row group; the first of them that is reached ends it.
MOST_ROWS = 65_536
MOST_BYTES = 16 << 20


def parquet_blocks(rows: Rows) -> Generator[bytes, None, None]:
    """A block for each batch, empty until a row group is whole. A table without rows has its columns."""
    sent = _Sent()
    several: list[pa.RecordBatch] = []
    with pq.ParquetWriter(pa.PythonFile(sent, "w"), rows.schema, compression="zstd") as writer:
        for batch in rows.batches:
            several.append(batch)
            if _is_whole(several):
                _write(writer, several)
            yield sent.taken()
        _write(writer, several)
    yield sent.taken()


def _is_whole(several: list[pa.RecordBatch]) -> bool:
    rows, size = sum(len(one) for one in several), sum(one.nbytes for one in several)
    return rows >= MOST_ROWS or size >= MOST_BYTES


def _write(writer: pq.ParquetWriter, several: list[pa.RecordBatch]) -> None:
    if several:
        writer.write_table(pa.Table.from_batches(several), row_group_size=MOST_ROWS)
        several.clear()


class _Sent:
    """What was written since it was last taken: as much of a file as the writer needs."""

    closed = False

    def __init__(self) -> None:
        self._written = bytearray()

    def write(self, block: Any) -> int:
        self._written += block
        return len(block)

    def flush(self) -> None:
        """There is nothing below this."""

    def close(self) -> None:
        self.closed = True

    def taken(self) -> bytes:
        block, self._written = bytes(self._written), bytearray()
        return block
