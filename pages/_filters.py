"""The filters of a funnel. Each is bound to the address, so a link or a reload shows the same."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import streamlit as st

from analytics.choices import DimensionChoice
from analytics.funnels import FunnelDefinition
from analytics.question import Filter, Question
from infra.access.roles import Person
from pages import _breakdown_filters, _funnel_choice, _resources, _zone
from pages._address import tell_unknown
from pages._words import duration

WINDOWS = (3600, 86400, 7 * 86400, 14 * 86400, 30 * 86400, 90 * 86400, 365 * 86400)
ANY_SESSION = "All sessions"
MISSING = "(missing)"
_OF_ONE_FUNNEL = ("window", "by", "where")
_WINDOW_HELP = (
    "The longest time from entry to the last step. A session counts with its furthest chain of steps in "
    "order; other events may lie between. Entries of the period count up to the end of their window."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What the person wants to see."""

    definition: FunnelDefinition  #: with the chosen window
    question: Question


def asked(
    by: Person,
    definition: FunnelDefinition,
    days: tuple[date, date],
    *,
    breakdown: bool = True,
    attribution: bool = False,
) -> Asked:
    """The popover with window, breakdown and dimension filter, and the question they make.

    Without `breakdown` it is not offered: the page has a choice of its own. With `attribution` one may choose
    whose value counts, also such that a session is in several rows.
    """
    dimensions = {choice.label: choice for choice in _resources.dimensions(by, definition)}
    if _funnel_choice.has_changed():
        starting = (_window_label(definition), _breakdown_filters.first(definition, dimensions), ANY_SESSION)
        st.session_state.update(zip(_OF_ONE_FUNNEL, starting, strict=True))
    with st.popover(_summary(dimensions), icon=":material/tune:"):
        window = _window(definition)
        breaking = _breakdown_filters.dimensions(definition, dimensions) if breakdown else ()
        counts = _breakdown_filters.attribution(definition) if breaking and attribution else "session"
        where = _where(by, definition, dimensions)
        completions = _breakdown_filters.completions()
        zone = _zone.choose()
    question = Question.of_days(
        *days, zone=zone, where=where, breakdown=breaking, attribution=counts, completions=completions
    )
    return Asked(definition.within(window), question)


def _summary(dimensions: Mapping[str, DimensionChoice]) -> str:
    """What the filter lets through. Before the widgets have run once, the address knows it."""
    choice = dimensions.get(st.session_state.get("where") or st.query_params.get("where", ANY_SESSION))
    if choice is None:
        return ANY_SESSION
    key = _values_key(choice)
    values = st.session_state.get(key) or st.query_params.get_all(key)
    if not values:
        return ANY_SESSION
    return values[0] if len(values) == 1 else f"{choice.label}: {len(values)} values"


def _window_label(definition: FunnelDefinition) -> str:
    return duration(definition.window_seconds)


def _window(definition: FunnelDefinition) -> int:
    sizes = {duration(size): size for size in sorted({*WINDOWS, definition.window_seconds})}
    chosen = st.selectbox(
        "Window",
        list(sizes),
        index=list(sizes).index(_window_label(definition)),
        key="window",
        bind="query-params",
        help=_WINDOW_HELP,
    )
    return sizes[chosen]


def _where(
    by: Person, definition: FunnelDefinition, dimensions: Mapping[str, DimensionChoice]
) -> tuple[Filter, ...]:
    tell_unknown("where", [ANY_SESSION, *dimensions])
    chosen = st.selectbox("Only sessions with", [ANY_SESSION, *dimensions], key="where", bind="query-params")
    choice = dimensions.get(chosen)
    if choice is None:
        return ()
    values = [value or MISSING for value in _resources.values(by, definition, choice.property)]
    tell_unknown(_values_key(choice), values)
    picked = st.multiselect(
        choice.label,
        values,
        key=_values_key(choice),
        bind="query-params",
        placeholder="Any value",
    )
    if not picked:
        return ()
    return (Filter(choice.property, tuple("" if one == MISSING else one for one in picked)),)


def _values_key(choice: DimensionChoice) -> str:
    # One key for each dimension: a value picked for one must not stay picked for another.
    return f"is_{choice.property}"
