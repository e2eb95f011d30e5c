"""The breakdown, whose value counts in it, and how long completions count; bound to the address."""

from collections.abc import Mapping

import streamlit as st

from analytics.choices import DimensionChoice
from analytics.funnels import FunnelDefinition
from pages._address import tell_unknown

NO_BREAKDOWN = "None"

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


def first(definition: FunnelDefinition, offered: Mapping[str, DimensionChoice]) -> str:
    declared = (one.label for one in definition.dimensions if one.label in offered)
    return next(declared, NO_BREAKDOWN)


def dimensions(definition: FunnelDefinition, offered: Mapping[str, DimensionChoice]) -> tuple[str, ...]:
    options = [NO_BREAKDOWN, *offered]
    tell_unknown("by", options)
    chosen = st.selectbox(
        "Break down by",
        options,
        index=options.index(first(definition, offered)),
        key="by",
        bind="query-params",
        help="By the first value that a session has. Of many values the most frequent are shown.",
    )
    if chosen not in offered:
        return ()
    others = [NO_BREAKDOWN, *(label for label in offered if label != chosen)]
    second = st.selectbox("and by", others, key="and_by", bind="query-params")
    return tuple(offered[label].property for label in (chosen, second) if label in offered)


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
