"""The property filters of a step or an exclusion: property, operator, values, suggested from real events."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import streamlit as st

from analytics import suggestions
from analytics.conditions import OPERATORS
from analytics.drafts import Draft, DraftCondition
from analytics.suggestions import Suggestion
from pages import _definition_drafts, _resources
from pages import _definition_words as words
from pages._definition_fields import Fields


def edit(
    slot: str, owner: str, where: Sequence[DraftCondition], events: Sequence[str], field: str, fields: Fields
) -> tuple[DraftCondition, ...]:
    """The filters of the row `owner`, whose events they narrow; what they say now."""
    edited = tuple(_condition(slot, owner, condition, events, field, fields) for condition in where)
    fields.place(f"{field}.where")
    return edited


def add_button(slot: str, owner: str) -> None:
    st.button(
        "Add filter",
        icon=":material/add:",
        type="tertiary",
        key=f"{owner}_add_filter",
        help=words.FILTERS,
        on_click=_definition_drafts.change,
        args=(slot, partial(Draft.with_condition, key=owner)),
    )


def _condition(
    slot: str, owner: str, condition: DraftCondition, events: Sequence[str], field: str, fields: Fields
) -> DraftCondition:
    with st.container(key=f"dfn_filter_{condition.key}", gap=None):
        left, middle, right, end = st.columns([3, 2, 3, 1.8], gap="small", vertical_alignment="center")
        with left:
            condition = replace(condition, property=_property(condition, events))
        with middle:
            condition = replace(condition, operator=_operator(condition))
        with right:
            condition = replace(condition, values=_values(condition, events))
        with end:
            st.button(
                "Remove",
                icon=":material/close:",
                type="tertiary",
                key=f"{condition.key}_remove",
                on_click=_definition_drafts.change,
                args=(slot, partial(Draft.without_condition, key=owner, condition=condition.key)),
            )
    fields.place(f"{field}.where.{condition.property}")
    return condition


def _property(condition: DraftCondition, events: Sequence[str]) -> str:
    known = _texts(suggestions.properties(_resources.funnels().reader, events), condition.property)
    return _one("Property", known, condition.property, f"{condition.key}_property")


def _operator(condition: DraftCondition) -> str:
    operators = list(OPERATORS)
    return st.selectbox(
        "Operator",
        operators,
        index=operators.index(condition.operator),
        format_func=words.OPERATOR_NAMES.__getitem__,
        key=f"{condition.key}_operator",
        label_visibility="collapsed",
    )


def _values(condition: DraftCondition, events: Sequence[str]) -> tuple[str, ...]:
    takes = OPERATORS[condition.operator].takes
    if takes == 0:
        return condition.values
    found = suggestions.values(_resources.funnels().reader, events, condition.property)
    known = _texts(found, *condition.values)
    if takes == 1:
        one = _one("Value", known, next(iter(condition.values), ""), f"{condition.key}_value")
        return (one,) if one else ()
    chosen = st.multiselect(
        "Values",
        known,
        default=condition.values,
        key=f"{condition.key}_values",
        accept_new_options=True,
        wrap=True,
        select_all=False,
        placeholder="Values",
        label_visibility="collapsed",
    )
    return tuple(chosen)


def _one(label: str, known: list[str], text: str, key: str) -> str:
    chosen = st.selectbox(
        label,
        known,
        index=known.index(text) if text in known else None,
        key=key,
        accept_new_options=True,
        placeholder=label,
        label_visibility="collapsed",
    )
    return chosen or ""


def _texts(found: Sequence[Suggestion], *own: str) -> list[str]:
    """What is suggested and what was typed, each once."""
    return list(dict.fromkeys([*(one.text for one in found), *filter(None, own)]))
