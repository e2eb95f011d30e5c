"""Title, name, order and window of a draft."""

from dataclasses import replace

import streamlit as st

from analytics.drafts import UNITS, Draft
from pages import _definition_words as words
from pages import _states
from pages._definition_fields import Fields


def edit(draft: Draft, fields: Fields) -> Draft:
    """The controls; what they say now."""
    with st.container(border=True, key="card_dfn_basics"):
        _states.card_head("Funnel", "What it is called, and what makes a session count")
        draft = _names(draft, fields)
        order, window = st.columns([1.7, 1], gap="medium")
        with order:
            draft = _order(draft, fields)
        with window:
            return _window(draft, fields)


def _names(draft: Draft, fields: Fields) -> Draft:
    left, right = st.columns([1.7, 1], gap="medium")
    with left:
        title = st.text_input("Title", draft.title, key=f"{draft.key}_title", help=words.TITLE)
        fields.place("title")
    with right:
        typed = st.text_input(
            "Name",
            draft.base_name or draft.typed_name,
            key=f"{draft.key}_name",
            help=words.NAME,
            placeholder=replace(draft, title=title, typed_name="").name or "made from the title",
            disabled=bool(draft.base_name),
        )
        fields.place("name")
    return replace(draft, title=title, typed_name="" if draft.base_name else typed)


def _order(draft: Draft, fields: Fields) -> Draft:
    orders = list(words.ORDERS)
    order = st.radio(
        "Order of the steps",
        orders,
        index=orders.index(draft.order),
        captions=list(words.ORDERS.values()),
        format_func=str.capitalize,
        key=f"{draft.key}_order",
    )
    fields.place("order")
    return replace(draft, order=order)


def _window(draft: Draft, fields: Fields) -> Draft:
    units = list(UNITS)
    number, unit = st.columns(2, gap="small", vertical_alignment="bottom")
    with number:
        window = st.number_input(
            "Window", min_value=1, step=1, value=draft.window, key=f"{draft.key}_window", help=words.WINDOW
        )
    with unit:
        chosen = st.selectbox(
            "Unit of the window",
            units,
            index=units.index(draft.window_unit),
            key=f"{draft.key}_unit",
            label_visibility="collapsed",
        )
    fields.place("window_seconds")
    return replace(draft, window=window, window_unit=chosen)
