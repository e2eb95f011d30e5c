"""Cells of a CSV that people open in a spreadsheet, which runs text that begins like a formula."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice

Cell = str | int | float | None
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def inert(cell: Cell) -> Cell:
    """The cell, with an apostrophe before text that a spreadsheet would run. Numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_BEGINS_FORMULA) else cell


def csv_blocks(rows: Iterable[Sequence[Cell]], *, rows_in_block: int = 1000) -> Iterator[str]:
    """The rows as CSV text, block after block, with nothing that a spreadsheet would run."""
    rest = iter(rows)
    while block := list(islice(rest, rows_in_block)):
        text = io.StringIO()
        csv.writer(text).writerows([inert(cell) for cell in row] for row in block)
        yield text.getvalue()
