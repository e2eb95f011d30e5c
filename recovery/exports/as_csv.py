"""Rows as CSV, a block for each batch."""

from collections.abc import Generator

from analytics.spreadsheet import csv_lines, head
from recovery.exports.table import Rows


def csv_blocks(rows: Rows) -> Generator[bytes, None, None]:
    """The head, then the lines of each batch; none of a batch without rows."""
    yield csv_lines(head(rows.schema.names))
    for batch in rows.batches:
        yield csv_lines(batch.columns)
