"""Cells of a CSV that people open in a spreadsheet, which runs text that begins like a formula."""

Cell = str | int | float | None
_BEGINS_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def inert(cell: Cell) -> Cell:
    """The cell, with an apostrophe before text that a spreadsheet would run. Numbers stay numbers."""
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_BEGINS_FORMULA) else cell
