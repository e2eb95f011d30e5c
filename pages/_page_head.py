"""The head of a page about one funnel: its title, and the choices that every such page begins with."""

from dataclasses import dataclass
from typing import Any

import streamlit as st

from analytics.span import FunnelSpan, span
from infra.access.roles import Person
from pages import _filters, _funnel_choice, _funnel_states, _live, _period, _resources


@dataclass(frozen=True, slots=True)
class Head:
    """Places to fill."""

    title: Any
    subtitle: Any
    controls: Any
    export: Any


def head(title: str = "") -> Head:
    """Without a title, the page fills it in once it knows the funnel."""
    with st.container(
        horizontal=True, horizontal_alignment="distribute", vertical_alignment="bottom", key="page_head"
    ):
        with st.container(width="content", gap=None):
            heading, subtitle = st.empty(), st.empty()
        controls = st.container(horizontal=True, width="content", vertical_alignment="bottom", gap="xsmall")
        with controls:
            inputs = st.container(horizontal=True, width="content", vertical_alignment="bottom", gap="xsmall")
            export = st.empty()
    if title:
        heading.title(title, anchor=False)
    return Head(heading, subtitle, inputs, export)


def asked(
    by: Person, head: Head, *, breakdown: bool = True, attribution: bool = False
) -> tuple[_filters.Asked, FunnelSpan]:
    """Funnel, filters and days as chosen. The page ends here, with the next step, when there is no funnel."""
    definitions = _resources.definitions()
    if not definitions:
        _funnel_states.no_definition(by)
    with head.controls:
        definition = _funnel_choice.choose(definitions)
    available = span(_resources.engine(), definition)
    if available is None:
        _funnel_states.nothing_yet(by, definition)
    with head.controls:
        days = _period.choose(available)
        chosen = _filters.asked(by, definition, days, breakdown=breakdown, attribution=attribution)
    _live.watch(definition, available)
    return chosen, available
