"""Which segments the Cohorts page compares, and with what; bound to the address."""

import streamlit as st

from analytics.funnels import FunnelDefinition
from analytics.views.cohorts import ENTRY_WEEK
from infra.access.roles import Person
from pages import _resources
from pages._filters import MISSING

WEEKS = "Entry week"
ALL_OTHERS = "All others"
_HELP = (
    "Any property of the session, or the week of entry. First-time and returning people are told apart by a "
    "property that says so, such as first_time; without one in the events they cannot be."
)


def dimension(by: Person, definition: FunnelDefinition) -> str:
    """The property, or ENTRY_WEEK."""
    found = {choice.label: choice.property for choice in _resources.dimensions(by, definition)}
    declared = [one.label for one in definition.dimensions if one.label in found]
    options = [*declared, WEEKS, *(label for label in found if label not in declared)]
    chosen = _chosen("Compare by", options, key="cohort", text=_HELP)
    return found.get(chosen, ENTRY_WEEK)


def reference(by: Person, definition: FunnelDefinition, property_: str) -> str | None:
    """The value to compare all others with; None for each against all others."""
    if property_ == ENTRY_WEEK:
        return None
    labels = {value or MISSING: value for value in _resources.values(by, definition, property_)}
    text = "What each segment is tested against: all other sessions together, or one segment."
    return labels.get(_chosen("Against", [ALL_OTHERS, *labels], key="against", text=text))


def _chosen(label: str, options: list[str], *, key: str, text: str) -> str:
    # Another funnel or dimension has other options: what was chosen before is gone.
    if st.session_state.get(key, options[0]) not in options:
        del st.session_state[key]
    return st.selectbox(label, options, key=key, bind="query-params", help=text, width=170)
