"""Segments as a table of intervals, and their curves of conversion over time."""

from collections.abc import Sequence
from html import escape
from typing import Any

import streamlit as st

from analytics.views.cohort_records import CohortsView, Segment, Versus
from pages._plot import Line, Plot, Point, plot, stairs, top_of
from pages._sessions import Links, linked
from pages._time_axis import TimeAxis
from pages._words import count, duration, percent

#: Of the largest segments; more lines cannot be told apart.
MOST_CURVES = 6


def segments(view: CohortsView, links: Links) -> None:
    """One row a segment: its settled rate with the interval on a common scale, and how far it lies off."""
    top = top_of([one.settled.high or 0.0 for one in view.segments])
    colours = _colours(view)
    body = "".join(_row(one, colours.get(one.value), top, links) for one in view.segments)
    against = "the reference" if view.reference is not None else "all others"
    heads = ("Segment", f"Settled rate, 0 to {top:.0%}", "Rate", f"Difference to {against}")
    head = "".join(f'<th scope="col">{escape(text)}</th>' for text in heads)
    st.html(f'<table class="cohorts"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>')


def selected(one: Segment) -> dict[str, Any]:
    """The fields of Selection that pick the sessions of the segment."""
    return {"value": one.value} if one.bin is None else {"bin": one.bin, "bins": "week"}


def _row(one: Segment, colour: int | None, top: float, links: Links) -> str:
    where = selected(one)
    entered = linked(f"{count(one.entered)} entered", links.to(**where))
    converted = linked(f"{count(one.converted)} converted", links.to(**where, outcome="converted"))
    still_open = ""
    if one.outcomes.open:
        still_open = " · " + linked(f"{count(one.outcomes.open)} open", links.to(**where, outcome="open"))
    swatch = '<i class="swatch"></i>' if colour is None else f'<i class="swatch s{colour}"></i>'
    head = f"{swatch}{escape(one.label)}<small>{entered} · {converted}{still_open}</small>"
    cells = (_interval(one, top), percent(one.settled.share), _versus(one.versus))
    return f'<tr><th scope="row">{head}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>'


def _interval(one: Segment, top: float) -> str:
    rate = one.settled
    if rate.share is None or rate.low is None or rate.high is None:
        return ""
    title = f"95%: {percent(rate.low)} to {percent(rate.high)}, of {count(rate.of)} settled sessions"
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
    colours = _colours(view)
    shown = [one for one in view.segments if one.value in colours]
    axis = TimeAxis.over([point for one in shown for point in one.curve.points])
    if axis is None:
        st.caption("Nobody has converted yet.")
        return
    top = top_of([point.share for one in shown for point in one.curve.points])
    plot(
        Plot(
            alt=f"Share converted over the time since entry, by {view.by_label}: {_halves(shown)}",
            top=top,
            marks=[(axis.left(mark), duration(mark)) for mark in axis.marks()],
            lines=[Line(_steps(one, axis, top), f"s{colours[one.value]}") for one in shown],
        )
    )
    legend = "".join(
        f'<li><i class="swatch s{colours[one.value]}"></i>{escape(one.label)}<small>{_half(one)}</small></li>'
        for one in shown
    )
    st.html(f'<ul class="plotlegend">{legend}</ul>')
    if axis.is_logarithmic:
        st.caption("The time axis is logarithmic.")


def _colours(view: CohortsView) -> dict[str, int]:
    """A colour for each of the largest segments, by value."""
    largest = sorted(view.segments, key=lambda one: -one.entered)[:MOST_CURVES]
    values = {one.value for one in largest}
    return {value: nth for nth, value in enumerate(one.value for one in view.segments if one.value in values)}


def _steps(one: Segment, axis: TimeAxis, top: float) -> list[Point]:
    return stairs([(axis.left(point.seconds), point.share / top) for point in one.curve.points])


def _half(one: Segment) -> str:
    median = one.curve.median_seconds
    return "does not get to half" if median is None else f"half after {duration(median)}"


def _halves(shown: Sequence[Segment]) -> str:
    return "; ".join(f"{one.label} {_half(one)}" for one in shown)
