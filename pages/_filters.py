"""The filters of the Funnel page. Each is bound to the address, so a link or a reload shows the same."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

import streamlit as st

from analytics.choices import DimensionChoice
from analytics.funnels import FunnelDefinition
from analytics.question import Filter, Question
from pages import _resources

WINDOWS = {
    "1 hour": 3600,
    "1 day": 86400,
    "7 days": 7 * 86400,
    "14 days": 14 * 86400,
    "30 days": 30 * 86400,
    "90 days": 90 * 86400,
    "365 days": 365 * 86400,
}
ANY_SESSION = "All sessions"
NO_BREAKDOWN = "None"
MISSING = "(missing)"
_WINDOW_HELP = (
    "The longest time from entry to the last step. A session counts with its furthest chain of steps in "
    "order; other events may lie between. Entries of the period count up to the end of their window."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person wants to see."""

    definition: FunnelDefinition  #: with the chosen window
    question: Question
    dimensions: tuple[DimensionChoice, ...]


def funnel(definitions: Sequence[FunnelDefinition]) -> FunnelDefinition:
    saved = {one.title or one.name: one for one in definitions}
    title = st.selectbox(
        "Funnel",
        sorted(saved),
        key="funnel",
        bind="query-params",
        label_visibility="collapsed",
        width=190,
    )
    return saved[title]


def asked(definition: FunnelDefinition, days: tuple[date, date]) -> Asked:
    """The popover with window, breakdown and dimension filter, and the question they make."""
    dimensions = tuple(_resources.dimensions(definition))
    with st.popover(_summary(), icon=":material/tune:"):
        window = _window(definition)
        by = _breakdown(definition, dimensions)
        where = _where(definition, dimensions)
    question = Question.of_days(*days, where=where, breakdown=by)
    return Asked(replace(definition, window_seconds=window), question, dimensions)


def _summary() -> str:
    chosen = st.session_state.get("where", ANY_SESSION)
    values = st.session_state.get("values") or []
    if chosen == ANY_SESSION or not values:
        return ANY_SESSION
    return values[0] if len(values) == 1 else f"{chosen}: {len(values)} values"


def _window(definition: FunnelDefinition) -> int:
    own = next((name for name, size in WINDOWS.items() if size == definition.window_seconds), None)
    names = list(WINDOWS)
    chosen = st.selectbox(
        "Window",
        names,
        index=names.index(own or "14 days"),
        key="window",
        bind="query-params",
        help=_WINDOW_HELP,
    )
    return WINDOWS[chosen]


def _breakdown(definition: FunnelDefinition, dimensions: tuple[DimensionChoice, ...]) -> str | None:
    labels = {dimension.label: dimension.property for dimension in dimensions}
    own = {dimension.property for dimension in definition.dimensions}
    declared = [label for label, name in labels.items() if name in own]
    options = [NO_BREAKDOWN, *labels]
    chosen = st.selectbox(
        "Break down by",
        options,
        index=options.index(declared[0]) if declared else 0,
        key="by",
        bind="query-params",
        help="By the first value that a session has. Of many values the most frequent are shown.",
    )
    return labels.get(chosen)


def _where(definition: FunnelDefinition, dimensions: tuple[DimensionChoice, ...]) -> tuple[Filter, ...]:
    labels = {dimension.label: dimension.property for dimension in dimensions}
    chosen = st.selectbox("Only sessions with", [ANY_SESSION, *labels], key="where", bind="query-params")
    if chosen not in labels:
        return ()
    values = _resources.values(definition, labels[chosen])
    picked = st.multiselect(
        chosen,
        [value or MISSING for value in values],
        key="values",
        bind="query-params",
        placeholder="Any value",
    )
    if not picked:
        return ()
    return (Filter(labels[chosen], tuple("" if one == MISSING else one for one in picked)),)
