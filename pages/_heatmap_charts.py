"""Heat maps as HTML tables whose cells lead to their sessions. What is no number of ours is escaped here."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from pages._sessions import linked
from pages._words import count, percent


@dataclass(frozen=True, slots=True)
class Cell:
    said: str
    share: float | None  #: None: nobody came
    is_few: bool
    is_outlined: bool
    title: str
    address: str | None


@dataclass(frozen=True, slots=True)
class Row:
    label: str
    note: str
    cells: tuple[Cell, ...]


def heat(columns: Sequence[str], rows: Sequence[Row], label: str, *, is_dense: bool = False) -> None:
    """Darker where a larger share is lost; cells with too few stay grey."""
    sure = [cell.share for row in rows for cell in row.cells if cell.share is not None and not cell.is_few]
    low, high = (min(sure), max(sure)) if sure else (0.0, 1.0)
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(_row(row, low, high) for row in rows)
    kind = "heat dropoff dense" if is_dense else "heat dropoff"
    st.html(
        f'<div class="heatscroll"><table class="{kind}" aria-label="{escape(label)}">'
        f"<colgroup>{'<col>' * (len(columns) + 1)}</colgroup>"
        f"<thead><tr><td></td>{head}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _row(row: Row, low: float, high: float) -> str:
    note = f"<small>{escape(row.note)}</small>" if row.note else ""
    cells = "".join(_cell(cell, low, high) for cell in row.cells)
    return f'<tr><th scope="row">{escape(row.label)}{note}</th>{cells}</tr>'


def _cell(cell: Cell, low: float, high: float) -> str:
    if cell.share is None:
        return f'<td class="few" title="{escape(cell.title)}"></td>'
    kind = "few" if cell.is_few else "worst" if cell.is_outlined else ""
    depth = 0.0 if cell.is_few or high == low else (cell.share - low) / (high - low)
    said = linked(escape(cell.said), cell.address)
    return f'<td class="{kind}" style="--p:{depth:.0%}" title="{escape(cell.title)}">{said}</td>'


@dataclass(frozen=True, slots=True)
class Ranked:
    text: str
    sessions: int
    share: float | None
    low: float | None
    high: float | None
    note: str
    address: str | None


def ranking(entries: Sequence[Ranked]) -> None:
    """Reasons with a bar for their share, and how sure it is."""
    st.html(f'<ol class="reasons">{"".join(map(_ranked, entries))}</ol>')


def _ranked(entry: Ranked) -> str:
    sessions = linked(f"<b>{count(entry.sessions)}</b>", entry.address)
    interval = f"95% interval {percent(entry.low)} to {percent(entry.high)}"
    note = f"<small>{escape(entry.note)}</small>" if entry.note else ""
    return (
        f'<li><div class="row"><span>{escape(entry.text)}{note}</span>'
        f'<span class="number" title="{escape(interval)}">{sessions}'
        f'<span class="share">{percent(entry.share)}</span></span></div>'
        f'<div class="bar"><i style="width:{entry.share or 0:.2%}"></i></div></li>'
    )
