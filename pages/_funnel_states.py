"""What stands in a page's place when there is no funnel to draw, with the next step."""

from typing import NoReturn

import streamlit as st

from analytics import suggestions
from analytics.funnels import FunnelDefinition
from infra.access.roles import Permission, Person
from pages import _filters, _live, _period, _resources, _states
from pages._words import count

#: Event names that are said; the editor offers all.
_NAMED = 5


def no_definition(by: Person) -> NoReturn:
    with st.container(border=True, key="card_no_funnel"):
        _states.state("No funnel is defined yet", f"A funnel is a list of steps. {_who_defines(by)}")
        define_funnel(by)
        st.space("medium")
    st.stop()


def nothing_yet(by: Person, definition: FunnelDefinition) -> NoReturn:
    """The funnel's first step has never happened. The page looks again by itself."""
    first = " or ".join(definition.steps[0].events) or "any event"
    with st.container(border=True, key="card_nothing_yet"):
        _states.state(
            "No events yet",
            f"This funnel begins with {first}, which has not been seen so far. {how_events_come(by)}",
        )
        define_funnel(by)
        _live.watch(definition, None)
        st.space("medium")
    st.stop()


def how_events_come(by: Person) -> str:
    """What to do where a funnel has no events: define one of those that are there, or bring some in."""
    seen = [found.text for found in suggestions.events(_resources.funnels().reader)]
    if not seen:
        return "Events come from your code, over REST, or from a file: python -m analytics import FILE."
    if not by.may(Permission.MANAGE_SETTINGS):
        return f"Other events have been. {_who_defines(by)}"
    more = f" and {count(len(seen) - _NAMED)} more" if len(seen) > _NAMED else ""
    return f"Other events have been: {', '.join(seen[:_NAMED])}{more}. Define a funnel of them."


def define_funnel(by: Person) -> None:
    """The button that leads to the editor, for those who may use it."""
    if not by.may(Permission.MANAGE_SETTINGS):
        return
    with st.container(horizontal=True, horizontal_alignment="center"):
        if st.button("Define a funnel", icon=":material/add:", type="primary", key="define_funnel"):
            st.switch_page("settings.py")


def _who_defines(by: Person) -> str:
    if by.may(Permission.MANAGE_SETTINGS):
        return "Define one of the events that you have."
    return "Someone who may change the settings can define one."


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
