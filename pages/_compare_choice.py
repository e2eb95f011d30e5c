"""With which days the Compare page compares, and by which dimension it explains; bound to the address."""

from datetime import date, timedelta

import streamlit as st

from analytics.funnels import FunnelDefinition
from analytics.span import FunnelSpan
from infra.access.roles import Person
from pages import _resources

BEFORE = "The period before"
OTHER_DAYS = "Other days"
NOTHING = "Nothing"


def other_days(available: FunnelSpan) -> tuple[date, date] | None:
    """The first and last day chosen; None is the equally long period just before."""
    chosen = st.selectbox(
        "Compared with",
        [BEFORE, OTHER_DAYS],
        key="against_days",
        bind="query-params",
        width=170,
    )
    if chosen == BEFORE:
        return None
    days = st.date_input(
        "Other days",
        (available.first, min(available.last, available.first + timedelta(days=27))),
        key="before",
        bind="query-params",
        width=230,
    )
    return (days[0], days[-1]) if isinstance(days, tuple) and days else (available.first, available.last)


def explained_by(by: Person, definition: FunnelDefinition) -> tuple[str, ...]:
    """The dimension whose mix is told from its rates, as a breakdown."""
    found = {choice.label: choice.property for choice in _resources.dimensions(by, definition)}
    declared = [one.label for one in definition.dimensions if one.label in found]
    options = [*declared, NOTHING, *(label for label in found if label not in declared)]
    # Another funnel has other dimensions: what was chosen for the one before is gone.
    if st.session_state.get("explained", options[0]) not in options:
        del st.session_state["explained"]
    chosen = st.selectbox(
        "Mix and rate by",
        options,
        key="explained",
        bind="query-params",
        width=170,
        help="Tells how much of the change comes from who entered, and how much from how well each kind did.",
    )
    return (found[chosen],) if chosen in found else ()
