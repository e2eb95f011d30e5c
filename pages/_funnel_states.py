"""What stands in the Funnel page's place when there is no funnel to draw. The page ends with each of them."""

from typing import NoReturn

import streamlit as st

from analytics.funnels import FunnelDefinition
from pages import _filters, _live, _period, _states


def no_definition() -> NoReturn:
    with st.container(border=True, key="card_no_funnel"):
        _states.state(
            "No funnel is defined yet", "Save one on the command line: python -m analytics define FILE"
        )
        st.space("medium")
    st.stop()


def nothing_yet(definition: FunnelDefinition) -> NoReturn:
    """The funnel's first step has never happened. The page looks again by itself."""
    first = " or ".join(definition.steps[0].events)
    with st.container(border=True, key="card_nothing_yet"):
        _states.state("No events yet", f"This funnel begins with {first}, which has not been seen so far.")
        _live.watch(definition, None)
        st.space("medium")
    st.stop()


def nobody() -> NoReturn:
    """Nobody entered under these filters."""
    with st.container(border=True, key="card_nobody"):
        _states.state("Nobody entered with these filters", "Other days, or all sessions, may have some.")
        with st.container(horizontal=True, horizontal_alignment="center"):
            st.button("Show everything", type="primary", on_click=_show_everything, key="show_everything")
        st.space("medium")
    st.stop()


def _show_everything() -> None:
    st.session_state["period"] = _period.ALL
    st.session_state["where"] = _filters.ANY_SESSION
