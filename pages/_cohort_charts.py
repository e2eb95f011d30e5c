"""Segments as a table of intervals, and their curves of conversion over time."""

import math
from collections.abc import Sequence
from html import escape

import streamlit as st

from analytics.views.cohort_records import CohortsView, Segment, Versus
from pages._plot import Line, Plot, Point, plot, stairs, top_of
from pages._sessions import Links, linked
from pages._words import count, duration, percent

#: Of the largest segments; more lines cannot be told apart.
MOST_CURVES = 6
_HOUR, _DAY = 3600, 86400
_MARKS = (1, 10, 60, 600, _HOUR, 6 * _HOUR, _DAY, *(days * _DAY for days in (3, 7, 14, 30, 90, 365)))
_MOST_MARKS = 6


def segments(view: CohortsView, links: Links) -> None:
    """One row a segment: its settled rate with the interval on a common scale, and how far it lies off."""
    top = top_of([one.settled.high or 0.0 for one in view.segments])
    body = "".join(_row(nth, one, top, links) for nth, one in enumerate(view.segments))
    against = "the reference" if view.reference is not None else "all others"
    heads = ("Segment", f"Settled rate, 0 to {top:.0%}", "Rate", f"Difference to {against}")
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    st.html(f'<table class="cohorts"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def _row(nth: int, one: Segment, top: float, links: Links) -> str:
    where = {"value": one.value} if one.bin is None else {"bin": one.bin, "bins": "week"}
    entered = linked(f"{count(one.entered)} entered", links.to(**where))
    converted = linked(f"{count(one.converted)} converted", links.to(**where, outcome="converted"))
    still_open = ""
    if one.outcomes.open:
        still_open = " · " + linked(f"{count(one.outcomes.open)} open", links.to(**where, outcome="open"))
    swatch = f'<i class="swatch s{nth}"></i>' if nth < MOST_CURVES else '<i class="swatch"></i>'
    head = f"{swatch}{escape(one.label)}<small>{entered} · {converted}{still_open}</small>"
    cells = (_interval(one, top), percent(one.settled.share), _versus(one.versus))
    return f'<tr><th scope="row">{head}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _interval(one: Segment, top: float) -> str:
    rate = one.settled
    if rate.share is None or rate.low is None or rate.high is None:
        return ""
    title = f"95 %: {percent(rate.low)} to {percent(rate.high)}, of {count(rate.of)} settled sessions"
    reach = f"left:{rate.low / top:.2%};width:{(rate.high - rate.low) / top:.2%}"
    return (
        f'<div class="range" title="{title}"><i style="{reach}"></i>'
        f'<u style="left:{rate.share / top:.2%}"></u></div>'
    )


def _versus(versus: Versus | None) -> str:
    if versus is None:
        return "<small>–</small>"
    if versus.difference is None or versus.low is None or versus.high is None:
        return f"<small>{versus.verdict}</small>"
    kind = {"different": " more" if versus.difference > 0 else " less"}.get(versus.verdict, "")
    between = f"{versus.low * 100:+.1f} to {versus.high * 100:+.1f}"
    lead = f'<b class="off{kind}">{versus.difference * 100:+.1f} pp</b>'
    return f"{lead}<small>{between}</small><small>{versus.verdict}</small>"


def curves(view: CohortsView) -> None:
    """The share converted so long after entry, one line for each of the largest segments."""
    shown = view.segments[:MOST_CURVES]
    times = [point.seconds for one in shown for point in one.curve.points if point.seconds > 0]
    if not times:
        st.caption("Nobody has converted yet.")
        return
    first, last = min(times), max(*times, 2 * min(times))
    top = top_of([point.share for one in shown for point in one.curve.points])
    plot(
        Plot(
            alt=f"Share converted over the time since entry, by {view.by_label}: {_halves(shown)}",
            top=top,
            marks=[(_left(mark, first, last), duration(mark)) for mark in _marks(first, last)],
            lines=[Line(_steps(one, first, last, top), f"s{nth}") for nth, one in enumerate(shown)],
        )
    )
    legend = "".join(
        f'<li><i class="swatch s{nth}"></i>{escape(one.label)}<small>{_half(one)}</small></li>'
        for nth, one in enumerate(shown)
    )
    st.html(f'<ul class="plotlegend">{legend}</ul>')


def _steps(one: Segment, first: float, last: float, top: float) -> list[Point]:
    points = [(_left(point.seconds, first, last), point.share / top) for point in one.curve.points]
    return stairs(points)


def _left(seconds: float, first: float, last: float) -> float:
    """The time axis is logarithmic: flows have minutes and weeks in one picture."""
    return math.log(max(seconds, first) / first) / math.log(last / first)


def _marks(first: float, last: float) -> list[int]:
    inside = [mark for mark in _MARKS if first <= mark <= last]
    return inside[:: -(-len(inside) // _MOST_MARKS) or 1]


def _half(one: Segment) -> str:
    median = one.curve.median_seconds
    return "does not get to half" if median is None else f"half after {duration(median)}"


def _halves(shown: Sequence[Segment]) -> str:
    return "; ".join(f"{one.label} {_half(one)}" for one in shown)
