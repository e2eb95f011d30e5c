"""Charts as HTML and CSS: they follow the theme switch at once, are lists and tables to a screen reader, and
fit any width. Everything that is not a number of ours is escaped here.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import streamlit as st

from analytics.rates import FEWEST_ENTRIES
from pages._sessions import linked
from pages._words import count, percent


@dataclass(frozen=True, slots=True)
class Bar:
    label: str
    reached: int
    share: float  #: of those who entered
    gone: int | None  #: stopped between this step and the next; None at the last
    loss: float | None  #: the same as a share of this step
    open: int  #: have not gone on, but still may
    previous_reached: int | None  #: in the period before
    previous_share: float | None
    address: str | None = None  #: of the sessions that reached it
    gone_address: str | None = None
    open_address: str | None = None


def funnel(bars: Sequence[Bar], label: str) -> None:
    """One bar a step, what was lost below it, and a tick where the period before stood."""
    st.html(f'<ol class="funnel" aria-label="{escape(label)}">{"".join(map(_bar, bars))}</ol>')


def _bar(bar: Bar) -> str:
    tick = drop = ""
    if bar.previous_share is not None:
        title = f"the period before: {count(bar.previous_reached)}, {percent(bar.previous_share)}"
        tick = f'<u style="left:calc({bar.previous_share:.2%} - 1px)" title="{title}"></u>'
    if bar.gone is not None and bar.loss is not None:
        stopped = (
            f"<em>↓ {percent(bar.loss)}</em>{linked(f'{count(bar.gone)} stopped here', bar.gone_address)}"
            if bar.gone
            else "Nobody stopped"
        )
        still = f" · {linked(f'{count(bar.open)} still open', bar.open_address)}" if bar.open else ""
        drop = f'<div class="drop">{stopped}{still}</div>'
    reached = linked(f"<b>{count(bar.reached)}</b>", bar.address)
    empty = "" if bar.reached else ' class="none"'
    return (
        f'<li><div class="row"><b>{escape(bar.label)}</b>'
        f'<span>{reached}<span class="share">{percent(bar.share)}</span></span></div>'
        f'<div class="bar"><i{empty} style="width:{bar.share:.2%}"></i>{tick}</div>{drop}</li>'
    )


@dataclass(frozen=True, slots=True)
class HeatRow:
    label: str
    entered: int
    settled: int  #: of these, those whose window has closed or who have arrived
    losses: tuple[float | None, ...]  #: share gone before each step but the first; None: nobody came
    addresses: tuple[str | None, ...]  #: of those sessions


def heat(columns: Sequence[str], rows: Sequence[HeatRow]) -> None:
    """A table of losses, darker where more are lost, the worst outlined; rows with few entries stay grey."""
    sure = [loss for row in rows if row.settled >= FEWEST_ENTRIES for loss in row.losses if loss is not None]
    low, high = (min(sure), max(sure)) if sure else (0.0, 1.0)
    head = "".join(f'<th scope="col">{escape(column)}</th>' for column in columns)
    body = "".join(_heat_row(row, columns, low, high) for row in rows)
    width = "<col>" * (len(columns) + 1)
    st.html(
        f'<table class="heat"><colgroup>{width}</colgroup><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{body}</tbody></table>"
    )


def _heat_row(row: HeatRow, columns: Sequence[str], low: float, high: float) -> str:
    cells = []
    for column, loss, address in zip(columns, row.losses, row.addresses, strict=True):
        if loss is None:
            cells.append('<td class="few">–</td>')
            continue
        title = f"{row.label}: {percent(loss)} of those at the step before stopped before {column}"
        few = row.settled < FEWEST_ENTRIES
        kind = "few" if few else "worst" if loss == high else ""
        depth = 0.0 if few or high == low else (loss - low) / (high - low)
        said = linked(f"{loss:.0%}", address)
        cells.append(f'<td class="{kind}" style="--p:{depth:.0%}" title="{escape(title)}">{said}</td>')
    head = f'<th scope="row">{escape(row.label)}<small>{count(row.entered)} entered</small></th>'
    return f"<tr>{head}{''.join(cells)}</tr>"


@dataclass(frozen=True, slots=True)
class Outcome:
    name: str
    meaning: str
    sessions: int
    share: float
    address: str | None = None


def outcomes(parts: Sequence[Outcome]) -> None:
    """Where all sessions that entered stand now, as one bar and its legend."""
    bar = "".join(
        f'<i style="width:{part.share:.2%};background:var(--{escape(part.name)})"></i>' for part in parts
    )
    legend = "".join(
        f'<i style="background:var(--{escape(part.name)})"></i>'
        f"<dt>{escape(part.name.capitalize())}<small>{escape(part.meaning)}</small></dt>"
        f"<dd>{linked(count(part.sessions), part.address)}</dd><dd>{percent(part.share)}</dd>"
        for part in parts
    )
    st.html(f'<div class="outcomes" aria-hidden="true">{bar}</div><dl class="legend">{legend}</dl>')


def facts(pairs: Sequence[tuple[str, str]]) -> None:
    body = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in pairs)
    st.html(f'<dl class="facts">{body}</dl>')


def timeline(entries: Sequence[tuple[str, str]]) -> None:
    """What happened, latest first: (what, when and who)."""
    body = "".join(f"<li>{escape(what)}<small>{escape(when)}</small></li>" for what, when in entries)
    st.html(f'<ol class="timeline">{body}</ol>')
