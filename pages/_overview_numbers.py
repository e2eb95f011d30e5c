"""The four numbers of the Overview, and what stands in their place on a quiet day."""

import streamlit as st

from analytics.rates import FEWEST_ENTRIES
from analytics.views.realtime import ACTIVE_MINUTES, RealtimeView
from infra.access.roles import Person
from pages import _funnel_states, _states
from pages._words import count, days, percent, points

_ACTIVE_HELP = (
    "Sessions inside their window that have not converted, whenever they entered, with any event in the last "
    f"{ACTIVE_MINUTES} minutes."
)


def numbers(view: RealtimeView) -> None:
    """Entered, active, completion and blocked; completion against the day before at the same age."""
    enough = min(view.observed.of, view.before.of) >= FEWEST_ENTRIES
    delta = points(view.difference) if enough else None
    with st.grid(4, min_column_width=168, gap="small", key="numbers"):
        st.metric(
            "Entered in 24 hours",
            count(view.real_time.total_sessions),
            chart_data=[hour.entered for hour in view.hours],
            chart_type="area",
            border=True,
            height="stretch",
            help="By hour of entry, the oldest on the left.",
        )
        st.metric(
            "Active now",
            count(view.real_time.active_sessions),
            border=True,
            height="stretch",
            help=_ACTIVE_HELP,
        )
        st.metric(
            "Completed so far" if view.outcomes.open else "Completed",
            percent(view.observed.share),
            delta,
            delta_color="normal" if view.change in {"improving", "declining"} else "off",
            delta_description=f"vs the day before, {view.change}" if delta else None,
            chart_data=[hour.converted for hour in view.hours],
            chart_type="area",
            border=True,
            height="stretch",
            help=_completion_help(view),
        )
        st.metric(
            "Blocked",
            count(view.waiting_sessions),
            border=True,
            height="stretch",
            help="Sessions that stand still behind a task of ours that died, "
            f"of those who entered {advice_days(view)}.",
        )


def _completion_help(view: RealtimeView) -> str:
    rate, settled, before = view.observed, view.settled, view.before
    return (
        f"{count(rate.count)} of {count(rate.of)} who entered; 95% interval {percent(rate.low)} to "
        f"{percent(rate.high)}. Without the {count(view.outcomes.open)} still open: {percent(settled.share)} "
        f"({percent(settled.low)} to {percent(settled.high)}). The 24 hours before, as they stood when they "
        f"ended: {percent(before.share)} of {count(before.of)}."
    )


def quiet(view: RealtimeView, by: Person) -> None:
    """Nobody entered in the last 24 hours: when somebody last did, and the page over those days."""
    with st.container(border=True, key="card_quiet"):
        if view.advice_period is None:
            _states.state(
                "No session yet",
                f"Nobody has entered {view.title} so far. {_funnel_states.how_events_come(by)}",
            )
            _funnel_states.define_funnel(by)
        else:
            last = days(view.advice_period.last, view.advice_period.last).partition(" – ")[2]
            _states.state(
                "Nobody entered in the last 24 hours", f"The last sessions of {view.title} entered on {last}."
            )
            with st.container(horizontal=True, horizontal_alignment="center"):
                st.page_link(
                    "funnel.py",
                    label="Open the funnel over those days",
                    icon=":material/filter_alt:",
                    query_params={"funnel": st.session_state["funnel"]},
                )
        st.space("small")


def advice_days(view: RealtimeView) -> str:
    period = view.advice_period
    return days(period.first, period.last) if period else "so far"
