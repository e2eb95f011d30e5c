"""The line under the title and the four numbers of the Funnel page, each against the period before."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import streamlit as st

from analytics.views import FunnelView
from pages._words import ago, count, days, duration, percent, points


def subtitle(view: FunnelView, now: datetime) -> str:
    """Which days, compared with which, and how fresh."""
    parts = [days(view.period.first, view.period.last)]
    if view.previous and view.previous.entered:
        parts.append(f"compared with the {view.period.days} days before")
    if view.synced_at:
        parts.append(f"updated {ago(view.synced_at, now)}")
    return " · ".join(parts)


def numbers(view: FunnelView) -> None:
    """Entered, conversion, converted and time to convert."""
    before = view.previous if view.previous and view.previous.entered else None
    entered = [point.entered for point in view.daily]
    converted = [point.converted for point in view.daily]
    rates = [arrived / of if of else 0.0 for arrived, of in zip(converted, entered, strict=True)]
    with st.grid(4, min_column_width=168, gap="small", key="numbers"):
        _number("Entered", count(view.entered), _change(view.entered, before and before.entered), entered)
        _number(
            "Conversion",
            percent(view.observed.share),
            points(view.observed.share, before and before.observed.share),
            rates,
            help=_conversion_help(view),
        )
        change = _change(view.converted, before and before.converted)
        _number("Converted", count(view.converted), change, converted)
        _number(
            "Median time to convert",
            duration(view.median_seconds),
            _longer(view.median_seconds, before and before.median_seconds),
            delta_color="inverse",
            help="From entry to the last step, over the sessions that made it. Within 1 %.",
        )


def _number(
    label: str,
    value: str,
    delta: str | None,
    series: Sequence[float] = (),
    *,
    delta_color: Literal["normal", "inverse"] = "normal",
    help: str | None = None,  # noqa: A002 - the name that Streamlit gives it
) -> None:
    st.metric(
        label,
        value,
        delta,
        delta_color=delta_color,
        delta_description="vs before" if delta else None,
        chart_data=series if len(series) > 1 else None,
        chart_type="area",
        border=True,
        height="stretch",
        help=help,
    )


def _conversion_help(view: FunnelView) -> str:
    rate, settled = view.observed, view.settled
    return (
        f"{count(rate.count)} of {count(rate.of)} sessions that entered; 95 % interval {percent(rate.low)} "
        f"to {percent(rate.high)}. Without the {count(view.outcomes.open)} still open: "
        f"{percent(settled.share)}."
    )


def _change(now: int, before: int | None) -> str | None:
    return f"{now / before - 1:.1%}" if before else None


def _longer(now: float | None, before: float | None) -> str | None:
    if now is None or before is None:
        return None
    return f"{'-' if now < before else ''}{duration(abs(now - before))}"
