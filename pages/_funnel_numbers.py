"""The line under the title and the four numbers of the Funnel page, each against the period before."""

from collections.abc import Sequence
from datetime import datetime
from typing import Literal

import streamlit as st

from analytics.cache import Answer
from analytics.rates import FEWEST_ENTRIES
from analytics.statistics.comparison import MOVED
from analytics.views.records import Changes, FunnelView
from pages._words import ago, change, count, days, duration, longer, percent, points

_NO_CHANGES = Changes(None, None, None, None, "too few to tell", None)


def subtitle(answer: Answer[FunnelView], now: datetime) -> str:
    """Which days, compared with which, and how fresh."""
    view = answer.view
    parts = [days(view.period.first, view.period.last)]
    if view.previous and view.previous.entered:
        parts.append(f"compared with the {view.period.days} days before")
    if answer.synced_at:
        parts.append(f"updated {ago(answer.synced_at, now)}")
    return " · ".join(parts)


def numbers(view: FunnelView) -> None:
    """Entered, conversion, converted and time to convert.

    While sessions are open, conversion is compared without them: it must not look like a drop. Neither must
    what chance explains: as on the Compare page, its arrow is grey.
    """
    enough = view.previous is not None and view.previous.entered >= FEWEST_ENTRIES
    changes = view.changes if view.changes and enough else _NO_CHANGES
    still_open = view.outcomes.open > 0
    with st.grid(4, min_column_width=168, gap="small", key="numbers"):
        entered = [point.entered for point in view.daily]
        _number("Entered", count(view.entered), change(changes.entered), entered)
        _number(
            "Conversion so far" if still_open else "Conversion",
            percent(view.observed.share),
            points(changes.settled_share),
            [point.share or 0.0 for point in view.daily],
            against="vs before, without open" if still_open else "vs before",
            delta_color="normal" if changes.trend in MOVED else "off",
            help=_conversion_help(view, changes),
        )
        converted = [point.converted for point in view.daily]
        _number("Converted", count(view.converted), change(changes.converted), converted)
        _number(
            "Median time to convert",
            duration(view.median_seconds),
            longer(changes.median_seconds),
            delta_color="inverse",
            help="From entry to the last step, over the sessions that made it. Within 1%.",
        )


def _number(
    label: str,
    value: str,
    delta: str | None,
    series: Sequence[float] = (),
    *,
    against: str = "vs before",
    delta_color: Literal["normal", "inverse", "off"] = "normal",
    help: str | None = None,  # noqa: A002 - the name that Streamlit gives it
) -> None:
    st.metric(
        label,
        value,
        delta,
        delta_color=delta_color,
        delta_description=against if delta else None,
        chart_data=series if len(series) > 1 else None,
        chart_type="area",
        border=True,
        height="stretch",
        help=help,
    )


def _conversion_help(view: FunnelView, changes: Changes) -> str:
    rate, settled = view.observed, view.settled
    by_chance = " The arrow is grey where chance may explain it." if changes.trend == "stable" else ""
    return (
        f"{count(rate.count)} of {count(rate.of)} sessions that entered; 95% interval {percent(rate.low)} "
        f"to {percent(rate.high)}. Without the {count(view.outcomes.open)} still open: "
        f"{percent(settled.share)}.{by_chance}"
    )
