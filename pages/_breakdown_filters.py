"""Whose value counts in a breakdown, and how long completions count; bound to the address."""

import streamlit as st

from analytics.funnels import FunnelDefinition

_ATTRIBUTIONS = {
    "The session's first value": "session",
    "First touch": "first_touch",
    "Last touch": "last_touch",
    "Every value, on its own events": "all_events",
}
_ATTRIBUTION_HELP = (
    "The session's first value is its first non-empty one. First and last touch look only at events that can "
    "serve a step. With every value, or the value at a step, a session is in a row for each of its values."
)
_COMPLETIONS = {"To the end of their window": "within_window", "To the end of the period": "within_range"}
_COMPLETIONS_HELP = (
    "The period selects entries. Later steps count to the end of the window, even past the end of the "
    "period, unless they are cut off there."
)


def attribution(definition: FunnelDefinition) -> str:
    steps = definition.steps[:1] if definition.order == "unordered" else definition.steps
    at_steps = {f"Value at {step.label}": f"step_{number}" for number, step in enumerate(steps)}
    options = _ATTRIBUTIONS | at_steps
    chosen = st.selectbox(
        "Whose value counts", list(options), key="value_of", bind="query-params", help=_ATTRIBUTION_HELP
    )
    return options[chosen]


def completions() -> str:
    chosen = st.selectbox(
        "Count completions",
        list(_COMPLETIONS),
        key="completions",
        bind="query-params",
        help=_COMPLETIONS_HELP,
    )
    return _COMPLETIONS[chosen]
